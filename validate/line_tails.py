"""Probabilities that strong guidance leaves behind, far below what samples can show, as data for a figure."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from meanfield.errors import ProblemError
from meanfield.line import TwoClasses, crossing_start, end_law
from validate.results.provenance import versions

if TYPE_CHECKING:
    import xarray

__all__ = ["line_tails"]


def line_tails(
    compact: TwoClasses, gaussian: TwoClasses, weights: Sequence[float], *, share: float = 0.1, n_starts: int = 121
) -> "xarray.Dataset":
    """Logarithms of the probability to end short of a point under the guided ODE.

    Parameters
    ----------
    compact, gaussian : classes; the points are `share` of the width below the far edge, and the middle of the means.
    weights : w > 0.

    Returns
    -------
    xarray.Dataset : over w, `edge` and `middle`, natural logarithms; `start_edge`, `start_middle`, the starts z;
        `start_theory`, (L6), NaN where w is too small for it.

    Examples
    --------
    >>> from meanfield.line import Normal, Uniform
    >>> two = TwoClasses(Uniform(1, 2), Uniform(-2, -1)), TwoClasses(Normal(1.0), Normal(-1.0))
    >>> data = line_tails(*two, [1.0, 4.0])
    >>> data["middle"].values.round(2).tolist(), data["edge"].values.round(2).tolist()
    ([-4.69, -35.43], [-0.21, -1.24])
    """
    import xarray
    from scipy.special import log_ndtr

    low, high = compact.target.support  # type: ignore[union-attr]
    point = high - share * (high - low) if compact.sign > 0 else low + share * (high - low)
    middle = 0.5 * (gaussian.target.mean + gaussian.other.mean)
    starts = np.empty((2, len(weights)))
    for j, w in enumerate(weights):
        for i, (classes, x) in enumerate(((compact, point), (gaussian, middle))):
            starts[i, j] = _start(classes, w, x, n_starts)
    return xarray.Dataset(
        {
            "edge": ("w", log_ndtr(starts[0])),
            "middle": ("w", log_ndtr(starts[1])),
            "start_edge": ("w", starts[0]),
            "start_middle": ("w", starts[1]),
            "start_theory": ("w", [_theory(gaussian, w) for w in weights]),
        },
        coords={"w": np.asarray(weights, dtype=float)},
        attrs={"classes": repr((compact, gaussian)), "share": share, "versions": json.dumps(versions())},
    )


def _theory(gaussian: TwoClasses, w: float) -> float:
    try:
        return crossing_start(gaussian, w)
    except ProblemError:
        return float("nan")


def _start(classes: TwoClasses, w: float, x: float, n_starts: int) -> float:
    """The start that ends at x, for a target above: one flow of many starts, wider until they enclose it."""
    reach = 6.0 * (w + 1.0)
    while True:
        z = np.sort(np.linspace(-reach, 8.5, n_starts) * classes.sign)
        law = end_law(classes, w, z=z, tol=1e-6)
        if law.x[0] < x < law.x[-1]:
            return classes.sign * law.start(x)
        reach *= 2.0
