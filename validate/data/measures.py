"""Measures of a generative model on samples of one class: how much it varies, how far it is from the real images.

Each is a number with an error over the samples; none draws a random number. Bootstrap resamples come as counts, how
often each sample is in each resample (`simulate.randomness.streams.resampling_counts`), so that twins, samples with the
same random numbers, are resampled together and what they share cancels.

Energy distance (Szekely and Rizzo): E = 2 <|x - y|> - <|x - x'|> - <|y - y'|>, 0 if and only if the laws are equal.
Means are taken over pairs of different samples, so E is unbiased and scatters around 0, below it too, for equal laws.

Vendi score (arXiv:2210.02410): exp of the entropy of the eigenvalues of K/n, K_ij = exp(-|x_i - x_j|^2/(2 h^2)): the
effective number of different images among n. It grows with n: only scores of equal n can be compared.

Balls of nearest neighbours. Coverage (arXiv:2002.09797): every real image is a mode, a ball that reaches to its k-th
nearest real image; the share of modes that hold a sample. Recall (arXiv:1904.06991): the share of real images inside
the ball of some sample, which reaches to its k-th nearest sample. Both grow with the number of samples. Coverage falls
if samples miss modes, and if they are bad; recall does not fall where bad samples spread.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from meanfield.errors import checked, whole
from validate.errors import ComparisonError


class Estimate(NamedTuple):
    """A number and its standard error."""

    value: float
    stderr: float


def with_errors(found: Mapping[str, Estimate]) -> dict[str, float]:
    """Estimates as plain columns: each name, and `name_stderr`.

    Examples
    --------
    >>> with_errors({"shift": Estimate(0.5, 0.1)})
    {'shift': 0.5, 'shift_stderr': 0.1}
    """
    values = {name: estimate.value for name, estimate in found.items()}
    return values | {f"{name}_stderr": estimate.stderr for name, estimate in found.items()}


def mean_shift(x: np.ndarray, reference: np.ndarray, direction: np.ndarray) -> Estimate:
    """How far the mean of x is from that of its twins `reference`, along `direction` and in units of its length.

    Parameters
    ----------
    x, reference : (samples, dim), paired; or `reference` a mean (dim,), known exactly.

    Examples
    --------
    >>> mean_shift(np.array([[1.0, 5.0], [3.0, 7.0]]), np.zeros(2), np.array([2.0, 0.0]))
    Estimate(value=1.0, stderr=0.5)
    """
    along = (_samples(x) - reference) @ direction / (direction @ direction)  # (samples,)
    return Estimate(float(along.mean()), float(along.std(ddof=1) / math.sqrt(len(along))))


def trace_ratio(x: np.ndarray, reference: np.ndarray | float, counts: np.ndarray) -> Estimate:
    """Trace of the covariance of x over that of its twins, or over a number; bootstrap error.

    Parameters
    ----------
    x : (samples, dim). reference : twins (samples, dim), resampled together; or a trace that is known exactly.
    counts : (resamples, samples).

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> trace_ratio(3.0 * x, x, np.array([[1, 1, 1], [2, 1, 0]]))      # pairs share their fluctuation
    Estimate(value=9.0, stderr=0.0)
    """
    weights = np.vstack([np.ones(len(_samples(x))), counts])
    below = reference if np.ndim(reference) == 0 else _traces(np.asarray(reference), weights)
    ratios = _traces(x, weights) / below
    return Estimate(float(ratios[0]), float(ratios[1:].std(ddof=1)))


def energy_distance(x: np.ndarray, y: np.ndarray, counts_x: np.ndarray, counts_y: np.ndarray) -> Estimate:
    """Energy distance of the laws behind x (n, dim) and y (m, dim); bootstrap error over both.

    Examples
    --------
    >>> from simulate.randomness.streams import NoiseReader, resampling_counts
    >>> z, counts = NoiseReader(0, 0, range(200), dim=2).start(), resampling_counts(100, 50, seed=0)
    >>> same, moved = (energy_distance(z[:100], z[100:] + a, counts, counts) for a in (0.0, 1.0))
    >>> abs(same.value) < 3 * same.stderr, moved.value > 5 * moved.stderr
    (True, True)
    """
    between, within_x, within_y = (_distances(a, b) for a, b in ((_samples(x), _samples(y)), (x, x), (y, y)))

    def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        n, m = len(x), len(y)
        xy = np.einsum("ri,ri->r", a @ between, b) / (n * m)
        xx = np.einsum("ri,ri->r", a @ within_x, a) / (n * (n - 1))
        yy = np.einsum("ri,ri->r", b @ within_y, b) / (m * (m - 1))
        return 2.0 * xy - xx - yy

    value = float(distance(np.ones((1, len(x))), np.ones((1, len(y))))[0])
    return Estimate(value, float(distance(counts_x, counts_y).std(ddof=1)))


def twins_energy(x: np.ndarray, y: np.ndarray) -> float:
    """Energy distance of the laws behind x and its twins y (n, dim), which have the same random numbers.

    No pair of twins is looked at, so it is unbiased, and what twins share cancels: 0 where they coincide.

    Examples
    --------
    >>> y = np.array([[0.0], [1.0], [2.0]])
    >>> twins_energy(y, y), twins_energy(y + 9.0, y).__round__(3)
    (0.0, 15.333)
    """
    n = len(_samples(x))
    between, *within = (_distances(a, b) for a, b in ((x, y), (x, x), (y, y)))
    pairs = 2.0 * (between.sum() - np.trace(between)) - sum(each.sum() for each in within)
    return float(pairs / (n * (n - 1)))


def vendi_score(x: np.ndarray, bandwidth: float) -> float:
    """Vendi score of x (n, dim) with a Gaussian kernel of width h = `bandwidth`: between 1 and n.

    Examples
    --------
    >>> far = np.array([[0.0], [0.0], [100.0], [200.0]])
    >>> round(vendi_score(far[2:], 1.0), 6), round(vendi_score(far[:2], 1.0), 6)      # two, and one twice
    (2.0, 1.0)
    """
    h = checked("bandwidth", bandwidth, low=0, open_low=True, error=ComparisonError)
    K = np.exp(-0.5 * _distances(_samples(x), x, "sqeuclidean") / h**2) / len(x)
    values = np.linalg.eigvalsh(K)
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def vendi(x: np.ndarray, bandwidth: float, batch: int) -> Estimate:
    """Mean Vendi score of disjoint batches of x, and its error over them; nan for a single batch."""
    batch = whole("batch", batch, low=2, high=len(x), error=ComparisonError)
    scores = [vendi_score(x[i : i + batch], bandwidth) for i in range(0, len(x) - batch + 1, batch)]
    stderr = np.std(scores, ddof=1) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
    return Estimate(float(np.mean(scores)), float(stderr))


def bandwidth(covariance: np.ndarray) -> float:
    """The width h of a Vendi score with <|x - x'|^2>/(2 h^2) = 2: two samples of the class are e^-2 alike."""
    return float(np.sqrt(0.5 * np.trace(covariance)))


def coverage(x: np.ndarray, real: np.ndarray, k: int = 5) -> float:
    """Share of the modes of `real` (m, dim), balls to the k-th nearest real image, that hold a sample of x (n, dim).

    Examples
    --------
    >>> real = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> coverage(np.array([[0.4], [0.6]]), real, k=1), coverage(real, real, k=1)
    (0.5, 1.0)
    """
    reach = _reach(real, k)
    return float(np.mean((_distances(real, _samples(x)) <= reach[:, None]).any(axis=1)))


def recall(x: np.ndarray, real: np.ndarray, k: int = 3) -> float:
    """Share of `real` (m, dim) inside the ball of some sample of x (n, dim), which reaches to its k-th nearest sample.

    Examples
    --------
    >>> real = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> recall(np.array([[0.0], [1.5]]), real, k=1), recall(real + 50.0, real, k=1)
    (0.5, 0.0)
    """
    reach = _reach(x, k)
    return float(np.mean((_distances(_samples(real), x) <= reach[None, :]).any(axis=1)))


def _reach(x: np.ndarray, k: int) -> np.ndarray:
    """Distance of every row to its k-th nearest other one, (rows,)."""
    k = whole("k", k, low=1, high=len(_samples(x)) - 1, error=ComparisonError)
    return np.partition(_distances(x, x), k, axis=1)[:, k]  # the nearest is the row itself


def _samples(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 2 or len(x) < 2 or not np.all(np.isfinite(x)):
        raise ComparisonError(f"samples must be finite, (samples, dim), at least two; got shape {x.shape}.")
    return x


def _traces(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Trace of the covariance of every resample, (resamples,), unbiased as n - 1 makes it; x is centred first."""
    n = len(x)
    y = x - x.mean(axis=0)
    mean, square = weights @ y / n, weights @ np.sum(y * y, axis=1) / n
    return (square - np.sum(mean * mean, axis=1)) * n / (n - 1)


def _distances(x: np.ndarray, y: np.ndarray, metric: str = "euclidean") -> np.ndarray:
    """Distances of all samples of x to all of y."""
    from scipy.spatial.distance import cdist  # late: it takes long to load

    return cdist(x, y, metric)
