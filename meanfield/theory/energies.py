"""Free energies, condensation and the effective potential: (T1)-(T6) of docs/theory.md, (S1)-(S5) of docs/spectra.md.

Everything is per dimension, of one direction; with a spectrum the free energies are means over the directions
(`motion.Groups.mean`). At a point with overlap m = 1 + delta and variance ratio u = v/D (so q = m^2 + D u), the target
has log-weight phi_1 and all the rest together phi_rest. The rest is a *crowd* while its information K <= alpha: the
bulk of the classes dominates it. Beyond, it is a *glass*: the few classes of the ground state dominate, those that look
like typical ones at the larger noise D' = D/beta, where the inverse temperature beta < 1 is such that K = alpha again.
Both are described by one number, c = 1/(1 + D'), with D' = D in the crowd: the projected score of the rest is
-(1 - c) x/D.

The formulas are written in (delta, u) so that nothing cancels at D = 1e12 or alpha = 1e-6. They take numbers and arrays
alike; `exp`, `expm1` and `log1p` are those of `math` for a number, for which numpy is ten times slower.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.tools.roots import brentq


def same(x):
    """The mean over the directions of isotropic classes."""
    return x


def _either(of_number: Callable[[float], float], of_array: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def function(x):
        return of_number(x) if isinstance(x, float) else of_array(x)

    return function


exp, expm1, log1p = _either(math.exp, np.exp), _either(math.expm1, np.expm1), _either(math.log1p, np.log1p)


def phi_target(m, v, D):
    """Log-weight of the target (T1), (S1): -((m - 1)^2 + v)/(2D)."""
    return -((m - 1.0) ** 2 + v) / (2.0 * D)


def information(D, q):
    """K(D, q) of (T3), (S3): the information that picks the classes dominating at noise D; falls monotonically with D.

    Examples
    --------
    >>> round(information(1.0, 2.0), 6)
    0.346574
    """
    return 0.5 * (log1p(1.0 / D) - 1.0 / (1.0 + D) + q / (1.0 + D) ** 2)


def crowd_advantage(D, delta, y):
    """phi_1 - phi_rest + alpha of (T5) where the rest is a crowd, from delta = m - 1 and y = log(v/D):

    [log L + (1 - u + 2 delta)/(1 + D) - delta^2/(D (1 + D))]/2.
    """
    spread = -expm1(y) + 2.0 * delta
    return 0.5 * (log1p(1.0 / D) + spread / (1.0 + D) - delta**2 / (D * (1.0 + D)))


def glass_advantage(D, m, q, c):
    """phi_1 - phi_rest of (T5) where the rest is a glass: [2 m - c - q c (2 - c)]/(2 D)."""
    return (2.0 * m - c - q * c * (2.0 - c)) / (2.0 * D)


def inverse_temperature(D, q, alpha: float, mean: Callable = float) -> float:
    """beta of (S4), where the rest is a glass: the root of K = alpha at noise D/beta (0 at alpha = 0).

    Parameters
    ----------
    D, q : of one direction, or arrays over groups of directions.
    mean : mean over the directions.
    """
    if alpha <= 0.0:
        return 0.0
    scale = (0.5 + q) ** 0.5 / D
    low = 0.999 * math.sqrt(2.0 * alpha / mean(scale * scale))  # K <= beta^2 <(1/2 + q)/(2 D^2)>
    root = brentq(lambda x: mean(information(D * math.exp(-x), q)) - alpha, math.log(max(low, 1e-300)), 0.0, xtol=1e-15)
    return math.exp(root)


def ground_state(q, D, alpha: float, mean: Callable = same):
    """D' = D/beta >= D of (T4), (S4): D itself in the crowd, at K(D', q) = alpha in the glass (inf at alpha = 0)."""
    if mean(information(D, q)) <= alpha:
        return D
    beta = inverse_temperature(D, q, alpha, mean)
    return D / beta if beta else math.inf * D


def phi_rest(q, D, alpha, mean: Callable = same):
    """Log-weight of all the rest: (T2), (S2) in the crowd, (T4), (S4) in the glass.

    Parameters are broadcast; beta is found by root bracketing where the rest is condensed. With a spectrum the last
    axis of q and D is of groups, and `mean` is over the directions.

    Examples
    --------
    >>> float(round(phi_rest(q=2.0, D=1.0, alpha=0.4), 6))
    -0.446574
    """
    q, D = np.broadcast_arrays(np.asarray(q, float), np.asarray(D, float))
    rest = np.asarray(alpha - mean(0.5 * np.log1p(1.0 / D)) - mean(q / (2.0 * (1.0 + D))))
    for i in map(tuple, np.argwhere(mean(information(D, q)) > alpha)):
        k = 1.0 - 1.0 / (1.0 + ground_state(q[i], D[i], alpha, mean))
        rest[i] = -mean((q[i] * k**2 + k) / (2.0 * D[i]))
    return rest[()]


def effective_potential(m, q, D, w, alpha, prior=0.0):
    """V(m, q; t) of (T6), per dimension: the projected guided score is minus the gradient of d V in every phase."""
    v = q - np.asarray(m, float) ** 2
    return potential_of(np.maximum(phi_target(m, v, D) + prior, phi_rest(q, D, alpha)), m, q, D, w)


def potential_of(best, m, q, D, w, mean: Callable = same):
    """V of (T6), (S13) from the largest log-weight."""
    return mean((1.0 + w) * (q - 2.0 * m + 1.0) / (2.0 * D)) + w * best
