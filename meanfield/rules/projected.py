"""Adaptive projected guidance: the part of the difference along the prediction is weighted, its length bounded."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError, checked, one_of, settle
from meanfield.rules.base import Rule, dot, norm
from meanfield.rules.predictions import PREDICTIONS, Prediction
from meanfield.tools.door import door

BASES = ("cond", "uncond")


@door(ScheduleError)
@dataclass(frozen=True)
class Projected(Rule):
    """c + w (orthogonal + eta parallel), the difference c - u split along c, at most `threshold` long.

    c and u are what the network predicts. Source: APG, arXiv:2410.02416, on denoised predictions. The guider of
    diffusers takes what its network predicts, and by default starts from u: u + (1 + w)(orthogonal + eta parallel),
    which projects at w = 0 too. Momentum lives in steps: `from_diffusers` with the guider has it.

    Parameters
    ----------
    guidance : amplitude w(t). eta : weight of the parallel part; 1 is CFG, 0 the published default.
    threshold : of |c - u|/d^(1/2), > 0; none by default. The published r is a norm: r = threshold d^(1/2).
    prediction : what is projected, "x0", "eps" or "v" (of variance-preserving noise).
    base : "cond", or "uncond" for the default of diffusers.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Projected(1.0), sampler="ode", t_start=1000.0)
    >>> final = solve(problem).final
    >>> print(f"{final.m:.4f} {final.v / 0.25:.4f}")
    1.0286 0.1425
    >>> of_diffusers = Projected(1.0, prediction="eps", base="uncond")
    >>> final = solve(problem.replace(guidance=of_diffusers)).final
    >>> print(f"{final.m:.3f} {final.v / 0.25:.3f}")
    1.557 1.034
    """

    guidance: Any = 1.0
    eta: float = 0.0
    threshold: float | None = None
    prediction: str = "x0"
    base: str = "cond"
    name: ClassVar[str] = "projected"

    def __post_init__(self) -> None:
        settle(self, eta=checked("eta", self.eta, error=ScheduleError))
        if self.threshold is not None:
            settle(self, threshold=checked("threshold", self.threshold, low=0, open_low=True, error=ScheduleError))
        one_of("prediction", self.prediction, PREDICTIONS, error=ScheduleError)
        one_of("base", self.base, BASES, error=ScheduleError)
        super().__post_init__()

    def shrinks(self, sigma2: float, eta: float) -> bool | None:
        if self.eta == 1.0:  # CFG, whose weight a threshold can make negative where it starts from u
            return True if self.base == "cond" or self.threshold is None else None
        later = self.prediction == "v" and sigma2 < 1.0  # 0 < h < c in (P2)
        if self.base == "uncond":
            return self._shrinks_from_u(sigma2, eta, later)
        if self.prediction == "x0" and self.eta > 1.0:
            return False
        if not 0.0 <= self.eta <= 1.0:
            return None
        if later:
            return self.eta == 0.0 or eta >= 1.0
        return self.prediction != "eps"

    def _shrinks_from_u(self, sigma2: float, eta: float, later: bool) -> bool | None:
        if self.prediction == "eps" or later:
            return False if self.eta < 1.0 else None  # at w = 0
        if sigma2 == 1.0 and self.prediction == "v":
            return None
        if self.eta == 0.0:  # from a small T, at w = 0
            return False if self.prediction == "x0" and sigma2 > (3.0 + eta**2) / (1.0 + eta**2) else None
        return False if 0.0 < self.eta < 1.0 and eta <= 1.0 else None

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        predicted = Prediction.of(self.prediction, x, t)
        c, u = predicted.made(cond), predicted.made(uncond)
        difference = c - u
        if self.threshold is not None:
            difference = difference * np.minimum(1.0, self.threshold / norm(difference))
        unit = c / norm(c)
        parallel = dot(difference, unit) * unit
        projected = difference - parallel + self.eta * parallel
        return predicted.denoised(c + w * projected if self.base == "cond" else u + (1.0 + w) * projected)
