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
        if (self.prediction, self.base) != ("x0", "cond"):
            rises = self.prediction == "eps" or (self.prediction == "v" and sigma2 < 1.0)  # at w = 0
            return False if rises and self.base == "uncond" and self.eta < 1.0 else None
        if 0.0 <= self.eta <= 1.0:
            return True
        return False if self.eta > 1.0 + 1.0 / sigma2 else None

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
