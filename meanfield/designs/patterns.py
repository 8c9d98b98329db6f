"""Which patterns of switches are searched for a design, problem by problem.

- Constant guidance, where less than all of the variance is to be kept: no design may be worse.
- Where sec. 5 of docs/theory.md proves that the optimum has one switch, from w_max to w_min, only that besides.
- In the continuum otherwise (0 < eta < 1, a spectrum): one and two switches between the bounds, in either order.
- For the amplitude of a rule one switch, whose place is a root (`ruled`).
- With speciation or a glass: early guidance, a negative window, then no guidance, or late guidance that asks the target
  to take over; each at a level of its own within the bounds, because a window that is too negative, or comes after too
  much guidance, meets the glass, and in the glass w = 0 is exact while w < 0 is not. Levels are scanned, then polished
  together with the switches.
"""

import math
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import numpy as np

from meanfield.designs.ruled import switched
from meanfield.designs.switching import Candidate, Demand, Shape, best, climb, nearest, settled, worthiest
from meanfield.maps.bulk import Responses
from meanfield.problem.statement import Problem
from meanfield.theory.energies import ground_state
from meanfield.tools.progress import Progress
from meanfield.tools.roots import brentq

EARLY, WINDOW = (1.0, 0.4, 0.1), (1.0, 0.5, 0.2)  # levels that are scanned, in units of w_max and w_min
CLIMBED = 2  # best scanned patterns whose levels are polished
POINTS = 33  # of a first grid for the best constant
CLOSING = (5, 15), (20, 1)  # how often it is closed in on, points new in every gap: compiled; where each is a `solve`


def one_switch_is_optimal(problem: Problem, w_min: float, slope: float) -> bool:
    """Whether sec. 5 proves it: a weight, continuum, isotropic; SDE, ODE, or eta > 1 with w_min >= -1 - sigma2 and no
    bound on the slope."""
    general = problem.spectrum is not None or problem.guidance.by_rule
    if general or math.isfinite(problem.classes.rate(math.inf)):
        return False
    if problem.eta in (0.0, 1.0):
        return True
    return problem.eta > 1.0 and w_min >= -1.0 - problem.sigma2 and math.isinf(slope)


def search(
    respond: Responses, bounds: tuple[float, float], slope: float, demand: Demand, progress: Any = None
) -> Candidate | None:
    """The best schedule found under a demand, with w within bounds = (w_min, w_max); None if none is allowed."""
    w_min, w_max = bounds

    def shape(*values: float) -> Shape:
        return Shape(values, respond.problem.sigma2, respond.start, slope)

    w = best_constant(respond, bounds, demand)
    constant = None if w is None else settled(respond, shape(w), demand, ())
    if respond.problem.guidance.by_rule:
        found = worthiest([constant, switched(respond, bounds, demand)])
        unguided = float(getattr(respond.constants(np.zeros(1)), demand.objective)[0])
        return found if found is not None and found.value > max(unguided, 0.0) else None
    if one_switch_is_optimal(respond.problem, w_min, slope) and demand.objective == "shift":
        return worthiest([constant, best(respond, shape(w_max, w_min), demand)])
    return worthiest([constant, _switched(respond, shape, bounds, demand, progress)])


def best_constant(respond: Responses, bounds: tuple[float, float], demand: Demand) -> float | None:
    """The constant weight with the most of the objective within a band of kept variance; None without a band."""
    if len(demand.edges) < 2:
        return None
    low, high = bounds

    def goal_at(w: np.ndarray) -> np.ndarray:
        values = respond.constants(w)
        return np.where(demand.meets(values), getattr(values, demand.objective), -math.inf)

    w = np.union1d(np.linspace(low, high, POINTS), np.clip(0.0, low, high))
    goal = goal_at(w)
    times, points = CLOSING[not respond.compiled]
    for _ in range(times):
        i = int(np.argmax(goal))
        if not math.isfinite(goal[i]):
            return None
        gaps = pairwise(w[max(i - 1, 0) : i + 2])
        new = np.concatenate([np.linspace(a, b, points + 2)[1:-1] for a, b in gaps])
        w, goal = np.concatenate([w, new]), np.concatenate([goal, goal_at(new)])
        order = np.argsort(w)
        w, goal = w[order], goal[order]
    return float(w[np.argmax(goal)])


def _switched(
    respond: Responses, shape: Callable[..., Shape], bounds: tuple[float, float], demand: Demand, progress: Any
) -> Candidate | None:
    """The best schedule that switches, where it is searched."""
    w_min, w_max = bounds
    if math.isinf(respond.alpha):
        patterns = [(w_max, w_min), (w_max, w_min, w_max), (w_min, w_max, w_min)]
        if demand.objective == "separation":  # its peak may lie below the largest shift
            patterns += [(a * w_max, w_min) for a in EARLY[1:]]
        return _climbed(respond, [shape(*v) for v in patterns], demand, bounds, progress, levels=False)
    early, window = (EARLY, WINDOW) if respond.compiled else (EARLY[:2], WINDOW[::2])
    levels = [(a * w_max, b * w_min) for a, b in product(early, window)]
    patterns = [x for a, b in levels for x in ((a, b), (a, b, 0.0), (a, b, w_max))]
    return _climbed(respond, [shape(*v) for v in patterns], demand, bounds, progress, levels=True)


def _climbed(
    respond: Responses, shapes: list[Shape], demand: Demand, bounds: tuple[float, float], progress: Any, levels: bool
) -> Candidate | None:
    """Best candidate of all shapes; the levels of the first few are polished where they may lie inside the bounds."""
    found: list[Candidate] = []
    with Progress(progress, len(shapes) + CLIMBED * levels, "designing a schedule") as show:
        for i, shape in enumerate(shapes):
            candidate = best(respond, shape, demand, *((2, 1) if levels else ()))
            found += [candidate] if candidate is not None else []
            show(i + 1)
        found.sort(key=lambda c: -c.worth)
        if levels or demand.objective == "separation":
            for i, candidate in enumerate(found[:CLIMBED] if levels else list(found)):
                found.append(_levels(respond, candidate, demand, bounds))
                show(len(shapes) + min(i + 1, CLIMBED * levels))
    return worthiest(found)


def _levels(respond: Responses, start: Candidate, demand: Demand, bounds: tuple[float, float]) -> Candidate:
    """Climb over all levels that are not 0, and the free switches, at once."""
    s, free = start.shape, np.flatnonzero(start.shape.values)

    def at(x: np.ndarray, near: Candidate) -> Candidate | None:
        values = np.array(s.values)
        values[free] = np.clip(x[: len(free)], *bounds)
        shape = Shape(tuple(values.tolist()), s.sigma2, s.start, s.slope)
        return nearest(respond, shape, demand, tuple(x[len(free) :].tolist()), near)

    levels = np.array(s.values)[free]
    x = np.array([*levels, *start.free])
    sizes = np.array([*(-0.2 * levels), *(-0.1 for _ in start.free)])
    return climb(at, start, x, sizes, 160 if respond.compiled else 30)


def separation_peak(problem: Problem, alpha: float, keep: float) -> float:
    """The shift at which F at t = 0 is largest for v = keep sigma2: m = 1 + D', D' = D in the crowd.

    dF/dm = (1 - m c)/D with c = 1/(1 + D') in crowd and glass alike, and D' falls as m grows.
    """
    sigma2, v = problem.sigma2, keep * problem.sigma2

    def slope(m: float) -> float:
        return 1.0 + ground_state(m * m + v, sigma2, alpha) - m

    high = 2.0 + sigma2
    while slope(high) > 0.0 and high < 1e6:
        high *= 2.0
    return brentq(slope, 1.0, high) - 1.0 if slope(high) < 0.0 else math.inf
