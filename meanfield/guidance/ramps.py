"""Schedules that change along the way: ramps, triangles, exponentials, and two names for common step functions.

All are stated over an interval t_low < t_high of the problem's own time (`Problem(noise=...)`) and constant outside, so
that they have a start at t = infinity. Sampling runs from t_high down to t_low; its progress there is

    u = (t_high - t)/(t_high - t_low)    (over="t"),      u = log(t_high/t)/log(t_high/t_low)    (over="log t"),

clipped to [0, 1]: u = 0 early, at large noise, and u = 1 late. A schedule "rises" if w grows with u, as the papers say.

Conversions. Papers state their weights either as our w (guided = s_c + w (s_c - s_u)) or as the scale 1 + w (guided =
s_u + scale (s_c - s_u)): subtract 1 from scales, here from the values at both ends. Papers state their time as the step
of a sampler, i of N. If the sampler's noise levels are equally spaced in its own time, take that `noise` and over="t"
(u = i/N exactly); if they are nearly equally spaced in log sigma, take over="log t" (a power of t has the same u).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from meanfield.errors import ScheduleError, checked, one_of, settle
from meanfield.guidance.schedules import Piecewise, Window
from meanfield.tools.door import Numbers, door

SHAPES = ("linear", "cosine")
CLOCKS = ("t", "log t")


class Stretch(Window):
    """Base of the schedules on an interval: checks, and the progress u. Subclasses are dataclasses with its fields."""

    over: str

    def _check(self, *numbers: str) -> None:
        for key in numbers:
            settle(self, **{key: checked(key, getattr(self, key), error=ScheduleError)})
        one_of("over", self.over, CLOCKS, error=ScheduleError)
        log = self.over == "log t"
        remedy = 'Over "log t" it must be > 0; over="t" allows 0.' if log else ""
        above = "Times fall as sampling goes on: t_high is where the ramp begins."
        self._settle_times(positive=log, remedy=remedy, above=above)

    def progress(self, t):
        """u at times t: 0 for t >= t_high, 1 for t <= t_low."""
        t = np.clip(np.asarray(t, float), self.t_low, self.t_high)
        if self.over == "log t":
            u = np.log(self.t_high / t) / math.log(self.t_high / self.t_low)
        else:
            u = (self.t_high - t) / (self.t_high - self.t_low)
        return np.clip(u, 0.0, 1.0)[()]

    def time(self, u: float) -> float:
        """The time of progress u, 0 <= u <= 1."""
        if self.over == "log t":
            return self.t_high * (self.t_low / self.t_high) ** u
        return self.t_high - u * (self.t_high - self.t_low)


@door(ScheduleError)
@dataclass(frozen=True)
class Ramp(Stretch):
    """From `early` at t_high to `late` at t_low: w = early + (late - early) g(u), rising if late > early.

    shape "linear" has g = u^power, "cosine" has g = (1 - cos(pi u^power))/2. power = 1 gives the plain linear and
    cosine ramps, other powers the power ramps and the powered cosine.

    Source: arXiv:2404.13040, which finds that rising ("monotonically increasing") ramps help. There the plain ramps are
    normalised to the area of a constant omega, so that linear and cosine go from 0 to 2 omega: early=0, late=2 omega
    in the convention of the weight (early=-1, late=2 omega - 1 if omega is read as a scale). Progress: the sampler's
    steps (see the module for `over` and `noise`).

    Parameters
    ----------
    early, late : w at and above t_high, and at and below t_low.
    t_low, t_high : own times, 0 <= t_low < t_high (t_low > 0 over "log t").
    shape : "linear" or "cosine".
    power : > 0.
    over : "t" or "log t".

    Raises
    ------
    ScheduleError : a parameter out of range, or a reversed interval.

    Examples
    --------
    >>> Ramp(early=0.0, late=4.0, t_low=0.0, t_high=2.0).w([3.0, 1.0, 0.0])      # rising
    array([0., 2., 4.])
    >>> Ramp(early=4.0, late=0.0, t_low=0.0, t_high=2.0, power=2.0).w([3.0, 1.0, 0.0])      # falling
    array([4., 3., 0.])
    """

    early: float
    late: float
    t_low: float
    t_high: float
    shape: str = "linear"
    power: float = 1.0
    over: str = "t"
    name: ClassVar[str] = "ramp"

    def __post_init__(self) -> None:
        self._check("early", "late")
        one_of("shape", self.shape, SHAPES, remedy="Power ramps are linear.", error=ScheduleError)
        remedy = "Exchange early and late for the other direction."
        settle(self, power=checked("power", self.power, low=0, open_low=True, remedy=remedy, error=ScheduleError))

    def w(self, t: Numbers):
        g = self.progress(t) ** self.power
        if self.shape == "cosine":
            g = np.sin(0.5 * np.pi * g) ** 2
        return self.early + (self.late - self.early) * g


@door(ScheduleError)
@dataclass(frozen=True)
class ClampLinear(Stretch):
    """The linear ramp that never falls below `floor`: w = max(floor, early + (late - early) u).

    Source: arXiv:2404.13040 ("clamp-linear", max(c, linear)). Their c and linear ramp share one convention: subtract 1
    from all three values if it is that of scales.

    Examples
    --------
    >>> ClampLinear(early=0.0, late=4.0, floor=1.0, t_low=0.0, t_high=2.0).w([3.0, 1.8, 1.0, 0.0])
    array([1., 1., 2., 4.])
    """

    early: float
    late: float
    floor: float
    t_low: float
    t_high: float
    over: str = "t"
    name: ClassVar[str] = "clamp-linear"

    def __post_init__(self) -> None:
        self._check("early", "late", "floor")

    def w(self, t: Numbers):
        return np.maximum(self.floor, self.early + (self.late - self.early) * self.progress(t))

    @property
    def breakpoints(self) -> tuple[float, ...]:
        cuts = {t for t, w in ((self.t_low, self.late), (self.t_high, self.early)) if w >= self.floor and t > 0}
        if min(self.early, self.late) < self.floor < max(self.early, self.late):
            cuts.add(self.time((self.floor - self.early) / (self.late - self.early)))
        return tuple(sorted(cuts))


@door(ScheduleError)
@dataclass(frozen=True)
class Triangular(Stretch):
    """`edge` outside t_low < t < t_high and `peak` at t_peak, straight between (in t, or in log t).

    Source: arXiv:2509.22007, whose three stages ask for guidance that is weak early, strong in the middle and weak
    late. The form here is the general triangle: give its weights (minus 1 if read as scales) and the times of the
    stages. peak < edge gives the valley ("V-shape") of arXiv:2404.13040.

    Examples
    --------
    >>> Triangular(edge=0.0, peak=4.0, t_low=0.0, t_peak=1.0, t_high=3.0).w([4.0, 2.0, 1.0, 0.5])
    array([0., 2., 4., 2.])
    """

    edge: float
    peak: float
    t_low: float
    t_peak: float
    t_high: float
    over: str = "t"
    name: ClassVar[str] = "triangular"

    def __post_init__(self) -> None:
        self._check("edge", "peak")
        top = checked("t_peak", self.t_peak, low=0, open_low=True, error=ScheduleError)
        if not self.t_low < top < self.t_high:
            raise ScheduleError(
                f"t_peak must lie between t_low and t_high; got t_low={self.t_low}, t_peak={top}, t_high={self.t_high}."
            )
        settle(self, t_peak=top)

    def w(self, t: Numbers):
        u = self.progress(t)
        top = self.progress(self.t_peak)
        return self.edge + (self.peak - self.edge) * np.minimum(u / top, (1.0 - u) / (1.0 - top))

    @property
    def _jumps(self) -> Sequence[float]:
        return self.t_low, self.t_peak, self.t_high


@door(ScheduleError)
@dataclass(frozen=True)
class ExponentialRamp(Stretch):
    """w = offset + size exp(-rate u): decays as sampling goes on for rate > 0, grows for rate < 0, constant outside.

    Source: the exponential control of arXiv:2603.08155, in the general form of an exponential in sampling progress; the
    direction is yours to choose by the sign of `rate`. If `size` is a scale, offset = -1 turns it into w.

    Examples
    --------
    >>> ExponentialRamp(size=4.0, rate=2.0, t_low=0.0, t_high=2.0).w([3.0, 1.0, 0.0]).round(6)
    array([4.      , 1.471518, 0.541341])
    """

    size: float
    rate: float
    t_low: float
    t_high: float
    offset: float = 0.0
    over: str = "t"
    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        self._check("size", "offset")
        settle(self, rate=checked("rate", self.rate, low=-500, high=500, error=ScheduleError))

    def w(self, t: Numbers):
        return self.offset + self.size * np.exp(-self.rate * self.progress(t))


@door(ScheduleError)
def early_high(value: float, t_switch: float, late: float = 0.0) -> Piecewise:
    """`value` while t > t_switch, `late` afterwards: two pieces, the form of the optimal schedules (docs/theory.md).

    Examples
    --------
    >>> early_high(5.0, t_switch=3.0).w([4.0, 1.0])
    array([5., 0.])
    """
    t_switch = checked("t_switch", t_switch, low=0, open_low=True, error=ScheduleError)
    return Piecewise([t_switch], [late, value])


@door(ScheduleError)
def late_unconditional(value: float, t_switch: float) -> Piecewise:
    """`value` while t > t_switch, then the unconditional sampler, w = -1: the strongest negative window with w >= -1.

    Examples
    --------
    >>> late_unconditional(5.0, t_switch=3.0).w([4.0, 1.0])
    array([ 5., -1.])
    """
    return early_high(value, t_switch, late=-1.0)
