"""Which guidance keeps diversity: every rule and schedule at equal shift, and at equal separation."""

import json

import numpy as np

from meanfield import Continuum, Exponential, Problem
from validate.figures.which_guidance.data import equal_terms, gain, guided_to
from validate.figures.which_guidance.drawing import draw
from validate.figures.which_guidance.families import DESIGNED, RULES, SCHEDULES
from validate.figures.which_guidance.fronts import rule_fronts
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words

__all__ = ["FIGURE", "RULES", "SCHEDULES", "draw", "equal_terms", "gain", "guided_to", "rule_fronts"]

MANY = Problem(classes=Continuum(), sigma2=0.25, sampler="ode", t_start=1000.0)
FEW = MANY.replace(classes=Exponential(0.4))
SHIFT, SEPARATION = 0.25, 0.08
TITLES = {
    "shift": f"m = {1.0 + SHIFT:g}, many classes",
    "competing": rf"m = {1.0 + SHIFT:g}, $\alpha$ = 0.4",
    "separation": f"separation +{SEPARATION:g}",
}


def _parts(profile: str) -> dict[str, Part]:
    size = effort(profile, (32, 8, 24), (64, 16, 40), (256, 32, 60))
    what = {"rules": list(RULES), "schedules": [*SCHEDULES, DESIGNED], "term": "shift", "value": SHIFT}
    if profile == "quick":
        return {
            "shift": Part(equal_terms, {"problem": MANY, **what, "rules": ["CFG", "rescaled, eps"], "d": 32, **size})
        }
    separation = {"term": "separation", "value": SEPARATION}
    return {
        "shift": Part(equal_terms, {"problem": MANY, **what, "d": 64, **size}),
        "competing": Part(equal_terms, {"problem": FEW, **what, "d": 16, **size}),
        "separation": Part(equal_terms, {"problem": MANY, **what, **separation, "d": 64, **size}),
    }


def _draw(data: Data):
    return draw([(TITLES[name], part) for name, part in data.items()])


def _caption(data: Data) -> str:
    first = data["shift"]
    kept = first.line_v.sel(rule="CFG")
    numbers = ", ".join(f"{name} {float(kept.sel(schedule=name)):.2f}" for name in kept.schedule.values)
    sizes = ", ".join(str(json.loads(part.attrs["options"])["d"]) for part in data.values())
    errors = max(float(np.nanmax(part.v_error)) for part in data.values())
    return (
        "The variance that rules of guidance keep when they are as strong as it takes for equal terms: a mean of "
        f"{1.0 + SHIFT:g}, or a separation (log-odds per dimension) {SEPARATION:g} above that of the class; ODE, "
        r"$\sigma^2 = 0.25$, $T = 1000$, infinitely many classes or $\alpha = 0.4$. Constant amplitude; amplitude "
        "within $t = 0.5$ to 50; $w = 5$ early, then none; designed window, late $w = -1$ ($w = 0$ before the glass), "
        r"where it reaches the mean with $w \le 5$. Filled: theory at $d = \infty$. "
        rf"Open, below: particles ({effort_in_words(first)}, $d$ = {sizes} by panel; at $\alpha = 0.4$ what "
        f"is left is the finite-size effect), standard errors up to {errors:.1g}. CFG at equal mean: {numbers}."
    )


FIGURE = GalleryFigure("which-guidance", "Which guidance keeps diversity?", _parts, _draw, _caption)
