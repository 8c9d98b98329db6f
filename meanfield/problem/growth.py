"""Growth laws: how the number of classes P grows with the dimension d, its rate alpha_d = log(P)/d, and their weights.

Classes have equal weights unless a law gives the target another one (sec. 10 of docs/theory.md), or the other classes
weights that differ among themselves (`meanfield.problem.populations`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

from meanfield.errors import build, checked, require, settle, whole
from meanfield.tools.door import door
from meanfield.tools.named import Named

LARGEST = 1e6  # |lambda|: beyond, a weight is 0 or infinity at any d
FACTORS = 1e-300, 1e300  # of a weight


class Rivals(NamedTuple):
    """Classes of one weight, the target not among them: log of their number, and of the weight of each over the
    target's."""

    log_count: float
    log_weight: float


@door(made_by="Exponential")
class Growth(Named, kind="growth"):
    """How the number of classes P grows with the dimension d, and what the target weighs among them."""

    def log_count(self, d: float) -> float:
        """log P at dimension d, with P rounded to a whole number wherever that can be seen."""
        raise NotImplementedError

    def rate(self, d: float = math.inf) -> float:
        """alpha_d = log(P)/d; its limit at d = infinity."""
        return 0.0 if math.isinf(d) else self.log_count(d) / d

    def log_prior(self, d: float) -> float:
        """Log of the target's weight over that of each other class, at finite d; 0 for equal weights."""
        return 0.0

    def prior_rate(self, d: float = math.inf) -> float:
        """lambda_d = log_prior(d)/d; its limit at d = infinity, 0 for a plain factor."""
        return 0.0 if math.isinf(d) else self.log_prior(d) / d

    def rates(self, d: float = math.inf) -> tuple[tuple[float, float], ...]:
        """(alpha_k, lambda_k) of every population of other classes: one, unless a law has several."""
        return ((self.rate(d), self.prior_rate(d)),)

    def rivals(self, d: float) -> tuple[Rivals, ...]:
        """All classes but the target at finite d, by their weights."""
        return (Rivals(log_less_one(self.log_count(d)), 0.0 - self.log_prior(d)),)

    @property
    def equal(self) -> bool:
        """Whether all classes have the same weight."""
        return self.log_prior(1.0) == 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON or TOML, without weights where they are equal; `from_dict` is the inverse."""
        return {key: value for key, value in super().to_dict().items() if key not in self._unsaid}

    def __repr__(self) -> str:
        said = [f.name for f in fields(self) if f.name not in self._unsaid]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in said)})"

    @property
    def _unsaid(self) -> tuple[str, ...]:
        """Fields that say nothing, as weights are equal."""
        neutral = {"prior": 0.0, "factor": 1.0}
        return tuple(name for name, value in neutral.items() if getattr(self, name, None) == value)


@door()
@dataclass(frozen=True, repr=False)
class Exponential(Growth):
    """P = exp(alpha d), rounded; alpha > 0.

    Parameters
    ----------
    alpha : rate of the number of classes.
    prior : lambda, the rate of the target's weight: exp(lambda d) times that of each other class. Negative for a class
        that gets rarer with d; 0 by default, equal weights.

    Examples
    --------
    >>> round(math.exp(Exponential(alpha=0.4).log_count(20)))
    2981
    >>> Exponential(0.4, prior=-0.1).log_prior(20)
    -2.0
    """

    alpha: float
    prior: float = 0.0
    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        alpha = checked("alpha", self.alpha, low=0, open_low=True)
        settle(self, alpha=alpha, prior=checked("prior", self.prior, low=-LARGEST, high=LARGEST))

    def log_count(self, d: float) -> float:
        return rounded_log(self.alpha * dimension(d))

    def rate(self, d: float = math.inf) -> float:
        return self.alpha if math.isinf(d) else self.log_count(d) / d

    def log_prior(self, d: float) -> float:
        return self.prior * d if self.prior else 0.0

    def prior_rate(self, d: float = math.inf) -> float:
        return self.prior


@door()
@dataclass(frozen=True, repr=False)
class Polynomial(Growth):
    """P = d^gamma, rounded; gamma > 0. Sub-exponential: alpha_d = gamma log(d)/d vanishes.

    The target has `factor` > 0 times the weight of each other class (1 by default): log(factor)/d vanishes too.
    """

    gamma: float
    factor: float = 1.0
    name: ClassVar[str] = "polynomial"

    def __post_init__(self) -> None:
        gamma = checked("gamma", self.gamma, low=0, open_low=True, high=1e100)
        settle(self, gamma=gamma, factor=_weight(self.factor))

    def log_count(self, d: float) -> float:
        return rounded_log(self.gamma * math.log(dimension(d)))

    def log_prior(self, d: float) -> float:
        return math.log(self.factor)


@door()
@dataclass(frozen=True, repr=False)
class Fixed(Growth):
    """P = n at every d; n >= 1. The target has `factor` > 0 times the weight of each other class (1 by default).

    Examples
    --------
    >>> share = 0.5                                        # prior probability of the target among 10 classes
    >>> Fixed(10, factor=9 * share / (1 - share))
    Fixed(n=10, factor=9.0)
    """

    n: int
    factor: float = 1.0
    name: ClassVar[str] = "fixed"

    def __post_init__(self) -> None:
        settle(self, n=whole("n", self.n, low=1), factor=_weight(self.factor))

    def log_count(self, d: float) -> float:
        return math.log(self.n)

    def log_prior(self, d: float) -> float:
        return math.log(self.factor)


@door()
@dataclass(frozen=True, repr=False)
class Continuum(Growth):
    """Infinitely many classes at every d: the unconditional density is N(0, (1 + D) I)."""

    name: ClassVar[str] = "continuum"

    def log_count(self, d: float) -> float:
        return math.inf

    def rate(self, d: float = math.inf) -> float:
        return math.inf


LAWS: dict[str, type[Growth]] = {"alpha": Exponential, "gamma": Polynomial, "n": Fixed}


def varied(law: Growth, changes: Mapping[str, Any]) -> Growth:
    """A growth law with some of its parameters changed, or the law of equal weights that `LAWS` has for one of them.

    Raises
    ------
    ProblemError : parameters of no law, or another law than one whose classes have weights, which would be lost.

    Examples
    --------
    >>> varied(Exponential(0.4, prior=0.1), {"alpha": 0.7}), varied(Fixed(5), {"alpha": 0.7})
    (Exponential(alpha=0.7, prior=0.1), Exponential(alpha=0.7))
    """
    if set(changes) <= {f.name for f in fields(law)}:  # type: ignore[arg-type]
        return replace(law, **changes)  # type: ignore[type-var]
    kinds = [LAWS[name] for name in changes if name in LAWS]
    rule = f"growth parameters {list(changes)} must belong to the growth law, or state another one of equal weights"
    require(
        len(kinds) == 1 and law.equal, rule, repr(law), "State the law itself, such as Exponential(0.4, prior=0.1)."
    )
    return build(kinds[0], changes)


def dimension(d: float) -> float:
    return checked("d", d, low=0, open_low=True, infinite=True)


def _weight(factor: float) -> float:
    return checked("factor", factor, low=FACTORS[0], high=FACTORS[1])


def rounded_log(log_count: float) -> float:
    """log of the whole number nearest to exp(log_count); at least one class. Beyond 1e15 rounding cannot be seen."""
    return log_count if log_count > 34.5 else math.log(max(round(math.exp(log_count)), 1))


def log_less_one(log_count: float) -> float:
    """log(P - 1) from log P.

    Examples
    --------
    >>> round(math.exp(log_less_one(math.log(3.0)))), log_less_one(0.0), log_less_one(1e6)
    (2, -inf, 1000000.0)
    """
    return log_count + math.log1p(-math.exp(-log_count)) if log_count > 0.0 else -math.inf
