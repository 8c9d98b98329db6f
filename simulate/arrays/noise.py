"""The normals of `simulate.randomness.normals`, bit by bit, in the names of the array API: drawn where they are needed.

The generator is a pure function of an address, so a device can compute any number by itself, and the noise of a run
need not pass from the host to it. All is whole numbers, sums, products and one square root, each rounded by itself: the
numbers are the same on every machine. Two things differ from the compiled twin in form, not in result: words of 32
bits are kept in int64, where the product of two is put together from halves of 16 bits; and the power of two in a
number u is found by its logarithm and looked up, not read off its bits.

On a processor the compiled generator is ten times faster, so there its numbers are copied.
"""

import math
from typing import Any

import numpy as np
from array_api_compat import device

from simulate.randomness.normals import COS, LN2, LOG, M0, M1, ROOT_HALF, SIN, W0, W1, make_key
from simulate.randomness.streams import NOISE, NoiseReader

MASK, HALF, SIGN = 2**32 - 1, 2**16 - 1, 2**31
LEAST = math.log2(float(ROOT_HALF.view(np.float32)))  # 1 + x = u/2^exponent is from 2^{-1/2} to 2^{1/2}
TINY = 1e-12  # logarithms of neighbours differ by 8e-8


class ArrayNoise:
    """The numbers of `simulate.randomness.streams.NoiseReader`; those of steps as arrays at `place`."""

    def __init__(self, place: Any, seed: int, draw: int, samples: range, dim: int) -> None:
        self._place, self._key, self._samples, self._dim = place, make_key(seed, NOISE, draw), samples, dim
        self._host = NoiseReader(seed, draw, samples, dim)
        self._near = "cpu" in str(device(place.put(np.zeros(1)))).lower()
        self._address = 1  # of the next fine step

    def start(self, out: np.ndarray | None = None) -> np.ndarray:
        """The start normals (samples, dim), on the host; in `out` if given."""
        return self._host.start(out)

    def step(self, weights: np.ndarray) -> Any:
        """Noise of one step, sum_j weights[j] xi_j over its fine steps, (samples, dim)."""
        if self._near:
            return self._place.put(self._host.step(weights))
        noise: Any = 0.0
        for weight in weights:
            xi = array_normals(self._place, self._key, self._samples, self._dim, self._address)
            noise = noise + self._place.coefficient(weight) * self._place.xp.astype(xi, self._place.xp.float64)
            self._address += 1
        return noise


def array_normals(place: Any, key: np.ndarray, indices: range, dim: int, step: int = 0) -> Any:
    """The float32 numbers (len(indices), dim) of `simulate.randomness.normals.normals`, at `place`.

    Examples
    --------
    >>> from simulate.arrays.place import make_place
    >>> from simulate.randomness.normals import normals
    >>> key = make_key(seed=0, role=1, draw=0)
    >>> there = array_normals(make_place(np, None, "float32"), key, range(5, 9), dim=6, step=3)
    >>> bool(np.array_equal(there, normals(key, range(5, 9), 6, 3)))
    True
    """
    xp, blocks = place.xp, -(-dim // 4)
    whole = {"dtype": xp.int64, "device": place.device}
    rows = xp.arange(indices.start, indices.stop, **whole)[:, None] + xp.zeros((1, blocks), **whole)
    columns = rows * 0 + xp.arange(blocks, **whole)[None, :]
    c0, c1 = xp.reshape(rows, (-1,)), xp.reshape(columns, (-1,))
    c2, c3 = (xp.full_like(c0, word) for word in (step & MASK, step >> 32))
    words = _philox(c0, c1, c2, c3, int(key[0]), int(key[1]))
    four = [z for pair in (words[:2], words[2:]) for z in _box_muller(place, *pair)]
    return xp.reshape(xp.stack(four, axis=-1), (len(indices), 4 * blocks))[:, :dim]


def _philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: int, k1: int) -> tuple[Any, Any, Any, Any]:
    """Ten rounds on the counters, int64 arrays of 32-bit words, with the key (k0, k1)."""
    for _ in range(10):
        (high0, low0), (high1, low1) = _product(c0, int(M0)), _product(c2, int(M1))
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + int(W0)) & MASK, (k1 + int(W1)) & MASK
    return c0, c1, c2, c3


def _product(c: Any, factor: int) -> tuple[Any, Any]:
    """The high and low word of c factor; no number on the way exceeds 2^49."""
    low = c * (factor & HALF)
    rest = c * (factor >> 16) + (low >> 16)
    return rest >> 16, ((rest & HALF) << 16) | (low & HALF)


def _box_muller(place: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Two normals from two words, as the compiled twin."""
    xp = place.xp
    u = (xp.astype(a >> 1, xp.float32) + 0.5) * 2.0**-31
    exponent = xp.floor(xp.log2(xp.astype(u, xp.float64)) - LEAST + TINY)  # -31 ... 0
    powers = place.put(np.exp2(np.arange(33.0)), xp.float32)
    x = u * xp.take(powers, xp.astype(-exponent, xp.int64)) - 1.0
    square = (xp.astype(exponent, xp.float32) * float(LN2) + x * _horner(LOG, x)) * -2.0
    r = xp.astype(xp.sqrt(xp.astype(square, xp.float64)), xp.float32)  # some libraries err in the last bit in float32
    turn = xp.astype((((b << 2) & MASK) ^ SIGN) - SIGN, xp.float32) * 2.0**-31
    cos, sin = _horner(COS, turn * turn), _horner(SIN, turn * turn) * turn
    r = xp.where((b & SIGN) > 0, -r, r)
    quarter = (b & (SIGN >> 1)) > 0
    return r * xp.where(quarter, -sin, cos), r * xp.where(quarter, cos, sin)


def _horner(coefficients: tuple, x: Any) -> Any:
    value = x * 0.0 + float(coefficients[0])
    for c in coefficients[1:]:
        value = value * x + float(c)
    return value
