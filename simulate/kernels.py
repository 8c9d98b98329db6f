"""The fast score: posterior of a batch of samples, streamed over blocks of classes.

The step is attention: keys and values are the class differences delta_k, queries the samples. Running sums over classes
of exp(l_k - top), its square and delta_k exp(l_k - top), with top the largest logit so far, are all that a posterior
needs; a samples x classes array never exists. Two kernels add a block of classes to these sums:

* `simulate.fused`, float32 in up to `FEW` directions and `MANY` classes or more: products and softmax of a block in the
  nearest cache;
* `simulate.plain`, all else: library products, which run at full speed in many directions.

Products are float32 or float64, logits in units of bits (base 2), sums over blocks float64. Float32 gives the shift to
about 1e-6 relative. `simulate.score.ReferenceScore` is the twin of both.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from simulate.fused import accumulate_fused, workspace
from simulate.mixture import Mixture
from simulate.plain import FORMATS, accumulate
from simulate.score import Posterior, posterior_from_sums

__all__ = ["SKIP", "FastScore", "make_kernel"]

SKIP = 60.0  # bits: classes below 2^-60 of the leading weight are left out
SUPER = 65536  # classes per call of a kernel: between calls an interrupt is noticed
FEW, MANY = 192, 256  # the fused kernel is the faster one in few directions, with many classes


class FastScore:
    """Posterior of batches of samples by the streamed kernels. One object per thread: it owns scratch memory.

    Parameters
    ----------
    mixture : the classes.
    samples : largest batch.
    block : classes per block of library products.
    dtype : of the products.
    check : called between superblocks; raises to interrupt.

    Examples
    --------
    >>> from simulate.mixture import draw_direct
    >>> from simulate.score import ReferenceScore
    >>> mixture = draw_direct(d=8, n_classes=100, seed=0, draw=0)
    >>> y = np.ones((3, 8))
    >>> fast, slow = FastScore(mixture, samples=3)(y, D=2.0), ReferenceScore(mixture)(y, D=2.0)
    >>> bool(np.allclose(fast.shift, slow.shift, atol=1e-5))
    True
    """

    def __init__(
        self,
        mixture: Mixture,
        samples: int,
        block: int = 512,
        dtype: str = "float32",
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._delta = np.ascontiguousarray(mixture.delta, dtype=dtype)
        self._half = mixture.half_norms if mixture.counts is None else mixture.half_norms_by_group
        self._first = 0 if mixture.counts is None else mixture.first
        self._dtype, self._check = np.dtype(dtype), check
        self._kernel = make_kernel(mixture.dim, samples, len(mixture.delta), block, dtype)

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior:
        samples, dim = y.shape
        scale = 1.0 / (D * np.log(2.0))
        query = self._kernel.query(samples)  # at least (samples, dim), zero beyond
        np.multiply(y, scale, out=query[:samples, :dim], casting="same_kind")
        top = np.full(len(query), -1e300)
        total, square = np.zeros(len(query)), np.zeros(len(query))
        shift = np.zeros(query.shape)
        floor = -1e300 if full else -SKIP  # the target has logit 0
        for k in range(0, len(self._delta), SUPER):
            self._check()
            half = self._half[k : k + SUPER]
            # one D per direction: a sum over groups, of the cost of a small part of a step
            bits = half @ scale[self._first] if np.ndim(D) else half * scale
            self._kernel.add(
                query, self._delta[k : k + SUPER], bits.astype(self._dtype), floor, full, top, total, square, shift
            )
        top, total, square = top[:samples] * np.log(2.0), total[:samples], square[:samples]
        return posterior_from_sums(top, total, square, shift[:samples, :dim], full)


def make_kernel(dim: int, samples: int, n_classes: int, block: int, dtype: str) -> "_Plain | _Fused":
    """The faster kernel for this many classes, with its scratch memory: for one thread."""
    fused = dtype == "float32" and dim <= FEW and n_classes >= MANY
    return (_Fused if fused else _Plain)(dim, samples, min(block, max(n_classes, 1)), dtype)


class _Plain:
    """Scratch memory of `simulate.plain.accumulate`."""

    def __init__(self, dim: int, samples: int, block: int, dtype: str) -> None:
        integer, self._poly, self._bias, self._unit = FORMATS[dtype]
        self._block = block
        self._query = np.empty((samples, dim), dtype)
        self._logits = np.empty(samples * block, dtype)
        self._bits = np.empty(block, integer)
        self._partial = np.empty((samples, dim), dtype)

    def query(self, samples: int) -> np.ndarray:
        return self._query[:samples]

    def add(self, query, delta, half, floor, full, top, total, square, shift) -> None:
        accumulate(
            query, delta, half, self._block, floor, SKIP, full, self._poly, self._bias, self._unit, self._logits,
            self._bits, self._bits.view(query.dtype), self._partial[: len(query)], top, total, square, shift,
        )  # fmt: skip


class _Fused:
    """Scratch memory of `simulate.fused.accumulate_fused`: samples and directions rounded up to fours."""

    def __init__(self, dim: int, samples: int, block: int, dtype: str) -> None:
        self._packed, self._logits = workspace(dim)
        self._query = np.zeros((-(-samples // 4) * 4, self._packed.shape[1] - 1), np.float32)

    def query(self, samples: int) -> np.ndarray:
        query = self._query[: -(-samples // 4) * 4]
        query[samples:] = 0
        return query

    def add(self, query, delta, half, floor, full, top, total, square, shift) -> None:
        accumulate_fused(
            query, delta, half, np.inf, floor, SKIP, full, self._packed, self._logits, top, total, square, shift
        )
