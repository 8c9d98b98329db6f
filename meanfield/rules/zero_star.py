"""CFG-Zero*: the unconditional velocity is first fitted to the conditional one."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError
from meanfield.rules.base import SMALLEST, Rule, dot
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class ZeroStar(Rule):
    """v = s* v_u + (1 + w) (v_c - s* v_u), s* = v_c.v_u/|v_u|^2, on velocities of a rectified flow.

    Source: CFG-Zero*, arXiv:2503.18886. With r = t^(1/2)/(1 + t^(1/2)) the state of the flow is (1 - r) x, and a
    velocity ((1 - r) x - denoised)/r. Its zero first steps live in steps.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=ZeroStar(1.0), sampler="ode", t_start=1000.0)
    >>> final = solve(problem).final
    >>> print(f"{final.m:.4f} {final.v / 0.25:.4f}")
    1.2739 0.1505
    """

    guidance: Any = 1.0
    name: ClassVar[str] = "cfg-zero-star"

    def shrinks(self, sigma2: float, eta: float) -> bool:
        return True  # b = w m/(m^2 + v)

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        r = np.sqrt(t) / (1.0 + np.sqrt(t))
        state = (1.0 - r) * x
        c, u = (state - cond) / r, (state - uncond) / r
        fitted = dot(c, u) / (dot(u, u) + SMALLEST) * u
        return state - r * (fitted + (1.0 + w) * (c - fitted))
