"""A design for the sampler one runs: the pattern found in continuous time, with its switches moved until the law of the
sampler's own code keeps the variance.

A sampler asks for w at its own levels t_0 > t_1 > ... > t_(n-1) alone. Between two of them a switch may move without
any effect: v(0) is a step function of its time. So a switch from a to b has a place p among the levels, 0 <= p <= n:
levels before it have a, those after it b, and the level in which it lies has some of both,

    (V14)  w_k = a + (b - a) min(max(k + 1 - p, 0), 1),

of which v(0) is a continuous function where no phase changes: v(0) = keep sigma2 is one root. Where a mean is wanted
the strongest level is another: the one with which m(0) is the mean when v(0) is kept. w stays within bounds.
"""

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from meanfield.designs.by_level import ByLevel, Kept, Tried
from meanfield.designs.request import Request
from meanfield.designs.result import Design, Prediction
from meanfield.errors import ConvergenceError, ProblemError
from meanfield.guidance.schedules import Constant, Piecewise, Schedule
from meanfield.problem.owntime import in_own_time
from meanfield.tools.roots import brentq

MEAN_PRECISION = 1e-6  # of m(0)
WEAKEST, LEVELS = 0.01, 9  # of the strongest levels that are tried for a mean, in units of w_max; their number
STRONGEST = 1e3  # constant guidance that is tried for a mean


def for_sampler(asked: Request, made: Design, edge: float | None, sampler: Any, shape: Any) -> Design:
    """The design whose variance is kept by the law of a sampler's code.

    Parameters
    ----------
    made : the design in continuous time. edge : of v(0)/sigma2 that it is on; None inside the band that is kept.

    Raises
    ------
    ProblemError : a sampler with which no place of a switch keeps the variance, or reaches the mean, or that is not
        guided by model.eps.
    """
    by_level = ByLevel(asked, sampler, shape)
    found = _kept(by_level, made, edge).found if asked.mean is None else _reaching(by_level, made, edge, asked.mean)
    if found is None:
        raise ProblemError(_why_none(by_level, made, edge))
    schedule = by_level.schedule(found.weights)
    switches = tuple(schedule.edges[::-1]) if isinstance(schedule, Piecewise) else ()
    levels = tuple(schedule.values[::-1]) if isinstance(schedule, Piecewise) else found.weights[:1]
    return replace(
        made, problem=asked.problem.with_amplitude(in_own_time(schedule, asked.problem.noise)), outcome=found.does,
        same_mean=_same_mean(by_level, found.does.m), switches=switches, levels=levels, proved=False,
        at_w_max=(asked.w_max, by_level.does(Constant(asked.w_max))),
        sampler=by_level.name, continuous=by_level.does(_in_ve_time(made)),
    )  # fmt: skip


def _kept(by_level: ByLevel, made: Design, edge: float | None, second: float | None = None) -> Kept:
    """The pattern of a design as it is inside the band that is kept, else with switches moved to an edge of it."""
    if edge is None:
        low, high = by_level.asked.demand.edges[0], by_level.asked.demand.edges[-1]
        unmoved = by_level.tried(by_level.weights(made.levels, [by_level.place(t) for t in made.switches]))
        if unmoved.allowed and low <= unmoved.does.v_ratio <= high:
            return Kept(unmoved, unmoved.does.v_ratio)
        edge = high if unmoved.does.v_ratio > high else low
    return by_level.kept(made.levels, edge, second)


def _reaching(by_level: ByLevel, made: Design, edge: float | None, mean: float) -> Tried | None:
    """The same with another strongest level, with which m(0) is the wanted mean; None if none keeps the variance."""
    asked, top = by_level.asked, max(made.levels)

    def pattern(w: float) -> Design:
        return replace(made, levels=tuple(w if level == top else min(level, w) for level in made.levels))

    def found_between(w: float, stronger: float, second: float | None) -> Tried | None:
        @cache
        def tried(level: float) -> Tried | None:
            return _kept(by_level, pattern(level), edge, second).found

        def excess(level: float) -> float:
            found = tried(level)
            return math.nan if found is None else found.does.m - mean

        try:
            found = tried(brentq(excess, w, stronger, xtol=1e-12))
        except ConvergenceError:  # with this second switch not all levels between keep the variance
            return None
        return found if found is not None and abs(found.does.m - mean) < MEAN_PRECISION else None  # else a jump

    reached: list[tuple[float, float, float | None]] = []  # level, m(0), place of a second switch
    for w in np.geomspace(asked.w_max, WEAKEST * asked.w_max, LEVELS).tolist() if asked.w_max > 0.0 else [asked.w_max]:
        kept = _kept(by_level, pattern(w), edge)
        if kept.found is None:
            continue
        reached.append((w, kept.found.does.m, kept.second))
        for stronger, m, second in reached[-2:-1]:
            for place in dict.fromkeys([second, kept.second]) if (m - mean) * (reached[-1][1] - mean) <= 0.0 else ():
                found = found_between(w, stronger, place)
                if found is not None:
                    return found
    if not reached:
        return None
    nearest = min((m for _, m, _ in reached), key=lambda m: abs(m - mean))
    largest = nearest < mean and nearest == max(m for _, m, _ in reached)
    raise ProblemError(
        f"the {'largest' if largest else 'nearest'} mean found that keeps v(0)/sigma2 = {asked.keep:g} with "
        f"{asked.w_min:g} <= w <= {asked.w_max:g} and {by_level.name} is {nearest:.6g}; got "
        f"mean = {mean:g}. Raise w_max, lower w_min, or ask for this one."
    )


def _why_none(by_level: ByLevel, made: Design, edge: float | None) -> str:
    asked = by_level.asked
    return (
        f"no place of a switch keeps v(0)/sigma2 = {asked.keep:g} with {asked.w_min:g} <= w <= {asked.w_max:g} and "
        f"{by_level.name}; the nearest that this sampler reaches is {_kept(by_level, made, edge).nearest:.6g}. Take "
        "more steps, lower w_min, or keep less."
    )


def _same_mean(by_level: ByLevel, m: float) -> tuple[float, Prediction] | None:
    """The weakest constant guidance with this mean."""

    @cache
    def excess(w: float) -> float:
        return by_level.does(Constant(w)).m - m

    for weak, strong in pairwise([0.0, *np.geomspace(1e-3, STRONGEST, 31).tolist()]):
        if excess(strong) >= 0.0 > excess(weak):
            w = brentq(excess, weak, strong, xtol=1e-10)
            return w, by_level.does(Constant(w))
    return None


def _in_ve_time(made: Design) -> Schedule:
    return Piecewise(made.switches[::-1], made.levels[::-1]) if made.switches else Constant(made.levels[0])
