"""End points on the line against the strength of guidance, and their distance from the tilted density."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.line import (
    PiecewiseConstant,
    TwoClasses,
    end_distances,
    end_law,
    end_scale,
    sde_edge_distance,
    tilted_law,
)
from validate.figures.one_dimension.data import SAMPLERS, about

if TYPE_CHECKING:
    import xarray

__all__ = ["line_strength"]

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
) -> "xarray.Dataset":
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
    import xarray
    from scipy.special import ndtri

    w, at = np.asarray(weights, dtype=float), np.asarray(points, dtype=float)
    laws = [end_law(classes, float(one)) for one in w]
    z = ndtri(np.array(QUARTILES))
    distances = np.array([end_distances(law) for law in laws])
    data: dict[str, Any] = {
        "zeta": (("quantile", "w"), np.array([np.interp(z, law.z, law.zeta) for law in laws]).T),
        "W1": ("w", distances[:, 0]),
        "TV": ("w", distances[:, 1]),
        "tilted_mean": ("w", np.array([tilted_law(classes, float(one)).mean for one in w])),
    }
    if classes.compact:
        log_distance = np.array([law.log_edge_distance for law in laws])
        data["mean_distance"] = "w", np.array([law.mean(np.exp(law.log_edge_distance)) for law in laws])
        data["log_distance"] = "w", np.array([np.interp(0.0, laws[0].z, row) for row in log_distance])
        data["sde_distance"] = "w", np.array([sde_edge_distance(classes, float(one)) for one in w])
    options: dict[str, Any] = {"n_samples": n_samples, "n_steps": n_steps}
    measured = np.array([[_particles(classes, one, s, n_draws, seed, options) for one in at] for s in SAMPLERS])
    for k, name in enumerate(("median", "mean", "W1_points")):
        data[name] = ("sampler", "point"), measured[:, :, 0, k]
        data[f"{name}_error"] = ("sampler", "point"), measured[:, :, 1, k]
    coords = {"w": w, "point": at, "quantile": list(QUARTILES), "sampler": list(SAMPLERS)}
    C, slope = end_scale(classes)
    options |= {"n_draws": n_draws, "seed": seed, "C": C, "slope": slope}
    if isinstance(classes.target, PiecewiseConstant):
        options["sign"], options["edge"] = classes.sign, classes.target.support[1 if classes.sign > 0 else 0]
    return xarray.Dataset(data, coords, about(classes, **options))


def _particles(classes: TwoClasses, w: float, sampler: str, n_draws: int, seed: int, options: dict) -> np.ndarray:
    """Median, mean and W1 from the tilted density, with standard errors over draws, (2, 3)."""
    from scipy.special import ndtri

    from simulate import sample_line

    tilted = tilted_law(classes, w)
    n = options["n_samples"]
    quantiles = tilted.quantile(ndtri((np.arange(n) + 0.5) / n))
    rows = []
    for draw in range(n_draws):
        end = np.sort(sample_line(classes, w, sampler=sampler, seed=seed + draw, **options))
        rows.append([np.median(end), end.mean(), np.abs(end - quantiles).mean()])
    values = np.array(rows)
    return np.array([values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(n_draws)])
