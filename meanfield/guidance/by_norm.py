"""Power-law guidance: a weight that follows the difference of the scores, sample by sample.

    w = w(t) (|s_c - s_u|/d^(1/2))^a,      a > -1.

The norm is self-averaging (all of it in units of VE noise, sec. 1 of docs/theory.md; docs/schedules.md has the
derivation). Where the rest has the weight, s_c - s_u is (mu_1 - sum_k pi_k mu_k)/D, so

    |s_c - s_u|^2/d = [(1 - c m)^2 + c^2 v + (1 - c) Y]/D^2,      c = 1/(1 + D'),

with Y = sum_k pi_k^2 = 0 in the crowd. In the glass Y fluctuates from sample to sample; its mean 1 - D/D' takes its
place there [approximate]. Where one wrong class k has the weight the norm is (1 - 2 o_k + n_k)^(1/2)/D; where the
target has it, it is 0. The force w (s_c - s_u) is continuous there for a > -1, which is why a <= -1 is refused.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError, checked, settle
from meanfield.guidance.amplified import Amplified
from meanfield.guidance.schedules import as_schedule
from meanfield.tools.door import Numbers, door


@door(ScheduleError)
@dataclass(frozen=True)
class PowerLaw(Amplified):
    """w = guidance.w(t) (|s_c - s_u|/d^(1/2))^exponent, for every sample by itself.

    Source: the power-law guidance of arXiv:2502.07849 in our convention, s_c + w (s_c - s_u). The scores are those of
    the problem's own noise process (of x, not of y = x/a: they are larger by 1/a), in the dimension-free norm
    |.|/d^(1/2); for the plain norm multiply w by d^(exponent/2). `solve`, `reduced`, `quenched` and `simulate.run` take
    it. At large t the norm falls like 1/t and w never becomes constant: give a finite `t_start`, or a `guidance` that
    is 0 there, such as Interval(2.0, 0.0, 20.0). No function of t equals it, so
    `w(t)`, dose integrals, closed forms, spectra and `potential` refuse it.

    Parameters
    ----------
    guidance : the factor w(t): a number or a schedule of t.
    exponent : a > -1; 0 is guidance by w(t) alone. For a > 0 guidance fades when both scores agree.

    Raises
    ------
    ScheduleError : exponent <= -1, or a state-dependent `guidance`.

    Examples
    --------
    >>> schedule = PowerLaw(2.0, exponent=0.5)
    >>> float(schedule.w_state(1.0, norm=0.25))
    1.0
    >>> PowerLaw.from_dict(schedule.to_dict()) == schedule
    True
    """

    guidance: Any  # number or function in, always a Schedule after
    exponent: float
    name: ClassVar[str] = "power-law"

    def __post_init__(self) -> None:
        inner = as_schedule(self.guidance)
        if inner.exponent:
            raise ScheduleError(f"guidance of a power law must be a function of t; got {inner!r}. Add the exponents.")
        remedy = "Below, the guiding force would grow without bound where both scores agree."
        a = checked("exponent", self.exponent, low=-1, open_low=True, remedy=remedy, error=ScheduleError)
        settle(self, guidance=inner, exponent=a)

    def w(self, t: Numbers):
        if self.exponent:
            raise ScheduleError(
                f"the weight of {self!r} depends on the sample, not on t alone. Use w_state(t, norm), or one of solve, "
                "reduced, quenched and simulate.run; or exponent=0."
            )
        return self.guidance.w(t)

    @property
    def constant_above(self) -> float:
        return super().constant_above if self.exponent else self.guidance.constant_above

    @property
    def largest(self) -> float:
        return super().largest if self.exponent else self.guidance.largest
