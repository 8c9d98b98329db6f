"""What draws say of their mean: value, standard error, and how skewed the law of that mean still is.

Draws are the independent unit (see `meanfield.ensemble`). Few classes in few dimensions make them skewed: a rare draw
has a class mean next to that of the target. A sample without such a draw is off and does not know it, for its spread
is too small as well, so that t = difference/stderr strays too far on one side: 16 draws of skewness 2 pass a limit of
1 % in 4 % of all cases. Hall's cubic (J. R. Statist. Soc. B 54, 221, 1992) takes the leading effect away. With L the
skewness of the mean (that of a draw over sqrt(n)),

    t -> t + L t^2/3 + L^2 t^3/27 + L/6,

which is t itself where L = 0. Its slope (1 + L t/3)^2 vanishes at L t = -3; from where it is 1/2 we go on straight, so
that a large difference stays one.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from validate.agreement.statistics import combined, normal_score


class Mean(NamedTuple):
    """A mean of independent draws, or a difference of two.

    Attributes
    ----------
    value, stderr : the mean and its standard error (nan of fewer than 2 draws).
    dof : degrees of freedom of the standard error; infinite for a number known exactly.
    third : third central moment of the mean.
    """

    value: float
    stderr: float = 0.0
    dof: float = math.inf
    third: float = 0.0

    @property
    def skewness(self) -> float:
        """Skewness of the mean, dimensionless: that of one draw over sqrt(n)."""
        return self.third / self.stderr**3 if self.stderr > 0.0 else 0.0

    @property
    def z(self) -> float:
        """Normal-equivalent score of the mean against zero."""
        return normal_score(self.value, self.stderr, self.dof, self.skewness)

    def minus(self, other: "Mean") -> "Mean":
        """The difference to an independent mean (Welch).

        Examples
        --------
        >>> mean_of([1.0, 2.0, 3.0]).minus(Mean(2.0)).z
        0.0
        """
        stderr, dof = combined([self.stderr, other.stderr], [self.dof, other.dof])
        return Mean(self.value - other.value, stderr, dof, self.third - other.third)


def mean_of(draws: ArrayLike) -> Mean:
    """The mean of some draws, those that are nan (padding) left out; nan without any.

    Examples
    --------
    >>> mean = mean_of([1.0, 2.0, 3.0, float("nan")])
    >>> mean.value, round(mean.stderr, 4), mean.dof, mean.skewness
    (2.0, 0.5774, 2.0, 0.0)
    """
    x = np.asarray(draws, float)
    x = x[np.isfinite(x)]
    n = len(x)
    if n < 2:
        return Mean(float(x[0]) if n else math.nan, math.nan, n - 1.0)
    return Mean(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(n), n - 1.0, third_moment(x))


def third_moment(draws: np.ndarray) -> float:
    """Third central moment of the mean of draws, of which 3 or more say something.

    Their unbiased skewness G has a standard error s of its own; G G^2/(G^2 + s^2) forgets it where it is noise.
    """
    n, spread = len(draws), float(draws.std(ddof=1))
    if n < 3 or spread == 0.0:
        return 0.0
    G = n / ((n - 1) * (n - 2)) * float(np.sum(((draws - draws.mean()) / spread) ** 3))
    noise = 6.0 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3))
    return G * G * G / (G * G + noise) * spread**3 / n**2
