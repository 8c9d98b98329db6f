"""Noise levels sigma at which samplers call the model, from the largest down to 0 where the data are.

`karras_sigmas` are those of Karras et al., arXiv:2206.00364, eq. (5); `sd_sigmas` those of Stable Diffusion, where
sigma_k^2 = 1/prod_(j <= k) (1 - beta_j) - 1, and 1000 beta_k^(1/2) go evenly from 0.00085^(1/2) to 0.012^(1/2).
"""

from typing import Any

import numpy as np

from meanfield.errors import ProblemError, array, checked, one_of, require, whole
from meanfield.tools.door import door

TRAINED = 1000  # levels of Stable Diffusion
SPACINGS = ("leading", "trailing", "linspace")


@door()
def karras_sigmas(n: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> np.ndarray:
    """n levels evenly spaced in sigma^(1/rho), and 0: (n + 1,), decreasing.

    Parameters
    ----------
    n : steps of a sampler, >= 1; one step is from sigma_max to 0.
    sigma_min, sigma_max : 0 < sigma_min < sigma_max. With sigma_min = sigma_max/n^rho the last level, 0, is on the same
        grid: so they go to 0 as n grows, where samplers converge.
    rho : >= 1e-3.

    Raises
    ------
    ProblemError : a parameter out of its range.

    Examples
    --------
    >>> karras_sigmas(4, 0.1, 10.0, rho=1)
    array([10. ,  6.7,  3.4,  0.1,  0. ])
    >>> karras_sigmas(4, 10.0 / 4**2, 10.0, rho=2)
    array([10.   ,  5.625,  2.5  ,  0.625,  0.   ])
    """
    n = whole("n", n, low=1, high=1e6)
    rho = checked("rho", rho, low=1e-3, high=1e3)
    high = checked("sigma_max", sigma_max, low=1e-50, high=1e50)
    low = checked("sigma_min", sigma_min, low=1e-50, high=1e50)
    require(low < high, "sigma_min must be below sigma_max", f"sigma_min={low:g}, sigma_max={high:g}")
    roots = np.linspace(high ** (1.0 / rho), low ** (1.0 / rho), n)
    return np.append(roots**rho, 0.0)


@door()
def sd_sigmas(n: int, spacing: str = "leading") -> np.ndarray:
    """The levels of n steps of Stable Diffusion, and 0: (n + 1,), decreasing.

    Parameters
    ----------
    n : steps, 1 to 1000 (2 to 1000 with "linspace").
    spacing : of the n trained steps, as in Table 2 of arXiv:2305.08891 and as DDIM and Euler have them, with offset 0:
        "leading" ends at the least and leaves out the largest, "trailing" begins at the largest, "linspace" does both.

    Raises
    ------
    ProblemError : a parameter out of its range.

    Examples
    --------
    >>> sd_sigmas(4).round(4)
    array([4.0992, 1.6183, 0.6958, 0.0292, 0.    ])
    >>> sd_sigmas(4, "trailing").round(4)
    array([14.6146,  4.0817,  1.6129,  0.6932,  0.    ])
    """
    n = whole("n", n, low=1, high=TRAINED)
    spacing = one_of("spacing", spacing, SPACINGS)
    if spacing == "leading":
        steps = np.arange(n)[::-1] * float(TRAINED // n)
    elif spacing == "trailing":
        steps = np.arange(TRAINED, 0, -TRAINED / n)[:n].round() - 1
    else:
        steps = np.linspace(TRAINED - 1, 0, n)
    betas = np.linspace(0.00085**0.5, 0.012**0.5, TRAINED) ** 2
    trained = np.sqrt(np.expm1(-np.cumsum(np.log1p(-betas))))
    return np.append(np.interp(steps, np.arange(TRAINED), trained), 0.0)


def checked_levels(sigmas: Any) -> tuple[float, ...]:
    """The levels of a sampler as numbers: two or more, decreasing, >= 0.

    Examples
    --------
    >>> checked_levels([10, 1, 0])
    (10.0, 1.0, 0.0)
    >>> checked_levels([1, 10, 0])
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: sigmas must decrease; got sigmas[0] = 1, sigmas[1] = 10.
    """
    rule = "sigmas must be a list of two or more numbers, such as karras_sigmas(20, 0.03, 15)"
    levels = array(sigmas, rule)
    require(levels.ndim == 1 and len(levels) >= 2, rule, sigmas)
    for i, level in enumerate(levels):
        checked(f"sigmas[{i}]", level, low=0, high=1e50)
        if i and level >= levels[i - 1]:
            raise ProblemError(
                f"sigmas must decrease; got sigmas[{i - 1}] = {levels[i - 1]:g}, sigmas[{i}] = {level:g}."
            )
    return tuple(float(level) for level in levels)
