"""The picture that needs no theory: samples of one class among many in the plane, unguided, guided and designed."""

import json
import math
from typing import Any

import numpy as np
import xarray

from meanfield import Continuum, Fixed, Problem, design, solve
from simulate import sample_mixture
from validate.drawing import SAMPLER, canvas, lettered
from validate.recipe import Data, GalleryFigure, Part, in_order


def plane(
    n_classes: int = 60,
    sigma2: float = 0.15,
    sampler: str | float = "ode",
    *,
    w_strong: float = 2.0,
    n_samples: int = 3000,
    n_steps: int = 200,
    seed: int = 0,
) -> xarray.Dataset:
    """Particles with exact scores in two dimensions: one class of an evenly spread Gaussian cloud of classes.

    The class means lie on a spiral with the radii of a Gaussian cloud, the target at a typical radius, sqrt(2). That
    many classes are nearly a continuum, whose theory holds at any d, so the schedule is `design` of the continuum with
    the largest separation, and the constant that it is compared with is that of the same mean shift.

    Returns
    -------
    xarray.Dataset : `x` over (guidance, sample, axis); `means` over (class, axis); `m` and `v_ratio` of the samples by
        guidance, `m_theory` and `v_ratio_theory` of the continuum; `label`. Attributes: target, sigma2, problem, seed.

    Examples
    --------
    >>> data = plane(n_samples=200, n_steps=40)
    >>> [round(float(v), 1) for v in data.v_ratio_theory]      # unguided, same mean, strong, designed
    [1.0, 0.4, 0.0, 1.0]
    """
    means = spiral(n_classes)
    k = int(np.argmin(np.abs(np.linalg.norm(means, axis=1) - math.sqrt(2.0))))
    problem = Problem(classes=Fixed(n_classes), sigma2=sigma2, guidance=0.0, sampler=sampler, t_start=1000.0)
    made = design(problem.replace(classes=Continuum()), maximise="separation", progress=False)
    assert made.same_mean is not None
    constant = made.same_mean[0]
    runs = {
        "no guidance": (0.0, (1.0, 1.0)),
        f"constant w = {constant:.2g}": (constant, (made.same_mean[1].m, made.same_mean[1].v_ratio)),
        f"constant w = {w_strong:.2g}": (w_strong, _theory(problem, w_strong)),
        "designed": (made.schedule, (made.outcome.m, made.outcome.v_ratio)),
    }
    options: dict[str, Any] = {"target": k, "n_samples": n_samples, "n_steps": n_steps, "seed": seed}
    about = {"target": k, "sigma2": sigma2, "seed": seed, "n_steps": n_steps}
    x = np.array([sample_mixture(problem.replace(guidance=g), means, **options) for g, _ in runs.values()])
    m = (x @ means[k]).mean(axis=1) / (means[k] @ means[k])
    v = x.var(axis=1, ddof=1).mean(axis=1) / sigma2
    theory = np.array([t for _, t in runs.values()])
    return xarray.Dataset(
        {
            "x": (("guidance", "sample", "axis"), x),
            "means": (("class", "axis"), means),
            "m": ("guidance", m),
            "v_ratio": ("guidance", v),
            "m_theory": ("guidance", theory[:, 0]),
            "v_ratio_theory": ("guidance", theory[:, 1]),
        },
        coords={"guidance": list(runs)},
        attrs={**about, "problem": json.dumps(made.problem.to_dict()), "text": str(made)},
    )


def spiral(n: int) -> np.ndarray:
    """Points with golden-angle steps and the radii of a standard Gaussian in the plane, shape (n, 2)."""
    k = np.arange(n)
    radius = np.sqrt(-2.0 * np.log1p(-(k + 0.5) / n))
    angle = k * math.pi * (3.0 - math.sqrt(5.0))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _theory(problem: Problem, w: float) -> tuple[float, float]:
    final = solve(problem.replace(classes=Continuum(), guidance=w)).final
    return float(final.m), float(final.v) / problem.sigma2


WIDTHS = (1.0, 2.0)  # contours, in standard deviations


def draw(data: xarray.Dataset, axes=None):
    """One panel for each guidance: samples in colour, the true class as black contours, other classes in grey.

    Parameters
    ----------
    data : result of `plane`.
    axes : one axis for each guidance; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.patches import Circle

    n = data.sizes["guidance"]
    with canvas(axes, (7.0, 2.35), n, across=2, sharex=True, sharey=True) as (figure, axes):
        target, sigma = data.means.values[data.attrs["target"]], data.attrs["sigma2"] ** 0.5
        eta = json.loads(data.attrs["problem"])["sampler"]
        colour = SAMPLER.get(eta, SAMPLER["ode"]).colour
        others = np.delete(data.means.values, data.attrs["target"], axis=0)
        for i, axis in enumerate(axes):
            row = data.isel(guidance=i)
            for mean in others:
                axis.add_patch(Circle(mean, sigma, fc="0.9", ec="none", alpha=0.35, zorder=0))
            axis.plot(*others.T, ".", color="0.55", ms=3, zorder=1)
            axis.plot(*row.x.values.T, ".", color=colour, ms=1.4, alpha=0.35, zorder=2)
            for width in WIDTHS:
                axis.add_patch(Circle(target, width * sigma, fc="none", ec="black", lw=1.1, zorder=3))
            axis.plot(*target, "+", color="black", ms=7, zorder=4)
            text = f"mean {float(row.m):.2f}, variance {float(row.v_ratio):.2f}"
            axis.set(xlabel=text, aspect="equal", xticks=[], yticks=[])
            reach = 3.9 * sigma
            axis.set(xlim=(target[0] - reach, target[0] + reach), ylim=(target[1] - reach, target[1] + reach))
        lettered(axes.flat, *map(str, data.guidance.values))
    return figure, axes


def _parts(profile: str) -> dict[str, Part]:
    return {"samples": Part(plane, {"n_samples": {"quick": 1500}.get(profile, 4000)})}


def _caption(data: Data) -> str:
    d = data["samples"]
    return (
        f"One class (black: one and two standard deviations) among {d.sizes['class']}, $d = 2$, "
        rf"$\sigma^2 = {d.attrs['sigma2']:g}$, ODE; {d.sizes['sample']} samples a panel with the exact score. "
        "Constant guidance moves the mean outwards and shrinks the class; the designed schedule, negative late, keeps "
        "its variance. Numbers below: mean and variance, in units of the class's own, over the samples."
    )


FIGURE = GalleryFigure("plane", "The problem in two dimensions", _parts, in_order(draw), _caption)
