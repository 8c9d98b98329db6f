"""Samplers of diffusers: its scheduler and guider objects, stepped as its pipelines step them.

A scheduler steps a state c (a x_0 + b z) of a process of its own, VE, VP or a flow, of which its network is given
a x_0 + b z (`meanfield.export.schedulers.network_input`); there the model is asked, whatever problem.noise is. With eps
and denoised as in (P1) the network's output is

    epsilon: eps,     sample: denoised,     v_prediction: a eps - b denoised,     flow_prediction: eps - denoised,

and of EDM the F in denoised = c_skip x + c_out F, with the scheduler's own c_skip and c_out. The guider mixes two such
outputs.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

from meanfield.adapters.brownian import BrownianPath
from meanfield.adapters.drawing import drawing, torch_module
from meanfield.adapters.guiders import guided, require_guider
from meanfield.errors import ExportError, ProblemError, one_of, require, short, whole
from meanfield.export.schedulers import REMEDY, configured, network_input
from meanfield.sampler.model import Level
from meanfield.tools.door import door

PREDICTIONS = ("epsilon", "v_prediction", "sample", "flow_prediction", "reversed_flow_prediction")
SEEN = 0.05  # relative error of a datum that exact predictions must give back


@door()
def from_diffusers(
    scheduler: Any, n_steps: int, guider: Any = None, prediction: str | None = None, **options: Any
) -> "Stepped":
    """A sampler for `solve_sampler` and `run_sampler` from a scheduler of diffusers, and a guider.

    The objects are copied: yours stay as they are, and every run begins afresh.

    Parameters
    ----------
    scheduler : an object of diffusers with `set_timesteps` and `step(output, timestep, sample)`.
    n_steps : for `set_timesteps`.
    guider : of diffusers.guiders, one that mixes a conditional and an unconditional prediction. Without one the
        problem's own guidance is applied; with one, its scale is that of the guider alone.
    prediction : what the network predicts, one of epsilon, v_prediction, sample, flow_prediction (noise - data),
        reversed_flow_prediction. By default what the scheduler is configured for.
    options : further arguments of `step` (eta, s_churn, ...) or of `set_timesteps` (mu, sigmas, ...).

    Returns
    -------
    Callable : f(model, noise) on torch arrays in float64, with `name`.

    Raises
    ------
    ProblemError : no such objects, or ones that cannot be run like this, with the reason. A scheduler that does not
        give a datum back when all predictions are exact for this datum is one.

    Notes
    -----
    All noise is `noise()`, also that of Brownian trees. Tables that a scheduler holds in float32 stay: their rounding
    is the scheduler's own. Its casts of the sample to float32 are left out: they change m and v by less than 1e-6.

    Examples
    --------
    >>> from diffusers import DDIMScheduler                                      # doctest: +SKIP
    >>> sampler = from_diffusers(DDIMScheduler(clip_sample=False), 20)           # doctest: +SKIP
    >>> solve_sampler(problem, sampler)                                          # doctest: +SKIP
    """
    name = type(scheduler).__name__
    methods = [callable(getattr(scheduler, method, None)) for method in ("set_timesteps", "step")]
    if inspect.isclass(scheduler) or not all(methods):  # a scheduler is not shown otherwise: that changes its config
        rule = "scheduler must be an object of diffusers, with set_timesteps and step(output, timestep, sample)"
        require(False, rule, short(scheduler))
    n_steps = whole("n_steps", n_steps, low=1, high=1e5)
    if prediction is not None:
        one_of("prediction", prediction, PREDICTIONS)
    if guider is not None:
        require_guider(guider)
    parameters = inspect.signature(scheduler.step).parameters
    needed = [x.name for x in parameters.values() if x.default is x.empty and x.kind is x.POSITIONAL_OR_KEYWORD]
    more = [x for x in needed if x not in ("model_output", "timestep", "sample")]
    if more:
        _refuse(name, f"its step needs more than model_output, timestep and sample: {', '.join(more)}")
    for_step = {key: x for key, x in options.items() if key in parameters}
    prepared = _prepared(scheduler, n_steps, {key: x for key, x in options.items() if key not in for_step})
    sampler = Stepped(prepared, n_steps, guider, for_step)
    sampler.choose(prediction)
    return sampler


class Stepped:
    """The loop of a pipeline as a sampler's code.

    Attributes
    ----------
    name : of scheduler and guider, with the number of steps. xp : torch.
    prediction : what the network predicts; "edm" for the F of EDM.
    """

    def __init__(self, prepared: Any, n_steps: int, guider: Any, options: dict[str, Any]) -> None:
        self._scheduler, self._guider, self._n_steps, self._options = prepared, guider, n_steps, options
        self._inputs, self._draws = _inputs(prepared), True
        self.xp, self.prediction = torch_module(), ""
        self._tells_next = "prev_timestep" in inspect.signature(prepared.step).parameters
        guided_by = "" if guider is None else f" with {type(guider).__name__}"
        self.name = f"{type(prepared).__name__}, {n_steps} steps{guided_by}"

    def __repr__(self) -> str:
        return f"from_diffusers({self.name}, {self.prediction})"

    def __call__(self, model: Any, noise: Callable[[], Any]) -> Any:
        return self._run(model, noise, copy.deepcopy(self._guider), drawing(noise) if self._draws else nullcontext())

    def _run(self, model: Any, noise: Callable[[], Any], guider: Any, context: Any) -> Any:
        scheduler = copy.deepcopy(self._scheduler)
        if hasattr(scheduler, "noise_sampler"):
            scheduler.noise_sampler = BrownianPath(noise)
        x = noise() * getattr(scheduler, "init_noise_sigma", 1.0)
        for i, (timestep, at) in enumerate(zip(scheduler.timesteps, self._inputs, strict=True)):
            if hasattr(scheduler, "scale_model_input"):
                scheduler.scale_model_input(x, timestep)  # tells it the step; the model's input is x/c

            def output(part: Any, x: Any = x, i: int = i, at: Input = at) -> Any:
                return _output(self.prediction, part, x, at, scheduler, i)

            if guider is None:
                mixed = output(model)
            else:
                mixed = guided(guider, i, self._n_steps, timestep, model, output, drawing(noise))
            told = {}
            if self._tells_next:
                told["prev_timestep"] = scheduler.timesteps[i + 1] if i + 1 < len(self._inputs) else None
            with context:
                x = scheduler.step(mixed, timestep, x, **self._options, **told)[0]
        return x

    def choose(self, prediction: str | None) -> None:
        """Take what the network predicts, or find it; a datum must come back from exact predictions."""
        stated = prediction or configured(self._scheduler, "prediction_type")
        if prediction is None and hasattr(self._scheduler, "precondition_outputs"):
            stated = "edm"
        if stated is not None:
            tried: tuple[str, ...] = (stated,)
        else:  # the velocity of a flow, noise - data or the reverse
            tried = PREDICTIONS[3:] if all(abs(s.a + s.b - 1.0) < 1e-6 for _, s in self._inputs) else ()
        if not tried or tried[0] not in (*PREDICTIONS, "edm"):
            reason = f"what its network predicts is not known: {stated}" if stated else "it says not what is predicted"
            _refuse(self.name, reason, f"If it is one of {PREDICTIONS}, state prediction=.")
        for self.prediction in tried:
            if abs(self._kept() - 1.0) < SEEN:
                return
        _refuse(
            self.name,
            f"with exact predictions ({' or '.join(tried)}) of a single datum it does not give the datum back",
            "Its network is not a denoiser of this kind, or prediction= states another.",
        )

    def _kept(self) -> float:
        """What is left of the data, if two samples have exact predictions of data +-1/2 and the same noise."""
        torch = self.xp
        data = torch.tensor([0.5, -0.5], dtype=torch.float64).reshape(2, 1, 1, 1).expand(2, 1, 2, 2)
        noise = functools.partial(torch.ones_like, data)
        context = drawing(noise)
        try:
            x = self._run(_Exact(data), noise, None, context)
        except Exception as error:  # somebody else's code
            _refuse(self.name, f"it raised {type(error).__name__}: {short(str(error), 300)}")
        self._draws = context.met  # a mode costs 3 microseconds for every call of torch
        return float((x[0] - x[1]).mean())


class Input(NamedTuple):
    """The state of a scheduler is c times what its network is given, which is at `level`."""

    c: float
    level: Level


class _Exact:
    """Predictions of one datum; see `meanfield.sampler.model.Prediction`."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def denoised(self, x: Any, s: Level) -> Any:
        return self._data

    def eps(self, x: Any, s: Level) -> Any:
        return (x - s.a * self._data) / s.b

    def v(self, x: Any, s: Level) -> Any:
        return s.a * self.eps(x, s) - s.b * self._data

    def velocity(self, x: Any, s: Level) -> Any:
        return self.eps(x, s) - self._data


def _output(prediction: str, part: Any, x: Any, at: Input, scheduler: Any, i: int) -> Any:
    """The network's output of one of the model's predictions, at a state of the scheduler."""
    y, s = x / at.c, at.level
    if prediction == "epsilon":
        return part.eps(y, s)
    if prediction == "sample":
        return part.denoised(y, s)
    if prediction == "v_prediction":
        return part.v(y, s)
    if prediction == "edm":
        rest, slope = (scheduler.precondition_outputs(*z, scheduler.sigmas[i]) for z in ((x, 0.0 * x), (0.0 * x, 1.0)))
        return (part.denoised(y, s) - rest) / slope
    velocity = part.velocity(y, s)
    return velocity if prediction == "flow_prediction" else -velocity


def _prepared(scheduler: Any, n_steps: int, options: dict[str, Any]) -> Any:
    name, known = type(scheduler).__name__, inspect.signature(scheduler.set_timesteps).parameters
    unknown = [key for key in options if key not in known]
    require(not unknown, f"options must be arguments of step or set_timesteps of {name}", unknown)
    prepared = copy.deepcopy(scheduler)
    try:
        prepared.set_timesteps(n_steps, **options)
    except Exception as error:  # somebody else's code
        _refuse(name, f"its set_timesteps({n_steps}) raised {type(error).__name__}: {short(str(error), 300)}")
    return prepared


def _inputs(scheduler: Any) -> list[Input]:
    try:
        c, a, b = (x.tolist() for x in network_input(scheduler))
    except ExportError as error:
        raise ProblemError(f"this scheduler cannot be a sampler here: {str(error).removesuffix(REMEDY)}") from error
    return [Input(c, Level(a, b)) for c, a, b in zip(c, a, b, strict=True)]


def _refuse(name: str, reason: str, remedy: str = "") -> Any:
    raise ProblemError(f"{name} cannot be a sampler here: {reason}. {remedy}".strip())
