"""Tests of agreement that mean what they say.

Every number here is a mean over n independent draws (see `meanfield.ensemble`), so its error is a standard error with
n - 1 degrees of freedom and the ratio difference/stderr follows Student's t, not the normal law: with 8 draws "3
sigma" is exceeded seven times too often. `normal_score` therefore maps t to the normal quantile of equal probability;
after that, scores with different numbers of draws share one scale, called z, and one threshold. Draws that are skewed
need one step more, before it: see `validate.agreement.means`.

Many scores are looked at together. `family_threshold` is the Sidak bound: with it, *any* false alarm among k true
statements has probability `level` (at most that, if they are positively correlated).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from meanfield.errors import checked, whole
from meanfield.tools.door import door
from validate.errors import ComparisonError

BEND = 3.0 * (math.sqrt(0.5) - 1.0)  # skewness times t where the slope (1 + skewness t/3)^2 of Hall's cubic is 1/2


def combined(stderrs: Sequence[float], dofs: Sequence[float]) -> tuple[float, float]:
    """Standard error of a sum of independent terms, and its Welch-Satterthwaite degrees of freedom.

    Parameters
    ----------
    stderrs, dofs : standard error and degrees of freedom of each term; terms known exactly have stderr 0.

    Examples
    --------
    >>> stderr, dof = combined([3.0, 4.0], [15.0, 15.0])
    >>> stderr, round(dof, 2)
    (5.0, 27.82)
    """
    squares = [s * s for s in stderrs]
    total = math.fsum(squares)
    if total == 0.0 or math.isnan(total):
        return math.sqrt(total), math.inf
    spread = math.fsum((q / total) ** 2 / n for q, n in zip(squares, dofs, strict=True) if q > 0.0)
    return math.sqrt(total), (1.0 / spread if spread > 0.0 else math.inf)


def normal_score(difference: float, stderr: float, dof: float = math.inf, skewness: float = 0.0) -> float:
    """Normal-equivalent z of a difference whose standard error has `dof` degrees of freedom.

    A difference of an exactly known quantity (stderr 0) scores 0 if it vanishes to rounding, else +-inf. `skewness` is
    that of the difference, not of a draw.

    Examples
    --------
    >>> normal_score(0.02, 0.01)
    2.0
    >>> round(normal_score(0.03, 0.01, dof=7), 2)   # with 8 draws, "3 sigma" is 2.3 sigma
    2.33
    """
    if math.isnan(stderr):
        raise ComparisonError("a comparison needs an error bar; got stderr = nan. Use at least 2 draws (n_disorder).")
    if stderr == 0.0:
        return 0.0 if abs(difference) < 1e-12 else math.copysign(math.inf, difference)
    t = without_skewness(difference / stderr, skewness)
    if math.isinf(dof) or t == 0.0:
        return t
    tail = float(special.stdtr(dof, -abs(t)))
    # below 1e-300 the tail underflows; Student's tail is so fat that this happens only at many degrees of freedom
    return math.copysign(-float(special.ndtri(max(tail, 1e-300))), t)


def without_skewness(t: float, skewness: float) -> float:
    """t of a mean without the leading effect of its skewness, by Hall's cubic: see `validate.agreement.means`.

    Examples
    --------
    >>> without_skewness(-4.0, 0.0), round(without_skewness(-4.0, 0.1), 2)
    (-4.0, -3.47)
    """
    inner = BEND / skewness if skewness * t < BEND else t
    return inner + skewness * inner**2 / 3.0 + skewness**2 * inner**3 / 27.0 + skewness / 6.0 + (t - inner) / 2.0


def two_sided(z: float) -> float:
    """Probability that |z| of a normal variable is exceeded by chance."""
    return float(2.0 * special.ndtr(-abs(z)))


@door(ComparisonError)
def family_threshold(k: int, level: float = 0.01) -> float:
    """Sidak: |z| that the largest of k independent scores exceeds with probability `level` by chance alone.

    Examples
    --------
    >>> round(family_threshold(1, 0.0455), 2), round(family_threshold(200, 0.01), 2)
    (2.0, 4.05)
    """
    k = whole("the number of tests", k, low=1, high=1e15, error=ComparisonError)
    level = checked("level", level, low=1e-300, high=0.5, error=ComparisonError)
    single = -math.expm1(math.log1p(-level) / k)  # 1 - (1 - level)^(1/k) without cancellation
    return -float(special.ndtri(0.5 * single))


def weighted_slope(x: np.ndarray, y: np.ndarray, s: np.ndarray) -> tuple[float, float]:
    """Slope of the straight line through (x, y) weighted by the errors s of y, and its error.

    Examples
    --------
    >>> weighted_slope(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), np.ones(3))[0]
    2.0
    """
    weight = 1.0 / s**2
    centre = np.average(x, weights=weight)
    spread = float(np.sum(weight * (x - centre) ** 2))
    return float(np.sum(weight * (x - centre) * y) / spread), 1.0 / math.sqrt(spread)


def exponent(x, y, stderr=None) -> tuple[float, float]:
    """Exponent of y ~ x^p by least squares of log y on log x, weighted by the errors if given.

    Returns
    -------
    (p, stderr) : stderr is nan without errors.

    Raises
    ------
    ComparisonError : fewer than two points that are positive by two standard errors, or lists that do not fit.

    Examples
    --------
    >>> x = np.array([1.0, 10.0, 100.0])
    >>> p, _ = exponent(x, 3.0 * x**0.5)
    >>> round(p, 6)
    0.5
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    error = np.zeros_like(y) if stderr is None else np.asarray(stderr, float)
    if not x.shape == y.shape == error.shape or x.ndim != 1 or not np.all(x > 0.0):
        raise ComparisonError(
            f"x > 0, y and stderr must be lists of one length; got {x.shape}, {y.shape}, {error.shape}."
        )
    if stderr is not None and not np.all(error > 0.0):
        raise ComparisonError(
            f"standard errors must be positive; got {error.min():g}. Leave them out if there are none."
        )
    good = (y > 2.0 * error) & (y > 0.0)
    if good.sum() < 2:
        raise ComparisonError(
            f"a power law needs two points that are resolved (y > 2 stderr); {int(good.sum())} of {len(y)} are. Take "
            "more samples, or sizes at which the quantity is larger."
        )
    relative = np.ones(int(good.sum())) if stderr is None else error[good] / y[good]  # error of log y
    p, p_stderr = weighted_slope(np.log(x[good]), np.log(y[good]), relative)
    return p, math.nan if stderr is None else p_stderr


@door(ComparisonError)
def wilson(successes: float, trials: float, level: float = 0.05) -> tuple[float, float]:
    """Wilson interval of a proportion: it keeps its width where the proportion is exactly 0 or 1.

    Examples
    --------
    >>> low, high = wilson(100, 100)
    >>> round(low, 3), high
    (0.963, 1.0)
    """
    n = checked("trials", trials, low=1, error=ComparisonError)
    p = checked("successes", successes, low=0, high=n, error=ComparisonError) / n
    z = family_threshold(1, level)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)
