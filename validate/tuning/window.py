"""The negative window tuned by particles: w_max early, a negative w late, the switch a root of trace ratio = keep.

The switch is searched in s = log(1 + t/c), c the mean variance of the class: where guidance acts on it. For the most
negative late weight first: it shifts most at a kept trace, but may carry samples over to other classes, whose distance
then widens what guidance has narrowed. A trace that is kept by what is lost is not kept: such a window is refused, and
a weaker late weight is taken.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from meanfield.guidance.schedules import Constant, Piecewise, Schedule
from meanfield.tools.roots import brentq
from validate.tuning.bench import Bench, Trial

RUNGS = tuple(2.0 ** (-k / 2) for k in range(9))  # late weights that are tried, in units of w_min
STRIDE = 1.0  # in s, between the switches of a scan
FINE = 0.1  # of the tolerance: how close to the root of a bench the search goes
NEAR = 0.1  # in s, of the bracket about a root that is looked for again


class Axis(NamedTuple):
    """The switch s = log(1 + t/c) between t = 0 and the start."""

    c: float
    start: float

    def t(self, s: float) -> float:
        """VE time."""
        return self.c * math.expm1(s)

    @property
    def top(self) -> float:
        """s at the start."""
        return math.log1p(self.start / self.c)


class Window(NamedTuple):
    """A window (w above the switch s, w_late below) and what it does; `kept` within the tolerance on its bench."""

    trial: Trial
    w: float
    w_late: float
    s: float
    kept: bool


def switched(axis: Axis, w: float, w_late: float, s: float) -> Schedule:
    """w above the switch, w_late below."""
    return Piecewise([axis.t(s)], [w_late, w]) if s > 0.0 else Constant(w)


def tuned(bench: Bench, axis: Axis, w: float, lates: Sequence[float], keep: float, tolerance: float) -> Window:
    """The window of an early weight: of the first late weight whose root loses no samples to other classes; where none
    keeps the trace the nearest that was tried."""
    plain = bench(Constant(w))
    best = Window(plain, w, 0.0, 0.0, abs(plain.ratio.value - keep) <= FINE * tolerance)
    if best.kept:
        return best
    first = 0.0
    for w_late in lates:
        before = Window(plain, w, w_late, 0.0, False)
        s = first
        while (s := s + STRIDE) < axis.top:
            here = _window(bench, axis, w, w_late, s)
            if here.trial.shift <= 0.0:
                break
            best = _nearer(best, here, keep, tolerance)
            if _off(before, keep) * _off(here, keep) <= 0.0:
                found = _root(bench, axis, before, here, keep, tolerance)
                if found.kept and not found.trial.loses(tolerance):
                    return found
                first = max(found.s - 2.0 * STRIDE, 0.0)  # a weaker late weight needs an earlier switch
                break
            before = here
    return best


def again(bench: Bench, axis: Axis, window: Window, keep: float, tolerance: float) -> Window:
    """The root near that of another bench, its late weight kept."""
    size, w, w_late = NEAR, window.w, window.w_late
    while size < axis.top:
        ends = [_window(bench, axis, w, w_late, s) for s in (max(window.s - size, 0.0), min(window.s + size, axis.top))]
        if _off(ends[0], keep) * _off(ends[1], keep) <= 0.0:
            return _root(bench, axis, ends[0], ends[1], keep, tolerance)
        size *= 2.0
    return window


def _window(bench: Bench, axis: Axis, w: float, w_late: float, s: float) -> Window:
    return Window(bench(switched(axis, w, w_late, s)), w, w_late, s, False)


def _off(window: Window, keep: float) -> float:
    return window.trial.ratio.value - keep


def _nearer(best: Window, here: Window, keep: float, tolerance: float) -> Window:
    """The one whose trace is nearer to `keep`, among those that lose nothing."""
    loses = here.trial.loses(tolerance)
    return best if loses or abs(_off(here, keep)) >= abs(_off(best, keep)) else here


def _root(bench: Bench, axis: Axis, a: Window, b: Window, keep: float, tolerance: float) -> Window:
    """Between two switches on either side of `keep`; `kept` is whether the ratio does not jump across it."""
    close = FINE * tolerance

    def excess(s: float) -> float:
        off = _off(_window(bench, axis, b.w, b.w_late, s), keep)
        return 0.0 if abs(off) <= close else off

    s = a.s if excess(a.s) == 0.0 else b.s if excess(b.s) == 0.0 else brentq(excess, a.s, b.s, xtol=1e-3)
    found = _window(bench, axis, b.w, b.w_late, s)
    return found._replace(kept=abs(_off(found, keep)) <= 0.5 * tolerance)
