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

The information of x_t on its class, log P - E log(1/pi_1), is known in the same three cases (`information_...`).

Transitions. Speciation: the centre turns from maximum to saddle of p_t where D is the largest eigenvalue of the
covariance of the class means, Lambda - sigma2. Collapse: the random-energy criterion
log(n)/d = (1/2) log(1 + s2/t), the capacity of the additive Gaussian channel.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.errors import ProblemError, array, checked, require, whole
from meanfield.exact.planted import drawn, orthogonal
from meanfield.tools.door import Numbers, door

LEAST = 1e-12  # D/s2 of drawn means: phi is 1 to rounding long before


class SpeciationTime(NamedTuple):
    """Speciation in VE time `t`, in OU time `s` = log(1 + t)/2, and its leading order (1/2) log Lambda in OU time."""

    t: float
    s: float
    s_leading: float


@door()
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


@door()
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
    exponent = 2.0 * log_n / d
    return s2 * math.exp(-exponent) / -math.expm1(-exponent)  # 0 where n^(2/d) is beyond any number


@door()
def excess_entropy(t: Numbers, log_n: float, d: int, s2: float = 1.0, *, exact: bool = False):
    """Entropy per direction of a noised training set minus that of the law it was drawn from, N(0, s2 I_d).

    Negative while the n noised points are separate balls, zero from t_C on:
    (C5)  min(0, log(n)/d - log(1 + s2/t)/2)  for n and d large at fixed log(n)/d. Exactly, averaged over training sets,
    (C7)  (I(k; x_t) - I_G)/d,  I = log n + E log pi_1 the information of x_t on its point, I_G = (d/2) log(1 + s2/t).
    (C5) is an upper bound of (C7).

    One set is not the average: where n and d are small, I varies from draw to draw (two points, t = d/4: by 29 % of
    log 2 at d = 2, 11 % at d = 20). For points at given places put their own I into (C7): `information_two`,
    `information_orthogonal`, or measured by `simulate.clones(points, t)`.

    Parameters
    ----------
    t : VE times > 0, any shape; of clusters of variance sigma2 the sum sigma2 + t.
    log_n, d, s2 : as in `collapse_time`; `exact` needs n >= 2 and d >= 2.
    exact : (C7) instead of (C5).

    Examples
    --------
    >>> bool(abs(excess_entropy(collapse_time(5.0, 20), 5.0, 20)) < 1e-15)
    True
    >>> round(float(excess_entropy(collapse_time(5.0, 20), 5.0, 20, exact=True)), 3)
    -0.054
    """
    log_n, d, s2 = _rate(log_n, d, s2)
    t = _positive("t", t)
    gaussian = 0.5 * np.log1p(s2 / t)
    if not exact:
        return np.minimum(0.0, log_n / d - gaussian)[()]
    log_n = checked("log_n", log_n, low=math.log(2.0), high=690.0, remedy="Use exact=False.")
    d = whole("d", d, low=2, high=1e9, remedy="Use exact=False.")
    return information_drawn(t, math.exp(log_n), d, s2) / d - gaussian[()]


@door()
def phi_two(D: Numbers, norm2: float):
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
    with np.errstate(over="ignore"):
        h = checked("norm2", norm2, low=0, open_low=True) / _positive("D", D)
    h = np.clip(h, 1e-300, 1e300)  # beyond, phi is 1/2 and 1 to the last bit
    root = np.sqrt(h)[..., None]
    x = np.linspace(-40.0, 40.0, 1601)
    u = x * root / np.sqrt(1.0 + root**2)  # the narrower of the two factors sets the scale
    weight = np.exp(-0.5 * (u / root) ** 2 - np.abs(u)) * 2.0 / (1.0 + np.exp(-2.0 * np.abs(u)))  # 1/cosh, no overflow
    mean = weight.sum(axis=-1) * (x[1] - x[0]) / np.sqrt(2.0 * np.pi * (1.0 + h))
    return (1.0 - 0.5 * np.exp(-0.5 * h) * mean)[()]


@door()
def phi_orthogonal(D: Numbers, norm2: float, n_classes: float):
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
    return _each(lambda D: orthogonal(norm2 / D, n)[0], _positive("D", D))


@door()
def phi_drawn(D: Numbers, n_classes: float, d: int, s2: float = 1.0):
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
    d = whole("d", d, low=2, high=1e9)
    s2 = checked("s2", s2, low=0, open_low=True)
    n = _count(n_classes)
    return _each(lambda ratio: drawn(ratio, n, d)[0], _ratio(D, s2))


@door()
def information_two(D: Numbers, norm2: float):
    """Information of x_t on its class, in nats, of two classes at given places: at +mu and -mu.

    Parameters
    ----------
    D, norm2 : as in `phi_two`; between 0 (D large) and log 2.

    Examples
    --------
    >>> round(float(information_two(256.0, 256.0)), 4)     # at speciation
    0.3368
    """
    return information_orthogonal(D, 2.0 * checked("norm2", norm2, low=0, open_low=True), 2)


@door()
def information_orthogonal(D: Numbers, norm2: float, n_classes: float):
    """Information of x_t on its class, log P - E log(1/pi_1) in nats, of orthogonal means of equal length, (C8).

    Parameters
    ----------
    D, norm2, n_classes : as in `phi_orthogonal`.

    Examples
    --------
    >>> round(float(information_orthogonal(1.0, 200.0, 50) / math.log(50)), 6)     # far apart
    1.0
    """
    norm2 = checked("norm2", norm2, low=0, open_low=True)
    n = _count(n_classes)
    return math.log(n) - _each(lambda D: orthogonal(norm2 / D, n)[1], _positive("D", D))


@door()
def information_drawn(D: Numbers, n_classes: float, d: int, s2: float = 1.0):
    """Information of x_t on its class, in nats, averaged over means drawn from N(0, s2 I_d), (C8).

    Parameters
    ----------
    D, n_classes, d, s2 : as in `phi_drawn`. Given means have another one, see `excess_entropy`.

    Examples
    --------
    >>> bool(information_drawn(5.0, 2, 20) < information_two(5.0, 10.0))     # of the same mean square distance, 40
    True
    """
    d = whole("d", d, low=2, high=1e9)
    s2 = checked("s2", s2, low=0, open_low=True)
    n = _count(n_classes)
    return math.log(n) - _each(lambda ratio: drawn(ratio, n, d)[1], _ratio(D, s2))


def _each(function, D: np.ndarray):
    return np.array([function(float(x)) for x in D.ravel()]).reshape(D.shape)[()]


def _positive(name: str, x) -> np.ndarray:
    values = array(x, f"{name} must be a number or an array of numbers > 0")
    require(np.all(np.isfinite(values)) and not np.any(values <= 0), f"{name} must be > 0 and finite", x)
    return values


def _ratio(D, s2: float) -> np.ndarray:
    ratio = _positive("D", D) / s2
    require(np.all((ratio >= LEAST) & (ratio <= 1.0 / LEAST)), f"D/s2 must lie within {LEAST:g} and {1 / LEAST:g}", D)
    return ratio


def _count(n_classes: float) -> float:
    return checked("n_classes", n_classes, low=2, high=1e300, remedy="One class has phi = 1.")


def _rate(log_n: float, d: int, s2: float) -> tuple[float, int, float]:
    return (
        checked("log_n", log_n, low=1e-300),
        whole("d", d, low=1, high=1e15),
        checked("s2", s2, low=0, open_low=True),
    )
