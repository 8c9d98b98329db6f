"""Strong guidance on the line: the laws that the end points approach, and shares that are too small to sample.

As w grows the flow is decided at t of order w, where x is of order w and theta = x/D = u R of order one: the noise only
tilts the classes by e^{theta s}. With psi_k = log E_k[e^{theta s}], psi = psi_1 - psi_2, psi' = M_1 - M_2, the odds
kappa = prior/(1 - prior), u = w^{1/2} U and R = w^{-1/2} r, (L1) becomes
    (L4)  dU/dr = psi'(theta)/(1 + kappa e^{psi(theta)}),    theta = r U,    U(0) = z/w^{1/2},
    (L5)  zeta = C w^{1/2} + C' z + O(w^{-1/2}),
C and C' being U(infinity) and its derivative with respect to U(0), at U(0) = 0. If the classes are translates of one
another, psi = Delta theta, and Delta drops out (r Delta is the variable): C depends on the prior alone. Hence Gaussians
go out to x = mean + sigma (C w^{1/2} + C' z), and compact classes end at their quantile at Phi(zeta), at a distance
from the edge of exp(-C^2 w/2) to leading order in the exponent.

Two Gaussians, starts far on the wrong side, Q = D^{-1/2}: while the other class has all the weight, (x - mean) Q =
z + w Delta Q. It has not at Q of order 1/w, where the odds are kappa e^{-w Delta^2 Q/sigma}: that costs
(sigma/Delta) log(1 + kappa). The middle is reached at t = 0, in a layer sigma^2/Delta where guidance fades,
dx/ds = (w Delta/(2 sigma^2))/(1 + kappa e^{Delta (x - middle)/sigma^2}), which costs kappa sigma^2/Delta in x. So
    (L6)  Pr[beyond the middle] = Phi(-z_*),
          z_* = -(w Delta + Delta/2 - kappa sigma^2/Delta)/sigma + (sigma/Delta) log(1 + kappa) + O(1/w).

The SDE in theta = x/D, rho = 1/D is d theta = M_w d rho + dB, theta(0) = 0. Near the far edge b, at distance X from the
near edge of the other class, the odds are kappa e^{X theta_b + rho X^2/2} up to factors, theta_b = theta - rho b.
Without noise, d theta_b/d rho = w X e^{-X theta_b - rho X^2/2}/kappa ends at theta_b = log(1 + 2 w/kappa)/X. What
follows is unguided and draws x_0 from p(x_0 | x_t), which becomes the class tilted by theta_b:
    (L7)  SDE: q(x) proportional to p(x|c) e^{theta_b x}, theta_b = log(1 + 2 w/kappa)/X, to leading order in log w:
the distance from the edge is exponential, of mean X/log w.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from meanfield.errors import ConvergenceError, ProblemError, checked, require
from meanfield.line.flow import end_law
from meanfield.line.sources import Normal, PiecewiseConstant
from meanfield.line.statement import TwoClasses, stated

ROUNDING = 1e-12  # tolerance of zeta over w^2 that the solver can meet: 5000 roundings of z^2

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)
NODES, WEIGHTS = 0.5 * (NODES + 1.0), 0.5 * WEIGHTS  # on [0, 1]


class EndScale(NamedTuple):
    """zeta = C w^{1/2} + slope z: the limit of x/w^{1/2} for unit variance, and the width about it."""

    C: float
    slope: float


def end_scale(classes: TwoClasses | None = None) -> EndScale:
    """C and C' of (L5).

    Parameters
    ----------
    classes : default two translates of one another with equal weights, whatever they are.

    Examples
    --------
    >>> C, slope = end_scale()
    >>> round(C, 10), round(slope, 8)
    (0.933294751, 0.38871592)
    >>> from meanfield.line import Uniform
    >>> round(end_scale(TwoClasses(Uniform(2, 3), Uniform(-1, 1))).C, 4)     # not quite translates
    0.9371
    """
    from scipy.integrate import solve_ivp

    classes = TwoClasses(Normal(1.0), Normal(-1.0)) if classes is None else stated(classes)
    sign, scale = classes.sign, 1.0 / classes.separation
    log_kappa = math.log(classes.prior) - math.log1p(-classes.prior)

    def parts(theta: float) -> tuple[float, float, float]:
        one, two = classes.target.tilt(sign * theta), classes.other.tilt(sign * theta)
        return one[0] - two[0] + log_kappa, sign * (one[1] - two[1]), one[2] - two[2]

    def rate(r: float, state: np.ndarray) -> list[float]:
        U, slope = state
        log_odds, gap, spread = parts(r * scale * U)
        share = float(special.expit(-log_odds))
        change = share * (spread - (1.0 - share) * gap**2)  # d(share gap)/d theta
        return [scale * share * gap, scale**2 * r * change * slope]

    def over(r: float, state: np.ndarray) -> float:
        return parts(r * scale * state[0])[0] - 45.0

    over.terminal = True  # type: ignore[attr-defined]
    # a heavy target slows the flow: U = r/kappa until r U is of order one, at r and 1/U of order kappa^{1/2}
    slow = max(1.0, math.exp(0.5 * log_kappa))
    settings = {"method": "DOP853", "events": over, "rtol": 1e-13, "atol": [1e-15 / slow, 1e-15]}
    done = solve_ivp(rate, (0.0, 1e5 * slow), [0.0, 1.0], **settings)
    if done.status != 1:
        raise ConvergenceError(
            f"the limit flow must end at a finite time; that of {classes} did not: {done.message} Lower the prior."
        )
    return EndScale(float(done.y[0, -1]), float(done.y[1, -1]))


def log_short_of(classes: TwoClasses, w: float, x: float, *, tol: float = 1e-6) -> tuple[float, float]:
    """(z, log Phi(z)): the start of the guided ODE that ends at x, and the log-probability to fall short of x.

    Short of x means on the side of the other class. z is found along (L1), however far out it lies; for Gaussians and
    x in the middle of the two means it is (L6).

    Parameters
    ----------
    w : 0 to 1e5. Log-odds are differences of terms z^2/2 and z is of order -w: rounding sets the error of z, relative
        to z, to tol or 1e-12 w^2, whichever is larger. Beyond, (L6).
    x : a point of the target's support; for Gaussians within 1e5 standard deviations of the mean.
    tol : of zeta at the end of the flow, 1e-12 to 1e-2.

    Examples
    --------
    >>> two = TwoClasses(Normal(1.0), Normal(-1.0))
    >>> z, log_p = log_short_of(two, 100.0, 0.0)
    >>> round(z, 2), round(crossing_start(two, 100.0), 2), round(log_p)
    (-200.15, -200.15, -20037)
    """
    from scipy.optimize import brentq

    w = checked("w", w, low=0, high=1e5, remedy="For Gaussian classes and their middle use crossing_start.")
    sign, tol = stated(classes).sign, checked("tol", tol, low=1e-12, high=1e-2)
    aim = float(classes.target.normal_score(checked("x", x), 0.0)) * sign
    if not abs(aim) <= 1e5:
        rule = "inside the target's support" if classes.compact else "within 1e5 standard deviations of the target"
        raise ProblemError(f"x must lie {rule}; got {x!r}. Move it there.")
    coarse = max(tol, min(ROUNDING * w**2, 1e-2))

    def ahead(start: float) -> float:
        return float(end_law(classes, w, z=[sign * start], tol=coarse).zeta[0]) * sign - aim

    # guidance only helps, so the start is below the aim; it is of order -w, further out for x near the other class
    high, step = aim + max(2.0 * coarse, 1e-9 * abs(aim)), max(1.0, 0.5 * w)
    while ahead(low := high - step) > 0:
        high, step = low, 2.0 * step
    z = brentq(ahead, low, high, xtol=tol, rtol=max(1e-10, 1e-2 * coarse))
    return z, float(special.log_ndtr(z))


def crossing_start(classes: TwoClasses, w: float) -> float:
    """z_* of (L6): the start of the guided ODE that ends in the middle of two Gaussian classes.

    Raises
    ------
    ProblemError : compact classes; or kappa sigma2/Delta > w Delta/10. The terms of (L6) are an expansion about
        z = -w Delta/sigma, in which the layer must cost little against the way w Delta that guidance covers.

    Examples
    --------
    >>> round(crossing_start(TwoClasses(Normal(1.0), Normal(-1.0)), 1000.0) + 2000.5, 4)     # log(2)/2
    0.3466
    """
    if not isinstance(stated(classes).target, Normal):
        raise ProblemError(f"(L6) is for Gaussian classes; got {classes.target!r}. Use log_short_of.")
    w, sigma, delta = checked("w", w, low=0), math.sqrt(classes.sigma2), classes.separation
    kappa = classes.prior / (1.0 - classes.prior)
    layer = kappa * sigma**2 / delta
    rule = "(L6) needs the cost of the layer, kappa sigma2/Delta, to be at most a tenth of w Delta"
    remedy = "Raise w, lower the prior, or use log_short_of."
    require(layer <= 0.1 * w * delta, rule, f"{layer:.3g} and w Delta = {w * delta:.3g}", remedy)
    return -(w * delta + 0.5 * delta - layer) / sigma + sigma / delta * math.log1p(kappa)


def sde_edge_distance(classes: TwoClasses, w: float) -> float:
    """Mean distance from the far edge under the guided SDE, by the tilt (L7): leading order in log w.

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> classes = TwoClasses(Uniform(1, 2), Uniform(-2, -1))
    >>> [round(sde_edge_distance(classes, w), 3) for w in (0.0, 10_000.0)]
    [0.5, 0.265]
    """
    target, other = stated(classes).target, classes.other
    if not (isinstance(target, PiecewiseConstant) and isinstance(other, PiecewiseConstant)):
        raise ProblemError("a Gaussian class has no edge; got Normal. Use compact classes.")
    far = 1 if classes.sign > 0 else 0
    b, X = target.support[far], abs(target.support[far] - other.support[far])
    theta = math.log1p(2.0 * checked("w", w, low=0) * (1.0 - classes.prior) / classes.prior) / X
    low, high = np.array(target.edges[:-1]), np.array(target.edges[1:])
    distance = np.abs(b - (low + (high - low) * NODES[:, None]))  # (nodes, pieces)
    weight = WEIGHTS[:, None] * np.array(target.weights) * np.exp(-theta * distance)
    return float(np.sum(weight * distance) / np.sum(weight))
