"""How the time of speciation grows with dimension, by cloned particles: s_S = (1/2) log d + ... or (1/4) log d + ..."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray
from scipy.optimize import brentq

from meanfield import phi_two, phi_widths, speciation_time, speciation_time_widths
from meanfield.errors import one_of
from simulate import Mixture, clones
from validate.errors import ComparisonError
from validate.figures.speciation.data import measured_time

DIMENSIONS = (16, 64, 256, 1024, 4096)
LEVEL = float(phi_two(1.0, 1.0))  # phi at h = 1
AROUND = np.geomspace(0.6, 1.0 / 0.6, 3)  # split times in units of the expected one; interpolation is off by 3e-4 in s
NARROW, WIDE = 0.25, 1.75  # class variances; the data have variance 1 per direction on average
WORDS = ("means", "covariances")


def speciation_times(differ: str, dimensions: Sequence[int] = DIMENSIONS, **options: Any) -> xarray.Dataset:
    """OU times of speciation of two classes in d dimensions, measured, and their slope in log d.

    Parameters
    ----------
    differ : what differs between the classes: "means" (+-mu, |mu|^2 = 0.75 d, variance 0.25) or "covariances" (mean 0,
        variances 1.75 and 0.25). In both the data have variance 1 per direction.
    dimensions : d, two or more.
    options : of `simulate.clones`.

    Returns
    -------
    xarray.Dataset : over d the time `s` where phi falls through 0.775, by clones (`phi`) and by states noised forward
        (`posterior`), with `s_stderr`; `s_exact`, from phi in closed form; `slope` and `slope_stderr` of fits of s
        against log d, weighted by the errors of s; `slope_exact`, the fit of `s_exact` with the same weights.

    Examples
    --------
    >>> data = speciation_times("covariances", (16, 64), n_samples=100, n_draws=4, n_steps=30, progress=False)
    >>> bool((abs(data["slope"] - data["slope_exact"]) < 6 * data["slope_stderr"]).all())
    True
    """
    one_of("differ", differ, WORDS, error=ComparisonError)
    names = ("phi", "posterior")
    s, stderr, exact = np.empty((2, len(dimensions))), np.empty((2, len(dimensions))), np.empty(len(dimensions))
    for i, d in enumerate(dimensions):
        mixture, phi, expected = _classes(differ, d)
        data = clones(mixture, expected * AROUND, **options)
        for j, name in enumerate(names):
            t, error = measured_time(data, LEVEL, name)
            s[j, i], stderr[j, i] = 0.5 * math.log1p(t), 0.5 * error / (1.0 + t)
        exact[i] = 0.5 * math.log1p(brentq(lambda t, phi=phi: float(phi(t)) - LEVEL, 0.1 * expected, 10.0 * expected))
    fits = [_slope(dimensions, *row, exact) for row in zip(s, stderr, strict=True)]
    columns: dict[str, Any] = {"s": (("by", "d"), s), "s_stderr": (("by", "d"), stderr), "s_exact": ("d", exact)}
    columns |= {n: ("by", [f[n] for f in fits]) for n in fits[0]}
    return xarray.Dataset(columns, {"d": list(dimensions), "by": list(names)}, {"differ": differ, "level": LEVEL})


def _classes(differ: str, d: int) -> tuple[Mixture, Callable[[float], Any], float]:
    """The classes, phi in closed form, and the time that is expected."""
    if differ == "means":
        mu2 = 1.0 - NARROW
        mixture = Mixture(np.sqrt(mu2) * np.array([[1.0], [-1.0]]) * np.ones(d), variances=NARROW)
        return mixture, lambda t: phi_two(NARROW + t, d * mu2), speciation_time(d * mu2 + NARROW, NARROW).t
    widths = (WIDE, NARROW)
    mixture = Mixture(np.zeros((2, d)), variances=list(widths))
    return mixture, lambda t: phi_widths(t, widths, d), speciation_time_widths(widths, d).t


def _slope(dimensions: Sequence[int], s: np.ndarray, stderr: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """Least squares of s against log d with weights 1/stderr^2."""
    x, p = np.log(dimensions), stderr**-2.0
    x = x - np.average(x, weights=p)
    total = float(np.sum(p * x * x))
    slopes = (float(np.sum(p * x * y)) / total for y in (s, exact))
    return {"slope": next(slopes), "slope_stderr": total**-0.5, "slope_exact": next(slopes)}
