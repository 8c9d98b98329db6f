"""Common samplers in a few lines each, for arrays of any library: y = x/a, in VE noise of level sigma = b/a.

One step goes from level s to s', with x the state, D = denoised(x, s) and eps = (x - D)/s. What variance-preserving
samplers do with a and b becomes the same few rules here, since a z-coefficient b of x is sigma of x/a:

    (V5)  Euler, DDIM     x' = x + (k - s) eps + u z,      u^2 = eta^2 s'^2 (s^2 - s'^2)/s^2,  k^2 = s'^2 - u^2
    (V6)  Heun            x' = x + (s' - s) (eps + eps')/2,   eps' at (x + (s' - s) eps, s')
    (V7)  DPM++ 2M        x' = (s'/s) x - (e^-h - 1) [D + (D - D_before) h/(2 h_before)],   h = log(s/s')
    (V8)  DPM++ 2M SDE    x' = (s'/s) e^-h x + (1 - e^-2h) [the same bracket] + s' (1 - e^-2h)^(1/2) z

(V5) is DDIM, eq. (12) and (16) of arXiv:2010.02502, over a: there sigma_k^2 = eta^2 (1 - A')/(1 - A) (1 - A/A') with
A = a^2 = 1/(1 + s^2), so that u^2 = sigma_k^2/A'. eta = 1 is ancestral Euler. (V7) is arXiv:2211.01095 with
lambda = log(a/b) = -log(s). UniPC (arXiv:2302.04867, order 2, B(h) = e^-h - 1) predicts by (V7), and takes the step
again when the prediction D' at the predicted state is known:

    (V9)  x' = (s'/s) x - (e^-h - 1) [D + p (D - D_before) h/h_before + q (D' - D)]

where p (h + h_before) = 2 l - 1 and p + q = l = 1/(1 - e^-h) - 1/h: exact for D quadratic in lambda. A step to 0 is
x' = D in all of them.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from meanfield.errors import checked, one_of
from meanfield.sampler.code import Sampler
from meanfield.sampler.levels import checked_levels
from meanfield.sampler.model import Level
from meanfield.tools.door import door

STARTS = ("ve", "vp")
Noise = Callable[[], Any]


@door()
def euler(sigmas: Any, eta: float = 0.0, start: str = "ve") -> Sampler:
    """Euler's method, which is DDIM; with eta > 0 DDIM's fresh noise, at eta = 1 ancestral Euler.

    Parameters
    ----------
    sigmas : levels, decreasing, (steps + 1,); see `meanfield.sampler.levels`.
    eta : from 0 (ODE) to 1 (SDE); as steps grow it is the eta of a `Problem`.
    start : x = scale z with scale = sigmas[0] ("ve": k-diffusion; Euler of diffusers but for "leading" spacing), or
        (sigmas[0]^2 + 1)^(1/2) ("vp": samplers of x with a^2 + b^2 = 1, which start at x = z: DDIM, DPM++, UniPC).

    Returns
    -------
    sampler : function (model, noise) -> x, for `solve_sampler` and `run_sampler`.

    Raises
    ------
    ProblemError : levels that do not decrease, eta or start out of its range.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> from meanfield.sampler.levels import sd_sigmas
    >>> from meanfield.vector.solver import solve_sampler
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
    >>> law = solve_sampler(problem, euler(sd_sigmas(20), start="vp"))
    >>> print(f"{law.final.m:.5f} {law.final.v / problem.sigma2:.5f}")
    1.27005 0.12432
    """
    eta = checked("eta", eta, low=0, high=1)
    return _sampler(partial(_euler, eta=eta), "Euler" if eta == 0.0 else f"Euler, eta = {eta:g}", sigmas, start)


@door()
def euler_ancestral(sigmas: Any, start: str = "ve") -> Sampler:
    """Ancestral Euler: `euler` with eta = 1. Parameters as there.

    Examples
    --------
    >>> euler_ancestral([10.0, 1.0, 0.0]).name
    'Euler, eta = 1, 2 steps'
    """
    return euler(sigmas, 1.0, start)


@door()
def heun(sigmas: Any, start: str = "ve") -> Sampler:
    """Heun's method (Algorithm 1 of arXiv:2206.00364 without churn): two calls a step, one in a step to 0.

    Parameters as of `euler`.

    Examples
    --------
    >>> heun([10.0, 1.0, 0.0]).name
    'Heun, 2 steps'
    """
    return _sampler(_heun, "Heun", sigmas, start)


@door()
def dpmpp_2m(sigmas: Any, start: str = "ve") -> Sampler:
    """DPM-Solver++(2M) (arXiv:2211.01095): two-step exponential integrator of the ODE. Parameters as of `euler`.

    Examples
    --------
    >>> dpmpp_2m([10.0, 1.0, 0.0]).name
    'DPM++ 2M, 2 steps'
    """
    return _sampler(_dpmpp_2m, "DPM++ 2M", sigmas, start)


@door()
def dpmpp_2m_sde(sigmas: Any, start: str = "ve") -> Sampler:
    """DPM-Solver++(2M) of the SDE (arXiv:2211.01095, midpoint rule). Parameters as of `euler`.

    Examples
    --------
    >>> dpmpp_2m_sde([10.0, 1.0, 0.0]).name
    'DPM++ 2M SDE, 2 steps'
    """
    return _sampler(_dpmpp_2m_sde, "DPM++ 2M SDE", sigmas, start)


@door()
def unipc(sigmas: Any, start: str = "ve") -> Sampler:
    """UniPC of order 2 (arXiv:2302.04867): the steps of DPM++ 2M, each corrected when the next prediction is known.

    Parameters as of `euler`.

    Examples
    --------
    >>> unipc([10.0, 1.0, 0.0]).name
    'UniPC, 2 steps'
    """
    return _sampler(_unipc, "UniPC", sigmas, start)


NATIVE: dict[str, Callable[..., Sampler]] = {
    "euler": euler,
    "euler-ancestral": euler_ancestral,
    "heun": heun,
    "dpmpp-2m": dpmpp_2m,
    "dpmpp-2m-sde": dpmpp_2m_sde,
    "unipc": unipc,
}


def _euler(model: Any, x: Any, noise: Noise, levels: tuple[float, ...], eta: float) -> Any:
    for s, after in pairwise(levels):
        u = eta * after * math.sqrt(s * s - after * after) / s
        x = x + (math.sqrt(after * after - u * u) - s) * model.eps(x, _ve(s))
        if u > 0.0:
            x = x + u * noise()
    return x


def _heun(model: Any, x: Any, noise: Noise, levels: tuple[float, ...]) -> Any:
    for s, after in pairwise(levels):
        eps = model.eps(x, _ve(s))
        if after > 0.0:
            eps = 0.5 * (eps + model.eps(x + (after - s) * eps, _ve(after)))
        x = x + (after - s) * eps
    return x


def _dpmpp_2m(model: Any, x: Any, noise: Noise, levels: tuple[float, ...]) -> Any:
    D = None
    for step in _log_steps(levels):
        D, before = model.denoised(x, _ve(step.s)), D
        x = step.ratio * x + step.gain * _ahead(step, D, before)
    return x


def _dpmpp_2m_sde(model: Any, x: Any, noise: Noise, levels: tuple[float, ...]) -> Any:
    D = None
    for step in _log_steps(levels):
        D, before = model.denoised(x, _ve(step.s)), D
        fresh = 1.0 - step.ratio**2
        x = step.ratio**2 * x + fresh * _ahead(step, D, before)
        if step.after > 0.0:
            x = x + step.after * math.sqrt(fresh) * noise()
    return x


def _unipc(model: Any, x: Any, noise: Noise, levels: tuple[float, ...]) -> Any:
    last: Any = None
    origin = D = before = None  # of the last step
    for step in _log_steps(levels):
        fresh = model.denoised(x, _ve(step.s))
        if last is not None:
            x = last.ratio * origin + last.gain * _corrected(last, fresh, D, before)
        D, before, last, origin = fresh, D, step, x
        x = step.ratio * x + step.gain * _ahead(step, D, before)
    return x


class _Step(NamedTuple):
    """From s to after: ratio = e^-h = after/s, gain = 1 - e^-h, h, and h over that of the step before (0 at first)."""

    s: float
    after: float
    ratio: float
    gain: float
    h: float
    stretch: float


def _log_steps(levels: tuple[float, ...]) -> Iterator[_Step]:
    h = math.inf
    for s, after in pairwise(levels):
        before, h = h, math.log(s / after) if after > 0.0 else math.inf
        yield _Step(s, after, after / s, -math.expm1(-h), h, h / before if h < math.inf else 0.0)


def _ahead(step: _Step, D: Any, before: Any) -> Any:
    """The bracket of (V7): D in the middle of a step, from D here and one step ago; first order at both ends."""
    return D if before is None or step.stretch == 0.0 else D + 0.5 * step.stretch * (D - before)


def _corrected(step: _Step, fresh: Any, D: Any, before: Any) -> Any:
    """The bracket of (V9) with D' = fresh; first order, q = 1/2, if there was no step before."""
    if before is None:
        return D + 0.5 * (fresh - D)
    linear = 1.0 / step.gain - 1.0 / step.h
    p = (2.0 * linear - 1.0) / (step.h + step.h / step.stretch)
    return D + p * step.stretch * (D - before) + (linear - p) * (fresh - D)


def _ve(s: float) -> Level:
    return Level(1.0, s)


@dataclass(frozen=True)
class _Native:
    """Steps from scale noise() through levels."""

    steps: Callable[..., Any]
    name: str
    levels: tuple[float, ...]
    scale: float

    def __call__(self, model: Any, noise: Noise) -> Any:
        return self.steps(model, self.scale * noise(), noise, self.levels)


def _sampler(steps: Callable[..., Any], name: str, sigmas: Any, start: str) -> Sampler:
    levels = checked_levels(sigmas)
    variance = levels[0] ** 2 + (one_of("start", start, STARTS) == "vp")
    return _Native(steps, f"{name}, {len(levels) - 1} steps", levels, math.sqrt(variance))
