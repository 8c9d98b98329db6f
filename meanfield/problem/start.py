"""Where a run begins that starts at t = infinity: (T8) of docs/theory.md at a time well above speciation.

Before speciation the solution from t = infinity at constant w is (1 + w) Phi(e w, e) for m and D Phi(2 e w, eta^2) for
v, Phi(a, b) = 2F1(-a, 1; 1 + b; 1/(1 + D)). Far out its series converges fast. All arguments broadcast.
"""

from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import ProblemError

__all__ = ["Start", "crowd_start", "far_enough"]


class Start(NamedTuple):
    """Law at which a run begins: x_t ~ N(m mu_1, v I) at VE time t; with a spectrum, m and v (whitened) per group."""

    t: float
    m: Any
    v: Any


def far_enough(rate, largest, variance, settled, g=1.0):
    """VE time t* well above speciation, for classes of a rate > 0.

    Parameters
    ----------
    rate : log(P)/d.
    largest : largest |w|.
    variance : largest class variance.
    settled : VE time above which w is constant.
    g : largest variance of the class means.
    """
    return np.maximum(np.maximum(100.0 * (1.0 + largest) / np.minimum(rate, 1.0) * g, 100.0 * variance), 10.0 * settled)


def crowd_start(D, w, eta):
    """(T8) at total variance D, well above speciation, for constant guidance w: the pair (m, v).

    Raises
    ------
    ProblemError : D is not well above speciation.

    Examples
    --------
    >>> m, v = crowd_start(D=1000.0, w=1.0, eta=1.0)
    >>> round(float(m), 6), round(float(v / 1000.0), 6)
    (1.999001, 0.999001)
    """
    e, x = 0.5 * (1.0 + eta**2), 1.0 / (1.0 + D)
    return (1.0 + w) * _series(e * w, e, x), D * _series(2.0 * e * w, eta**2, x)


def _series(a, b, x):
    """2F1(-a, 1; 1 + b; x) = 1 - a x/(1 + b) + ..., for a x well below 1."""
    total = term = 1.0
    for n in range(60):
        term = term * ((n - a) / (n + 1.0 + b) * x)
        total = total + term
        if np.all(np.abs(term) < 1e-17 * np.abs(total)):
            return total
    raise ProblemError(f"the start is not far enough above speciation: a x = {np.max(a * x):g} must be below 0.1.")
