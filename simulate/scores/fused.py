"""The fast path in float32: both products and the softmax of a block of classes, fused in the nearest cache.

Lecture note. The step is attention: logits L = q M^T - h, weights 2^(L - top), shift = weights M. With d ~ 20 the two
products are thin: a library product spends as long on writing the samples x classes block and reading it back as on
arithmetic. A processor does one multiply-add of a whole vector a cycle, but only one or two loads and less than one
store. So every number loaded must be used several times while it sits in a register:

* Logits. Four samples, four directions: 16 numbers q stay in registers while a loop runs over the classes of a block,
      L[s, k] += q[s,j] m[j,k] + q[s,j+1] m[j+1,k] + q[s,j+2] m[j+2,k] + q[s,j+3] m[j+3,k]      (s = 0..3),
  16 multiply-adds for 8 loads and 4 stores. The classes are the lanes of the vectors, so a block is stored
  [direction][class].
* Shift. Four samples, four directions again, and 16 sums in registers:  a[s, j] += e[s, k] m[j, k],
  16 multiply-adds for 8 loads.
* 2^z = 2^n 2^f, n = floor(z + 1/2), f in [-1/2, 1/2]: a polynomial gives 2^f, and 2^n is the float whose exponent field
  is n + 127, made as an integer and reinterpreted.

No vector instruction is written here: these are plain loops in the form that LLVM turns into vectors for whatever
machine it runs on. Three habits make that possible. Indices are unsigned, or the compiler would check each one for
Python's negative ones. The offset between two rows is a constant, so it can prove that a store does not touch what is
loaded next. And the maximum is taken over integers (floats of either sign order like the integers of `_ordered`),
because a maximum of floats is not associative in the presence of nan.

Classes come packed in superblocks that stay in the second-level cache while all samples pass over them; float32 sums
run over one block and are added in float64. `pack` leaves out classes that `simulate.scores.cutting` has shown to be
negligible for every sample. `simulate.scores.products.accumulate` gives the same sums, by library products.

Kernels that kernels call are inlined by force: else they exist twice, and a run that compiles them can differ in the
last bits from one that reads them from the disk.
"""

import numpy as np

from meanfield.tools.compiling import compiled, inner
from simulate.scores.cutting import Cut
from simulate.scores.posterior import Sums
from simulate.scores.products import FORMATS
from simulate.transfers import U1, U2, U3

BLOCK = 512  # classes in a block: their logits for four samples fill 4 KiB of the first-level cache
LANES = 16  # blocks are filled up to a multiple: a vector of any machine
ROW = BLOCK + LANES  # numbers from one row to the next: powers of two would all compete for the same lines of the cache
CACHE = 2**18  # bytes of a packed superblock
C6, C5, C4, C3, C2, C1, C0 = FORMATS["float32"][1]
U0 = np.uintp(0)
B1, B2, B3 = np.uintp(ROW), np.uintp(2 * ROW), np.uintp(3 * ROW)
ZERO, ONE = np.float32(0.0), np.float32(1.0)
LOST = np.float32(100.0)  # bits: products with a smaller share would be numbers too small to be normal
FAST = {"reassoc", "contract", "nsz", "nnan"}


def workspace(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Scratch: a packed superblock (blocks, 1 + rows, ROW), rows = `dim` rounded up to fours, and logits (4 ROW,)."""
    rows = -(-dim // 4) * 4
    return aligned(max(1, CACHE // (4 * ROW * (rows + 1))), 1 + rows, ROW), aligned(4 * ROW)


def aligned(*shape: int) -> np.ndarray:
    """Float32 zeros that begin on a line of the cache (64 bytes), or every other vector would straddle two."""
    raw = np.zeros(int(np.prod(shape)) + LANES, np.float32)
    start = -raw.ctypes.data % 64 // raw.itemsize
    return raw[start : start + raw.size - LANES].reshape(shape)


@compiled()
def accumulate_fused(query, delta, half, cut: Cut, squares, sums: Sums, packed, L):  # pragma: no cover - compiled
    """Add the classes `delta` that are not cut off to the running sums; shapes as in `pack`, `accumulate_packed`."""
    k = 0
    while k < len(delta):
        count, seen = pack(delta[k:], half[k:], cut.limit, packed)
        k += seen
        accumulate_packed(query, packed, count, cut, squares, sums, L)


@inner(forceinline=True)
def pack(delta, half, limit, packed):  # pragma: no cover - compiled
    """Fill `packed` (blocks, 1 + rows, ROW) with classes of half <= limit; return how many, and how many were seen.

    Row 0 is half, infinite where a block is filled up; the other rows are the directions, zero beyond `delta`'s.
    """
    kept = 0
    room = packed.shape[0] * BLOCK
    for k in range(delta.shape[0]):
        if half[k] > limit:
            continue
        if kept == room:
            return kept, k
        block, lane = kept // BLOCK, kept % BLOCK
        packed[block, 0, lane] = half[k]
        for j in range(delta.shape[1]):
            packed[block, 1 + j, lane] = delta[k, j]
        kept += 1
    for k in range(kept, -(-kept // LANES) * LANES):
        packed[k // BLOCK, 0, k % BLOCK] = np.inf
    return kept, delta.shape[0]


@inner(fastmath=FAST, forceinline=True)
def accumulate_packed(query, packed, count, cut, squares, sums, L):  # pragma: no cover - compiled
    """Add the first `count` packed classes to the running sums, shift (samples, rows).

    query (samples, rows) is scaled by log2(e)/D; samples and rows are multiples of four; L (4 ROW,) is scratch.
    """
    skip, floor, _ = cut
    top, total, square, shift = sums
    flat = packed.ravel()
    rows = query.shape[1]
    stride = packed.shape[1] * packed.shape[2]
    for first in range(0, query.shape[0], 4):
        for begin in range(0, count, BLOCK):
            base = begin // BLOCK * stride
            size = np.uintp(-(-min(BLOCK, count - begin) // LANES) * LANES)
            start_rows(flat, np.uintp(base), size, L)
            for j in range(0, rows, 4):
                add_products(query, np.uintp(first), np.uintp(j), flat, np.uintp(base + (1 + j) * ROW), size, L)
            live = False
            for i in range(4):
                row, s = L[i * ROW : (i + 1) * ROW], first + i
                best = largest_of(row, size)
                if best < floor or best < top[s] - skip:
                    row[:] = 0
                    continue
                live = True
                if best > top[s]:
                    if total[s] > 0:
                        down = np.exp2(top[s] - best)
                        total[s] *= down
                        square[s] *= down * down
                        for k in range(rows):
                            shift[s, k] *= down
                    top[s] = best
                total[s] += exponentials(row, np.float32(top[s]), size)
                if squares:
                    square[s] += sum_of_squares(row, size)
            if live:
                for j in range(0, rows, 4):
                    o = np.uintp(base + (1 + j) * ROW)
                    add_sums(flat, o, L, np.uintp(ROW), size, np.uintp(first), np.uintp(j), shift)


@inner(fastmath=FAST, forceinline=True)
def start_rows(m, half, size, L):  # pragma: no cover - compiled
    for k in range(size):
        value = -m[half + k]
        L[k] = value
        L[B1 + k] = value
        L[B2 + k] = value
        L[B3 + k] = value


@inner(fastmath=FAST, forceinline=True)
def add_products(query, s, j, m, o, size, L):  # pragma: no cover - compiled
    """L[s, k] += sum over directions j ... j + 3 of q m, for four samples s ... s + 3."""
    q00, q01, q02, q03 = query[s, j], query[s, j + U1], query[s, j + U2], query[s, j + U3]
    q10, q11, q12, q13 = query[s + U1, j], query[s + U1, j + U1], query[s + U1, j + U2], query[s + U1, j + U3]
    q20, q21, q22, q23 = query[s + U2, j], query[s + U2, j + U1], query[s + U2, j + U2], query[s + U2, j + U3]
    q30, q31, q32, q33 = query[s + U3, j], query[s + U3, j + U1], query[s + U3, j + U2], query[s + U3, j + U3]
    for k in range(size):
        m0, m1, m2, m3 = m[o + k], m[o + B1 + k], m[o + B2 + k], m[o + B3 + k]
        L[k] += q00 * m0 + q01 * m1 + q02 * m2 + q03 * m3
        L[B1 + k] += q10 * m0 + q11 * m1 + q12 * m2 + q13 * m3
        L[B2 + k] += q20 * m0 + q21 * m1 + q22 * m2 + q23 * m3
        L[B3 + k] += q30 * m0 + q31 * m1 + q32 * m2 + q33 * m3


@inner(fastmath=FAST, forceinline=True)
def add_sums(m, o, e, row, size, s, j, out):  # pragma: no cover - compiled
    """out[s, j] += sum_k e[s, k] m[j, k] for four rows of each, `row` numbers apart: samples, and directions."""
    zero, r2, r3 = np.float32(0), row + row, row + row + row
    a00, a01, a02, a03 = zero, zero, zero, zero
    a10, a11, a12, a13 = zero, zero, zero, zero
    a20, a21, a22, a23 = zero, zero, zero, zero
    a30, a31, a32, a33 = zero, zero, zero, zero
    for k in range(size):
        m0, m1, m2, m3 = m[o + k], m[o + row + k], m[o + r2 + k], m[o + r3 + k]
        e0, e1, e2, e3 = e[k], e[row + k], e[r2 + k], e[r3 + k]
        a00, a01, a02, a03 = a00 + e0 * m0, a01 + e0 * m1, a02 + e0 * m2, a03 + e0 * m3
        a10, a11, a12, a13 = a10 + e1 * m0, a11 + e1 * m1, a12 + e1 * m2, a13 + e1 * m3
        a20, a21, a22, a23 = a20 + e2 * m0, a21 + e2 * m1, a22 + e2 * m2, a23 + e2 * m3
        a30, a31, a32, a33 = a30 + e3 * m0, a31 + e3 * m1, a32 + e3 * m2, a33 + e3 * m3
    for i, (b0, b1, b2, b3) in enumerate(
        ((a00, a01, a02, a03), (a10, a11, a12, a13), (a20, a21, a22, a23), (a30, a31, a32, a33))
    ):
        r = s + np.uintp(i)
        out[r, j] += b0
        out[r, j + U1] += b1
        out[r, j + U2] += b2
        out[r, j + U3] += b3


@inner(fastmath=FAST, forceinline=True)
def _ordered(bits):  # pragma: no cover - compiled
    """The bits of a float as an integer in the order of the floats; its own inverse."""
    return bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))


@inner(fastmath=FAST, forceinline=True)
def largest_of(row, size):  # pragma: no cover - compiled
    best = _ordered(np.float32(row[U0]).view(np.int32))
    for k in range(size):
        best = max(best, _ordered(np.float32(row[k]).view(np.int32)))
    return np.int32(_ordered(best)).view(np.float32)


@inner(fastmath=FAST, forceinline=True)
def exponentials(row, reference, size):  # pragma: no cover - compiled
    """row <- 2^(row - reference); returns the sum."""
    total = np.float32(0)
    for k in range(size):
        value = power_of_two(row[k] - reference)
        row[k] = value
        total += value
    return total


@inner(fastmath=FAST, forceinline=True)
def power_of_two(z):  # pragma: no cover - compiled
    """2^z, z < 127; what is below the smallest normal float is taken for it."""
    low, half, bias, unit = np.float32(-126), np.float32(0.5), np.float32(127), np.int32(2**23)
    z = z if z > low else low
    n = np.floor(z + half)
    f = z - n
    value = (((((C6 * f + C5) * f + C4) * f + C3) * f + C2) * f + C1) * f + C0
    return value * np.int32(np.int32(n + bias) * unit).view(np.float32)


@inner(fastmath=FAST, error_model="numpy", forceinline=True)
def share_of(best, total):  # pragma: no cover - compiled
    """What makes of sums over classes of 2^(logit - best) a share in the posterior, where the target has the logit 0:
    1/(total + 2^-best), float32; of less than 2^-`LOST` nothing."""
    some = best > -LOST
    return ONE / (total + power_of_two(-best if some else LOST)) if some else ZERO


@inner(fastmath=FAST, forceinline=True)
def sum_of_squares(row, size):  # pragma: no cover - compiled
    total = np.float32(0)
    for k in range(size):
        total += row[k] * row[k]
    return total
