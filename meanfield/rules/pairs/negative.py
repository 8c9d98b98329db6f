"""Negative prompt: away from a second condition, which stands in the place of the unconditional prediction."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError
from meanfield.rules.base import Rule
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class Negative(Rule):
    """s_c + w (s_c - s_n), s_n the score of another class n: class 2 of the problem.

    Source: the `negative_prompt` of diffusers (arXiv:2206.01714 has it as NOT). There is no unconditional score: no
    other class enters, whatever their number, and with r = (sigma2/(sigma2 + T))^e and constant w, at every d,

        m(0) = (1 + w)(1 - r),      m_2(0) = -w (1 - r),      v(0) as without guidance.

    Examples
    --------
    >>> from meanfield import Exponential, Problem, solve
    >>> problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=Negative(1.0), t_start=1000.0)
    >>> final = solve(problem).final
    >>> print(f"{final.m:.4f} {final.m_2:.4f} {final.v / 0.25:.4f}")
    1.9995 -0.9998 1.0000
    """

    guidance: Any = 1.0
    name: ClassVar[str] = "negative"
    second: ClassVar[bool] = True

    def linear(self, D: Any, t: Any, w: Any) -> tuple[Any, Any]:
        return w, 0.0 * w * D

    def felt(self, t: float, w: float) -> float:
        return 0.0

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any, second: Any) -> Any:  # type: ignore[override]
        return cond + w * (cond - second)
