"""`run(..., tol=)`: the number of steps from a measured error instead of the user.

A pilot of some samples is run with n/2 and with n steps on the same classes, start and noise. To leading order the
error at n steps is their difference over 2^p - 1 = 3 (SDE) or 7 (ODE), but at the few steps that are needed the
observed order can be as low as 1.3 (w < 0, eta > 1; docs/steps.md). So two thirds of the difference are taken as the
error, 1/(2^{1.3} - 1), and the pilot's own uncertainty is added at 95 %:
    bound = (2/3) (|F(n/2) - F(n)| + t stderr),       F = m(0) and F = v(0)/v_0,
stderr over draws of the class means, v_0 the variance without guidance (sigma2). The first n with both bounds below tol
is taken; until then n grows like (bound/tol)^{1/p}. More steps also shrink the uncertainty, which falls faster than h.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from meanfield.ensemble import Ensemble
from meanfield.errors import ConvergenceError, ProblemError, checked
from meanfield.guidance.stops import stops
from simulate.running.plan import Plan
from simulate.running.workers import follow
from simulate.steps.integrators import order

FLOOR = {"float32": 2e-6, "float64": 1e-10}  # ten times the largest difference found from rounding (docs/steps.md)
DRAWS, FEWEST, MOST = 8, 128, 2048  # draws and samples of a pilot
CAUTION = 2.0 / 3.0  # the share of the last change that is taken as the error
LIMIT = 100_000  # steps


class Control(NamedTuple):
    """What the pilot chose: `n_steps`, bounds of the errors there, scores of all pilots per sample of the run."""

    n_steps: int
    m: float
    v: float
    cost: float


def choose_steps(plan: Plan, tol: float) -> Control:
    """The number of steps, even, that keeps the time-step errors of m(0) and v(0)/sigma2 below tol.

    Raises
    ------
    ProblemError : tol out of range, or below what the dtype can give.
    ConvergenceError : more than `LIMIT` steps would be needed.
    """
    tol = checked("tol", tol, low=0.0, high=1.0, open_low=True)
    problem, n_all = plan.case.problem, plan.n_samples * plan.n_disorder
    floor = FLOOR["float64" if plan.case.classes == "reference" else plan.dtype]
    if tol < floor:
        remedy = 'a larger tol or dtype="float64"' if floor > FLOOR["float64"] else "a larger tol"
        raise ProblemError(f"tol must be at least {floor:g} with {plan.dtype} scores; got {tol:g}. Take {remedy}.")
    wanted = min(max(n_all // 4, FEWEST), MOST)
    small = replace(plan, first_draw=0, n_disorder=DRAWS, n_samples=math.ceil(wanted / DRAWS))
    pieces = 1 + sum(0 < t < plan.case.begin.t for t in stops(problem.schedule))
    half, taken = max(round(5.0 * tol ** (-1.0 / 6.0)), pieces), 0
    while 2 * half <= LIMIT:
        taken += 3 * half
        try:
            bounds = _bounds(*(follow(small, steps, False) for steps in small.paired_steps(half)))
        except ConvergenceError:  # steps that do not resolve the guidance
            half *= 2
            continue
        if max(bounds) < tol:
            return Control(2 * half, *bounds, taken * small.n_samples * small.n_disorder / n_all)
        half = math.ceil(half * np.clip(1.1 * (max(bounds) / tol) ** (1.0 / order(problem.eta)), 1.25, 4.0))
    raise ConvergenceError(
        f"tol must be within reach of {LIMIT} steps; got {tol:g}. Take a larger tol, or more samples: the pilot takes "
        f"a quarter of them, at most {MOST}."
    )


def _bounds(coarse: Ensemble, fine: Ensemble) -> tuple[float, float]:
    """Bounds of the errors of m(0) and v(0)/v_0 in `fine`."""
    quantile = stdtrit(DRAWS - 1, 0.975)
    unguided = {"m": 1.0, "v": float(fine.unguided()[1][-1])}
    bounds = []
    for name, size in unguided.items():
        change = (coarse.draws[name][:, -1] - fine.draws[name][:, -1]) / size  # (draws,)
        bounds.append(float(CAUTION * (abs(change.mean()) + quantile * change.std(ddof=1) / math.sqrt(len(change)))))
    return bounds[0], bounds[1]
