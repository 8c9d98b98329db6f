"""`run(..., tol=)`: the number of steps from a measured error instead of the user.

A pilot of few samples (`SHARE`) is run with n and with 2n steps on the same classes, start and noise. At 2n the
error is small beside that at n, so their difference, times 2^p/(2^p - 1), is the error at n whatever order is observed
there (from four steps on it may be anything from 0 to 4; docs/steps.md). What is held to tol is
    error(n)^2 = mean^2 + stderr^2   of   (F(n) - F(2n)) 2^p/(2^p - 1),       F = m(0) and F = v(0)/v_0,
the mean square of what the error may be; stderr over draws of the class means, v_0 the variance without guidance
(sigma2). From n one goes to
    n' = n (error/tol)^{1/q},    q = p - 1/2 (ODE), p (SDE) upwards, p + 2 (ODE), p + 1 (SDE) downwards,
cautious either way; if n' is far from n there is another pilot. A paired difference has some hundredth of the
standard deviation of a sample, so the stderr of the pilot is well below that of the run itself.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import ConvergenceError, ProblemError, checked
from meanfield.guidance.stops import stops
from simulate.running.plan import Plan
from simulate.running.workers import follow
from simulate.steps.integrators import order

# ten times the largest difference found from rounding (docs/steps.md)
FLOOR = {"float32": 2e-6, "float64": 1e-10, "bfloat16": 1e-3}
SHARE = {3: 64, 2: 32}  # by order: one of so many samples is in a pilot; those of the SDE differ more
FEWEST, MOST = 128, 2**14  # samples of a pilot at least and at most
DRAWS = {3: 4, 2: 8}  # by order: of a pilot; every draw takes a batch of its own, which costs what 100 samples do
MARGIN = 1.2  # the order from n to n' is not known
NEAR = (0.6, 1.1)  # n'/n within which the error at n' follows from that at n
FIRST = {3: 8, 2: 12}  # by order: steps of the first pilot for tol = 10^-3
CLEAR = 0.7  # guidance per step of the run, where the limit is 1: its samples are others
LIMIT = 100_000  # steps


class Control(NamedTuple):
    """What the pilot chose: `n_steps`, errors there as far as known, scores of all pilots per sample of the run."""

    n_steps: int
    m: float
    v: float
    cost: float


def choose_steps(plan: Plan, tol: float) -> Control:
    """The number of steps that keeps the time-step errors of m(0) and v(0)/sigma2 below tol.

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
    p = order(problem.eta)
    wanted = min(max(n_all // SHARE[p], FEWEST), MOST)
    small = replace(plan, first_draw=0, n_disorder=DRAWS[p], n_samples=math.ceil(wanted / DRAWS[p]))
    pieces = 1 + sum(0 < t < plan.case.begin.t for t in stops(problem.schedule))
    n, cost = max(round(FIRST[p] * (1e-3 / tol) ** (1.0 / (p + 1))), pieces, 2), 0.0
    while 2 * n <= LIMIT:
        cost += 3 * n * small.n_samples * small.n_disorder / n_all
        try:
            coarse, fine = (follow(small, steps, False) for steps in small.paired_steps(n))
        except ConvergenceError:  # steps that do not resolve the guidance
            n *= 2
            continue
        errors = _errors(coarse, fine, p)
        excess = max(MARGIN * max(errors) / tol, 1e-12)
        q = (2.5 if p == 3 else 2.0) if excess > 1.0 else (5.0 if p == 3 else 3.0)
        factor = float(np.clip(excess ** (1.0 / q), NEAR[0], 4.0))
        if factor <= NEAR[1]:
            resolved = n * float(coarse.info["guidance_per_step"]) / CLEAR
            n_steps = max(math.ceil(max(factor * n, resolved)), pieces)
            m, v = (error * (n / n_steps) ** q for error in errors)
            return Control(n_steps, m, v, cost)
        n = math.ceil(n * factor)
    raise ConvergenceError(
        f"tol must be within reach of {LIMIT} steps; got {tol:g}. Take a larger tol, or more samples: the pilot takes "
        f"one of {SHARE[p]}, at most {MOST}."
    )


def _errors(coarse: Ensemble, fine: Ensemble, p: int) -> tuple[float, float]:
    """Errors of m(0) and v(0)/v_0 in `coarse`, the r.m.s. of what they may be."""
    unguided = {"m": 1.0, "v": float(fine.unguided()[1][-1])}
    errors = []
    for name, size in unguided.items():
        change = (coarse.draws[name][:, -1] - fine.draws[name][:, -1]) / size / (1.0 - 0.5**p)  # (draws,)
        errors.append(math.hypot(change.mean(), change.std(ddof=1) / math.sqrt(len(change))))
    return errors[0], errors[1]
