"""Growth laws: how the number of classes P grows with the dimension d, and its rate alpha_d = log(P)/d."""

import math
from dataclasses import dataclass
from typing import ClassVar

from meanfield.errors import checked, settle, whole
from meanfield.tools.door import door
from meanfield.tools.named import Named


@door(made_by="Exponential")
class Growth(Named, kind="growth"):
    """How the number of classes P grows with the dimension d."""

    def log_count(self, d: float) -> float:
        """log P at dimension d, with P rounded to a whole number wherever that can be seen."""
        raise NotImplementedError

    def rate(self, d: float = math.inf) -> float:
        """alpha_d = log(P)/d; its limit at d = infinity."""
        return 0.0 if math.isinf(d) else self.log_count(d) / d


@door()
@dataclass(frozen=True)
class Exponential(Growth):
    """P = exp(alpha d), rounded; alpha > 0.

    Examples
    --------
    >>> round(math.exp(Exponential(alpha=0.4).log_count(20)))
    2981
    """

    alpha: float
    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        settle(self, alpha=checked("alpha", self.alpha, low=0, open_low=True))

    def log_count(self, d: float) -> float:
        return _rounded_log(self.alpha * _size(d))

    def rate(self, d: float = math.inf) -> float:
        return self.alpha if math.isinf(d) else self.log_count(d) / d


@door()
@dataclass(frozen=True)
class Polynomial(Growth):
    """P = d^gamma, rounded; gamma > 0. Sub-exponential: alpha_d = gamma log(d)/d vanishes."""

    gamma: float
    name: ClassVar[str] = "polynomial"

    def __post_init__(self) -> None:
        settle(self, gamma=checked("gamma", self.gamma, low=0, open_low=True, high=1e100))

    def log_count(self, d: float) -> float:
        return _rounded_log(self.gamma * math.log(_size(d)))


@door()
@dataclass(frozen=True)
class Fixed(Growth):
    """P = n at every d; n >= 1."""

    n: int
    name: ClassVar[str] = "fixed"

    def __post_init__(self) -> None:
        settle(self, n=whole("n", self.n, low=1))

    def log_count(self, d: float) -> float:
        return math.log(self.n)


@door()
@dataclass(frozen=True)
class Continuum(Growth):
    """Infinitely many classes at every d: the unconditional density is N(0, (1 + D) I)."""

    name: ClassVar[str] = "continuum"

    def log_count(self, d: float) -> float:
        return math.inf

    def rate(self, d: float = math.inf) -> float:
        return math.inf


def _size(d: float) -> float:
    return checked("d", d, low=0, open_low=True, infinite=True)


def _rounded_log(log_count: float) -> float:
    """log of the whole number nearest to exp(log_count); at least one class. Beyond 1e15 rounding cannot be seen."""
    return log_count if log_count > 34.5 else math.log(max(round(math.exp(log_count)), 1))
