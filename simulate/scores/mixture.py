"""The classes of one draw, in the frame of the target.

With y = x - mu_1 and delta_k = mu_k - mu_1, the log-weight of class k relative to the target is
    l_k = (y.delta_k - |delta_k|^2/2)/D,
exactly 0 for the target: nothing cancels. Only the P - 1 wrong classes are stored, as float32 differences delta_k.
These rounded differences *define* the mixture, so float32, float64 and the reference path see the same classes.
The target has |mu_1|^2 = d exactly (sec. 1 of docs/theory.md).

Where the target has another weight than each other class, the log of the latter over the former, `log_weight`, is on
top (sec. 10 of docs/theory.md): a number, or one for each wrong class, of which populations follow one another.

With a spectrum (docs/spectra.md) all is whitened, groups of directions follow one another, the target has
|mu_1|^2 = d_i on the d_i directions of every group i, and D differs between groups:
    l_k = sum_i (y_i.delta_ki - |delta_ki|^2/2)/D_i.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from simulate.randomness.normals import make_key, normals
from simulate.randomness.streams import MEANS

ROWS = 65536  # classes drawn at a time
BLOCK = 4096  # classes in a float64 temporary, which stays in the cache where dimensions are few
COORDINATES = 2**22  # of them at a time, at most: 32 MiB in float64
LARGEST_LOG = 650.0  # of a weight: beyond, the target has no share


def mass_of(n_classes: float, log_weight: float | np.ndarray) -> float:
    """Weight of all classes over the target's: P where all are equal."""
    if isinstance(log_weight, np.ndarray):
        return 1.0 + float(np.exp(np.minimum(log_weight, LARGEST_LOG)).sum())
    return n_classes if log_weight == 0.0 else 1.0 + (n_classes - 1.0) * math.exp(min(log_weight, LARGEST_LOG))


class Classes:
    """What a run knows of the classes of one draw, however they are held: `target` mu_1 (dim,) and `n_classes` P.

    `counts` are the directions of each group where there is a spectrum, else None; `log_weight` is that of each wrong
    class over the target's, an array (wrong classes,) where they differ.
    """

    target: np.ndarray
    n_classes: float
    counts: tuple[int, ...] | None
    log_weight: float | np.ndarray

    @property
    def dim(self) -> int:
        return len(self.target)

    def total(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Sum of function(block) over blocks (classes, dim), float64, of all wrong classes; the function gives
        arrays of one shape."""
        raise NotImplementedError

    @property
    def mass(self) -> float:
        """See `mass_of`."""
        return mass_of(self.n_classes, self.log_weight)

    def mean(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Mean over all classes by their weights, of what is 0 at the target; the function sums over a block."""
        assert not isinstance(self.log_weight, np.ndarray)
        count = self.n_classes - 1.0 + math.exp(min(-self.log_weight, LARGEST_LOG))  # the target as so many others
        return self.total(function) / count

    @cached_property
    def mean_delta(self) -> np.ndarray:
        """Mean of delta_k over all classes by their weights, target included, shape (dim,)."""
        return np.zeros(self.dim) + self.mean(lambda b: b.sum(axis=0))

    def covariance(self, z: np.ndarray) -> np.ndarray:
        """C z, with C the covariance of the class means of this draw, by their weights; z (samples, dim)."""
        square = np.zeros_like(z) + self.mean(lambda b: (z @ b.T) @ b)
        return square - np.outer(z @ self.mean_delta, self.mean_delta)


@dataclass(frozen=True)
class Held(Classes):
    """The classes of one draw, all of them held: `delta` (P - 1, dim) float32; the rest as in `Classes`."""

    target: np.ndarray
    delta: np.ndarray
    n_classes: float
    counts: tuple[int, ...] | None = None
    log_weight: float | np.ndarray = 0.0

    def total(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """See `Classes`."""
        return sum((function(b) for b in self._blocks()), np.zeros(()))

    def mean(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """See `Classes`; of populations, the sum of theirs by their shares."""
        if not isinstance(self.log_weight, np.ndarray):
            return super().mean(function)
        log_mass = np.logaddexp(0.0, np.logaddexp.reduce(self.log_weight))
        edges = [0, *(np.flatnonzero(np.diff(self.log_weight)) + 1), len(self.log_weight)]
        parts = [replace(self, delta=self.delta[a:b], log_weight=0.0).total(function) for a, b in pairwise(edges)]
        shares = np.exp(self.log_weight[edges[:-1]] - log_mass)
        return sum((share * part for share, part in zip(shares, parts, strict=True)), np.zeros(()))

    @cached_property
    def half_norms(self) -> np.ndarray:
        """|delta_k|^2/2 in float64, shape (P - 1,)."""
        parts = [0.5 * np.einsum("kd,kd->k", b, b) for b in self._blocks()]
        return np.concatenate(parts) if parts else np.zeros(0)

    @cached_property
    def first(self) -> np.ndarray:
        """Index of the first direction of each group."""
        assert self.counts is not None
        return np.concatenate([[0], np.cumsum(self.counts)[:-1]])

    @cached_property
    def half_norms_by_group(self) -> np.ndarray:
        """|delta_k|^2/2 on the directions of each group, float64, shape (P - 1, groups)."""
        parts = [0.5 * np.add.reduceat(b * b, self.first, axis=1) for b in self._blocks()]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.first)))

    def _blocks(self) -> Iterator[np.ndarray]:
        rows = max(1, min(BLOCK, COORDINATES // self.dim))
        for k in range(0, len(self.delta), rows):
            yield self.delta[k : k + rows].astype(np.float64)


def draw_direct(
    d: int,
    n_classes: int,
    seed: int,
    draw: int,
    counts: tuple[int, ...] | None = None,
    log_weight: float | np.ndarray = 0.0,
) -> Held:
    """Draw mu_k ~ N(0, I_d), rescale the target to |mu_1|^2 = d (in every group by itself), and store the differences.

    Examples
    --------
    >>> mixture = draw_direct(d=8, n_classes=100, seed=0, draw=0)
    >>> mixture.delta.shape, round(float(mixture.target @ mixture.target), 12)
    ((99, 8), 8.0)
    """
    target = draw_target(d, seed, draw, counts)
    delta, key = np.empty((n_classes - 1, d), dtype=np.float32), make_key(seed, MEANS, draw)
    for k in range(0, len(delta), ROWS):
        fill_classes(delta[k : k + ROWS], k, target, key)
    return Held(target, delta, n_classes, counts, log_weight)


def draw_target(d: int, seed: int, draw: int, counts: tuple[int, ...] | None = None) -> np.ndarray:
    """mu_1 (d,), the class of index 0, rescaled to |mu_1|^2 = d; on the directions of every group by itself."""
    target = normals(make_key(seed, MEANS, draw), range(1), d)[0].astype(np.float64)
    for part in np.split(target, np.cumsum(counts)[:-1]) if counts else [target]:
        part *= math.sqrt(len(part)) / np.linalg.norm(part)
    return target


def draw_second(target: np.ndarray, seed: int, draw: int) -> np.ndarray:
    """mu_2 (d,), the class of index 1, as all that hold or make classes have it; of a continuum one of its own.

    Examples
    --------
    >>> mixture = draw_direct(d=8, n_classes=100, seed=0, draw=0)
    >>> bool(np.all(draw_second(mixture.target, 0, 0) == mixture.target + mixture.delta[0]))
    True
    """
    delta = np.empty((1, target.size), dtype=np.float32)
    fill_classes(delta, 0, target, make_key(seed, MEANS, draw))
    return target + delta[0]


def fill_classes(delta: np.ndarray, first: int, target: np.ndarray, key: np.ndarray) -> None:
    """Write into `delta` (classes, d) the differences of consecutive wrong classes, from the one of number `first`."""
    normals(key, range(first + 1, first + 1 + len(delta)), target.size, out=delta)
    delta -= target.astype(np.float32)
