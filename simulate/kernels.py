"""The fast path: sums over classes of exp(l_k), exp(2 l_k) and delta_k exp(l_k), streamed over blocks of classes.

The step is attention: keys and values are the class differences delta_k, queries the samples. One block of classes at
a time, two BLAS products with the softmax between them:
    L = Y delta^T - |delta|^2/2            (samples, block), in units of bits: base-2 logits
    top <- max(top, max_k L)               running maximum, with the sums so far rescaled to it
    E = 2^(L - top)                        polynomial; LLVM vectorises the plain loops
    total += sum_k E,  shift += E delta    float64 sums of float32 blocks
A samples x classes array never exists. 2^z = 2^n 2^f with n = floor(z + 1/2), f in [-1/2, 1/2]: the polynomial gives
2^f, and 2^n is the floating-point number whose exponent field is n + bias, written as an integer through a second view
of one buffer. Blocks in which every sample's largest logit is `SKIP` bits below what counts skip the second half.

The kernel is dumb: `FastScore` allocates and scales. Float32 products give the shift to about 1e-6 relative;
`simulate.score.ReferenceScore` is the twin.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from simulate.mixture import Mixture
from simulate.score import Posterior, posterior_from_sums

__all__ = ["FastScore", "accumulate"]

SKIP = 60.0  # bits: classes below 2^-60 of the leading weight are left out
SUPER = 65536  # classes per call of the kernel: between calls an interrupt is noticed


def _exp2_polynomial(degree: int) -> np.ndarray:
    """Coefficients, highest first, of a near-minimax polynomial for 2^f on [-1/2, 1/2]."""
    chebyshev = np.polynomial.chebyshev.Chebyshev.interpolate(np.exp2, degree, domain=[-0.5, 0.5])
    return chebyshev.convert(kind=np.polynomial.Polynomial).coef[::-1]


# float type: (integer type, polynomial, exponent bias, 2^(mantissa bits), lowest exponent)
FORMATS: dict[str, tuple] = {
    "float32": (np.int32, tuple(_exp2_polynomial(6).astype(np.float32)), np.float32(127), np.float32(2.0**23)),
    "float64": (np.int64, tuple(_exp2_polynomial(12)), np.float64(1023), np.float64(2.0**52)),
}


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz", "nnan"})
def accumulate(
    y, delta, half, block, floor, squares, poly, bias, unit, logits, bits, powers, partial, top, total, square, shift
):  # pragma: no cover - compiled
    """Add the classes `delta` to the running sums top, total, square (samples,) and shift (samples, dim).

    y (samples, dim) and half (classes,) are scaled by log2(e)/D. `logits` (samples * block,), `bits` (block,) with its
    float view `powers`, and `partial` (samples, dim) are scratch.
    """
    samples = y.shape[0]
    low = -bias + 1
    rounding = unit / (unit + unit)  # one half, in the float type of the kernel
    for first in range(0, delta.shape[0], block):
        size = min(block, delta.shape[0] - first)
        part = delta[first : first + size]
        L = logits[: samples * size].reshape(samples, size)
        np.dot(y, part.T, L)
        live = False
        for i in range(samples):
            row = L[i]
            best = row[0] - half[first]
            for j in range(size):
                row[j] -= half[first + j]
                best = max(best, row[j])
            if best < floor or best < top[i] - SKIP:
                row[:] = 0
                continue
            live = True
            if best > top[i]:
                down = np.exp2(top[i] - best)
                top[i] = best
                total[i] *= down
                square[i] *= down * down
                for k in range(shift.shape[1]):
                    shift[i, k] *= down
            powers[0] = top[i]
            reference = powers[0]  # the running maximum in the float type of the kernel
            for j in range(size):
                z = max(row[j] - reference, low)
                n = np.floor(z + rounding)
                f = z - n
                value = poly[0]
                for c in poly[1:]:
                    value = value * f + c
                bits[j] = int((n + bias) * unit)
                row[j] = value
            sum1 = row[0] - row[0]
            for j in range(size):
                row[j] *= powers[j]
                sum1 += row[j]
            total[i] += sum1
            if squares:
                sum2 = row[0] - row[0]
                for j in range(size):
                    sum2 += row[j] * row[j]
                square[i] += sum2
        if live:
            np.dot(L, part, partial)
            for i in range(samples):
                for k in range(shift.shape[1]):
                    shift[i, k] += partial[i, k]


class FastScore:
    """Posterior of batches of samples by the streamed kernel. One object per thread: it owns scratch memory.

    Parameters
    ----------
    mixture : the classes.
    samples : largest batch.
    block : classes per block.
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
        integer, self._poly, self._bias, self._unit = FORMATS[dtype]
        self._delta = np.ascontiguousarray(mixture.delta, dtype=dtype)
        self._half = mixture.half_norms if mixture.counts is None else mixture.half_norms_by_group
        self._first = 0 if mixture.counts is None else mixture.first
        self._dtype, self._check = dtype, check
        self._block = min(block, max(len(mixture.delta), 1))
        self._super = self._block * max(1, SUPER // self._block)
        self._logits = np.empty(samples * self._block, dtype)
        self._bits = np.empty(self._block, integer)
        self._powers = self._bits.view(dtype)
        self._partial = np.empty((samples, mixture.dim), dtype)

    def __call__(self, y: np.ndarray, D: Any, full: bool = False) -> Posterior:
        samples = len(y)
        scale = 1.0 / (D * np.log(2.0))
        query = (y * scale).astype(self._dtype)  # (samples, dim)
        if np.ndim(D):  # one D per direction: a sum over groups, of the cost of a small part of a step
            half = (self._half @ scale[self._first]).astype(self._dtype)
        else:
            half = (self._half * scale).astype(self._dtype)  # (wrong classes,)
        top = np.full(samples, -1e300)
        total, square = np.zeros(samples), np.zeros(samples)
        shift = np.zeros(y.shape)
        floor = -1e300 if full else -SKIP  # the target has logit 0
        for k in range(0, len(half), self._super):
            self._check()
            part = slice(k, k + self._super)
            # fmt: off
            accumulate(
                query, self._delta[part], half[part], self._block, floor, full, self._poly, self._bias, self._unit,
                self._logits, self._bits, self._powers, self._partial[:samples], top, total, square, shift,
            )
            # fmt: on
        return posterior_from_sums(top * np.log(2.0), total, square, shift, full)
