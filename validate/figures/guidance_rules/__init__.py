"""Rules of guidance that project, rescale or remember, at one scale."""

from meanfield import Continuum, Problem
from validate.figures.guidance_rules.data import rules_against_steps
from validate.figures.guidance_rules.drawing import draw
from validate.figures.guidance_rules.rules import RULES, ddim_with
from validate.recipe import Data, GalleryFigure, Part, in_order

__all__ = ["FIGURE", "RULES", "ddim_with", "draw", "rules_against_steps"]

PROBLEM = Problem(classes=Continuum(), sigma2=0.25)
STEPS = [5, 7, 10, 14, 20, 30, 50, 70, 100]


def _parts(profile: str) -> dict[str, Part]:
    n_samples, n_disorder = {"quick": (2, 8), "standard": (8, 16)}.get(profile, (16, 32))
    points = [5, 20] if profile == "quick" else [5, 10, 20, 50]
    size = {"scale": 3.0, "n_samples": n_samples, "n_disorder": n_disorder}
    what = {"problem": PROBLEM, "rules": list(RULES), "steps": STEPS, "points": points}
    return {"rules": Part(rules_against_steps, {**what, **size})}


def _caption(data: Data) -> str:
    d = data["rules"]
    at = d.sel(steps=20)
    numbers = ", ".join(
        f"{rule} {float(at.line_m.sel(rule=rule)):.2f}, {float(at.line_v.sel(rule=rule)):.2f}"
        for rule in at.rule.values
    )
    return (
        rf"Rules of guidance at scale {d.attrs['scale']:g} in DDIM, infinitely many classes, $\sigma^2 = 0.25$, levels "
        f"of Stable Diffusion, samples of shape {' x '.join(map(str, d.attrs['shape']))}, predictions of the noise "
        "(momentum -0.5 with a threshold of 15 on the norm; CFG-Zero* with one zero step). Lines: "
        "theory of the rule's own code. Points: particles through the same code, standard errors over draws at most "
        f"{float((d.m_error / d.m).max()):.1g} of the mean and {float((d.v_error / d.v).max()):.1g} of the variance. "
        rf"$m(0)$, $v(0)/\sigma^2$ at 20 steps: {numbers}."
    )


FIGURE = GalleryFigure(
    "guidance-rules", "Rules of guidance: rescaled, projected, with momentum", _parts, in_order(draw), _caption
)
