"""Schedules that switch between two bounds, and the search for the best of them at a kept variance.

With K switches at s_1 > ... > s_K in s = log(sigma2 + t) and values that alternate between the bounds, the last switch
is the root of v(0)/sigma2 = keep, and the rest is scanned on a grid and polished by Nelder-Mead. With a bound r on
|dw/ds| every switch becomes a ramp, linear in t on pieces so short that the bound holds everywhere.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from meanfield.maps.bulk import Responses, Table, Values
from meanfield.tools.roots import brentq

APPROXIMATE = 2  # standing of a schedule that passes a glass with w < 0
RATIO_TOLERANCE = 1e-9  # |v(0)/sigma2 - keep| of a root; a jump across it is no root
ROUNDING = 1e-11  # ... of which this much is rounding: a ratio at the edge of what is possible is met there
SCAN = {0: 400, 1: 160, 2: 60}  # grid of the last switch, by the number of free ones
FREE = {0: 1, 1: 48, 2: 20}  # grid of each free switch
SCAN_SLOW = {0: 40, 1: 20, 2: 10}  # where every trajectory costs a `solve`
FREE_SLOW = {0: 1, 1: 10, 2: 5}
POLISHED = 4  # best grid points that are polished


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

    @property
    def _ramp(self) -> tuple[float, int]:
        """Width in s of a ramp, and its number of pieces: on a piece of width h the slope is at most
        (range/n)/(1 - exp(-h)), reached at its early end."""
        jump = np.ptp(self.values)
        if math.isinf(self.slope) or jump == 0.0:
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
            edges = np.hstack([np.full((len(s), 1), self.start), inner, np.zeros((len(s), 1))])
            return Table.steps(edges, np.tile(np.array(self.values, float), (len(s), 1)))
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
    """What is asked: v(0)/sigma2 = keep, the most of `objective`, and, unless `approximate`, no glass with w < 0, from
    which a negative window stays away by `margin` (least 1 - K/alpha)."""

    keep: float
    objective: str
    approximate: bool
    margin: float

    def excess(self, values: Values) -> np.ndarray:
        """How much more than asked schedules keep; 0 within rounding."""
        excess = values.ratio - self.keep
        return np.where(np.abs(excess) <= ROUNDING, 0.0, excess)

    def allows(self, values: Values) -> np.ndarray:
        """Whether schedules may be used, whatever they keep."""
        if self.approximate:
            return np.isfinite(values.ratio)
        return np.isfinite(values.ratio) & (values.standing < APPROXIMATE) & (values.margin >= self.margin)


@dataclass(frozen=True)
class Candidate:
    """A schedule that keeps the variance: its shape, switches and objective."""

    shape: Shape
    switches: tuple[float, ...]
    value: float

    @property
    def table(self) -> Table:
        """The schedule, as one row."""
        return self.shape.table(np.array([self.switches]))


def best(respond: Responses, shape: Shape, demand: Demand, coarse: int = 1, polish: int = POLISHED) -> Candidate | None:
    """The best switches of a shape under a demand; None if there are none.

    The scan finds every root of the last switch that its grid separates (`coarse` divides its points); jumps of v
    (capture) are no roots.
    """
    free = len(shape.values) - 2
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
    excess, goal, fine = demand.excess(values), getattr(values, demand.objective), demand.allows(values)
    pair = (owners[1:] == owners[:-1]) & fine[1:] & fine[:-1] & (excess[1:] * excess[:-1] <= 0.0)
    at = np.flatnonzero(pair)
    at = at[np.argsort(-np.maximum(goal[at], goal[at + 1]))][:polish]
    found = [_polish(respond, shape, demand, rows[i], rows[i + 1, -1]) for i in at]
    return max((c for c in found if c is not None), key=lambda c: c.value, default=None)


def _one(respond: Responses, shape: Shape, switches) -> Values:
    return respond(shape.table(np.array([switches])))


def _root(
    respond: Responses, shape: Shape, demand: Demand, first: tuple, bracket: tuple[float, float]
) -> Candidate | None:
    """The last switch in a bracket with v(0)/sigma2 = keep; None if v jumps across it, or the demand forbids it."""

    def excess(x: float) -> float:
        return float(demand.excess(_one(respond, shape, (*first, x)))[0])

    low, high = bracket
    a, b = excess(low), excess(high)
    if not (math.isfinite(a) and math.isfinite(b) and a * b <= 0.0):
        return None
    x = brentq(excess, low, high, xtol=1e-15, rtol=1e-15) if a * b < 0.0 else (low if a == 0.0 else high)
    values = _one(respond, shape, (*first, x))
    if not (abs(values.ratio[0] - demand.keep) < RATIO_TOLERANCE and demand.allows(values)[0]):
        return None
    return Candidate(shape, (*first, x), float(getattr(values, demand.objective)[0]))


def _polish(respond: Responses, shape: Shape, demand: Demand, row: np.ndarray, below: float) -> Candidate | None:
    """From a grid point whose last switch brackets a root: the root, and the free switches by Nelder-Mead."""
    first = tuple(float(x) for x in row[:-1])
    start = _root(respond, shape, demand, first, (float(below), float(row[-1])))
    if start is None or not first:
        return start
    size = 0.5 * abs(float(row[-1]) - float(below)) + 0.02

    def at(x: np.ndarray, near: Candidate) -> Candidate | None:
        return nearest(respond, shape, demand, tuple(x), near.switches[-1])

    return climb(at, start, np.array(first), np.full(len(first), -size), 200 if respond.compiled else 25)


def climb(at: Callable, start: Candidate, x: np.ndarray, sizes: np.ndarray, steps: int) -> Candidate:
    """Nelder-Mead from x for the value of the candidate at(x, best so far), None where there is none."""
    from scipy.optimize import minimize

    state = [start]

    def loss(y: np.ndarray) -> float:
        candidate = at(y, state[0])
        if candidate is None:
            return 1e9
        state[0] = max(state[0], candidate, key=lambda c: c.value)
        return -candidate.value

    simplex = np.vstack([x, x + np.diag(sizes)])
    options = {"initial_simplex": simplex, "xatol": 1e-7, "fatol": 1e-11, "maxiter": steps}
    minimize(loss, x, method="Nelder-Mead", options=options)
    return state[0]


def nearest(respond: Responses, shape: Shape, demand: Demand, first: tuple, guess: float) -> Candidate | None:
    """The candidate with these first switches whose last one is nearest to a guess: brackets widen around it."""
    if any(b >= a for a, b in pairwise(first)) or (first and not shape.low < first[-1] <= first[0] < shape.high):
        return None
    top = min((*first[-1:], shape.high))
    for size in (0.02, 0.1, 0.4, 1.5, 6.0):
        low, high = max(guess - size, shape.low), min(guess + size, top)
        candidate = _root(respond, shape, demand, first, (low, high)) if low < high else None
        if candidate is not None:
            return candidate
    return None
