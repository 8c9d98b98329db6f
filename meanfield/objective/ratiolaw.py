"""The law of the mean weight of density-ratio guidance at D = kappa d, d -> infinity (docs/training-objective.md).

There only y = (x.mu_1/d^(1/2) - d^(1/2))/D^(1/2) matters, N(0, 1) on the target's path. With log r = -1/(2 kappa)
- y/kappa^(1/2), tau = -log kappa, w = beta r/(1 - beta r) or the smaller w_max,

    (O6)  dy = [-(eta^2/2) y + e w/kappa^(1/2)] dtau + eta dB,      y ~ N(w_0/kappa^(1/2), 1) at kappa -> infinity,

w_0 = beta/(1 - beta). The mean weight W(kappa) = E w is what moves m and v; it fades around kappa = 1/(2 log(1/beta)).

ODE, no w_max: the density is u/(1 - beta), u = phi(y) - beta phi(y + 1/kappa^(1/2)), on y > y_min where u has the whole
mass 1 - beta, because u obeys the heat equation and guidance follows grad log u. Hence

    (O10)  Phi(y_min) = beta Phi(y_min + 1/kappa^(1/2)),      W = (beta - Phi(y_min))/(1 - beta).

ODE with w_max: (O6) as characteristics from quadrature nodes of the start. eta > 0: the Fokker-Planck equation of (O6)
by exponentially fitted finite volumes (Scharfetter and Gummel), whose fluxes keep exp(-y^2/2 + (2e/eta^2) Lambda),
dLambda = w dy/kappa^(1/2), and so the wall at beta r = 1, at rest.
"""

import math
from functools import cache

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import exprel, log_ndtr, ndtr, ndtri

from meanfield.errors import ConvergenceError, ScheduleError, checked, short
from meanfield.guidance.by_ratio import DensityRatio

KAPPA = np.geomspace(1e5, 3e-3, 451)  # beyond, w is constant; below, it is off: W ~ exp(-1/(8 kappa)) at most
LEAST_BETA = 0.01  # below, few nodes or cells would see the tail that matters; the closed form takes any
MOST_BETA = 0.9  # w is constant to 1/(kappa (1 - beta)^2): to 1e-3 where the table begins
REACH = 11.0  # of y
WALL = 1e4  # the largest weight of a wall that is infinite: density vanishes there, so it is felt nowhere
CELLS = 200  # at eta >= 1
LEAST_ETA = 0.25  # below, finite volumes would add more diffusion than there is
MOST_ETA = 1.5  # there C is right to 1e-4 and V to 1e-3; V weighs the tail of W by kappa^-(1 + eta^2)
NODES = 4000


def mean_weight(guidance: DensityRatio, eta: float) -> np.ndarray:
    """W at the `KAPPA`, for a start at t = infinity and stochasticity eta.

    Raises
    ------
    ScheduleError : another guidance.
    ProblemError : 0 < eta < 0.25 or eta > 1.5, or beta beyond 0.01 to 0.9 (with the ODE and no w_max, 0 to 0.9).
    ConvergenceError : the integration failed.

    Examples
    --------
    >>> W = mean_weight(DensityRatio(0.2), eta=0.0)
    >>> print(f"{W[0]:.4f} {np.interp(-math.log(0.31), -np.log(KAPPA), W):.4f} {W[-1]:.0e}")  # 0.31: 1/(2 log 5)
    0.2500 0.0538 8e-69
    """
    if not isinstance(guidance, DensityRatio):
        raise ScheduleError(f"the mean weight is known of DensityRatio guidance; got {short(guidance)}.")
    remedy = f"The law is known at eta = 0, and from {LEAST_ETA:g} to {MOST_ETA:g}."
    eta = checked("eta", eta, low=0, high=MOST_ETA, remedy=remedy)
    if eta > 0.0:
        checked("eta", eta, low=LEAST_ETA, remedy=remedy)
    return _mean_weight(guidance, eta).copy()


@cache
def _mean_weight(guidance: DensityRatio, eta: float) -> np.ndarray:
    closed = eta == 0.0 and guidance.w_max is None
    low = 0.0 if closed else LEAST_BETA
    checked("beta", guidance.beta, low=low, remedy="Below, fade knows the ODE without w_max; or use simulate.run.")
    checked("beta", guidance.beta, high=MOST_BETA, remedy="fade knows no larger share; use simulate.run.")
    if closed:
        return np.array([_exact(guidance.beta, float(kappa)) for kappa in KAPPA])
    if eta > 0.0:
        cells = math.ceil(CELLS / min(eta, 1.0))  # little noise smooths little
        coarse, fine = _diffused(guidance, eta, cells), _diffused(guidance, eta, 2 * cells)
        return np.maximum(fine + (fine - coarse) / 3.0, 0.0)  # second order in the width of a cell
    return _carried(guidance)


def _exact(beta: float, kappa: float) -> float:
    """(O10); the ratio of both Phi rises with y, from below beta where beta r = 1."""
    step, b = kappa**-0.5, -math.log(beta)

    def excess(y: float) -> float:
        return float(log_ndtr(y) - log_ndtr(y + step)) + b

    high = float(ndtri(beta))
    y = brentq(excess, -(b / step + 0.5 * step), high, xtol=1e-14) if excess(high) > 0.0 else high
    return beta * float(ndtr(-y - step)) / (1.0 - beta)  # = (beta - Phi(y))/(1 - beta), without cancellation


def _log_ratio(y, kappa):
    return -0.5 / kappa - y / np.sqrt(kappa)


def _carried(guidance: DensityRatio) -> np.ndarray:
    """The ODE with a largest weight: means over nodes of equal weight."""
    start = ndtri((np.arange(NODES) + 0.5) / NODES)

    def rate(tau, y):
        kappa = math.exp(-tau)
        return 0.5 * guidance.w_ratio(_log_ratio(y, kappa)) / math.sqrt(kappa)

    y = _solved(rate, start + guidance.largest / math.sqrt(KAPPA[0]), method="RK45", rtol=1e-7, atol=1e-8)
    return guidance.w_ratio(_log_ratio(y, KAPPA[:, None])).mean(axis=1)


def _diffused(guidance: DensityRatio, eta: float, cells: int) -> np.ndarray:
    """Finite volumes of the Fokker-Planck equation."""
    from scipy.sparse import diags_array

    capped = DensityRatio(guidance.beta, WALL if guidance.w_max is None else guidance.w_max)
    edges = np.linspace(-REACH, REACH, cells + 1)
    y, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    slope = (1.0 + eta**2) / eta**2  # 2e/eta^2

    def bands(tau):
        """Of the generator: from a cell to the next one, out of a cell, from a cell to the one before."""
        kappa = math.exp(-tau)
        rise = np.diff(-0.5 * y * y + slope * _potential(capped, y, kappa))
        right, left = (0.5 * eta**2 / width**2 / exprel(x) for x in (-rise, rise))  # of cells i and i + 1
        main = np.zeros(cells)
        main[:-1] -= right
        main[1:] -= left
        return right, main, left

    def matrix(tau, p):
        return diags_array(bands(tau), offsets=[-1, 0, 1], format="csc")  # type: ignore[arg-type]

    def flow(tau, p):
        """matrix(tau, p) @ p: to make a sparse matrix takes several times as long."""
        right, main, left = bands(tau)
        out = np.zeros(cells)
        out[1:] = right * p[:-1]
        out += main * p
        out[:-1] += left * p[1:]
        return out

    begin = np.exp(-0.5 * (y - capped.largest / math.sqrt(KAPPA[0])) ** 2)
    law = _solved(flow, begin / begin.sum(), method="BDF", jac=matrix, rtol=1e-6, atol=1e-10)
    pulled = [y @ flow(-math.log(k), p) + 0.5 * eta**2 * (y @ p) for p, k in zip(law, KAPPA, strict=True)]
    return np.array(pulled) * np.sqrt(KAPPA) / (0.5 + 0.5 * eta**2)  # what moves E y, by (O6)


def _potential(guidance: DensityRatio, y: np.ndarray, kappa: float) -> np.ndarray:
    """Lambda: log(1 - beta r) up to the largest weight, a straight line beyond."""
    log_share = _log_ratio(y, kappa) + math.log(guidance.beta)  # log(beta r)
    limit = guidance.w_max or WALL
    log_top = -math.log1p(1.0 / limit)  # of beta r where w = w_max
    free = np.minimum(log_share, log_top)
    return np.log(-np.expm1(free)) - limit * np.maximum(log_share - log_top, 0.0)


def _solved(rate, start: np.ndarray, **options) -> np.ndarray:
    """The solution of d state/dtau = rate(tau, state) at the `KAPPA`, (len(KAPPA), len(start))."""
    tau = -np.log(KAPPA)
    with np.errstate(all="ignore"):  # steps that are tried and left; what is kept is looked at
        found = solve_ivp(rate, (tau[0], tau[-1]), start, t_eval=tau, **options)
    if not found.success or not np.all(np.isfinite(found.y)):
        raise ConvergenceError(f"the law of density-ratio guidance was not found: {found.message} Take another beta.")
    return found.y.T
