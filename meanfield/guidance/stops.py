"""Where steps of a run must end: at the breakpoints of a schedule, but not at every point of a long table.

A jump inside of a step costs an order of accuracy; a corner does not.
"""

import numpy as np

from meanfield.guidance.schedules import Schedule

FEW = 16  # breakpoints that all count
NEAR = 0.01  # of the range of w


def stops(schedule: Schedule) -> tuple[float, ...]:
    """Breakpoints at which a step ends: all, or of more than `FEW` those where w jumps, or nearly.

    It does where it is off the line through the neighbours of the point by more than `NEAR` of its range. The first and
    the last breakpoint always count.

    Examples
    --------
    >>> from meanfield import Tabulated
    >>> t = np.linspace(0.0, 10.0, 101)
    >>> stops(Tabulated(t, np.sqrt(t)))
    (0.1, 10.0)
    >>> stops(Tabulated(t, np.where(t < 5.0, -1.0, 2.0)))
    (0.1, 4.9, 5.0, 10.0)
    """
    times = np.array(schedule.breakpoints)
    if len(times) <= FEW:
        return schedule.breakpoints
    w, below, above = (np.asarray(schedule.amplitude(f * times), float) for f in (1.0, 1.0 - 1e-9, 1.0 + 1e-9))
    off = np.abs(above - below)
    share = np.diff(times)[:-1] / (times[2:] - times[:-2])
    off[1:-1] += np.abs(w[1:-1] - w[:-2] - share * (w[2:] - w[:-2]))
    off[[0, -1]] = np.inf
    return tuple(times[off > NEAR * np.ptp(w)].tolist())
