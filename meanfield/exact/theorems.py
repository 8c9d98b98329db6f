"""Any schedule as an integral: the dose theorems (T14)-(T18) of docs/theory.md.

They hold as long as the rest is a crowd that has all the weight: always in the continuum, otherwise before speciation,
for weights and for rules that are linear in both predictions, D s = (1 + a) mu_1 - (1 + b) x with a and b functions of
t: there G(D) = int b dD'/D', and 1 + a takes the place of 1 + w in m.
The dose delivered below D is G(D) = int w dD'/(D'(1 + D')) from sigma2 to D. With z = (sigma2/D)^e and
zeta = (sigma2/D)^(eta^2), (T15) becomes

    m(0) = int (1 + w) exp(-e G) dz,      v(0) = sigma2 int exp(-2 e G) dzeta + T (sigma2/D_T)^(2e) exp(-2 e G_T).

Quadrature: Gauss-Legendre panels in log D between the breakpoints of the schedule, finer and finer towards t = 0 (where
a schedule in the own time of some noise processes is a smooth function of sqrt(t)) and, if they are few, towards the
breakpoints (where a ramp may go like any power), repeated with half the panels; the difference must stay below the
tolerance.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre

from meanfield.errors import ConvergenceError, ScheduleError
from meanfield.guidance.schedules import as_schedule
from meanfield.problem.statement import Problem
from meanfield.tools.door import door

TOLERANCE = 1e-10
NODES = 16
GRADED = 16  # panels become finer towards so many breakpoints; a schedule with more of them is piecewise smooth


@door()
def dose(schedule, problem: Problem) -> float:
    """Total dose G_T of a schedule (T14), from D = sigma2 to the start of `problem`, in whose own time it is stated.

    Rules that are linear in both predictions (`WeakModel`, `Free`) have one too, the integral of b/D of docs/rules.md.

    Raises
    ------
    ScheduleError : any other rule. (T16) and (T18) fail for it: equal doses do not end alike.

    Examples
    --------
    >>> from meanfield import Constant, Continuum
    >>> p = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
    >>> print(f"{dose(Constant(1.0), p):.10f}")       # log(1 + 1/sigma2)
    1.6094379124
    """
    return final_from_dose(problem.replace(guidance=as_schedule(schedule))).dose


class DoseResult(NamedTuple):
    """m(0) and v(0) of (T15), and the total dose G_T."""

    m: float
    v: float
    dose: float


def final_from_dose(problem: Problem) -> DoseResult:
    """m(0), v(0) and G_T of a schedule by (T15), for a crowd that never speciates (the classes are not looked at)."""
    problem.require_isotropic("the dose", "Use solve, or meanfield.exact.directions.along for one direction.")
    fine, coarse = (_integrals(problem, panels) for panels in (400, 200))
    error = max(abs(a - b) / max(1.0, abs(a)) for a, b in zip(fine, coarse, strict=True))
    if not error < TOLERANCE:
        raise ConvergenceError(
            f"the dose integrals must converge to {TOLERANCE:g}; halving the panels changes them by {error:.1e}. "
            "State the jumps of the schedule as its breakpoints."
        )
    return fine


def mean_from_dose(problem: Problem, total: float) -> float:
    """(T16), SDE: m(0) depends on the total dose alone, and never exceeds 1 + sigma2."""
    sigma2, T = problem.sigma2, problem.T
    edge = 1.0 + 1.0 / (sigma2 + T) if math.isfinite(T) else 1.0
    return 1.0 + sigma2 - sigma2 * edge * math.exp(-total)


def variance_from_dose(problem: Problem, total: float) -> float:
    """(T18), ODE: v(0) depends on the total dose alone; it is kept (T = infinity) if and only if the dose is zero."""
    sigma2, T = problem.sigma2, problem.T
    return sigma2 * (problem.v_T / (sigma2 + T) if math.isfinite(T) else 1.0) * math.exp(-total)


def push(problem: Problem, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a and b of D s = (1 + a) mu_1 - (1 + b) x in the crowd at D, which are w and w/(1 + D) of a weight."""
    t = np.maximum(D - problem.sigma2, 0.0)
    if not problem.schedule.by_rule:
        w = problem.weight(t)
        return w, w / (1.0 + D)
    found = problem.schedule.linear(D, t, problem.amplitude(t))  # type: ignore[attr-defined]
    if found is None:
        raise ScheduleError(
            f"a dose needs a push that is a function of t alone; {problem.schedule!r} has none. Where the push follows "
            "the state (T16) and (T18) fail: equal doses end with other means and variances (docs/rules.md). Use "
            "solve. A rule of your own that is linear in both predictions says so by its method `linear`."
        )
    return found


def _integrals(problem: Problem, panels: int) -> DoseResult:
    """(T14) and (T15) by Gauss-Legendre panels; the tail beyond z = exp(-45) is below rounding."""
    sigma2, e, eta2 = problem.sigma2, problem.e, problem.eta**2
    T, finite = problem.T, math.isfinite(problem.T)
    s_low = math.log(sigma2)
    s_high = math.log(sigma2 + T) if finite else max(s_low + 45.0 / min(e, 1.0), 45.0)
    edges = _edges(problem, s_low, s_high, panels)
    x, weights, inside = _gauss()
    half = 0.5 * np.diff(edges)[:, None]  # (panels, 1)
    s = edges[:-1, None] + half * (x + 1.0)  # (panels, nodes)
    D = np.exp(s)
    a, b = push(problem, D)
    rate = b * half  # dG per unit x
    before = np.concatenate([[0.0], np.cumsum(rate @ weights)])
    G = before[:-1, None] + rate @ inside.T
    m = float(np.sum(half * weights * e * np.exp(e * (s_low - s)) * (1.0 + a) * np.exp(-e * G)))
    v = float(np.sum(half * weights * sigma2 * eta2 * np.exp(eta2 * (s_low - s)) * np.exp(-2.0 * e * G)))
    G_T = float(before[-1])
    if finite:
        v += problem.v_T * (sigma2 / (sigma2 + T)) ** (2.0 * e) * math.exp(-2.0 * e * G_T)
    elif eta2 == 0.0:
        v += sigma2 * math.exp(-2.0 * e * G_T)
    return DoseResult(m, v, G_T)


def _edges(problem: Problem, low: float, high: float, panels: int) -> np.ndarray:
    """Panel edges in log D, with the breakpoints of the schedule among them."""
    cuts = [math.log(problem.sigma2 + t) for t in problem.schedule.breakpoints]
    cuts = [low, *sorted(c for c in cuts if low < c < high), high]
    near = cuts[1:-1] if len(cuts) - 2 <= GRADED else []
    cuts += [low + (high - low) * 4.0**-k for k in range(5, 20)]
    cuts += [c + side * (high - low) * 4.0**-k for c in near for k in range(5, 20) for side in (-1, 1)]
    cuts = sorted({c for c in cuts if low <= c <= high})
    counts = [max(2, math.ceil(panels * (b - a) / (high - low))) for a, b in pairwise(cuts)]
    parts = [np.linspace(a, b, n + 1)[:-1] for a, b, n in zip(cuts[:-1], cuts[1:], counts, strict=True)]
    return np.concatenate([*parts, [high]])


def _gauss() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights on [-1, 1], and the matrix that integrates a function from -1 to each node."""
    x, weights = legendre.leggauss(NODES)
    to_coefficients = np.linalg.inv(legendre.legvander(x, NODES - 1))
    integrals = legendre.legint(np.eye(NODES), lbnd=-1)  # (NODES + 1, NODES): column j integrates P_j
    return x, weights, legendre.legvander(x, NODES) @ integrals @ to_coefficients
