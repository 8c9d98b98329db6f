"""The effective vector: everything a sampler makes at d = infinity lies in the span of mu_1 and its own noise draws.

Draws of noise are orthogonal to each other and to mu_1, each of squared norm d. So one vector in the basis of mu_1 and
the draws, x = m mu_1 + sum_k a_k z_k, v = sum_k a_k^2, is all there is to know, and carrying it through the sampler's
own code is the law (docs/sampler.md, (V1)-(V3)). With groups of directions mu_1 and every draw have a part in each.

Two embeddings of that basis in an array:

- *coordinates*: a number for each element of the basis; norms and inner products are those of vectors per sqrt(d);
- *dense*: random orthogonal vectors of a real shape, each of squared norm N = number of entries, orthogonal to the
  constant vector: norms, thresholds, standard deviations and sums over channels of real code mean what they mean there.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from meanfield.errors import ProblemError, array, require
from meanfield.problem.statement import Problem

FIRST, MOST = 64, 8192  # noise draws that an embedding has room for: at first, and at most
Result = TypeVar("Result")


class Exhausted(Exception):
    """The sampler draws more noise than the embedding has directions."""


class Embedding:
    """A basis of mu_1 and `draws` noise draws, each with a part in every group of directions.

    Parameters
    ----------
    basis : (1 + draws, groups, N), orthogonal; squared norms share_i N.
    shape : of the sampler's arrays, (1, ...), N entries.
    shares : of the dimensions, (groups,).
    """

    def __init__(self, basis: np.ndarray, shape: tuple[int, ...], shares: np.ndarray, unit: float) -> None:
        self.basis, self.shape, self.shares, self.unit, self.size = basis, shape, shares, unit, 1.0
        self.n_draws, self._flat = len(basis) - 1, basis.reshape(-1, basis.shape[-1])
        self._norms = np.tile(shares * unit, len(basis))

    @classmethod
    def coordinates(cls, shares: np.ndarray, draws: int) -> "Embedding":
        """Entries are the coefficients of the basis."""
        n = (1 + draws) * len(shares)
        flat = np.diag(np.tile(np.sqrt(shares), 1 + draws))
        return cls(flat.reshape(1 + draws, len(shares), n), (1, n), shares, 1.0)

    @classmethod
    def dense(cls, shares: np.ndarray, draws: int, shape: tuple[int, ...], seed: int = 0) -> "Embedding":
        """Random orthogonal vectors of a real shape, orthogonal to the constant vector.

        Raises
        ------
        ProblemError : a shape with too few entries.
        """
        N, n = math.prod(shape), (1 + draws) * len(shares)
        if n + 1 > N:
            raise ProblemError(
                f"a dense embedding needs an entry for each of mu_1 and {draws} noise draws"
                f"{' in every group' if len(shares) > 1 else ''}, and one more; got shape={shape}, {N} entries. "
                "Give a larger shape, or none."
            )
        flat = _directions(n, N, seed) * np.sqrt(N * np.tile(shares, 1 + draws))[:, None]
        return cls(flat.reshape(1 + draws, len(shares), N), (1, *shape), shares, float(N))

    def times(self, size: float) -> "Embedding":
        """The same vectors with noise draws `size` times as long."""
        other = Embedding(self.basis, self.shape, self.shares, self.unit)
        other.size = size
        return other

    def mean(self, amplitudes: np.ndarray) -> np.ndarray:
        """mu_1 (N,) whose part in group i has the standard deviation `amplitudes[i]` per direction."""
        return amplitudes @ self.basis[0]

    def draw(self, k: int) -> np.ndarray:
        """Noise draw number k, (1, N).

        Raises
        ------
        Exhausted : there are no more.
        """
        if k >= self.n_draws:
            raise Exhausted
        return self.size * self.basis[k + 1].sum(axis=0)[None]

    def coefficients(self, y: np.ndarray, k: int) -> np.ndarray:
        """Of noise draw number k in y (1, N), by group."""
        return ((self._flat @ y[0]) / self._norms).reshape(-1, len(self.shares))[k + 1]

    def overlaps(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y (1, N) by group: x.mu/|mu|^2 for a mean of unit variance, |x|^2 per direction, and what is left of y
        outside of the span (1, N)."""
        parts = (self._flat @ y[0]) / self._norms  # coefficients of the basis
        inside = parts @ self._flat
        left = y - inside
        of_groups = parts.reshape(-1, len(self.shares))
        square = (of_groups**2).sum(axis=0) + (left @ left.T).item() / self.unit
        return of_groups[0], square, left

    def inside(self, y: np.ndarray) -> np.ndarray:
        """Coordinates of y (1, N) along the basis, per d^(1/2): (1, directions of the basis), groups innermost."""
        return (y @ self._flat.T) / np.sqrt(self._norms * self.unit)

    def outside(self, coordinates: np.ndarray) -> np.ndarray:
        """The vector (1, N) of such coordinates."""
        return (coordinates * np.sqrt(self.unit / self._norms)) @ self._flat

    def scaled(self, factors: np.ndarray, y: np.ndarray) -> np.ndarray:
        """y (1, N) with its part in every group times a factor; what is outside of the span gets their mean."""
        if len(self.shares) == 1:
            return factors[0] * y
        parts = (self._flat @ y[0]) / self._norms
        scaled = (parts.reshape(-1, len(self.shares)) * factors).reshape(-1)
        left = y - parts @ self._flat
        return (scaled @ self._flat)[None] + (factors @ self.shares) * left


@functools.lru_cache(maxsize=2)  # a law takes several runs in one basis, and a study many laws
def _directions(n: int, N: int, seed: int) -> np.ndarray:
    """Random orthonormal vectors (n, N), orthogonal to the constant vector."""
    columns = np.random.Generator(np.random.Philox(seed)).standard_normal((N, n + 1))
    columns[:, 0] = 1.0
    return np.linalg.qr(columns)[0][:, 1:].T


def fitted(run: Callable[[Embedding], Result], problem: Problem, shape: tuple[int, ...] | None = None) -> Result:
    """run(embedding) with room for all that the code draws: in coordinates, or dense in a shape.

    Raises
    ------
    ProblemError : more draws than a vector of this shape, or anyone, has room for.
    """
    shares = np.ones(1) if problem.spectrum is None else np.array(problem.spectrum.share, float)
    room = MOST if shape is None else math.prod(checked_shape(shape)) // len(shares) - 2
    draws = min(FIRST, room)
    while True:
        embedding = Embedding.coordinates(shares, draws) if shape is None else Embedding.dense(shares, draws, shape)
        try:
            return run(embedding)
        except Exhausted:
            remedy = "Take fewer steps, a larger shape, or none."
            require(draws < room, f"a sampler may draw noise {room} times here", "more", remedy)
            draws = min(4 * draws, room)


def checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape of one sample as a tuple of whole numbers.

    Examples
    --------
    >>> checked_shape([4, 8])
    (4, 8)
    """
    sizes = array(shape, "shape must be a list of whole numbers, such as (4, 64, 64)")
    good = sizes.ndim == 1 and sizes.size and np.all((sizes >= 1) & (sizes == np.floor(sizes)) & (sizes < 1e9))
    require(good, "shape must be a list of whole numbers >= 1, such as (4, 64, 64)", shape)
    return tuple(int(n) for n in sizes)
