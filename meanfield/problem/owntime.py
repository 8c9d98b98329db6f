"""Schedules stated in the own time of a noise process, as schedules of VE time: w(t) = guidance(own time of t)."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, cast

import numpy as np

from meanfield.errors import ScheduleError, settle
from meanfield.guidance.by_norm import PowerLaw
from meanfield.guidance.schedules import Constant, Interval, Piecewise, Schedule, as_schedule
from meanfield.problem.noise import VE, Noise, as_noise


@dataclass(frozen=True)
class InOwnTime(Schedule):
    """A schedule stated in the own time of a noise process, as a schedule of VE time; constant beyond `noise.last`.

    Examples
    --------
    >>> from meanfield import EDM, Linear
    >>> float(InOwnTime(Linear(0.0, 2.0), EDM()).w(9.0))     # w = 2 sigma at sigma = 3
    6.0
    """

    guidance: Schedule
    noise: Noise
    name: ClassVar[str] = "in-own-time"

    def __post_init__(self) -> None:
        settle(self, guidance=as_schedule(self.guidance), noise=as_noise(self.noise))

    def w(self, t):
        t = np.minimum(np.asarray(t, float), self.noise.t_last)
        s = self.noise.own_time(t)
        edges, low, high = self._windows
        if edges.size:  # a time on one side of a jump stays there: rounding of s must not carry it across
            i = np.searchsorted(edges, t, side="left")
            s = np.clip(s, low[i], high[i])
        return self.guidance.w(s)

    @cached_property
    def _windows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Jumps in VE time, and the least and largest own time between two of them."""
        own = np.array([s for s in self.guidance.breakpoints if _below(self.noise, (s,))])
        edges = np.asarray(self.noise.ve_time(own), float)
        return edges, np.append(0.0, np.nextafter(own, np.inf)), np.append(own, self.noise.last)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        ends = () if self.guidance.constant_above < self.noise.last else (self.noise.t_last,)
        return (*map(float, self._windows[0]), *(t for t in ends if math.isfinite(t)))

    @property
    def constant_above(self) -> float:
        s = self.guidance.constant_above
        return float(self.noise.ve_time(s)) if s < self.noise.last else self.noise.t_last


@dataclass(frozen=True)
class OwnNorm(Schedule):
    """w(t) a^-exponent: turns a power of the norm of the scores of y = x/a into one of the scores of x."""

    guidance: Schedule
    noise: Noise
    power: float

    def w(self, t):
        return self.guidance.w(t) * self.noise.a(self.noise.own_time(t)) ** -self.power

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return self.guidance.breakpoints


def in_ve_time(guidance: Schedule, noise: Noise) -> Schedule:
    """The schedule of VE time that is `guidance` at the own time of `noise`; beyond `noise.last` it keeps its value.

    Raises
    ------
    ScheduleError : a breakpoint of the schedule is beyond `noise.last`.

    Examples
    --------
    >>> from meanfield import EDM
    >>> in_ve_time(Interval(2.0, 0.5, 3.0), EDM())
    Interval(value=2.0, t_low=0.25, t_high=9.0)
    """
    if isinstance(noise, VE) or isinstance(guidance, Constant) or guidance.by_ratio:  # densities of x and y: one ratio
        return guidance
    if isinstance(guidance, PowerLaw):
        return PowerLaw(OwnNorm(in_ve_time(guidance.guidance, noise), noise, guidance.exponent), guidance.exponent)
    if guidance.by_rule:  # a rule knows VE noise, its amplitude and other schedules in it the own time
        stated = {name: x for name, x in vars(guidance).items() if isinstance(x, Schedule)}
        return replace(guidance, **{name: in_ve_time(x, noise) for name, x in stated.items()})  # type: ignore[type-var]
    late = [s for s in guidance.breakpoints if s > noise.last]
    if late:
        raise ScheduleError(
            f"times of a schedule for {noise!r} are own times, from 0 to {noise.last:g}; got {late[0]:g} in "
            f"{guidance!r}. Give its times within that range, or another noise process."
        )
    if type(guidance) is Interval:
        edges = _below(noise, (guidance.t_low, guidance.t_high))
        if len(edges) == 2:
            return Interval(guidance.value, *edges)
        return Piecewise(edges, (0.0, guidance.value)) if guidance.t_low > 0 else Constant(guidance.value)
    if type(guidance) is Piecewise:
        edges = _below(noise, guidance.edges)
        return Piecewise(edges, guidance.values[: len(edges) + 1])
    return InOwnTime(guidance, noise)


def in_own_time(schedule: Schedule, noise: Noise) -> Schedule:
    """The schedule of own time that `in_ve_time` makes this one of VE time: constants and piecewise constants.

    Examples
    --------
    >>> from meanfield import EDM
    >>> in_own_time(Piecewise([0.25], [1.0, 2.0]), EDM())
    Piecewise(edges=(0.5,), values=(1.0, 2.0))
    """
    if isinstance(noise, VE) or isinstance(schedule, Constant):
        return schedule
    piecewise = cast(Piecewise, schedule)
    return Piecewise(tuple(float(noise.own_time(t)) for t in piecewise.edges), piecewise.values)


def _below(noise: Noise, times) -> tuple[float, ...]:
    """VE times of the own times that are before the last one, and finite."""
    mapped = [(s, float(noise.ve_time(s))) for s in times]
    return tuple(t for s, t in mapped if s < noise.last and math.isfinite(t))
