"""Phase diagrams: what every trajectory passes, over any two parameters, with the lines at which phases meet.

Each point of the map is a whole trajectory: compiled (`bulk`) where guidance is piecewise linear, on all processors, by
`solve` what that leaves, one after another. A point is one trajectory, whoever does it: the result does not depend on
the threads. If one axis is the time t, each value of the other axis is one trajectory, read at those times. A boundary
is not read off the map: on every edge of the grid whose two ends differ the crossing is bisected, and crossings in one
cell are joined.
"""

import json
import math
from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ProblemError, array, checked, one_of, short
from meanfield.guidance.schedules import Constant, Linear
from meanfield.maps.bulk import LINEAR, PHASES, RECORD, Table, blank, follow, read, table_of
from meanfield.problem.growth import Exponential, varied
from meanfield.problem.noise import VE
from meanfield.problem.start import crowd_start, far_enough, gap_of
from meanfield.problem.statement import Problem
from meanfield.theory.solver import solve
from meanfield.tools.crew import Crew, check_threads
from meanfield.tools.door import door
from meanfield.tools.memory import require_memory
from meanfield.tools.progress import Progress

if TYPE_CHECKING:
    import xarray

AXES = ("alpha", "prior", "w", "t", "sigma2", "eta", "w0", "omega")
TIMES = ("t_speciation", "t_condensation", "t_capture")
# name in the result -> field of a record
FIELDS = {"m_shift": "shift", "v_ratio": "ratio"} | {name: name for name in (*TIMES, "last")}
CHUNK = 256  # most trajectories that a thread takes at a time
BISECTIONS = 26  # of an edge of the grid: boundaries to 1e-8 of a cell
LINES = {  # name -> what differs on its two sides
    "speciation": lambda rows: rows["last"] == PHASES.index("target"),
    "glass": lambda rows: rows["passed"][..., PHASES.index("glass")] == 1,
    "capture": lambda rows: rows["passed"][..., PHASES.index("captured")] == 1,
    "sliding": lambda rows: rows["passed"][..., PHASES.index("sliding")] == 1,
}


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
    """Solve a problem over a grid of two of its parameters.

    Parameters
    ----------
    problem : everything that the axes do not vary.
    x, y : (name, ascending values); names are alpha and prior (exponential growth), w (constant guidance), sigma2, eta,
        w0 and omega (guidance w0 + omega t in the problem's own time, from a finite t_start), and t, the VE time.
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
    for a, b in product(x_grid[[0, -1]], y_grid[[0, -1]]):
        _variant(problem, {x_name: a, y_name: b})  # every value in between is allowed if the ends are
    needed = 2.0 * len(x_grid) * len(y_grid) * RECORD.itemsize
    what = f"{len(x_grid)} by {len(y_grid)} points need {needed / 2**30:.3g} GiB"
    require_memory(needed, what, "use coarser axes")
    if "t" in (x_name, y_name):
        return _in_time(problem, x_name, x_grid, y_name, y_grid, d, progress).assign_attrs(attrs)
    mesh = np.meshgrid(x_grid, y_grid)
    with Progress(progress, mesh[0].size, f"phase diagram, {x_name} and {y_name}") as show:
        points = _Points(problem, (x_name, y_name), d, threads)
        rows = points(mesh[0].ravel(), mesh[1].ravel(), show).reshape(mesh[0].shape)
    variables: dict[str, Any] = {name: (("y", "x"), rows[field]) for name, field in FIELDS.items()}
    variables["passed"] = (("y", "x"), rows["passed"] @ (1 << np.arange(len(PHASES))))
    for name, inside in LINES.items():
        segments = _segments(points, x_grid, y_grid, inside(rows), inside, progress)
        variables[f"line_{name}"] = ((f"segment_{name}", "end", "coordinate"), segments)
    data = _dataset(variables, x_grid, y_grid)
    return data.assign_attrs(attrs, by_solve=points.by_solve)


def _axis(axis: Any) -> tuple[str, np.ndarray]:
    if not (isinstance(axis, tuple | list) and len(axis) == 2):
        raise ProblemError(f'an axis is a pair (name, values), such as ("alpha", [0.3, 0.4]); got {short(axis)}.')
    name, values = axis
    one_of("an axis", name, AXES)
    grid = array(values, f"the axis {name!r} needs numbers")
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
    rows = blank(len(values))
    with Progress(progress, len(values), f"phase diagram, {other} and t") as show:
        for i, value in enumerate(values):
            theory = solve(_variant(problem, {other: value}), d)
            read(theory, rows[i])
            there = times <= theory.t[0]
            state = theory.at(times[there])
            for name in ("m", "v", "F"):
                fields[name][i, there] = getattr(state, name)
            fields["phase"][i, there] = [PHASES.index(p) for p in np.atleast_1d(state.phase)]
            show(i + 1)
    turn = (lambda a: a) if x_name == "t" else np.transpose
    axis = "y" if x_name == "t" else "x"
    variables: dict[str, Any] = {name: (("y", "x"), turn(values)) for name, values in fields.items()}
    variables |= {name: (axis, rows[name]) for name in TIMES}
    return _dataset(variables, x_grid, y_grid)


class _Points:
    """Trajectories at many pairs of parameters: called with the values of both, their records come back."""

    def __init__(self, problem: Problem, names: tuple[str, str], d: float, threads: int | None) -> None:
        self.problem, self.names, self.d, self.threads = problem, names, d, check_threads(threads)
        self.by_solve = 0  # trajectories that `solve` had to do

    def __call__(self, x: np.ndarray, y: np.ndarray, show: Callable[[int], Any]) -> np.ndarray:
        rows, crew = blank(len(x)), Crew(self.threads)
        able = np.array([], int)
        if self._linear() and len(self.problem.classes.rates(self.d)) == 1:
            alpha, prior = (self._values(name, x, y) for name in ("alpha", "prior"))
            able = np.flatnonzero((alpha > 0.0) & (prior < alpha))
        size = min(CHUNK, 1 + len(able) // (4 * self.threads))

        def one(chunk: np.ndarray) -> None:
            rows[chunk] = self._followed(x[chunk], y[chunk])
            crew.tick(len(chunk))

        crew.run(one, [able[i : i + size] for i in range(0, len(able), size)], show)
        left = np.flatnonzero(~rows["done"])
        self.by_solve += len(left)
        for n, i in enumerate(left, start=1):
            read(solve(_variant(self.problem, {self.names[0]: x[i], self.names[1]: y[i]}), self.d), rows[i])
            show(len(x) - len(left) + n)
        return rows

    def _linear(self) -> bool:
        """Whether guidance is piecewise linear in VE time at every point, as `bulk.follow` needs it."""
        if {"w0", "omega"} & set(self.names):
            return self.problem.noise == VE()
        return "w" in self.names or isinstance(self.problem.schedule, LINEAR)

    def _values(self, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """A parameter at every point: alpha, prior, sigma2 or eta."""
        p, axes = self.problem, dict(zip(self.names, (x, y), strict=True))
        if name == "alpha" and name in axes:
            return np.array([Exponential(a).rate(self.d) for a in axes[name]])
        alpha, prior = p.classes.rate(self.d), p.classes.prior_rate(self.d)
        fixed = {"alpha": alpha, "prior": prior, "sigma2": p.sigma2, "eta": p.eta}[name]
        return axes.get(name, np.full(len(x), float(fixed)))

    def _table(self, x: np.ndarray, y: np.ndarray) -> Table:
        """Guidance at every point, from T; where T is infinite the first edge is set later."""
        p, axes = self.problem, dict(zip(self.names, (x, y), strict=True))
        T = p.T if math.isfinite(p.T) else 2.0 * p.schedule.constant_above + 1.0
        if "w" in axes:
            return Table.steps(np.array([T, 0.0]), axes["w"][:, None])
        if {"w0", "omega"} & set(axes):
            w0, omega = (np.broadcast_to(axes.get(k, v), len(x)) for k, v in _line(p).items())
            return Table(np.tile([T, 0.0], (len(x), 1)), (w0 + omega * T)[:, None], w0[:, None])
        return Table(*(np.tile(part, (len(x), 1)) for part in table_of(p.schedule, T)))

    def _followed(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        p, table = self.problem, self._table(x, y)
        alpha, prior, sigma2, eta = (self._values(name, x, y) for name in ("alpha", "prior", "sigma2", "eta"))
        if math.isfinite(p.T):
            return follow(table, alpha, sigma2, eta, 0.0, p.v_T, prior=prior)
        w = table.high[:, 0]
        t = far_enough(gap_of(alpha, prior), np.abs(w), sigma2, 0.0 if "w" in self.names else p.schedule.constant_above)
        table.edges[:, 0] = t
        m, v = crowd_start(sigma2 + t, w, eta)
        return follow(table, alpha, sigma2, eta, m, v, prior=prior)


def _variant(problem: Problem, values: dict[str, float]) -> Problem:
    """The problem with some of `AXES` changed; Problem checks the values."""
    growth = {name: float(x) for name, x in values.items() if name in ("alpha", "prior")}
    build: dict[str, tuple[str, Callable[[float], Any]]] = {
        "w": ("guidance", Constant),
        "eta": ("sampler", float),
        "sigma2": ("sigma2", float),
    }
    changes = {build[name][0]: build[name][1](float(x)) for name, x in values.items() if name in build}
    if growth:
        changes["classes"] = varied(problem.classes, growth)
    line = {name: float(x) for name, x in values.items() if name in ("w0", "omega")}
    return problem.replace(**changes, **({"guidance": Linear(**_line(problem) | line)} if line else {}))


def _line(problem: Problem) -> dict[str, float]:
    """w0 and omega of guidance w0 + omega t."""
    w = problem.guidance
    return {"w0": w.w0, "omega": w.omega} if isinstance(w, Linear) else {"w0": w.value, "omega": 0.0}


def _segments(
    points: "_Points", x: np.ndarray, y: np.ndarray, side: np.ndarray, inside: Callable, progress: Any
) -> np.ndarray:
    """Marching squares on a yes-or-no field, with every crossing bisected by new trajectories: (segments, 2, 2)."""
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
            found = inside(points(middle[:, 0], middle[:, 1], _shifted(show, n * len(ends))))
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
