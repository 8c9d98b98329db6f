"""Theory over a grid: what every trajectory ends with, over any number of parameters, with names and units.

Axes of numbers that compiled trajectories know (`points.COLUMNS`) are done together, one batch for each combination of
the values of the other axes.
"""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import CfgfieldError, array, checked, require, short
from meanfield.maps.bulk import RECORD, blank, read
from meanfield.maps.dataset import TIMES, dataset, ended
from meanfield.maps.points import COLUMNS, Points
from meanfield.problem.statement import Problem
from meanfield.problem.varying import PARAMETERS, labels, require_distinct
from meanfield.theory.solver import solve
from meanfield.tools.door import door
from meanfield.tools.memory import require_memory
from meanfield.tools.progress import Progress, shifted

if TYPE_CHECKING:
    import xarray

AXES = (*Problem.__dataclass_fields__, *PARAMETERS, "d", "t")

Axes = Mapping[str, Any]  # name -> its values
Show = Callable[[int], Any]
Work = tuple[
    dict[str, np.ndarray], dict[int, CfgfieldError], int
]  # variables, what failed and why, how many by `solve`


@door()
def curves(
    problem: Problem,
    over: Mapping[str, Sequence[Any]],
    *,
    d: float = math.inf,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> "xarray.Dataset":
    """Solve a problem over a grid of any of its parameters.

    Parameters
    ----------
    problem : everything that the grid does not vary.
    over : name -> values, all different. Names are the fields of `Problem` and the parameters that `Problem.replace`
        takes (alpha, gamma, n, prior, factor, w, w0, omega, eta), d, and t, the VE time of trajectories.
    d : dimension at which alpha = log(P)/d is taken, unless it is in the grid; infinite by default.
    threads : processors to use (default: all).
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    xarray.Dataset : dimensions are the names of the grid, in their order. Without t: `m`, `v` at t = 0, `m_shift` =
        m - 1, `v_ratio` = v/sigma2, `t_speciation` (the last one), `t_condensation`, `t_capture` (the first), nan if
        never; the last `phase`, `passed_crowd`, `passed_glass`, ... (all phases passed), `standing`. With t: `m`, `v`,
        `F` and `phase` at that time, nan and "" before the start; the times and `standing` over the other names. Each
        has its `long_name` and `units`. Where the equations do not converge values are nan, `standing` is "failed", and
        the attribute `failed` (JSON) has the reason. The attribute `problem` is `Problem.to_dict` as JSON, `by_solve`
        counts the trajectories that were not compiled.

    Raises
    ------
    ProblemError, ScheduleError : an unknown name, a value that is not allowed. If nothing converges, the first error.

    Examples
    --------
    >>> from meanfield import Exponential
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
    >>> data = curves(problem, over={"w": [0.5, 1.0, 2.0], "sampler": ["sde", "ode"]}, progress=False)
    >>> data.v_ratio.sel(sampler="ode").values.round(4)
    array([0.7928, 0.7146, 0.6436])
    >>> lines = data.v_ratio.plot(x="w", hue="sampler")
    """
    return grid_of(problem, _checked(over), checked("d", d, low=1, infinite=True), threads, progress)


def grid_of(problem: Problem, axes: Axes, d: float, threads: int | None, progress: Any) -> "xarray.Dataset":
    """The data of `curves` over checked axes."""
    in_time = "t" in axes
    inner = {name: values for name, values in axes.items() if name in COLUMNS and not in_time}
    outer = {name: values for name, values in axes.items() if name not in (*inner, "t")}
    dims, size = (*outer, *inner), math.prod(len(values) for values in axes.values())
    needed = 2.0 * size * RECORD.itemsize
    require_memory(needed, f"{size} points need {needed / 2**30:.3g} GiB", "use coarser axes")
    bases = [_variant(problem, d, outer, point) for point in itertools.product(*outer.values())]
    for (base, at), ends in itertools.product(bases, itertools.product(*map(_ends, inner.values()))):
        _variant(base, at, inner, ends)  # what is between is allowed if the ends are
    n = math.prod(len(axes[name]) for name in dims)
    with Progress(progress, n, "curves over " + ", ".join(axes)) as show:
        work = _in_time(bases, axes["t"], show) if in_time else _at_end(bases, inner, threads, show)
    variables, failed, by_solve = work
    if len(failed) == n:
        raise failed[0]
    places = list(itertools.product(*(labels(axes[name]) for name in dims))) if failed else []
    reasons = {" ".join(f"{k}={v}" for k, v in zip(dims, places[i], strict=True)): str(e) for i, e in failed.items()}
    own = {name: dims if not in_time or name in (*TIMES, "standing") else (*dims, "t") for name in variables}
    attrs = {"problem": json.dumps(problem.to_dict()), "d": d, "by_solve": by_solve, "failed": json.dumps(reasons)}
    return dataset(variables, own, axes).assign_attrs(attrs)


def _checked(over: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The axes of a grid, numbers as arrays."""
    require(len(over) > 0, f"a grid varies some of {list(AXES)}", "an empty grid")
    require_distinct(over, "a grid may hold")
    return {name: _values(name, values) for name, values in over.items()}


def _values(name: str, values: Any) -> Any:
    require(name in AXES, f"a grid varies some of {list(AXES)}", repr(name))
    listed = list(values) if np.iterable(values) and not isinstance(values, str) else []
    different = 0 < len(listed) == len(set(map(str, labels(listed))))
    require(different, f"the axis {name!r} needs a list of values, all different", short(values))
    if name not in (*COLUMNS, "t"):
        return listed
    numbers = array(listed, f"the axis {name!r} needs numbers")
    finite = numbers.ndim == 1 and bool(np.all(np.isfinite(numbers) | ((name == "d") & (numbers > 0.0))))
    require(finite, f"the axis {name!r} needs finite numbers", short(listed))
    return numbers


def _ends(values: np.ndarray) -> tuple[float, float]:
    return float(np.min(values)), float(np.max(values))


def _variant(problem: Problem, d: float, names: Iterable[str], values: Sequence[Any]) -> tuple[Problem, float]:
    """A problem and its dimension with some parameters changed, checked."""
    changes = dict(zip(names, values, strict=True))
    d = checked("d", changes.pop("d", d), low=1, infinite=True)
    return problem.replace(**changes), d


def _at_end(bases: list[tuple[Problem, float]], columns: Axes, threads: int | None, show: Show) -> Work:
    """What trajectories end with, for every base over the mesh of the columns."""
    mesh = [part.ravel() for part in np.meshgrid(*columns.values(), indexing="ij")]
    flat, n = dict(zip(columns, mesh, strict=True)), len(mesh[0]) if mesh else 1
    parts, failed, by_solve = [], dict[int, CfgfieldError](), 0
    for k, (base, d) in enumerate(bases):
        points = Points(base, d, threads)
        rows = points(flat, n, shifted(show, k * n))
        parts.append(ended(rows, flat.get("sigma2", base.sigma2)))
        failed |= {k * n + i: error for i, error in points.failed.items()}
        by_solve += points.by_solve
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, failed, by_solve


def _in_time(bases: list[tuple[Problem, float]], times: np.ndarray, show: Show) -> Work:
    """Trajectories of the bases, read at the times."""
    fields: dict[str, np.ndarray] = {name: np.full((len(bases), len(times)), np.nan) for name in ("m", "v", "F")}
    fields["phase"] = np.full((len(bases), len(times)), "", "<U8")
    rows, failed = blank(len(bases)), {}
    for i, (base, d) in enumerate(bases):
        try:
            theory = solve(base, d)
        except CfgfieldError as error:
            failed[i] = error
            continue
        read(theory, rows[i])
        there = times <= theory.t[0]
        state = theory.at(times[there])
        for name, values in fields.items():
            values[i, there] = getattr(state, name)
        show(i + 1)
    last = ended(rows, math.nan)
    return fields | {name: last[name] for name in (*TIMES, "standing")}, failed, len(bases)
