"""Adaptive Runge-Kutta methods of SciPy on the probability-flow ODE dx/dsigma = (x - x_0)/sigma, all samples at once.

They know nothing of the linear part of the score; their error control is of the root mean square over all coordinates.
"""

from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

METHODS = ("RK45", "DOP853")


def adaptive(method: str, denoise: Any, x: Any, most: float, tolerance: float, bring: Any) -> np.ndarray:
    """x at sigma = 0 from x (samples, dim) at sigma = `most`; `bring` takes an array into the denoiser's library."""
    shape, least = tuple(x.shape), 1e-4 * most

    def slope(sigma: float, flat: np.ndarray) -> np.ndarray:
        sigma = max(sigma, least)  # at 0 the slope is 0: below the least level it is proportional to sigma
        here = bring(flat.reshape(shape))
        return (np.asarray(here - denoise(here, sigma), np.float64) / sigma).ravel()

    start = np.asarray(x, np.float64).ravel()
    found = solve_ivp(slope, (most, 0.0), start, method, rtol=tolerance, atol=tolerance, t_eval=[0.0])
    return found.y[:, -1].reshape(shape)
