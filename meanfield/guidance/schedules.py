"""Guidance schedules w(t): how strongly guidance acts at VE noise time t.

Convention (sec. 1 of docs/theory.md): the guided score is s_c + w(t) (s_c - s_u). w = 0 is the unguided conditional
sampler, w = -1 the unconditional one; other software calls 1 + w the guidance scale, here `Schedule.scale(t)`.
Time t runs down from the start to 0, so "early" means large t.

A schedule is any object with a vectorised `w(t)`. The classes here also state what integrators need to know:
`breakpoints` (where w or a derivative jumps) and `constant_above` (the time above which w no longer changes, or inf).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError, broadcast, checked, require, settle
from meanfield.tools.door import Numbers, door
from meanfield.tools.named import Named

SHOWN = 6  # points of a table that its repr lists


@door(ScheduleError, made_by="Constant")
class Schedule(Named, kind="schedule", error=ScheduleError):
    """Base of the schedules: the protocol."""

    exponent = 0.0  # of |s_c - s_u|/d^(1/2) in the weight: only `meanfield.guidance.by_norm` has another
    by_ratio: ClassVar[bool] = False  # whether the weight follows p_t(x)/p_t(x|c): only `meanfield.guidance.by_ratio`
    by_rule: ClassVar[bool] = False  # whether it is a rule of another form than a weight: only `meanfield.rules`
    second: ClassVar[bool] = False  # whether it takes a second condition, class 2: only `meanfield.rules.pairs`
    factors: Any = None  # of the weight in every group of directions: only `meanfield.rules.by_group`

    def w(self, t: Numbers):
        """Guidance weight at VE time t >= 0 (any shape; same shape out)."""
        raise NotImplementedError

    def amplitude(self, t: Numbers):
        """The factor of the weight that depends on t alone: all of it, unless guidance depends on the sample."""
        return self.w(t)

    def w_state(self, t: Numbers, norm: Numbers):
        """Weight at time t where |s_c - s_u|/d^(1/2) = norm (broadcast); 0 where norm = 0 and the exponent is < 0."""
        t, norm = broadcast("t and norm must be numbers that broadcast", t, norm, error=ScheduleError)
        power = np.power(norm, self.exponent, where=norm > 0, out=np.full(norm.shape, float(self.exponent == 0)))
        return self.amplitude(t) * power

    def scale(self, t: Numbers):
        """The same weight in the other convention, 1 + w(t)."""
        return 1.0 + self.w(t)

    def for_timesteps(self, timesteps=None, **levels):
        """Guidance scales 1 + w for each step of a real sampler; see `meanfield.export.scales.for_timesteps`."""
        from meanfield.export.scales import for_timesteps

        return for_timesteps(self, timesteps, **levels)

    @property
    def _jumps(self) -> Sequence[float]:
        """The `breakpoints`, and perhaps t = 0."""
        return ()

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Finite times t > 0, ascending, at which w or one of its derivatives jumps."""
        return tuple(t for t in self._jumps if t > 0)

    @property
    def constant_above(self) -> float:
        """w is constant for t above this time; inf if it never becomes constant."""
        return math.inf

    def settled_above(self, d: float) -> float:
        """Time above which w is constant, for a start at t = infinity in d dimensions."""
        return self.constant_above

    @property
    def by_sample(self) -> bool:
        """Whether the weight depends on the sample, so that no function of t equals it."""
        return bool(self.exponent) or self.by_ratio

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name, as in `to_dict`."""
        return {k: v for k, v in self.to_dict().items() if k != "schedule"}

    @property
    def largest(self) -> float:
        """A bound on |w| where it is constant at large t: the strength that the start law must allow for."""
        return abs(float(self.w(2.0 * self.constant_above + 1.0))) if math.isfinite(self.constant_above) else 0.0


class Settled(Schedule):
    """Base of the schedules that are constant above the last of their jumps."""

    @property
    def constant_above(self) -> float:
        return self._jumps[-1] if self._jumps else 0.0


@door(ScheduleError)
@dataclass(frozen=True)
class Constant(Settled):
    """The same weight at all times.

    Examples
    --------
    >>> float(Constant(1.0).w(3.0))
    1.0
    """

    value: float
    name: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        settle(self, value=checked("w", self.value, error=ScheduleError))

    def w(self, t: Numbers):
        return np.full(np.shape(t), self.value)[()]


@door(ScheduleError)
@dataclass(frozen=True)
class Linear(Schedule):
    """w(t) = w0 + omega t: the negative window of arXiv:2602.00716 for w0 < 0 < omega (positive early, negative late).

    Needs a finite `t_start`, since w grows without bound at large t.
    """

    w0: float
    omega: float
    name: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        for key in ("w0", "omega"):
            settle(self, **{key: checked(key, getattr(self, key), error=ScheduleError)})

    def w(self, t: Numbers):
        return self.w0 + self.omega * np.asarray(t, float)[()]


class Window(Settled):
    """Base of the schedules that are constant outside t_low < t <= t_high. Subclasses have the fields."""

    t_low: float
    t_high: float

    def _settle_times(self, *, positive: bool = False, remedy: str = "", above: str = "") -> None:
        """Check both times; `positive` asks for t_low > 0, with a remedy, `above` is the remedy of reversed times."""
        low = checked("t_low", self.t_low, low=0, open_low=positive, remedy=remedy, error=ScheduleError)
        high = checked("t_high", self.t_high, low=0, open_low=True, error=ScheduleError)
        require(high > low, "t_high must be above t_low", f"t_low={low}, t_high={high}", above, error=ScheduleError)
        settle(self, t_low=low, t_high=high)

    @property
    def _jumps(self) -> Sequence[float]:
        return self.t_low, self.t_high


@door(ScheduleError)
@dataclass(frozen=True)
class Interval(Window):
    """Weight `value` for t_low < t <= t_high and 0 outside (limited interval, arXiv:2404.07724)."""

    value: float
    t_low: float
    t_high: float
    name: ClassVar[str] = "interval"

    def __post_init__(self) -> None:
        settle(self, value=checked("w", self.value, error=ScheduleError))
        self._settle_times()

    def w(self, t: Numbers):
        t = np.asarray(t, float)
        return np.where((t > self.t_low) & (t <= self.t_high), self.value, 0.0)[()]


@door(ScheduleError)
@dataclass(frozen=True)
class Piecewise(Settled):
    """Piecewise constant: values[0] for t <= edges[0], values[i] for edges[i-1] < t <= edges[i], the last one above.

    Examples
    --------
    >>> early_high = Piecewise(edges=[3.0], values=[-1.0, 5.0])   # 5 for t > 3, then -1
    >>> early_high.w([4.0, 1.0])
    array([ 5., -1.])
    """

    edges: Sequence[float]
    values: Sequence[float]
    name: ClassVar[str] = "piecewise"

    def __post_init__(self) -> None:
        edges, values = _increasing("edges", self.edges, low=0.0), _numbers("values", self.values)
        if len(values) != len(edges) + 1:
            raise ScheduleError(
                f"values must have one entry more than edges; got {len(values)} values for {len(edges)} edges."
            )
        settle(self, edges=edges, values=values)

    def w(self, t: Numbers):
        return np.asarray(self.values)[np.searchsorted(self.edges, np.asarray(t, float), side="left")]

    @property
    def _jumps(self) -> Sequence[float]:
        return self.edges


@door(ScheduleError)
@dataclass(frozen=True, repr=False)
class Tabulated(Settled):
    """Linear interpolation of a table; constant beyond its first and last time.

    The mean field is exact on every piece; steps of a run end where it nearly jumps (`stops`).
    """

    times: Sequence[float]
    values: Sequence[float]
    name: ClassVar[str] = "tabulated"

    def __post_init__(self) -> None:
        times, values = _increasing("times", self.times, low=0.0), _numbers("values", self.values)
        if not times or len(values) != len(times):
            raise ScheduleError(f"times and values must have the same length >= 1; got {len(times)} and {len(values)}.")
        settle(self, times=times, values=values)

    def w(self, t: Numbers):
        return np.interp(t, self.times, self.values)

    def __repr__(self) -> str:
        if len(self.times) <= SHOWN:
            return f"Tabulated(times={self.times}, values={self.values})"
        ends = f"t from {self.times[0]:g} to {self.times[-1]:g}, w from {min(self.values):g} to {max(self.values):g}"
        return f"Tabulated(<{len(self.times)} points, {ends}>)"

    @property
    def _jumps(self) -> Sequence[float]:
        return self.times


@door(ScheduleError)
@dataclass(frozen=True)
class Custom(Schedule):
    """Any vectorised function of t. State its jumps in `jumps`, so that integrators stop there.

    A file has a table of it and its source; give it again to load: `Problem.from_dict(data, guidance=function)`.
    """

    function: Callable
    jumps: Sequence[float] = ()

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ScheduleError(f"function must be callable as w(t); got {self.function!r}. Use Constant for a number.")
        settle(self, jumps=_increasing("jumps", self.jumps, low=0.0))

    def w(self, t: Numbers):
        return self.function(t)

    @property
    def _jumps(self) -> Sequence[float]:
        return self.jumps

    def to_dict(self) -> dict[str, Any]:
        raise ScheduleError(
            f"a function is saved with a problem, which knows its times; this is {self.function!r}. Save the problem."
        )


def as_schedule(guidance: object) -> Schedule:
    """A number becomes `Constant`, a function or an object with `w(t)` (and perhaps `breakpoints`) becomes `Custom`,
    `to_dict` data the schedule that they state."""
    if isinstance(guidance, Schedule):
        return guidance
    if isinstance(guidance, Mapping):
        return Schedule.from_dict(guidance)
    if callable(getattr(guidance, "w", None)):
        return Custom(guidance.w, getattr(guidance, "breakpoints", ()))  # type: ignore[attr-defined]
    if callable(guidance):
        return Custom(guidance)
    return Constant(guidance)  # type: ignore[arg-type]


def _numbers(name: str, values: Sequence[float]) -> tuple[float, ...]:
    try:
        items = list(values)
    except TypeError:
        raise ScheduleError(f"{name} must be a list of numbers; got {values!r}.") from None
    return tuple(checked(f"{name}[{i}]", x, error=ScheduleError) for i, x in enumerate(items))


def _increasing(name: str, values: Sequence[float], low: float) -> tuple[float, ...]:
    numbers = _numbers(name, values)
    if any(b <= a for a, b in pairwise(numbers)) or any(x < low for x in numbers):
        raise ScheduleError(f"{name} must increase strictly from {low:g} or above; got {list(numbers)}.")
    return numbers
