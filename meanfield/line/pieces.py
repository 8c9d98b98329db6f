"""Noised piecewise-constant densities on the line without cancellation: logarithm, posterior moments, survival.

With R = D^{-1/2} and u = x R, a point s of the class lies at y(s) = (s - x)/D^{1/2} = s R - u, and all follows from
    e^L = int p_0(s) exp(-y(s)^2/2) ds,     M = E[s],   a = E[y] = (M - x)/D^{1/2},   V = var[s]
under the weights p_0(s) exp(-y(s)^2/2): the score is a R, and L stays finite as D -> infinity (R = 0), where M is the
mean of the class. One piece from y_0 to y_1 = y_0 + h, h = width R, is done in three ways:
    narrow, (1 + distance) h < 2 : Gauss-Legendre, the weights relative to the one at the nearer end;
    one-sided (0 <= y_0, or its mirror image) : erfcx, with the factor exp(-y_0^2/2) taken out;
    around zero (y_0 < 0 < y_1) : erfc of both ends.
"""

import math

import numpy as np
from scipy import special

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
NODES, WEIGHTS = 0.5 * (NODES + 1.0), 0.5 * WEIGHTS  # on [0, 1]
NARROW = 2.0
ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def posterior(edges, log_heights, y, u, R):
    """(L, a, M, V) of a piecewise-constant class.

    Parameters
    ----------
    edges : (K + 1,), increasing;  log_heights : (K,), logarithms of the density between them, -inf for a hole.
    y : (K + 1, n), the edges relative to the points, (edges - x)/D^{1/2}.
    u : (n,), x/D^{1/2};  R : (n,), D^{-1/2} >= 0.

    Returns
    -------
    L, a, M, V : (n,) each.

    Examples
    --------
    >>> L, a, M, V = posterior(np.array([1.0, 2.0]), np.zeros(1), np.zeros((2, 1)), np.zeros(1), np.zeros(1))
    >>> [round(abs(float(q[0])), 12) for q in (L, a, M, V)]    # no information: the class itself
    [0.0, 0.0, 1.5, 0.083333333333]
    """
    filled = np.flatnonzero(np.isfinite(log_heights))
    parts = np.array([_piece(edges[j], edges[j + 1], y[j], y[j + 1], u, R) for j in filled])  # (pieces, 4, n)
    parts[:, 0] += log_heights[filled, None]
    if len(parts) == 1:
        return tuple(parts[0])
    L = special.logsumexp(parts[:, 0], axis=0)
    share = special.softmax(parts[:, 0], axis=0)  # exp(. - L) would not add up to one where L is large
    a, M = (share * parts[:, 1]).sum(axis=0), (share * parts[:, 2]).sum(axis=0)
    return L, a, M, (share * (parts[:, 3] + (parts[:, 2] - M) ** 2)).sum(axis=0)


def log_survival(edges, log_heights, y, R):
    """Logarithm of the probability that the noised point is beyond x, Pr[s + D^{1/2} z > x], R > 0; shapes as above.

    A piece contributes height/R times the integral of Phi from y_0 to y_1, H(y_1) - H(y_0), H(y) = y Phi(y) + phi(y).
    """
    filled = np.flatnonzero(np.isfinite(log_heights))
    parts = [log_heights[j] + _integral_of_phi(edges[j + 1] - edges[j], y[j], y[j + 1], R) for j in filled]
    return np.minimum(special.logsumexp(parts, axis=0), 0.0)


def exponential_tilt(edges, log_heights, theta: float) -> tuple[float, float, float]:
    """(psi, M, V): psi = log int p_0(s) e^{theta s} ds, and mean and variance under these weights.

    A piece of half-width h around c has psi = theta c + log(sinh(y)/y), y = theta h.
    """
    filled = np.flatnonzero(np.isfinite(log_heights))
    low, high = edges[filled], edges[filled + 1]
    c, h = 0.5 * (low + high), 0.5 * (high - low)
    y = theta * h
    safe = np.maximum(np.abs(y), 1e-2)
    small, q = np.abs(y) < 1e-2, np.minimum(y * y, 1e-4)
    fall = np.exp(-2.0 * safe)
    log_mean = np.where(small, q / 6.0 - q**2 / 180.0, safe + np.log((1.0 - fall) / (2.0 * safe)))
    shift = np.where(small, y / 3.0 * (1.0 - q / 15.0), np.sign(y) * ((1.0 + fall) / (1.0 - fall) - 1.0 / safe))
    spread = np.where(small, 1.0 / 3.0 - q / 15.0 + 2.0 * q**2 / 189.0, 1.0 / safe**2 - 4.0 * fall / (1.0 - fall) ** 2)
    log_weight = log_heights[filled] + np.log(2.0 * h) + theta * c + log_mean
    share, means = special.softmax(log_weight), c + h * shift
    M = float(share @ means)
    return float(special.logsumexp(log_weight)), M, float(share @ (h**2 * spread + (means - M) ** 2))


def _piece(low: float, high: float, y0, y1, u, R):
    """(L, a, M, V) of the indicator of one interval, (4, n)."""
    out = np.empty((4, len(y0)))
    near = np.where(y0 > 0, y0, np.where(y1 < 0, -y1, 0.0))
    narrow = (1.0 + near) * (high - low) * R < NARROW
    one_sided = ~narrow & (near > 0)
    for mask, rule in ((narrow, _narrow), (one_sided, _one_sided), (~narrow & ~one_sided, _around_zero)):
        if mask.any():
            out[:, mask] = rule(low, high, y0[mask], y1[mask], u[mask], R[mask])
    return out


def _narrow(low: float, high: float, y0, y1, u, R):
    right = np.abs(y0) > np.abs(y1)  # the nearer end is the upper one
    end = np.where(right, y1, y0)
    step = np.where(right, -1.0, 1.0) * (high - low) * NODES[:, None]  # (nodes, n)
    move = step * R
    weight = WEIGHTS[:, None] * np.exp(-0.5 * move * (2.0 * end + move))
    mass = weight.sum(axis=0)
    weight /= mass
    mean = (weight * step).sum(axis=0)  # of s, from that end
    M = np.where(right, high, low) + mean
    return -0.5 * end**2 + np.log((high - low) * mass), end + mean * R, M, (weight * (step - mean) ** 2).sum(axis=0)


def _one_sided(low: float, high: float, y0, y1, u, R):
    side = np.where(y0 > 0, 1.0, -1.0)
    near, wide = np.where(y0 > 0, y0, -y1), (high - low) * R  # not y1 - y0, which loses digits far away
    far, fall = near + wide, np.exp(-0.5 * wide * (2.0 * near + wide))
    mass = ROOT_HALF_PI * (special.erfcx(near / math.sqrt(2.0)) - fall * special.erfcx(far / math.sqrt(2.0)))
    mean = (1.0 - fall) / mass
    variance = 1.0 + (near - far * fall) / mass - mean**2
    a = side * mean
    return -0.5 * near**2 + np.log(mass / R), a, (a + u) / R, np.maximum(variance, 0.0) / R**2


def _around_zero(low: float, high: float, y0, y1, u, R):
    mass = ROOT_HALF_PI * (special.erf(y1 / math.sqrt(2.0)) - special.erf(y0 / math.sqrt(2.0)))
    first, last = np.exp(-0.5 * y0**2), np.exp(-0.5 * y1**2)
    a = (first - last) / mass
    variance = 1.0 + (y0 * first - y1 * last) / mass - a**2
    return np.log(mass / R), a, (a + u) / R, np.maximum(variance, 0.0) / R**2


def _integral_of_phi(width: float, y0, y1, R):
    """log of int Phi(y(s)) ds over one interval."""
    narrow = (1.0 + np.maximum(-y1, 0.0)) * width * R < NARROW
    out = np.empty(len(y0))
    if narrow.any():
        values = special.log_ndtr(y0[narrow] + width * R[narrow] * NODES[:, None])
        out[narrow] = math.log(width) + special.logsumexp(values, axis=0, b=WEIGHTS[:, None])
    if not narrow.all():
        upper, lower = _log_H(y1[~narrow]), _log_H(y0[~narrow])
        out[~narrow] = upper + np.log1p(-np.exp(lower - upper)) - np.log(R[~narrow])
    return out


def _log_H(y):
    """log of y Phi(y) + phi(y); below zero phi is taken out, which leaves 1 - |y| Mills ratio."""
    below = np.minimum(y, 0.0)
    with np.errstate(divide="ignore"):
        tail = -0.5 * below**2 - LOG_ROOT_TWO_PI + np.log(_tail(-below))
        return np.where(y > 0, np.log(y * special.ndtr(y) + np.exp(-0.5 * y**2 - LOG_ROOT_TWO_PI)), tail)


def _tail(y):
    """1 - y Mills(y) for y >= 0; its series from y = 30 on, where the difference would lose digits."""
    q = 1.0 / np.maximum(y, 30.0) ** 2
    series = q * (1.0 - 3.0 * q * (1.0 - 5.0 * q * (1.0 - 7.0 * q * (1.0 - 9.0 * q))))
    return np.where(y > 30.0, series, 1.0 - y * ROOT_HALF_PI * special.erfcx(np.minimum(y, 30.0) / math.sqrt(2.0)))
