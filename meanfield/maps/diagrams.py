"""Phase diagrams: what every trajectory passes, over any two parameters, with the lines at which phases meet.

Each point of the map is a whole trajectory (`mapping`). If one axis is
the time t, each value of the other axis is one trajectory, read at those times. A boundary is not read off the map: on
every edge of the grid whose two ends differ the crossing is bisected, and crossings in one cell are joined.
"""

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from meanfield.errors import ProblemError, checked
from meanfield.guidance.schedules import Constant, Linear
from meanfield.maps.mapping import AXES, PHASES, Solver, variant
from meanfield.problem.statement import Problem
from meanfield.theory.dynamics import solve
from meanfield.tools.progress import Progress

if TYPE_CHECKING:
    import xarray

__all__ = ["PHASES", "phase_diagram"]

BISECTIONS = 26  # of an edge of the grid: boundaries to 1e-8 of a cell
LINES = {  # name -> what differs on its two sides
    "speciation": lambda f: f["last"] == 2,
    "glass": lambda f: (f["passed"].astype(int) & 2) > 0,
    "capture": lambda f: (f["passed"].astype(int) & 8) > 0,
    "sliding": lambda f: (f["passed"].astype(int) & 16) > 0,
}


def phase_diagram(
    problem: Problem,
    x: tuple[str, Any],
    y: tuple[str, Any],
    *,
    d: float = math.inf,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> "xarray.Dataset":
    """Solve a problem over a grid of two of its parameters.

    Parameters
    ----------
    problem : everything that the axes do not vary.
    x, y : (name, ascending values); names are alpha (exponential growth), w (constant guidance), sigma2, eta, w0 and
        omega (guidance w0 + omega t in the problem's own time, from a finite t_start), and t, the VE time.
    d : dimension at which alpha = log(P)/d is taken; infinite by default.
    threads : processors to use (default: all).
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    xarray.Dataset : over (y, x). Without a t axis: `m_shift` = m(0) - 1, `v_ratio` = v(0)/sigma2, `t_speciation` (the
        last one; nan if never), `t_condensation` and `t_capture` (the first; nan if never), `last` phase as a number
        and `passed`, the bits 2^i of all phases passed, in the order of the attribute `phases`. Boundaries are
        `line_speciation` (between last phase target and not), `line_glass`, `line_capture`, `line_sliding`, of shape
        (segments, 2 ends, 2 coordinates). With a t axis: `m`, `v`, `F` and `phase` (a number) at that time,
        nan before the start, and `t_speciation`, `t_condensation`, `t_capture` over the other axis: the boundaries.

    Raises
    ------
    ProblemError, ScheduleError : an axis or a value that is not allowed.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = phase_diagram(problem, x=("alpha", [0.4, 0.7]), y=("w", [0.5, 1.0]), progress=False)
    >>> data.t_speciation.values.round(4)                  # rows are w
    array([[1.3385, 0.3589],
           [2.0589, 0.5738]])
    """
    problem.require_isotropic("phase_diagram", "Call solve for each problem.")
    d = checked("d", d, low=1, infinite=True)
    (x_name, x_grid), (y_name, y_grid) = _axis(x), _axis(y)
    base = problem.guidance
    if {"w0", "omega"} & {x_name, y_name} and not isinstance(base, Constant | Linear):
        raise ProblemError(
            f"an axis w0 or omega replaces guidance w0 + omega t; got {base!r}. Give Constant or Linear."
        )
    if x_name == y_name or {x_name, y_name} in ({"w", "w0"}, {"w", "omega"}):
        raise ProblemError(f"the axes must vary different things; got {x_name!r} and {y_name!r}.")
    attrs = {"problem": json.dumps(problem.to_dict()), "phases": json.dumps(PHASES), "x": x_name, "y": y_name, "d": d}
    corners = [(a, b) for a in x_grid[[0, -1]] for b in y_grid[[0, -1]]]
    for a, b in corners:
        variant(problem, {x_name: a, y_name: b})  # every value in between is allowed if the ends are
    if "t" in (x_name, y_name):
        return _in_time(problem, x_name, x_grid, y_name, y_grid, d, progress).assign_attrs(attrs)
    mesh = np.meshgrid(x_grid, y_grid)
    with Progress(progress, mesh[0].size, f"phase diagram, {x_name} and {y_name}") as show:
        solver = Solver(problem, (x_name, y_name), d, threads)
        flat = solver(mesh[0].ravel(), mesh[1].ravel(), show)
    fields = {name: values.reshape(mesh[0].shape) for name, values in flat.items()}
    variables: dict[str, Any] = {name: (("y", "x"), values) for name, values in fields.items()}
    for name, inside in LINES.items():
        segments = _segments(solver, x_grid, y_grid, fields, inside, progress)
        variables[f"line_{name}"] = ((f"segment_{name}", "end", "coordinate"), segments)
    data = _dataset(variables, x_grid, y_grid)
    return data.assign_attrs(attrs, by_solve=solver.by_solve)


def _axis(axis: Any) -> tuple[str, np.ndarray]:
    if not (isinstance(axis, tuple | list) and len(axis) == 2):
        raise ProblemError(f'an axis is a pair (name, values), such as ("alpha", [0.3, 0.4]); got {axis!r}.')
    name, values = axis
    if name not in AXES:
        raise ProblemError(f"an axis must be one of {list(AXES)}; got {name!r}.")
    try:
        grid = np.asarray(values, float)
    except (TypeError, ValueError):
        raise ProblemError(f"the axis {name!r} needs numbers; got {values!r}.") from None
    if grid.ndim != 1 or len(grid) < 2 or not np.all(np.isfinite(grid)) or not np.all(np.diff(grid) > 0):
        raise ProblemError(f"the axis {name!r} needs at least two finite, ascending values; got shape {grid.shape}.")
    return name, grid


def _dataset(variables: dict[str, Any], x_grid: np.ndarray, y_grid: np.ndarray) -> "xarray.Dataset":
    import xarray

    return xarray.Dataset(variables, coords={"x": x_grid, "y": y_grid})


def _in_time(problem, x_name, x_grid, y_name, y_grid, d, progress) -> "xarray.Dataset":
    """One trajectory for each value of the other axis, read at the times."""
    other, values = (y_name, y_grid) if x_name == "t" else (x_name, x_grid)
    times = x_grid if x_name == "t" else y_grid
    fields = {name: np.full((len(values), len(times)), np.nan) for name in ("m", "v", "F", "phase")}
    events = {name: np.full(len(values), np.nan) for name in ("t_speciation", "t_condensation", "t_capture")}
    with Progress(progress, len(values), f"phase diagram, {other} and t") as show:
        for i, value in enumerate(values):
            theory = cast(Any, solve(variant(problem, {other: value}), d))
            there = times <= theory.t[0]
            state = theory.at(times[there])
            for name in ("m", "v", "F"):
                fields[name][i, there] = getattr(state, name)
            fields["phase"][i, there] = [PHASES.index(p) for p in np.atleast_1d(state.phase)]
            first = {e.kind: e.t for e in reversed(theory.events)}
            events["t_speciation"][i] = theory.t_speciation
            for kind in ("condensation", "capture"):
                events[f"t_{kind}"][i] = first.get(kind, math.nan)
            show(i + 1)
    turn = (lambda a: a) if x_name == "t" else np.transpose
    axis = "y" if x_name == "t" else "x"
    variables: dict[str, Any] = {name: (("y", "x"), turn(values)) for name, values in fields.items()}
    variables |= {name: (axis, values) for name, values in events.items()}
    return _dataset(variables, x_grid, y_grid)


def _segments(solver: Solver, x: np.ndarray, y: np.ndarray, fields, inside: Callable, progress) -> np.ndarray:
    """Marching squares on a yes-or-no field, with every crossing bisected by new trajectories: (segments, 2, 2)."""
    side = inside(fields)
    ends: list[Any] = []
    keys = {}
    for axis in (0, 1):  # edges along x, then along y
        low = side[:, :-1] if axis == 0 else side[:-1]
        high = side[:, 1:] if axis == 0 else side[1:]
        for j, i in zip(*np.nonzero(low != high), strict=True):
            keys[axis, j, i] = len(ends)
            a = (x[i], y[j])
            b = (x[i + 1], y[j]) if axis == 0 else (x[i], y[j + 1])
            ends.append((a, b) if not low[j, i] else (b, a))  # outside first
    if not ends:
        return np.empty((0, 2, 2))
    out, into = np.array(ends)[:, 0], np.array(ends)[:, 1]  # (edges, 2)
    with Progress(progress, BISECTIONS * len(ends), "boundaries") as show:
        for n in range(BISECTIONS):
            middle = 0.5 * (out + into)
            found = inside(solver(middle[:, 0], middle[:, 1], _shifted(show, n * len(ends))))
            out, into = np.where(found[:, None], out, middle), np.where(found[:, None], middle, into)
    segments = []
    for j in range(len(y) - 1):
        for i in range(len(x) - 1):
            sides = [(0, j, i), (0, j + 1, i), (1, j, i), (1, j, i + 1)]
            cut = [keys[k] for k in sides if k in keys]
            if len(cut) >= 2:
                segments += [(into[cut[0]], into[cut[1]])] + ([(into[cut[2]], into[cut[3]])] if len(cut) == 4 else [])
    return np.array(segments).reshape(-1, 2, 2)


def _shifted(show: Callable[[int], Any], before: int) -> Callable[[int], Any]:
    return lambda done: show(before + done)
