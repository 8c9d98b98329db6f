"""A rule from a function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError, require, short
from meanfield.rules.base import Rule
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class CustomRule(Rule):
    """Guidance by a function f(x, cond, uncond, t, w) that returns the guided denoised prediction.

    In files a rule is stated by its name: make it a class of its own (`Rule`) for the command line.

    Parameters
    ----------
    function : of state and denoised predictions per d^(1/2), (..., directions), VE time and amplitude.
    guidance : amplitude w(t).

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> def halved(x, cond, uncond, t, w):
    ...     return cond + 0.5 * w * (cond - uncond)
    >>> cfg = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, sampler="ode", t_start=1000.0)
    >>> problem = cfg.replace(guidance=CustomRule(halved, 2.0))
    >>> bool(abs(solve(problem).final.v - solve(cfg).final.v) < 1e-6)
    True
    """

    function: Callable
    guidance: Any = 1.0
    name: ClassVar[str] = "custom-rule"

    def __post_init__(self) -> None:
        require(callable(self.function), "a rule must be a function", short(self.function), error=ScheduleError)
        super().__post_init__()

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        return self.function(x, cond, uncond, t, w)
