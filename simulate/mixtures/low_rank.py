"""Components with a few directions of their own on top of one variance, and those with full covariances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simulate.mixtures.components import Components, Sums

COLUMNS = 2048  # axes at a time, of some components: one matrix product
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
        for part in self._parts(members):
            along = self._along(x, part)
            logs = self._logs(x, along, t, part) + log_weights[part]
            near = logs > sums.top[:, None] - LOST
            rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
            if len(rows):
                self._pull(sums, x, t, logs, along, part, rows, columns)

    def _pull(
        self,
        sums: Sums,
        x: np.ndarray,
        t: float,
        logs: np.ndarray,
        along: np.ndarray,
        part: Any,
        rows: Any,
        columns: Any,
    ) -> None:
        """Add the weighted pulls of the components `columns` of a part on the samples `rows`."""
        e = np.exp(logs - sums.lift(logs.max(axis=1))[:, None])
        if e.size > len(rows) * len(columns):
            e, along = e[np.ix_(rows, columns)], along[np.ix_(rows, columns)]
        sums.total[rows] += e.sum(axis=1)
        ridge, axes = self.ridge[part][columns] + t, self.axes[part][columns]
        inner = 1.0 / (ridge[:, None] + self.extra[part][columns])
        pull: Any = 0.0
        if not self._full:
            inner -= 1.0 / ridge[:, None]
            rate = e / ridge
            pull = rate @ self.means[part][columns] - x[rows] * rate.sum(axis=1)[:, None]
        along *= inner  # in place: nobody looks at it again
        along *= e[:, :, None]
        sums.pull[rows] += pull + along.reshape(len(rows), -1) @ axes.reshape(-1, x.shape[1])

    def logs(self, x: np.ndarray, t: float, members: np.ndarray) -> np.ndarray:
        """See `Components`."""
        parts = self._parts(members)
        return np.concatenate([self._logs(x, self._along(x, part), t, part) for part in parts], axis=1)

    def least(self, members: np.ndarray) -> float:
        """See `Components`."""
        return float(self.ridge[members].min())

    def largest(self) -> float:
        """See `Components`."""
        return float((self.ridge + (self.extra.max(axis=1) if self.extra.shape[1] else 0.0)).max())

    def covariance(self, k: int) -> np.ndarray:
        """See `Components`."""
        return self.ridge[k] * np.eye(self.means.shape[1]) + (self.axes[k].T * self.extra[k]) @ self.axes[k]

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

    @cached_property
    def _along_means(self) -> np.ndarray:
        """U_k^T mu_k (components, rank)."""
        return np.einsum("krd,kd->kr", self.axes, self.means)

    def _parts(self, members: np.ndarray) -> list[Any]:
        """Members a few at a time; as a slice, which copies nothing, where they follow one another."""
        size = max(1, COLUMNS // max(1, self.axes.shape[1]))
        parts = [members[i : i + size] for i in range(0, len(members), size)]
        return [slice(p[0], p[-1] + 1) if p[-1] - p[0] == len(p) - 1 else p for p in parts]

    def _along(self, x: np.ndarray, part: Any) -> np.ndarray:
        """U_k^T (mu_k - x) (samples, components, rank)."""
        axes = self.axes[part]
        along = (x @ axes.reshape(-1, x.shape[1]).T).reshape(len(x), *axes.shape[:2])
        return np.subtract(self._along_means[part], along, out=along)

    def _logs(self, x: np.ndarray, along: np.ndarray, t: float, part: Any) -> np.ndarray:
        """log N(x; mu_k, S_k + t) (samples, components)."""
        mu, ridge, dim = self.means[part], self.ridge[part] + t, x.shape[1]
        total = ridge[:, None] + self.extra[part]
        squares = along * along
        square = np.einsum("skr,kr->sk", squares, 1.0 / total)
        if not self._full:
            away = (x * x).sum(axis=1)[:, None] - 2.0 * (x @ mu.T) + (mu * mu).sum(axis=1)
            square += (away - squares.sum(axis=2)) / ridge
        volume = np.log(total).sum(axis=1) + (dim - total.shape[1]) * np.log(ridge)
        return -0.5 * (square + volume + dim * math.log(2.0 * math.pi))
