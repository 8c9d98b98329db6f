"""Guidance that depends on the sample, times an amplitude that is a function of t: what all of it has in common."""

import math
from typing import Any

from meanfield.errors import ScheduleError
from meanfield.guidance.schedules import Schedule
from meanfield.tools.door import Numbers, door


@door(ScheduleError, made_by="PowerLaw")
class Amplified(Schedule):
    """Base of schedules whose `guidance` is an amplitude w(t)."""

    guidance: Any

    def amplitude(self, t: Numbers):
        return self.guidance.w(t)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return self.guidance.breakpoints

    @property
    def constant_above(self) -> float:
        """Guidance follows the sample at all times but where the amplitude is 0."""
        last = self.guidance.constant_above
        silent = math.isfinite(last) and float(self.guidance.w(2.0 * last + 1.0)) == 0.0
        return last if silent else math.inf

    @property
    def largest(self) -> float:
        return 0.0
