"""The exact unconditional score in plain NumPy: what tests hold the fast one (`simulate.scores.fast`) against.

Tweedie's formula for the mixture: s_u = sum_k pi_k (mu_k - x)/D with pi = softmax(-|x - mu_k|^2/(2D)). In the frame of
the target (`simulate.scores.mixture`) the guided score is s_w = (b - y)/D with b = -w sum_k pi_k delta_k: all that a
sampler needs is the shift  p = sum_k pi_k delta_k  and, to observe, the weights (`simulate.scores.posterior`).
"""

from typing import Any, Protocol

import numpy as np

from simulate.scores.mixture import Held
from simulate.scores.posterior import Posterior, Sums


class Score(Protocol):
    """Posterior of a batch y (samples, dim) at total variance D, with a spectrum one D per direction (dim,).

    `full` asks for all that observables need.
    """

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior: ...


class ReferenceScore:
    """Plain NumPy in float64. Stores a samples x classes array: for tests and documentation.

    Examples
    --------
    >>> from simulate.scores.mixture import draw_direct
    >>> score = ReferenceScore(draw_direct(d=8, n_classes=100, seed=0, draw=0))
    >>> post = score(np.zeros((1, 8)), D=0.25)        # at the mean of the target
    >>> bool(post.nearest[0]), bool(post.weight[0] > 0.9)
    (True, True)
    """

    def __init__(self, mixture: Held) -> None:
        self.delta = mixture.delta.astype(np.float64)  # (wrong classes, dim)
        self.half, self.log_weight = mixture.half_norms, mixture.log_weight

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior:
        if not len(self.delta):
            return Sums.zero(*y.shape).posterior(y.shape[1], full)
        if np.ndim(D):
            logits = (y / D) @ self.delta.T - (0.5 * self.delta**2) @ (1.0 / D)
        else:
            logits = (y @ self.delta.T - self.half) / D  # (samples, wrong classes)
        logits += self.log_weight
        top = logits.max(axis=1)
        p = np.exp(logits - top[:, None])
        return Sums(top, p.sum(axis=1), (p * p).sum(axis=1), p @ self.delta).posterior(y.shape[1], full)


class ContinuumScore:
    """Infinitely many classes: sum_k pi_k mu_k = x/(1 + D). The target has no weight, and there are no odds.

    With `ratio` the posterior has log p_t(x)/p_t(x|c) = log N(x; 0, 1 + D)/N(x; mu_1, D) too.
    """

    def __init__(self, target: np.ndarray, ratio: bool = False) -> None:
        self.target, self._ratio = target, ratio

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior:
        shift = (y + self.target) / (1.0 + D) - self.target
        nothing, undefined = np.zeros(len(y)), np.full(len(y), np.nan)
        ratio = self._log_ratio(y, D) if self._ratio else None
        return Posterior(shift, undefined, nothing, undefined, nothing.astype(bool), ratio)

    def _log_ratio(self, y: np.ndarray, D: float) -> np.ndarray:
        x = y + self.target
        own, all_ = (np.einsum("sd,sd->s", a, a) for a in (y, x))
        return 0.5 * (own / D - all_ / (1.0 + D) - len(self.target) * np.log1p(1.0 / D))
