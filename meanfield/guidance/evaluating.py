"""A schedule evaluated with care: it may be the user's code."""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.errors import ScheduleError, short
from meanfield.guidance.amplified import Amplified
from meanfield.guidance.schedules import Constant, Interval, Piecewise, Schedule
from meanfield.tools.door import Numbers

STEPS = (Constant, Interval, Piecewise)  # constant between breakpoints; of a subclass that is not known


def amplitude_of(schedule: Schedule, t: Numbers, named: Schedule) -> Any:
    """`Schedule.amplitude`, checked: finite, real, of the shape of t.

    Raises ScheduleError otherwise, with `named`, the schedule as its author stated it.
    """
    try:
        w = np.asarray(schedule.amplitude(t), dtype=float)
    except Exception as cause:  # the schedule is the user's code: whatever it raises is reported with the time
        raise ScheduleError(
            f"the schedule must return numbers for t = {_some(t)}; {short(named)} raised "
            f"{type(cause).__name__}: {cause}. It must accept arrays of t."
        ) from cause
    if w.shape != np.shape(t):
        w = np.broadcast_to(w, np.shape(t)) if w.ndim == 0 else w
        if w.shape != np.shape(t):
            raise ScheduleError(f"the schedule must return one w per t; got shape {w.shape} for {np.shape(t)}.")
    if not np.isfinite(w).all():
        bad = np.asarray(t, float)[~np.isfinite(w)] if np.ndim(t) else t
        raise ScheduleError(
            f"the schedule must be finite in the sampled range; w(t = {_some(bad)}) is not, in "
            f"{short(named)}. Clip it, or start later."
        )
    return w[()]


def amplitude_between(schedule: Schedule, w: Callable[..., Any], low: float, high: float) -> Callable[..., Any]:
    """The amplitude w of a schedule, as a function of tau, strictly inside a piece without breakpoints.

    Of steps it is asked once: it is asked at every stage of every step of the integration.
    """
    amplified = isinstance(schedule, Amplified) and type(schedule).amplitude is Amplified.amplitude
    inner: Any = schedule.guidance if amplified else schedule  # type: ignore[attr-defined]
    if type(inner) in STEPS:
        steady = float(w(0.5 * (low + high)))
        return lambda tau: steady if isinstance(tau, float) else np.full(np.shape(tau), steady)
    inside = 1e-12 * (high - low)
    return lambda tau: w(np.minimum(np.maximum(tau, low + inside), high - inside))


def _some(t: object) -> str:
    values = np.atleast_1d(np.asarray(t, float))
    return ", ".join(f"{x:g}" for x in values[:3]) + (", ..." if values.size > 3 else "")
