"""Normal numbers by address: each is a pure function of (seed, role, draw; index, step, coordinate).

No state is kept, so any number can be had at any moment, in any order, by any thread: noise of one sample at one step
does not depend on the batch it is in, and a class can be made again whenever it is needed instead of being stored.

Generator. Philox-4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw, SC11, 2011): a bijection of a 128-bit counter, under
a 64-bit key, that passes BigCrush. One round of the counter (c0, c1, c2, c3) with the key (k0, k1) is
    (hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0)),
hi and lo the halves of the 64-bit product; the key grows by Weyl increments between rounds. Here
    key     = 64 bits of the hash of (seed, role, draw),
    counter = (index, block of four coordinates, low and high half of step).

Normals. Box-Muller turns two words a, b into two normals: with k the upper 31 bits of a, u = (k + 1/2) 2^-31,
    z = (-2 log u)^{1/2} (cos phi, sin phi),       phi uniform on the circle, from b,
two bits of b choose the quadrant and the other 30 the angle within. Consequences: |z| <= (-2 log 2^-32)^{1/2} = 6.66;
the normal mass beyond is 2.7e-11. Numbers are float32; moments are those of N(0, 1) to 1e-7.

Every loop runs over `LANES` counters, and logarithm, cosine and sine are polynomials without branches: LLVM makes
vector instructions of it, 2 to 3 ns a normal where a sequential generator takes 9 (float32) to 15 (float64). Products
and sums are not fused, so the numbers are the same, bit by bit, on every processor.
"""

import math
from functools import lru_cache

import numpy as np

from meanfield.tools.compiling import compiled

LARGEST = math.sqrt(-2.0 * math.log(2.0**-32))  # no normal is beyond
LANES = 256  # counters handled at a time
FAST = {"nsz", "nnan"}  # of the fast rules of arithmetic, those that change no result

u32, u64, i32, f32 = np.uint32, np.uint64, np.int32, np.float32
M0, M1 = u64(0xD2511F53), u64(0xCD9E8D57)  # multipliers of the round
W0, W1 = u32(0x9E3779B9), u32(0xBB67AE85)  # Weyl increments: the golden ratio, and 3^{1/2} - 1
WORD = u64(32)
ROOT_HALF = i32(0x3F3504F3)  # bits of the float32 nearest to 2^{-1/2}
LN2 = f32(math.log(2.0))


def _polynomial(function, degree: int, low: float, high: float) -> tuple:
    """Float32 coefficients, highest first, of a near-minimax polynomial for `function` on [low, high]."""
    fit = np.polynomial.chebyshev.Chebyshev.interpolate(function, degree, domain=[low, high])
    return tuple(fit.convert(kind=np.polynomial.Polynomial).coef[::-1].astype(np.float32))


LOG = _polynomial(lambda x: np.log1p(x) / x, 9, math.sqrt(0.5) - 1.0, math.sqrt(2.0) - 1.0)
SIN = _polynomial(lambda z: np.sin(math.pi / 4 * np.sqrt(z)) / np.sqrt(z), 3, 0.0, 1.0)
COS = _polynomial(lambda z: np.cos(math.pi / 4 * np.sqrt(z)), 4, 0.0, 1.0)


@lru_cache(maxsize=256)  # every batch asks for that of its draw
def make_key(seed: int, role: int, draw: int) -> np.ndarray:
    """The 64-bit key of one role in one draw, shape (2,) uint32. Seeds of any size are hashed, none is special."""
    key = np.random.SeedSequence(seed, spawn_key=(role, draw)).generate_state(2)
    key.flags.writeable = False
    return key


def normals(key: np.ndarray, indices: range, dim: int, step: int = 0, out: np.ndarray | None = None) -> np.ndarray:
    """Standard normals of consecutive indices (samples, or classes) at one step.

    Parameters
    ----------
    key : from `make_key`.
    indices : consecutive, from 0 to 2^32.
    dim : coordinates of each; a number does not depend on how many others are asked for.
    step : 0 to 2^64 - 1.
    out : float32 or float64 (len(indices), dim), C-contiguous; a float32 one is made if not given.

    Returns
    -------
    z : float32 numbers (len(indices), dim), |z| <= `LARGEST`; in `out` if given.

    Examples
    --------
    >>> key = make_key(seed=0, role=1, draw=0)
    >>> many = normals(key, range(1000), dim=6)
    >>> one = normals(key, range(123, 124), dim=2)
    >>> bool(np.array_equal(one[0], many[123, :2])), round(float(many.std()), 1)
    (True, 1.0)
    """
    z = np.empty((len(indices), dim), np.float32) if out is None else out
    _fill(z, u32(indices.start), u64(step), key[0], key[1])
    return z


@compiled(fastmath=FAST)
def _fill(out, first, step, k0, k1):  # pragma: no cover - compiled
    """out (indices, dim). The counters of all rows follow one another in the lanes."""
    rows, dim = out.shape
    blocks = (dim + 3) // 4
    row, block = np.empty(LANES, np.uint32), np.empty(LANES, np.uint32)
    word, tile = np.zeros((4, LANES), np.uint32), np.empty((4, LANES), np.float32)
    i, b = 0, 0
    for begin in range(0, rows * blocks, LANES):
        size = min(LANES, rows * blocks - begin)
        for lane in range(size):
            row[lane], block[lane] = i, b
            word[0, lane], word[1, lane], word[2, lane], word[3, lane] = first + i, b, step, step >> WORD
            b += 1
            if b == blocks:
                i, b = i + 1, 0
        _philox(word[0], word[1], word[2], word[3], k0, k1)
        for lane in range(LANES):
            tile[0, lane], tile[1, lane] = _box_muller(word[0, lane], word[1, lane])
        for lane in range(LANES):
            tile[2, lane], tile[3, lane] = _box_muller(word[2, lane], word[3, lane])
        for lane in range(size):
            j = 4 * block[lane]
            for n in range(min(4, dim - j)):
                out[row[lane], j + n] = tile[n, lane]


@compiled(forceinline=True)
def _philox(c0, c1, c2, c3, k0, k1):  # pragma: no cover - compiled
    """Ten rounds on the counters of all lanes, (LANES,) each, in place."""
    for _ in range(10):
        for i in range(LANES):
            p, q = u64(c0[i]) * M0, u64(c2[i]) * M1
            c0[i], c1[i], c2[i], c3[i] = u32(q >> WORD) ^ c1[i] ^ k0, u32(q), u32(p >> WORD) ^ c3[i] ^ k1, u32(p)
        k0, k1 = u32(k0 + W0), u32(k1 + W1)


@compiled(fastmath=FAST, forceinline=True)
def _box_muller(a, b):  # pragma: no cover - compiled
    """Two normals from two words."""
    u = (f32(i32(a >> u32(1))) + f32(0.5)) * f32(2.0**-31)
    bits = f32(u).view(i32)
    exponent = i32(i32(bits - ROOT_HALF) >> i32(23))  # u = 2^exponent (1 + x) with 1 + x from 2^{-1/2} to 2^{1/2}
    x = i32(bits - i32(exponent << i32(23))).view(f32) - f32(1.0)
    log = LOG[0]
    for c in LOG[1:]:
        log = log * x + c
    r = np.sqrt(f32(-2.0) * (f32(exponent) * LN2 + x * log))
    turn = f32(i32(b << u32(2))) * f32(2.0**-31)  # from -1 to 1: an eighth of the circle each way
    z = turn * turn
    cos, sin = COS[0], SIN[0]
    for c in COS[1:]:
        cos = cos * z + c
    for c in SIN[1:]:
        sin = sin * z + c
    sin *= turn
    r = -r if b & u32(0x80000000) else r  # half a circle more
    quarter = b & u32(0x40000000)  # a quarter more
    return r * (-sin if quarter else cos), r * (cos if quarter else sin)
