"""Many correlated quantities at once: Hotelling's T^2, weighed with their covariance over the draws.

It is chi-squared with an estimated covariance, hence an F law: T^2 (nu - k + 1)/(nu k) ~ F(k, nu - k + 1), exact for
one normal sample (nu = n - 1), with the degrees of freedom of Krishnamoorthy and Yu (Stat. Probab. Lett. 66, 161,
2004) for two samples of unequal covariance: those of Yao give 1.7 false alarms in 100 for 1 (16 and 32 draws, k = 5).

The draws are skewed. Along the direction in which the difference lies T is the t of one quantity, from which the
skewness is taken as in `validate.agreement.means`. That needs draws: with n of them, 16 or more, and k <= n/8
quantities a level of 1 % is 1.0 to 1.3 % up to a skewness of 1/2, 1.1 to 1.7 % at 1, and 1.2 to 3 % at 2, where T^2
alone has 3 to 5 %.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from meanfield.errors import array, require
from meanfield.tools.door import Numbers, door
from validate.agreement.means import third_moment
from validate.agreement.statistics import without_skewness
from validate.errors import ComparisonError


class ChiSquared(NamedTuple):
    """Hotelling's statistic of k quantities at once: T^2, k, its degrees of freedom nu, the p-value of the F law."""

    chi2: float
    k: int
    nu: float
    p: float

    def __str__(self) -> str:
        return f"chi2 = {self.chi2:.2f} for {self.k} quantities, p = {self.p:.3g} (covariance over draws, F law)"


@door(ComparisonError)
def hotelling(difference: Numbers, samples: Numbers, reference: Numbers | None = None) -> ChiSquared:
    """Hotelling's T^2 of a vector of differences with the covariance estimated over draws.

    Parameters
    ----------
    difference : mean minus prediction, shape (k,).
    samples : the draws behind the mean, shape (draws, k).
    reference : the draws behind the prediction if that is a mean too, shape (other draws, k).

    Raises
    ------
    ComparisonError : too few draws for k quantities (at least k + 1), or quantities that are linearly dependent.

    Examples
    --------
    >>> draws = np.random.default_rng(1).normal(size=(40, 3))
    >>> hotelling(draws.mean(axis=0), draws).p > 0.01
    True
    """
    difference, groups = _checked(difference, [samples] if reference is None else [samples, reference])
    groups[1:] = [-g for g in groups[1:]]  # the difference is a sum of means
    k = len(difference)
    fewest = min(len(g) for g in groups)
    if fewest < k + 1:
        raise ComparisonError(
            f"chi2 of {k} quantities needs at least {k + 1} draws; got {fewest}. "
            "Use fewer times or more draws (n_disorder)."
        )
    scale = np.sqrt(sum(g.var(axis=0, ddof=1) / len(g) for g in groups))  # (k,): unit diagonal for the condition number
    if not np.all(scale > 0):
        raise ComparisonError("chi2 needs quantities that vary between draws; one has no spread. Leave it out.")
    parts = [np.atleast_2d(np.cov(g / scale, rowvar=False)) / len(g) for g in groups]
    total = sum(parts)
    delta = difference / scale
    if np.linalg.cond(total) > 1e12:
        raise ComparisonError("chi2 needs quantities that are not linearly dependent. Use fewer or more distant times.")
    direction = np.linalg.solve(total, delta)
    t2 = float(delta @ direction)
    require(math.isfinite(t2), "chi2 must be a number", "differences beyond it", "Rescale.", error=ComparisonError)
    if t2 == 0.0:
        return ChiSquared(0.0, k, float(fewest - 1), 1.0)
    nu = _freedom([np.linalg.solve(total, part) for part in parts], [len(g) - 1 for g in groups])
    skewness = sum(third_moment(g / scale @ direction) for g in groups) / t2**1.5
    free = without_skewness(math.sqrt(t2), skewness) ** 2
    return ChiSquared(t2, k, nu, float(special.fdtrc(k, nu - k + 1, free * (nu - k + 1) / (nu * k))))


def _checked(difference: Any, groups: list[Any]) -> tuple[np.ndarray, list[np.ndarray]]:
    difference, *groups = (array(x, "draws must be numbers", error=ComparisonError) for x in (difference, *groups))
    k = difference.size
    fits = difference.ndim == 1 and k and all(g.ndim == 2 and g.shape[1] == k for g in groups)
    shapes = ", ".join(str(x.shape) for x in (difference, *groups))
    require(fits, "differences are (k,), draws (draws, k)", f"shapes {shapes}", error=ComparisonError)
    finite = all(np.isfinite(x).all() for x in (difference, *groups))
    require(finite, "differences and draws must be finite", "nan or inf", error=ComparisonError)
    return difference, groups


def _freedom(shares: list[np.ndarray], dofs: list[int]) -> float:
    """Degrees of freedom of a covariance that is a sum, from its relative shares (k, k): Krishnamoorthy and Yu."""
    k = len(shares[0])
    spread = sum((np.trace(s @ s) + np.trace(s) ** 2) / dof for s, dof in zip(shares, dofs, strict=True))
    return float((k + k * k) / spread)


def weighable(n_draws: int) -> int:
    """How many quantities at once `n_draws` draws can weigh at the stated level: an eighth of them."""
    return n_draws // 8
