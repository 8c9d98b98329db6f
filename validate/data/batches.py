"""Numbers of pooled samples, with errors from independent batches: jackknife, Wilson for shares.

What is measured is a function of moments. Those of the pooled samples give the value, and those that leave out one
batch each give its error and take off its bias of order 1/n: a distance between two fits, above all, is never below 0
and so does not vanish for equal laws unless that is done.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from validate.agreement.statistics import wilson
from validate.data.measures import Estimate

LONGEST = 6  # decimals of a number that is written out
ONE_SIGMA = 0.3173105  # probability beyond one standard error of a normal


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over samples x (samples, dim), from a fixed origin near their mean.

    Attributes
    ----------
    n : samples. first : (dim,) sum of x. along : (k,) sums of the squares along some axes. total : sum of |x|^2.
    second : (dim, dim) sum of x x^T; None where it is not asked for.
    axes : (dim, k) orthonormal columns.
    """

    n: int
    first: np.ndarray
    along: np.ndarray
    total: float
    second: np.ndarray | None
    axes: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, axes: np.ndarray, full: bool) -> "Moments":
        """Of samples; `full` : with all of their covariance.

        Examples
        --------
        >>> one = Moments.of(np.array([[0.0], [2.0]]), np.eye(1), full=True)
        >>> (one + one).mean, one.trace, (one + one - one).covariance
        (array([1.]), 2.0, array([[2.]]))
        """
        along, second = np.sum((x @ axes) ** 2, axis=0), x.T @ x if full else None
        return cls(len(x), x.sum(axis=0), along, float(np.sum(x * x)), second, axes)

    def __add__(self, other: "Moments") -> "Moments":
        return self._with(other, 1)

    def __sub__(self, other: "Moments") -> "Moments":
        return self._with(other, -1)

    @property
    def mean(self) -> np.ndarray:
        """(dim,)."""
        return self.first / self.n

    @property
    def trace(self) -> float:
        """Of the covariance."""
        return float(self.total - self.first @ self.first / self.n) / (self.n - 1)

    @property
    def variances(self) -> np.ndarray:
        """Along the axes, (k,)."""
        return (self.along - (self.first @ self.axes) ** 2 / self.n) / (self.n - 1)

    @property
    def covariance(self) -> np.ndarray:
        """(dim, dim)."""
        assert self.second is not None
        return (self.second - np.outer(self.first, self.first) / self.n) / (self.n - 1)

    def _with(self, other: "Moments", sign: int) -> "Moments":
        second = None if self.second is None or other.second is None else self.second + sign * other.second
        n, first, along = self.n + sign * other.n, self.first + sign * other.first, self.along + sign * other.along
        return Moments(n, first, along, self.total + sign * other.total, second, self.axes)


Pair = tuple[Moments, Moments]  # of guided samples, and of their twins without guidance


def jackknife(statistic: Callable[[Moments, Moments], np.ndarray | float], pairs: Sequence[Pair]) -> Estimate:
    """A statistic of pooled moments, numbers or arrays, without its leading bias, and its error.

    Examples
    --------
    >>> x = np.array([[0.0], [2.0], [4.0], [6.0]])
    >>> pairs = [(Moments.of(row[None], np.eye(1), False),) * 2 for row in x]
    >>> jackknife(lambda a, b: a.mean[0], pairs)      # of a mean it is the standard error
    Estimate(value=3.0, stderr=1.2909944487358056)
    """
    whole = [sum(side[1:], side[0]) for side in zip(*pairs, strict=True)]
    B, value = len(pairs), np.asarray(statistic(*whole))
    others = np.array([statistic(whole[0] - a, whole[1] - b) for a, b in pairs])
    centre = others.mean(axis=0)
    stderr = np.sqrt((B - 1) / B * np.sum((others - centre) ** 2, axis=0))
    best = B * value - (B - 1) * centre
    return Estimate(best, stderr) if value.ndim else Estimate(float(best), float(stderr))


def root(square: Estimate) -> Estimate:
    """A distance from the estimate of its square, which scatters around 0 where there is none.

    Examples
    --------
    >>> root(Estimate(4.0, 0.4)), root(Estimate(-0.01, 0.04))
    (Estimate(value=2.0, stderr=0.1), Estimate(value=0.0, stderr=0.2))
    """
    value, error = math.sqrt(max(square.value, 0.0)), square.stderr
    return Estimate(value, error / (2.0 * value) if square.value > error else math.sqrt(error))


def mean_of(values: Sequence[float]) -> Estimate:
    """Mean and standard error of numbers of independent batches."""
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values))))


def share(count: int, n: int) -> Estimate:
    """A share of independent samples; its error, of Wilson's interval, does not vanish where all or none are.

    Examples
    --------
    >>> share(0, 100).value, round(share(0, 100).stderr, 4), round(share(50, 100).stderr, 2)
    (0.0, 0.005, 0.05)
    """
    low, high = wilson(count, n, ONE_SIGMA)
    return Estimate(count / n, (high - low) / 2.0)


def written(value: float, stderr: float) -> str:
    """A number with its error in brackets.

    Examples
    --------
    >>> written(1.12934, 0.0042), written(250.0, 20.0), written(0.5, 0.0), written(float("nan"), 1.0)
    ('1.129(4)', '250(20)', '0.5', '-')
    >>> written(-1.23e-13, 6e-14)
    '-1.2e-13'
    """
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞"
    if not (stderr > 0.0 and math.isfinite(stderr) and math.isfinite(value)):
        return f"{value:.4g}"
    place = math.floor(math.log10(stderr))
    place += round(stderr / 10.0**place) == 10
    digits = max(-place, 0)
    if digits > LONGEST:
        return f"{value:.2g}"
    return f"{value:.{digits}f}({round(stderr * 10**digits)})"
