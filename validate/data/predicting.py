"""`predict`: what guidance at some scale does to a class of your own mixture, measured by its exact score."""

import json
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import checked, require, short, whole
from meanfield.sampler.code import name_of
from meanfield.sampler.embedding import checked_shape
from meanfield.tools.door import door
from meanfield.tools.memory import require_memory
from meanfield.tools.progress import Progress
from validate.data.prediction import THEORY, Prediction, Predictions
from validate.errors import ComparisonError
from validate.results.provenance import versions

if TYPE_CHECKING:
    import xarray

    import simulate
    from validate.data.assumptions import Crowd
    from validate.data.twins import Plan

BATCHES = 4  # the least: an error bar of fewer is no error bar
LEAST = 8  # samples of a batch
CODE = "Other libraries: from_diffusers(scheduler, n_steps), from_k_diffusion(function, sigmas)."


@door(ComparisonError)
def predict(
    mixture: "simulate.Mixture",
    target: Any = None,
    guidance: Any = 1.0,
    *,
    sampler: Any = "ode",
    n_samples: int = 1000,
    n_batches: int = 8,
    n_steps: int = 100,
    seed: int = 0,
    t_start: float | None = None,
    shape: Sequence[int] | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Prediction | Predictions:
    """What guidance does to a class of a mixture, or to every class, by particles with its exact score.

    Guided samples are held against unguided ones with the same random numbers (twins). Beside them stands the mean
    field of `solve`, with a sentence for each of its assumptions that does not hold.

    Parameters
    ----------
    mixture : `simulate.Mixture`, fitted or given.
    target : the label of a class; None predicts every class, and the average.
    guidance : the weight w in s_c + w (s_c - s_u) (w = 0 is none; a guidance scale is 1 + w), a schedule or a rule.
    sampler : "ode", "sde", a stochasticity eta, or a sampler's own code: a function of (model, noise), such as
        `from_diffusers(scheduler, 30)`; n_steps and t_start are then not looked at, and its levels are in
        units of the data.
    n_samples : guided samples of each class, >= 8 a batch. Gaussian fits (W2 and KL) need more than twice as many as
        dimensions.
    n_batches : independent batches, >= 4: their scatter gives the errors. n_steps, seed : as in `sample_mixture`.
    t_start : VE time of the start; by default 100 times the squared extent of the data.
    shape : of one sample as a sampler's code has it, such as (1, 8, 8).
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Prediction : of one class. Predictions : of all. Times are VE times t, the variance of the noise.

    Raises
    ------
    ComparisonError, ProblemError : no mixture, an unknown target, a sampler that is none, too few samples or batches.
    ScheduleError, NoMinimiserError : guidance that a mixture refuses. ConvergenceError : too few steps for it.

    Warns
    -----
    StartWarning : a t_start whose noise does not cover the data.

    Examples
    --------
    >>> from simulate import Mixture
    >>> mixture = Mixture([[0.0, 2.0], [0.0, -2.0], [3.0, 0.0]], variances=0.5, labels=["cat", "cat", "dog"])
    >>> found = predict(mixture, "dog", guidance=1.0, n_samples=400, n_steps=40, progress=False)
    >>> found.estimate("shift").value > 5 * found.estimate("shift").stderr, found.lost
    (True, ())
    """
    from simulate.mixtures.given import warn_of_early_start  # what samples is loaded when it is used
    from validate.data.assumptions import Crowd

    plans = _plans(mixture, target, guidance, sampler, n_samples, n_batches, n_steps, seed, t_start, shape)
    require_memory(24.0 * n_batches * mixture.dim**2, f"matrices of {mixture.dim} dimensions", "reduce them by PCA")
    first = plans[0]
    if first.code is None:
        warn_of_early_start(first.problem, mixture, first.target, first.problem.T)
    crowd = Crowd.of(mixture)
    units = first.n_steps * 2 * first.n_batches
    parts = []
    with Progress(progress, units * len(plans), "predicting") as show:
        for k, plan in enumerate(plans):
            parts.append(_one(plan, crowd, partial(_showing, show, units, k)))
    doubts = crowd.doubts if any(part.attrs["standing"] != "none" for part in parts) else ()
    about = {
        "guidance": _of_guidance(first.problem.schedule, guidance),
        "sampler": _of_sampler(sampler),
        "n_samples": first.n_samples, "n_batches": first.n_batches,
        "n_steps": first.n_steps if first.code is None else parts[0].sizes["step"] - 1,
        "seed": first.seed, "t_start": float(parts[0].t[0]) if parts[0].sizes["step"] else np.nan,
        "doubts": json.dumps(doubts), "versions": json.dumps(versions()),
    }  # fmt: skip
    if target is not None:
        return Prediction(parts[0].assign_attrs(about))
    return Predictions(_together(parts, mixture).assign_attrs(about))


def _plans(
    mixture: "simulate.Mixture", target: Any, guidance: Any, sampler: Any, n_samples: int, n_batches: int, n_steps: int,
    seed: int, t_start: float | None, shape: Sequence[int] | None,
) -> "list[Plan]":  # fmt: skip
    """What is sampled for each class, checked."""
    from validate.data.twins import Plan

    code = sampler if callable(sampler) else None
    if not (callable(sampler) or isinstance(sampler, str | int | float | np.number)):
        rule = 'sampler must be "ode", "sde", a number eta >= 0 or a function of (model, noise)'
        require(False, rule, short(sampler), CODE, error=ComparisonError)
    n_batches = whole("n_batches", n_batches, low=BATCHES, high=10_000, error=ComparisonError)
    remedy = f"{n_batches} batches need {LEAST} samples each."
    n_samples = whole("n_samples", n_samples, low=LEAST * n_batches, high=1e9, remedy=remedy, error=ComparisonError)
    n_samples -= n_samples % n_batches
    n_steps = whole("n_steps", n_steps, low=1, high=1e7, error=ComparisonError)
    seed = whole("seed", seed, low=0, error=ComparisonError)
    if t_start is not None:
        t_start = checked("t_start", t_start, low=0, open_low=True, error=ComparisonError)
    real = None if shape is None else checked_shape(shape)
    fits = code is not None or real is None
    require(fits, "shape is that of a sampler's code", short(sampler), "Leave it out.", error=ComparisonError)
    targets = mixture.classes if target is None else (_label(mixture, target),)
    eta = "ode" if code is not None else sampler
    problems = [mixture.problem(label, guidance, eta, t_start) for label in targets]
    sizes = (real, n_samples, n_batches, n_steps, seed)
    return [Plan(mixture, label, problem, code, *sizes) for label, problem in zip(targets, problems, strict=True)]


def _label(mixture: "simulate.Mixture", target: Any) -> Hashable:
    """The class of this label, which may be NumPy's."""
    known, plain = mixture.classes, target.item() if isinstance(target, np.generic) else target
    rule = f"target must be one of the classes {short(list(known))}, or None for all"
    require(isinstance(plain, str | int | float) and plain in known, rule, short(target), error=ComparisonError)
    return known[known.index(plain)]


def _showing(show: Callable[[int], Any], units: int, k: int, done: float) -> None:
    show(round(units * (k + done)))


def _one(plan: "Plan", crowd: "Crowd", show: Callable[[float], Any]) -> "xarray.Dataset":
    """One class: particles, and the mean field beside them."""
    from validate.data.assumptions import theory_of
    from validate.data.measuring import Shape, measured

    shape = Shape.of(plan.mixture, plan.target)
    data = measured(plan, shape, show)
    theory, ratios, doubts = theory_of(crowd, plan.mixture, plan.target, shape, plan.problem, plan.code)
    none = (np.nan, np.nan, None, None, "none")
    shift, trace, decided, unguided, standing = none if theory is None else theory[:5]
    for name, value in zip(THEORY, (shift, trace, decided, unguided), strict=True):
        words = {"long_name": f"mean field: {data[name].attrs['long_name']}", "units": data[name].attrs["units"]}
        data[f"theory_{name}"] = ((), np.nan if value is None else float(value), words)
    data["theory_variance_ratio"] = ("direction", ratios, {"long_name": "mean field: variance ratio", "units": "1"})
    target = json.dumps(plan.target)
    return data.assign_attrs(target=target, standing=standing, own_doubts=json.dumps(list(doubts)))


def _together(parts: "list[xarray.Dataset]", mixture: "simulate.Mixture") -> "xarray.Dataset":
    """All classes along a dimension; components one after the other, each with its class."""
    import xarray

    index = np.repeat(range(len(parts)), [part.sizes["component"] for part in parts])
    by_component = xarray.concat(
        [part[[n for n in part if "component" in part[n].dims]] for part in parts], "component"
    )
    others = xarray.concat([part.drop_dims("component") for part in parts], "class", combine_attrs="override")
    data = others.merge(by_component).assign_coords({"class": [str(label) for label in mixture.classes]})
    data["component_class"] = ("component", index)
    for name in ("standing", "own_doubts"):
        data[name] = ("class", [part.attrs[name] for part in parts])
    data.attrs = {"targets": json.dumps(mixture.classes)}
    return data


def _of_sampler(sampler: Any) -> str:
    """In words."""
    if callable(sampler):
        return name_of(sampler)
    return sampler.upper() if isinstance(sampler, str) else f"eta = {sampler:g}"


def _of_guidance(schedule: Any, guidance: Any) -> str:
    """In words."""
    return f"guidance w = {guidance:g}" if isinstance(guidance, int | float | np.number) else short(schedule)
