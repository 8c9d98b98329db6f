"""Where a window of negative guidance must be closed: before the glass, in which a wrong class captures the sample."""

import math
from typing import Any, cast

import numpy as np

from meanfield.theory.energies import information
from meanfield.theory.motion import Groups
from meanfield.theory.trajectory import Trajectory
from meanfield.tools.roots import brentq

TIMES = 129  # among which the first crossing is bracketed


def glass_ahead(theory: Trajectory, margin: float) -> float | None:
    """The VE time at which K = (1 - margin) alpha on the way, so that the glass is near; None if it never is."""
    if math.isinf(theory.alpha):
        return None
    groups, limit = Groups.of(theory.problem), theory.alpha * (1.0 - margin)
    by = "" if groups.n == 1 else "_group"

    def excess(t: float) -> float:
        state = cast(Any, theory.at(t))
        m, v = (getattr(state, f"{name}{by}") for name in "mv")
        return float(groups.mean(information(groups.D(groups.tau(t)), m**2 + v))) - limit

    a, start = groups.floor, float(theory.t[0])
    times = np.append(np.geomspace(a + start, a, TIMES)[1:-1] - a, 0.0).tolist()
    before = start
    for t in times:
        if excess(t) > 0.0:
            return brentq(excess, t, before) if excess(before) < 0.0 else before
        before = t
    return None
