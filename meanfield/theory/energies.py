"""Free energies, condensation and the effective potential: (T1)-(T6) of docs/theory.md.

Everything is per dimension. At a point with overlap m = 1 + delta and variance ratio u = v/D (so q = m^2 + D u), the
target has log-weight phi_1 and all the rest together phi_rest. The rest is a *crowd* while K(D, q) <= alpha: the bulk
of the classes dominates it. Beyond, it is a *glass*: the few classes of the ground state dominate, those that look like
typical ones at the larger noise D' with K(D', q) = alpha. Both are described by one number,
c = 1/(1 + D'), with D' = D in the crowd: the projected score of the rest is -(1 - c) x/D.

The formulas are written in (delta, u) so that nothing cancels at D = 1e12 or alpha = 1e-6.
"""

import math

import numpy as np

from meanfield.tools.roots import brentq

__all__ = [
    "advantage",
    "crowd_advantage",
    "effective_potential",
    "ground_state",
    "information",
    "phi_rest",
    "phi_target",
    "shrinkage",
]


def phi_target(m, v, D):
    """Log-weight of the target (T1): -((m - 1)^2 + v)/(2D)."""
    return -((m - 1.0) ** 2 + v) / (2.0 * D)


def phi_rest(q, D, alpha):
    """Log-weight of all the rest: (T2) in the crowd, (T4) in the glass.

    Examples
    --------
    >>> float(round(phi_rest(q=2.0, D=1.0, alpha=0.4), 6))
    -0.446574
    """
    q, D = np.asarray(q, float), np.asarray(D, float)
    c = shrinkage(q, D, alpha)
    crowd = alpha - 0.5 * np.log1p(1.0 / D) - q / (2.0 * (1.0 + D))
    glass = -(q * (1.0 - c) ** 2 + (1.0 - c)) / (2.0 * D)
    return np.where(information(D, q) <= alpha, crowd, glass)[()]


def information(D, q):
    """K(D, q) of (T3): the information that picks the classes dominating at noise D; falls monotonically with D."""
    return 0.5 * (np.log1p(1.0 / D) - 1.0 / (1.0 + D) + q / (1.0 + D) ** 2)


def ground_state(q: float, D: float, alpha: float) -> float:
    """D' >= D of (T4): D itself in the crowd, the root of K(D', q) = alpha in the glass (inf at alpha = 0)."""
    if alpha <= 0.0:
        return math.inf
    if alpha == math.inf or _information(D, q) <= alpha:
        return D
    high = 1.001 * math.sqrt((0.5 + q) / (2.0 * alpha))  # K(D', q) <= (1/2 + q)/(2 D'^2)
    root = brentq(lambda x: _information(math.exp(x), q) - alpha, math.log(D), math.log(max(high, D)), xtol=1e-15)
    return math.exp(root)


def shrinkage(q, D, alpha):
    """c = 1/(1 + D'): the projected score of the rest is -(1 - c) x/D in every phase.

    Parameters are broadcast; D' is found by root bracketing where the rest is condensed.
    """
    q, D = np.broadcast_arrays(np.asarray(q, float), np.asarray(D, float))
    c = np.array(1.0 / (1.0 + D))
    for i in np.flatnonzero(information(D, q) > alpha):
        c.flat[i] = 1.0 / (1.0 + ground_state(float(q.flat[i]), float(D.flat[i]), alpha))
    return c[()]


def advantage(D, delta, y, c, alpha):
    """F = phi_1 - phi_rest of (T5), from delta = m - 1, y = log(v/D) and c = 1/(1 + D').

    In the crowd (c = 1/(1 + D)) F = -alpha + [log L + (1 - u + 2 delta)/(1 + D) - delta^2/(D (1 + D))]/2; in the glass
    F = [2 m - c - q c (2 - c)]/(2 D). F > 0: the target has all the weight.
    """
    m, u = 1.0 + delta, np.exp(y)
    q = m * m + D * u
    glass = (2.0 * m - c - q * c * (2.0 - c)) / (2.0 * D)
    return np.where(information(D, q) <= alpha, crowd_advantage(D, delta, y, alpha), glass)[()]


def crowd_advantage(D, delta, y, alpha):
    """`advantage` where the rest is a crowd."""
    spread = -np.expm1(y) + 2.0 * delta
    return -alpha + 0.5 * (np.log1p(1.0 / D) + spread / (1.0 + D) - delta**2 / (D * (1.0 + D)))


def effective_potential(m, q, D, w, alpha):
    """V(m, q; t) of (T6), per dimension: the projected guided score is minus the gradient of d V in every phase."""
    v = q - np.asarray(m, float) ** 2
    best = np.maximum(phi_target(m, v, D), phi_rest(q, D, alpha))
    return (1.0 + w) * (q - 2.0 * m + 1.0) / (2.0 * D) + w * best


def _information(D: float, q: float) -> float:
    return 0.5 * (math.log1p(1.0 / D) - 1.0 / (1.0 + D) + q / (1.0 + D) ** 2)
