"""Two classes far out without sampling: the law of one number on a grid, as a reference for `few_limits(2, w, eta)`.

With orthogonal means u = y_1 - y_2 closes, du = e (2 w pi_2 - u) dtau + eta (2 kappa)^(1/2) dB, and y_1 + y_2 knows
nothing of it. U = u/(2 kappa)^(1/2) has the density rho of a Fokker-Planck equation (eta > 0; Crank-Nicolson), or moves
its Gaussian start along characteristics (eta = 0).
"""

import numpy as np
from scipy.integrate import solve_ivp, trapezoid
from scipy.linalg import solve_banded
from scipy.special import expit

H = 0.05, 14.0  # kappa^(-1/2) from start to end


def amplitudes(w: float, eta: float, steps: int = 1000, points: int = 1201) -> tuple[float, float]:
    """(C, V) of (F4), (F5) at P = 2."""
    e, tau = 0.5 * (1.0 + eta**2), 2.0 * np.log(np.geomspace(*H, steps + 1))
    averages = np.array(_flow(w, tau) if eta == 0.0 else _diffusion(w, eta, tau, points))  # <pi_2>, <pi_2 u>
    kappa = np.exp(-tau)
    M = trapezoid(e * w * averages[0] * kappa**-e, tau) + 0.5 * w * kappa[0] ** -e
    X = trapezoid(e * w * averages[1] * kappa ** (-2 * e), tau)
    start = (w / 2) ** 2 - 2 * e * w / (1 + eta**2) / 4  # of sum_{i > 0} S_i, far out
    return M, -(X + start * kappa[0] ** (-2 * e))


def _share(u, kappa):
    return expit(-(u + 1.0) / kappa)


def _width(w, eta, kappa):
    """Of U at the start, to first order in 1/kappa: the covariance of the two means has the eigenvalue 1/2 there."""
    return 1.0 - 0.5 * (1.0 + eta**2) * w / (1.0 + eta**2) / kappa / 2.0


def _flow(w, tau):
    xi, kappa = np.linspace(-8.0, 8.0, 401), np.exp(-tau)
    density = np.exp(-0.5 * xi**2) / np.sqrt(2 * np.pi)
    start = w + np.sqrt(2 * kappa[0]) * xi * _width(w, 0.0, kappa[0])
    moved = solve_ivp(
        lambda s, u: 0.5 * (2 * w * _share(u, np.exp(-s)) - u), tau[[0, -1]], start, t_eval=tau, rtol=1e-7, atol=1e-9
    ).y
    share = _share(moved, kappa)
    return trapezoid(share * density[:, None], xi, axis=0), trapezoid(share * moved * density[:, None], xi, axis=0)


def _diffusion(w, eta, tau, points):
    U = np.linspace(-11.0, 11.0 + 3.0 * abs(w), points)
    dx, h = U[1] - U[0], tau[1] - tau[0]
    centre, width = w / np.sqrt(2 * np.exp(-tau[0])), _width(w, eta, np.exp(-tau[0]))
    rho, found, before = np.exp(-0.5 * ((U - centre) / width) ** 2) / width / np.sqrt(2 * np.pi), [], None
    for n, s in enumerate(tau):
        kappa = np.exp(-s)
        u = np.sqrt(2 * kappa) * U
        share = _share(u, kappa)
        drift = 0.5 * (1 + eta**2) * 2 * w * share / np.sqrt(2 * kappa) - 0.5 * eta**2 * U
        bands = np.zeros((3, points))  # d rho/dtau = bands rho
        bands[0, 1:] = 0.5 * eta**2 / dx**2 - drift[1:] / (2 * dx)
        bands[1] = -(eta**2) / dx**2
        bands[2, :-1] = 0.5 * eta**2 / dx**2 + drift[:-1] / (2 * dx)
        if n:
            left = -0.5 * h * bands
            left[1] += 1.0
            right = rho + 0.5 * h * (before[1] * rho)
            right[:-1] += 0.5 * h * before[0, 1:] * rho[1:]
            right[1:] += 0.5 * h * before[2, :-1] * rho[:-1]
            rho = solve_banded((1, 1), left, right)
        before = bands
        found.append((trapezoid(share * rho, U), trapezoid(share * u * rho, U)))
    return np.transpose(found)
