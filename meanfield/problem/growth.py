"""Growth laws: how the number of classes P grows with the dimension d, and its rate alpha_d = log(P)/d."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from meanfield.errors import ProblemError, build, checked, whole

__all__ = ["Continuum", "Exponential", "Fixed", "Growth", "Polynomial"]


class Growth:
    """How the number of classes P grows with the dimension d."""

    name: ClassVar[str] = ""
    _known: ClassVar[dict[str, type["Growth"]]] = {}

    def __init_subclass__(cls) -> None:
        Growth._known[cls.name] = cls

    def log_count(self, d: float) -> float:
        """log P at dimension d, with P rounded to a whole number wherever that can be seen."""
        raise NotImplementedError

    def rate(self, d: float = math.inf) -> float:
        """alpha_d = log(P)/d; its limit at d = infinity."""
        return 0.0 if math.isinf(d) else self.log_count(d) / d

    def to_dict(self) -> dict[str, Any]:
        return {"growth": self.name, **asdict(self)}  # type: ignore[call-overload]

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Growth":
        kind = data.get("growth")
        if kind not in Growth._known:
            raise ProblemError(f"growth must be one of {sorted(Growth._known)}; got {kind!r}.")
        return build(Growth._known[kind], {k: v for k, v in data.items() if k != "growth"})


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
        object.__setattr__(self, "alpha", checked("alpha", self.alpha, low=0, open_low=True))

    def log_count(self, d: float) -> float:
        return _rounded_log(self.alpha * d)

    def rate(self, d: float = math.inf) -> float:
        return self.alpha if math.isinf(d) else self.log_count(d) / d


@dataclass(frozen=True)
class Polynomial(Growth):
    """P = d^gamma, rounded; gamma > 0. Sub-exponential: alpha_d = gamma log(d)/d vanishes."""

    gamma: float
    name: ClassVar[str] = "polynomial"

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", checked("gamma", self.gamma, low=0, open_low=True))

    def log_count(self, d: float) -> float:
        return _rounded_log(self.gamma * math.log(d))


@dataclass(frozen=True)
class Fixed(Growth):
    """P = n at every d; n >= 1."""

    n: int
    name: ClassVar[str] = "fixed"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole("n", self.n, low=1))

    def log_count(self, d: float) -> float:
        return math.log(self.n)


@dataclass(frozen=True)
class Continuum(Growth):
    """Infinitely many classes at every d: the unconditional density is N(0, (1 + D) I)."""

    name: ClassVar[str] = "continuum"

    def log_count(self, d: float) -> float:
        return math.inf

    def rate(self, d: float = math.inf) -> float:
        return math.inf


def _rounded_log(log_count: float) -> float:
    """log of the whole number nearest to exp(log_count); at least one class. Beyond 1e15 rounding cannot be seen."""
    return log_count if log_count > 34.5 else math.log(max(round(math.exp(log_count)), 1))
