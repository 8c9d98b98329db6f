"""A score error that is small in mean square and yet lets guided samples leave the support: part of the statement.

No sample of the noised class is found far beyond the edge b, so a learned score is not fitted there. Here it is zero on
the far side of b + reach (both classes), at all times at which this is an error of mean square at most size^2:
    (L8)  E(t) = int_{beyond b + reach} p_t(x|c) s_c(x, t)^2 dx <= size^2    for t <= onset.
E(t) falls like exp(-reach^2/(2 t)), so for any size > 0 there is an onset > 0. Guidance brings samples beyond b + reach
at t = onset once w is large enough, by log(1/size) up to a factor; from there nothing brings them back.
"""

import math
from dataclasses import dataclass

import numpy as np

from meanfield.errors import ProblemError, checked, settle
from meanfield.line.sources import PiecewiseConstant
from meanfield.line.statement import TwoClasses, stated

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


@dataclass(frozen=True)
class ScoreError:
    """The score vanishes beyond the far edge + `reach`, for t <= onset: the root mean square error is at most `size`.

    Parameters
    ----------
    size : L2(p_t(.|c)) norm of the error of the conditional score, > 0.
    reach : distance from the edge, > 0; at least 1e-9 times the edge itself, which rounding would blur.

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> error = ScoreError(size=1e-3, reach=0.5)
    >>> round(error.onset(TwoClasses(Uniform(1, 2), Uniform(-2, -1))), 4)
    0.0082
    """

    size: float
    reach: float

    def __post_init__(self) -> None:
        for name, low in (("size", 0.0), ("reach", 1e-100)):  # squares of the reach must not vanish
            settle(self, **{name: checked(name, getattr(self, name), low=low, open_low=True, high=1e6)})

    def limit(self, classes: TwoClasses) -> float:
        """The point beyond which the score is lost."""
        edge = _target(classes).support[1 if classes.sign > 0 else 0]
        if self.reach < 1e-9 * abs(edge):
            raise ProblemError(f"reach must be >= 1e-9 of the edge {edge:g}; got {self.reach:g}. Raise it.")
        return edge + classes.sign * self.reach

    def norm(self, classes: TwoClasses, t: float) -> float:
        """Root mean square error at time t, E(t)^{1/2} of (L8); by quadrature over twelve standard deviations."""
        target, sign = _target(classes), classes.sign
        root = math.sqrt(checked("t", t, low=0, open_low=True))
        x = self.limit(classes) + sign * root * 6.0 * (NODES + 1.0)
        values = np.exp(target.log_density(x, t)) * target.score(x, t) ** 2
        return math.sqrt(6.0 * root * float(WEIGHTS @ values))

    def onset(self, classes: TwoClasses) -> float:
        """The largest t below which the error stays within `size`, at most reach^2/4 (until where E(t) grows)."""
        from scipy.optimize import brentq

        top = 0.25 * self.reach**2
        if self.norm(classes, top) <= self.size:
            return top
        low = top / 700.0  # the norm there is exp(-700) of its scale: below any size that a number can hold

        def excess(log_t: float) -> float:
            return math.log(max(self.norm(classes, math.exp(log_t)), 1e-300)) - math.log(self.size)

        if excess(math.log(low)) > 0:
            raise ProblemError(f"size must be above {self.norm(classes, low):.2g} here; got {self.size:g}. Raise it.")
        return math.exp(brentq(excess, math.log(low), math.log(top), xtol=1e-12))


def _target(classes: TwoClasses) -> PiecewiseConstant:
    target = stated(classes).target
    if not isinstance(target, PiecewiseConstant):
        raise ProblemError("a score error beyond the support needs compact classes; got Normal. Use Uniform.")
    return target
