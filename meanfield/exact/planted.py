"""A random-energy model with a planted state, at finite size: the quadratures behind `meanfield.exact.speciation`.

A state x has log-weights y_k that are independent given x: P - 1 rivals of density rho, and its own class of density
rho_A ~ rho e^y (Bayes). With A = e^y of the own class, Z the sum of the rivals', s = e^sigma,
    1/(A + Z) = int_0^inf ds e^{-s(A + Z)},      log(1 + Z/A) = int_0^inf (ds/s) e^{-sA} (1 - e^{-sZ}),
averages factorise over classes, and with pi_1 = A/(A + Z), g(sigma) = <exp(-e^{sigma + y})>_rho,

    (C3)  E pi_1         = int dsigma < exp(sigma + y - e^{sigma + y}) >_{rho_A} g^{P - 1},
    (C8)  E log(1/pi_1)  = int dsigma < exp(-e^{sigma + y}) >_{rho_A} (1 - g^{P - 1}).

On uniform grids the averages are correlations, and 1 - g keeps its relative precision for any P.
"""

import math
from functools import lru_cache

import numpy as np

STEP = 0.2  # of the grids in log-weight; the trapezoidal rule misses e^{-pi^2/STEP} of e^{-e^v}, the sharpest function
NODES = 41  # of |x|
FEW = 12  # directions below which grids are refined
TAIL = 40.0  # weights below e^-TAIL are left out


def orthogonal(lam: float, n: float) -> np.ndarray:
    """phi and E log(1/pi_1) of n orthogonal classes, lam = |mu|^2/D."""
    if lam < 1e-5:
        share = 1.0 - 1.0 / n
        return np.array([(1.0 + lam * share) / n, math.log(n) - 0.5 * lam * share])  # up to O(lam^2)
    if 0.25 * lam > math.log(n) + TAIL:
        return np.array([1.0, 0.0])  # 1 - phi < n exp(-lam/4)
    root = math.sqrt(lam)
    step = min(STEP, root / 4.0)
    reach = math.ceil(root * math.sqrt(2.0 * (math.log(n) + TAIL)) / step) + math.ceil(lam / step)
    y = step * np.arange(-reach, reach + 1)
    return _planted(y, -0.5 * y**2 / lam - 0.5 * math.log(2.0 * math.pi * lam), n)


@lru_cache(maxsize=1024)  # phi and the information are asked for at the same times, one after the other
def drawn(D: float, n: float, d: int) -> tuple[float, float]:
    """phi and E log(1/pi_1) of n classes drawn from N(0, I_d): averages over r = |x|, x ~ N(0, (1 + D) I)."""
    if d < FEW:  # Gauss-Laguerre: the density of r^2 ends sharply at 0
        from scipy.special import roots_genlaguerre

        half, p = roots_genlaguerre(NODES, 0.5 * d - 1.0)
        r = np.sqrt(2.0 * (1.0 + D) * half)
    else:
        width, middle = math.sqrt(0.5 * (1.0 + D)), math.sqrt((1.0 + D) * (d - 0.5))
        r = np.linspace(max(middle - 7.0 * width, 1e-3 * middle), middle + 7.0 * width, NODES)
        log_p = (d - 1.0) * np.log(r) - 0.5 * r**2 / (1.0 + D)
        p = np.exp(log_p - log_p.max())
    seen = p > 1e-16 * p.max()
    values = [_planted(*_rival_law(D, a, n, d), n) for a in r[seen]]
    phi, surprise = p[seen] @ np.array(values) / p[seen].sum()
    return float(phi), float(surprise)


def _rival_law(D: float, r: float, n: float, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Log-weights y = -u/(2D) and their log-density, u = |x - mu|^2 at |x| = r: noncentral chi-square, chi'^2_d(r^2).

    The own class has u = own chi'^2_d(own r^2), own = D/(1 + D). Rivals much farther than it have no weight.
    """
    own, reach = D / (1.0 + D), math.sqrt(2.0 * (math.log(n) + TAIL))
    spread, own_spread = math.sqrt(2.0 * d + 4.0 * r * r), own * math.sqrt(2.0 * d + 4.0 * own * r * r)
    middle, own_middle = d + r * r, own * (d + own * r * r)
    fine = STEP if d >= FEW else 0.25 * STEP  # few directions: the density ends sharply at u = 0
    du = 2.0 * D * min(fine, 0.25 * own_spread / (2.0 * D))
    low = max(min(middle - reach * spread, own_middle - reach * own_spread), 0.0)
    own_high = own_middle + reach * own_spread + reach**2 * own
    high = min(middle + reach * spread + 2.0 * reach**2, own_high + 2.0 * D * (math.log(n) + 2.0 * TAIL))
    u = np.arange(low + 0.5 * du, high, du)[::-1]
    return -u / (2.0 * D), _log_noncentral(u, r * r, d) + math.log(2.0 * D)


def _log_noncentral(u: np.ndarray, c: float, d: int) -> np.ndarray:
    """log of the noncentral chi-square density chi'^2_d(c) at u; uniform in the order for large d."""
    from scipy.special import ive

    nu, z = 0.5 * d - 1.0, np.sqrt(c * u)
    with np.errstate(divide="ignore"):
        log_bessel = np.log(ive(nu, z)) + z
    if nu >= 20.0:  # Debye's expansion to second order: relative error below 1e-6 from nu = 20 on; ive underflows
        w = np.hypot(nu, z)
        p = nu / w
        series = 1.0 + (3.0 * p - 5.0 * p**3) / (24.0 * nu)
        series += (81.0 * p**2 - 462.0 * p**4 + 385.0 * p**6) / (1152.0 * nu**2)
        log_bessel = w + nu * np.log(z / (nu + w)) - 0.5 * np.log(2.0 * np.pi * w) + np.log(series)
    return 0.5 * nu * np.log(u / c) - 0.5 * (u + c) + log_bessel - math.log(2.0)


def _planted(y: np.ndarray, log_rho: np.ndarray, n: float) -> np.ndarray:
    """(C3) and (C8) on a uniform grid of log-weights y, increasing; rivals have density rho, the own class rho e^y."""
    step = y[1] - y[0]
    log_own = log_rho + y
    own = np.exp(np.maximum(log_own - log_own.max(), -TAIL))
    counted, own = own > own.min(), own / own.sum()
    if not np.any(near := log_rho > -TAIL - math.log(n)):
        return np.array([1.0, 0.0])  # no rival near enough to have weight
    first, last = y[counted][[0, -1]]
    sigma = np.arange(-last - TAIL - math.log(n), -first + 5.0, step)
    floor = -math.log(n) - 2.0 * TAIL
    rho = np.exp(np.maximum(log_rho, floor)) * step
    missed = _smear(lambda v: -np.expm1(-np.exp(np.maximum(v, floor))), y, rho, near, sigma)  # 1 - g
    with np.errstate(divide="ignore"):
        log_g = (n - 1.0) * np.log1p(-np.minimum(missed, 1.0))
    density = _smear(lambda v: np.exp(np.maximum(v - np.exp(v), -600.0)), y, own, counted, sigma)
    alive = _smear(lambda v: np.exp(-np.minimum(np.exp(v), 600.0)), y, own, counted, sigma)
    return step * np.array([density @ np.exp(log_g), alive @ -np.expm1(log_g)])


def _smear(function, y: np.ndarray, weights: np.ndarray, counted: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """sum_j weights_j function(sigma_i + y_j) over the y that count; subnormal numbers, slow, are kept out."""
    first, last = np.flatnonzero(counted)[[0, -1]]
    v = sigma[0] + y[first] + (y[1] - y[0]) * np.arange(len(sigma) + last - first)
    return np.correlate(function(np.minimum(v, 600.0)), weights[first : last + 1], "valid")
