"""End points on the line against the strength of guidance, and their distance from the tilted density."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray
from scipy.special import ndtri

from meanfield import PiecewiseConstant, TwoClasses, end_law
from meanfield.line import end_distances, end_scale, sde_edge_distance, tilted_law
from simulate import sample_line
from validate.figures.one_dimension.data import SAMPLERS, about
from validate.results.tables import tabulate

QUARTILES = (0.25, 0.5, 0.75)


def line_strength(
    classes: TwoClasses,
    weights: Sequence[float],
    points: Sequence[float],
    *,
    n_samples: int = 2000,
    n_draws: int = 8,
    n_steps: int = 300,
    seed: int = 0,
) -> xarray.Dataset:
    """End points against the guidance, and their distance from the tilted density.

    Parameters
    ----------
    weights : w > 0 of the lines;  points : w > 0 at which particles are run, in n_draws independent batches.

    Returns
    -------
    xarray.Dataset : over (quantile, w), `zeta`, normal scores of the end points of the ODE; over w, `W1`, `TV` from the
        tilted density, `tilted_mean`, and for compact classes `mean_distance` from the edge, `log_distance` (median),
        `sde_distance` (L7); over (sampler, point) with `_error` over draws, `median`, `mean`, `W1_points` of particles.

    Examples
    --------
    >>> from meanfield.line import Normal
    >>> small = {"n_samples": 100, "n_draws": 3, "n_steps": 60}
    >>> data = line_strength(TwoClasses(Normal(1.0), Normal(-1.0)), [4.0, 16.0], [4.0], **small)
    >>> data["W1"].values.round(2).tolist()
    [1.0, 2.56]
    """
    w, at = np.asarray(weights, dtype=float), np.asarray(points, dtype=float)
    laws = [end_law(classes, float(one)) for one in w]
    z = ndtri(np.array(QUARTILES))
    options: dict[str, Any] = {"n_samples": n_samples, "n_steps": n_steps}

    def lines(point):
        law, one = point
        W1, TV = end_distances(law)
        found = {"zeta": ("quantile", np.interp(z, law.z, law.zeta)), "W1": W1, "TV": TV}
        found["tilted_mean"] = tilted_law(classes, float(one)).mean
        if classes.compact:
            found["mean_distance"] = law.mean(np.exp(law.log_edge_distance))
            found["log_distance"] = np.interp(0.0, laws[0].z, law.log_edge_distance)
            found["sde_distance"] = sde_edge_distance(classes, float(one))
        return found

    def particles(sampler, one):
        """Over draws: the median, the mean, and W1 from the tilted density."""
        quantiles = tilted_law(classes, one).quantile(ndtri((np.arange(n_samples) + 0.5) / n_samples))
        rows = []
        for draw in range(n_draws):
            end = np.sort(sample_line(classes, one, sampler=sampler, seed=seed + draw, **options))
            rows.append([np.median(end), end.mean(), np.abs(end - quantiles).mean()])
        names, error = ("median", "mean", "W1_points"), np.std(rows, axis=0, ddof=1) / np.sqrt(n_draws)
        found = dict(zip(names, np.mean(rows, axis=0), strict=True))
        return found | {f"{name}_error": x for name, x in zip(names, error, strict=True)}

    columns = {
        **tabulate({"w": [*zip(laws, w, strict=True)]}, lines),
        **tabulate({"sampler": SAMPLERS, "point": at}, particles),
    }
    coords = {"w": w, "point": at, "quantile": list(QUARTILES), "sampler": list(SAMPLERS)}
    C, slope = end_scale(classes)
    attrs: dict[str, Any] = {**options, "n_draws": n_draws, "seed": seed, "C": C, "slope": slope}
    if isinstance(classes.target, PiecewiseConstant):
        attrs["sign"], attrs["edge"] = classes.sign, classes.target.support[1 if classes.sign > 0 else 0]
    data = xarray.Dataset(columns, coords, about(classes, **attrs))
    return data.transpose("quantile", "sampler", "w", "point")
