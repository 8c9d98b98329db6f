"""The designed amplitude of a rule of guidance: w_max early, w_min late, the switch a root of v(0) = keep sigma2.

No theorem bounds what a rule keeps, and every trial is a `solve`. So one family is searched, by its roots, and no more
is claimed than that the variance is kept and that no other switch of the family shifts more. Among competing classes
the window is closed, w = 0, where the glass is near: K = (1 - margin) alpha. v(0) may jump with the switch, where early
guidance is just long enough for the class to be decided before it ends; if it jumps across keep sigma2, the switch is
put before the jump and the window is closed earlier, at the root.
"""

import math
from functools import cache
from itertools import pairwise

import numpy as np

from meanfield.designs.letting_go import glass_ahead
from meanfield.designs.switching import RATIO_TOLERANCE, Candidate, Demand, Shape, worthiest
from meanfield.guidance.schedules import Constant
from meanfield.maps.bulk import Responses, Values
from meanfield.tools.roots import brentq

SCANNED = 33  # places of the switch, equally spaced in log D
WIDTHS = (0.02, 0.1, 0.4)  # in log D, of brackets about the switch of another candidate
LENGTHS = (0.5, 1.2)  # in log D, of windows from which a wanted mean is looked for
CLOSINGS = 17  # places at which a window is closed earlier
STEEP = 1e-3  # change of v(0)/sigma2 within that, which is a jump
JUMP, BEFORE = 1e-6, 1e-3  # in log D: how well a jump is located, how far before it a switch is put
FAR = 10.0  # in place of what an amplitude out of bounds misses


def switched(
    respond: Responses, bounds: tuple[float, float], demand: Demand, near: Candidate | None = None
) -> Candidate | None:
    """The best amplitude with one switch, from w_max to w_min, that meets a demand; None if there is none.

    `near` is a candidate of similar bounds, about whose switch the root is looked for first.
    """
    shape = Shape((bounds[1], bounds[0]), respond.problem.sigma2, respond.start)

    @cache
    def tried(s: float) -> tuple[Candidate, Values] | None:
        return _tried(respond, shape, demand, s)

    def root(pair: tuple[float, float], edge: float) -> Candidate | None:
        def excess(s: float) -> float:
            found = tried(s)
            return math.nan if found is None else float(demand.excess(found[1], edge)[0])

        ends = [excess(s) for s in pair]
        if not (math.isfinite(sum(ends)) and ends[0] * ends[1] <= 0.0):
            return None
        s = brentq(excess, *pair, xtol=JUMP) if ends[0] * ends[1] < 0.0 else pair[int(ends[1] == 0.0)]
        around = s - 2.0 * JUMP, s + 2.0 * JUMP
        if abs(excess(s)) > RATIO_TOLERANCE and excess(around[0]) * excess(around[1]) < 0.0:
            if abs(excess(around[1]) - excess(around[0])) > STEEP:
                return _shortened(respond, bounds, demand, s + BEFORE, edge)
            s = brentq(excess, *around, xtol=1e-14)
        found = tried(s)
        kept = found is not None and abs(found[1].ratio[0] - edge) < RATIO_TOLERANCE
        return found[0].at(edge) if found is not None and kept and demand.allows(found[1])[0] else None

    if near is not None:
        for width in WIDTHS:
            pair = max(near.switches[0] - width, shape.low), min(near.switches[0] + width, shape.high)
            found = worthiest(root(pair, edge) for edge in demand.edges)
            if found is not None:
                return found
    places = np.linspace(shape.low, shape.high, SCANNED).tolist()
    return worthiest(root(pair, edge) for edge in demand.edges for pair in pairwise(places))


def _shortened(
    respond: Responses, bounds: tuple[float, float], demand: Demand, s: float, edge: float
) -> Candidate | None:
    """The amplitude that switches at s and is closed where v(0)/sigma2 = edge; None if that is nowhere allowed."""
    shape = Shape((bounds[1], bounds[0], 0.0), respond.problem.sigma2, respond.start)

    @cache
    def closed(c: float) -> Values:
        return respond(shape.table(np.array([[s, c]])))

    def excess(c: float) -> float:
        return float(demand.excess(closed(c), edge)[0])

    places = np.linspace(s, shape.low, CLOSINGS).tolist()
    for before, after in pairwise(places):
        ends = excess(before), excess(after)
        if not (math.isfinite(sum(ends)) and demand.allows(closed(before))[0]):
            return None
        if ends[0] * ends[1] < 0.0:
            c = brentq(excess, after, before, xtol=1e-14)
            kept = abs(excess(c)) < RATIO_TOLERANCE and demand.allows(closed(c))[0]
            value = float(getattr(closed(c), demand.objective)[0])
            return Candidate(shape, (s, c), value, edge) if kept else None
    return None


def reaching(respond: Responses, bounds: tuple[float, float], demand: Demand, shift: float) -> Candidate | None:
    """The amplitude w early, w_min late that has a given shift at v(0) = keep sigma2; None where Newton's method, from
    short windows at the end, does not find it within the bounds."""
    from scipy.optimize import root

    w_min, w_max = bounds
    p, edge = respond.problem, demand.edges[0]

    @cache
    def tried(log_w: float, s: float) -> tuple[Candidate, Values] | None:
        shape = Shape((math.exp(log_w), w_min), p.sigma2, respond.start)
        inside = log_w <= math.log(w_max) and shape.takes((s,))
        return _tried(respond, shape, demand, s) if inside else None

    def off(x: np.ndarray) -> list[float]:
        found = tried(*x.tolist())
        return [FAR, FAR] if found is None else [float(found[1].shift[0]) - shift, float(found[1].ratio[0]) - edge]

    of_one = float(respond.constants(np.ones(1)).shift[0])
    if not of_one > 0.0:
        return None
    w = min(shift / of_one, 0.5 * w_max)
    theory = respond.solved(Constant(w))
    close = None if theory is None else glass_ahead(theory, demand.margin)
    for length in LENGTHS:
        first = [math.log(w), math.log(p.sigma2 + (close or 0.0)) + length]
        end = root(off, first, options={"xtol": 1e-12, "maxfev": 40}).x
        found = tried(*end.tolist())
        if found is not None and max(map(abs, off(end))) < RATIO_TOLERANCE and demand.allows(found[1])[0]:
            return found[0].at(edge)
    return None


def _tried(respond: Responses, shape: Shape, demand: Demand, s: float) -> tuple[Candidate, Values] | None:
    """An amplitude that switches at s, closed where the glass is near, and what it does."""
    theory = respond.solved(shape.table(np.array([s])).schedule())
    if theory is None:
        return None
    t = None if demand.approximate else glass_ahead(theory, demand.margin)
    switches: tuple[float, ...] = (s,)
    if t is not None:
        close = math.log(shape.sigma2 + t)
        w_max, w_min = shape.values
        values, switches = ((w_max, w_min, 0.0), (s, close)) if s > close else ((w_max, 0.0), (close,))
        shape = Shape(values, shape.sigma2, shape.start)
        theory = respond.solved(shape.table(np.array([switches])).schedule())
        if theory is None:
            return None
    values_ = respond.values([theory])
    return Candidate(shape, switches, float(getattr(values_, demand.objective)[0])), values_
