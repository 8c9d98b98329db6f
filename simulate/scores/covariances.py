"""The exact score of classes with covariances of their own, in the eigenbasis of the target's covariance.

Class k is N(mu_k, S_k). With y = x - mu_1 in the eigenbasis of S_1 (eigenvalues c_i, D_i = c_i + t) the conditional
score is -y/D and the unconditional one s_u = sum_k pi_k (S_k + t)^-1 (delta_k - y). The guided score is (b - y)/D with
    b = -w p,    p = y + D s_u,
which for equal isotropic covariances is the p = sum_k pi_k delta_k of `simulate.scores.reference`. The integrator needs
no more.

Plain NumPy, one class at a time: for hundreds of classes in tens of dimensions.
"""

from typing import Any

import numpy as np
from scipy.special import logsumexp

from simulate.scores.posterior import Posterior


class CovarianceScore:
    """Posterior of batches of samples among classes of equal weight with covariances of their own.

    Parameters
    ----------
    means : (classes, dim). covariances : (classes, dim, dim), symmetric, positive definite.
    target : index of the class that is sampled.

    Attributes
    ----------
    c : (dim,) eigenvalues of the target's covariance, ascending. basis : (dim, dim), its eigenvectors as columns.

    Examples
    --------
    >>> score = CovarianceScore(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([np.eye(2), 2 * np.eye(2)]), target=0)
    >>> far = score(np.array([[50.0, 0.0]]), D=score.c + 1.0)      # the wider class has the weight, far out
    >>> bool(far.weight[0] < 1e-3), bool(score(np.zeros((1, 2)), D=score.c).weight[0] > 0.8)
    (True, True)
    """

    def __init__(self, means: np.ndarray, covariances: np.ndarray, target: int) -> None:
        self.c, self.basis = np.linalg.eigh(covariances[target])
        others = [k for k in range(len(means)) if k != target]
        self._delta = (means[others] - means[target]) @ self.basis  # (wrong classes, dim)
        rotated = self.basis.T @ covariances[others] @ self.basis  # (wrong classes, dim, dim)
        self._values, self._vectors = np.linalg.eigh(rotated)  # (wrong classes, dim), (wrong classes, dim, dim)

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior:
        t = float(D[0] - self.c[0])
        own = -0.5 * np.sum(y * y / D + np.log(D), axis=1)  # (samples,)
        logits, scores = np.empty((len(self._delta), len(y))), []
        for k, (delta, values, vectors) in enumerate(zip(self._delta, self._values, self._vectors, strict=True)):
            z = (delta - y) @ vectors  # (samples, dim) in the eigenbasis of the class
            v = values + t
            logits[k] = -0.5 * np.sum(z * z / v + np.log(v), axis=1) - own
            scores.append((z / v) @ vectors.T)
        norm = logsumexp(np.vstack([np.zeros(len(y)), logits]), axis=0)  # (samples,)
        pi, weight = np.exp(logits - norm), np.exp(-norm)
        shift = (1.0 - weight)[:, None] * y  # y + D s_u without the target's own part, which cancels
        for p, s in zip(pi, scores, strict=True):
            shift += D * p[:, None] * s
        participation = 1.0 / (weight**2 + np.sum(pi**2, axis=0)) if full else np.full(len(y), np.nan)
        log_odds = -logsumexp(logits, axis=0) if len(logits) else np.full(len(y), np.nan)
        return Posterior(shift, log_odds, weight, participation, np.all(logits < 0, axis=0))
