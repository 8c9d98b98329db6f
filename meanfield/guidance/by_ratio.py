"""Density-ratio guidance: the weight that a contrastive training objective gives every sample.

The objective A(x)|s - s_c|^2 - B(x)|s - s_u|^2 with A = p_t(x|c) and B = beta p_t(x) has the minimiser

    s = s_c + w (s_c - s_u),      w(x, t) = beta r/(1 - beta r),      r = p_t(x)/p_t(x|c) >= 1/P,

where beta r < 1, and none elsewhere (`meanfield.objective.contrastive`). Since s_c - s_u = -grad log r, it is a score
itself,

    s = grad log[p_t(x|c) - beta p_t(x)],

that of a signed density which obeys the heat equation: the class with the share beta of the aggregate taken away. Here
stands the statement alone: the weight as a function of log r. Derivations: docs/training-objective.md.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError, checked, require, settle
from meanfield.guidance.schedules import Schedule
from meanfield.tools.door import Numbers, door

SETTLED = (1000.0, 100.0)  # w is constant to (d/D)/(1 - beta)^2: log r ~ N(-d/(2D), d/D)


@door(ScheduleError)
@dataclass(frozen=True)
class DensityRatio(Schedule):
    """w = beta r/(1 - beta r), r = p_t(x)/p_t(x|c): the minimiser of the contrastive objective, sample by sample.

    `simulate.run` takes it, with classes that are held ("explicit", "span", "streamed", "reference") and in the
    continuum; `meanfield.fade` has its theory at d dimensions, `meanfield.reduced` samples it.
    At D = sigma2 + t >> d the ratio is 1 and w constant,
    beta/(1 - beta); at D << d it vanishes. No function of t equals it, so whatever needs w(t) refuses it.

    Parameters
    ----------
    beta : share of the aggregate in the objective, 0 < beta < 1.
    w_max : the largest weight, > 0; none by default. It is another objective: the negative term is weighted by the
        smaller of beta p_t(x) and p_t(x|c) w_max/(1 + w_max), and has a minimiser everywhere. Without it a run that
        meets beta r >= 1 stops with `NoMinimiserError`.

    Raises
    ------
    ScheduleError : beta or w_max out of range.

    Examples
    --------
    >>> schedule = DensityRatio(0.2)
    >>> schedule.w_ratio([0.0, -50.0]).round(12)         # r = 1, and r = exp(-50)
    array([0.25, 0.  ])
    >>> float(DensityRatio(0.2, w_max=3.0).w_ratio(9.0))        # beta r >= 1
    3.0
    >>> Schedule.from_dict(schedule.to_dict()) == schedule
    True
    """

    beta: float
    w_max: float | None = None
    name: ClassVar[str] = "density-ratio"
    by_ratio: ClassVar[bool] = True

    def __post_init__(self) -> None:
        remedy = "From beta = 1 on the objective has no minimiser at large t, where r = 1."
        beta = checked("beta", self.beta, low=0, high=1, open_low=True, error=ScheduleError, remedy=remedy)
        require(beta != 1.0, "beta must be below 1", self.beta, remedy, error=ScheduleError)
        settle(self, beta=beta)
        if self.w_max is not None:
            settle(self, w_max=checked("w_max", self.w_max, low=0, open_low=True, error=ScheduleError))

    def w(self, t: Numbers):
        raise ScheduleError(
            f"the weight of {self!r} depends on the sample, not on t alone. Use w_ratio(log_ratio), simulate.run or "
            "meanfield.fade, whose `schedule` is the function of t with the same mean effect."
        )

    def w_ratio(self, log_ratio: Numbers):
        """Weight where log r = log_ratio (any shape), at most w_max; inf where there is no minimiser."""
        log_share = np.asarray(log_ratio, float) + math.log(self.beta)  # log(beta r)
        lost = log_share >= 0.0  # nan is neither, and stays nan
        safe = np.where(lost, -1.0, log_share)
        w = np.where(lost, math.inf, np.exp(safe) / -np.expm1(safe))
        return (w if self.w_max is None else np.minimum(w, self.w_max))[()]

    def amplitude(self, t: Numbers):
        """The weight at r = 1, whatever t: that of large t."""
        return np.full(np.shape(t), self.largest)[()]

    @property
    def largest(self) -> float:
        return float(self.w_ratio(0.0))

    def settled_above(self, d: float) -> float:
        return max(SETTLED[0], SETTLED[1] / (1.0 - self.beta) ** 2) * d

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in super().to_dict().items() if value is not None}
