"""Logarithms, and pi(L) = 1/(1 + exp(-L)), of many float64 numbers at once.

A compiler makes vector instructions of a loop only if nothing is called in it, as `numpy.exp` is for every number. Here

* e^x = 2^n e^r with n = floor(x/log 2 + 1/2), |r| = |x - n log 2| <= log(2)/2: a few terms of the series give e^r, and
  2^n is the float whose exponent field is n + 1023. Of log 2 a part is taken off first whose product with n is exact;
* log x = n log 2 + 2 artanh s with x = 2^n m, m from 2^{-1/2} to 2^{1/2} and s = (m - 1)/(m + 1), |s| < 0.172: n is in
  the exponent field, and again the series does.
"""

import math

import numpy as np

from meanfield.tools.compiling import inner

FAST: dict = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}  # no branch for 1/0
LEAST, MOST = -708.0, 709.0  # exponents beyond are taken for these: 2^n would not be a normal float
LN2, FIELD = math.log(2.0), np.int64(52)
HIGH = float(np.float32(LN2))
LOW = float(np.log(np.longdouble(2.0)) - HIGH)
EXP = tuple(1.0 / math.factorial(k) for k in range(13, -1, -1))  # highest power first: the next term is below 1e-17
ARTANH = tuple(2.0 / (2 * k + 1) for k in range(11, -1, -1))  # of s^2, the same
ROOT_HALF = np.float64(math.sqrt(0.5)).view(np.int64)


@inner(**FAST, forceinline=True)
def take_pi(x):  # pragma: no cover - compiled
    """x <- pi(-x) = 1/(1 + e^x) (numbers,), to a few units in the last place, however small."""
    for i in range(len(x)):
        x[i] = 1.0 / (1.0 + _exp(x[i]))


@inner(**FAST, forceinline=True)
def take_both(x, other):  # pragma: no cover - compiled
    """x <- pi(-x) as in `take_pi`, and other <- pi(x), as exact: of one exponential."""
    for i in range(len(x)):
        e = _exp(x[i])
        less = 1.0 / (1.0 + e)
        x[i], other[i] = less, e * less if less > 0.5 else 1.0 - less


@inner(**FAST, forceinline=True)
def _exp(x):  # pragma: no cover - compiled
    z = x if x < MOST else MOST
    z = z if z > LEAST else LEAST
    n = np.floor(z * (1.0 / LN2) + 0.5)
    r = z - n * HIGH - n * LOW
    value = EXP[0]
    for c in EXP[1:]:
        value = value * r + c
    return value * np.int64((np.int64(np.int32(n)) + 1023) << FIELD).view(np.float64)


@inner(**FAST, forceinline=True)
def take_log(x):  # pragma: no cover - compiled
    """x <- log x (numbers,), of normal numbers x > 0, to a few units in the last place."""
    for i in range(len(x)):
        bits = np.float64(x[i]).view(np.int64)
        n = (bits - ROOT_HALF) >> FIELD
        m = np.int64(bits - (n << FIELD)).view(np.float64)
        s = (m - 1.0) / (m + 1.0)
        value = ARTANH[0]
        for c in ARTANH[1:]:
            value = value * (s * s) + c
        x[i] = np.float64(np.int32(n)) * LN2 + s * value
