"""Chi-square numbers by address, from normals by address: no stream has to be made for every sample.

Marsaglia and Tsang's method (ACM Trans. Math. Softw. 26, 363, 2000) for a gamma law of shape a >= 1: with a normal x, a
uniform u, b = a - 1/3, v = (1 + x/(9 b)^{1/2})^3, the number b v has the law if log u < x^2/2 + b (1 - v + log v), else
try again. An attempt succeeds with probability above 0.95; its number is part of the address.
"""

import numpy as np
from scipy.special import log_ndtr

from simulate.randomness.normals import normals

ATTEMPTS = 64  # addresses of a step; as many failures have probability below 1e-80


def chi_squares(key: np.ndarray, samples: range, freedom: int, step: int) -> np.ndarray:
    """Chi-square numbers of `freedom` >= 1 degrees, (samples,) float64.

    Examples
    --------
    >>> from simulate.randomness.normals import make_key
    >>> key = make_key(0, 2, 0)
    >>> many = chi_squares(key, range(20_000), 6, step=3)
    >>> bool(abs(many.mean() - 6) < 0.1), bool(chi_squares(key, range(7, 8), 6, step=3)[0] == many[7])
    (True, True)
    """
    out = np.empty(len(samples))
    left = np.arange(len(samples))
    b = 0.5 * freedom - 1.0 / 3.0
    for attempt in range(ATTEMPTS):
        drawn = normals(key, samples, 2, ATTEMPTS * step + attempt, np.empty((len(samples), 2)))
        if freedom == 1:
            return np.square(drawn[:, 0])
        x, u = drawn[left].T
        v = (1.0 + x / np.sqrt(9.0 * b)) ** 3
        positive = np.where(v > 0, v, 1.0)
        taken = (v > 0) & (log_ndtr(u) < 0.5 * x * x + b * (1.0 - positive + np.log(positive)))
        out[left[taken]] = 2.0 * b * v[taken]
        left = left[~taken]
        if not len(left):
            return out
    raise AssertionError("unreachable: attempts fail independently")
