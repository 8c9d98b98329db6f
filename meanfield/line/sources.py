"""The classes of problems on the line: noised density, score, normal score, and the source that the noise acts on.

A class is a source of noise D: compact and piecewise constant, D = t, or a point, D = sigma2 + t, for N(mean, sigma2).
In u = x D^{-1/2} and R = D^{-1/2} the source has log-likelihood L, posterior mean M and variance V, all finite at R = 0
(t = infinity); the score is (M - x)/D.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from meanfield.errors import ProblemError, array, broadcast, checked, require, settle
from meanfield.line.pieces import exponential_tilt, log_survival, posterior
from meanfield.tools.door import Numbers, door

LOG_TWO_PI = math.log(2.0 * math.pi)
LARGEST = 1e100  # of edges and weights: squares and sums stay finite


@door(made_by="Uniform")
@dataclass(frozen=True)
class PiecewiseConstant:
    """A class of compact support: weights[j] of its mass lies evenly between edges[j] and edges[j + 1].

    Parameters
    ----------
    edges : K + 1 increasing numbers.
    weights : K numbers >= 0, normalised by the class; the first and the last > 0.

    Examples
    --------
    >>> PiecewiseConstant(edges=(1.0, 2.0, 4.0), weights=(1.0, 1.0)).mean
    2.25
    """

    edges: Sequence[float]
    weights: Sequence[float]
    sigma2 = 0.0

    def __post_init__(self) -> None:
        edges, weights = _sequence("edges", self.edges), _sequence("weights", self.weights)
        if len(edges) < 2 or np.any(np.diff(edges) <= 0):
            raise ProblemError(f"edges must be at least two increasing numbers; got {self.edges!r}.")
        if len(weights) != len(edges) - 1 or np.any(weights < 0) or weights[0] == 0 or weights[-1] == 0:
            raise ProblemError(
                f"weights must be {len(edges) - 1} numbers >= 0, the first and the last > 0; got {self.weights!r}. "
                "Give one for each interval, and leave out empty ends."
            )
        settle(self, edges=tuple(edges.tolist()), weights=tuple((weights / weights.sum()).tolist()))

    @property
    def support(self) -> tuple[float, float]:
        """The ends of the support."""
        return self.edges[0], self.edges[-1]

    @property
    def mean(self) -> float:
        """Mean of the class."""
        return float(np.dot(self.weights, 0.5 * (np.array(self.edges[1:]) + np.array(self.edges[:-1]))))

    @property
    def log_heights(self) -> np.ndarray:
        """Logarithm of the density on each piece, (K,)."""
        with np.errstate(divide="ignore"):
            return np.log(np.array(self.weights) / np.diff(self.edges))

    def log_density(self, x: Numbers, t: Numbers):
        """Logarithm of the noised density p_t(x).

        Parameters
        ----------
        x : points;  t : VE time >= 0, broadcast with x.

        Examples
        --------
        >>> round(float(Uniform(0, 1).log_density(-1.0, 1e-12)))     # -x^2/2t to leading order
        -500000000015
        """
        x, t = _points(x, t)
        inside = (x >= self.edges[0]) & (x <= self.edges[-1])
        piece = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.weights) - 1)
        still = np.where(inside, self.log_heights[piece], -np.inf)
        if np.all(t == 0):
            return still[()]
        safe = np.where(t > 0, t, 1.0)
        L = self._moments(x, safe)[0]
        return np.where(t > 0, L - 0.5 * LOG_TWO_PI - 0.5 * np.log(safe), still)[()]

    def score(self, x: Numbers, t: Numbers):
        """Score d log p_t/dx at x, t > 0, without cancellation: to rounding of (x - edge)/t^{1/2} in the tails."""
        x, t = _points(x, t, positive=True)
        return (self._moments(x, t)[1] / np.sqrt(t))[()]

    def source(self, u: Numbers, R: Numbers):
        """(L, M, V) at u = x D^{-1/2}, R = D^{-1/2} >= 0, see `meanfield.line.pieces`: log-likelihood, mean, variance.

        L leaves out log(R) - log(2 pi)/2 of the noised density.
        """
        u, R = _sources(u, R)
        flat, scale = u.ravel(), R.ravel()
        y = np.array(self.edges)[:, None] * scale - flat
        L, _, M, V = posterior(np.array(self.edges), self.log_heights, y, flat, scale)
        return L.reshape(u.shape), M.reshape(u.shape), V.reshape(u.shape)

    def tilt(self, theta: float) -> tuple[float, float, float]:
        """(psi, M, V): log E[e^{theta s}] of the source, and its mean and variance under that weight."""
        return exponential_tilt(np.array(self.edges), self.log_heights, float(theta))

    def normal_score(self, x: Numbers, t: Numbers):
        """zeta = Phi^{-1}(Pr[x_t <= x]), t > 0, or t = 0 throughout: exact in both tails, infinite off the support."""
        x, t = _points(x, t)
        edges = np.array(self.edges)
        if np.any(t == 0):
            share = np.concatenate([[0.0], np.cumsum(self.weights)])
            with np.errstate(divide="ignore"):
                below = np.log(np.interp(x, edges, share))
                above = np.log(-np.interp(x, edges, share - share[-1]))
        else:
            R = 1.0 / np.sqrt(t.ravel())
            y = (edges[:, None] - x.ravel()) * R
            above = log_survival(edges, self.log_heights, y, R).reshape(x.shape)
            below = log_survival(-edges[::-1], self.log_heights[::-1], -y[::-1], R).reshape(x.shape)
        zeta = np.where(above < below, -special.ndtri_exp(above), special.ndtri_exp(below))
        require(not np.any(np.isnan(zeta) & np.isfinite(x)), f"x must lie between -{LARGEST:g} and {LARGEST:g}", x)
        return zeta[()]

    def quantile(self, zeta: Numbers):
        """The point of the class below which a share Phi(zeta) lies: the inverse of `normal_score` at t = 0."""
        zeta = np.asarray(zeta, dtype=float)
        share = np.concatenate([[0.0], np.cumsum(self.weights)])
        above = np.interp(-special.ndtr(-zeta), share - share[-1], self.edges)
        return np.where(zeta > 0, above, np.interp(special.ndtr(zeta), share, self.edges))[()]

    def log_edge_distance(self, zeta: Numbers, upper: bool = True):
        """Logarithm of the distance of `quantile(zeta)` from the upper (lower) edge: exact however small it is."""
        zeta = np.asarray(zeta, dtype=float) * (1.0 if upper else -1.0)
        j = -1 if upper else 0
        tail = special.log_ndtr(-zeta)
        distance = np.abs(self.support[j] - self.quantile(zeta if upper else -zeta))
        with np.errstate(divide="ignore"):
            inside = np.log(distance)
        return np.where(tail <= math.log(self.weights[j]), tail - self.log_heights[j], inside)[()]

    def _moments(self, x, t):
        R = 1.0 / np.sqrt(t.ravel())
        y = (np.array(self.edges)[:, None] - x.ravel()) * R
        out = posterior(np.array(self.edges), self.log_heights, y, x.ravel() * R, R)
        return [q.reshape(x.shape) for q in out]


@door()
def Uniform(low: float, high: float) -> PiecewiseConstant:
    """The uniform class on [low, high].

    Examples
    --------
    >>> Uniform(1, 3).support
    (1.0, 3.0)
    """
    return PiecewiseConstant((low, high), (1.0,))


@door()
@dataclass(frozen=True)
class Normal:
    """The class N(mean, variance), variance > 0."""

    mean: float
    variance: float = 1.0

    def __post_init__(self) -> None:
        variance = checked("variance", self.variance, low=0, open_low=True, high=1e100)
        settle(self, mean=checked("mean", self.mean), variance=variance)

    @property
    def sigma2(self) -> float:
        """The variance."""
        return self.variance

    def log_density(self, x: Numbers, t: Numbers):
        """Logarithm of the noised density, N(mean, variance + t)."""
        x, t = _points(x, t)
        D = self.variance + t
        return (-0.5 * (x - self.mean) ** 2 / D - 0.5 * np.log(D) - 0.5 * LOG_TWO_PI)[()]

    def score(self, x: Numbers, t: Numbers):
        """Score of the noised density."""
        x, t = _points(x, t)
        return ((self.mean - x) / (self.variance + t))[()]

    def source(self, u: Numbers, R: Numbers):
        """(L, M, V) of the point source at the mean."""
        u, R = _sources(u, R)
        return -0.5 * (u - self.mean * R) ** 2, np.full(u.shape, self.mean), np.zeros(u.shape)

    def tilt(self, theta: float) -> tuple[float, float, float]:
        """(psi, M, V) of the point source at the mean."""
        return theta * self.mean, self.mean, 0.0

    def normal_score(self, x: Numbers, t: Numbers):
        """zeta = (x - mean)/(variance + t)^{1/2}."""
        x, t = _points(x, t)
        return ((x - self.mean) / np.sqrt(self.variance + t))[()]

    def quantile(self, zeta: Numbers):
        """mean + variance^{1/2} zeta."""
        return (self.mean + math.sqrt(self.variance) * np.asarray(zeta, dtype=float))[()]


def numbers(name: str, values) -> np.ndarray:
    """An array of floats, whatever its shape, or an error that names what was given."""
    return array(values, f"{name} must be numbers in a regular array")


def _sequence(name: str, values) -> np.ndarray:
    array = numbers(name, values)
    if array.ndim != 1 or not np.all(np.abs(array) <= LARGEST):
        raise ProblemError(f"{name} must be a sequence of numbers between -1e100 and 1e100; got {values!r}. Rescale.")
    return array


def _points(x, t, *, positive: bool = False) -> tuple[np.ndarray, np.ndarray]:
    x, t = broadcast("x and t must be numbers that broadcast", x, t)
    if np.any(~np.isfinite(t)) or np.any(t < 0) or (positive and np.any(t == 0)):
        raise ProblemError(
            f"t must be finite and {'> 0' if positive else '>= 0'}; got {t.min():g}. The score of a compact class "
            "does not exist at t = 0."
        )
    return x, t


def _sources(u, R) -> tuple[np.ndarray, np.ndarray]:
    u, R = broadcast("u and R must be numbers that broadcast", u, R)
    within = np.all(np.abs(u) <= LARGEST) and np.all((R >= 0) & (R <= LARGEST))
    require(within, f"u must lie between -{LARGEST:g} and {LARGEST:g}, R between 0 and {LARGEST:g}", (u, R))
    return u, R
