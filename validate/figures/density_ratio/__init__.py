"""Guidance as a training objective: what it minimises, and how it fades."""

import json

from meanfield import Continuum, DensityRatio, Exponential, Polynomial, Problem
from validate.figures.density_ratio.data import (
    distortion_over_sizes,
    limit_from_sizes,
    objective_on_a_line,
    weight_on_the_way,
)
from validate.figures.density_ratio.drawing import draw
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words, in_order

__all__ = ["FIGURE", "distortion_over_sizes", "draw", "limit_from_sizes", "objective_on_a_line", "weight_on_the_way"]

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=DensityRatio(0.3, w_max=4.0))


def _parts(profile: str) -> dict[str, Part]:
    size = effort(profile, (100, 16, 100), (400, 32, 150), (1000, 64, 200))
    continuum = {"quick": (16, 32, 64, 128)}.get(profile, (16, 32, 64, 128, 256))
    cases = {
        "continuum": (Continuum(), continuum),
        "exponential": (Exponential(0.4), (12, 14, 16, 18)),
        "polynomial": (Polynomial(2.0), (16, 24, 36)),
    }
    return {
        "line": Part(objective_on_a_line, {"beta": 0.3, "fitted": 24 if profile == "quick" else 40}),
        "weight": Part(weight_on_the_way, {"problem": PROBLEM, "sizes": (12, 18), "theory": (100, 1000), **size}),
        "sizes": Part(distortion_over_sizes, {"problem": PROBLEM, "cases": cases, **size}),
    }


def _caption(data: Data) -> str:
    line, sizes = data["line"], data["sizes"]
    guidance = json.loads(sizes.attrs["problem"])["guidance"]
    found = []
    for sampler in sizes["sampler"].values:
        fit = limit_from_sizes(sizes, "continuum", str(sampler))
        theory, off = (float(sizes.sel(sampler=sampler)[n]) for n in ("shift_limit", "shift_off"))
        z, z_off = ((fit.intercept - x) / fit.error for x in (theory, off))
        found.append(
            f"{sampler.upper()} {fit.intercept:.3f} ± {fit.error:.3f} against {theory:.3f} "
            rf"($z = {z:+.1f}$; ${z_off:+.1f}$ for a $\beta$ 10 % off)"
        )
    w = data["weight"]
    fade, last = float(w["D_fade"].min()), float(w["D_speciation"].max())
    return (
        rf"Guidance as the minimiser of a contrastive objective, $\beta = {guidance['beta']:g}$. (a) Three classes on "
        f"a line, $t = {line.attrs['t']:g}$: closed form, and free values found by SciPy (largest difference "
        rf"{float(line['error']):.0e}); grey: no minimiser. (b) Mean weight against $D$, $\alpha = 0.4$, SDE, $w$ at "
        f"most {guidance['w_max']:g}: lines theory, points particles ({effort_in_words(w)}); ticks: where it fades "
        rf"by (O7), $(1/2)\log L = \log(1/\beta)/d$, $D = {fade:.3g}$ at the least, above speciation at "
        f"{last:.3g}. (c, d) Distortion against $d$: full lines and points, "
        "density-ratio guidance; dotted lines and open points, constant guidance of the same "
        "weight at large $t$. Lines theory at each $d$, points particles, standard errors over draws. Theory of "
        r"constant guidance is the mean field at $\log(P)/d$: exact in the continuum, elsewhere without the "
        f"fluctuations of few classes, which particles have (they differ by up to {_missed(sizes):.0%} of $m(0) - 1$). "
        rf"The mean shift in units of $(\sigma^2/d)^e$, continuum, extrapolated in $1/d$: {'; '.join(found)}."
    )


def _missed(sizes) -> float:
    """Largest relative distance of the mean field from particles with constant guidance."""
    return float(abs(sizes["constant_shift"] / sizes["constant_shift_theory"] - 1.0).max())


FIGURE = GalleryFigure("density-ratio", "Guidance as a training objective", _parts, in_order(draw), _caption)
