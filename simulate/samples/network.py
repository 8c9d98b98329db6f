"""The score of a network of your own: what it predicts, in its own units, as a function of (x, t) for `sample_scores`.

A network sees x = a x_0 + b z and predicts the noise z, the data x_0, or a mixture of both. All of them are the noise

    eps = eps                    "eps"         (x - a x_0)/b          "x0"
    (b x + a v)/(a^2 + b^2)      "v"           (x + a u)/(a + b)      "flow", u = eps - x_0
    - b s                        "score"

and the score of VE noise y = x/a at t = (b/a)^2 is -eps/t^(1/2) (sec. 1 of docs/theory.md, docs/noise.md).

No library is imported here: torch is taken from whoever made the network.
"""

import copy
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from meanfield.errors import ConvergenceError, ProblemError, array, checked, one_of, require, short, whole
from meanfield.tools.door import Numbers, door
from simulate.samples.levels import level_of
from simulate.samples.moments import ScoreCheck, check_moments
from simulate.samples.scored import ScoreFunction, checked_state

EPS: dict[str, Callable[..., np.ndarray]] = {
    "eps": lambda x, out, a, b: out,
    "x0": lambda x, out, a, b: (x - a * out) / b,
    "v": lambda x, out, a, b: (b * x + a * out) / (a * a + b * b),
    "flow": lambda x, out, a, b: (x + a * out) / (a + b),
    "score": lambda x, out, a, b: -b * out,
}
WORDS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v", "flow_prediction": "flow"}  # diffusers' for the same
SAME = 1e-4  # of its size: how far two outputs for one input may differ, on devices whose sums have no order
SLACK = 1e-6  # relative, of times


@door()
class NetworkScore:
    """A class-conditional network, of torch or NumPy, as conditional and unconditional scores.

    The network is called as model(x, level, labels): x (n, *shape), level and labels (n,), and returns (n, *shape). Any
    other call needs a function around it: `lambda x, s, c: net(x, s, class_labels=c).sample`.

    Parameters
    ----------
    model : a torch module, or any function; a module must be in eval mode.
    prediction : what it predicts: "eps", "x0", "v", "flow" (eps - x0) or "score" (of x); or diffusers' word for it.
    shape : of one sample, such as (3, 32, 32), or a number of dimensions.
    noise : the process that it was trained on, `level` being its own time: `EDM()`, where it is sigma; `VPLinear()`.
    alphas_cumprod : instead of it, abar of the training steps; `level` is then the timestep, from 0, and between two of
        them a fraction, linear in log t.
    null_label : the label that stands for no label.
    t_range : least and largest VE time (sigma^2; (1 - abar)/abar) that it knows; by default those of its noise.
    batch : samples in a call, at most.
    device : where tensors go; by default that of the module's weights. A plain function gets NumPy arrays without it.
    dtype : "float32" or "float64", of x and level.

    Attributes
    ----------
    dim : dimensions of a sample. t_end, t_start : the range of VE times, for `sample_scores` and `Problem`.

    Raises
    ------
    ProblemError : arguments that do not fit; a network in training mode, that fails, gives another shape, or differs
        from call to call. All are tried when `conditional` or `unconditional` is asked for.
    ConvergenceError : an output that is not finite.

    Examples
    --------
    >>> from meanfield import EDM, Fixed, Problem
    >>> from simulate import sample_scores
    >>> means = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    >>> def model(x, sigma, labels):    # eps of N(mean, 0.25) at sigma; label 2 is "no label", wider along x_1
    ...     c = np.where((labels == 2)[:, None], [1.25, 0.25], 0.25)
    ...     return sigma[:, None] * (x - means[labels]) / (c + sigma[:, None] ** 2)
    >>> network = NetworkScore(model, "eps", 2, noise=EDM(), null_label=2)
    >>> problem = Problem(classes=Fixed(2), sigma2=0.25, guidance=1.0, t_start=100.0)
    >>> x = sample_scores(problem, network.conditional(0), network.unconditional, network.dim, n_samples=100)
    >>> bool(x[:, 0].mean() > 1.0)
    True
    """

    def __init__(
        self,
        model: Callable,
        prediction: str,
        shape: int | Sequence[int],
        *,
        noise: Any = None,
        alphas_cumprod: Any = None,
        null_label: int | None = None,
        t_range: Sequence[float] | None = None,
        batch: int = 256,
        device: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.model, self.dtype = model, one_of("dtype", dtype, ("float32", "float64"))
        self.prediction = one_of("prediction", WORDS.get(prediction, prediction), tuple(EPS))
        sizes = [shape] if np.ndim(shape) == 0 else list(shape)  # type: ignore[arg-type]
        self.shape = tuple(whole("shape", n, low=1) for n in sizes)
        self.dim = math.prod(self.shape)
        self.batch = whole("batch", batch, low=1)
        self.null_label = None if null_label is None else whole("null_label", null_label)
        self._level = level_of(noise, alphas_cumprod)
        self.t_end, self.t_start = self._range(t_range)
        self.device = _device(model) if device is None else device

    def __repr__(self) -> str:
        name = type(self.model).__name__
        return f"NetworkScore({name}, {self.prediction}, shape {self.shape}, {self._level!r})"

    def conditional(self, labels: Numbers) -> ScoreFunction:
        """s_c(x, t) of one label for all samples, or of one for each, (samples,) whole numbers."""
        given = np.asarray(labels)
        fits = given.ndim < 2 and given.size > 0 and given.dtype.kind in "iu"
        require(fits, "labels must be a whole number, or a list of one for each sample", short(labels))
        return self._score(given)

    @property
    def unconditional(self) -> ScoreFunction:
        """s_u(x, t), of the null label."""
        rule = "an unconditional score needs the label that stands for none"
        require(self.null_label is not None, rule, "null_label=None", "Give null_label, or a network of its own.")
        return self._score(np.asarray(self.null_label))

    def check(self, x: Numbers, labels: Numbers | None = None, *, n_samples: int = 1000, seed: int = 0) -> ScoreCheck:
        """Whether the scores are of these data: what a wrong `prediction`, noise or scale of the data breaks.

        Data are noised at sigma = 1, 2 and 4 times their width; the network must explain about as much of their
        variance as the two moments of the data do, mean and width alone.

        Parameters
        ----------
        x : data (n, dim) or (n, *shape), as the network was trained on them. labels : (n,); none for the null label.
        n_samples, seed : noised data, drawn from x.

        Returns
        -------
        ScoreCheck : `ok`, `sentence`; over the levels `sigma`, the share of the variance that is `explained` by each
            reading and by the `moments`; its repr shows them all.

        Examples
        --------
        >>> from meanfield import EDM
        >>> model = lambda x, sigma, labels: x / (1 + sigma[:, None] ** 2)       # x0 of N(0, 1)
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> NetworkScore(model, "x0", 3, noise=EDM(), null_label=0).check(x).ok
        True
        >>> print(NetworkScore(model, "eps", 3, noise=EDM(), null_label=0).check(x).sentence)
        The network is not a denoiser of these data when read as eps; read as x0 it is.
        """
        data = array(x, "x must be an array of numbers")
        fits = data.ndim > 1 and len(data) > 1 and data[0].size == self.dim and bool(np.isfinite(data).all())
        require(fits, f"x must be finite data, (n, {self.dim}) or (n, *{self.shape})", f"shape {data.shape}")
        given = np.asarray(self.null_label if labels is None else labels)
        require(
            given.dtype.kind in "iu", "labels must be whole numbers; without null_label they are needed", short(labels)
        )
        given = np.broadcast_to(given, len(data)) if given.ndim == 0 else given
        require(given.shape == (len(data),), f"labels must be {len(data)}, one of each datum", given.shape)

        def readings(rows: np.ndarray) -> dict[str, ScoreFunction]:
            self._probe(given[rows])
            kinds = sorted(EPS, key=lambda kind: kind != self.prediction)
            return {kind: self._read_as(kind)._function(given[rows]) for kind in kinds}

        n, seed = whole("n_samples", n_samples, low=2, high=1e7), whole("seed", seed, low=0)
        return check_moments(readings, data.reshape(len(data), self.dim), (self.t_end, self.t_start), n, seed)

    def _score(self, labels: np.ndarray) -> ScoreFunction:
        self._probe(labels)
        return self._function(labels)

    def _read_as(self, prediction: str) -> "NetworkScore":
        other = copy.copy(self)
        other.prediction = prediction
        return other

    def _function(self, labels: np.ndarray) -> ScoreFunction:
        def score(x: np.ndarray, t: float) -> np.ndarray:
            y, t = checked_state(x, t, self.dim)
            self._require_known(t)
            chosen = np.broadcast_to(labels, len(y)) if labels.ndim == 0 else labels
            require(len(chosen) == len(y), "every sample needs a label", f"{len(chosen)} labels for {len(y)} samples")
            a, b, level = self._level(t)
            parts = [slice(i, i + self.batch) for i in range(0, len(y), self.batch)]
            eps = [EPS[self.prediction](a * y[p], self._call(a * y[p], level, chosen[p]), a, b) for p in parts]
            return -np.concatenate(eps or [y]) / math.sqrt(t)

        return score

    def _call(self, x: np.ndarray, level: float, labels: np.ndarray) -> np.ndarray:
        """What the network returns, (n, dim) in double precision."""
        given = x.reshape(-1, *self.shape).astype(self.dtype)
        levels, labels = np.full(len(x), level, self.dtype), np.array(labels, np.int64)
        try:
            if self.device is None:
                out = self.model(given, levels, labels)
            else:
                torch = _torch()
                with torch.no_grad():
                    out = self.model(*(torch.as_tensor(each, device=self.device) for each in (given, levels, labels)))
            for method in ("detach", "cpu", "numpy"):
                out = getattr(out, method)() if hasattr(out, method) else out
        except Exception as cause:  # somebody else's code
            raise ProblemError(
                f"the network must take (x, level, labels), x of shape {given.shape}; it raised "
                f"{type(cause).__name__}: {short(str(cause), 300)}. Otherwise give a function around it."
            ) from cause
        rule, remedy = f"the network must return an array of shape {given.shape}", "Give a function that takes it out."
        out = array(out, rule)
        require(out.shape == given.shape, rule, f"shape {out.shape}", remedy)
        if not np.isfinite(out).all():
            remedy = "Check the scale of the data, the noise and dtype."
            raise ConvergenceError(f"the network must be finite; at level {level:.4g} it is not. {remedy}")
        return out.reshape(len(x), self.dim)

    def _probe(self, labels: np.ndarray) -> None:
        """One small call, twice: shape, finite numbers, and no chance in it."""
        mode = "the network must be in eval mode, without dropout"
        require(not getattr(self.model, "training", False), mode, "training mode", "Call model.eval() before.")
        t = min(max(1.0, self.t_end), self.t_start)
        chosen = np.broadcast_to(labels, 2)[:2] if labels.size == 1 else labels[:2]
        a, _, level = self._level(t)
        x = a * math.sqrt(1.0 + t) * np.linspace(-1.0, 1.0, 2 * self.dim).reshape(2, self.dim)
        one, two = (self._call(x, level, chosen) for _ in range(2))
        off = float(np.abs(one - two).max())
        rule, remedy = "the network must give the same output for the same input", "Leave out what is random."
        require(off <= SAME * (1.0 + np.abs(one).max()), rule, f"differences up to {off:.3g}", remedy)

    def _require_known(self, t: float) -> None:
        low, high = self.t_end * (1.0 - SLACK), self.t_start * (1.0 + SLACK)
        if not (t > 0.0 and low <= t <= high):
            raise ProblemError(
                f"the network knows VE times from {self.t_end:.4g} to {self.t_start:.4g}, above 0; got t = {t:.4g}. "
                "Start a Problem of VE noise at most at t_start=network.t_start, and give t_end=network.t_end or more."
            )

    def _range(self, t_range: Any) -> tuple[float, float]:
        low, high = self._level.range
        if t_range is None:
            return low, high
        given = list(t_range)
        require(len(given) == 2, "t_range must be the least and the largest VE time", given)
        least = checked("the least time of t_range", given[0], low=low)
        return least, checked("the largest time of t_range", given[1], low=least, high=high, open_low=True)


def _device(model: Any) -> Any:
    """Of the weights of a torch module; None for other functions."""
    if not (hasattr(model, "parameters") and hasattr(model, "state_dict")):
        return None
    weights = [*model.parameters(), *model.buffers()]
    return weights[0].device if weights else "cpu"


def _torch() -> Any:
    require("torch" in sys.modules, "a device needs torch", "none that was imported", "Import it, or leave device out.")
    return sys.modules["torch"]
