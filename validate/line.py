"""Where guidance goes on the line, as data for figures: paths, end points, strong guidance, score errors.

Theory (`meanfield.line`) beside particles (`simulate.sample_line`); see docs/one-dimension.md.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.line import (
    PiecewiseConstant,
    ScoreError,
    TwoClasses,
    end_distances,
    end_law,
    end_scale,
    leaving_guidance,
    sde_edge_distance,
    share_outside,
    tilted_law,
    trajectories,
)
from validate.results.provenance import versions

if TYPE_CHECKING:
    import xarray

__all__ = ["line_ends", "line_leaving", "line_paths", "line_strength"]

SAMPLERS = ("ode", "sde")
QUARTILES = (0.25, 0.5, 0.75)


def line_paths(
    classes: TwoClasses, w: float, *, n_paths: int = 6, n_times: int = 241, n_steps: int = 600, seed: int = 0
) -> "xarray.Dataset":
    """Guided paths from t = 1000 w to 1e-5 (times the squared separation): the ODE from quantiles, and SDE particles.

    Returns
    -------
    xarray.Dataset : `ode` (path, t) by `meanfield.line.trajectories`, `sde` (path, t); `z`, the starts of the ODE.

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> data = line_paths(TwoClasses(Uniform(1, 2), Uniform(-2, -1)), 8.0, n_paths=3, n_times=20, n_steps=60)
    >>> bool(data["ode"].max() > 2 and data["ode"][:, -1].max() < 2.01)     # out, and back
    True
    """
    import xarray
    from scipy.special import ndtri

    from simulate import sample_line

    t = np.geomspace(1e3 * max(w, 1.0), 1e-5, n_times) * classes.separation**2
    z = ndtri((np.arange(n_paths) + 0.5) / n_paths)
    options: dict[str, Any] = {"sampler": "sde", "n_samples": n_paths, "n_steps": n_steps, "seed": seed, "t": t}
    return xarray.Dataset(
        {
            "ode": (("path", "t"), trajectories(classes, w, z, t)),
            "sde": (("path", "t"), sample_line(classes, w, **options)),
            "z": ("path", z),
        },
        coords={"t": t},
        attrs=_attrs(classes, w=w, n_steps=n_steps, seed=seed),
    )


def line_ends(
    classes: TwoClasses,
    weights: Sequence[float] = (0.0, 1.0, 4.0),
    *,
    x: Sequence[float] | None = None,
    bins: int = 25,
    n_samples: int = 4000,
    n_steps: int = 300,
    seed: int = 0,
) -> "xarray.Dataset":
    """Density of the end points: exact (ODE), tilted, and histograms of particles, ODE and SDE.

    Parameters
    ----------
    x : points of the lines, increasing; default the support, or six standard deviations around what is sampled.
    bins : of the histograms, over the range of x.

    Returns
    -------
    xarray.Dataset : `density` and `tilted` (w, x); `histogram` and `histogram_error` (sampler, w, bin), Poisson;
        `outside`, the share of particles beyond the range (sampler, w); `middle` of the bins.

    Examples
    --------
    >>> from meanfield.line import Normal
    >>> data = line_ends(TwoClasses(Normal(1.0), Normal(-1.0)), (0.0, 2.0), n_samples=200, n_steps=60)
    >>> data["histogram"].dims
    ('sampler', 'w', 'bin')
    """
    import xarray

    from simulate import sample_line

    laws = [end_law(classes, w) for w in weights]
    at = _range(classes, laws) if x is None else np.asarray(x, dtype=float)
    edges = np.linspace(at[0], at[-1], bins + 1)
    options: dict[str, Any] = {"n_samples": n_samples, "n_steps": n_steps, "seed": seed}
    counts = np.empty((len(SAMPLERS), len(laws), bins))
    outside = np.empty((len(SAMPLERS), len(laws)))
    for i, sampler in enumerate(SAMPLERS):
        for j, w in enumerate(weights):
            end = sample_line(classes, w, sampler=sampler, **options)
            if classes.compact:  # particles stop at a small t > 0, some t^{1/2} beyond the edge
                inside = np.clip(end, at[0], at[-1])
                end = np.where(np.abs(end - inside) < 0.01, inside, end)
            counts[i, j] = np.histogram(end, edges)[0]
            outside[i, j] = 1.0 - counts[i, j].sum() / n_samples
    scale = n_samples * (edges[1] - edges[0])
    return xarray.Dataset(
        {
            "density": (("w", "x"), np.array([law.density(at) for law in laws])),
            "tilted": (("w", "x"), np.array([np.exp(tilted_law(classes, w).log_density(at)) for w in weights])),
            "histogram": (("sampler", "w", "bin"), counts / scale),
            "histogram_error": (("sampler", "w", "bin"), np.sqrt(np.maximum(counts, 1.0)) / scale),
            "outside": (("sampler", "w"), outside),
            "middle": ("bin", 0.5 * (edges[1:] + edges[:-1])),
        },
        coords={"w": list(weights), "x": at, "sampler": list(SAMPLERS)},
        attrs=_attrs(classes, **options),
    )


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
    return xarray.Dataset(data, coords, _attrs(classes, **options))


def line_leaving(
    classes: TwoClasses,
    sizes: Sequence[float] = (1e-2, 1e-4, 1e-6),
    *,
    reach: float = 0.5,
    weights: Sequence[float] | None = None,
    points: Sequence[float] = (30.0, 40.0, 60.0, 80.0, 95.0),
    n_samples: int = 1000,
    n_steps: int = 300,
    seed: int = 0,
) -> "xarray.Dataset":
    """Share of guided ODE samples that leave the support under a `ScoreError`, theory (L9) and particles.

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
    import xarray

    from simulate import sample_line
    from validate.agreement.statistics import wilson

    w = np.linspace(2.0, 128.0, 43) if weights is None else np.asarray(weights, dtype=float)
    errors = [ScoreError(size, reach) for size in sizes]
    options: dict[str, Any] = {"n_samples": n_samples, "n_steps": n_steps, "seed": seed}
    outside = np.empty((len(errors), len(points)))
    for i, error in enumerate(errors):
        for j, one in enumerate(points):
            end = sample_line(classes, one, error=error, **options)
            outside[i, j] = np.mean(classes.sign * (end - error.limit(classes)) > 0)
    interval = np.array([[wilson(share * n_samples, n_samples, 0.3173) for share in row] for row in outside])
    return xarray.Dataset(
        {
            "share": (("size", "w"), np.array([[share_outside(classes, float(v), e) for v in w] for e in errors])),
            "outside": (("size", "point"), outside),
            "low": (("size", "point"), interval[:, :, 0]),
            "high": (("size", "point"), interval[:, :, 1]),
            "threshold": ("size", [leaving_guidance(classes, error) for error in errors]),
            "onset": ("size", [error.onset(classes) for error in errors]),
        },
        coords={"size": list(sizes), "w": w, "point": list(points)},
        attrs=_attrs(classes, reach=reach, **options),
    )


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


def _range(classes: TwoClasses, laws) -> np.ndarray:
    if isinstance(classes.target, PiecewiseConstant):
        low, high = classes.target.support
        margin = 1e-9 * (high - low)
        return np.linspace(low + margin, high - margin, 401)
    ends = np.array([[law.x[60], law.x[-61]] for law in laws])  # starts from -5.5 to 5.5
    return np.linspace(ends.min(), ends.max(), 401)


def _attrs(classes: TwoClasses, **given: Any) -> dict[str, Any]:
    compact = {"compact": int(classes.compact)}
    return {"classes": repr(classes), **compact, **given, "versions": json.dumps(versions())}
