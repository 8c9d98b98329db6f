"""`run(..., tol=)`: the number of steps from a measured error instead of the user.

A pilot of few samples (`SHARE`) is run with n and with 2n steps on the same classes, start and noise. At 2n the
error is small beside that at n, so their difference, times 2^p/(2^p - 1), is the error at n whatever order is observed
there (from four steps on it may be anything from 0 to 4; docs/steps.md). What is held to tol is
    error(n)^2 = mean^2 + stderr^2 nu/(nu - 2)   of   (F(n) - F(2n)) 2^p/(2^p - 1),    F = m(0) and F = v(0)/v_0,
the mean square of what the error may be: Student's, nu = draws of the class means less one; v_0 the variance without
guidance (sigma2). From n one goes to
    n' = n (error/tol)^{1/q},    q = p - 1/2 (ODE), p (SDE) upwards, 6 downwards,
cautious either way; if n' is far from n there is another pilot, of the SDE at q = 3, as its errors fall steeply at
first. A paired difference has some hundredth of the standard deviation of a sample, so few samples do. Where they do
not, the pilot is doubled for as long as the steps that the smaller stderr saves the run are more than it takes.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from meanfield.errors import ConvergenceError, ProblemError, checked
from meanfield.guidance.stops import stops
from simulate.running.plan import Plan
from simulate.running.workers import follow
from simulate.steps.integrators import order

# ten times the largest difference found from rounding (docs/steps.md)
FLOOR = {"float32": 2e-6, "float64": 1e-10, "bfloat16": 1e-3}
SHARE = {3: 64, 2: 32}  # by order: one of so many samples is in a pilot, at first; those of the SDE differ more
FEWEST, MOST = 128, 2**14  # samples of a pilot at first, at least and at most
DRAWS = {3: 4, 2: 8}  # by order: of a pilot, at first
BATCH = 250  # every draw takes a batch, which costs what so many samples do where coordinates P d are few
SIZE = 5000  # coordinates at which it costs half of that
MARGIN = 1.2  # the order from n to n' is not known
NEAR = (0.6, 1.1)  # n'/n within which the error at n' follows from that at n
DOWNWARDS = 6.0  # the steepest that errors were found to fall with the steps at this accuracy (docs/steps.md)
FIRST = {3: (8, 0.0), 2: (5, 0.35)}  # by order: steps of the first pilot for tol = 10^-3, and their power of |w|
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
    pieces = 1 + sum(0 < t < plan.case.begin.t for t in stops(problem.schedule))
    p = order(problem.eta)
    samples = math.ceil(min(max(n_all // SHARE[p], FEWEST), MOST) / DRAWS[p])
    first, power = FIRST[p]
    first *= min(max(problem.largest_weight, 1.0), 1e4) ** power * (1e-3 / tol) ** (1.0 / (p + 1))
    n, cost = max(round(first), pieces, 2), 0.0
    while 2 * n <= LIMIT:
        try:
            pilot = _fly(plan, n, samples, tol)
        except ConvergenceError:  # steps that do not resolve the guidance
            cost += 3 * n * DRAWS[p] * samples / n_all
            n *= 2
            continue
        cost += 3 * n * len(pilot.changes) * samples / n_all
        errors = _errors(pilot.changes, len(pilot.changes))
        factor = _factor(errors, tol, p)
        if factor <= NEAR[1]:
            resolved = n * pilot.guidance / CLEAR
            n_steps = max(math.ceil(max(factor * n, resolved)), pieces)
            q = _exponent(factor > 1.0, p)
            m, v = (float(error) * (n / n_steps) ** q for error in errors)
            return Control(n_steps, m, v, cost)
        n = math.ceil(n * max(_factor(errors, tol, p, far=True), NEAR[1]))
    raise ConvergenceError(
        f"tol must be within reach of {LIMIT} steps; got {tol:g}. Take a larger tol, or more samples: the pilot starts "
        f"with one of {SHARE[p]}."
    )


class Pilot(NamedTuple):
    """Errors of m(0) and v(0)/v_0 at n steps by draw, (draws, 2), and the guidance in a step."""

    changes: np.ndarray
    guidance: float


def _fly(plan: Plan, n: int, samples: int, tol: float) -> Pilot:
    """A pilot of `DRAWS` draws with so many samples, doubled for as long as that pays: twice the draws take 3 n steps
    of as many samples as there are, and save every sample of the run what the smaller stderr saves it."""
    case, n_all = plan.case, plan.n_samples * plan.n_disorder
    p, batch = order(case.problem.eta), BATCH / (1.0 + case.n_classes * case.d / SIZE)
    pilot = _part(plan, n, range(DRAWS[p]), samples)
    while True:
        draws = len(pilot.changes)
        now, then = (n * _factor(_errors(pilot.changes, k), tol, p) for k in (draws, 2 * draws))
        if now - then <= 3 * n * draws * (samples + batch) / n_all or draws * samples >= MOST:
            return pilot
        other = _part(plan, n, range(draws, 2 * draws), samples)
        pilot = Pilot(np.concatenate([pilot.changes, other.changes]), max(pilot.guidance, other.guidance))


def _part(plan: Plan, n: int, draws: range, samples: int) -> Pilot:
    """Some draws of a pilot."""
    small = replace(plan, first_draw=draws.start, n_disorder=len(draws), n_samples=samples)
    coarse, fine = (follow(small, steps, False) for steps in small.paired_steps(n))
    unguided = {"m": 1.0, "v": float(fine.unguided()[1][-1])}
    changes = [(coarse.draws[name][:, -1] - fine.draws[name][:, -1]) / size for name, size in unguided.items()]
    share = 1.0 - 0.5 ** order(plan.case.problem.eta)
    return Pilot(np.transpose(changes) / share, float(coarse.info["guidance_per_step"]))


def _errors(changes: np.ndarray, draws: int) -> np.ndarray:
    """Errors of m(0) and v(0)/v_0, (2,), the r.m.s. of what they may be, if there were so many draws of the same
    variance."""
    spread = (draws - 1) / (draws - 3) / draws * changes.var(axis=0, ddof=1)  # nu/(nu - 2) stderr^2
    return np.sqrt(changes.mean(axis=0) ** 2 + spread)


def _factor(errors: np.ndarray, tol: float, p: int, far: bool = False) -> float:
    """n'/n; the steps of the next pilot over those of this one if `far`."""
    excess = max(MARGIN * float(errors.max()) / tol, 1e-12)
    q = 3.0 if far and p == 2 else _exponent(excess > 1.0, p)
    return float(np.clip(excess ** (1.0 / q), NEAR[0], 4.0))


def _exponent(upwards: bool, p: int) -> float:
    """q."""
    if upwards:
        return 2.5 if p == 3 else 2.0
    return DOWNWARDS
