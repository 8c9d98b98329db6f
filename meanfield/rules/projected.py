"""Adaptive projected guidance: the part of the difference along the prediction is weighted, its length bounded."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError, checked, settle
from meanfield.rules.base import Rule, dot, norm
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class Projected(Rule):
    """cond + w (orthogonal + eta parallel), the difference cond - uncond split along cond, at most `threshold` long.

    Source: APG, arXiv:2410.02416, on denoised predictions. Its momentum lives in steps: `from_diffusers` with the
    guider has it.

    Parameters
    ----------
    guidance : amplitude w(t). eta : weight of the parallel part; 1 is CFG, 0 the published default.
    threshold : of |cond - uncond|/d^(1/2), > 0; none by default. The published r is a norm: r = threshold d^(1/2).

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Projected(1.0), sampler="ode", t_start=1000.0)
    >>> final = solve(problem).final
    >>> print(f"{final.m:.4f} {final.v / 0.25:.4f}")
    1.0286 0.1425
    """

    guidance: Any = 1.0
    eta: float = 0.0
    threshold: float | None = None
    name: ClassVar[str] = "projected"

    def __post_init__(self) -> None:
        settle(self, eta=checked("eta", self.eta, error=ScheduleError))
        if self.threshold is not None:
            settle(self, threshold=checked("threshold", self.threshold, low=0, open_low=True, error=ScheduleError))
        super().__post_init__()

    def shrinks(self, sigma2: float, eta: float) -> bool | None:
        if 0.0 <= self.eta <= 1.0:
            return True
        return False if self.eta > 1.0 + 1.0 / sigma2 else None

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        difference = cond - uncond
        if self.threshold is not None:
            difference = difference * np.minimum(1.0, self.threshold / norm(difference))
        unit = cond / norm(cond)
        parallel = dot(difference, unit) * unit
        return cond + w * (difference - parallel + self.eta * parallel)
