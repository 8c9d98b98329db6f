"""Schedules that switch between two bounds, and the search for the best of them at a kept variance.

With K switches at s_1 > ... > s_K in s = log(sigma2 + t) and values that alternate between the bounds, v(0)/sigma2 may
lie in a band, keep to 1/keep. On an edge of it the last switch is a root, and the rest is scanned on a grid and
polished; inside it all switches are. With a bound r on |dw/ds| every switch becomes a ramp, linear in t
on pieces so short that the bound holds everywhere.
"""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np

from meanfield.maps.bulk import Responses, Table, Values
from meanfield.tools.roots import brentq

APPROXIMATE = 2  # standing of a schedule that passes a glass with w < 0
RATIO_TOLERANCE = 1e-9  # |v(0)/sigma2 - edge| of a root; a jump across it is no root
ROUNDING = 1e-10  # ... of which this share is rounding: a ratio at the edge of what is possible is met there
SCAN = {0: 400, 1: 160, 2: 60}  # grid of the last switch, by the number of free ones
FREE = {0: 1, 1: 48, 2: 20}  # grid of each free switch
SCAN_SLOW = {0: 40, 1: 20, 2: 10}  # where every trajectory costs a `solve`
FREE_SLOW = {0: 1, 1: 10, 2: 5}
FREE_TOLERANCE = 1e-6  # relative error of a free switch: at an optimum the value is off by its square
POLISHED = 4  # best grid points that are polished
TRIFLE = 1e-7  # what a switch must gain: the noise of polished values


@dataclass(frozen=True)
class Shape:
    """Values from early to late with a switch between neighbours; `slope` bounds |dw/d log D| (inf: jumps)."""

    values: tuple[float, ...]
    sigma2: float
    start: float
    slope: float = math.inf

    @property
    def low(self) -> float:
        """Lowest place of a switch: below log sigma2 by half a ramp, so that a ramp may be cut off at t = 0."""
        return math.log(self.sigma2) - 0.5 * self._ramp[0]

    @property
    def high(self) -> float:
        return math.log(self.sigma2 + self.start) - 1e-9

    def takes(self, switches: tuple[float, ...]) -> bool:
        """Whether switches descend and lie within the range."""
        return all(a > b for a, b in pairwise(switches)) and all(self.low <= s <= self.high for s in switches)

    @property
    def _ramp(self) -> tuple[float, int]:
        """Width in s of a ramp, and its number of pieces: on a piece of width h the slope is at most
        (range/n)/(1 - exp(-h)), reached at its early end."""
        jump = np.ptp(self.values)
        if jump <= 1e-12 * self.slope:  # a jump, to all digits
            return 0.0, 0
        n = max(24, math.ceil(24.0 * float(jump) / self.slope))
        return -n * math.log1p(-float(jump) / (n * self.slope)), n

    def table(self, switches: np.ndarray) -> Table:
        """Rows of switches (rows, K), descending, as pieces."""
        s = np.atleast_2d(switches)
        bottom, top = math.log(self.sigma2), math.log(self.sigma2 + self.start)
        width, n = self._ramp
        if n == 0:
            inner = np.clip(np.exp(np.clip(s, bottom, top)) - self.sigma2, 0.0, self.start)
            edges, w = np.empty((len(s), s.shape[1] + 2)), np.empty((len(s), len(self.values)))
            edges[:, 0], edges[:, 1:-1], edges[:, -1], w[:] = self.start, inner, 0.0, self.values
            return Table(edges, w, w)
        offsets = np.linspace(0.5 * width, -0.5 * width, n + 1)
        nodes = (s[:, :, None] + offsets).reshape(len(s), -1)
        nodes = np.sort(np.clip(np.hstack([nodes, np.tile([bottom, top], (len(s), 1))]), bottom, top))[:, ::-1]
        w = np.full(nodes.shape, float(self.values[0]))
        for i, (a, b) in enumerate(zip(self.values[:-1], self.values[1:], strict=True)):
            w += (b - a) * np.clip((s[:, i : i + 1] - nodes) / width + 0.5, 0.0, 1.0)
        edges = np.clip(np.exp(nodes) - self.sigma2, 0.0, self.start)
        edges[:, 0], edges[:, -1] = self.start, 0.0
        return Table(edges, w[:, :-1], w[:, 1:])


@dataclass(frozen=True)
class Demand:
    """What is asked: keep <= v(0)/sigma2 <= 1/keep (= keep, from 1 on), the most of `objective`, and, unless
    `approximate`, no glass with w < 0, from which a negative window stays away by `margin` (least 1 - K/alpha)."""

    keep: float
    objective: str
    approximate: bool
    margin: float

    @property
    def edges(self) -> tuple[float, ...]:
        """The band of v(0)/sigma2: a variance that has grown is not kept either."""
        return (self.keep, 1.0 / self.keep) if self.keep < 1.0 else (self.keep,)

    def excess(self, values: Values, edge: float) -> np.ndarray:
        """v(0)/sigma2 beyond an edge; 0 within rounding."""
        excess = values.ratio - edge
        return np.where(np.abs(excess) <= ROUNDING * max(edge, 1.0), 0.0, excess)

    def meets(self, values: Values) -> np.ndarray:
        """Whether schedules are allowed and in the band."""
        low, high = self.edges[0], self.edges[-1]
        return self.allows(values) & (self.excess(values, low) >= 0.0) & (self.excess(values, high) <= 0.0)

    def allows(self, values: Values) -> np.ndarray:
        """Whether schedules may be used, whatever they keep."""
        if self.approximate:
            return np.isfinite(values.ratio)
        return np.isfinite(values.ratio) & (values.standing < APPROXIMATE) & (values.margin >= self.margin)


@dataclass(frozen=True)
class Candidate:
    """A schedule that keeps the variance: its shape, switches, objective, and the edge of the band that it is on; None
    inside, where every switch is free."""

    shape: Shape
    switches: tuple[float, ...]
    value: float
    edge: float | None = None

    @property
    def free(self) -> tuple[float, ...]:
        """The switches that may move; on an edge the last one follows from them."""
        return self.switches if self.edge is None else self.switches[:-1]

    def at(self, edge: float) -> "Candidate":
        """The same, on an edge of the band."""
        return replace(self, edge=edge)

    @property
    def worth(self) -> float:
        """The objective less a trifle for every switch: one that gains nothing is left out."""
        return self.value - TRIFLE * len(self.switches)

    @property
    def table(self) -> Table:
        """The schedule, as one row."""
        return self.shape.table(np.array([self.switches]))


def worthiest(candidates: Iterable[Candidate | None]) -> Candidate | None:
    """The best of several; None if there are none."""
    return max((c for c in candidates if c is not None), key=lambda c: c.worth, default=None)


def best(respond: Responses, shape: Shape, demand: Demand, coarse: int = 1, polish: int = POLISHED) -> Candidate | None:
    """The best switches of a shape under a demand; None if there are none.

    The scan finds every root of the last switch that its grid separates (`coarse` divides its points); jumps of v
    (capture) are no roots.
    """
    free = len(shape.values) - 2
    if free < 0:
        return settled(respond, shape, demand, ())
    scan, grid = (SCAN, FREE) if respond.compiled else (SCAN_SLOW, FREE_SLOW)
    last = np.linspace(shape.high, shape.low, max(scan[free] // coarse, 8))
    places = np.linspace(shape.high, shape.low, max(grid[free] // coarse, free) + 2)[1:-1] if free else np.array([])
    firsts = list(combinations(places, free))  # descending
    tables, owner = [], []
    for i, first in enumerate(firsts):
        below = last[last < first[-1]] if first else last
        tables += [(*first, x) for x in below]
        owner += [i] * len(below)
    rows, owners = np.array(tables), np.array(owner)
    values = respond(shape.table(rows))
    goal, fine = getattr(values, demand.objective), demand.allows(values)
    pair = (owners[1:] == owners[:-1]) & fine[1:] & fine[:-1]
    starts: list[tuple[float, int, float]] = []
    for edge in demand.edges:
        excess = demand.excess(values, edge)
        at = np.flatnonzero(pair & (excess[1:] * excess[:-1] <= 0.0))
        starts += [(float(max(goal[i], goal[i + 1])), int(i), edge) for i in at]
    starts.sort(key=lambda start: -start[0])
    found = [_polish(respond, shape, demand, rows[i], rows[i + 1, -1], edge) for _, i, edge in starts[:polish]]
    found.append(_inside(respond, shape, demand, rows, np.where(demand.meets(values), goal, -math.inf)))
    return worthiest(found)


def settled(respond: Responses, shape: Shape, demand: Demand, switches: tuple) -> Candidate | None:
    """The candidate with these switches; None if it does not meet the demand."""
    if not shape.takes(switches):
        return None
    values = _one(respond, shape, switches)
    value = float(getattr(values, demand.objective)[0])
    return Candidate(shape, switches, value) if demand.meets(values)[0] else None


def _one(respond: Responses, shape: Shape, switches) -> Values:
    return respond(shape.table(np.array([switches])))


def _root(
    respond: Responses, shape: Shape, demand: Demand, first: tuple, bracket: tuple[float, float], edge: float
) -> Candidate | None:
    """The last switch in a bracket with v(0)/sigma2 = edge; None if v jumps across it, or the demand forbids it."""

    def excess(x: float) -> float:
        return float(demand.excess(_one(respond, shape, (*first, x)), edge)[0])

    low, high = bracket
    a, b = excess(low), excess(high)
    if not (math.isfinite(a) and math.isfinite(b) and a * b <= 0.0):
        return None
    x = brentq(excess, low, high, xtol=1e-15, rtol=1e-15) if a * b < 0.0 else (low if a == 0.0 else high)
    values = _one(respond, shape, (*first, x))
    if not (abs(values.ratio[0] - edge) < RATIO_TOLERANCE and demand.allows(values)[0]):
        return None
    return Candidate(shape, (*first, x), float(getattr(values, demand.objective)[0]), edge)


def _polish(
    respond: Responses, shape: Shape, demand: Demand, row: np.ndarray, below: float, edge: float
) -> Candidate | None:
    """From a grid point whose last switch brackets a root: the root, and the free switches polished."""
    first = tuple(float(x) for x in row[:-1])
    start = _root(respond, shape, demand, first, (float(below), float(row[-1])), edge)
    if start is None or not first:
        return start
    return _moved(respond, demand, start, 0.5 * abs(float(row[-1]) - float(below)) + 0.02)


def _inside(respond: Responses, shape: Shape, demand: Demand, rows: np.ndarray, goal: np.ndarray) -> Candidate | None:
    """From the best grid point inside the band (goal is -inf outside), all switches polished."""
    i = int(np.argmax(goal))
    if len(demand.edges) < 2 or not math.isfinite(goal[i]):
        return None
    start = Candidate(shape, tuple(rows[i].tolist()), float(goal[i]))
    return _moved(respond, demand, start, 0.05)


def _moved(respond: Responses, demand: Demand, start: Candidate, size: float) -> Candidate:
    """The free switches polished."""

    def at(x: np.ndarray, near: Candidate) -> Candidate | None:
        return nearest(respond, start.shape, demand, tuple(x.tolist()), near)

    x = np.array(start.free)
    return climb(at, start, x, np.full(len(x), -size), 200 if respond.compiled else 25)


def climb(at: Callable, start: Candidate, x: np.ndarray, sizes: np.ndarray, steps: int) -> Candidate:
    """From x to the largest value of the candidate at(x, best so far), None where there is none.

    By Brent's method if x is one number, which takes a third of the trials, else by Nelder-Mead.
    """
    from scipy.optimize import minimize, minimize_scalar

    state = [start]

    def loss(y: np.ndarray) -> float:
        candidate = at(y, state[0])
        if candidate is None:
            return 1e9
        state[0] = max(state[0], candidate, key=lambda c: c.value)
        return -candidate.value

    if len(x) == 1:
        with suppress(RuntimeError):  # no bracket: the best that was tried remains
            bracket, until = (float(x[0]), float(x[0] + sizes[0])), {"xtol": FREE_TOLERANCE, "maxiter": steps}
            minimize_scalar(lambda y: loss(np.array([y])), bracket, method="brent", options=until)
        return state[0]
    simplex = np.vstack([x, x + np.diag(sizes)])
    options = {"initial_simplex": simplex, "xatol": 1e-7, "fatol": 1e-11, "maxiter": steps}
    minimize(loss, x, method="Nelder-Mead", options=options)
    return state[0]


def nearest(respond: Responses, shape: Shape, demand: Demand, free: tuple, near: Candidate) -> Candidate | None:
    """The candidate with these free switches that is nearest to another one, inside the band or on its edge like that
    one; on an edge brackets of the last switch widen around its place there."""
    if near.edge is None:
        return settled(respond, shape, demand, free)
    if not shape.takes(free):
        return None
    top, guess = min((*free[-1:], shape.high)), near.switches[-1]
    for size in (0.02, 0.1, 0.4, 1.5, 6.0):
        low, high = max(guess - size, shape.low), min(guess + size, top)
        candidate = _root(respond, shape, demand, free, (low, high), near.edge) if low < high else None
        if candidate is not None:
            return candidate
    return None
