"""The solvers that people use, on a denoiser: x <- x + ... down levels sigma[0] > ... > sigma[-1] = 0, VE.

A denoiser is f(x, sigma) -> E[x_0 | x], guided; `Denoiser` makes one of a script's posterior mean and counts its calls:
    x_0 = x + sigma^2 s_w = x + (sigma^2/D) (aim - x),   aim = (1 + w) mu_1 - w b,   D = sigma2 + sigma^2.
`heun` is Algorithm 1 of Karras et al. (arXiv:2206.00364) without churn, two scores a step; `dpmpp` DPM-Solver++ of
Lu et al. (arXiv:2211.01095) as multistep of order 2 and 3 (the latter as k-diffusion's dpmpp_3m_sde with eta = 0), one;
`dpmpp_sde` its SDE of order 2. The last step, to 0, has order 1 in all of them: it takes a small least level.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

Normals = Callable[[], Any]


class Denoiser:
    """The guided denoiser of a script (`benchmarks.peers`) at weight w; `calls` counts its scores."""

    def __init__(self, script: Any, sigma2: float, w: float) -> None:
        self._script, self._sigma2, self._w, self.calls = script, sigma2, w, 0
        self._ahead = (1 + w) * script.means[0]
        self.samples = getattr(script, "samples", None)

    def __call__(self, x: Any, sigma: float) -> Any:
        self.calls += 1
        D = self._sigma2 + sigma * sigma
        share = sigma * sigma / D
        return (1 - share) * x + share * (self._ahead - self._w * self._script.posterior_mean(x, D))


def karras(n: int, least: float, most: float, rho: float = 7.0) -> np.ndarray:
    """n levels between `most` and `least`, even in sigma^(1/rho), and 0: n steps.

    Examples
    --------
    >>> karras(3, 1.0, 9.0, rho=2.0).tolist()
    [9.0, 4.0, 1.0, 0.0]
    """
    return np.append(np.linspace(most ** (1 / rho), least ** (1 / rho), n) ** rho, 0.0)


def heun(denoise: Denoiser, x: Any, levels: np.ndarray) -> Any:
    """Heun's method in sigma."""
    for now, then in pairwise(levels.tolist()):
        slope = (x - denoise(x, now)) / now
        ahead = x + (then - now) * slope
        x = ahead if then == 0 else x + (then - now) * 0.5 * (slope + (ahead - denoise(ahead, then)) / then)
    return x


def dpmpp(denoise: Denoiser, x: Any, levels: np.ndarray, order: int) -> Any:
    """DPM-Solver++, multistep of order 2 or 3."""
    before: list[tuple[float, Any]] = []  # (length of the step, what was denoised at its beginning), newest first
    for now, then in pairwise(levels.tolist()):
        clean = denoise(x, now)
        if then == 0:
            return clean
        h = float(np.log(now / then))
        new = -np.expm1(-h)
        x_next = (then / now) * x + new * clean
        if before:
            r0 = before[0][0] / h
            slope = (clean - before[0][1]) / r0
            if order == 3 and len(before) > 1:
                r1 = before[1][0] / h
                older = (before[0][1] - before[1][1]) / r1
                bend = (slope - older) / (r0 + r1)
                phi_2 = np.expm1(-h) / h + 1.0
                x_next = x_next + phi_2 * (slope + r0 * bend) - (phi_2 / h - 0.5) * bend
            else:
                x_next = x_next + 0.5 * new * slope
        x, before = x_next, [(h, clean), *before[:1]]
    return x


def dpmpp_sde(denoise: Denoiser, x: Any, levels: np.ndarray, normals: Normals) -> Any:
    """DPM-Solver++ for the SDE, multistep of order 2 (midpoint)."""
    last: tuple[float, Any] | None = None
    for now, then in pairwise(levels.tolist()):
        clean = denoise(x, now)
        if then == 0:
            return clean
        h = float(np.log(now / then))
        share = -np.expm1(-2.0 * h)
        x = (then / now) * float(np.exp(-h)) * x + share * clean
        if last is not None:
            x = x + 0.5 * share * (clean - last[1]) * (h / last[0])
        x = x + then * share**0.5 * normals()
        last = (h, clean)
    return x
