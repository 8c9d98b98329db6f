"""Sums over few classes in few directions: the samples are the lanes of the vectors.

`simulate.scores.fused` has the classes as lanes: with few of them most lanes are empty, and to find their largest logit
and to add them up a vector must be taken apart for every sample. Here samples and classes change places,
    L[k, s] = sum_j delta[k, j] q[j, s] - half[k],   top[s] = max_k L[k, s],   e[k, s] = 2^(L[k, s] - top[s]),
    total[s] = sum_k e[k, s],   square[s] = sum_k e[k, s]^2,   a[j, s] = sum_k delta[k, j] e[k, s],
and every line is the same operation on all samples of a tile. The two products are the loop that is there already
(`simulate.scores.fused.add_products`), the classes in place of its queries. What it costs is that states come in and
shifts go out with rows and columns exchanged: with many directions that is dearer than what is saved. They are read and
written one after the other, as memory likes it, those to come fetched meanwhile, and exchanged in the cache, four
numbers of four samples at a time (`simulate.transfers`). The sums are set, not added up, and nothing is left out, as in
`simulate.scores.few`.
"""

from typing import NamedTuple

import numpy as np

from meanfield.tools.compiling import compiled, inner
from simulate.scores.fused import B1, B2, B3, FAST, LANES, ONE, ROW, ZERO, add_products, aligned, power_of_two, share_of
from simulate.scores.posterior import LN2, Sums
from simulate.transfers import fetch_four, transpose_square

TILE = 256  # samples at a time: states and logits of them stay in the caches of one processor
AHEAD = 16  # samples from one that is read or written to one that is fetched


class Lanes(NamedTuple):
    """Classes for `set_sums_by_lanes`, and its work space for a tile of samples, in rows of `ROW`.

    by_class (classes, dim) and by_direction (dim, classes), both rounded up to fours. states (dim ROW,), of which the
    shifts take the place; logits (classes ROW,); over (4 ROW,): top, total, square, share; four (4 ROW,), samples.
    """

    by_class: np.ndarray
    by_direction: np.ndarray
    states: np.ndarray
    logits: np.ndarray
    over: np.ndarray
    four: np.ndarray

    @classmethod
    def of(cls, delta: np.ndarray) -> "Lanes":
        """These classes (classes, dim) float32."""
        rows, columns = (-(-size // 4) * 4 for size in delta.shape)
        by_class = np.zeros((rows, columns), np.float32)
        by_class[: delta.shape[0], : delta.shape[1]] = delta
        return cls(by_class, by_class.T.copy(), aligned(columns * ROW), aligned(rows * ROW), *aligned(2, 4 * ROW))


@compiled(fastmath=FAST)
def set_sums_by_lanes(y, scale, half, sums: Sums, normed, work: Lanes):  # pragma: no cover - compiled
    """As `simulate.scores.few.set_sums`, float32, but scale and half are in bits, log2(e) times what they are there."""
    top, total, square, shift = sums
    by_class, by_direction, states, L, over, four = work
    samples = len(y)
    for first in range(0, samples, TILE):
        here = min(TILE, samples - first)
        size = np.uintp(-(-here // LANES) * LANES)
        _bring_in(y, scale, first, here, states, four)
        for k in range(0, by_class.shape[0], 4):
            row = L[k * ROW : (k + 4) * ROW]
            for r in range(4):
                _set_row(row, np.uintp(r * ROW), size, -half[k + r] if k + r < len(half) else np.float32(-np.inf))
            for j in range(0, by_class.shape[1], 4):
                add_products(by_class, np.uintp(k), np.uintp(j), states, np.uintp(j * ROW), size, row)
        _exponentials(L, by_class.shape[0], size, over)
        for j in range(0, by_direction.shape[0], 4):
            row = states[j * ROW : (j + 4) * ROW]
            for r in range(4):
                _set_row(row, np.uintp(r * ROW), size, ZERO)
            for k in range(0, by_direction.shape[1], 4):
                add_products(by_direction, np.uintp(j), np.uintp(k), L, np.uintp(k * ROW), size, row)
        _take_shares(over, size, normed)
        for i in range(here):
            top[first + i], total[first + i], square[first + i] = over[i] * LN2, over[ROW + i], over[2 * ROW + i]
        _take_out(states, over, first, here, shift, four)


@inner(fastmath=FAST, forceinline=True)
def _bring_in(y, scale, first, here, states, four):  # pragma: no cover - compiled
    """states[j, i] <- scale[j] y[first + i, j], by way of four samples, zero in directions beyond."""
    dim, last = y.shape[1], here - 1
    for begin in range(0, here, 4):
        fetch_four(y, first + begin + AHEAD)
        s0, s1 = np.uintp(first + begin), np.uintp(first + min(begin + 1, last))
        s2, s3 = np.uintp(first + min(begin + 2, last)), np.uintp(first + min(begin + 3, last))
        for j in range(np.uintp(dim)):
            q0, q1, q2, q3 = y[s0, j], y[s1, j], y[s2, j], y[s3, j]
            four[j], four[B1 + j] = q0 * scale[j], q1 * scale[j]
            four[B2 + j], four[B3 + j] = q2 * scale[j], q3 * scale[j]
        for j in range(0, dim, 4):
            transpose_square(four, np.uintp(j), states, np.uintp(j * ROW + begin), np.uintp(ROW))


@inner(fastmath=FAST, forceinline=True)
def _take_out(states, over, first, here, shift, four):  # pragma: no cover - compiled
    """shift[first + i, j] <- states[j, i] share[i], the same way."""
    for begin in range(0, here, 4):
        fetch_four(shift, first + begin + AHEAD)
        for j in range(0, shift.shape[1], 4):
            transpose_square(states, np.uintp(j * ROW + begin), four, np.uintp(j), np.uintp(ROW))
        for i in range(min(4, here - begin)):
            s, o, share = np.uintp(first + begin + i), np.uintp(i * ROW), over[3 * ROW + begin + i]
            for j in range(np.uintp(shift.shape[1])):
                shift[s, j] = four[o + j] * share


@inner(fastmath=FAST, error_model="numpy", forceinline=True)
def _take_shares(over, size, normed):  # pragma: no cover - compiled
    """What makes of the sums a shift of the posterior or, where that is not wanted, 1."""
    for i in range(size):
        share = share_of(over[i], over[B1 + i])
        over[B3 + i] = share if normed else ONE


@inner(fastmath=FAST, forceinline=True)
def _exponentials(L, classes, size, over):  # pragma: no cover - compiled
    """L[k] <- 2^(L[k] - top) for rows k of samples, and top, total, square over rows."""
    for i in range(size):
        over[i], over[B1 + i], over[B2 + i] = L[i], ZERO, ZERO
    for k in range(1, classes):
        o = np.uintp(k * ROW)
        for i in range(size):
            over[i] = L[o + i] if L[o + i] > over[i] else over[i]
    for k in range(classes):
        o = np.uintp(k * ROW)
        for i in range(size):
            e = power_of_two(L[o + i] - over[i])
            L[o + i] = e
            over[B1 + i] += e
            over[B2 + i] += e * e


@inner(fastmath=FAST, forceinline=True)
def _set_row(row, o, size, value):  # pragma: no cover - compiled
    for i in range(size):
        row[o + i] = value
