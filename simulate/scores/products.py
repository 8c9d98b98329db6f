"""Sums over classes of exp(l_k), exp(2 l_k) and delta_k exp(l_k), by library products over blocks of classes.

The step is attention: keys and values are the class differences delta_k, queries the samples. One block of classes at
a time, two BLAS products with the softmax between them:
    L = Y delta^T - |delta|^2/2            (samples, block), in units of bits: base-2 logits
    top <- max(top, max_k L)               running maximum, with the sums so far rescaled to it
    E = 2^(L - top)                        polynomial; LLVM vectorises the plain loops
    total += sum_k E,  shift += E delta    float64 sums of float32 blocks
A samples x classes array never exists. 2^z = 2^n 2^f with n = floor(z + 1/2), f in [-1/2, 1/2]: the polynomial gives
2^f, and 2^n is the floating-point number whose exponent field is n + bias, written as an integer through a second view
of one buffer. The maximum, too, is taken over the logits read as integers: floats of either sign, their bits flipped
where negative, are ordered like integers, and LLVM vectorises a maximum only where it is associative.
Blocks in which every sample's largest logit is `skip` bits below what counts skip the second half.

This kernel serves float64, and very many directions; `simulate.scores.fused` is the other way for float32. The kernels
are dumb: `simulate.scores.fast.FastScore` allocates and scales.
"""

from typing import NamedTuple

import numpy as np

from meanfield.tools.compiling import compiled, inner
from simulate.scores.cutting import Cut
from simulate.scores.posterior import Sums


def _exp2_polynomial(degree: int) -> np.ndarray:
    """Coefficients, highest first, of a near-minimax polynomial for 2^f on [-1/2, 1/2]."""
    chebyshev = np.polynomial.chebyshev.Chebyshev.interpolate(np.exp2, degree, domain=[-0.5, 0.5])
    return chebyshev.convert(kind=np.polynomial.Polynomial).coef[::-1]


# float type: (integer type, polynomial, exponent bias, 2^(mantissa bits))
FORMATS: dict[str, tuple] = {
    "float32": (np.int32, tuple(_exp2_polynomial(6).astype(np.float32)), np.float32(127), np.float32(2.0**23)),
    "float64": (np.int64, tuple(_exp2_polynomial(12)), np.float64(1023), np.float64(2.0**52)),
}


class Scratch(NamedTuple):
    """Of one thread: the float type (`FORMATS`), `logits` (samples * block,) with their integer view `words`, `bits`
    (block,) with their float view `powers`, and `partial` (samples, dim)."""

    block: int
    poly: tuple
    bias: float
    unit: float
    logits: np.ndarray
    words: np.ndarray
    bits: np.ndarray
    powers: np.ndarray
    partial: np.ndarray


def scratch(dim: int, samples: int, block: int, dtype: str) -> Scratch:
    """For batches of at most `samples` samples, and blocks of `block` classes."""
    integer, poly, bias, unit = FORMATS[dtype]
    logits, bits = np.empty(samples * block, dtype), np.empty(block, integer)
    partial = np.empty((samples, dim), dtype)
    return Scratch(block, poly, bias, unit, logits, logits.view(integer), bits, bits.view(dtype), partial)


@compiled(fastmath={"reassoc", "contract", "nsz", "nnan"})
def accumulate(y, delta, half, cut: Cut, squares, sums: Sums, work: Scratch):  # pragma: no cover - compiled
    """Add the classes `delta` to the running sums; y (samples, dim) and half (classes,) are scaled by log2(e)/D."""
    skip, floor, _ = cut
    top, total, square, shift = sums
    block, poly, bias, unit, logits, words, bits, powers, partial = work
    samples = y.shape[0]
    partial = partial[:samples]
    low = -bias + 1
    rounding = unit / (unit + unit)  # one half, in the float type of the kernel
    for first in range(0, delta.shape[0], block):
        size = min(block, delta.shape[0] - first)
        part, offset = delta[first : first + size], half[first : first + size]
        L = logits[: samples * size].reshape(samples, size)
        np.dot(y, part.T, L)
        live = False
        for i in range(samples):
            row = L[i]
            for j in range(size):
                row[j] -= offset[j]
            bits[0] = _largest(words[i * size : (i + 1) * size])
            best = powers[0]
            if best < floor or best < top[i] - skip:
                row[:] = 0
                continue
            live = True
            if best > top[i]:
                if total[i] > 0:
                    down = np.exp2(top[i] - best)
                    total[i] *= down
                    square[i] *= down * down
                    for k in range(shift.shape[1]):
                        shift[i, k] *= down
                top[i] = best
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


@inner(forceinline=True)
def _largest(words):  # pragma: no cover - compiled
    """Bits of the largest of the floats whose bits are `words`."""
    sign = 8 * words.itemsize - 1
    best = _ordered(words[0], sign)
    for j in range(len(words)):
        best = max(best, _ordered(words[j], sign))
    return _ordered(best, sign)


@inner(forceinline=True)
def _ordered(word, sign):  # pragma: no cover - compiled
    """An integer in the order of the floats from the bits of a float, and back: all but the sign flips if negative."""
    return word ^ ((word >> sign) & ((1 << sign) - 1))
