"""Phase diagrams: the theory over any two parameters, with the lines at which phases meet.

The map is that of `curves`. If one axis is the time t, each value of the other axis is one trajectory, read at those
times.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ProblemError, array, checked, one_of, short
from meanfield.maps.boundaries import polylines
from meanfield.maps.bulk import PHASES
from meanfield.maps.over_grid import grid_of
from meanfield.maps.points import Points
from meanfield.maps.trees import AXES as TREE_AXES
from meanfield.maps.trees import tree_diagram
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.problem.varying import require_distinct
from meanfield.tools.door import door

if TYPE_CHECKING:
    import xarray

AXES = ("alpha", "prior", "w", "t", "sigma2", "eta", "w0", "omega")
LINES = ("speciation", "glass", "capture", "sliding")  # boundaries
PASSED = {"glass": "glass", "capture": "captured", "sliding": "sliding"}  # boundary -> phase that is passed inside


@door()
def phase_diagram(
    problem: Problem,
    x: tuple[str, Any],
    y: tuple[str, Any],
    *,
    d: float = math.inf,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> "xarray.Dataset":
    """Solve a problem over a grid of two of its parameters, and find where phases meet.

    Parameters
    ----------
    problem : everything that the axes do not vary, with or without a spectrum.
    x, y : (name, ascending values); names are alpha and prior (exponential growth), w (constant guidance), sigma2 (of
        isotropic classes), eta, w0 and omega (guidance w0 + omega t in the problem's own time, from a finite t_start),
        and t, the VE time. Of classes with many modes alpha_1, alpha_2, rho, w, sigma2 and eta.
    d : dimension at which alpha = log(P)/d is taken; infinite by default.
    threads : processors to use (default: all).
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    xarray.Dataset : that of `curves` over the two names (rows are y), and, without a t axis, the boundaries:
        `line_speciation` (between last phase target and not), `line_glass`, `line_capture`, `line_sliding` (between
        passed and not). Each is of shape (points, 2), its `coordinate` named by the axes, line after line with a row of
        nan between two, so that one call plots it. With a t axis `t_speciation`, `t_condensation`, `t_capture` over the
        other axis are the boundaries. The attributes `x` and `y` are the names of the axes. Of classes with many modes
        (`Hierarchy`) every point is one `solve`: `m`, `v`, `within`, `m_B`, `v_B`, `K_div`, `t_label`, `t_mode`, which
        transition is `first` ("label", "mode", "neither"), `standing` ("refused" where there is no solution), and the
        boundaries `line_order` (of the label first) and `line_known` (of what is refused).

    Raises
    ------
    ProblemError, ScheduleError : an axis or a value that is not allowed.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = phase_diagram(problem, x=("alpha", [0.4, 0.7]), y=("w", [0.5, 1.0]), progress=False)
    >>> data.t_speciation.sel(w=1.0).values.round(4)
    array([2.0589, 0.5738])
    """
    d = checked("d", d, low=1, infinite=True)
    tree = isinstance(problem.classes, Hierarchy)
    names = TREE_AXES if tree else AXES
    (x_name, x_grid), (y_name, y_grid) = _axis(x, names), _axis(y, names)
    if x_name == y_name:
        raise ProblemError(f"the axes must vary different things; got {x_name!r} and {y_name!r}.")
    if tree:
        return tree_diagram(problem, (x_name, x_grid), (y_name, y_grid), d, progress)
    require_distinct((x_name, y_name), "the axes must vary different things: they may hold")
    data = grid_of(problem, {y_name: y_grid, x_name: x_grid}, d, threads, progress).assign_attrs(x=x_name, y=y_name)
    if "t" in (x_name, y_name):
        return data
    points = Points(problem, d, threads)
    for name in LINES:
        of = partial(_side, points, (x_name, y_name), name)
        line = polylines(of, x_grid, y_grid, _inside(name, data), progress)
        data[f"line_{name}"] = ((f"point_{name}", "coordinate"), line)
    named = data.assign_coords(coordinate=[x_name, y_name])
    return named.assign_attrs(by_solve=data.attrs["by_solve"] + points.by_solve)


def _axis(axis: Any, names: tuple[str, ...]) -> tuple[str, np.ndarray]:
    if not (isinstance(axis, tuple | list) and len(axis) == 2):
        raise ProblemError(f'an axis is a pair (name, values), such as ("alpha", [0.3, 0.4]); got {short(axis)}.')
    name, values = axis
    one_of("an axis", name, names)
    grid = array(values, f"the axis {name!r} needs numbers")
    if grid.ndim != 1 or len(grid) < 2 or not np.all(np.isfinite(grid)) or not np.all(np.diff(grid) > 0):
        raise ProblemError(f"the axis {name!r} needs at least two finite, ascending values; got shape {grid.shape}.")
    return name, grid


def _inside(line: str, data: "xarray.Dataset") -> np.ndarray:
    """On which side of a boundary the points of the map are."""
    return (data.phase == "target").values if line == "speciation" else data[f"passed_{PASSED[line]}"].values


def _side(points: Points, names: tuple[str, str], line: str, x: np.ndarray, y: np.ndarray, show: Any) -> np.ndarray:
    """The same for any points."""
    rows = points(dict(zip(names, (x, y), strict=True)), len(x), show)
    if line == "speciation":
        return rows["last"] == PHASES.index("target")
    return rows["passed"][:, PHASES.index(PASSED[line])] == 1
