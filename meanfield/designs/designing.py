"""`design`: the schedule that shifts or separates a class most while its variance is kept (sec. 5 of docs/theory.md).

Guidance with w >= 0 shrinks the variance, whatever the schedule (T17). A window of negative guidance pays it back. The
design maximises m(0), or the separation F at t = 0, subject to v(0) >= keep sigma2 (and <= sigma2/keep: a variance that
has grown is not kept) and bounds on w. See docs/design-schedules.md for what is proved and what is searched.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from meanfield.designs.free_levels import best_levels
from meanfield.designs.letting_go import glass_ahead
from meanfield.designs.patterns import one_switch_is_optimal, search, separation_peak
from meanfield.designs.request import OBJECTIVES, Request
from meanfield.designs.result import Design, Prediction
from meanfield.designs.ruled import reaching, switched
from meanfield.designs.sampled import for_sampler
from meanfield.designs.switching import Candidate, best
from meanfield.errors import ConvergenceError, ProblemError, require
from meanfield.guidance.schedules import Piecewise
from meanfield.maps.bulk import STANDINGS
from meanfield.problem.noise import VE
from meanfield.problem.owntime import in_own_time
from meanfield.problem.statement import Problem
from meanfield.theory.solver import solve
from meanfield.tools.door import door
from meanfield.tools.roots import brentq

PRECISION = 1e-6  # relative error of v(0)/sigma2 at an edge of what is kept


@door()
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
    sampler: Callable | None = None,
    shape: Sequence[int] | None = None,
    progress: Any = None,
) -> Design:
    """Design a guidance schedule that keeps the variance.

    Parameters
    ----------
    problem : what is sampled, and how. If its guidance is a rule, the amplitude of that rule is designed, within one
        family: w_max early, w_min late (`meanfield.designs.ruled`). Other guidance is ignored.
    w_min, w_max : bounds on w, w_min < 0 < w_max for anything to be kept.
    keep : "variance" for v(0) = sigma2 (with a spectrum: the total variance); "each" for that of every group of
        directions (a spectrum in the continuum; many free levels, see `meanfield.designs.free_levels`); or the share
        that is kept at least, keep <= v(0)/sigma2 <= 1/keep. A keep above 1 is met exactly.
    maximise : "mean" for m(0), "separation" for the log-odds F of the target per dimension at t = 0. At v(0) = sigma2
        F is largest at m(0) = 1 + sigma2 where the rest is a crowd: a larger shift separates less.
    mean : instead of maximising, reach this m(0) > 1 with the least w_max.
    slope : bound on |dw/d log D|; jumps become ramps (`Tabulated`).
    approximate : allow schedules that pass a glass with w < 0, where capture decides and the theory is approximate.
    margin : least 1 - K/alpha while w < 0, the distance from that glass, 0 <= margin <= 0.9. A window that is open at
        speciation is closed there too (w = 0): it no longer acts in theory, but at finite d on late samples.
    d : dimension at which alpha = log(P)/d is taken.
    sampler, shape : a sampler's own code, as for `solve_sampler`. The design in continuous time is then moved until the
        law of this code, with its real steps, keeps the variance, and has the mean (`meanfield.designs.sampled`).
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Design : confirmed by `solve`, or `solve_sampler`, v(0)/sigma2 within what is kept to 1e-6. Unless a mean
        was asked for, no constant guidance within the bounds keeps as much and does better (in continuous time).

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
    asked = Request.of(problem, w_min, w_max, keep, maximise, mean, slope, approximate, margin, d, sampler is not None)
    if problem.guidance.by_rule:
        rule = "the amplitude designed for a rule has jumps, and keeps the total variance"
        require(math.isinf(asked.slope) and not asked.each, rule, 'slope or keep="each"', "Leave these out.")
    if sampler is not None:
        plain = math.isinf(asked.slope) and not asked.each
        require(plain, "a design for a sampler's code has jumps", 'slope or keep="each"', "Leave these out.")
    if asked.each:
        return _every_direction(asked)
    found = None
    if problem.guidance.by_rule and asked.mean is not None:
        found = reaching(asked.respond, asked.bounds, asked.demand, asked.mean - 1.0)
    found = _searched(asked, progress) if found is None else found
    made = _delivered(asked, found)
    return made if sampler is None else for_sampler(asked, made, found.edge, sampler, shape)


def _searched(asked: Request, progress: Any) -> Candidate:
    """The best of the patterns that are searched, weakened where a mean or a separation is wanted."""
    found = search(asked.respond, asked.bounds, asked.slope, asked.demand, progress)
    if found is None:
        raise ProblemError(asked.why_none())
    goal = _goal(asked, found)
    return found if goal is None else _weakened(asked, found, goal)


def _goal(asked: Request, found: Candidate) -> float | None:
    """The shift at which to stop: the mean that was asked for, or where the separation is largest."""
    if asked.mean is not None:
        most = asked.respond(found.table).shift[0]
        if asked.mean - 1.0 > most + 1e-9:
            if asked.by_code:
                return None  # its steps may shift more
            raise ProblemError(
                f"the largest mean that keeps v(0)/sigma2 = {asked.keep:g} with {asked.w_min:g} <= w <= "
                f"{asked.w_max:g} is {1 + most:.6g}; got mean = {asked.mean:g}. Raise w_max, lower w_min, or ask for "
                "less."
            )
        return asked.mean - 1.0
    if asked.maximise == "mean" or asked.demand.objective == "separation":
        return None
    peak = separation_peak(asked.problem, asked.respond.alpha, asked.keep)
    return peak if peak < found.value else None


def _weakened(asked: Request, found: Candidate, shift: float) -> Candidate:
    """The same pattern with a weaker early level, down to the given shift; with a window where constant guidance keeps
    less when it is weaker."""
    if abs(found.value - shift) < 1e-9:
        return found
    early, *rest = found.shape.values
    ruled, last = asked.problem.guidance.by_rule, found

    def pattern(w: float, *late: float) -> Candidate | None:
        return best(asked.respond, replace(found.shape, values=(w, *(min(x, w) for x in late))), asked.demand)

    def at(w: float) -> Candidate | None:
        nonlocal last
        if ruled:
            made = switched(asked.respond, (asked.w_min, w), asked.demand, last if rest else None)
            last = made or last
            return made
        return pattern(w, *rest) or (None if rest else pattern(w, asked.w_min, 0.0))

    def excess(w: float) -> float:
        candidate = at(w)
        return (0.0 if candidate is None else candidate.value) - shift

    reached = early > 0.0 and excess(early) >= 0.0
    weaker = at(brentq(excess, 1e-4 * early, early, xtol=1e-10, rtol=1e-10)) if reached else None
    if weaker is None or abs(weaker.value - shift) > 1e-6:
        raise ConvergenceError(f"no design with m(0) = {1 + shift:.6g} was found; ask for another mean.")
    return weaker


def _delivered(asked: Request, found: Candidate) -> Design:
    """Solve the design by `solve`, which must confirm it, and the constants to compare with."""
    found, theory = _confirmed(asked, found)
    switches = tuple(float(np.exp(s)) - asked.problem.sigma2 for s in found.switches)
    problem, levels = theory.problem, found.shape.values
    t = _let_go(asked, theory, levels[-1])
    if t is not None:
        switches, levels = (*switches, t), (*levels, 0.0)
        closed = in_own_time(Piecewise(switches[::-1], levels[::-1]), asked.problem.noise)
        problem = problem.with_amplitude(closed)
    proved = one_switch_is_optimal(asked.problem, asked.w_min, asked.slope) and asked.maximise == "mean"
    predicted = _prediction(theory.final, asked.respond(found.table).separation[0], theory.standing)
    return _design(asked, problem, predicted, switches, levels, proved and asked.mean is None)


def _every_direction(asked: Request) -> Design:
    """The design that keeps the variance of every group of directions."""
    bad = not asked.respond.compiled or math.isfinite(asked.slope) or asked.mean is not None
    rule = 'keep="each" is for a spectrum in the continuum, in VE time, without slope and mean'
    require(not bad and asked.problem.noise == VE(), rule, repr(asked.problem), 'Use keep="variance".')
    found = best_levels(asked.respond, asked.bounds, objective=OBJECTIVES[asked.maximise], each=True)
    problem = asked.problem.replace(guidance=found.schedule)
    final = cast(Any, solve(problem, asked.d).final)
    if not np.max(np.abs(final.variance_excess_group)) < PRECISION:
        raise ConvergenceError(f"the design must keep every direction; got {final.variance_excess_group}.")
    predicted = _prediction(final, found.values.separation[0], "exact")
    return _design(asked, problem, predicted, tuple(found.edges[1:-1].tolist()), tuple(found.levels.tolist()), False)


def _design(asked: Request, problem: Problem, predicted: Prediction, switches, levels, proved: bool) -> Design:
    """What was found, what was asked, and what constant guidance does instead."""
    return Design(
        problem, predicted, _same_mean(asked, predicted.m - 1.0), (asked.w_max, _constant(asked, asked.w_max)),
        switches, levels, proved, asked.w_min, asked.w_max, asked.keep, asked.maximise, asked.slope, asked.d,
    )  # fmt: skip


def _let_go(asked: Request, theory: Any, last: float) -> float | None:
    """Where a negative window that is open at speciation must close: at K/alpha = 1 - margin on the way on.

    In theory guidance no longer acts there; at finite d some samples are late, and a window that is still open in
    the glass has them captured by other classes.
    """
    at_risk = last < 0.0 and theory.phases[-1] == "target" and math.isinf(asked.slope)
    if not at_risk or asked.problem.spectrum is not None:
        return None
    t = glass_ahead(theory, asked.demand.margin)
    return None if t is None else min(t, theory.t_speciation)


def _confirmed(asked: Request, found: Candidate) -> tuple[Candidate, Any]:
    """The design with its last switch moved, where that is needed, until `solve` confirms the kept variance."""

    def moved(last: float) -> Candidate:
        return replace(found, switches=(*found.free, last))

    def solved(candidate: Candidate) -> Any:
        guidance = in_own_time(candidate.table.schedule(), asked.problem.noise)
        return solve(asked.problem.with_amplitude(guidance), asked.d)

    if found.edge is None:
        theory = solved(found)
        ratio, least, most = _ratio(theory), asked.demand.edges[0], asked.demand.edges[-1]
        _require_kept(asked, max(1.0 - ratio / least, ratio / most - 1.0))
        return found, theory
    edge = found.edge

    def excess(last: float) -> float:
        return _ratio(solved(moved(last))) - edge

    last, size = found.switches[-1], 1e-8
    while abs(excess(last)) > 0.01 * PRECISION * edge and size < 1e-2:
        ends = (max(last - size, found.shape.low), last + size)
        if excess(ends[0]) * excess(ends[1]) < 0.0:
            last = brentq(excess, *ends, xtol=1e-14)
            break
        size *= 10.0
    _require_kept(asked, abs(excess(last) / edge))
    return moved(last), solved(moved(last))


def _ratio(theory: Any) -> float:
    """v(0)/sigma2 by `solve`."""
    return 1.0 + float(theory.final.variance_excess)


def _require_kept(asked: Request, off: float) -> None:
    if not off < PRECISION:
        raise ConvergenceError(
            f"the design must keep v(0)/sigma2 = {asked.keep:g}; `solve` is off by {off:.1e}. Move the bounds a little."
        )


def _same_mean(asked: Request, shift: float) -> tuple[float, Prediction] | None:
    """The weakest constant guidance with this mean shift."""

    def shifts(w: np.ndarray) -> np.ndarray:
        return asked.respond.constants(w).shift

    grid = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 61 if asked.respond.compiled else 13)])
    if asked.respond.compiled:
        above = np.flatnonzero(shifts(grid) >= shift)
        first = int(above[0]) if len(above) else 0
    else:  # one solve after another, no more than are needed
        first = next((i for i, w in enumerate(grid) if shifts(np.array([w]))[0] >= shift), 0)
    if first == 0:
        return None
    w = brentq(lambda x: float(shifts(np.array([x]))[0]) - shift, grid[first - 1], grid[first])
    return float(w), _constant(asked, float(w))


def _constant(asked: Request, w: float) -> Prediction:
    """What constant guidance does."""
    x = asked.respond.constants(np.array([w]))
    m, ratio, separation = 1.0 + float(x.shift[0]), float(x.ratio[0]), float(x.separation[0])
    return Prediction(m, ratio, separation, STANDINGS[int(x.standing[0])])


def _prediction(final: Any, separation: float, standing: str) -> Prediction:
    """What a solved design does."""
    return Prediction(1.0 + float(final.mean_shift), 1.0 + float(final.variance_excess), float(separation), standing)
