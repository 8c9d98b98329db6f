"""Tangential damping: the unconditional score loses what the conditional one does not share."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError
from meanfield.rules.base import Rule, dot, norm
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class Tangential(Rule):
    """cond + w (cond - u'), u' the part of the unconditional prediction along the leading singular direction of both.

    Source: TCFG, arXiv:2503.18137: of the two predictions (of the noise) as rows of a 2 x d matrix, the first right
    singular vector is kept of the unconditional one.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Tangential(1.0), sampler="ode", t_start=1000.0)
    >>> final = solve(problem).final
    >>> bool(0.2 < final.v / 0.25 < 1.0)
    True
    """

    guidance: Any = 1.0
    name: ClassVar[str] = "tangential"

    def shrinks(self, sigma2: float, eta: float) -> bool:
        return False  # a short burst of strong guidance at large t

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        c, u = x - cond, x - uncond  # predictions of the noise, times sqrt(t)
        cc, uu, cu = dot(c, c), dot(u, u), dot(c, u)
        # leading eigenvector (p, q) of the Gram matrix [[cc, cu], [cu, uu]]: p c + q u is the singular direction
        angle = 0.5 * np.arctan2(2.0 * cu, cc - uu)
        leading = np.cos(angle) * c + np.sin(angle) * u
        leading = leading / norm(leading)
        return x - (c + w * (c - dot(u, leading) * leading))
