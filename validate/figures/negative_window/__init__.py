"""The negative window w0 + omega t: how it moves the mean, and where it keeps the variance."""

import numpy as np

from meanfield import Continuum, Exponential, Problem
from validate.figures.negative_window.data import window_map, window_points
from validate.figures.negative_window.drawing import draw
from validate.recipe import Data, GalleryFigure, Part, effort

__all__ = ["FIGURE", "draw", "window_map", "window_points"]

BASE = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler="ode")


def _cases() -> tuple[Problem, ...]:
    return (
        BASE.replace(t_start=30.0),
        BASE.replace(t_start=30.0, sampler="sde"),
        BASE.replace(t_start=30.0, classes=Exponential(0.4)),
    )


def _parts(profile: str) -> dict[str, Part]:
    n = {"quick": 41, "standard": 101}.get(profile, 201)
    grid = {"w0": np.linspace(-1.0, 0.6, n), "omega": np.linspace(-0.1, 0.5, n)}
    cases = _cases()
    where = [(i, w0, omega) for i in range(3) for w0 in (-0.8, -0.3, 0.2) for omega in (0.05, 0.2, 0.4)]
    points = {"problems": cases, "points": where, "d": (16, 16, 16), "seed": 0}
    points |= effort(profile, (100, 8, 80), (400, 24, 150), (800, 48, 200))
    maps = {name: Part(window_map, {"problem": p, **grid}) for name, p in zip("abc", cases, strict=True)}
    return {**maps, "points": Part(window_points, points)}


def _draw(data: Data):
    titles = ("ODE, continuum", "SDE, continuum", r"ODE, $\alpha$ = 0.4")
    return draw([(t, data[name]) for t, name in zip(titles, "abc", strict=True)], data["points"])


def _caption(data: Data) -> str:
    points = data["points"]
    return (
        r"The window $w(t) = w_0 + \omega t$ from $T = 30$, $\sigma^2 = 0.25$. Black: $v(0) = \sigma^2$, found by "
        "roots at each $w_0$ (dotted: through a glass with $w < 0$). Hatched: the theory is approximate; crossed: the "
        f"sample ends in another class. Discs: particles at $d = 16$ in the colours of the maps, standard errors up to "
        f"{float(points.m_shift_error.max()):.2g} (mean) and {float(points.v_ratio_error.max()):.2g} (variance)."
    )


FIGURE = GalleryFigure("negative-window", "The negative window", _parts, _draw, _caption)
