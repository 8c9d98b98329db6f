"""Where a run begins: the start law, for theory and particles alike.

A finite T gives N(0, v_T I) for y = x/a: v_T = T for VE, and T + 1 for a variance-preserving process, which starts from
x ~ N(0, I), 1/a^2 = T + 1 (`Noise.terminal_variance`). For T = infinity it is the exact solution of the crowd, (T8) of
docs/theory.md, at a time t* well above speciation: at constant w, with e = (1 + eta^2)/2 and D = sigma2 + t,

    m = (1 + w) Phi(e w, e),   v = D Phi(2 e w, eta^2),   Phi(a, b) = 2F1(-a, 1; 1 + b; 1/(1 + D)),

a series that converges fast far out. Particles draw from this law in `simulate.running.particles`. Arguments broadcast.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from meanfield.errors import ProblemError, require

if TYPE_CHECKING:
    from meanfield.problem.statement import Problem

FAR = 100.0  # t* over the scale (1 + |w|)/min(rate, 1) of speciation, and over the class variance
SETTLED = 10.0  # t* over the time above which w is constant


class Start(NamedTuple):
    """Law at which a run begins: x_t ~ N(m mu_1, v I) at VE time t; with a spectrum, m and v (whitened) per group."""

    t: float
    m: Any
    v: Any


def start_law(
    problem: "Problem", rate: float, count: float = math.inf, d: float = math.inf, prior: float = 0.0
) -> Start:
    """Law at the start of a problem whose classes have rate log(P)/d (and, at finite d, `count` P, and d).

    At finite P the target itself carries the share 1/P of the unconditional weight, so guidance pulls with w (1 - 1/P).
    Where it has exp(prior d) times the weight of each other class its share is another one, 1/`count`, and speciation
    is near where `prior` is near the rate.

    Raises
    ------
    ProblemError : a start at T = infinity for classes of rate 0.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> start_law(Problem(classes=Continuum(), sigma2=0.25, t_start=50.0), rate=math.inf)
    Start(t=50.0, m=0.0, v=50.0)
    """
    require(rate >= 0 and count >= 1, "a start needs log(P)/d >= 0 and P >= 1", f"{rate} and {count}")
    s = problem.spectrum
    if math.isfinite(problem.T):
        law = (0.0, problem.v_T) if s is None else (np.zeros(len(s)), problem.v_T / s.g)
        return Start(problem.T, *law)
    if count <= 1:
        rate = 1.0  # the target alone: guidance does nothing
    require(rate > 0, "a start at t = infinity needs log(P)/d > 0", rate, "Give a finite t_start, e.g. t_start=1000.")
    gap = float(gap_of(rate, prior, d))
    rule = "a start at t = infinity needs a target whose prior is not that of all other classes together"
    require(gap > 0, rule, f"prior = log(P)/d = {prior:g}", "Give a finite t_start, e.g. t_start=1000.")
    g, schedule = 1.0 if s is None else float(s.g.max()), problem.schedule
    t = float(far_enough(gap, schedule.largest, problem.largest_variance, schedule.settled_above(d), g))
    w = float(problem.amplitude(t)) * (1.0 - 1.0 / count)  # constant here, so 0 if it depends on the sample
    D = problem.sigma2 + t if s is None else s.D(t)
    return Start(t, *crowd_start(D, w, problem.eta))


def gap_of(rate, prior, d: float = math.inf):
    """The rate that says how far out speciation and condensation are, which see alpha - lambda and alpha; at finite d
    the shares of target and rest change over a width 1/d.

    Examples
    --------
    >>> float(gap_of(0.4, 0.0)), round(float(gap_of(0.4, 0.3)), 12), float(gap_of(0.4, -1.0))
    (0.4, 0.1, 0.4)
    """
    return np.minimum(rate, np.maximum(np.abs(rate - prior), 1.0 / d))


def far_enough(rate, largest, variance, settled, g=1.0):
    """VE time t* well above speciation, for classes of a rate > 0.

    Parameters
    ----------
    rate : log(P)/d.
    largest : largest |w|.
    variance : largest class variance.
    settled : VE time above which w is constant.
    g : largest variance of the class means.
    """
    guided = FAR * (1.0 + largest) / np.minimum(rate, 1.0) * g
    return np.maximum(np.maximum(guided, FAR * variance), SETTLED * settled)


def crowd_start(D, w, eta):
    """(T8) at total variance D, well above speciation, for constant guidance w: the pair (m, v).

    Raises
    ------
    ProblemError : D is not well above speciation.

    Examples
    --------
    >>> m, v = crowd_start(D=1000.0, w=1.0, eta=1.0)
    >>> round(float(m), 6), round(float(v / 1000.0), 6)
    (1.999001, 0.999001)
    """
    e, x = 0.5 * (1.0 + eta**2), 1.0 / (1.0 + D)
    return (1.0 + w) * _series(e * w, e, x), D * _series(2.0 * e * w, eta**2, x)


def _series(a, b, x):
    """2F1(-a, 1; 1 + b; x) = 1 - a x/(1 + b) + ..., for a x well below 1."""
    total = term = 1.0
    for n in range(60):
        term = term * ((n - a) / (n + 1.0 + b) * x)
        total = total + term
        if np.all(np.abs(term) < 1e-17 * np.abs(total)):
            return total
    raise ProblemError(f"the start is not far enough above speciation: a x = {np.max(a * x):g} must be below 0.1.")
