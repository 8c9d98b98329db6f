"""`design`: the schedule that shifts or separates a class most while its variance is kept (sec. 5 of docs/theory.md).

Guidance with w >= 0 shrinks the variance, whatever the schedule (T17). A window of negative guidance pays it back. The
design maximises m(0), or the separation F at t = 0, subject to v(0) = keep sigma2 and bounds on w. See
docs/design-schedules.md for what is proved and what is searched.
"""

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np

from meanfield.designs.free_levels import best_levels
from meanfield.designs.patterns import one_switch_is_optimal, search, separation_peak
from meanfield.designs.request import OBJECTIVES, Request
from meanfield.designs.result import Design, Outcome
from meanfield.designs.switching import Candidate, Shape, best
from meanfield.errors import ConvergenceError, ProblemError
from meanfield.guidance.schedules import Constant, Piecewise, Schedule
from meanfield.problem.noise import VE
from meanfield.problem.statement import Problem
from meanfield.theory.dynamics import solve
from meanfield.theory.energies import information
from meanfield.tools.roots import brentq

__all__ = ["design"]

PRECISION = 1e-6  # |v(0)/(keep sigma2) - 1| of a design that is returned


def design(
    problem: Problem,
    *,
    w_min: float = -1.0,
    w_max: float = 5.0,
    keep: str | float = "variance",
    maximise: str = "mean",
    mean: float | None = None,
    slope: float = math.inf,
    approximate: bool = False,
    margin: float = 0.01,
    d: float = math.inf,
    progress: Any = None,
) -> Design:
    """Design a guidance schedule that keeps the variance.

    Parameters
    ----------
    problem : what is sampled, and how; its guidance is ignored.
    w_min, w_max : bounds on w, w_min < 0 < w_max for anything to be kept.
    keep : "variance" for v(0) = sigma2 (with a spectrum: the total variance); "each" for that of every group of
        directions (a spectrum in the continuum; many free levels, see `meanfield.designs.free_levels`); or the ratio
        v(0)/sigma2.
    maximise : "mean" for m(0), "separation" for the log-odds F of the target per dimension at t = 0. At v(0) = sigma2
        F is largest at m(0) = 1 + sigma2 where the rest is a crowd: a larger shift separates less.
    mean : instead of maximising, reach this m(0) > 1 with the least w_max.
    slope : bound on |dw/d log D|; jumps become ramps (`Tabulated`).
    approximate : allow schedules that pass a glass with w < 0, where capture decides and the theory is approximate.
    margin : least 1 - K/alpha while w < 0, the distance from that glass, 0 <= margin <= 0.9. A window that is open at
        speciation is closed there too (w = 0): it no longer acts in theory, but at finite d on late samples.
    d : dimension at which alpha = log(P)/d is taken.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Design : |v(0)/(keep sigma2) - 1| < 1e-6 by `solve`.

    Raises
    ------
    ProblemError : bounds or a mean that admit no solution, with the nearest that do.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> made = design(Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler="sde", t_start=1000.0))
    >>> [round(t, 4) for t in made.switches], round(made.outcome.m, 4), round(made.outcome.v_ratio, 6)
    ([0.2425], 1.2484, 1.0)
    """
    asked = _Delivery(problem, w_min, w_max, keep, maximise, mean, slope, approximate, margin, d)
    respond, demand = asked.respond, asked.demand
    if asked.each:
        return asked.every_direction()
    found = search(respond, (asked.w_min, asked.w_max), asked.slope, demand, progress)
    if found is None:
        raise ProblemError(asked.why_none())
    goal = asked.target(found)
    if goal is not None:
        found = asked.weakened(found, goal)
    return asked.delivered(found)


class _Delivery(Request):
    """The steps from the search to the `Design`."""

    def target(self, found: Candidate) -> float | None:
        """The shift at which to stop: the mean that was asked for, or where the separation is largest."""
        if self.mean is not None:
            most = self._values(found).shift[0]
            if self.mean - 1.0 > most + 1e-9:
                raise ProblemError(
                    f"the largest mean at v(0)/sigma2 = {self.keep:g} with {self.w_min:g} <= w <= {self.w_max:g} is "
                    f"{1 + most:.6g}; got mean = {self.mean:g}. Raise w_max, lower w_min, or ask for less."
                )
            return self.mean - 1.0
        if self.maximise == "mean" or self.demand.objective == "separation":
            return None
        peak = separation_peak(self.problem, self.respond.alpha, self.keep)
        return peak if peak < found.value else None

    def weakened(self, found: Candidate, shift: float) -> Candidate:
        """The same pattern with a weaker early level, down to the given shift."""
        if abs(found.value - shift) < 1e-9:
            return found
        _, *rest = found.shape.values

        def at(w: float) -> Candidate | None:
            late = [min(x, w) for x in rest]
            shape = Shape((w, *late), found.shape.sigma2, found.shape.start, found.shape.slope)
            return best(self.respond, shape, self.demand)

        def excess(w: float) -> float:
            candidate = at(w)
            return (0.0 if candidate is None else candidate.value) - shift

        w = brentq(excess, 1e-4 * found.shape.values[0], found.shape.values[0], xtol=1e-10, rtol=1e-10)
        weaker = at(w)
        if weaker is None or abs(weaker.value - shift) > 1e-6:
            raise ConvergenceError(f"no design with m(0) = {1 + shift:.6g} was found; ask for another mean.")
        return weaker

    def delivered(self, found: Candidate) -> Design:
        """Solve the design by `solve`, which must confirm it, and the constants to compare with."""
        found, theory = self._confirmed(found)
        ratio, values = 1.0 + float(theory.final.variance_excess), self._values(found)
        outcome = Outcome(1.0 + float(theory.final.mean_shift), ratio, float(values.separation[0]), theory.standing)
        switches = tuple(float(np.exp(s)) - self.problem.sigma2 for s in found.switches)
        problem, levels = theory.problem, found.shape.values
        t = self._let_go(theory, levels[-1])
        if t is not None:
            switches, levels = (*switches, t), (*levels, 0.0)
            guidance = _own_time(Piecewise(switches[::-1], levels[::-1]), self.problem)
            problem = problem.replace(guidance=guidance)
        proved = one_switch_is_optimal(self.problem, self.w_min, self.slope) and self.maximise == "mean"
        constants = self._same_mean(outcome.m - 1.0), (self.w_max, self._outcome(self.w_max))
        return Design(
            problem, outcome, *constants, switches, levels,
            proved and self.mean is None, self.w_min, self.w_max, self.keep, self.maximise, self.slope, self.d,
        )  # fmt: skip

    def every_direction(self) -> Design:
        """The design that keeps the variance of every group of directions."""
        bad = not self.respond.compiled or math.isfinite(self.slope) or self.mean is not None
        if bad or self.problem.noise != VE():
            raise ProblemError(
                'keep="each" is for a spectrum in the continuum, in VE time, without slope and mean; got '
                f'{self.problem!r}. Use keep="variance".'
            )
        objective = OBJECTIVES[self.maximise]
        found = best_levels(self.respond, (self.w_min, self.w_max), objective=objective, each=True)
        problem = self.problem.replace(guidance=found.schedule)
        final = cast(Any, solve(problem, self.d).final)
        if not np.max(np.abs(final.variance_excess_group)) < PRECISION:
            raise ConvergenceError(f"the design must keep every direction; got {final.variance_excess_group}.")
        m, ratio = 1.0 + float(final.mean_shift), 1.0 + float(final.variance_excess)
        outcome = Outcome(m, ratio, float(found.values.separation[0]), "exact")
        times, levels = tuple(found.edges[1:-1].tolist()), tuple(found.levels.tolist())
        return Design(
            problem, outcome, self._same_mean(m - 1.0), (self.w_max, self._outcome(self.w_max)), times, levels,
            False, self.w_min, self.w_max, 1.0, self.maximise, self.slope, self.d,
        )  # fmt: skip

    def _let_go(self, theory: Any, last: float) -> float | None:
        """Where a negative window that is open at speciation must close: at K/alpha = 1 - margin on the way on.

        In theory guidance no longer acts there; at finite d some samples are late, and a window that is still open in
        the glass has them captured by other classes.
        """
        at_risk = last < 0.0 and theory.phases[-1] == "target" and math.isinf(self.slope)
        if not at_risk or self.problem.spectrum is not None:
            return None
        limit = theory.alpha * (1.0 - self.demand.margin)

        def excess(t: float) -> float:
            state = theory.at(t)
            return float(information(self.problem.sigma2 + t, state.q)) - limit

        if excess(0.0) <= 0.0:
            return None
        return brentq(excess, 0.0, theory.t_speciation) if excess(theory.t_speciation) < 0.0 else theory.t_speciation

    def _confirmed(self, found: Candidate) -> tuple[Candidate, Any]:
        """The design with its last switch moved, where that is needed, until `solve` confirms the kept variance."""

        def solved(last: float) -> Any:
            table = found.shape.table(np.array([(*found.switches[:-1], last)]))
            guidance = _own_time(table.schedule(), self.problem)
            return solve(self.problem.replace(guidance=guidance), self.d)

        def excess(last: float) -> float:
            return 1.0 + float(cast(Any, solved(last).final).variance_excess) - self.keep

        last, size = found.switches[-1], 1e-8
        while abs(excess(last)) > 0.01 * PRECISION * self.keep and size < 1e-2:
            ends = (max(last - size, found.shape.low), last + size)
            if excess(ends[0]) * excess(ends[1]) < 0.0:
                last = brentq(excess, *ends, xtol=1e-14)
                break
            size *= 10.0
        if not abs(excess(last) / self.keep) < PRECISION:
            raise ConvergenceError(
                f"the design must keep v(0)/sigma2 = {self.keep:g}; `solve` is off by {excess(last):.1e}. Move the "
                "bounds a little."
            )
        return replace(found, switches=(*found.switches[:-1], last)), solved(last)

    def _same_mean(self, shift: float) -> tuple[float, Outcome] | None:
        """The weakest constant guidance with this mean shift."""
        grid = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 61 if self.respond.compiled else 13)])
        above = np.flatnonzero(self._constants(grid).shift >= shift)
        if not len(above) or above[0] == 0:
            return None
        w = brentq(lambda x: float(self._constants(np.array([x])).shift[0]) - shift, grid[above[0] - 1], grid[above[0]])
        return float(w), self._outcome(float(w))


def _own_time(schedule: Schedule, problem: Problem) -> Schedule:
    """A schedule of VE time in the own time of the problem's noise; exact for piecewise constant ones."""
    if problem.noise == VE() or isinstance(schedule, Constant):
        return schedule
    piecewise = cast(Piecewise, schedule)
    return Piecewise(tuple(float(problem.noise.own_time(t)) for t in piecewise.edges), piecewise.values)
