"""Where the families of schedules lie in the plane of mean shift and variance: no non-negative one keeps the variance.

Each family is followed in its amplitude A from 0; the curve it draws in the plane of (m(0) - 1, v(0)/sigma2) starts at
(0, 1) and, for w >= 0, stays below v = sigma2 (T17, T18).
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Constant, Continuum, Interval, Problem, Ramp, Schedule, Triangular, early_high, solve
from simulate import run
from validate.drawing import SAMPLER, SCHEDULE, Look, canvas, lettered, named_lines, noted
from validate.figures.curves import RATIO, SHIFT, distortion_of, final_distortion
from validate.figures.pages.schedule_table import FAMILIES
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words
from validate.results.provenance import options_json, versions
from validate.results.tables import Show, tabulate


def schedule_plane(
    problem: Problem,
    amplitudes: Sequence[float],
    points: Sequence[float],
    *,
    d: int,
    families: Mapping[str, Callable[[float], Schedule]] | None = None,
    progress: Show = None,
    **options: Any,
) -> xarray.Dataset:
    """Theory along each family's amplitude, particles at some amplitudes.

    Parameters
    ----------
    problem : everything but the guidance.
    amplitudes, points : amplitudes of the theory's curve, and of the particles.
    d : dimension of the particles.
    families : name -> schedule of an amplitude; by default all of `validate.figures.pages.schedule_table`.
    options : of `simulate.run`.

    Returns
    -------
    xarray.Dataset : `line_shift`, `line_v_ratio`, `keeps_class` (F > 0 at t = 0) over (family, amplitude); `shift`,
        `v_ratio` with `_error` over (family, point); `negative` (family): whether w < 0 occurs.

    Examples
    --------
    >>> from meanfield import Constant, Continuum
    >>> base = Problem(classes=Continuum(), sigma2=0.25)
    >>> sizes = {"d": 8, "n_samples": 20, "n_disorder": 4, "n_steps": 20}
    >>> data = schedule_plane(base, [0.0, 1.0], [1.0], families={"constant": Constant}, progress=False, **sizes)
    >>> data.line_v_ratio.values.round(4)
    array([[1.    , 0.4133]])
    """
    families = FAMILIES if families is None else families
    times = np.geomspace(1e-6, 1e3, 200)

    def guided(make, amplitude):
        return problem.replace(guidance=make(float(amplitude)))

    def line(make, amplitude):
        theory = solve(guided(make, amplitude))
        return distortion_of(theory, "line") | {"keeps_class": theory.final.F > 0}

    def particles(make, amplitude):
        return final_distortion(run(guided(make, amplitude), d=d, progress=False, **options))

    over: dict[str, Any] = {"family": families.values()}
    grid: dict[str, Any] = {**over, "point": points}
    return xarray.Dataset(
        {
            **tabulate({**over, "amplitude": amplitudes}, line),
            **tabulate(over, lambda make: {"negative": np.min(guided(make, amplitudes[-1]).amplitude(times)) < 0}),
            **tabulate(grid, particles, title="plane of schedules", progress=progress),
        },
        coords={"family": list(families), "amplitude": list(amplitudes), "point": list(points)},
        attrs={
            "problem": json.dumps(problem.to_dict()), "sampler": str(problem.sampler), "options": options_json(options),
            "d": d, **versions(),
        },
    )  # fmt: skip


def draw(panels: Sequence[tuple[str, xarray.Dataset]], axes=None):
    """One panel for each problem: theory as lines, particles as markers.

    Parameters
    ----------
    panels : (title, result of `schedule_plane`); all with the same families.
    axes : one axis for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    lines: list[dict[str, Any]] = []
    with canvas(axes, (7.0, 3.4), len(panels)) as (figure, axes):
        for axis, (_, data) in zip(axes, panels, strict=True):
            top = max(1.12, float(np.nanmax(data.v_ratio)) + 0.05)
            axis.axhspan(1.0, top, color="0.93", lw=0, zorder=0)
            axis.axhline(1.0, color="0.5", lw=0.8)
            noted(axis, "not with w ≥ 0", (0.98, 1.005), xycoords=("axes fraction", "data"), ha="right", va="bottom")
            named = {}
            for family in data.family.values:
                at, look = data.sel(family=family), look_of(family)
                (named[family],) = axis.plot(at.line_shift, at.line_v_ratio, **look.curve)
                points = {"fmt": SAMPLER[data.attrs["sampler"]].marker, "color": look.colour, "ms": 3.5}
                axis.errorbar(at["shift"], at["v_ratio"], at["v_ratio_error"], at["shift_error"], **points)
            axis.set_xscale("function", functions=(_root, lambda x: np.sign(x) * x * x))  # wide where most are
            axis.set(xlabel=SHIFT, ylabel=RATIO, ylim=(None, top))
            axis.set_xticks(_ticks(axis.get_xlim()[1]))
            lines.append(named)
        lettered(axes, *(title for title, _ in panels))
        for axis, named in zip(axes, lines, strict=True):
            named_lines(axis, named)
    return figure, axes


def _ticks(top: float) -> list[float]:
    """Round shifts up to `top` that stand apart on the scale of their roots."""
    kept = [0.0]
    for x in (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0):
        if x <= top and math.sqrt(x) - math.sqrt(kept[-1]) > 0.17 * math.sqrt(top):
            kept.append(x)
    return kept


def _root(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.sqrt(np.abs(x))


def look_of(family: str) -> Look:
    """The look of a family of schedules, or of the one whose variant it is: "early high, t > 2" is early.

    Examples
    --------
    >>> look_of("early high, t > 2").label, look_of("negative window").label
    ('early', 'negative window')
    """
    return SCHEDULE[next((name for name in SCHEDULE if family.startswith(name)), "constant")]


BASE = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler="ode")
STRETCH: dict[str, Any] = {"t_low": 0.02, "t_high": 20.0, "over": "log t"}
LATE = {"sde": -0.12, "ode": -0.5}  # where the window ends, per amplitude: v then stays near sigma2
WITHOUT_WINDOW: dict[str, Callable[[float], Schedule]] = {  # one amplitude each, w >= 0
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
    families = {**WITHOUT_WINDOW, "negative window": lambda a: Ramp(1.3 * a, late * a, 0.0, 5.0)}
    return schedule_plane(problem, amplitudes, points, d=d, families=families, **options)


def _parts(profile: str) -> dict[str, Part]:
    amplitudes = np.concatenate([[0.0], np.geomspace(0.05, 6.0, {"quick": 21}.get(profile, 41))])
    shared = {"amplitudes": amplitudes, "points": np.array([1.0, 4.0]), "d": 16}
    shared |= effort(profile, (64, 16, 80), (500, 32, 150), (1000, 64, 200))
    return {s: Part(standard_schedules, {"problem": BASE.replace(sampler=s), **shared}) for s in ("sde", "ode")}


def _caption(data: Data) -> str:
    d = data["sde"]
    return (
        "Mean shift and variance of seven families of schedules as their amplitude grows from 0 to 6, infinitely many "
        r"classes, $\sigma^2 = 0.25$, $T = \infty$. Every family with $w \ge 0$ loses variance (no-go theorem); a "
        "window that is negative late does not. Lines: theory, exact at every $d$. "
        f"Points: particles at $d = {d.attrs['d']}$, amplitudes 1 and 4, {effort_in_words(d)}; standard "
        "errors over draws in both directions."
    )


FIGURE = GalleryFigure(
    "schedules",
    "Non-negative schedules cannot keep the variance",
    _parts,
    lambda data: draw([(name.upper(), data[name]) for name in ("sde", "ode")]),
    _caption,
)
