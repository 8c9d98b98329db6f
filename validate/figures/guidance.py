"""Distortion at t = 0 against constant guidance w: theory on a line, particles at a few points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Continuum, Exponential, Problem, solve
from meanfield.problem.growth import Growth
from simulate import run
from validate.drawing import SAMPLER, canvas, face_of, lettered, named_lines, shades
from validate.figures.curves import (
    RATIO,
    SAMPLERS,
    SHIFT,
    about,
    distortion_of,
    final_distortion,
    name_of,
    pretty,
)
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words, in_order
from validate.results.tables import Show, tabulate


def against_w(
    classes: Sequence[Growth], weights: Sequence[float], points: Sequence[float], *, d: int, sigma2: float = 0.25,
    samplers: Sequence[str] = SAMPLERS, progress: Show = None, **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """m(0) - 1 and v(0)/sigma2 against constant w: theory at d = infinity at `weights`, particles at d at `points`.

    Returns
    -------
    xarray.Dataset : `line_shift`, `line_v_ratio` (growth, sampler, w); `shift`, `v_ratio` with `_error` (growth,
        sampler, point).

    Examples
    --------
    >>> data = against_w([Continuum()], [0.0, 1.0], [1.0], d=8, n_samples=50, n_disorder=4, n_steps=20, progress=False)
    >>> data.line_v_ratio.values[0, 1].round(3)                 # ODE: no distortion at w = 0
    array([1. , 0.2])
    """
    base = Problem(classes=Continuum(), sigma2=sigma2, guidance=0.0)

    def guided(growth, sampler, w):
        return base.replace(classes=growth, sampler=sampler, guidance=float(w))

    def line(*at):
        return distortion_of(solve(guided(*at)), "line")

    def particles(*at):
        return final_distortion(run(guided(*at), d=d, progress=False, **options))

    grid: dict[str, Any] = {"growth": classes, "sampler": list(samplers)}
    return xarray.Dataset(
        {
            **tabulate({**grid, "w": weights}, line),
            **tabulate({**grid, "point": points}, particles, title=f"against w, d = {d}", progress=progress),
        },
        coords={**grid, "growth": [name_of(g) for g in classes], "w": list(weights), "point": list(points)},
        attrs=about(base, options) | {"d": d},
    )


def draw(data: xarray.Dataset, axes=None):
    """Mean shift and variance against w, one column a sampler: result of `against_w`.

    Parameters
    ----------
    axes : (2, samplers); made if None.

    Returns
    -------
    (fig, axes)
    """
    n = data.sizes["sampler"]
    with canvas(axes, (7.0, 4.8), (2, n), sharex=True, sharey="row") as (figure, axes):
        for (kind, label), row in zip((("shift", SHIFT), ("v_ratio", RATIO)), axes, strict=True):
            for axis, sampler in zip(row, data.sampler.values, strict=True):
                _against_w(axis, data.sel(sampler=sampler), kind)
            row[0].set_ylabel(label)
        for below in axes[-1]:
            below.set_xlabel("guidance w")
        kinds = [SAMPLER[sampler].label for sampler in data.sampler.values]
        lettered(axes.flat, *(f"{name}, {kind}" for name in ("mean", "variance") for kind in kinds))
        for axis in axes.flat:
            named_lines(axis, {pretty(g): line for g, line in zip(data.growth.values, axis.lines, strict=False)})
    return figure, axes


def _against_w(axis: Any, data: xarray.Dataset, kind: str) -> None:
    """One sampler: a line and its points for each growth; the lines come first."""
    colours, sampler = shades(data.sizes["growth"]), str(data.sampler.values)
    look = SAMPLER[sampler]
    for growth, colour in zip(data.growth.values, colours, strict=True):
        axis.plot(data.w, data[f"line_{kind}"].sel(growth=growth), color=colour, ls=look.line)
    for growth, colour in zip(data.growth.values, colours, strict=True):
        at = data.sel(growth=growth)
        points = {"fmt": look.marker, "color": colour, "mfc": face_of(sampler, colour), "ms": 3.5}
        axis.errorbar(at.point, at[kind], at[f"{kind}_error"], **points)
    axis.axhline(0.0 if kind == "shift" else 1.0, color="0.6", lw=0.7, ls=":", zorder=0)


def _parts(profile: str) -> dict[str, Part]:
    classes = [Exponential(0.2), Exponential(0.4), Exponential(0.7), Continuum()]
    arguments = {
        "classes": classes,
        "weights": np.linspace(-0.3, 5.0, {"quick": 54}.get(profile, 107)),
        "points": np.array([0.5, 1.0, 2.0, 3.0, 5.0]),
        "d": 200,
        **effort(profile, (16, 12, 100), (64, 40, 300), (128, 40, 300)),
    }
    return {"curves": Part(against_w, arguments)}


def _caption(data: Data) -> str:
    d = data["curves"]
    return (
        rf"Distortion at $t = 0$ against constant guidance $w$, $\sigma^2 = {d.attrs['sigma2']:g}$, $T = \infty$. "
        rf"Lines: theory at $d = \infty$. Points: particles at $d = {d.attrs['d']}$, {effort_in_words(d)}; standard "
        f"errors over draws at most {float(d.shift_error.max()):.1g} (mean) and "
        f"{float(d.v_ratio_error.max()):.1g} (variance)."
    )


FIGURE = GalleryFigure("guidance", "Distortion against w", _parts, in_order(draw), _caption)
