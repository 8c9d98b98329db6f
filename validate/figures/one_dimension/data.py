"""Where guidance goes on the line: paths, and densities of the end points.

Theory (`meanfield.line`) beside particles (`simulate.sample_line`); see docs/one-dimension.md.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray
from scipy.special import ndtri

from meanfield import PiecewiseConstant, TwoClasses, end_law
from meanfield.line import tilted_law, trajectories
from simulate import sample_line
from validate.results.provenance import versions
from validate.results.tables import tabulate

SAMPLERS = ("ode", "sde")


def line_paths(
    classes: TwoClasses, w: float, *, n_paths: int = 6, n_times: int = 241, n_steps: int = 600, seed: int = 0
) -> xarray.Dataset:
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
        attrs=about(classes, w=w, n_steps=n_steps, seed=seed),
    )


def line_ends(
    classes: TwoClasses,
    weights: Sequence[float] = (0.0, 1.0, 4.0),
    *,
    x: Sequence[float] | None = None,
    bins: int = 25,
    **options: Any,
) -> xarray.Dataset:
    """Density of the end points: exact (ODE), tilted, and histograms of particles, ODE and SDE.

    Parameters
    ----------
    x : points of the lines, increasing; default the support, or six standard deviations around what is sampled.
    bins : of the histograms, over the range of x.
    options : of `simulate.sample_line`, by default n_samples = 4000, n_steps = 300, seed = 0.

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
    laws = [end_law(classes, w) for w in weights]
    at = _range(classes, laws) if x is None else np.asarray(x, dtype=float)
    edges = np.linspace(at[0], at[-1], bins + 1)
    options = {"n_samples": 4000, "n_steps": 300, "seed": 0, **options}
    n_samples = options["n_samples"]
    scale = n_samples * (edges[1] - edges[0])

    def lines(law, w):
        tilted = tilted_law(classes, w)
        return {"density": ("x", law.density(at)), "tilted": ("x", np.exp(tilted.log_density(at)))}

    def histogram(sampler, w):
        end = sample_line(classes, w, sampler=sampler, **options)
        if classes.compact:  # particles stop at a small t > 0, some t^{1/2} beyond the edge
            inside = np.clip(end, at[0], at[-1])
            end = np.where(np.abs(end - inside) < 0.01, inside, end)
        counts = np.histogram(end, edges)[0]
        error = np.sqrt(np.maximum(counts, 1.0))
        found = {"histogram": ("bin", counts / scale), "histogram_error": ("bin", error / scale)}
        return found | {"outside": 1.0 - counts.sum() / n_samples}

    return xarray.Dataset(
        {
            **tabulate({"w": [*zip(laws, weights, strict=True)]}, lambda one: lines(*one)),
            **tabulate({"sampler": SAMPLERS, "w": weights}, histogram),
            "middle": ("bin", 0.5 * (edges[1:] + edges[:-1])),
        },
        coords={"w": list(weights), "x": at, "sampler": list(SAMPLERS)},
        attrs=about(classes, **options),
    )


def _range(classes: TwoClasses, laws) -> np.ndarray:
    if isinstance(classes.target, PiecewiseConstant):
        low, high = classes.target.support
        margin = 1e-9 * (high - low)
        return np.linspace(low + margin, high - margin, 401)
    ends = np.array([[law.x[60], law.x[-61]] for law in laws])  # starts from -5.5 to 5.5
    return np.linspace(ends.min(), ends.max(), 401)


def about(classes: TwoClasses, **given: Any) -> dict[str, Any]:
    compact = {"compact": int(classes.compact)}
    return {"classes": repr(classes), **compact, **given, "versions": json.dumps(versions())}
