"""The samplers people run, at the numbers of steps they run."""

from meanfield import Continuum, Problem
from validate.figures.samplers.data import against_steps, on_sd_levels
from validate.figures.samplers.drawing import draw
from validate.recipe import Data, GalleryFigure, Part, in_order

__all__ = ["FIGURE", "against_steps", "draw", "on_sd_levels"]

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
SAMPLERS = ["euler", "heun", "dpmpp-2m", "unipc", "euler-ancestral", "dpmpp-2m-sde"]
STEPS = [5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 40, 50, 60, 70, 85, 100]


def _parts(profile: str) -> dict[str, Part]:
    n_samples, n_disorder = {"quick": (64, 12), "standard": (200, 24)}.get(profile, (400, 48))
    points = [5, 10, 20, 50] if profile == "quick" else [5, 7, 10, 14, 20, 33, 50, 100]
    size = {"d": 64, "n_samples": n_samples, "n_disorder": n_disorder}
    return {
        "steps": Part(
            against_steps, {"problem": PROBLEM, "samplers": SAMPLERS, "steps": STEPS, "points": points, **size}
        )
    }


def _caption(data: Data) -> str:
    d = data["steps"]
    at = d.sel(steps=20)
    ddim, ancestral = (at.sel(sampler=name) for name in ("euler", "euler-ancestral"))
    return (
        "What the samplers people run do to a class, against the number of steps: infinitely many classes, $w = 1$ "
        r"(guidance scale 2), $\sigma^2 = 0.25$, levels of Stable Diffusion (leading), start $x = z$. Lines: theory of "
        "the sampler's own code, exact at every $d$ here. Points: particles through the same code at $d = 64$, "
        f"standard errors over draws at most {float(d.m_error.max()):.1g} (mean) and "
        f"{float(d.v_error.max()):.1g} (variance). "
        rf"Dashed: the same guidance in continuous time. At 20 steps $v(0)/\sigma^2$ is {float(ddim.line_v):.3f} with "
        f"DDIM and {float(ancestral.line_v):.3f} with ancestral Euler, for {float(ddim.limit_v):.3f} and "
        f"{float(ancestral.limit_v):.3f} in continuous time. Heun calls the model twice a step."
    )


FIGURE = GalleryFigure(
    "samplers", "The sampler one runs: distortion against its number of steps", _parts, in_order(draw), _caption
)
