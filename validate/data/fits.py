"""Distances of Gaussian fits to samples and to their twins: Wasserstein-2, and Kullback-Leibler in nats."""

import math

import numpy as np

from validate.data.batches import Moments

NONE = 1e-13  # of the largest second moment: less is rounding


def w2_squared(a: Moments, b: Moments) -> float:
    """W2^2 = |mean difference|^2 + tr(A + B - 2 (B^(1/2) A B^(1/2))^(1/2)) of the two Gaussians.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> round(w2_squared(Moments.of(2.0 * x + 3.0, np.eye(1), True), Moments.of(x, np.eye(1), True)), 9)     # 4^2 + 1
    17.0
    """
    A, B, apart = a.covariance, b.covariance, a.mean - b.mean
    values, vectors = np.linalg.eigh(B)
    half = vectors * np.sqrt(np.maximum(values, 0.0))
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(half.T @ A @ half), 0.0)).sum()
    return float(apart @ apart + np.trace(A) + np.trace(B) - 2.0 * cross)


def kl(a: Moments, b: Moments) -> float:
    """KL(A | B) = (tr B^-1 A - dim + apart B^-1 apart - log|A|/|B|)/2 of the two Gaussians, in nats.

    nan where one of them does not vary in some direction, as samples that are clipped.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> round(kl(Moments.of(x + 1.0, np.eye(1), True), Moments.of(x, np.eye(1), True)), 9)
    0.5
    """
    apart = a.mean - b.mean
    lower_a, lower_b = _cholesky(a), _cholesky(b)
    if lower_a is None or lower_b is None:
        return math.nan
    from scipy import linalg  # late: it takes long to load

    relative = linalg.solve_triangular(lower_b, np.column_stack([lower_a, apart]), lower=True)
    volume = 2.0 * np.log(np.diagonal(lower_a) / np.diagonal(lower_b)).sum()
    return float(0.5 * (np.sum(relative**2) - len(apart) - volume))


def _cholesky(m: Moments) -> np.ndarray | None:
    """Of its covariance, the lower triangle; None where there is a direction without variance, but for rounding."""
    try:
        lower = np.linalg.cholesky(m.covariance)
    except np.linalg.LinAlgError:
        return None
    scale = np.diagonal(m.second).max() / m.n  # type: ignore[arg-type]
    return lower if np.all(np.diagonal(lower) ** 2 > NONE * scale) else None
