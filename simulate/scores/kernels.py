"""The fast score: posterior of a batch of samples, streamed over blocks of classes.

The step is attention: keys and values are the class differences delta_k, queries the samples. Running sums over classes
of exp(l_k - top), its square and delta_k exp(l_k - top), with top the largest logit so far, are all that a posterior
needs; a samples x classes array never exists. Two kernels add a block of classes to these sums:

* `simulate.scores.fused`, float32 in up to `FEW` directions (`FEWER` where classes are less than `MANY`): products and
  softmax of a block in the nearest cache;
* `simulate.scores.plain`, all else: library products, which run at full speed in many directions.

Products are float32 or float64, logits in units of bits (base 2), sums over blocks float64. Float32 gives the shift to
about 1e-6 relative. `simulate.scores.score.ReferenceScore` is the twin of both.

Negligible classes are left out, in two ways that never lose more than the relative mass `negligible` of a posterior:

* a block whose largest logit is log(P/negligible) below the leading one, or below the target's 0, adds nothing: each of
  its classes has less than negligible/P of the whole;
* by Schwarz, l_k <= |u||n_k| - |n_k|^2/2 with u = y/sqrt(D) and n_k = delta_k/sqrt(D) (direction by direction with a
  spectrum), so l_k < -log(P/negligible) for
      |n_k| > |u| + (|u|^2 + 2 log(P/negligible))^{1/2},
  and not even the logits of such classes are computed. This needs D well below the class distances, |delta_k|^2 ~ 2 d.

Observables (`full`) need the odds at full relative precision however small: for them only blocks negligible beside the
other wrong classes are left out.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from simulate.scores.fused import accumulate_fused, workspace
from simulate.scores.mixture import Mixture
from simulate.scores.plain import FORMATS, accumulate
from simulate.scores.score import Posterior, posterior_from_sums

__all__ = ["NEGLIGIBLE", "Cut", "FastScore", "cut_off", "make_kernel"]

NEGLIGIBLE = {"float32": 1e-7, "float64": 1e-15}  # relative mass: below the rounding of the products
SUPER = 65536  # classes per call of a kernel: between calls an interrupt is noticed
FEW, MANY = 192, 256  # the fused kernel is the faster one in few directions, with many classes
FEWER = 32  # and in fewer still, with any number of them


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
    >>> from simulate.scores.score import ReferenceScore
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
        negligible: float | None = None,
    ) -> None:
        self._delta = np.ascontiguousarray(mixture.delta, dtype=dtype)
        self._half = mixture.half_norms if mixture.counts is None else mixture.half_norms_by_group
        self._first = 0 if mixture.counts is None else mixture.first
        self._dtype, self._check = np.dtype(dtype), check
        self._lost = NEGLIGIBLE[dtype] if negligible is None else negligible
        self._kernel = make_kernel(mixture.dim, samples, len(mixture.delta), block, dtype)
        query = self._kernel.query(samples)
        self._sums, self._shift = np.empty((3, len(query))), np.empty(query.shape)

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior:
        top, total, square, shift = self.sums(y, D, full)
        return posterior_from_sums(top, total, square, shift[:, : y.shape[1]], full)

    def sums(self, y: np.ndarray, D: Any, full: bool = False) -> tuple[np.ndarray, ...]:
        """The sums of `posterior_from_sums`: top, total, square (samples,), shift (samples, dim rounded up).

        They lie in the scratch memory: valid until the next call.
        """
        samples, dim = y.shape
        scale = 1.0 / (D * np.log(2.0))
        query = self._kernel.query(samples)  # at least (samples, dim), zero beyond
        np.multiply(y, scale, out=query[:samples, :dim], casting="same_kind")
        (top, total, square), shift = self._sums[:, : len(query)], self._shift[: len(query)]
        top.fill(-1e300)
        total.fill(0.0)
        square.fill(0.0)
        shift.fill(0.0)
        cut = cut_off(y, D, len(self._delta), self._lost, full)
        for k in range(0, len(self._delta), SUPER):
            self._check()
            half = self._half[k : k + SUPER]
            # one D per direction: a sum over groups, of the cost of a small part of a step
            bits = half @ scale[self._first] if np.ndim(D) else half * scale
            bits, delta = bits.astype(self._dtype), self._delta[k : k + SUPER]
            self._kernel.add(query, delta, bits, cut, full, top, total, square, shift)
        return top[:samples] * np.log(2.0), total[:samples], square[:samples], shift[:samples]


class Cut(NamedTuple):
    """Left out, in bits: blocks `skip` below the leading logit or below `floor`; classes of |n|^2/2 > `limit`."""

    skip: float
    floor: float
    limit: float


def cut_off(y: np.ndarray, D: Any, n_wrong: int, negligible: float, full: bool) -> Cut:
    """What may be left out for samples y at D among `n_wrong` classes, at the loss of relative mass `negligible`.

    Examples
    --------
    >>> cut = cut_off(np.ones((1, 4)), D=0.25, n_wrong=1023, negligible=2.0**-20, full=False)
    >>> cut.skip, cut.floor, round(cut.limit, 2)  # 2^10 classes of mass 2^-30 each; |u| = 4
    (30.0, -30.0, 96.88)
    """
    if not negligible:
        return Cut(np.inf, -np.inf, np.inf)
    skip = math.log2((n_wrong + 1) / negligible)
    if full or n_wrong < MANY:
        return Cut(skip, -np.inf if full else -skip, np.inf)
    square = np.einsum("sd,sd->s", y, y) / D if np.ndim(D) == 0 else (y * y) @ (1.0 / D)  # |u|^2 (samples,)
    u = math.sqrt(square.max() / math.log(2.0))
    return Cut(skip, -skip, 0.5 * (u + math.sqrt(u * u + 2.0 * skip)) ** 2)


def make_kernel(dim: int, samples: int, n_classes: int, block: int, dtype: str) -> "_Plain | _Fused":
    """The faster kernel for this many classes, with its scratch memory: for one thread."""
    fused = dtype == "float32" and dim <= (FEW if n_classes >= MANY else FEWER)
    return (_Fused if fused else _Plain)(dim, samples, min(block, max(n_classes, 1)), dtype)


class _Plain:
    """Scratch memory of `simulate.scores.plain.accumulate`."""

    def __init__(self, dim: int, samples: int, block: int, dtype: str) -> None:
        integer, self._poly, self._bias, self._unit = FORMATS[dtype]
        self._block = block
        self._query = np.empty((samples, dim), dtype)
        self._logits = np.empty(samples * block, dtype)
        self._words = self._logits.view(integer)
        self._bits = np.empty(block, integer)
        self._powers = self._bits.view(dtype)
        self._partial = np.empty((samples, dim), dtype)

    def query(self, samples: int) -> np.ndarray:
        return self._query[:samples]

    def add(self, query, delta, half, cut, full, top, total, square, shift) -> None:
        if half.min() > cut.limit:
            return
        accumulate(
            query, delta, half, self._block, cut.floor, cut.skip, full, self._poly, self._bias, self._unit,
            self._logits, self._words, self._bits, self._powers, self._partial[: len(query)], top, total, square, shift,
        )  # fmt: skip


class _Fused:
    """Scratch memory of `simulate.scores.fused.accumulate_fused`: samples and directions rounded up to fours."""

    def __init__(self, dim: int, samples: int, block: int, dtype: str) -> None:
        self._packed, self._logits = workspace(dim)
        self._query = np.zeros((-(-samples // 4) * 4, self._packed.shape[1] - 1), np.float32)

    def query(self, samples: int) -> np.ndarray:
        query = self._query[: -(-samples // 4) * 4]
        query[samples:] = 0
        return query

    def add(self, query, delta, half, cut, full, top, total, square, shift) -> None:
        accumulate_fused(
            query,
            delta,
            half,
            cut.limit,
            cut.floor,
            cut.skip,
            full,
            self._packed,
            self._logits,
            top,
            total,
            square,
            shift,
        )
