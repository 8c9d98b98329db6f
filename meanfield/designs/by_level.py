"""The law of a sampler's code under weights that are given level by level, and the switches that keep the variance.

A switch from a to b has a place p among the levels, 0 <= p <= n, (V14) of `meanfield.designs.sampled`. One switch is
found as a root of v(0)/sigma2 = edge. Of two the first is, for every whole place of the second, and the root with the
most of what is maximised is taken.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from meanfield.designs.request import Request
from meanfield.designs.result import Prediction
from meanfield.errors import ConvergenceError, ProblemError
from meanfield.guidance.schedules import Constant, Piecewise, Schedule
from meanfield.problem.owntime import in_own_time
from meanfield.sampler.code import Sampler
from meanfield.theory.measures import crowd_separation
from meanfield.tools.roots import brentq
from meanfield.vector.law import SamplerLaw
from meanfield.vector.solver import solve_sampler

PRECISION = 1e-6  # relative error of v(0)/sigma2 at an edge of what is kept
PLACES = 8, 32  # of a single switch that are scanned, at least and at most
SECOND = 20  # places of a second switch, at most
SAME_LEVEL = 1e-4  # relative difference of VE times that is rounding: one level, called several times
NEVER = Prediction(math.nan, math.nan, math.nan, "approximate")  # of a sampler that diverges


class Line(NamedTuple):
    """Weights that depend on one number, between two ends, in so many intervals; the place of a second switch."""

    weights: Callable[[float], tuple[float, ...]]
    ends: tuple[float, float]
    intervals: int
    second: float | None = None


class Tried(NamedTuple):
    """Weights at the levels that were tried, what they do, whether they may be used."""

    weights: tuple[float, ...]
    does: Prediction
    allowed: bool


class Kept(NamedTuple):
    """What keeps the variance, None if nothing does; the nearest v(0)/sigma2; the place of a second switch."""

    found: Tried | None
    nearest: float
    second: float | None = None


class ByLevel:
    """What weights at the levels of a sampler's calls do."""

    def __init__(self, asked: Request, sampler: Sampler, shape: Sequence[int] | None) -> None:
        self.asked, self._sampler = asked, sampler
        self._options: dict[str, Any] = {"d": asked.d, "theory": "mean-field", "shape": shape}
        law = self._law(Constant(0.0))
        self.name, self.levels = law.sampler, _distinct(law.t[:-1])
        between = np.sqrt(self.levels[:-1] * np.maximum(self.levels[1:], 1e-6 * self.levels[:-1]))
        self.edges = tuple(between.tolist())  # VE times, early first
        self.tried = lru_cache(maxsize=None)(self._tried)

    def schedule(self, weights: tuple[float, ...]) -> Schedule:
        """The schedule, in VE time, that has these weights at the levels; it switches half-way between them."""
        switches = [(t, b) for t, (a, b) in zip(self.edges, pairwise(weights), strict=True) if a != b]
        values = (weights[0], *(b for _, b in switches))
        return Piecewise(tuple(t for t, _ in switches)[::-1], values[::-1]) if switches else Constant(weights[0])

    def does(self, schedule: Schedule) -> Prediction:
        """What a schedule of VE time does."""
        try:
            return _prediction(self._law(schedule))
        except ConvergenceError:
            return NEVER

    def _law(self, schedule: Schedule) -> SamplerLaw:
        problem = self.asked.problem
        guided = problem.with_amplitude(in_own_time(schedule, problem.noise))
        law: Any = solve_sampler(guided, self._sampler, **self._options)
        return law

    def _tried(self, weights: tuple[float, ...]) -> Tried:
        try:
            law = self._law(self.schedule(weights))
        except ConvergenceError:
            return Tried(weights, NEVER, False)
        captured = bool(np.any((law.phase[:-1] == "glass") & (law.w[:-1] < 0.0)))
        return Tried(weights, _prediction(law), self.asked.demand.approximate or not captured)

    def place(self, t: float) -> float:
        """The place of a switch at VE time t among the levels: between two of them."""
        return float(np.count_nonzero(self.levels > t))

    def weights(self, levels: Sequence[float], places: Sequence[float]) -> tuple[float, ...]:
        """Weights (V14) that switch between these levels at these places."""
        k = np.arange(len(self.levels))
        w = np.full(len(k), float(levels[0]))
        for p, (a, b) in zip(places, pairwise(levels), strict=True):
            w += (b - a) * np.clip(k + 1.0 - p, 0.0, 1.0)
        return tuple(np.clip(w, min(levels), max(levels)).tolist())  # rounding

    def kept(self, levels: Sequence[float], edge: float, second: float | None = None) -> Kept:
        """The weights with v(0)/sigma2 = edge and the most of what is maximised.

        Parameters
        ----------
        levels : early first, with one or two switches between them; or a single one, which then is the root.
        second : place of the second switch; by default every whole one is tried.
        """
        n = len(self.levels)
        if len(levels) == 1:
            return self._best_root([Line(lambda w: (w,) * n, self.asked.bounds, PLACES[0])], edge)
        if len(levels) == 2:
            intervals = int(np.clip(n, *PLACES))
            return self._best_root([Line(lambda p: self.weights(levels, [p]), (0.0, float(n)), intervals)], edge)

        def line(q: float) -> Line:
            return Line(lambda p: self.weights(levels, [p, q]), (0.0, q), min(math.ceil(q), SECOND), q)

        tried = np.unique(np.linspace(1, n, min(n, SECOND)).round()).tolist() if second is None else [second]
        return self._best_root([line(q) for q in tried], edge)

    def _best_root(self, lines: Sequence[Line], edge: float) -> Kept:
        def worth(*tried: Tried) -> float:
            name = "separation" if self.asked.maximise == "separation" else "m"
            return max(float(getattr(x.does, name)) for x in tried)

        pairs, ratios = [], set()
        for line in lines:
            grid = [(x, self.tried(line.weights(x))) for x in np.linspace(*line.ends, line.intervals + 1).tolist()]
            usable = [(x, found) for x, found in grid if math.isfinite(found.does.v_ratio)]
            ratios |= {found.does.v_ratio for _, found in usable}
            for (x, one), (y, other) in pairwise(usable):
                if (one.does.v_ratio - edge) * (other.does.v_ratio - edge) <= 0.0:
                    pairs.append((worth(one, other), line, (x, y)))
        if len(ratios) == 1:
            raise ProblemError(
                f"a sampler to design for must be guided by its model, model.eps or model.denoised; {self.name} does "
                "the same whatever problem.guidance is. Leave guiders out."
            )
        best = Kept(None, min(ratios, key=lambda ratio: abs(ratio - edge), default=math.inf))
        for most, line, pair in sorted(pairs, key=lambda x: -x[0]):
            if best.found is not None and worth(best.found) >= most:
                break
            found = self._root(line.weights, pair, edge)
            if found is not None and (best.found is None or worth(found) > worth(best.found)):
                best = Kept(found, edge, line.second)
        return best

    def _root(self, weights: Any, pair: tuple[float, float], edge: float) -> Tried | None:
        """Usable weights on the edge between two places; None where a phase changes, as a jump is no root."""

        def excess(x: float) -> float:
            return self.tried(weights(x)).does.v_ratio - edge

        x = min(pair, key=lambda end: abs(excess(end)))
        if excess(x) != 0.0:
            x = brentq(excess, *pair, xtol=1e-12)
        found = self.tried(weights(x))
        return found if found.allowed and abs(excess(x)) < PRECISION * edge else None


def _distinct(t: np.ndarray) -> np.ndarray:
    """The different levels of a sampler's calls, descending."""
    t = np.sort(t)[::-1]
    return t[np.append(True, t[1:] < (1.0 - SAME_LEVEL) * t[:-1])]


def _prediction(law: SamplerLaw) -> Prediction:
    """What a law is at t = 0."""
    final = law.final
    separation = float(final.F)
    if math.isinf(law.alpha):
        separation = crowd_separation(law.problem, law.m_group[-1], law.v_group[-1])
    return Prediction(float(final.m), float(final.v / law.problem.sigma2), separation, law.standing)
