"""Free energies with a spectrum: (S1)-(S5) of docs/spectra.md, per dimension, over groups of directions.

At a point with overlaps m_i = 1 + delta_i and whitened variances v_i = D_i exp(y_i) of the groups i (q_i = m_i^2 + v_i,
shares r_i), the rest is a crowd while its information K <= alpha. In the glass all D_i are divided by one inverse
temperature beta < 1, D'_i = D_i/beta, such that K = alpha again: only the common temperature of the random-energy model
freezes, not every direction by itself. c_i = 1/(1 + D'_i) describes the rest in both phases.

Arrays have the groups last.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.problem.spectrum import Spectrum
from meanfield.tools.roots import brentq

__all__ = ["Energies", "GroupPoint", "Groups"]


class GroupPoint(NamedTuple):
    """A place on a trajectory: tau = -log(a + t), a the least class variance; delta = m - 1, y = log(v/D) by group."""

    tau: float
    delta: np.ndarray
    y: np.ndarray


class Energies(NamedTuple):
    """What the free energies say at a point: F, K at beta = 1, beta, and c_i = 1/(1 + D_i/beta)."""

    F: float
    K: float
    beta: float
    c: np.ndarray


class Groups:
    """A spectrum and alpha, with the free energies as functions of a point.

    Examples
    --------
    >>> groups = Groups(Spectrum(c=[0.25], u=[1.25]), alpha=0.4)
    >>> e = groups.energies(GroupPoint(groups.tau(1.0), np.zeros(1), np.zeros(1)))     # undistorted, at t = 1
    >>> round(e.F, 6), round(e.K, 6)
    (-0.106107, 0.293893)
    """

    def __init__(self, spectrum: Spectrum, alpha: float) -> None:
        self.alpha = alpha
        self.r, self.c, self.g = np.array(spectrum.share), np.array(spectrum.c), spectrum.g
        self.floor = float(self.c.min())
        self._above = self.c - self.floor

    def tau(self, t: float) -> float:
        """-log(a + t), the time of the solver."""
        return -math.log(self.floor + t)

    def t(self, tau):
        return np.maximum(np.exp(-np.asarray(tau)) - self.floor, 0.0)

    def D(self, tau) -> np.ndarray:
        """(c + t)/g, (..., groups)."""
        return (self._above + np.exp(-np.asarray(tau))[..., None]) / self.g

    def clock(self, tau) -> np.ndarray:
        """d tau_i/d tau, tau_i = -log D_i being the time of group i: (a + t)/(c_i + t), at most 1."""
        rate = np.exp(-np.asarray(tau))[..., None]
        return rate / (self._above + rate)

    def information(self, D: np.ndarray, q: np.ndarray, beta: float = 1.0):
        """K (S3): what it costs to pick the classes that dominate at inverse temperature beta."""
        b = D / beta
        return 0.5 * (np.log1p(1.0 / b) - 1.0 / (1.0 + b) + q / (1.0 + b) ** 2) @ self.r

    def beta(self, D: np.ndarray, q: np.ndarray) -> float:
        """(S4): 1 in the crowd, in the glass the root of K(beta) = alpha (0 at alpha = 0)."""
        if self.alpha <= 0.0:
            return 0.0
        if self.alpha == math.inf or self.information(D, q) <= self.alpha:
            return 1.0
        low = 0.999 * math.sqrt(2.0 * self.alpha / float(self.r @ ((0.5 + q) / D**2)))  # K <= beta^2 <(1/2+q)/(2D^2)>
        root = brentq(
            lambda x: self.information(D, q, math.exp(x)) - self.alpha, min(math.log(low), 0.0), 0.0, xtol=1e-15
        )
        return math.exp(root)

    def energies(self, p: GroupPoint) -> Energies:
        """F = phi_1 - phi_rest (S5) and the state of the rest, written so that nothing cancels at large D."""
        D = self.D(p.tau)
        if self.alpha == -math.inf:
            return Energies(math.inf, math.inf, 0.0, np.zeros_like(D))
        F, K = self.crowd(D, p.delta, p.y)
        if K <= self.alpha:
            return Energies(float(F), float(K), 1.0, 1.0 / (1.0 + D))
        q = (1.0 + p.delta) ** 2 + D * np.exp(p.y)
        beta = self.beta(D, q)
        c = beta / (beta + D)
        F = float(self.r @ ((2.0 * (1.0 + p.delta) - c - q * c * (2.0 - c)) / (2.0 * D)))
        return Energies(F, float(K), beta, c)

    def crowd(self, D: np.ndarray, delta: np.ndarray, y: np.ndarray):
        """F of a crowd, and K, from arrays (..., groups)."""
        spread = (2.0 * delta - np.expm1(y) - delta**2 / D) / (1.0 + D)
        F = -self.alpha + 0.5 * (np.log1p(1.0 / D) + spread) @ self.r
        return F, self.information(D, (1.0 + delta) ** 2 + D * np.exp(y))

    def many(self, tau: np.ndarray, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """F at many times; delta and y are (groups, times)."""
        delta, y = delta.T, y.T
        F, K = self.crowd(self.D(tau), delta, y)
        for i in np.flatnonzero(K > self.alpha):
            F[i] = self.energies(GroupPoint(tau[i], delta[i], y[i])).F
        return F

    def log_weight_of_the_rest(self, D: np.ndarray, q: np.ndarray) -> float:
        """phi_rest, (S2) in the crowd and (S4) in the glass, without shortcuts."""
        beta = self.beta(D, q)
        b = D / beta if beta else np.full_like(D, math.inf)
        if beta == 1.0:
            return self.alpha - 0.5 * float(self.r @ (np.log1p(1.0 / b) + q / (1.0 + b)))
        k = 1.0 / (1.0 + 1.0 / b)  # D'/(1 + D')
        return -float(self.r @ ((q * k**2 + k) / (2.0 * D)))
