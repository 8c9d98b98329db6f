"""What non-negative guidance must cost: the no-go theorem (T17) with numbers.

For w >= 0 the dose G(D) of (T14) is non-negative, so by (T15) v(0) is at most its unguided value, for every sampler and
start; equal only if w = 0 wherever it acts. How much is lost depends on when the dose is given: among all schedules
0 <= w <= w_max of equal total dose G_T, the pointwise smallest G is that of w_max early, then 0 (the argument of the
optimal design with w_min = 0), so the least loss is that of an early interval. With the ODE nothing helps: (T18),
v(0) = v_unguided exp(-G_T).

Rules of guidance (docs/rules.md, Theorems): d log(v/D)/dtau = -2 e b + eta^2 (D/v - 1), so (T17) holds where b >= 0
along every path. That is proved for some rules, refuted for others, and of a linear rule it can be seen.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.errors import ScheduleError
from meanfield.exact.theorems import DoseResult, final_from_dose, push
from meanfield.guidance.schedules import Constant, Piecewise, Schedule, as_schedule
from meanfield.problem.growth import Continuum
from meanfield.problem.statement import Problem
from meanfield.theory.solver import solve
from meanfield.tools.door import door


@door(made_by="no_go")
@dataclass(frozen=True)
class NoGo:
    """Variance that a non-negative schedule, or rule, loses, in the continuum.

    Of a rule `best` is no guidance and `best_ratio` is `unguided`, the bound of (T17).

    Attributes
    ----------
    schedule, problem : what was asked.
    dose : G_T; nan of a rule that has none (`meanfield.dose`).
    m, v_ratio : m(0) and v(0)/sigma2 of the schedule.
    unguided : v(0)/sigma2 of w = 0, 1 but for the start.
    best_ratio : the largest v(0)/sigma2 of any schedule with 0 <= w <= w_max and the same dose, so (SDE) the same m(0).
    best : that schedule: w_max early, then 0.
    w_max : the largest w of the schedule.
    """

    schedule: Schedule
    problem: Problem
    dose: float
    m: float
    v_ratio: float
    unguided: float
    best_ratio: float
    best: Schedule
    w_max: float

    @property
    def lost(self) -> float:
        """Share of the variance that the schedule loses against no guidance."""
        return 1.0 - self.v_ratio / self.unguided

    @property
    def must_lose(self) -> float:
        """Share that every schedule 0 <= w <= w_max of this dose loses at least."""
        return 1.0 - self.best_ratio / self.unguided

    def __str__(self) -> str:
        found = f"m(0) = {self.m:.4f}, v(0)/sigma2 = {self.v_ratio:.4f}: {self.lost:.1%} of the variance lost\n"
        if self.schedule.by_rule:
            return f"{found}(T17) is proved for it: never more is kept than without guidance, {self.unguided:.4f}"
        return (
            f"{found}with 0 <= w <= {self.w_max:.4g} and its dose {self.dose:.4g} at least {self.must_lose:.1%} is lost"
        )


@door()
def no_go(schedule: object, problem: Problem) -> NoGo:
    """How much variance a non-negative schedule loses, and how much every other one of its dose must lose.

    Parameters
    ----------
    schedule : a number, function or schedule with w >= 0, in the own time of the problem's noise; or a rule.
    problem : class variance, sampler, start and noise; taken in the continuum (with finitely many classes the theorem
        holds up to speciation, after which guidance no longer acts), isotropic.

    Raises
    ------
    ScheduleError : the schedule is negative somewhere: a negative window can keep the variance, see `design`. Or a rule
        for which (T17) is refuted, or neither proved nor refuted.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> from meanfield import Interval
    >>> print(no_go(Interval(3.0, 0.5, 2.0), Problem(classes=Continuum(), sigma2=0.25, guidance=0.0)))
    m(0) = 1.1907, v(0)/sigma2 = 0.7533: 24.7% of the variance lost
    with 0 <= w <= 3 and its dose 1.439 at least 9.8% is lost
    >>> from meanfield import Projected
    >>> print(no_go(Projected(1.0), Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, t_start=1000.0)))
    m(0) = 1.0739, v(0)/sigma2 = 0.3846: 61.5% of the variance lost
    (T17) is proved for it: never more is kept than without guidance, 1.0000
    """
    guidance = as_schedule(schedule)
    guided = problem.replace(guidance=guidance)
    w_max = _largest(guided)
    best: Schedule = Constant(0.0)
    if guidance.by_rule:
        _require_shrinking(guided)
        result = _by_rule(guided)
    else:
        result = final_from_dose(guided)
        best = _early(w_max, result.dose, problem)
    unguided, early = (final_from_dose(problem.replace(guidance=w)) for w in (0.0, best))
    ratio, free, largest = (x.v / problem.sigma2 for x in (result, unguided, early))
    return NoGo(guidance, problem, result.dose, result.m, ratio, free, largest, best, w_max)


def _largest(problem: Problem) -> float:
    """Largest w, or amplitude of a rule, at some times; refuses w < 0."""
    problem.require_no_ratio("the no-go theorem")
    t = _times(problem)
    w = np.asarray((problem.amplitude if problem.schedule.by_rule else problem.weight)(t), float)
    if np.any(w < 0.0):
        i = int(np.argmin(w))
        raise ScheduleError(
            f"the no-go theorem is about schedules with w >= 0; got w = {w[i]:.4g} at VE time t = {t[i]:.4g}. A "
            "negative window can keep the variance: see meanfield.design."
        )
    return float(w.max())


def _times(problem: Problem) -> np.ndarray:
    """A fine grid, and both sides of every breakpoint."""
    top = problem.T if math.isfinite(problem.T) else 1e6 + 10.0 * problem.schedule.constant_above
    grid = np.concatenate([[0.0], np.geomspace(1e-6, top, 4001)])
    edges = np.array([b for b in problem.schedule.breakpoints if b < top])
    return np.concatenate([grid, edges, np.nextafter(edges, np.inf), np.nextafter(edges, 0.0)])


def _require_shrinking(problem: Problem) -> None:
    """Refuse a rule for which (T17) is not proved."""
    problem.require_isotropic("the no-go theorem of a rule")
    rule: Any = problem.schedule
    t = _times(problem)
    if rule.linear(1.0, 1.0, 1.0) is not None:
        b = np.asarray(push(problem, problem.sigma2 + t)[1], float)
        i = int(np.argmin(b))
        if b[i] < 0.0:
            raise ScheduleError(
                f"(T17) fails for {rule!r}: where b < 0 in D s = (1 + a) mu_1 - (1 + b) x the variance grows against "
                f"D; got b = {b[i]:.4g} at VE time t = {t[i]:.4g} (docs/rules.md, Theorems). Use solve."
            )
        return
    proved = rule.shrinks(problem.sigma2, problem.eta)
    if not proved:
        fails = "fails: from some start some w >= 0 keeps more than no guidance"
        known = "is neither proved nor refuted" if proved is None else fails
        raise ScheduleError(
            f"the no-go theorem (T17) {known} for {rule!r}, sigma2 = {problem.sigma2:g}, eta = {problem.eta:g} "
            "(docs/rules.md, Theorems). Use solve."
        )


def _by_rule(problem: Problem) -> DoseResult:
    """m(0) and v(0) in the continuum, and the dose if the rule has one."""
    if problem.schedule.linear(1.0, 1.0, 1.0) is not None:  # type: ignore[attr-defined]
        return final_from_dose(problem)
    final = solve(problem.replace(classes=Continuum())).final
    return DoseResult(float(final.m), float(final.v), math.nan)


def _early(w_max: float, dose: float, problem: Problem) -> Schedule:
    """w_max above a switch, 0 below, of a given dose: w_max [log L(D_1) - log L(D_T)] = dose."""
    if dose <= 0.0 or w_max <= 0.0:
        return Constant(0.0)
    D_T = problem.sigma2 + problem.T
    log_L = dose / w_max + (math.log1p(1.0 / D_T) if math.isfinite(D_T) else 0.0)
    t = 1.0 / math.expm1(log_L) - problem.sigma2
    if t <= 0.0:  # the schedule is w_max throughout
        return Constant(w_max)
    return Piecewise((float(problem.noise.own_time(t)),), (0.0, w_max))
