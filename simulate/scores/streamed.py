"""Streamed classes: the exact score of up to 10^8 classes that are never stored.

A class is a pure function of (seed, draw, its number) (`simulate.randomness.normals`), so a block of classes is made,
added to the sums of all samples while it is in the cache, and forgotten. Streamed and explicit classes of one seed and
draw are the same mixture: the same float32 differences delta_k, summed in another order.

The classes are cut into ranges of fixed length. Threads take ranges and sum, for every sample,
    top = max_k l_k,   total = sum_k exp(l_k - top),   square = sum_k exp(2 (l_k - top)),
    shift = sum_k delta_k exp(l_k - top),
and the sums of the ranges are merged in order of the ranges, each rescaled to the larger top. Neither the cuts nor the
order know of the threads: the result is bit-identical for any number of them. Memory is the state of the samples, a few
times for each thread; it does not depend on P.

Making a class costs as much as some 50 samples that use it, so all samples of a draw are one batch: 256 of them cost a
fifth more than with explicit classes, 1000 a few per cent.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from meanfield.tools.compiling import compiled
from meanfield.tools.crew import Crew
from simulate.randomness.normals import make_key
from simulate.randomness.streams import MEANS
from simulate.scores.cutting import NEGLIGIBLE, Cut, cut_off
from simulate.scores.fast import make_kernel
from simulate.scores.mixture import Classes, draw_target, fill_classes
from simulate.scores.posterior import Posterior, Sums

RANGE = 2**15  # classes that one thread sums before their sums are merged
BLOCK_NUMBERS = 2**16  # coordinates of the classes made at a time: they stay in the second-level cache
LOGITS = 2**18  # samples times classes in one library product
MIN_BLOCK = 16  # classes made at a time, at least
T = TypeVar("T")


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class StreamedMixture(Classes):
    """The classes of one draw, none of them held; made again whenever they are needed.

    Attributes
    ----------
    key : of the class means of this seed and draw.
    threads : that share the classes.
    check : called before each block; raises to interrupt.
    passed : called after each range of classes, for the progress.
    """

    target: np.ndarray
    n_classes: float
    counts: tuple[int, ...] | None
    key: np.ndarray
    log_weight: float = 0.0
    threads: int = 1
    check: Callable[[], None] = _nothing
    passed: Callable[[], None] = _nothing

    def over_ranges(self, work: Callable[[Iterator[np.ndarray]], T]) -> Iterator[T]:
        """work(blocks) of every range, in order of the ranges. Blocks are float32 (classes, dim), valid until the next.

        Threads run at most two ranges each ahead of what is taken, so results do not pile up.
        """
        crew = Crew(self.threads)
        ranges = (self._blocks(i, crew.check) for i in range(n_ranges(self.n_classes)))
        with closing(crew.results(work, ranges, ahead=2 * self.threads)) as results:
            for result in results:
                self.passed()
                yield result

    def total(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """See `Classes`."""

        def work(blocks: Iterator[np.ndarray]) -> np.ndarray:
            return sum((function(b.astype(np.float64)) for b in blocks), np.zeros(()))

        return sum(self.over_ranges(work), np.zeros(()))

    def _blocks(self, i: int, check: Callable[[], None] = _nothing) -> Iterator[np.ndarray]:
        rows = max(MIN_BLOCK, BLOCK_NUMBERS // self.dim)
        buffer = np.empty((rows, self.dim), np.float32)
        end = min((i + 1) * RANGE, int(self.n_classes) - 1)
        for k in range(i * RANGE, end, rows):
            self.check()
            check()
            block = buffer[: min(rows, end - k)]
            fill_classes(block, k, self.target, self.key)
            yield block


def draw_streamed(
    d: int, n_classes: int, seed: int, draw: int, counts: tuple[int, ...] | None = None, **how: Any
) -> StreamedMixture:
    """The mixture that `draw_direct` draws from the same seed and draw, without its array; `how` as in the class.

    Examples
    --------
    >>> from simulate.scores.mixture import draw_direct
    >>> streamed, held = draw_streamed(8, 100_000, seed=0, draw=0), draw_direct(8, 100_000, seed=0, draw=0)
    >>> block = next(streamed._blocks(1))
    >>> bool(np.array_equal(block, held.delta[RANGE : RANGE + len(block)]))
    True
    """
    return StreamedMixture(draw_target(d, seed, draw, counts), n_classes, counts, make_key(seed, MEANS, draw), **how)


def n_ranges(n_classes: float) -> int:
    """Ranges into which the wrong classes are cut."""
    return -(-(int(n_classes) - 1) // RANGE)


class StreamedScore:
    """Posterior of all samples of a draw at once, from classes that are made on the way.

    Parameters
    ----------
    mixture : the classes; its threads do the work.
    block : classes per block of library products, fewer for many samples.
    dtype : of the products.
    negligible : as in `simulate.scores.fast.FastScore`.

    Examples
    --------
    >>> from simulate.scores.reference import ReferenceScore
    >>> from simulate.scores.mixture import draw_direct
    >>> y = np.ones((3, 8))
    >>> streamed = StreamedScore(draw_streamed(8, 100_000, seed=0, draw=0, threads=2))(y, D=2.0)
    >>> slow = ReferenceScore(draw_direct(8, 100_000, seed=0, draw=0))(y, D=2.0)
    >>> bool(np.allclose(streamed.shift, slow.shift, atol=1e-5))
    True
    """

    def __init__(
        self, mixture: StreamedMixture, block: int = 512, dtype: str = "float32", negligible: float | None = None
    ) -> None:
        self._mixture, self._block, self._dtype = mixture, block, dtype
        self._negligible = NEGLIGIBLE[dtype] if negligible is None else negligible

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior:
        return self.sums(y, D, full).posterior(y.shape[1], full)

    def sums(self, y: np.ndarray, D: Any, full: bool = False) -> Sums:
        """The sums that give the posterior."""
        samples, dim = y.shape
        scale = np.broadcast_to(1.0 / (D * np.log(2.0)), dim)  # one for each direction
        n_wrong, log_weight = int(self._mixture.n_classes) - 1, self._mixture.log_weight
        cut = cut_off(y, D, n_wrong, self._negligible, full, log_weight)
        sums = None
        for part in self._mixture.over_ranges(lambda blocks: self._sum(blocks, y, scale, cut, full)):
            sums = part if sums is None else sums.merged(part)
        return (sums or Sums.zero(samples, dim)).natural(samples)

    def _sum(self, blocks: Iterator[np.ndarray], y: np.ndarray, scale: np.ndarray, cut: Cut, full: bool) -> Sums:
        """Sums over the classes of `blocks`; the kernel may round samples and directions up."""
        samples, dim = y.shape
        block = max(16, min(self._block, LOGITS // samples))
        kernel = make_kernel(dim, samples, int(self._mixture.n_classes) - 1, block, self._dtype)
        query = kernel.query(samples)
        np.multiply(y, scale, out=query[:samples, :dim], casting="same_kind")
        sums = Sums.zero(*query.shape)
        for delta in blocks:
            half = _half_norms(delta, scale) - self._mixture.log_weight / np.log(2.0)  # (classes,)
            half = half.astype(self._dtype)
            kernel.add(query, delta.astype(self._dtype, copy=False), half, cut, full, sums)
        return sums


@compiled(fastmath={"reassoc", "contract"})
def _half_norms(delta, scale):  # pragma: no cover - compiled
    """sum_j scale_j delta_kj^2/2, float64 (classes,)."""
    half = np.empty(len(delta))
    for k in range(len(delta)):
        norm = 0.0
        for j in range(delta.shape[1]):
            norm += scale[j] * np.float64(delta[k, j]) ** 2
        half[k] = 0.5 * norm
    return half
