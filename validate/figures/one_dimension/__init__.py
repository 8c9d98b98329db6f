"""Two classes on the line: where guidance really goes."""

from typing import Any

import numpy as np

from meanfield import Normal, TwoClasses, Uniform
from validate.figures.one_dimension.data import line_ends, line_paths
from validate.figures.one_dimension.drawing import draw
from validate.figures.one_dimension.strength import line_strength
from validate.recipe import Data, GalleryFigure, Part

__all__ = ["COMPACT", "FIGURE", "GAUSSIAN", "draw", "line_ends", "line_paths", "line_strength", "strength_of"]

COMPACT = TwoClasses(Uniform(1.0, 2.0), Uniform(-2.0, -1.0))
GAUSSIAN = TwoClasses(Normal(1.0), Normal(-1.0))
POINTS = [1.0, 4.0, 16.0, 64.0, 1024.0, 10_000.0]


def _sizes(profile: str) -> dict[str, int]:
    """Particles cost most: six w, two samplers. Standard errors of 1e-2 are below the size of a marker."""
    sizes = {"quick": (1000, 4, 200), "standard": (600, 8, 300)}.get(profile, (4000, 16, 800))
    return dict(zip(("n_samples", "n_draws", "n_steps"), sizes, strict=True))


def strength_of(classes: TwoClasses, profile: str) -> Part:
    quick = profile == "quick"
    # finer where the distance from the edge falls exponentially; all of the rest is nearly straight
    weights = np.unique([*np.geomspace(1.0, 32.0, 25), *np.geomspace(32.0, 10_000.0, 13 if quick else 21), *POINTS])
    return Part(line_strength, {"classes": classes, "weights": weights, "points": POINTS, **_sizes(profile)})


def _ends(classes: TwoClasses, weights: list[float], profile: str) -> Part:
    sizes: dict[str, Any] = _sizes(profile)
    n = sizes["n_samples"] * sizes["n_draws"]
    return Part(line_ends, {"classes": classes, "weights": weights, "n_samples": n, "n_steps": sizes["n_steps"]})


def _parts(profile: str) -> dict[str, Part]:
    return {
        "paths": Part(line_paths, {"classes": COMPACT, "w": 8.0, "n_steps": 400 if profile == "quick" else 800}),
        "compact": _ends(COMPACT, [0.0, 1.0, 4.0], profile),
        "gaussian": _ends(GAUSSIAN, [0.0, 4.0, 16.0], profile),
        "uniform": strength_of(COMPACT, profile),
        "normal": strength_of(GAUSSIAN, profile),
    }


def _caption(data: Data) -> str:
    ends, normal = data["compact"], data["normal"]
    W1 = normal["W1"].values
    return (
        r"Where guidance goes, exact scores: target uniform on $[1, 2]$ with other class on $[-2, -1]$, and "
        r"$\mathcal{N}(1, 1)$ with $\mathcal{N}(-1, 1)$; equal weights, $T = \infty$. (a) Guided paths overshoot the "
        "support and come back to its far edge. "
        "(b, c) End points of the ODE: change of variables (lines), "
        f"{ends.attrs['n_samples']} particles (points, Poisson errors), tilted density (dashed; for disjoint supports "
        "it is the class, at every $w$). (d) Wasserstein-1 distance from the tilted density: ODE exact (lines), "
        f"particles ({normal.attrs['n_draws']} draws of {normal.attrs['n_samples']}, standard errors): for Gaussians "
        f"it grows to {W1[-1]:.3g} at $w = {float(normal['w'][-1]):g}$, under the SDE to {_last_sde(normal):.2f}."
    )


def _last_sde(data: Any) -> float:
    return float(data["W1_points"].sel(sampler="sde")[-1])


FIGURE = GalleryFigure(
    "one-dimension",
    "Where guidance goes: paths, end points and the tilted density on the line",
    _parts,
    lambda data: draw(
        data["paths"],
        COMPACT.target.support,  # type: ignore[union-attr]
        data["compact"],
        data["gaussian"],
        [("uniform", data["uniform"]), ("Gaussians", data["normal"])],
    ),
    _caption,
)
