"""Components with one variance a direction: in the axes, or in one basis that all share."""

import math
from dataclasses import dataclass

import numpy as np

from simulate.mixtures.components import Components, Seen, Sums

BLOCK = 512  # components at a time


@dataclass(frozen=True, eq=False)
class Diagonal(Components):
    """S_k = diag(variances[k]); variances (components or 1, dim or 1).

    Examples
    --------
    >>> two = Diagonal(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[0.25]]))
    >>> two.look(np.array([[0.5, 0.0]]), 0.75, np.log([0.5, 0.5]), np.arange(2)).score.round(4)     # tanh(x) - x
    array([[-0.0379,  0.    ]])
    """

    variances: np.ndarray

    def add(self, sums: Sums, x: np.ndarray, t: float, log_weights: np.ndarray, members: np.ndarray) -> None:
        """See `Components`."""
        for begin in range(0, len(members), BLOCK):
            part = members[begin : begin + BLOCK]
            mu, rate = self.means[part], 1.0 / (self._of(part) + t)
            e = self._logs(x, mu, rate) + log_weights[part]
            e = np.exp(e - sums.lift(e.max(axis=1))[:, None])
            sums.total += e.sum(axis=1)
            if rate.shape[1] == 1:  # one variance a component
                e *= rate[:, 0]
                sums.pull += e @ mu - x * e.sum(axis=1)[:, None]
            else:
                sums.pull += e @ (mu * rate) - x * (e @ np.broadcast_to(rate, mu.shape))

    def logs(self, x: np.ndarray, t: float, members: np.ndarray) -> np.ndarray:
        """See `Components`."""
        return self._logs(x, self.means[members], 1.0 / (self._of(members) + t))

    def least(self, members: np.ndarray) -> float:
        """See `Components`."""
        return float(self._of(members).min())

    def largest(self) -> float:
        """See `Components`."""
        return float(self.variances.max())

    def covariance(self, k: int) -> np.ndarray:
        """See `Components`."""
        return np.diag(np.broadcast_to(self._of(np.array([k]))[0], self.means.shape[1:]))

    def noise(self, k: int, z: np.ndarray) -> np.ndarray:
        """See `Components`."""
        return np.sqrt(self._of(np.array([k]))[0]) * z

    def frame(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """See `Components`."""
        return np.broadcast_to(self._of(members).min(axis=0), self.means.shape[1:]), None

    def arrays(self) -> dict[str, np.ndarray]:
        """See `Components`."""
        return {"means": self.means, "variances": self.variances}

    def _of(self, members: np.ndarray) -> np.ndarray:
        return self.variances if len(self.variances) == 1 else self.variances[members]

    def _logs(self, x: np.ndarray, mu: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """log N(x; mu, 1/rate), (samples, len(mu)); rate (len(mu) or 1, dim or 1)."""
        dim = x.shape[1]
        volume = np.log(rate).sum(axis=1) * (dim // rate.shape[1])
        far = (mu * mu * rate).sum(axis=1) - volume + dim * math.log(2.0 * math.pi)
        own = (x * x).sum(axis=1, keepdims=True) * rate.T if rate.shape[1] == 1 else (x * x) @ rate.T
        return (x @ (mu * rate).T) - 0.5 * (own + far)


@dataclass(frozen=True, eq=False)
class Rotated(Components):
    """One covariance for all components, diagonal in the basis whose vectors are the columns of `basis` (dim, dim).

    Examples
    --------
    >>> S = np.array([[0.5, 0.2], [0.2, 0.4]])
    >>> np.allclose(Rotated.of(np.zeros((3, 2)), S).covariance(2), S)
    True
    """

    basis: np.ndarray
    inner: Diagonal

    @classmethod
    def of(cls, means: np.ndarray, covariance: np.ndarray) -> "Rotated":
        """Of the covariance (dim, dim) that all share."""
        values, basis = np.linalg.eigh(covariance)
        return cls.along(means, values, basis)

    @classmethod
    def along(cls, means: np.ndarray, values: np.ndarray, basis: np.ndarray) -> "Rotated":
        """Of its eigenvalues (dim,) and eigenvectors."""
        return cls(means, basis, Diagonal(means @ basis, np.asarray(values)[None]))

    def look(
        self, x: np.ndarray, t: float, log_weights: np.ndarray, members: np.ndarray, floor: np.ndarray | None = None
    ) -> Seen:
        """See `Components`."""
        log, score = self.inner.look(x @ self.basis, t, log_weights, members, floor)
        return Seen(log, score @ self.basis.T)

    def logs(self, x: np.ndarray, t: float, members: np.ndarray) -> np.ndarray:
        """See `Components`."""
        return self.inner.logs(x @ self.basis, t, members)

    def least(self, members: np.ndarray) -> float:
        """See `Components`."""
        return self.inner.least(members)

    def largest(self) -> float:
        """See `Components`."""
        return self.inner.largest()

    def covariance(self, k: int) -> np.ndarray:
        """See `Components`."""
        return (self.basis * self.inner.variances[0]) @ self.basis.T

    def noise(self, k: int, z: np.ndarray) -> np.ndarray:
        """See `Components`."""
        return (np.sqrt(self.inner.variances[0]) * z) @ self.basis.T

    def frame(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """See `Components`."""
        return self.inner.variances[0], self.basis

    def arrays(self) -> dict[str, np.ndarray]:
        """See `Components`."""
        return {"means": self.means, "values": self.inner.variances[0], "basis": self.basis}
