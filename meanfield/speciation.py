"""Speciation and collapse of the unconditional sampler in closed form: what `simulate.clones` measures.

phi(t) is the probability that two clones, split at t and continued with independent noise, end in the same class. The
reverse SDE samples p(x_0 | x_t), so the two end points are independent given x_t, and (docs/speciation.md)

    (C1)  phi(t) = E_x [ sum_k pi_k(x)^2 ] = E [ pi_1(x) | x = mu_1 + D^{1/2} z ],      D = sigma2 + t.

Two classes +-mu, h = |mu|^2/D:      (C2)  1 - phi = (1/2) e^{-h/2} E_{u ~ N(0, h)} [ 1/cosh u ].
Many classes: with log-weights y_k independent given x, of density rho (rivals) and rho_A ~ rho e^y (own class), and
1/(A + Z) = int_0^inf ds e^{-s(A + Z)},

    (C3)  phi = int dsigma < q(sigma + y) >_{rho_A}  ( 1 - < Q(sigma + y) >_rho )^{P - 1},
          Q(v) = 1 - exp(-e^v),  q = Q'.

Orthogonal means of equal length: rho = N(0, lambda), lambda = |mu|^2/D, exact at every d >= P, and the limit
d -> infinity of drawn classes. Means drawn from N(0, s2 I_d): y = -|x - mu|^2/(2D) is noncentral chi-square given
|x|^2, and (C3), averaged over |x|^2, is exact at every d and P, condensed or not.

Transitions. Speciation: the centre turns from maximum to saddle of p_t where D is the largest eigenvalue of the
covariance of the class means, Lambda - sigma2. Collapse: the random-energy criterion
log(n)/d = (1/2) log(1 + s2/t), the capacity of the additive Gaussian channel.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.errors import ProblemError, checked

__all__ = [
    "SpeciationTime",
    "collapse_time",
    "excess_entropy",
    "phi_drawn",
    "phi_orthogonal",
    "phi_two",
    "speciation_time",
]

STEP = 0.2  # of the grids in log-weight; the trapezoidal rule misses e^{-pi^2/STEP} of Q, the sharpest function
NODES = 41  # of |x|
FEW = 12  # directions below which grids are refined
TAIL = 40.0  # weights below e^-TAIL are left out


class SpeciationTime(NamedTuple):
    """Speciation in VE time `t`, in OU time `s` = log(1 + t)/2, and its leading order (1/2) log Lambda in OU time."""

    t: float
    s: float
    s_leading: float


def speciation_time(eigenvalue: float, sigma2: float) -> SpeciationTime:
    """Time at which p_t turns bimodal along the principal direction of the data.

    Parameters
    ----------
    eigenvalue : Lambda, the largest eigenvalue of the covariance of the data, class variance included.
    sigma2 : class variance along that direction, >= 0.

    Returns
    -------
    SpeciationTime : t = Lambda - 2 sigma2, where the curvature -1/D + (Lambda - sigma2)/D^2 of log p_t at the centre
        changes its sign; exact for two classes, linear stability otherwise. At leading order s = (1/2) log Lambda, the
        criterion of arXiv:2402.18491.

    Raises
    ------
    ProblemError : classes too close for two modes at any t > 0, Lambda <= 2 sigma2.

    Examples
    --------
    >>> speciation_time(256.25, sigma2=0.25).t
    255.75
    """
    eigenvalue = checked("eigenvalue", eigenvalue, low=0, open_low=True)
    sigma2 = checked("sigma2", sigma2, low=0)
    t = eigenvalue - 2.0 * sigma2
    if t <= 0:
        raise ProblemError(
            f"speciation needs eigenvalue > 2 sigma2; got {eigenvalue} and sigma2={sigma2}: the classes overlap, and "
            "the density has one mode at every t."
        )
    return SpeciationTime(t, 0.5 * math.log1p(t), 0.5 * math.log(eigenvalue))


def collapse_time(log_n: float, d: int, s2: float = 1.0) -> float:
    """VE time below which a trajectory is drawn to one of n training points: t_C = s2/(n^{2/d} - 1).

    Parameters
    ----------
    log_n : logarithm of the number of training points, > 0.
    d : dimension;  s2 : variance of the data per direction, > 0.

    Examples
    --------
    >>> round(collapse_time(math.log(256), 16384), 1)
    1476.8
    """
    log_n, d, s2 = _rate(log_n, d, s2)
    return s2 / math.expm1(2.0 * log_n / d)


def excess_entropy(t, log_n: float, d: int, s2: float = 1.0):
    """Entropy per direction of the noised training set minus that of the true law: min(0, log(n)/d - log(1 + s2/t)/2).

    Negative while the n noised points are separate balls, zero from t_C on; n and d large at fixed log(n)/d.

    Parameters
    ----------
    t : VE times > 0, any shape.
    log_n, d, s2 : as in `collapse_time`.

    Examples
    --------
    >>> bool(abs(excess_entropy(collapse_time(5.0, 20), 5.0, 20)) < 1e-15)
    True
    """
    log_n, d, s2 = _rate(log_n, d, s2)
    return np.minimum(0.0, log_n / d - 0.5 * np.log1p(s2 / _positive("t", t)))[()]


def phi_two(D, norm2: float):
    """phi of two classes at +mu and -mu, (C2): a function of |mu|^2/D alone, at every d.

    Parameters
    ----------
    D : sigma2 + t > 0, any shape.
    norm2 : |mu|^2 > 0 (for means mu_1, mu_2: |mu_1 - mu_2|^2/4).

    Examples
    --------
    >>> round(float(phi_two(256.0, 256.0)), 4)     # at speciation
    0.7752
    """
    h = checked("norm2", norm2, low=0, open_low=True) / _positive("D", D)
    root = np.sqrt(h)[..., None]
    x = np.linspace(-40.0, 40.0, 1601)
    u = x * root / np.sqrt(1.0 + root**2)  # the narrower of the two factors sets the scale
    weight = np.exp(-0.5 * (u / root) ** 2 - np.abs(u)) * 2.0 / (1.0 + np.exp(-2.0 * np.abs(u)))  # 1/cosh, no overflow
    mean = weight.sum(axis=-1) * (x[1] - x[0]) / np.sqrt(2.0 * np.pi * (1.0 + h))
    return (1.0 - 0.5 * np.exp(-0.5 * h) * mean)[()]


def phi_orthogonal(D, norm2: float, n_classes: float):
    """phi of P classes with orthogonal means of equal length, (C3).

    Parameters
    ----------
    D : sigma2 + t > 0, any shape.
    norm2 : |mu_k|^2 > 0.
    n_classes : P >= 2, up to 1e300.

    Examples
    --------
    >>> bool(abs(phi_orthogonal(3.0, 8.0, 2) - phi_two(3.0, 4.0)) < 1e-10)
    True
    """
    norm2 = checked("norm2", norm2, low=0, open_low=True)
    n = _count(n_classes)
    return _each(lambda D: _orthogonal(norm2 / D, n), _positive("D", D))


def phi_drawn(D, n_classes: float, d: int, s2: float = 1.0):
    """phi of P classes with means drawn from N(0, s2 I_d), averaged over the draw: exact at every d and P, (C3).

    Parameters
    ----------
    D : sigma2 + t > 0, any shape.
    n_classes : P >= 2, up to 1e300.
    d : dimension >= 2;  s2 : variance of the means per direction, > 0.

    Examples
    --------
    >>> round(float(phi_drawn(collapse_time(math.log(1000), 20), 1000, 20)), 2)     # at the collapse time
    0.57
    """
    d = int(checked("d", d, low=2, high=1e9, integer=True))
    s2 = checked("s2", s2, low=0, open_low=True)
    n = _count(n_classes)
    return _each(lambda D: _drawn(D / s2, n, d), _positive("D", D))


def _orthogonal(lam: float, n: float) -> float:
    if lam < 1e-5:
        return 1.0 / n + lam * (n - 1.0) / n**2  # up to O(lam^2)
    root = math.sqrt(lam)
    step = min(STEP, root / 4.0)
    reach = math.ceil(root * math.sqrt(2.0 * (math.log(n) + TAIL)) / step) + math.ceil(lam / step)
    y = step * np.arange(-reach, reach + 1)
    return _planted(y, -0.5 * y**2 / lam - 0.5 * math.log(2.0 * math.pi * lam), n)


def _drawn(D: float, n: float, d: int) -> float:
    """Average of (C3) over r = |x|, x ~ N(0, (1 + D) I)."""
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
    return float(p[seen] @ values / p[seen].sum())


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


def _planted(y: np.ndarray, log_rho: np.ndarray, n: float) -> float:
    """(C3) on a uniform grid of log-weights y, increasing, with rivals of density rho and the own class of rho e^y."""
    step = y[1] - y[0]
    log_own = log_rho + y
    own = np.exp(np.maximum(log_own - log_own.max(), -TAIL))
    seen = y[log_own > log_own.max() - TAIL]
    sigma = np.arange(-seen[-1] - TAIL, -seen[0] + 5.0, step)
    density = _smear(lambda v: np.exp(np.maximum(v - np.exp(v), -600.0)), y, own / own.sum(), own > own.min(), sigma)
    if not np.any(near := log_rho > -TAIL - math.log(n)):
        return 1.0  # no rival near enough to have weight
    floor = -math.log(n) - 2.0 * TAIL
    rho = np.exp(np.maximum(log_rho, floor)) * step
    missed = _smear(lambda v: -np.expm1(-np.exp(np.maximum(v, floor))), y, rho, near, sigma)  # 1 - g
    with np.errstate(divide="ignore"):
        return float(density @ np.exp((n - 1.0) * np.log1p(-np.minimum(missed, 1.0)))) * step


def _smear(function, y: np.ndarray, weights: np.ndarray, counted: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """sum_j weights_j function(sigma_i + y_j) over the y that count; subnormal numbers, slow, are kept out."""
    first, last = np.flatnonzero(counted)[[0, -1]]
    v = sigma[0] + y[first] + (y[1] - y[0]) * np.arange(len(sigma) + last - first)
    return np.correlate(function(np.minimum(v, 600.0)), weights[first : last + 1], "valid")


def _each(function, D: np.ndarray):
    return np.array([function(float(x)) for x in D.ravel()]).reshape(D.shape)[()]


def _positive(name: str, x) -> np.ndarray:
    try:
        values = np.asarray(x, dtype=float)
    except (TypeError, ValueError) as cause:
        raise ProblemError(f"{name} must be a number or an array of numbers > 0; got {x!r}.") from cause
    if not np.all(np.isfinite(values)) or np.any(values <= 0):
        raise ProblemError(f"{name} must be > 0 and finite; got {x!r}.")
    return values


def _count(n_classes: float) -> float:
    return checked("n_classes", n_classes, low=2, high=1e300, remedy="One class has phi = 1.")


def _rate(log_n: float, d: int, s2: float) -> tuple[float, int, float]:
    return (
        checked("log_n", log_n, low=0, open_low=True),
        int(checked("d", d, low=1, high=1e15, integer=True)),
        checked("s2", s2, low=0, open_low=True),
    )
