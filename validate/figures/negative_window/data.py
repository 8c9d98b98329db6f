"""The negative window w0 + omega t over its two parameters: maps of the theory, particles at points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray
from scipy.optimize import brentq

from meanfield import Linear, Problem, phase_diagram, solve
from meanfield.maps.bulk import Responses, Table
from simulate import run
from validate.results.tables import Show, tabulate


def window_map(problem: Problem, w0: np.ndarray, omega: np.ndarray, *, progress: Show = None) -> xarray.Dataset:
    """The negative window w0 + omega t over its two parameters, with the curve on which it keeps the variance.

    Parameters
    ----------
    problem : everything but the guidance; a finite t_start, VE noise.
    w0, omega : ascending values.
    progress : as in `phase_diagram`.

    Returns
    -------
    xarray.Dataset : that of `phase_diagram` over x = w0, y = omega (`standing` "approximate": a glass passed with
        w < 0), and `separation` = F at t = 0 (F + alpha in the continuum), `lost` (the last phase is captured: the
        sample belongs to another class), and `keeping`, of shape (curve points, 2): (w0, omega) with v(0) = sigma2 to
        1e-9, found by root finding in omega at each w0, with `keeping_standing` (0 exact, 1 asymptotic, 2 approximate).
    """
    data = phase_diagram(problem, ("w0", w0), ("omega", omega), progress=progress)
    respond = Responses(problem)
    grid_w0, grid_omega = np.meshgrid(w0, omega)
    values = respond(_lines(grid_w0.ravel(), grid_omega.ravel(), problem.T))
    roots = [(a, b) for a in w0 for b in _keeping(respond, float(a), omega)]
    data["separation"] = (("omega", "w0"), values.separation.reshape(grid_w0.shape))
    data["lost"] = data.phase == "captured"
    curve = np.array(roots).reshape(-1, 2)
    data["keeping"] = (("curve_point", "coordinate"), curve)
    data["keeping_standing"] = ("curve_point", respond(_lines(curve[:, 0], curve[:, 1], problem.T)).standing)
    return data


def _lines(w0: np.ndarray, omega: np.ndarray, start: float) -> Table:
    """Schedules w0 + omega t as one linear piece each."""
    edges = np.tile([start, 0.0], (len(w0), 1))
    return Table(edges, (w0 + omega * start)[:, None], np.array(w0, float)[:, None])


def _keeping(respond: Responses, w0: float, omega: np.ndarray) -> list[float]:
    """All omega with v(0) = sigma2 at one w0 that the grid separates; jumps of v (capture) are no roots."""

    def excess(x: float) -> float:
        return float(respond(_lines(np.array([w0]), np.array([x]), respond.problem.T)).ratio[0]) - 1.0

    values = respond(_lines(np.full(len(omega), w0), omega, respond.problem.T)).ratio - 1.0
    found = []
    for i in np.flatnonzero(values[:-1] * values[1:] < 0.0):
        x = brentq(excess, omega[i], omega[i + 1], xtol=1e-14, rtol=1e-14)
        if abs(excess(x)) < 1e-9:
            found.append(float(x))
    return found


def window_points(
    problems: Sequence[Problem], points: Sequence[tuple[int, float, float]], d: Sequence[int], **options: Any
) -> xarray.Dataset:
    """Particles at points of the maps of several problems.

    Parameters
    ----------
    problems : those of the maps, in the order of the panels.
    points : (panel, w0, omega).
    d : dimension for each panel.
    options : of `simulate.run`.

    Returns
    -------
    xarray.Dataset : over point: `panel`, `w0`, `omega`, `d`; `m_shift`, `v_ratio` with `_error` (standard errors),
        `separation` (mean log-odds per dimension; in the continuum, where that is -inf, the F + alpha of the mean m and
        v), `accuracy`.
    """

    def measure(point):
        panel, w0, omega = point
        problem = problems[panel].replace(guidance=Linear(w0, omega))
        final = run(problem, d=d[panel], **options).final
        m, v, s2 = final.m, final.v, problem.sigma2
        crowd = 0.5 * (np.log1p(1.0 / s2) - ((m.mean - 1.0) ** 2 + v.mean) / s2 + (m.mean**2 + v.mean) / (1.0 + s2))
        endless = not np.isfinite(problem.classes.rate(d[panel]))
        separation = crowd if endless else final.log_odds.mean / d[panel]
        found = {"panel": panel, "w0": w0, "omega": omega, "d": d[panel]}
        found |= {"m_shift": m.mean - 1.0, "m_shift_error": m.stderr}
        found |= {"v_ratio": v.mean / s2, "v_ratio_error": v.stderr / s2}
        found |= {"separation": separation, "accuracy": final.accuracy.mean}
        return {name: float(value) for name, value in found.items()}

    return xarray.Dataset(tabulate({"point": points}, measure))


def window_theory(problems: Sequence[Problem], points: Sequence[tuple[int, float, float]]) -> xarray.Dataset:
    """What theory says at the points of `window_points`.

    Returns
    -------
    xarray.Dataset : over point: `m_shift`, `v_ratio`; `claimed`, whether theory is exact or asymptotic there and the
        sample ends in its class.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, sampler="ode", t_start=30.0)
    >>> window_theory([problem], [(0, 0.0, 0.0)]).v_ratio.values.round(4)     # of the finite start
    array([0.9917])
    """

    def measure(point):
        panel, w0, omega = point
        theory = solve(problems[panel].replace(guidance=Linear(w0, omega)))
        claimed = theory.standing != "approximate" and theory.phases[-1] != "captured"
        found = {"m_shift": theory.final.mean_shift, "v_ratio": theory.final.v / theory.problem.sigma2}
        return {name: float(value) for name, value in found.items()} | {"claimed": claimed}

    return xarray.Dataset(tabulate({"point": points}, measure))
