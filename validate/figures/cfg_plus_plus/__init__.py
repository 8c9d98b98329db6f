"""CFG++ and the classifier-free guidance that it is."""

from meanfield import Continuum, Problem
from validate.figures.cfg_plus_plus.data import (
    cfg_at,
    cfg_plus_plus,
    effective_scale,
    even_levels,
    plus_plus_against_steps,
)
from validate.figures.cfg_plus_plus.drawing import draw
from validate.recipe import Data, GalleryFigure, Part, in_order

__all__ = ["FIGURE", "cfg_at", "cfg_plus_plus", "draw", "effective_scale", "even_levels", "plus_plus_against_steps"]

PROBLEM = Problem(classes=Continuum(), sigma2=0.25)
STEPS = [5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 40, 50, 60, 70, 85, 100]


def _parts(profile: str) -> dict[str, Part]:
    n_samples, n_disorder = {"quick": (64, 12), "standard": (200, 24)}.get(profile, (400, 48))
    points = [5, 10, 20, 50] if profile == "quick" else [5, 7, 10, 14, 20, 33, 50, 100]
    what = {"problem": PROBLEM, "strengths": [0.3, 0.6, 1.0], "steps": STEPS, "points": points}
    return {"steps": Part(plus_plus_against_steps, {**what, "d": 64, "n_samples": n_samples, "n_disorder": n_disorder})}


def _caption(data: Data) -> str:
    d = data["steps"]
    at = d.sel(strength=0.6)
    few, many = at.sel(steps=10), at.sel(steps=50)
    return (
        r"CFG++ in DDIM, infinitely many classes, $\sigma^2 = 0.25$, levels at a fixed ratio from 15 to 0.03. (a) It "
        r"is classifier-free guidance of scale $\lambda/(1 - \sigma'/\sigma)$, which grows with the number of steps. "
        "(b, c) So more steps act as stronger guidance, and take the variance away. Lines: theory of its own code; "
        "crosses: theory of CFG at that scale. Points: particles at $d = 64$, standard errors over draws at most "
        f"{float(d.m_error.max()):.1g} (mean) and {float(d.v_error.max()):.1g} (variance). "
        rf"At $\lambda = 0.6$, 10 and 50 steps act as scales {float(few.scale):.2f} and {float(many.scale):.2f}: "
        f"$m(0) = {float(few.line_m):.3f}$ and {float(many.line_m):.3f}, "
        rf"$v(0)/\sigma^2 = {float(few.line_v):.3f}$ and {float(many.line_v):.4f}."
    )


FIGURE = GalleryFigure("cfg-plus-plus", "CFG++: why more steps oversaturate", _parts, in_order(draw), _caption)
