"""Frequency-dependent guidance: a weight of its own for every group of directions of a spectrum."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError, array, checked, require, settle
from meanfield.rules.base import Rule
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class ByGroup(Rule):
    """w_i = factors[i] w(t) in group i of the problem's spectrum.

    Source: frequency-decoupled guidance, arXiv:2506.19713 (weights for low and high frequencies); groups of a
    `Spectrum` are the bands.

    Parameters
    ----------
    guidance : amplitude w(t). factors : one number for each group.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, Spectrum, solve
    >>> groups = Spectrum(c=[0.2, 0.5], u=[1.2, 4.5])
    >>> rule = ByGroup(1.0, factors=[0.0, 2.0])
    >>> problem = Problem(classes=Continuum(), spectrum=groups, guidance=rule, sampler="ode", t_start=1000.0)
    >>> final = solve(problem).final
    >>> (abs(final.v_group / groups.c - 1.0) > 0.1).tolist()
    [False, True]
    """

    guidance: Any = 1.0
    factors: Sequence[float] = (1.0,)
    name: ClassVar[str] = "by-group"

    def __post_init__(self) -> None:
        values = array(self.factors, "factors must be a list of numbers, one for each group", error=ScheduleError)
        require(
            values.ndim == 1 and values.size > 0, "factors must be a list of numbers", self.factors, error=ScheduleError
        )
        settle(self, factors=tuple(checked("a factor", x, error=ScheduleError) for x in values))
        super().__post_init__()

    def linear(self, D: Any, t: Any, w: Any) -> tuple[Any, Any]:
        w = w * self.factors[0]  # doses know one group
        return w, w / (1.0 + D)

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        return cond + w * (cond - uncond)
