"""Composition: towards two conditions at once, each with a weight of its own."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError, settle
from meanfield.guidance.schedules import as_schedule
from meanfield.rules.base import Rule
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class Composed(Rule):
    """s_c + w (s_c - s_u) + w_2 (s_2 - s_u), s_2 the score of another class: class 2 of the problem.

    Source: AND of composable diffusion, arXiv:2206.01714, whose weights are 1 + w and w_2. In a crowd it is CFG of
    weight w + w_2, whose mean is shared out as 1 + w to w_2.

    Parameters
    ----------
    guidance : amplitude w(t). w_2 : number or schedule.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> rule = Composed(0.0, w_2=1.0)
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=rule, sampler="ode", t_start=1000.0)
    >>> final = solve(problem).final
    >>> print(f"{final.m:.4f} {final.m_2:.4f} {final.v / 0.25:.4f}")
    0.6543 0.6543 0.2001
    """

    guidance: Any = 0.0
    w_2: Any = 1.0
    name: ClassVar[str] = "composed"
    second: ClassVar[bool] = True

    def __post_init__(self) -> None:
        inner = as_schedule(self.w_2)
        if inner.by_sample:
            raise ScheduleError(f"w_2 must be a function of t; got {inner!r}.")
        settle(self, w_2=inner)
        super().__post_init__()

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return tuple(sorted({*self.guidance.breakpoints, *self.w_2.breakpoints}))

    @property
    def constant_above(self) -> float:
        return float("inf")

    def linear(self, D: Any, t: Any, w: Any) -> tuple[Any, Any]:
        return w, (w + self.w_2.w(t)) / (1.0 + D)

    def felt(self, t: float, w: float) -> float:
        return w + float(self.w_2.w(t))

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any, second: Any) -> Any:  # type: ignore[override]
        return cond + w * (cond - uncond) + float(self.w_2.w(t)) * (second - uncond)
