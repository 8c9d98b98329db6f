"""Noise levels of real samplers as VE times.

Whatever a sampler calls its time, its state is x = a x_0 + b z, and x/a is VE noise at t = (b/a)^2 (docs/noise.md):

    (R1)  alphas_cumprod abar (VP, a^2 = abar, b^2 = 1 - abar):     t = (1 - abar)/abar
    (R2)  sigmas of EDM, and of VP samplers in VE form:             t = sigma^2
    (R3)  flow matching, x = (1 - s) x_0 + s z:                     t = (s/(1 - s))^2
    (R4)  its shift by k:                                           s -> k s/(1 + (k - 1) s),  that is t -> k^2 t

The last follows from s/(1 - s) -> k s/(1 - s). Only the levels are read here: `meanfield.export.scales` reads the
schedule, `meanfield.export.schedulers` a scheduler. Arrays of any library will do (lists, NumPy, tensors): they become
NumPy arrays, and no such library is imported.
"""

from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import ExportError, ProblemError, array, checked, require
from meanfield.problem.noise import as_noise

KINDS = ("noise", "betas", "alphas_cumprod", "sigmas", "flow_sigmas")


class Levels(NamedTuple):
    """The level at which each step evaluates the model, first step first: in the sampler's numbers, and as VE time."""

    kind: str
    values: np.ndarray
    t: np.ndarray


def read_levels(
    timesteps=None, *, noise=None, betas=None, alphas_cumprod=None, sigmas=None, flow_sigmas=None, shift: float = 1.0
) -> Levels:
    """Levels of a sampler from one of the five statements of `KINDS`; see `meanfield.export.scales.for_timesteps`.

    Raises
    ------
    ExportError : no statement or more than one, levels that rise, or that do not fit the statement.

    Examples
    --------
    >>> read_levels(sigmas=[3.0, 1.0, 0.0]).t
    array([9., 1.])
    >>> read_levels(flow_sigmas=[0.75, 0.5], shift=3.0).t      # shift k multiplies t by k^2
    array([81.,  9.])
    """
    betas, alphas_cumprod = numbers_of("betas", betas), numbers_of("alphas_cumprod", alphas_cumprod)
    given = dict(zip(KINDS, (noise, betas, alphas_cumprod, sigmas, flow_sigmas), strict=True))
    stated = [kind for kind in KINDS if given[kind] is not None]
    rule = f"state the noise levels by exactly one of {', '.join(KINDS)}"
    remedy = "For a diffusers scheduler: **levels_of(scheduler)."
    require(len(stated) == 1, rule, ", ".join(stated) or "none", remedy, error=ExportError)
    kind = stated[0]
    needs_timesteps = kind in ("noise", "betas", "alphas_cumprod")
    if needs_timesteps != (timesteps is not None):
        rule = "needs timesteps as well" if needs_timesteps else "holds the levels itself: leave timesteps out"
        raise ExportError(f"{kind} {rule}.")
    shift = checked("shift", shift, low=0, open_low=True, error=ExportError)
    if shift != 1.0 and kind != "flow_sigmas":
        raise ExportError(f"shift belongs to flow_sigmas (flow matching); got shift={shift:g} with {kind}.")
    values = _steps("timesteps" if needs_timesteps else kind, timesteps if needs_timesteps else given[kind])
    if kind != "betas" and kind != "alphas_cumprod" and values.size > 1 and values[-1] == 0.0:
        values = values[:-1]  # the end of the last step, where no model is evaluated
    return Levels(kind, values, _falling(kind, values, ve_times(kind, values, given[kind], shift)))


def same_noise(t: np.ndarray, other: np.ndarray) -> bool:
    """Whether VE times are those of the same levels, to the rounding of float32 schedules.

    They are compared as s = t^(1/2)/(1 + t^(1/2)), the time of a flow, which is finite in pure noise.

    Examples
    --------
    >>> same_noise(np.array([np.inf, 1.0]), np.array([np.inf, 1.0001])), same_noise(np.array([1.0]), np.array([1.01]))
    (True, False)
    """
    if np.shape(t) != np.shape(other):
        return False
    s, s_other = (1.0 / (1.0 + 1.0 / np.sqrt(np.maximum(x, 1e-300))) for x in (t, other))
    return bool(np.allclose(s, s_other, rtol=2e-4, atol=1e-5))


def ve_times(kind: str, values: np.ndarray, statement: Any = None, shift: float = 1.0) -> np.ndarray:
    """VE times (R1) to (R4) of levels in any order; `statement`: the noise process, betas or alphas_cumprod, if any."""
    if kind == "noise":
        try:
            return np.asarray(as_noise(statement).ve_time(values), float)
        except ProblemError as cause:
            raise ExportError(f"timesteps are own times of the noise process: {cause}") from cause
    if kind == "sigmas":
        require(values.max() <= 1e100, "sigmas must be at most 1e100", f"{values.max():g}", error=ExportError)
        return values**2
    if kind == "flow_sigmas":
        if np.any(values > 1.0):
            raise ExportError(f"flow_sigmas lie between 0 and 1; got {values.max():g}. For larger ones: sigmas=.")
        with np.errstate(divide="ignore"):
            return (shift * values / (1.0 - values)) ** 2
    if kind == "betas":
        if np.any((statement < 0.0) | (statement > 1.0)):
            raise ExportError("betas must lie between 0 and 1, one per training step.")
        statement = np.cumprod(1.0 - statement)
    if np.any((statement < 0.0) | (statement > 1.0)) or np.any(np.diff(statement) > 0.0):
        raise ExportError("alphas_cumprod must fall within [0, 1], from the data (timestep 0) to noise.")
    index = np.rint(values).astype(int)
    if np.any(index != values) or index.max() >= statement.size:
        bad = values[(index != values) | (index >= statement.size)][0]
        raise ExportError(
            f"timesteps must be whole numbers below the {statement.size} training steps; got {bad:g}. "
            "Samplers between training steps state their levels as sigmas."
        )
    with np.errstate(divide="ignore"):
        return (1.0 - statement[index]) / statement[index]


def _steps(name: str, values: Any) -> np.ndarray:
    x = numbers_of(name, values)
    if x is None or x.ndim != 1 or x.size == 0:
        raise ExportError(f"{name} must be a list of one or more numbers, first step first; got {values!r}.")
    if not np.all(np.isfinite(x)) or np.any(x < 0.0):
        raise ExportError(f"{name} must be finite and >= 0; got {x[~(np.isfinite(x) & (x >= 0.0))][0]:g}.")
    return x


def _falling(kind: str, values: np.ndarray, t: np.ndarray) -> np.ndarray:
    rising = np.flatnonzero(t[1:] > t[:-1])
    if rising.size:
        i = int(rising[0])
        raise ExportError(
            f"noise must fall from step to step, first step first; {kind} rises from {values[i]:g} (step {i}) to "
            f"{values[i + 1]:g}. Reverse the list, if it runs from data to noise."
        )
    return t


def numbers_of(name: str, values: Any) -> np.ndarray | None:
    """A NumPy copy of a list, an array or a tensor on any device; no library is imported for it."""
    if values is None:
        return None
    for method in ("detach", "cpu", "numpy"):
        values = getattr(values, method)() if hasattr(values, method) else values
    return array(values, f"{name} must be a list of numbers", error=ExportError).copy()
