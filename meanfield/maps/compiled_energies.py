"""The free energies of `theory.motion`, compiled: what a place on a trajectory says of crowd, glass and target.

Directions come in groups with one clock each, (S1)-(S8); isotropic classes are one group, (T1)-(T7). Arrays have a
column for each group; their rows are named by the constants below. `view` is filled by `look` and `shrink`, and read by
what follows them.
"""

import math
from typing import Any, NamedTuple

from meanfield.tools.compiling import inner

ABOVE, G, SHARE = 0, 1, 2  # of the groups: c - a, variance of the class means, share of the dimensions
DELTA, Y, M_K = 0, 1, 2  # of a state: m - 1, log(v/D), overlap with the class that captured
N_K, O_K = 0, 1  # of its other overlaps: |mu_k|^2/d and mu_k.mu_1/d
D, L, Q, C = 0, 1, 2, 3  # of a view: D, log(1 + 1/D), q = m^2 + v, 1/(1 + D/beta)

# Arrays are lent from caller to kernel, which allocates none: counting who holds them takes longer than the physics
kernel = inner(error_model="numpy", _nrt=False)


class Motion(NamedTuple):
    """A problem on one piece of its schedule, on which w = w0 + omega t; a is the least class variance."""

    alpha: float
    prior: float
    a: float
    groups: Any  # (3, groups)
    eta: float
    w0: float
    omega: float


@kernel
def weight(motion, tau):  # pragma: no cover - compiled
    """w at tau."""
    return motion.w0 + motion.omega * max(math.exp(-tau) - motion.a, 0.0)


@kernel
def look(tau, s, motion, view):  # pragma: no cover - compiled
    """K of (T3), (S3) at a place; D, log(1 + 1/D) and q of every group into the view."""
    falling, K = math.exp(-tau), 0.0
    for i in range(s.shape[1]):
        near, m = (motion.groups[ABOVE, i] + falling) / motion.groups[G, i], 1.0 + s[DELTA, i]
        log, q = math.log1p(1.0 / near), m * m + near * math.exp(s[Y, i])
        view[D, i], view[L, i], view[Q, i] = near, log, q
        K += motion.groups[SHARE, i] * 0.5 * (log - 1.0 / (1.0 + near) + q / (1.0 + near) ** 2)
    return K


@kernel
def shrink(K, motion, view):  # pragma: no cover - compiled
    """beta of (S4), 1 in a crowd; 1/(1 + D/beta) of every group into the view."""
    beta = 1.0 if K <= motion.alpha else _inverse_temperature(motion, view)
    for i in range(view.shape[1]):
        view[C, i] = beta / (beta + view[D, i])
    return beta


@kernel
def _inverse_temperature(motion, view):  # pragma: no cover - compiled
    """The root of K = alpha at noise D/beta, by safeguarded Newton steps in -log beta."""
    scale = 0.0
    for i in range(view.shape[1]):
        scale += motion.groups[SHARE, i] * (0.5 + view[Q, i]) / (view[D, i] * view[D, i])
    low, high = 0.0, max(0.5 * math.log(1.003 * scale / (2.0 * motion.alpha)), 0.0) + 1e-9
    x = low
    for _ in range(200):
        stretch, value, slope = math.exp(x), -motion.alpha, 0.0
        for i in range(view.shape[1]):
            near, q, share = view[D, i] * stretch, view[Q, i], 0.5 * motion.groups[SHARE, i]
            f = 1.0 / (1.0 + near)
            value += share * (math.log1p(1.0 / near) - f + q * f * f)
            slope -= share * (f * f + 2.0 * q * near * f * f * f)
        if value > 0.0:
            low = x
        else:
            high = x
        step = -value / slope
        if abs(step) < 1e-14 * max(1.0, x):
            break
        newton = low < x + step < high
        x = x + step if newton else 0.5 * (low + high)
        if newton and abs(step) < 1e-8:  # quadratic: the next is below rounding
            break
    return math.exp(-x)


@kernel
def crowd_advantage(s, motion, view):  # pragma: no cover - compiled
    """F + alpha - lambda of (T5) where the rest is a crowd."""
    total = 0.0
    for i in range(s.shape[1]):
        near, delta = view[D, i], s[DELTA, i]
        spread = 2.0 * delta - math.expm1(s[Y, i])
        own = view[L, i] + spread / (1.0 + near) - delta * delta / (near * (1.0 + near))
        total += motion.groups[SHARE, i] * 0.5 * own
    return total


@kernel
def _glass_advantage(s, motion, view):  # pragma: no cover - compiled
    """F - lambda of (T5) where the rest is a glass, after `shrink`."""
    total = 0.0
    for i in range(s.shape[1]):
        c = view[C, i]
        own = 2.0 * (1.0 + s[DELTA, i]) - c - view[Q, i] * c * (2.0 - c)
        total += motion.groups[SHARE, i] * own / (2.0 * view[D, i])
    return total


@kernel
def advantage(beta, s, motion, view):  # pragma: no cover - compiled
    """F of (T5), (T20), (S5), after `shrink` has found beta."""
    if beta == 1.0:
        return crowd_advantage(s, motion, view) - (motion.alpha - motion.prior)
    return _glass_advantage(s, motion, view) + motion.prior


@kernel
def keeps(tau, s, motion, view):  # pragma: no cover - compiled
    """Whether F >= 0. A glass has no more weight than the crowd that the same classes would be, the largest term of its
    annealed sum: the temperature is sought only where that does not decide."""
    K = look(tau, s, motion, view)
    annealed = crowd_advantage(s, motion, view) - (motion.alpha - motion.prior)
    if annealed >= 0.0 or K <= motion.alpha:
        return annealed >= 0.0
    return advantage(shrink(K, motion, view), s, motion, view) >= 0.0


@kernel
def lead(tau, s, k, motion):  # pragma: no cover - compiled
    """phi_1 + lambda - phi_k: what the target has over the class that captured."""
    falling, total = math.exp(-tau), 0.0
    for i in range(s.shape[1]):
        near = (motion.groups[ABOVE, i] + falling) / motion.groups[G, i]
        total += motion.groups[SHARE, i] * (1.0 + 2.0 * s[DELTA, i] - 2.0 * s[M_K, i] + k[N_K, i]) / (2.0 * near)
    return total + motion.prior


@kernel
def advantage_rate(tau, s, motion, w, view):  # pragma: no cover - compiled
    """dF/dtau along the field with weight w (S7), after `shrink`: on which side of F = 0 a trajectory goes on."""
    eta2, falling, total = motion.eta * motion.eta, math.exp(-tau), 0.0
    e = 0.5 * (1.0 + eta2)
    for i in range(s.shape[1]):
        near, q, c, delta, y = view[D, i], view[Q, i], view[C, i], s[DELTA, i], s[Y, i]
        m, clock = 1.0 + delta, falling / (motion.groups[ABOVE, i] + falling)
        d_delta = e * (w * (1.0 - c) - (1.0 + w * c) * delta)
        d_y = -2.0 * e * w * c + (eta2 * math.expm1(-y) if eta2 > 0.0 else 0.0)
        d_q = 2.0 * m * d_delta + (q - m * m) * (d_y - 1.0)
        rate = (d_delta - 0.5 * c * d_q - 0.5 * (q * c * (2.0 - c) - 2.0 * m + c)) / near
        total += motion.groups[SHARE, i] * clock * rate
    return total
