"""What strong guidance leaves behind on the line: tails far below what samples show, and samples off the support."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray
from scipy.special import log_ndtr

from meanfield import ProblemError, TwoClasses, end_law
from meanfield.line import ScoreError, crossing_start, leaving_guidance, share_outside
from simulate import sample_line
from validate.figures.one_dimension.data import about
from validate.results.provenance import versions
from validate.results.tables import tabulate


def line_leaving(
    classes: TwoClasses,
    sizes: Sequence[float] = (1e-2, 1e-4, 1e-6),
    *,
    reach: float = 0.5,
    weights: Sequence[float] | None = None,
    points: Sequence[float] = (30.0, 40.0, 60.0, 80.0, 95.0),
    **options: Any,
) -> xarray.Dataset:
    """Share of guided ODE samples that leave the support under a `ScoreError`, theory (L9) and particles.

    Parameters
    ----------
    options : of `simulate.sample_line`, by default n_samples = 1000, n_steps = 300, seed = 0.

    Returns
    -------
    xarray.Dataset : `share` (size, w); `outside`, with the Wilson interval `low`, `high` (size, point); `threshold`,
        the w at which half of them leave, and `onset` (size).

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> classes = TwoClasses(Uniform(1, 2), Uniform(-2, -1))
    >>> data = line_leaving(classes, (1e-2,), weights=[10.0, 60.0], points=[60.0], n_samples=50, n_steps=100)
    >>> data["threshold"].values.round(1).tolist()
    [34.4]
    """
    from validate.agreement.statistics import wilson

    w = np.linspace(2.0, 128.0, 43) if weights is None else np.asarray(weights, dtype=float)
    errors = [ScoreError(size, reach) for size in sizes]
    options = {"n_samples": 1000, "n_steps": 300, "seed": 0, **options}

    def left(error, one):
        end = sample_line(classes, one, error=error, **options)
        share = np.mean(classes.sign * (end - error.limit(classes)) > 0)
        low, high = wilson(share * options["n_samples"], options["n_samples"], 0.3173)
        return {"outside": share, "low": low, "high": high}

    def limits(error):
        return {"threshold": leaving_guidance(classes, error), "onset": error.onset(classes)}

    def theory(error, one):
        return {"share": share_outside(classes, float(one), error)}

    return xarray.Dataset(
        {
            **tabulate({"size": errors, "w": w}, theory),
            **tabulate({"size": errors, "point": points}, left),
            **tabulate({"size": errors}, limits),
        },
        coords={"size": list(sizes), "w": w, "point": list(points)},
        attrs=about(classes, reach=reach, **options),
    )


def line_tails(
    compact: TwoClasses, gaussian: TwoClasses, weights: Sequence[float], *, share: float = 0.1, n_starts: int = 121
) -> xarray.Dataset:
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
    low, high = compact.target.support  # type: ignore[union-attr]
    point = high - share * (high - low) if compact.sign > 0 else low + share * (high - low)
    middle = 0.5 * (gaussian.target.mean + gaussian.other.mean)

    def measure(w):
        edge, between = _start(compact, w, point, n_starts), _start(gaussian, w, middle, n_starts)
        found = {"edge": log_ndtr(edge), "middle": log_ndtr(between), "start_edge": edge, "start_middle": between}
        return found | {"start_theory": _theory(gaussian, w)}

    return xarray.Dataset(
        tabulate({"w": weights}, measure),
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
