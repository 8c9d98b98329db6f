"""Classes whose weights differ among themselves: populations, each of one rate and one weight (sec. 10 of
docs/theory.md).

At finite d populations of equal weight are one: their classes are counted together, so that a population may be split
without a difference. At d = infinity the larger rate is what is left of their sum.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import numpy as np

from meanfield.errors import checked, require, settle
from meanfield.problem.growth import LARGEST, Growth, Rivals, dimension, log_less_one, rounded_log
from meanfield.tools.door import door

MOST = 1000  # populations


@door()
@dataclass(frozen=True, repr=False)
class Populations(Growth):
    """Populations of classes: exp(alpha_k d), rounded, the target having exp(lambda_k d) times the weight of each.

    Parameters
    ----------
    alpha : rate of each population, > 0.
    prior : lambda_k of each, as of `Exponential`: negative for classes that are more common than the target. 0 by
        default, equal weights. The target is counted in the first population: one of them is `Exponential(alpha,
        prior)`.

    Raises
    ------
    ProblemError : lists of different lengths, a number out of range, or several weights where one is asked for.

    Examples
    --------
    >>> law = Populations(alpha=[0.2, 0.5], prior=[-0.1, 0.3])      # a few common classes, and many rare ones
    >>> law.rates(), round(math.exp(law.log_count(10)))
    (((0.2, -0.1), (0.5, 0.3)), 155)
    """

    alpha: Sequence[float]
    prior: Sequence[float] | None = None
    name: ClassVar[str] = "populations"

    def __post_init__(self) -> None:
        alpha = tuple(checked("alpha", x, low=0, open_low=True) for x in self.alpha)
        prior = (0.0,) * len(alpha) if self.prior is None else tuple(self.prior)
        prior = tuple(checked("prior", x, low=-LARGEST, high=LARGEST) for x in prior)
        rule = f"alpha and prior have one entry per population, of which there are 1 to {MOST}"
        require(1 <= len(alpha) == len(prior) <= MOST, rule, f"{len(alpha)} and {len(prior)}")
        settle(self, alpha=alpha, prior=prior)

    def log_count(self, d: float) -> float:
        return _sum(self._counted(d).values())

    def rate(self, d: float = math.inf) -> float:
        return max(self.alpha) if math.isinf(d) else self.log_count(d) / d

    def log_prior(self, d: float) -> float:
        return self._only() * d if self._only() else 0.0

    def prior_rate(self, d: float = math.inf) -> float:
        return self._only()

    def rates(self, d: float = math.inf) -> tuple[tuple[float, float], ...]:
        """(alpha_k, lambda_k) of the populations; at finite d alpha_k = log(number)/d, the target counted in the first.

        Where the first holds the target alone, and there are others, it is left out.
        """
        if math.isinf(d):
            every = sorted(zip(self.alpha, self.prior, strict=True))  # type: ignore[arg-type]
            largest = {prior: alpha for alpha, prior in every}
            return tuple((largest[prior], prior) for prior in dict.fromkeys(self.prior))  # type: ignore[arg-type]
        counts = self._counted(d)
        (first, log_count), *more = counts.items()
        alone = log_count == 0.0 and more
        return tuple((n / d, prior) for prior, n in counts.items() if not (alone and prior == first))

    def rivals(self, d: float) -> tuple[Rivals, ...]:
        """All classes but the target at finite d, by their weights."""
        (first, log_count), *more = self._counted(d).items()
        every = (first, log_less_one(log_count)), *more
        return tuple(Rivals(n, 0.0 - prior * d if prior else 0.0) for prior, n in every)

    @property
    def equal(self) -> bool:
        return set(self.prior) == {0.0}  # type: ignore[arg-type]

    def _counted(self, d: float) -> dict[float, float]:
        """log of the number of classes at finite d by their prior, in the order of the populations."""
        found: dict[float, list[float]] = {}
        for alpha, prior in zip(self.alpha, self.prior, strict=True):  # type: ignore[arg-type]
            found.setdefault(prior, []).append(rounded_log(alpha * dimension(d)))
        return {prior: _sum(logs) for prior, logs in found.items()}

    def _only(self) -> float:
        """The one prior of all."""
        rule = "what is asked for knows one weight of all classes but the target"
        remedy = "Use solve, potential, phase_diagram, reduced, quenched or simulate.run."
        require(len(set(self.prior)) == 1, rule, repr(self), remedy)  # type: ignore[arg-type]
        return self.prior[0]  # type: ignore[index]


def _sum(logs: Iterable[float]) -> float:
    """log of a sum of whole numbers from their logs."""
    first, *more = logs
    return rounded_log(float(reduce(np.logaddexp, more, first))) if more else first


def together(rivals: Sequence[Rivals]) -> Rivals:
    """One population with the average of several, and with their sum of squared weights: what annealed theory knows.

    Examples
    --------
    >>> two = together([Rivals(math.log(4), 0.0), Rivals(math.log(2), math.log(3))])  # weights 4 x 1 and 2 x 3
    >>> round(math.exp(sum(two)), 9), round(math.exp(two.log_count + 2 * two.log_weight), 9)
    (10.0, 22.0)
    """
    if len(rivals) == 1:
        return rivals[0]
    counts, weights = np.transpose(rivals)
    total, squares = np.logaddexp.reduce(counts + weights), np.logaddexp.reduce(counts + 2.0 * weights)
    return Rivals(float(2.0 * total - squares), float(squares - total))


def competing(rates: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (alpha, lambda) that can ever have the weight, by rising alpha: those of larger alpha - lambda than all of
    larger alpha. The first has the largest alpha - lambda of all (T22).

    Examples
    --------
    >>> competing([(0.5, 0.3), (0.2, -0.1), (0.4, 0.4), (0.3, 0.2)])  # alpha - lambda: 0.2, 0.3, 0.0, 0.1
    [(0.2, -0.1), (0.5, 0.3)]
    """
    front: list[tuple[float, float]] = []
    for alpha, prior in sorted(rates, key=lambda x: (-x[0], x[1])):
        if not front or alpha - prior > front[-1][0] - front[-1][1]:
            front.append((alpha, prior))
    return front[::-1]


def from_afar(law: Growth, d: float) -> tuple[float, float]:
    """(alpha, lambda) of the population that has the weight far out, at finite d; one class counts as two there."""
    rate, prior = competing(law.rates(d))[0]
    return rate if law.log_count(d) == 0.0 else max(rate, math.log(2.0) / d), prior
