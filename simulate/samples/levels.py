"""The noise level that a network is told: x = a x_0 + b z at VE time t = (b/a)^2, and what it calls that level."""

import math
from typing import Any

import numpy as np

from meanfield.errors import array, require, short
from meanfield.problem.noise import Noise, as_noise


class OfProcess:
    """a, b and own time at VE time t."""

    def __init__(self, noise: Noise) -> None:
        self.noise, self.range = noise, (0.0, noise.t_last)

    def __repr__(self) -> str:
        return repr(self.noise)

    def __call__(self, t: float) -> tuple[float, float, float]:
        s = float(self.noise.own_time(min(t, self.noise.t_last)))
        a = float(self.noise.a(s))
        return a, a * math.sqrt(t), s


class OfSteps:
    """a, b and timestep at VE time t, of abar of the training steps."""

    def __init__(self, abar: np.ndarray) -> None:
        falls = abar.ndim == 1 and len(abar) > 1 and bool(np.all(np.diff(abar) < 0) and 0.0 < abar[0] < 1.0)
        rule = "alphas_cumprod must be two or more numbers within (0, 1), falling from the data to noise"
        require(falls and abar[-1] >= 0.0, rule, short(abar.tolist()))
        known = abar[abar > 0.0]  # 0 is pure noise, t = infinity
        self._log_t = np.log((1.0 - known) / known)
        self.range = (float((1.0 - known[0]) / known[0]), float((1.0 - known[-1]) / known[-1]))

    def __repr__(self) -> str:
        return f"{len(self._log_t)} timesteps"

    def __call__(self, t: float) -> tuple[float, float, float]:
        step = float(np.interp(math.log(t), self._log_t, np.arange(len(self._log_t))))
        return 1.0 / math.sqrt(1.0 + t), math.sqrt(t / (1.0 + t)), step


def level_of(noise: Any, alphas_cumprod: Any) -> OfProcess | OfSteps:
    """Of one of the two statements.

    Examples
    --------
    >>> level_of("edm", None)(4.0)
    (1.0, 2.0, 2.0)
    >>> a, b, step = level_of(None, [0.5, 0.2])(2.0)     # their t are 1 and 4
    >>> round(a**2, 6), round(b**2, 6), step
    (0.333333, 0.666667, 0.5)
    """
    given = [name for name, x in (("noise", noise), ("alphas_cumprod", alphas_cumprod)) if x is not None]
    remedy = "EDM() is sigma; a diffusers scheduler has scheduler.alphas_cumprod."
    require(len(given) == 1, "state noise or alphas_cumprod, one of them", " and ".join(given) or "none", remedy)
    if noise is not None:
        return OfProcess(as_noise(noise))
    return OfSteps(array(alphas_cumprod, "alphas_cumprod must be numbers"))
