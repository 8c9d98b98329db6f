"""Strong guidance on the line: far edge, escape, rare failures, score errors."""

import numpy as np

from validate.figures.one_dimension import COMPACT, GAUSSIAN, strength_of
from validate.figures.strong_guidance.data import line_leaving, line_tails
from validate.figures.strong_guidance.drawing import draw
from validate.recipe import Data, GalleryFigure, Part, in_order

__all__ = ["FIGURE", "draw", "line_leaving", "line_tails"]


def _parts(profile: str) -> dict[str, Part]:
    quick = profile == "quick"
    sizes = {"n_samples": 300, "n_steps": 400} if quick else {"n_samples": 1000, "n_steps": 800}
    weights = np.geomspace(0.5, 64.0 if quick else 256.0, 15 if quick else 19)
    return {
        "uniform": strength_of(COMPACT, profile),
        "normal": strength_of(GAUSSIAN, profile),
        "tails": Part(line_tails, {"compact": COMPACT, "gaussian": GAUSSIAN, "weights": weights}),
        "leaving": Part(line_leaving, {"classes": COMPACT, **sizes}),
    }


def _caption(data: Data) -> str:
    found = ", ".join(
        f"{float(w):.3g} at {float(size):.0e}"
        for size, w in zip(data["leaving"]["size"], data["leaving"]["threshold"], strict=True)
    )
    uniform = data["uniform"]
    return (
        "Strong guidance on the line; classes as in the figure before. (a) Mean distance from the far edge: "
        r"exponentially small for the ODE, as $1/\log w$ for the SDE; dotted, the shape of the bound. (b) "
        rf"$(x - 1)/w^{{1/2}}$ tends to $C = {data['normal'].attrs['C']:.6f}$ for the ODE; SDE and tilted density go "
        r"out like $\log(w)/2$. (c) Probability to fall short: its logarithm falls like $w^2$, faster than the claimed "
        r"$\exp(-\Omega(w))$. (d) A score "
        f"that vanishes {data['leaving'].attrs['reach']:g} beyond the edge, an $L^2$ error of at most the size given: "
        f"half of the samples leave the support above $w$ = {found}. Lines: exact flow; points: particles "
        f"({uniform.attrs['n_draws']} draws of {uniform.attrs['n_samples']}, standard errors; (d) "
        f"{data['leaving'].attrs['n_samples']} samples, Wilson intervals)."
    )


FIGURE = GalleryFigure(
    "strong-guidance",
    "Strong guidance on the line: far edge, escape, rare failures, score errors",
    _parts,
    in_order(draw),
    _caption,
)
