"""Probabilities that strong guidance leaves behind, far below what samples can show, as data for a figure."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from meanfield.line import TwoClasses, crossing_start, end_law
from validate.provenance import versions

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
        `start_theory`, (L6).

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> two = TwoClasses(Uniform(1, 2), Uniform(-2, -1)), TwoClasses(Normal(1.0), Normal(-1.0))
    >>> data = line_tails(*two, [1.0, 4.0])
    >>> data["middle"].values.round(2).tolist(), data["edge"].values.round(2).tolist()
    ([-4.14, -36.24], [-0.21, -1.77])
    """
    import xarray
    from scipy.special import log_ndtr

    low, high = compact.target.support  # type: ignore[union-attr]
    point = high - share * (high - low) if compact.sign > 0 else low + share * (high - low)
    middle = 0.5 * (gaussian.target.mean + gaussian.other.mean)
    starts = np.empty((2, len(weights)))
    for j, w in enumerate(weights):
        for i, (classes, x) in enumerate(((compact, point), (gaussian, middle))):
            reach = 6.0 * (w + 1.0) * max(1.0, classes.separation / max(classes.sigma2, 1.0) ** 0.5 / 4.0)
            z = np.linspace(-reach, 4.0, n_starts) * classes.sign
            starts[i, j] = classes.sign * end_law(classes, w, z=np.sort(z), tol=1e-6).start(x)
    return xarray.Dataset(
        {
            "edge": ("w", log_ndtr(starts[0])),
            "middle": ("w", log_ndtr(starts[1])),
            "start_edge": ("w", starts[0]),
            "start_middle": ("w", starts[1]),
            "start_theory": ("w", [crossing_start(gaussian, w) for w in weights]),
        },
        coords={"w": np.asarray(weights, dtype=float)},
        attrs={"classes": repr((compact, gaussian)), "share": share, "versions": json.dumps(versions())},
    )
