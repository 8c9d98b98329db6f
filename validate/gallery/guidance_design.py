"""Figures of what schedules can do: the plane of mean and variance, the negative window, the designed schedule."""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.designs.designing import design
from meanfield.guidance.ramps import Ramp, Triangular, early_high
from meanfield.guidance.schedules import Constant, Interval, Schedule
from meanfield.problem.growth import Continuum, Exponential
from meanfield.problem.statement import Problem
from validate.designs import portrait, window_map, window_points
from validate.figures import design_portrait, window
from validate.figures import schedule_plane as plane
from validate.gallery.recipe import Data, GalleryFigure, Part, effort, effort_in_words
from validate.pareto import pareto
from validate.schedule_plane import schedule_plane

__all__ = ["DESIGN", "SCHEDULES", "WINDOW"]

BASE = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler="ode")
STRETCH: dict[str, Any] = {"t_low": 0.02, "t_high": 20.0, "over": "log t"}
LATE = {"sde": -0.12, "ode": -0.5}  # where the window ends, per amplitude: v then stays near sigma2
FAMILIES: dict[str, Callable[[float], Schedule]] = {  # one amplitude each, w >= 0
    "constant": Constant,
    "interval": lambda a: Interval(a, 0.3, 5.0),
    "rising ramp": lambda a: Ramp(0.0, a, **STRETCH),
    "falling ramp": lambda a: Ramp(a, 0.0, **STRETCH),
    "triangular": lambda a: Triangular(0.0, a, t_peak=0.63, **STRETCH),
    "early high, t > 2": lambda a: early_high(a, 2.0),
}


def standard_schedules(problem: Problem, amplitudes, points, d: int, **options):
    """`schedule_plane` of the gallery's families and a window that is negative late."""
    late = LATE[str(problem.sampler)]
    families = {**FAMILIES, "negative window": lambda a: Ramp(1.3 * a, late * a, 0.0, 5.0)}
    return schedule_plane(problem, amplitudes, points, d=d, families=families, **options)


def _schedule_parts(profile: str) -> dict[str, Part]:
    amplitudes = np.concatenate([[0.0], np.geomspace(0.05, 6.0, {"quick": 21}.get(profile, 41))])
    shared = {"amplitudes": amplitudes, "points": np.array([1.0, 4.0]), "d": 16}
    shared |= effort(profile, (64, 16, 80), (500, 32, 150), (1000, 64, 200))
    return {s: Part(standard_schedules, {"problem": BASE.replace(sampler=s), **shared}) for s in ("sde", "ode")}


def _schedule_caption(data: Data) -> str:
    d = data["sde"]
    return (
        "Mean shift and variance of seven families of schedules as their amplitude grows from 0 to 6, infinitely many "
        "classes, sigma2 = 0.25, T = infinity. Every family with w >= 0 loses variance (no-go theorem); a window that "
        f"is negative late does not. Lines: theory, exact at every d. Points: particles at d = {d.attrs['d']}, "
        f"amplitudes 1 and 4, {effort_in_words(d)}; standard errors over draws in both directions."
    )


SCHEDULES = GalleryFigure(
    "schedules",
    "Non-negative schedules cannot keep the variance",
    _schedule_parts,
    lambda data: plane.draw([(name.upper(), data[name]) for name in ("sde", "ode")]),
    _schedule_caption,
)


def _window_cases() -> tuple[Problem, ...]:
    return (
        BASE.replace(t_start=30.0),
        BASE.replace(t_start=30.0, sampler="sde"),
        BASE.replace(t_start=30.0, classes=Exponential(0.4)),
    )


def _window_parts(profile: str) -> dict[str, Part]:
    n = {"quick": 41, "standard": 101}.get(profile, 201)
    grid = {"w0": np.linspace(-1.0, 0.6, n), "omega": np.linspace(-0.1, 0.5, n)}
    cases = _window_cases()
    where = [(i, w0, omega) for i in range(3) for w0 in (-0.8, -0.3, 0.2) for omega in (0.05, 0.2, 0.4)]
    points = {"problems": cases, "points": where, "d": (16, 16, 16), "seed": 0}
    points |= effort(profile, (100, 8, 80), (400, 24, 150), (800, 48, 200))
    maps = {name: Part(window_map, {"problem": p, **grid}) for name, p in zip("abc", cases, strict=True)}
    return {**maps, "points": Part(window_points, points)}


def _window_draw(data: Data):
    titles = ("ODE, continuum", "SDE, continuum", r"ODE, $\alpha$ = 0.4")
    return window.draw([(t, data[name]) for t, name in zip(titles, "abc", strict=True)], data["points"])


def _window_caption(data: Data) -> str:
    points = data["points"]
    return (
        "The window w(t) = w0 + omega t from T = 30, sigma2 = 0.25. Black: v(0) = sigma2, found by roots at each w0 "
        "(dotted: through a glass with w < 0). Hatched: the theory is approximate; crossed: the sample ends in another "
        f"class. Discs: particles at d = 16 in the colours of the maps, standard errors up to "
        f"{float(points.m_shift_error.max()):.2g} (mean) and {float(points.v_ratio_error.max()):.2g} (variance)."
    )


WINDOW = GalleryFigure("negative-window", "The negative window", _window_parts, _window_draw, _window_caption)


def designed_in_time(problem: Problem, w_min: float, w_max: float):
    """`portrait` of the design of a problem."""
    return portrait(design(problem, w_min=w_min, w_max=w_max, progress=False))


def _design_cases() -> dict[str, Problem]:
    return {"continuum": BASE.replace(t_start=1000.0), "alpha": BASE.replace(t_start=1000.0, classes=Exponential(0.6))}


def _design_parts(profile: str) -> dict[str, Part]:
    n = {"quick": 400, "standard": 1500}.get(profile, 3000)
    cases = _design_cases()
    parts = {f"front-{name}": Part(pareto, {"problem": p, "n": n}) for name, p in cases.items()}
    in_time = {"problem": cases["alpha"], "w_min": -1.0, "w_max": 5.0}
    return parts | {"time": Part(designed_in_time, in_time)}


def _design_draw(data: Data):
    panels = [("ODE, continuum", data["front-continuum"]), (r"ODE, $\alpha$ = 0.6", data["front-alpha"])]
    return design_portrait.with_fronts(data["time"], panels)


def _design_caption(data: Data) -> str:
    return (
        "Above: the designed schedule at alpha = 0.6 in time (blue), beside constant guidance of the same mean and at "
        "w_max; ODE, sigma2 = 0.25, T = 1000, -1 <= w <= 5. Below: the largest mean shift at every share of kept "
        f"variance, by family of schedules ({data['front-alpha'].sizes['member']} random members each); star: "
        "the design. Theory at d = infinity, no sampling error; particles confirm the designs in the figure of "
        "schedules and in docs/design-schedules.md."
    )


DESIGN = GalleryFigure(
    "design", "The designed schedule and the Pareto front", _design_parts, _design_draw, _design_caption
)
