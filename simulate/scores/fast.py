"""The fast score: posterior of a batch of samples, streamed over blocks of classes.

The step is attention: keys and values are the class differences delta_k, queries the samples. Running sums over classes
of exp(l_k - top), its square and delta_k exp(l_k - top), with top the largest logit so far, are all that a posterior
needs; a samples x classes array never exists. Where classes are few `simulate.scores.few` sets the sums; else one of
two kernels adds a block of classes to them:

* `simulate.scores.fused`, float32 in up to `FEW` directions: products and softmax of a block in the nearest cache;
* `simulate.scores.products`, all else: library products.

Products are float32 or float64, logits in units of bits (base 2), sums over blocks float64. Float32 gives the shift to
about 1e-6 relative. `simulate.scores.reference.ReferenceScore` is what tests hold both against.

Negligible classes are left out (`simulate.scores.cutting`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from simulate.scores.cutting import NEGLIGIBLE, Cut, cut_off
from simulate.scores.few import WIDEST, Fours, set_sums, set_sums_by_fours
from simulate.scores.fused import accumulate_fused, workspace
from simulate.scores.lanes import Lanes, set_sums_by_lanes
from simulate.scores.mixture import Held
from simulate.scores.posterior import LN2, Posterior, Sums
from simulate.scores.products import accumulate, scratch

SUPER = 65536  # classes per call of a kernel: between calls an interrupt is noticed
FEW = 4096  # directions up to which the fused kernel is the faster one
THIN = 64  # up to which few classes, however few, meet many samples at once
VERY_FEW = 4  # wrong classes that a sample meets one by one where products are float64; in float32 a single one
SOME = 128  # below which several are few in float32


class FastScore:
    """Posterior of batches of samples by the streamed kernels. One object per thread: it owns scratch memory.

    Parameters
    ----------
    mixture : the classes.
    samples : largest batch.
    block : classes per block of library products.
    dtype : of the products.
    check : called between superblocks; raises to interrupt.
    negligible : relative mass of a posterior that may be left out; 0 leaves out nothing, None is `NEGLIGIBLE[dtype]`.

    Examples
    --------
    >>> from simulate.scores.mixture import draw_direct
    >>> from simulate.scores.reference import ReferenceScore
    >>> mixture = draw_direct(d=8, n_classes=100, seed=0, draw=0)
    >>> y = np.ones((3, 8))
    >>> fast, slow = FastScore(mixture, samples=3)(y, D=2.0), ReferenceScore(mixture)(y, D=2.0)
    >>> bool(np.allclose(fast.shift, slow.shift, atol=1e-5))
    True
    """

    def __init__(
        self,
        mixture: Held,
        samples: int,
        block: int = 512,
        dtype: str = "float32",
        check: Callable[[], None] = lambda: None,
        negligible: float | None = None,
    ) -> None:
        self._delta = np.ascontiguousarray(mixture.delta, dtype=dtype)
        self._half = mixture.half_norms if mixture.counts is None else mixture.half_norms_by_group
        self._first = 0 if mixture.counts is None else mixture.first
        self._dtype, self._check = np.dtype(dtype), check
        self._log_weight, self._largest = mixture.log_weight, float(np.max(mixture.log_weight))
        self._lost = NEGLIGIBLE[dtype] if negligible is None else negligible
        self._few = make_few(self._delta)
        if self._few is None:
            self._kernel = make_kernel(mixture.dim, samples, len(mixture.delta), block, dtype)
        self._sums = Sums.zero(*((samples, mixture.dim) if self._few else self._kernel.query(samples).shape))

    def __call__(self, y: np.ndarray, D: Any, full: bool = False, out: np.ndarray | None = None) -> Posterior:
        """`out` (samples, dim) float64 takes the shift of the posterior; a new array if not given."""
        shift = np.empty(y.shape) if out is None else out
        if self._few is None:
            return self.sums(y, D, full).swift_posterior(shift, normed=False, full=full)
        return self._set(y, D, shift, normed=True).swift_posterior(shift, normed=True, full=full)

    def sums(self, y: np.ndarray, D: Any, full: bool = False) -> Sums:
        """The sums that give the posterior. They lie in the scratch memory: valid until the next call."""
        samples, dim = y.shape
        if self._few is not None:
            return self._set(y, D, self._sums.shift[:samples], normed=False)
        scale = 1.0 / (D * LN2)
        query = self._kernel.query(samples)  # at least (samples, dim), zero beyond
        np.multiply(y, scale, out=query[:samples, :dim], casting="same_kind")
        sums = Sums(*(array[: len(query)] for array in self._sums)).clear()
        cut = cut_off(y, D, len(self._delta), self._lost, full, self._largest)
        for k in range(0, len(self._delta), SUPER):
            self._check()
            bits, delta = self._offsets(scale, k, 1.0 / LN2), self._delta[k : k + SUPER]
            self._kernel.add(query, delta, bits, cut, full, sums)
        return sums.natural(samples)

    def _set(self, y: np.ndarray, D: Any, shift: np.ndarray, normed: bool) -> Sums:
        """The sums over few classes, with their shift in this array; `normed` as in `simulate.scores.few`."""
        samples, dim = y.shape
        assert self._few is not None
        scale = self._few.unit / D
        top, total, square, _ = self._sums
        sums = Sums(top[:samples], total[:samples], square[:samples], shift)
        along = np.full(dim, scale) if np.ndim(scale) == 0 else scale
        self._few.set(y, along, self._offsets(scale, 0, self._few.unit), sums, normed)
        return sums

    def _offsets(self, scale: Any, k: int, unit: float) -> np.ndarray:
        """What is taken off the products of the classes from number k on: |delta|^2/(2D) and the log-weight, with
        scale = unit/D; in bits where the unit is log2(e)."""
        half = self._half[k : k + SUPER]
        # one D per direction: a sum over groups, of the cost of a small part of a step
        offsets = half @ scale[self._first] if np.ndim(scale) else half * scale
        weight = self._log_weight
        offsets -= (weight[k : k + SUPER] if isinstance(weight, np.ndarray) else weight) * unit
        return offsets.astype(self._dtype)


def make_kernel(dim: int, samples: int, n_classes: int, block: int, dtype: str) -> "_Plain | _Fused":
    """The faster kernel for this many classes, with its scratch memory: for one thread."""
    kind = _Fused if dtype == "float32" and dim <= FEW else _Plain
    return kind(dim, samples, min(block, max(n_classes, 1)), dtype)


def make_few(delta: np.ndarray) -> "_OneByOne | _ByFours | _ByLanes | None":
    """What sets the sums over few classes, with its work space; None where classes are added up block by block."""
    classes, dim = delta.shape
    if delta.dtype == np.float32 and 1 < classes < SOME and dim <= WIDEST:
        return _ByLanes(delta) if dim <= max(THIN, 3 * classes) else _ByFours(delta)
    return _OneByOne(delta) if 0 < classes <= VERY_FEW else None


class _OneByOne:
    """Work space of `simulate.scores.few.set_sums`."""

    unit = 1.0

    def __init__(self, delta: np.ndarray) -> None:
        classes, dim = delta.shape
        self._delta, self._row, self._logits = delta, np.empty(dim, delta.dtype), np.empty(classes, delta.dtype)

    def set(self, y: np.ndarray, scale: np.ndarray, half: np.ndarray, sums: Sums, normed: bool) -> None:
        set_sums(y, scale, self._delta, half, sums, normed, self._row, self._logits)


class _ByFours:
    """Work space of `simulate.scores.few.set_sums_by_fours`."""

    unit = 1.0 / LN2

    def __init__(self, delta: np.ndarray) -> None:
        self._work = Fours.of(delta)

    def set(self, y: np.ndarray, scale: np.ndarray, half: np.ndarray, sums: Sums, normed: bool) -> None:
        set_sums_by_fours(y, scale, half, sums, normed, self._work)


class _ByLanes:
    """Work space of `simulate.scores.lanes.set_sums_by_lanes`."""

    unit = 1.0 / LN2

    def __init__(self, delta: np.ndarray) -> None:
        self._work = Lanes.of(delta)

    def set(self, y: np.ndarray, scale: np.ndarray, half: np.ndarray, sums: Sums, normed: bool) -> None:
        set_sums_by_lanes(y, scale, half, sums, normed, self._work)


class _Plain:
    """Scratch memory of `simulate.scores.products.accumulate`."""

    def __init__(self, dim: int, samples: int, block: int, dtype: str) -> None:
        self._scratch, self._query = scratch(dim, samples, block, dtype), np.empty((samples, dim), dtype)

    def query(self, samples: int) -> np.ndarray:
        return self._query[:samples]

    def add(self, query: np.ndarray, delta: np.ndarray, half: np.ndarray, cut: Cut, full: bool, sums: Sums) -> None:
        if half.min() <= cut.limit:
            accumulate(query, delta, half, cut, full, sums, self._scratch)


class _Fused:
    """Scratch memory of `simulate.scores.fused.accumulate_fused`: samples and directions rounded up to fours."""

    def __init__(self, dim: int, samples: int, block: int, dtype: str) -> None:
        self._packed, self._logits = workspace(dim)
        self._query = np.zeros((-(-samples // 4) * 4, self._packed.shape[1] - 1), np.float32)

    def query(self, samples: int) -> np.ndarray:
        query = self._query[: -(-samples // 4) * 4]
        query[samples:] = 0
        return query

    def add(self, query: np.ndarray, delta: np.ndarray, half: np.ndarray, cut: Cut, full: bool, sums: Sums) -> None:
        accumulate_fused(query, delta, half, cut, full, sums, self._packed, self._logits)
