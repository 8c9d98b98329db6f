"""The negative window w0 + omega t: how it moves the mean, and where it keeps the variance."""

import numpy as np

from meanfield import Continuum, Exponential, Problem
from validate.figures.negative_window.data import window_map, window_points, window_theory
from validate.figures.negative_window.drawing import draw
from validate.recipe import Data, GalleryFigure, Part, effort

__all__ = ["FIGURE", "draw", "window_map", "window_points", "window_theory"]

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
    theory = {"problems": cases, "points": where}
    return {**maps, "points": Part(window_points, points), "theory": Part(window_theory, theory)}


def _draw(data: Data):
    titles = ("ODE, continuum", "SDE, continuum", "ODE, α = 0.4")
    return draw([(t, data[name]) for t, name in zip(titles, "abc", strict=True)], data["points"], data["theory"])


def _caption(data: Data) -> str:
    return (
        r"The window $w(t) = w_0 + \omega t$ from $T = 30$, $\sigma^2 = 0.25$. (a) Variance of the ODE at "
        r"$\alpha = 0.4$ (thin: the mean shift). Thick: where it is kept, $v(0) = \sigma^2$, found by roots at each "
        "$w_0$, here and (dashed, dotted) for infinitely many classes, ODE and SDE; faint: through a glass with "
        "$w < 0$, where (hatched) the theory is approximate; crossed: the sample ends in another class. (b, c) "
        "Particles at $d = 16$ less theory, standard errors; open: no claim is made. With infinitely many classes "
        "theory is exact at every $d$; the points of a problem share their random numbers and err together. At "
        r"$\alpha = 0.4$ the difference is the finite-size effect."
    )


FIGURE = GalleryFigure("negative-window", "The negative window", _parts, _draw, _caption)
