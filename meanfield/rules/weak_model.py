"""Autoguidance: away from a weaker model of the same class, in place of the unconditional one."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError, checked, settle
from meanfield.rules.base import Rule
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class WeakModel(Rule):
    """s_c + w (s_c - s_weak): the weak model knows the class with a variance that is larger by `delta`.

    Source: autoguidance, arXiv:2406.02507. It is linear, classes do not compete, the mean does not shift, and for
    constant w, rho = 1 + delta/sigma2,

        ODE  v(0)/sigma2 = rho^-w,       SDE  v(0)/sigma2 = (rho - rho^(-2w))/((rho - 1)(1 + 2w)).

    Parameters
    ----------
    guidance : amplitude w(t). delta : variance that the weak model adds, > 0.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> rule = WeakModel(1.0, delta=0.3)
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=rule, sampler="ode", t_start=1e6)
    >>> print(f"{solve(problem).final.v / 0.25:.4f} {1 / (1 + 0.3 / 0.25):.4f}")
    0.4545 0.4545
    """

    guidance: Any = 1.0
    delta: float = 0.3
    name: ClassVar[str] = "weak-model"

    def __post_init__(self) -> None:
        settle(self, delta=checked("delta", self.delta, low=0, open_low=True, error=ScheduleError))
        super().__post_init__()

    @property
    def widens(self) -> float:  # type: ignore[override]
        return self.delta

    def other(self, x: Any, cond: Any, uncond: Any, t: float, variances: Any) -> Any:
        score = (cond - x) / t  # (mu_1 - x)/(variances + t)
        return x + t * score * (variances + t) / (variances + t + self.delta)

    def linear(self, D: Any, t: Any, w: Any) -> tuple[Any, Any]:
        extra = w * self.delta / (D + self.delta)
        return extra, extra

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        return cond + w * (cond - uncond)
