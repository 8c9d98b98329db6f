"""Figures of two classes on the line: where guidance really goes, and what is left when it is strong."""

from typing import Any

import numpy as np

from meanfield.line import Normal, TwoClasses, Uniform
from validate.figures import line
from validate.gallery.recipe import Data, GalleryFigure, Part
from validate.line import line_ends, line_leaving, line_paths, line_strength
from validate.line_tails import line_tails

__all__ = ["ONE_DIMENSION", "STRONG"]

COMPACT = TwoClasses(Uniform(1.0, 2.0), Uniform(-2.0, -1.0))
GAUSSIAN = TwoClasses(Normal(1.0), Normal(-1.0))
POINTS = [1.0, 4.0, 16.0, 64.0, 1024.0, 10_000.0]


def _sizes(profile: str) -> dict[str, int]:
    """Particles cost most: six w, two samplers. Standard errors of 1e-2 are below the size of a marker."""
    sizes = {"quick": (1000, 4, 200), "standard": (600, 8, 300)}.get(profile, (4000, 16, 800))
    return dict(zip(("n_samples", "n_draws", "n_steps"), sizes, strict=True))


def _strength(classes: TwoClasses, profile: str) -> Part:
    quick = profile == "quick"
    # finer where the distance from the edge falls exponentially; all of the rest is nearly straight
    weights = np.unique([*np.geomspace(1.0, 32.0, 25), *np.geomspace(32.0, 10_000.0, 13 if quick else 21), *POINTS])
    return Part(line_strength, {"classes": classes, "weights": weights, "points": POINTS, **_sizes(profile)})


def _ends(classes: TwoClasses, weights: list[float], profile: str) -> Part:
    sizes: dict[str, Any] = _sizes(profile)
    n = sizes["n_samples"] * sizes["n_draws"]
    return Part(line_ends, {"classes": classes, "weights": weights, "n_samples": n, "n_steps": sizes["n_steps"]})


def _dimension_parts(profile: str) -> dict[str, Part]:
    return {
        "paths": Part(line_paths, {"classes": COMPACT, "w": 8.0, "n_steps": 400 if profile == "quick" else 800}),
        "compact": _ends(COMPACT, [0.0, 1.0, 4.0], profile),
        "gaussian": _ends(GAUSSIAN, [0.0, 4.0, 16.0], profile),
        "uniform": _strength(COMPACT, profile),
        "normal": _strength(GAUSSIAN, profile),
    }


def _dimension_caption(data: Data) -> str:
    ends, normal = data["compact"], data["normal"]
    W1 = normal["W1"].values
    return (
        "Where guidance goes, exact scores: target uniform on [1, 2] with other class on [-2, -1], and N(1,1) with "
        "N(-1,1); equal weights, T = infinity. (a) Guided paths overshoot the support and come back to its far edge. "
        "(b, c) End points of the ODE: change of variables (lines), "
        f"{ends.attrs['n_samples']} particles (points, Poisson errors), tilted density (dashed; for disjoint supports "
        "it is the class, at every w). (d) Wasserstein-1 distance from the tilted density: ODE exact (lines), "
        f"particles ({normal.attrs['n_draws']} draws of {normal.attrs['n_samples']}, standard errors): for Gaussians "
        f"it grows to {W1[-1]:.3g} at w = {float(normal['w'][-1]):g}, under the SDE to {_last_sde(normal):.2f}."
    )


def _last_sde(data: Any) -> float:
    return float(data["W1_points"].sel(sampler="sde")[-1])


ONE_DIMENSION = GalleryFigure(
    "one-dimension",
    "Where guidance goes: paths, end points and the tilted density on the line",
    _dimension_parts,
    lambda data: line.where_it_goes(
        data["paths"],
        COMPACT.target.support,  # type: ignore[union-attr]
        data["compact"],
        data["gaussian"],
        [("uniform", data["uniform"]), ("Gaussians", data["normal"])],
    ),
    _dimension_caption,
)


def _strong_parts(profile: str) -> dict[str, Part]:
    quick = profile == "quick"
    sizes = {"n_samples": 300, "n_steps": 400} if quick else {"n_samples": 1000, "n_steps": 800}
    weights = np.geomspace(0.5, 64.0 if quick else 256.0, 15 if quick else 19)
    return {
        "uniform": _strength(COMPACT, profile),
        "normal": _strength(GAUSSIAN, profile),
        "tails": Part(line_tails, {"compact": COMPACT, "gaussian": GAUSSIAN, "weights": weights}),
        "leaving": Part(line_leaving, {"classes": COMPACT, **sizes}),
    }


def _strong_caption(data: Data) -> str:
    found = ", ".join(
        f"{float(w):.3g} at {float(size):.0e}"
        for size, w in zip(data["leaving"]["size"], data["leaving"]["threshold"], strict=True)
    )
    uniform = data["uniform"]
    return (
        "Strong guidance on the line; classes as in the figure before. (a) Mean distance from the far edge: "
        "exponentially small for the ODE, as 1/log w for the SDE; dotted, the shape of the bound. (b) (x - 1)/w^{1/2} "
        f"tends to C = {data['normal'].attrs['C']:.6f} for the ODE; SDE and tilted density go out like log(w)/2. (c) "
        "Probability to fall short: its logarithm falls like w^2, faster than the claimed exp(-Omega(w)). (d) A score "
        f"that vanishes {data['leaving'].attrs['reach']:g} beyond the edge, an L2 error of at most the size given: "
        f"half of the samples leave the support above w = {found}. Lines: exact flow; points: particles "
        f"({uniform.attrs['n_draws']} draws of {uniform.attrs['n_samples']}, standard errors; (d) "
        f"{data['leaving'].attrs['n_samples']} samples, Wilson intervals)."
    )


STRONG = GalleryFigure(
    "strong-guidance",
    "Strong guidance on the line: far edge, escape, rare failures, score errors",
    _strong_parts,
    lambda data: line.strong_guidance(data["uniform"], data["normal"], data["tails"], data["leaving"]),
    _strong_caption,
)
