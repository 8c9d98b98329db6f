"""Distances of Gaussian fits to samples and to their twins: Wasserstein-2, and Kullback-Leibler in nats."""

import numpy as np
from scipy import linalg

from validate.data.batches import Moments


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

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> round(kl(Moments.of(x + 1.0, np.eye(1), True), Moments.of(x, np.eye(1), True)), 9)
    0.5
    """
    apart, (lower_a, lower_b) = a.mean - b.mean, (np.linalg.cholesky(m.covariance) for m in (a, b))
    relative = linalg.solve_triangular(lower_b, np.column_stack([lower_a, apart]), lower=True)
    volume = 2.0 * np.log(np.diagonal(lower_a) / np.diagonal(lower_b)).sum()
    return float(0.5 * (np.sum(relative**2) - len(apart) - volume))
