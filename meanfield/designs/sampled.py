"""A design for the sampler one runs: the pattern found in continuous time, with a switch moved until the law of the
sampler's own code keeps the variance.

A sampler asks for w at its own levels t_0 > t_1 > ... > t_(n-1) alone. Between two of them a switch may move without
any effect: v(0) is a step function of its time. So a switch from a to b has a place p among the levels, 0 <= p <= n:
levels before it have a, those after it b, and the level in which it lies has some of both,

    (V14)  w_k = a + (b - a) min(max(k + 1 - p, 0), 1),

of which v(0) is a continuous function where no phase changes: v(0) = keep sigma2 is one root. w stays within bounds.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from meanfield.designs.request import Request
from meanfield.designs.result import Design, Prediction
from meanfield.errors import ConvergenceError, ProblemError
from meanfield.guidance.schedules import Constant, Piecewise, Schedule
from meanfield.problem.owntime import in_own_time
from meanfield.sampler.code import Sampler
from meanfield.theory.measures import crowd_separation
from meanfield.tools.roots import brentq
from meanfield.vector.law import SamplerLaw
from meanfield.vector.solver import solve_sampler

PRECISION = 1e-6  # relative error of v(0)/sigma2 at an edge of what is kept
SCANNED = 33  # places of a switch that are scanned, at most
SAME_LEVEL = 1e-4  # relative difference of VE times that is rounding: one level, called several times
NEVER = Prediction(math.nan, math.nan, math.nan, "approximate")  # of a sampler that diverges


class _Tried(NamedTuple):
    """A schedule that was tried: weights at the levels, what it does, whether it may be used."""

    weights: tuple[float, ...]
    does: Prediction
    allowed: bool


class _Discrete:
    """The law of a sampler's code under weights that are given level by level."""

    def __init__(self, asked: Request, sampler: Sampler, shape: Sequence[int] | None) -> None:
        self._asked, self._sampler = asked, sampler
        self._options: dict[str, Any] = {"d": asked.d, "theory": "mean-field", "shape": shape}
        law = self.law(Constant(0.0))
        self.name, self.levels = law.sampler, _distinct(law.t[:-1])
        between = np.sqrt(self.levels[:-1] * np.maximum(self.levels[1:], 1e-6 * self.levels[:-1]))
        self.edges = tuple(between.tolist())  # VE times, early first

    def law(self, schedule: Schedule) -> SamplerLaw:
        problem = self._asked.problem
        guided = problem.with_amplitude(in_own_time(schedule, problem.noise))
        law: Any = solve_sampler(guided, self._sampler, **self._options)
        return law

    def schedule(self, weights: tuple[float, ...]) -> Schedule:
        """The schedule, in VE time, that has these weights at the levels; it switches half-way between them."""
        switches = [(t, b) for t, (a, b) in zip(self.edges, pairwise(weights), strict=True) if a != b]
        values = (weights[0], *(b for _, b in switches))
        return Piecewise(tuple(t for t, _ in switches)[::-1], values[::-1]) if switches else Constant(weights[0])

    def tried(self, schedule: Schedule, weights: tuple[float, ...] = ()) -> _Tried:
        try:
            law = self.law(schedule)
        except ConvergenceError:
            return _Tried(weights, NEVER, False)
        captured = bool(np.any((law.phase[:-1] == "glass") & (law.w[:-1] < 0.0)))
        return _Tried(weights, _prediction(law), self._asked.demand.approximate or not captured)


def for_sampler(asked: Request, made: Design, edge: float | None, sampler: Any, shape: Any) -> Design:
    """The design whose variance is kept by the law of a sampler's code.

    Parameters
    ----------
    made : the design in continuous time. edge : of v(0)/sigma2 that it is on; None inside the band that is kept.

    Raises
    ------
    ProblemError : a sampler with which no place of a switch keeps the variance, or that is not guided by model.eps.
    """
    discrete = _Discrete(asked, sampler, shape)
    before = discrete.tried(_in_ve_time(made))
    low, high = asked.demand.edges[0], asked.demand.edges[-1]
    if edge is None and before.allowed and low <= before.does.v_ratio <= high:
        weights = _weights(discrete, made, [_place(discrete, t) for t in made.switches])
    else:
        nearest = low if not before.does.v_ratio > high else high
        weights = _moved(asked, discrete, made, nearest if edge is None else edge)
    schedule = discrete.schedule(weights)
    found = discrete.tried(schedule).does
    switches = tuple(schedule.edges[::-1]) if isinstance(schedule, Piecewise) else ()
    levels = tuple(schedule.values[::-1]) if isinstance(schedule, Piecewise) else weights[:1]
    return replace(
        made, problem=asked.problem.with_amplitude(in_own_time(schedule, asked.problem.noise)), outcome=found,
        same_mean=_same_mean(discrete, found.m, asked.w_max), switches=switches, levels=levels, proved=False,
        at_w_max=(asked.w_max, discrete.tried(Constant(asked.w_max)).does),
        sampler=discrete.name, continuous=before.does,
    )  # fmt: skip


def _moved(asked: Request, discrete: _Discrete, made: Design, edge: float) -> tuple[float, ...]:
    """Weights at the levels with one switch moved, the last that can do it, until v(0)/sigma2 = edge."""
    places, n = [_place(discrete, t) for t in made.switches], len(discrete.levels)
    most = -math.inf
    for moving in reversed(range(len(places))):
        low, high = ([0.0, *places][moving], [*places, float(n)][moving + 1])

        def weights(p: float, moving: int = moving) -> tuple[float, ...]:
            return _weights(discrete, made, [*places[:moving], p, *places[moving + 1 :]])

        found, best = _root(asked, discrete, weights, (low, high), edge)
        if found is not None:
            return found
        most = max(most, best)
    if not places:
        found, most = _root(asked, discrete, lambda w: (w,) * n, (asked.w_min, asked.w_max), edge)
        if found is not None:
            return found
    raise ProblemError(
        f"no place of a switch keeps v(0)/sigma2 = {edge:g} with {asked.w_min:g} <= w <= {asked.w_max:g} and "
        f"{discrete.name}; the nearest that this sampler reaches is {edge + most:.6g}. Take more steps, lower w_min, "
        "or keep less."
    )


def _root(
    asked: Request,
    discrete: _Discrete,
    weights: Callable[[float], tuple[float, ...]],
    ends: tuple[float, float],
    edge: float,
) -> tuple[tuple[float, ...] | None, float]:
    """Weights at the root of v(0)/sigma2 = edge with the most of what is maximised; and the excess nearest to 0."""

    @cache
    def tried(x: float) -> _Tried:
        return discrete.tried(discrete.schedule(weights(x)), weights(x))

    def excess(x: float) -> float:
        return tried(x).does.v_ratio - edge

    def worth(pair: tuple[float, float]) -> float:
        name = "separation" if asked.maximise == "separation" else "m"
        return max(getattr(tried(x).does, name) for x in pair)

    span = ends[1] - ends[0]
    grid = np.linspace(*ends, int(np.clip(math.ceil(span), 8, SCANNED - 1)) + 1).tolist()
    usable = [x for x in grid if math.isfinite(excess(x))]
    if len(usable) > 1 and len({tried(x).does.v_ratio for x in usable}) == 1 and span > 0.0:
        raise ProblemError(
            f"a sampler to design for must be guided by its model, model.eps or model.denoised; {discrete.name} does "
            "the same whatever problem.guidance is. Leave guiders out."
        )
    pairs = [pair for pair in pairwise(usable) if excess(pair[0]) * excess(pair[1]) <= 0.0]
    for pair in sorted(pairs, key=worth, reverse=True):
        x = min(pair, key=lambda end: abs(excess(end)))
        if excess(x) != 0.0:
            x = brentq(excess, *pair, xtol=1e-12)
        if abs(excess(x)) < PRECISION * edge and tried(x).allowed:  # a phase that changes is a jump, no root
            return tried(x).weights, 0.0
    return None, min((excess(x) for x in usable), key=abs, default=-math.inf)


def _weights(discrete: _Discrete, made: Design, places: Sequence[float]) -> tuple[float, ...]:
    """Weights at the levels (V14) of the pattern of a design with its switches at these places."""
    k = np.arange(len(discrete.levels))
    w = np.full(len(k), float(made.levels[0]))
    for p, (a, b) in zip(places, pairwise(made.levels), strict=True):
        w += (b - a) * np.clip(k + 1.0 - p, 0.0, 1.0)
    return tuple(w.tolist())


def _place(discrete: _Discrete, t: float) -> float:
    """The place of a switch at VE time t among the levels: between two of them."""
    return float(np.count_nonzero(discrete.levels > t))


def _distinct(t: np.ndarray) -> np.ndarray:
    """The different levels of a sampler's calls, descending."""
    t = np.sort(t)[::-1]
    return t[np.append(True, t[1:] < (1.0 - SAME_LEVEL) * t[:-1])]


def _in_ve_time(made: Design) -> Schedule:
    return Piecewise(made.switches[::-1], made.levels[::-1]) if made.switches else Constant(made.levels[0])


def _prediction(law: SamplerLaw) -> Prediction:
    """What a law is at t = 0."""
    final = law.final
    separation = float(final.F)
    if math.isinf(law.alpha):
        separation = crowd_separation(law.problem, law.m_group[-1], law.v_group[-1])
    return Prediction(float(final.m), float(final.v / law.problem.sigma2), separation, law.standing)


def _same_mean(discrete: _Discrete, m: float, w_max: float) -> tuple[float, Prediction] | None:
    """The constant guidance up to w_max with this mean."""

    def excess(w: float) -> float:
        return discrete.tried(Constant(w)).does.m - m

    if not (excess(w_max) >= 0.0 > excess(0.0)):
        return None
    w = brentq(excess, 0.0, w_max, xtol=1e-10)
    return w, discrete.tried(Constant(w)).does
