"""The components of a mixture and what a batch of samples sees of them: exact, for every form of covariance.

Component k is N(mu_k, S_k), of weight p_k. At VE time t its log-weight and its pull are

    l_k = log p_k + log N(x; mu_k, S_k + t),      (S_k + t)^-1 (mu_k - x).

A set of components is summed in one pass (`Seen`), in chunks of samples: no array samples x components is kept. Nor is
a matrix inverted:

- `Diagonal`: S_k = diag(c_k), one variance a direction, one a component, or one row for all. Four matrix products.
- `LowRank`: S_k = ridge_k I + U_k diag(lambda_k) U_k^T with orthonormal columns U_k, so that

    (S_k + t)^-1 z = z/(ridge_k + t) + U_k [1/(ridge_k + lambda_k + t) - 1/(ridge_k + t)] U_k^T z

  (Woodbury's identity in the eigenbasis). A full covariance has dim columns, its least eigenvalue the ridge.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

CHUNK = 2**17  # numbers of a chunk of samples: it stays in the cache
ROWS = 256  # the least samples at a time


class Seen(NamedTuple):
    """What samples see of a set of components.

    Attributes
    ----------
    log : log sum_k p_k N(x; mu_k, S_k + t) (samples,); -inf for an empty set.
    score : its gradient in x, the score of the set (samples, dim).
    """

    log: np.ndarray
    score: np.ndarray

    def merged(self, other: "Seen") -> "Seen":
        """Of both sets together.

        Examples
        --------
        >>> one = Seen(np.zeros(1), np.ones((1, 1)))
        >>> both = one.merged(Seen(np.zeros(1), -np.ones((1, 1))))
        >>> both.log.round(3), both.score
        (array([0.693]), array([[0.]]))
        """
        log = np.logaddexp(self.log, other.log)
        safe = np.where(np.isfinite(log), log, 0.0)
        shares = (np.exp(each.log - safe)[:, None] for each in (self, other))
        return Seen(log, sum(share * each.score for share, each in zip(shares, (self, other), strict=True)))


class Sums:
    """Running sums over components: the largest log-weight, and sums of exp(l_k - top) and of its pulls.

    `floor` (samples,) : log-weights beside which these components will be seen: what is lost there is lost here.
    """

    def __init__(self, samples: int, dim: int, floor: np.ndarray | None = None) -> None:
        self.top = np.full(samples, -math.inf) if floor is None else floor.copy()
        self.total = np.zeros(samples)
        self.pull = np.zeros((samples, dim))

    def lift(self, top: np.ndarray) -> np.ndarray:
        """Raise the reference to at least `top`; the reference."""
        new = np.maximum(self.top, top)
        down = np.exp(self.top - new, where=new > -math.inf, out=np.ones_like(new))
        self.total *= down
        self.pull *= down[:, None]
        self.top = new
        return new

    def seen(self) -> Seen:
        some = self.total > 0.0
        safe = np.where(some, self.total, 1.0)
        return Seen(np.where(some, self.top + np.log(safe), -math.inf), self.pull / safe[:, None])


@dataclass(frozen=True, eq=False)
class Components:
    """Base: `means` (components, dim), and their covariances in some form."""

    means: np.ndarray

    def look(
        self, x: np.ndarray, t: float, log_weights: np.ndarray, members: np.ndarray, floor: np.ndarray | None = None
    ) -> Seen:
        """What samples x (samples, dim) see at VE time t of the components `members` (indices), beside the `floor`."""
        members = members[log_weights[members] > -math.inf]
        parts, rows = [], max(ROWS, CHUNK // x.shape[1])
        for begin in range(0, len(x), rows):
            some = x[begin : begin + rows]
            sums = Sums(len(some), x.shape[1], None if floor is None else floor[begin : begin + rows])
            self.add(sums, some, t, log_weights, members)
            parts.append(sums.seen())
        return Seen(np.concatenate([p.log for p in parts]), np.concatenate([p.score for p in parts]))

    def split(self, x: np.ndarray, t: float, log_weights: np.ndarray, members: np.ndarray) -> tuple[Seen, Seen]:
        """What samples see of some components, and of all."""
        own = self.look(x, t, log_weights, members)
        others = np.delete(np.arange(len(self.means)), members)
        return own, own.merged(self.look(x, t, log_weights, others, own.log)) if len(others) else own

    def place(self, chosen: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Samples of the components `chosen` (samples,), made in place of normals z (samples, dim)."""
        for k in np.unique(chosen):
            at = chosen == k
            z[at] = self.means[k] + self.noise(int(k), z[at])
        return z

    def add(self, sums: Sums, x: np.ndarray, t: float, log_weights: np.ndarray, members: np.ndarray) -> None:
        """Add the components `members`, of weights above 0, to running sums."""
        raise NotImplementedError

    def logs(self, x: np.ndarray, t: float, members: np.ndarray) -> np.ndarray:
        """log N(x; mu_k, S_k + t) (samples, members), for few samples or few members."""
        raise NotImplementedError

    def least(self, members: np.ndarray) -> float:
        """The least variance of some components, in any direction."""
        raise NotImplementedError

    def largest(self) -> float:
        """The largest variance of all components, in any direction."""
        raise NotImplementedError

    def covariance(self, k: int) -> np.ndarray:
        """S_k (dim, dim)."""
        raise NotImplementedError

    def noise(self, k: int, z: np.ndarray) -> np.ndarray:
        """S_k^(1/2) z of normals z (samples, dim)."""
        raise NotImplementedError

    def frame(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The largest known matrix below the covariances of some components: eigenvalues (dim,), and eigenvectors
        (columns; None: the axes)."""
        return np.full(self.means.shape[1], self.least(members)), None

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file needs, by name."""
        raise NotImplementedError
