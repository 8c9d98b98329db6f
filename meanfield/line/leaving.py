"""How many guided samples leave the support under a small score error, and from which guidance on.

The flow is exact down to the onset of a `ScoreError`. Who is beyond its limit then, or gets there later, stays there,
as both scores vanish; who is not returns to the support. Paths keep their order, so for the guided ODE, exactly,
    (L9)  share outside = max over t <= onset of Pr[x(t) beyond the limit].
The maximum is at the onset where guidance has done its work by then: M_w < limit at the limit.

With (L5) the guidance at which half of the samples leave is w = (zeta_limit/C)^2, zeta_limit the normal score of the
limit at the onset: of order log(1/size).
"""

import math
from functools import cache

import numpy as np
from scipy import special

from meanfield.errors import ConvergenceError, checked, require
from meanfield.line.flow import trajectories
from meanfield.line.scoreerror import ScoreError
from meanfield.line.statement import TwoClasses, stated
from meanfield.tools.roots import brentq

TIMES = np.geomspace(1.0, 1e-3, 25)  # of the onset, at which the maximum is looked for


def share_outside(classes: TwoClasses, w: float, error: ScoreError, *, tol: float = 1e-6) -> float:
    """Share of the samples of the guided ODE that end beyond the support, (L9).

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> classes, error = TwoClasses(Uniform(1, 2), Uniform(-2, -1)), ScoreError(size=1e-3, reach=0.5)
    >>> [round(share_outside(classes, w, error), 3) for w in (1.0, 40.0, 70.0)]
    [0.0, 0.15, 1.0]
    """
    classes = stated(classes)
    require(isinstance(error, ScoreError), "error must be a ScoreError", repr(error), "Give its size and reach.")
    z = np.linspace(-8.0, 8.0, 161)
    beyond = _beyond(classes, w, z, error, tol)
    order = slice(None) if classes.sign > 0 else slice(None, None, -1)
    start = np.interp(0.0, beyond[order], (classes.sign * z)[order], left=-math.inf, right=math.inf)
    return float(special.ndtr(-start))


def leaving_guidance(classes: TwoClasses, error: ScoreError, share: float = 0.5) -> float:
    """The guidance w at which `share` of the samples leave the support.

    As paths keep their order, it is the w at which the one path with that share beyond it touches the limit.

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> classes = TwoClasses(Uniform(1, 2), Uniform(-2, -1))
    >>> [round(leaving_guidance(classes, ScoreError(size, reach=0.5)), 1) for size in (1e-1, 1e-3, 1e-6)]
    [21.7, 46.3, 80.3]
    """
    classes = stated(classes)
    require(isinstance(error, ScoreError), "error must be a ScoreError", repr(error), "Give its size and reach.")
    share = checked("share", share, low=1e-6, high=1 - 1e-6)
    z = np.array([-classes.sign * special.ndtri(share)])

    @cache
    def excess(log_w: float) -> float:
        return float(_beyond(classes, math.exp(log_w), z, error, 1e-6)[0])

    low, high = math.log(1e-2), math.log(1e4)
    if excess(low) > 0 or excess(high) < 0:
        raise ConvergenceError(
            f"a share {share:g} leaves at a w between 0.01 and 10000; here it does not, for {error}. Change its reach."
        )
    return math.exp(brentq(excess, low, high, xtol=1e-4))


def _beyond(classes: TwoClasses, w: float, z: np.ndarray, error: ScoreError, tol: float) -> np.ndarray:
    """How far beyond the limit each path from z gets, from the onset on."""
    t, limit = error.onset(classes) * TIMES, error.limit(classes)
    M = classes.guided(limit / np.sqrt(t), 1.0 / np.sqrt(t), checked("w", w, low=0)).M
    if np.all(classes.sign * (M - limit) <= 0):  # nobody crosses the limit outwards after the onset
        t = t[:1]
    x = trajectories(classes, w, z, t, tol=tol)
    return np.max(classes.sign * (x - limit), axis=1)
