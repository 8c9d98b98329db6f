"""Two coefficients of their own: a guided score whose weights do not sum to one."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError, settle
from meanfield.guidance.schedules import as_schedule
from meanfield.rules.base import Rule
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class Free(Rule):
    """s = a(t) s_c + b(t) s_u with a = 1 + w and a b of its own; b = -w is CFG.

    Source: ReCFG, arXiv:2410.18737. Where a + b is not 1 the rule acts also where both scores agree: the class itself
    is sampled at another temperature.

    Parameters
    ----------
    guidance : amplitude w(t) = a(t) - 1. b : number or schedule.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Free(1.0, b=-0.9), sampler="ode", t_start=1000.0)
    >>> bool(solve(problem).final.v / 0.25 < 0.2)
    True
    """

    guidance: Any = 1.0
    b: Any = -1.0
    name: ClassVar[str] = "free"

    def __post_init__(self) -> None:
        inner = as_schedule(self.b)
        if inner.by_sample:
            raise ScheduleError(f"b must be a function of t; got {inner!r}.")
        settle(self, b=inner)
        super().__post_init__()

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return tuple(sorted({*self.guidance.breakpoints, *self.b.breakpoints}))

    @property
    def constant_above(self) -> float:
        return float("inf")

    def linear(self, D: Any, t: Any, w: Any) -> tuple[Any, Any]:
        return w, w + self.b.w(t) * D / (1.0 + D)

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        return x + (1.0 + w) * (cond - x) + float(self.b.w(t)) * (uncond - x)
