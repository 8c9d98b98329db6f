"""Closed forms with a spectrum (docs/spectra.md): one direction at a time, and speciation without guidance.

Where the rest is a crowd that has all the weight (in the continuum always), directions do not feel each other: each is
an isotropic problem with sigma2 = c/g and time t/g. `along` states that problem, so every closed form and dose theorem
of the isotropic theory applies to it. This is a route to the numbers of `solve` that shares no equation with it.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from meanfield.errors import ProblemError, array, checked, require, whole
from meanfield.guidance.schedules import Constant, Schedule
from meanfield.problem.growth import Continuum
from meanfield.problem.noise import VE
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from meanfield.tools.door import Numbers, door
from meanfield.tools.roots import brentq


@dataclass(frozen=True)
class _Rescaled(Schedule):
    """The schedule in units of time g: w(g t)."""

    schedule: Schedule
    g: float
    name: ClassVar[str] = ""  # not to be saved

    def w(self, t):
        return self.schedule.w(self.g * np.asarray(t, float)[()])

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return tuple(t / self.g for t in self.schedule.breakpoints)

    @property
    def constant_above(self) -> float:
        return self.schedule.constant_above / self.g


@dataclass(frozen=True)
class _Begun(VE):
    """VE noise that starts from N(0, v I), whatever the time of the start."""

    v: float
    name: ClassVar[str] = ""  # not to be saved

    def terminal_variance(self, s):
        return self.v


def along(problem: Problem, group: int) -> Problem:
    """The isotropic problem that the directions of a group are, as long as the rest is a crowd with all the weight.

    Its classes are a continuum; its m and v are m_i and v_i (whitened), its time is t/g_i.

    Raises
    ------
    ProblemError : the problem has no spectrum, or no such group.

    Examples
    --------
    >>> from meanfield.exact.closedform import closed_form
    >>> p = Problem(classes=Continuum(), spectrum=Spectrum(c=[0.5], u=[2.5]), guidance=1.0)
    >>> p_0 = along(p, 0)
    >>> p_0.sigma2, round(closed_form(p_0).m, 6)
    (0.25, 1.2)
    """
    spectrum = problem.spectrum
    if spectrum is None:
        raise ProblemError("only a problem with a spectrum has directions of their own; this one has none.")
    i = whole("group", group, low=0, high=len(spectrum) - 1)
    g = float(spectrum.g[i])
    w = problem.schedule
    return Problem(
        classes=Continuum(),
        sigma2=spectrum.c[i] / g,
        guidance=w if isinstance(w, Constant) else _Rescaled(w, g),
        sampler=problem.sampler,
        t_start=problem.T / g,
        noise=_Begun(problem.v_T / g) if math.isfinite(problem.T) else VE(),
    )


def capacity(spectrum: Spectrum) -> float:
    """Largest alpha at which unguided samples know their class at t = 0: sum_i r_i log(u_i/c_i)/2, the capacity of
    parallel additive Gaussian channels.

    Examples
    --------
    >>> round(capacity(Spectrum(c=[0.25], u=[1.25])), 6)     # (1/2) log(1 + 1/sigma2)
    0.804719
    """
    groups = zip(spectrum.share, spectrum.u, spectrum.c, strict=True)  # type: ignore[arg-type]
    return 0.5 * math.fsum(r * math.log(u / c) for r, u, c in groups)


def unguided_speciation(spectrum: Spectrum, alpha: float) -> float:
    """Speciation time without guidance (S10): the root of sum_i r_i log((u_i + t)/(c_i + t)) = 2 alpha.

    Returns
    -------
    t_s : nan if alpha is at or above the capacity (never).

    Examples
    --------
    >>> t = unguided_speciation(Spectrum(c=[0.25], u=[1.25]), alpha=0.4)
    >>> abs(t - (1 / (math.exp(0.8) - 1) - 0.25)) < 1e-12
    True
    """
    alpha = checked("alpha", alpha, low=0, open_low=True)
    if alpha >= capacity(spectrum):
        return math.nan
    r, c, g = np.array(spectrum.share), np.array(spectrum.c), spectrum.g
    high = float(r @ g) / alpha  # log(1 + 1/D) < 1/D < g/t
    return brentq(lambda t: 0.5 * float(r @ np.log1p(g / (c + t))) - alpha, 0.0, high, xtol=1e-300, rtol=1e-14)


def class_overlap(spectrum: Spectrum, alpha: float, t: Numbers) -> np.ndarray:
    """Overlap of the classes of two clones split at VE time t, by group (S14), at d = infinity without guidance.

    Returns
    -------
    o_i : mu_a.mu_b/(d r_i g_i), (..., groups) for times (...,): 1/(1 + D_i) before speciation (S10), 1 after it.

    Examples
    --------
    >>> class_overlap(Spectrum(c=[0.25, 1.0], u=[1.25, 9.0]), 0.7, [1.75, 0.1]).round(3).tolist()
    [[0.333, 0.744], [1.0, 1.0]]
    """
    times = array(t, "t must be VE times >= 0")
    late = times < np.nan_to_num(unguided_speciation(spectrum, alpha), nan=-1.0)
    return np.where(late[..., None], 1.0, 1.0 / (1.0 + spectrum.D(times)))


@door()
def shift_in_class_widths(r: Numbers, w: float):
    """SDE, continuum: shift of the mean over the class's standard deviation, for a class mean of typical size sqrt(g).

    r = g/c is the signal-to-noise ratio of the direction; the shift is r^(-1/2) (1 - (1 + r)^-w), small where r is
    small (guidance pushes by w r^(1/2)) and where r is large (r^(-1/2)): largest in between.

    Parameters
    ----------
    r : > 0, a number or an array.
    w : constant guidance.

    Raises
    ------
    ProblemError : r or w out of range.

    Examples
    --------
    >>> [float(round(shift_in_class_widths(r, 1.0), 3)) for r in (0.01, 1.0, 100.0)]
    [0.099, 0.5, 0.099]
    """
    rule = "r must be a number or an array of numbers > 0"
    ratio, w = array(r, rule), checked("w", w)
    require(np.all(ratio > 0.0), rule, r)
    return -np.expm1(-w * np.log1p(ratio)) / np.sqrt(ratio)


class Limit(NamedTuple):
    """Speciation time, m_i(0) - 1 and v_i(0)/undistorted - 1 by group, in a limit."""

    t_speciation: float
    shift: np.ndarray
    excess: np.ndarray


def small_rate_by_group(spectrum: Spectrum, alpha: float, w: float, sampler: str) -> Limit:
    """(S11), alpha -> 0 for w >= 0 from T = infinity, to leading order: (T12) by direction.

    t_s = (1 + 2w) <g>/(2 alpha), <g> the mean over directions. Relative shifts do not depend on g_i.

    Examples
    --------
    >>> small_rate_by_group(Spectrum(c=[0.25], u=[1.25]), 1e-4, 1.0, "sde").shift      # 2 alpha w sigma2/(1 + 2w)
    array([1.66666667e-05])
    """
    if w < 0.0 or sampler not in ("sde", "ode"):
        raise ProblemError(f'(S11) holds for w >= 0 and "sde" or "ode"; got w={w}, {sampler!r}. Use solve.')
    r, c, g = np.array(spectrum.share), np.array(spectrum.c), spectrum.g
    t = (1.0 + 2.0 * w) * float(r @ g) / (2.0 * alpha)
    if sampler == "sde":
        return Limit(t, w * c / t, -w * c * g / t**2)
    return Limit(t, w * np.sqrt(c / t), -w * g / t)


def strong_guidance_by_group(spectrum: Spectrum, alpha: float, w: float) -> Limit:
    """(S12), SDE, w -> infinity from T = infinity: (T13) by direction. alpha = 1/2 is the transition for any spectrum.

    Below it t_s = w/y with y the root of sum_i r_i (1 - exp(-2 g_i y)) = 2 alpha, and variances are spared. Above it
    t_s, the root of sum_i r_i log((u_i + t)/(c_i + t)) = 2 alpha - 1, stays finite, means are shifted to u_i/g_i and
    variances are lost.

    Examples
    --------
    >>> strong_guidance_by_group(Spectrum([0.25], [1.25]), 0.7, 1e4).excess.round(5)  # -sigma2 (e^(2 alpha - 1) - 1)
    array([-0.12296])
    """
    r, c, g = np.array(spectrum.share), np.array(spectrum.c), spectrum.g
    if alpha < 0.5:
        high = -math.log1p(-2.0 * alpha) / (2.0 * float(g.min()))
        y = brentq(lambda x: float(r @ -np.expm1(-2.0 * g * x)) - 2.0 * alpha, 0.0, high * (1 + 1e-12), rtol=1e-14)
        return Limit(w / y, -c / g * np.expm1(-g * y), np.zeros(len(g)))
    rule = f"(S12) needs 2 alpha - 1 < 2 capacity = {2 * capacity(spectrum):.6g}, so that speciation happens"
    require(2.0 * alpha - 1.0 < 2.0 * capacity(spectrum), rule, f"alpha={alpha}", "Lower alpha.")
    t = math.inf if alpha == 0.5 else unguided_speciation(spectrum, alpha - 0.5)
    return Limit(t, c / g, -c / (c + t))
