"""Exact scores of a mixture of Gaussians of any shapes, as functions of (x, t): what `sample_scores` takes."""

from typing import Any

import numpy as np


class GaussianScores:
    """Scores of classes N(means[k], covariances[k]) of equal weight under VE noise.

    Parameters
    ----------
    means : (classes, dim). covariances : (classes, dim, dim).

    Examples
    --------
    >>> scores = GaussianScores(np.array([[1.0], [-1.0]]), np.ones((2, 1, 1)))
    >>> x = np.zeros((1, 1))
    >>> scores.conditional([0])(x, 1.0), abs(scores.unconditional()(x, 1.0))
    (array([[0.5]]), array([[0.]]))
    """

    def __init__(self, means: np.ndarray, covariances: np.ndarray) -> None:
        self._means = means
        self._c, self._basis = np.linalg.eigh(covariances)  # (classes, dim), (classes, dim, dim)

    def conditional(self, labels: Any) -> Any:
        """s_c of samples with these labels, (samples,)."""
        labels = np.asarray(labels)

        def score(x: np.ndarray, t: float) -> np.ndarray:
            found = np.empty_like(x)
            for k in np.unique(labels):
                of_class = labels == k
                found[of_class] = self._of_class(k, x[of_class], t)[0]
            return found

        return score

    def unconditional(self, labels: Any = None) -> Any:
        """s_u, which looks at no label."""
        return self._mixed

    def _mixed(self, x: np.ndarray, t: float) -> np.ndarray:
        own, logs = zip(*(self._of_class(k, x, t) for k in range(len(self._means))), strict=True)
        weight = np.exp(np.array(logs) - np.max(logs, axis=0))  # (classes, samples)
        return np.einsum("ks,ksi->si", weight / weight.sum(axis=0), np.array(own))

    def _of_class(self, k: int, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Score (samples, dim) and logarithm of the density (samples,), but for a constant, of one class."""
        D = self._c[k] + t
        y = (x - self._means[k]) @ self._basis[k]
        return -(y / D) @ self._basis[k].T, -0.5 * (np.sum(y * y / D, axis=1) + np.sum(np.log(D)))


class EqualShapes:
    """The same, but each sample has a mixture of its own, all classes of which have the covariance of its class.

    Parameters
    ----------
    means, covariances : as of `GaussianScores`.

    Examples
    --------
    >>> scores = EqualShapes(np.array([[1.0], [-1.0]]), np.array([[[1.0]], [[3.0]]]))
    >>> scores.unconditional([0, 1])(np.zeros((2, 1)), 1.0).round(12) + 0.0
    array([[0.],
           [0.]])
    """

    def __init__(self, means: np.ndarray, covariances: np.ndarray) -> None:
        self._mixtures = [GaussianScores(means, np.array([c] * len(means))) for c in covariances]

    def conditional(self, labels: Any) -> Any:
        """s_c of samples with these labels, (samples,)."""
        return self._each(labels, lambda k, n: self._mixtures[k].conditional(np.full(n, k)))

    def unconditional(self, labels: Any) -> Any:
        """s_u of samples with these labels: each one's mixture is that of its class."""
        return self._each(labels, lambda k, n: self._mixtures[k].unconditional())

    def _each(self, labels: Any, score: Any) -> Any:
        labels = np.asarray(labels)

        def scored(x: np.ndarray, t: float) -> np.ndarray:
            found = np.empty_like(x)
            for k in np.unique(labels):
                of_class = labels == k
                found[of_class] = score(k, int(of_class.sum()))(x[of_class], t)
            return found

        return scored
