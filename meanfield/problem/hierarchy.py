"""Classes with many modes: a tree of two levels, and a label at one of them (docs/modes.md).

    x_0 = A_a + B_ab + sigma xi,    A_a ~ N(0, rho I), a = 1 ... exp(alpha_1 d),    B_ab ~ N(0, tau I), tau = 1 - rho,
                                                       b = 1 ... exp(alpha_2 d) for each a.

With label 1 a class is all that has the same a, exp(alpha_2 d) modes; with label 2 it is one mode, and the modes of the
same a are its nearest rivals. Modes may have unequal weights, exp(spread d^(1/2) z), z normal: most of it is then
with exp(h d) of them, h = alpha_2 - spread^2/2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from meanfield.errors import ProblemError, checked, require, settle, whole
from meanfield.problem.growth import Growth, dimension, rounded_log
from meanfield.tools.door import door


@door()
@dataclass(frozen=True, repr=False)
class Hierarchy(Growth):
    """exp(alpha_1 d) superclasses, rounded, of exp(alpha_2 d) modes each.

    Parameters
    ----------
    alpha : (alpha_1, alpha_2), both > 0.
    rho : variance per direction of the centres of the superclasses, between 0 and 1; the modes of one scatter about its
        centre with the rest, tau = 1 - rho.
    label : 1, a class is a superclass; 2, a class is one mode.
    spread : standard deviation of the log-weights of modes, over d^(1/2); superclasses have equal weights. Below
        (2 alpha_2)^(1/2), beyond which a few modes have all.

    Raises
    ------
    ProblemError : another number of levels, a number out of range, a spread with label 2; or what knows classes of one
        Gaussian alone is asked for (`solve`, `potential`, `quenched`, `design_modes` and `run_modes` know more).

    Examples
    --------
    >>> law = Hierarchy(alpha=(0.1, 0.3), rho=0.7)
    >>> law, round(law.tau, 12), law.counts(12)
    (Hierarchy(alpha=(0.1, 0.3), rho=0.7), 0.3, (3, 37))
    """

    alpha: Sequence[float]
    rho: float
    label: int = 1
    spread: float = 0.0
    name: ClassVar[str] = "hierarchy"

    def __post_init__(self) -> None:
        alpha = tuple(checked("alpha", x, low=0, open_low=True) for x in self.alpha)
        require(len(alpha) == 2, "alpha has one entry for each of two levels", len(alpha))
        rho = checked("rho", self.rho, low=0, open_low=True)
        require(rho < 1.0, "rho must be below 1: the modes scatter with tau = 1 - rho", rho, "Or take Exponential.")
        label, spread = whole("label", self.label, low=1, high=2), checked("spread", self.spread, low=0)
        rule = "spread must be below (2 alpha_2)^(1/2): beyond it a few modes have all the weight"
        require(spread**2 < 2.0 * alpha[1], rule, spread, "Lower it, or raise alpha_2.")
        require(spread == 0.0 or label == 1, "modes of unequal weight are known below a label", label, "Take label=1.")
        settle(self, alpha=alpha, rho=rho, label=label, spread=spread)

    @property
    def tau(self) -> float:
        """Variance per direction of the modes of a superclass about its centre, 1 - rho."""
        return 1.0 - self.rho

    def log_counts(self, d: float) -> tuple[float, float]:
        """Logs of the numbers of superclasses, and of modes in each, rounded to whole numbers at finite d."""
        first, second = self.alpha
        return rounded_log(first * dimension(d)), rounded_log(second * dimension(d))

    def counts(self, d: float) -> tuple[int, int]:
        """Numbers of superclasses, and of modes in each, at dimension d."""
        first, second = (round(math.exp(checked("log of a number", x, high=700.0))) for x in self.log_counts(d))
        return first, second

    def level_rates(self, d: float = math.inf) -> tuple[float, float]:
        """(alpha_1, alpha_2) that dimension d realises."""
        if math.isinf(d):
            return self.alpha  # type: ignore[return-value]
        first, second = self.log_counts(d)
        return first / d, second / d

    def mode_entropy(self, d: float = math.inf) -> float:
        """Entropy of the weights of the modes of a superclass, per dimension: alpha_2 - spread^2/2."""
        return self.level_rates(d)[1] - 0.5 * self.spread**2

    def log_count(self, d: float) -> float:
        self._refuse()

    def rate(self, d: float = math.inf) -> float:
        self._refuse()

    def rates(self, d: float = math.inf) -> tuple[tuple[float, float], ...]:
        self._refuse()

    def rivals(self, d: float) -> tuple[Any, ...]:
        self._refuse()

    @property
    def _unsaid(self) -> tuple[str, ...]:
        return tuple(name for name, usual in (("label", 1), ("spread", 0.0)) if getattr(self, name) == usual)

    def _refuse(self) -> NoReturn:
        raise ProblemError(
            f"what is asked for knows classes of one Gaussian each; got {self!r}. Use solve, quenched, design_modes, "
            "run_modes or Exponential."
        )
