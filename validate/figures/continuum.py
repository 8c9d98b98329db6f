"""Distortion against the number of classes at fixed d, with the limit of infinitely many and the approach to it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Continuum, Fixed, Problem, many_classes, solve
from simulate import run
from validate.drawing import SAMPLER, canvas, face_of, legend_below, lettered, named_lines, shades
from validate.figures.curves import (
    RATIO,
    SAMPLERS,
    SHIFT,
    about,
    distortion_of,
    final_distortion,
)
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words, in_order
from validate.results.tables import Show, tabulate

SHOWN = 0.2  # relative variance of the weight of all classes up to which the order 1/P is drawn


def against_classes(
    counts: Sequence[int], sizes: Sequence[int], *, w: float = 1.0, sigma2: float = 0.25,
    samplers: Sequence[str] = SAMPLERS, progress: Show = None, **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """m(0) - 1 and v(0)/sigma2 against the number of classes at fixed d, with the limit of infinitely many.

    Returns
    -------
    xarray.Dataset : `shift`, `v_ratio` with `_error` (sampler, d, P), the last P being infinity (a continuum, run as
        such); `limit_shift`, `limit_v_ratio` (sampler): theory of the continuum, the same for every d; `many_shift`,
        `many_v_ratio` (sampler, d, fine): `many_classes` on a fine grid of P, nan where P is too small for it.

    Examples
    --------
    >>> data = against_classes((2, 8), (4,), n_samples=20, n_disorder=4, n_steps=20, progress=False)
    >>> data.limit_v_ratio.values.round(4), data.P.values
    (array([0.4133, 0.2   ]), array([ 2.,  8., inf]))
    """
    base, laws = Problem(classes=Continuum(), sigma2=sigma2, guidance=w), [*map(Fixed, counts), Continuum()]

    def limit(sampler):
        return distortion_of(solve(base.replace(sampler=sampler)), "limit")

    def many(sampler, d, number):
        found = many_classes(base.replace(classes=Fixed(round(number)), sampler=sampler), d)
        m, v = (found.m, found.v) if found.variance <= SHOWN else (math.nan, math.nan)
        return {"many_shift": m - 1.0, "many_v_ratio": v / sigma2}

    def particles(sampler, d, law):
        return final_distortion(run(base.replace(classes=law, sampler=sampler), d=d, progress=False, **options))

    where: dict[str, Any] = {"sampler": list(samplers), "d": list(sizes)}
    grid, fine = {**where, "P": laws}, {**where, "fine": np.geomspace(min(counts), 3.0 * max(counts), 60)}
    return xarray.Dataset(
        {
            **tabulate({"sampler": samplers}, limit),
            **tabulate(fine, many),
            **tabulate(grid, particles, title="against the number of classes", progress=progress),
        },
        coords={**grid, **fine, "P": [*map(float, counts), math.inf]},
        attrs=about(base, options),
    )


def draw(data: xarray.Dataset, axes=None):
    """Mean shift and variance against the number of classes: result of `against_classes`.

    Parameters
    ----------
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.3), 2) as (figure, axes):
        finite = np.isfinite(data.P.values)
        last = float(data.P.values[finite].max())
        x = np.where(finite, data.P.values, 8.0 * last)  # infinity, at the right edge
        for axis, kind, label in zip(axes, ("shift", "v_ratio"), (SHIFT, RATIO), strict=True):
            named = {}
            for i, sampler in enumerate(data.sampler.values):
                look = SAMPLER[sampler]
                for k, (d, colour) in enumerate(zip(data.d.values, shades(data.sizes["d"]), strict=True)):
                    at = data.sel(sampler=sampler, d=d)
                    points = {"fmt": look.marker, "color": colour, "mfc": face_of(sampler, colour)}
                    axis.errorbar(
                        x * 1.08 ** (k - 1),
                        at[kind],
                        at[f"{kind}_error"],
                        label=f"d = {d}" if sampler == "sde" else None,
                        **points,
                    )
                    axis.plot(data.fine, at[f"many_{kind}"], color=colour, ls=look.line, lw=1.3)
                limit = float(data[f"limit_{kind}"][i])
                (named[look.label],) = axis.plot([5.0, 14.0 * last], [limit] * 2, color="black", lw=1.0, ls=look.line)
            axis.axhline(0.0 if kind == "shift" else 1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            axis.axvline(2.8 * last, color="0.8", lw=0.8)
            axis.set(xscale="log", xlim=(5.0, 14.0 * last), xlabel="number of classes P", ylabel=label)
            ticks = [10.0**k for k in range(1, round(np.log10(last)) + 1, 1)]
            axis.set_xticks([*ticks, 8.0 * last], [*(f"$10^{{{k}}}$" for k in range(1, len(ticks) + 1)), r"$\infty$"])
            named_lines(axis, named)
        legend_below(axes[1], 3)
        lettered(axes, "mean", "variance")
    return figure, axes


def _parts(profile: str) -> dict[str, Part]:
    counts = tuple(10**k for k in range(1, {"quick": 5}.get(profile, 6)))
    arguments = {"counts": counts, "sizes": (2, 4, 8), **effort(profile, (8, 64, 60), (8, 192, 60), (32, 768, 100))}
    return {"marks": Part(against_classes, arguments)}


def _caption(data: Data) -> str:
    d = data["marks"]
    return (
        rf"Distortion at $w = 1$ against the number of classes $P$ at fixed $d$, $\sigma^2 = {d.attrs['sigma2']:g}$, "
        rf"$T = \infty$; at the right edge infinitely many. Points: particles, {effort_in_words(d)}, standard "
        "errors over draws (discs SDE, squares ODE). Black: theory of the continuum (full SDE, dashed ODE), the same "
        "for every $d$. Coloured: `many_classes`, the continuum and its correction of order $1/P$, drawn where the "
        rf"relative variance of the weight of all classes is below {SHOWN:g}. The mean comes from above: near classes "
        "push it on. The "
        r"larger $d$, the more classes it takes, $P \sim \sigma^{-d}$."
    )


FIGURE = GalleryFigure(
    "continuum", "Infinitely many classes: the same distortion at every d", _parts, in_order(draw), _caption
)
