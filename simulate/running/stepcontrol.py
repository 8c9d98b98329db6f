"""`run(..., tol=)`: the number of steps from a measured error instead of the user.

A pilot of few samples (`SHARE`) is run with n and with 2n steps on the same classes, start and noise
(`simulate.running.pairing`). At 2n the error is small beside that at n, so their difference, times 2^p/(2^p - 1), is
the error at n whatever order is observed there (from four steps on it may be anything from 0 to 4; docs/steps.md). What
is held to tol is
    error(n) = MARGIN (mean^2 + (SURE stderr)^2)^{1/2}   of   (F(n) - F(2n)) 2^p/(2^p - 1),    F = m(0) and v(0)/v_0,
v_0 the variance without guidance (sigma2). The stderr is the larger of that over all samples and that over the draws of
the class means: of the ODE, without noise, mostly the classes differ; of the SDE the samples. The first n is
    n_1 |w|^{1/3} (P^{2/d} - 1)^{1/4} (10^-3/tol)^{1/(p+1)},       n_1 in `FIRST`:
the rarer and the more strongly guided, the later and the faster the classes are decided. From n one goes to
    n' = n (error/tol)^{1/q},        q = UP upwards, DOWN downwards:
cautious either way. If n' is far above n there is another pilot at q = FAR, as errors fall steeply at first. Where
steps are few they need not fall at all from one n to the next (P = 1000, w = 1, SDE: m is off by 0.003 at three steps
and by 0.004 at four), least of all with guidance of more than `CLEAR` in a step: no n' is far from an n that was seen.
A paired difference has some hundredth of the standard deviation of a sample, so few samples do. Where they do not, as
in a large run, the pilot is doubled for as long as the steps that the smaller stderr saves the run are more than it
takes.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from meanfield.errors import ConvergenceError, ProblemError, checked
from meanfield.guidance.stops import stops
from simulate.running.holding import Case
from simulate.running.pairing import Pair, follow_pair
from simulate.running.plan import Plan
from simulate.steps.integrators import order

# ten times the largest difference found from rounding (docs/steps.md)
FLOOR = {"float32": 2e-6, "float64": 1e-10, "bfloat16": 1e-3}
SHARE = {3: 64, 2: 32}  # by order: one of so many samples is in a pilot, at first; those of the SDE differ more
LARGE = 2**15  # samples of a run from which on its pilot is not larger at first
FEWEST, MOST = 128, 2**14  # samples of a pilot at first, at least, and at last, at most
DRAWS = 3  # of a pilot, at first: every one takes a batch
BATCH = 250  # which costs what so many samples do where coordinates P d are few
SIZE = 5000  # coordinates at which it costs half of that
SURE = {3: 3.0, 2: 1.5}  # by order: standard errors; those of the ODE are small, and known from few draws
MARGIN = 1.2  # the order from n to n' is not known
FIRST = {3: 7.5, 2: 5.0}  # by order: steps of the first pilot for tol = 10^-3, |w| = 1 and P^{2/d} = 2
RARITY = (0.1, 4.0)  # P^{2/d} - 1, within which it tells
UP, FAR, DOWN = 2.5, 3.5, 10.0  # q; the last is the steepest that errors were found to fall
NEAR = 1.25  # n'/n up to which the error at n' follows from that at n
LEAST, LEAP = 0.6, 4.0  # n'/n at least, and at most
CLEAR = {3: 0.7, 2: 0.5}  # by order: guidance per step of the run, where the limit is 1: its samples are others
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
    floor = FLOOR["float64" if plan.case.classes == "reference" else plan.dtype]
    if tol < floor:
        remedy = 'a larger tol or dtype="float64"' if floor > FLOOR["float64"] else "a larger tol"
        raise ProblemError(f"tol must be at least {floor:g} with {plan.dtype} scores; got {tol:g}. Take {remedy}.")
    problem, n_all = plan.case.problem, plan.n_samples * plan.n_disorder
    pieces = 1 + sum(0 < t < plan.case.begin.t for t in stops(problem.schedule))
    p = order(problem.eta)
    samples = math.ceil(max(min(n_all, LARGE) // SHARE[p], FEWEST) / DRAWS)
    n, cost, low = max(_first(plan.case, tol, p), pieces, 2), 0.0, pieces
    while 2 * n <= LIMIT:
        try:
            pilot = _fly(plan, n, samples, tol)
        except ConvergenceError:  # steps that do not resolve the guidance
            cost += 3 * n * DRAWS * samples / n_all
            n *= 2
            continue
        cost += 3 * n * pilot.changes[0].size / n_all
        errors = _errors(pilot.changes, p)
        excess = float(errors.max()) / tol
        q = _exponent(excess)
        if excess <= NEAR**q:
            wanted = n * max(excess ** (1.0 / q), LEAST, pilot.guidance / CLEAR[p])
            n_steps = max(math.ceil(wanted), low)
            m, v = (float(error) * (n / n_steps) ** q for error in errors)
            return Control(n_steps, m, v, cost)
        low = n + 1
        n = math.ceil(n * min(max(excess ** (1.0 / FAR), NEAR), LEAP))
    raise ConvergenceError(
        f"tol must be within reach of {LIMIT} steps; got {tol:g}. Take a larger tol, or more samples: the pilot starts "
        f"with one of {SHARE[p]}."
    )


def _first(case: Case, tol: float, p: int) -> int:
    """Steps of the first pilot."""
    least, most = RARITY
    rarity = math.expm1(min(2.0 * case.log_count / case.d, math.log1p(most)))
    strength = min(max(case.problem.largest_weight, 1.0), 1e4) ** (1.0 / 3.0)
    return round(FIRST[p] * strength * max(rarity, least) ** 0.25 * (1e-3 / tol) ** (1.0 / (p + 1)))


def _fly(plan: Plan, n: int, samples: int, tol: float) -> Pair:
    """A pilot of `DRAWS` draws with so many samples, doubled for as long as that pays: twice the draws take 3 n steps
    of as many samples as there are, and save every sample of the run what the smaller stderr saves it."""
    case, n_all = plan.case, plan.n_samples * plan.n_disorder
    p, batch = order(case.problem.eta), BATCH / (1.0 + case.n_classes * case.d / SIZE)
    pilot = _part(plan, n, range(DRAWS), samples)

    def wanted(more: int) -> float:
        """n' if there were so many times more draws."""
        excess = float(_errors(pilot.changes, p, more).max()) / tol
        return n * excess ** (1.0 / _exponent(excess))

    while True:
        draws = pilot.changes.shape[1]
        if wanted(1) - wanted(2) <= 3 * n * draws * (samples + batch) / n_all or draws * samples >= MOST:
            return pilot
        other = _part(plan, n, range(draws, 2 * draws), samples)
        changes = np.concatenate([pilot.changes, other.changes], axis=1)
        pilot = Pair(changes, max(pilot.guidance, other.guidance))


def _part(plan: Plan, n: int, draws: range, samples: int) -> Pair:
    """Some draws of a pilot, with errors for changes."""
    pair = follow_pair(replace(plan, first_draw=draws.start, n_disorder=len(draws), n_samples=samples), n)
    return pair._replace(changes=pair.changes / (1.0 - 0.5 ** order(plan.case.problem.eta)))


def _errors(changes: np.ndarray, p: int, more: int = 1) -> np.ndarray:
    """Errors of m(0) and v(0)/v_0, (2,), from changes (2, draws, samples), or if there were so many times more."""
    _, draws, samples = changes.shape
    among_samples = changes.var(axis=(1, 2), ddof=1) / (draws * samples)
    among_draws = changes.mean(axis=2).var(axis=1, ddof=1) / draws
    stderr2 = np.maximum(among_samples, among_draws) / more
    return MARGIN * np.sqrt(changes.mean(axis=(1, 2)) ** 2 + SURE[p] ** 2 * stderr2)


def _exponent(excess: float) -> float:
    """q, by the error over tol."""
    return UP if excess > 1.0 else DOWN
