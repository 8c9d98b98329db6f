"""Components with a few directions of their own on top of one variance, and those with full covariances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulate.mixtures.components import Components, Sums

LOST = 40.0  # of a log-weight below the largest: exp(-40) is beyond double precision


@dataclass(frozen=True, eq=False)
class LowRank(Components):
    """S_k = ridge_k I + U_k diag(extra_k) U_k^T.

    ridge (components,), > 0. extra (components, rank) >= 0. axes (components, rank, dim): rows are the columns of U_k.

    Examples
    --------
    >>> S = np.array([[0.5, 0.2], [0.2, 0.4]])
    >>> one = LowRank.of(np.zeros((1, 2)), S[None])
    >>> np.allclose(one.covariance(0), S), one.look(np.ones((1, 2)), 0.3, np.zeros(1), np.zeros(1, int)).score.round(4)
    (True, array([[-0.9615, -1.1538]]))
    >>> -np.linalg.solve(S + 0.3 * np.eye(2), np.ones(2)).round(4)
    array([-0.9615, -1.1538])
    """

    ridge: np.ndarray
    extra: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, means: np.ndarray, covariances: Sequence[np.ndarray] | np.ndarray) -> "LowRank":
        """Of full covariances (components, dim, dim), symmetric and positive definite."""
        ridge, extra, axes = [], [], []
        for S in covariances:
            values, vectors = np.linalg.eigh(S)
            ridge.append(values[0])
            extra.append(values - values[0])
            axes.append(vectors.T)
        return cls(means, np.array(ridge), np.array(extra), np.array(axes))

    def add(self, sums: Sums, x: np.ndarray, t: float, log_weights: np.ndarray, members: np.ndarray) -> None:
        """See `Components`."""
        for k in members:
            z, along = self._split(x, k)
            log = self._log(z, along, t, k) + log_weights[k]
            near = np.flatnonzero(log > sums.top - LOST)
            if not len(near):
                continue
            e = np.exp(log - sums.lift(log))[near]
            sums.total[near] += e
            rate = 0.0 if self._full else 1.0 / (self.ridge[k] + t)
            pull = (along[near] * (1.0 / (self.ridge[k] + self.extra[k] + t) - rate)) @ self.axes[k]
            sums.pull[near] += e[:, None] * (pull if self._full else rate * z[near] + pull)

    def logs(self, x: np.ndarray, t: float, members: np.ndarray) -> np.ndarray:
        """See `Components`."""
        return np.stack([self._log(*self._split(x, k), t, k) for k in members], axis=1)

    def least(self, members: np.ndarray) -> float:
        """See `Components`."""
        return float(self.ridge[members].min())

    def largest(self) -> float:
        """See `Components`."""
        return float((self.ridge + (self.extra.max(axis=1) if self.extra.shape[1] else 0.0)).max())

    def covariance(self, k: int) -> np.ndarray:
        """See `Components`."""
        return self.ridge[k] * np.eye(self.means.shape[1]) + (self.axes[k].T * self.extra[k]) @ self.axes[k]

    def traces(self) -> np.ndarray:
        """See `Components`."""
        return self.ridge * self.means.shape[1] + self.extra.sum(axis=1)

    def noise(self, k: int, z: np.ndarray) -> np.ndarray:
        """See `Components`."""
        root = math.sqrt(self.ridge[k])
        return root * z + ((z @ self.axes[k].T) * (np.sqrt(self.ridge[k] + self.extra[k]) - root)) @ self.axes[k]

    def frame(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """See `Components`."""
        if self._full and len(members) == 1:
            k = members[0]
            return self.ridge[k] + self.extra[k], self.axes[k].T
        return super().frame(members)

    def arrays(self) -> dict[str, np.ndarray]:
        """See `Components`."""
        return {"means": self.means, "ridge": self.ridge, "extra": self.extra, "axes": self.axes}

    @property
    def _full(self) -> bool:
        """Whether the axes are all there are."""
        return self.axes.shape[1] == self.means.shape[1]

    def _split(self, x: np.ndarray, k: Any) -> tuple[np.ndarray, np.ndarray]:
        """mu_k - x, and its coordinates along the axes of component k."""
        z = self.means[k] - x
        return z, z @ self.axes[k].T

    def _log(self, z: np.ndarray, along: np.ndarray, t: float, k: Any) -> np.ndarray:
        ridge, dim = self.ridge[k] + t, z.shape[1]
        total = ridge + self.extra[k]
        square = (along * along) @ (1.0 / total)
        if not self._full:
            square += (np.einsum("sd,sd->s", z, z) - np.einsum("sr,sr->s", along, along)) / ridge
        volume = np.log(total).sum() + (dim - len(total)) * math.log(ridge)
        return -0.5 * (square + volume + dim * math.log(2.0 * math.pi))
