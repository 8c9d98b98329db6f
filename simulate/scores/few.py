"""Sums over few classes, set at once instead of added up: every state is read once, every sum written once.

With few classes a score is memory, not arithmetic: the passes that scale, clear and add up cost more than the products.
Where all classes fit in one block none of them is needed, and the states of one or four samples stay in the nearest
cache from the first product to the last,
    l_k = sum_j y_j delta_kj/D_j - half_k,   top = max l,   e_k = exp(l_k - top),
    total = sum e_k,   square = sum e_k^2,   shift = sum e_k delta_k,
or, where sums are not wanted, to the shift of the posterior, sum_k pi_k delta_k = shift/(total + exp(-top)): the target
has the logit 0. Nothing is left out.

* `set_sums`, for very few classes: they pass over one sample after the other. A single one is scaled itself, once, in
  place of every state, whose product with it is a float64 sum: a state is read, a shift written, and that is all.
* `set_sums_by_fours`, for more of them, float32: four samples at a time meet four classes at a time. In both products
  the directions are the lanes, as they are many: the loops are `simulate.scores.fused.add_sums`, with classes in place
  of its directions, whose vectors are added up in themselves once for all directions, and `_add_four`. States and
  shifts to come are fetched meanwhile (`simulate.transfers`).
"""

from typing import NamedTuple

import numpy as np

from meanfield.tools.compiling import compiled, inner
from simulate.scores.fused import (
    FAST,
    LANES,
    ONE,
    ROW,
    U0,
    U1,
    U2,
    U3,
    ZERO,
    add_sums,
    aligned,
    exponentials,
    largest_of,
    share_of,
    start_rows,
    sum_of_squares,
)
from simulate.scores.posterior import LN2, Sums
from simulate.transfers import PART, fetch_part

TINY = np.float32(2.0**-100)  # weights below would make numbers too small to be normal, of which each takes some 50 ns
AHEAD = 1024  # coordinates from those that are read or written to those that are fetched
HELD = 2**16  # coordinates of all states that the caches hold anyway
WIDEST = 4096  # directions, at most, of classes held [class][direction]
WIDE = WIDEST + LANES  # numbers from one class to the next: a constant, and no power of two, as `ROW`
W1, W2, W3 = np.uintp(WIDE), np.uintp(2 * WIDE), np.uintp(3 * WIDE)


@compiled(fastmath=FAST)
def set_sums(y, scale, delta, half, sums: Sums, normed, row, logits):  # pragma: no cover - compiled
    """y (samples, dim) float64; scale (dim,), 1/D; of the type of the products delta (classes, dim), half (classes,)
    and the work space, row (dim,), logits (classes,). With `normed` shift is that of the posterior."""
    top, total, square, shift = sums
    classes, dim = delta.shape
    if classes == 1:
        _set_sums_of_one(y, scale, delta[0], half[0], sums, normed, row, logits)
        return
    for s in range(y.shape[0]):
        for j in range(dim):
            row[j] = y[s, j] * scale[j]
        for k in range(classes):
            dot = row[0] - row[0]
            for j in range(dim):
                dot += row[j] * delta[k, j]
            logits[k] = dot
        best = logits[0] - half[0]
        for k in range(classes):
            logits[k] -= half[k]
            best = max(best, logits[k])
        total[s] = square[s] = 0.0
        for k in range(classes):
            logits[k] = np.exp(logits[k] - best) if logits[k] < best else 1  # the leading one costs nothing
            weight = logits[k]
            total[s] += weight
            square[s] += weight * weight
        top[s] = best
        if normed:
            target = 1.0 / (total[s] + np.exp(-np.float64(best)))
            for k in range(classes):
                logits[k] *= target
        row[:] = 0
        for k in range(classes):
            weight = logits[k]
            for j in range(dim):
                row[j] += weight * delta[k, j]
        for j in range(dim):
            shift[s, j] = row[j]


@inner(fastmath=FAST, forceinline=True)
def _set_sums_of_one(y, scale, delta, half, sums, normed, row, share):  # pragma: no cover - compiled
    """The same of a single rival, delta (dim,): what is read of a state need not be kept for its shift."""
    top, total, square, shift = sums
    dim = len(delta)
    for j in range(dim):
        row[j] = scale[j] * delta[j]
    for s in range(y.shape[0]):
        dot = 0.0
        for j in range(dim):
            dot += y[s, j] * row[j]
        best = dot - half
        top[s], total[s], square[s] = best, 1.0, 1.0
        share[0] = 1.0 / (1.0 + np.exp(-best)) if normed else 1.0
        weight = share[0]  # of the type of the products
        for j in range(dim):
            shift[s, j] = weight * delta[j]


class Fours(NamedTuple):
    """Classes for `set_sums_by_fours`, up to `simulate.scores.fused.BLOCK`, and its work space for four samples.

    classes : rounded up to fours, in rows of `WIDE`, zero beyond. states, average (4 WIDE,); half (ROW,), what is taken
    off the products; logits (4, ROW).
    """

    classes: np.ndarray
    half: np.ndarray
    states: np.ndarray
    logits: np.ndarray
    average: np.ndarray

    @classmethod
    def of(cls, delta: np.ndarray) -> "Fours":
        """These classes (classes, dim) float32."""
        rows = aligned(-(-len(delta) // 4) * 4, WIDE)
        rows[: len(delta), : delta.shape[1]] = delta
        return cls(rows.ravel(), aligned(ROW), aligned(4 * WIDE), aligned(4, ROW), aligned(4 * WIDE))


@compiled(fastmath=FAST, error_model="numpy")
def set_sums_by_fours(y, scale, half, sums: Sums, normed, work: Fours):  # pragma: no cover - compiled
    """As `set_sums`, but scale and half are in bits, log2(e) times what they are there."""
    top, total, square, shift = sums
    rows, off, states, logits, average = work
    L = logits.ravel()
    samples, dim = y.shape
    classes, ahead, step = len(half), -(-AHEAD // dim), PART if samples * dim > HELD else dim
    size, across = np.uintp(-(-classes // LANES) * LANES), np.uintp(-(-dim // LANES) * LANES)
    for k in range(size):
        off[k] = half[k] if k < classes else np.inf
    for first in range(0, samples, 4):
        here = min(4, samples - first)
        for i in range(here):
            o, r, later = np.uintp(i * WIDE), np.uintp(first + i), np.uintp(min(first + i + ahead, samples - 1))
            for part in range(0, dim, step):
                fetch_part(y, later, np.uintp(part))
                for j in range(np.uintp(part), np.uintp(min(part + step, dim))):
                    states[o + j] = y[r, j] * scale[j]
        start_rows(off, U0, size, L)
        for k in range(0, classes, 4):
            add_sums(rows, np.uintp(k * WIDE), states, np.uintp(WIDE), across, U0, np.uintp(k), logits)
        for i in range(here):
            row, s = L[i * ROW : (i + 1) * ROW], first + i
            best = largest_of(row, size)
            sum1 = exponentials(row, best, size)
            top[s], total[s], square[s] = best * LN2, sum1, sum_of_squares(row, size)
            share = share_of(best, sum1) if normed else ONE
            least = TINY / share  # infinite where the target has all the weight
            for k in range(size):
                weight = row[k] if row[k] > least else ZERO
                row[k] = weight * share
        for k in range(0, classes, 4):
            _add_four(L, np.uintp(k), rows, np.uintp(k * WIDE), across, average, k == 0)
        for i in range(here):
            o, r, later = np.uintp(i * WIDE), np.uintp(first + i), np.uintp(min(first + i + ahead, samples - 1))
            for part in range(0, dim, step):
                fetch_part(shift, later, np.uintp(part))
                for j in range(np.uintp(part), np.uintp(min(part + step, dim))):
                    shift[r, j] = average[o + j]


@inner(fastmath=FAST, forceinline=True)
def _add_four(e, k, m, o, size, a, fresh):  # pragma: no cover - compiled
    """a[s, j] += sum over classes k ... k + 3 of e m, for four samples, where `fresh` = rather than +=."""
    e00, e01, e02, e03 = e[k], e[k + U1], e[k + U2], e[k + U3]
    k += np.uintp(ROW)
    e10, e11, e12, e13 = e[k], e[k + U1], e[k + U2], e[k + U3]
    k += np.uintp(ROW)
    e20, e21, e22, e23 = e[k], e[k + U1], e[k + U2], e[k + U3]
    k += np.uintp(ROW)
    e30, e31, e32, e33 = e[k], e[k + U1], e[k + U2], e[k + U3]
    for j in range(size):
        a0, a1, a2, a3 = (ZERO, ZERO, ZERO, ZERO) if fresh else (a[j], a[W1 + j], a[W2 + j], a[W3 + j])
        m0, m1, m2, m3 = m[o + j], m[o + W1 + j], m[o + W2 + j], m[o + W3 + j]
        a[j] = a0 + e00 * m0 + e01 * m1 + e02 * m2 + e03 * m3
        a[W1 + j] = a1 + e10 * m0 + e11 * m1 + e12 * m2 + e13 * m3
        a[W2 + j] = a2 + e20 * m0 + e21 * m1 + e22 * m2 + e23 * m3
        a[W3 + j] = a3 + e30 * m0 + e31 * m1 + e32 * m2 + e33 * m3
