"""A table of named columns over a grid of named axes: what most figures are drawn from."""

import itertools
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from meanfield.tools.progress import Progress

Show = bool | Callable[[int, int], Any] | None  # as `progress` of `simulate.run`
Columns = dict[str, tuple[tuple[str, ...], np.ndarray]]  # name -> (dimensions, values), as xarray takes them


def tabulate(
    axes: Mapping[str, Collection[Any]],
    measure: Callable[..., Mapping[str, Any]],
    *,
    title: str = "",
    progress: Show = False,
    cost: Callable[..., int] | None = None,
) -> Columns:
    """Measure every point of a grid, and gather what is found by name.

    Parameters
    ----------
    axes : name -> values, the outermost first; a value of each is given to `measure`, in this order.
    measure : point -> named numbers or words, or pairs (dimension, array), a dimension that comes after those of the
        grid. A name that a point lacks is nan there.
    title, progress : of what is shown meanwhile; nothing by default.
    cost : point -> units of progress; 1 by default.

    Examples
    --------
    >>> found = tabulate({"w": [1, 2], "d": [3, 4]}, lambda w, d: {"sum": w + d} | ({"odd": w} if d == 3 else {}))
    >>> found["sum"][0], found["sum"][1].tolist(), found["odd"][1].tolist()
    (('w', 'd'), [[4, 5], [5, 6]], [[1.0, nan], [2.0, nan]])
    >>> tabulate({"w": [1, 2]}, lambda w: {"line": ("t", np.array([w, 2 * w]))})["line"][0]
    ('w', 't')
    """
    points = list(itertools.product(*axes.values()))
    costs = [1 if cost is None else cost(*point) for point in points]
    rows: list[Mapping[str, Any]] = []
    with Progress(progress, sum(costs), title) as show:
        for point, done in zip(points, itertools.accumulate(costs), strict=True):
            rows.append(measure(*point))
            show(done)
    shape = tuple(len(values) for values in axes.values())
    columns: Columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        found = [_in_place(row[name]) if name in row else None for row in rows]
        dims, first = next(value for value in found if value is not None)
        nothing = np.full(np.shape(first), math.nan)
        cells = np.array([nothing if value is None else value[1] for value in found])
        columns[name] = (*axes, *dims), cells.reshape(*shape, *np.shape(first))
    return columns


def _in_place(value: Any) -> tuple[tuple[str, ...], Any]:
    """The dimensions of what is found at a point, and its values."""
    if not isinstance(value, tuple):
        return (), value
    dims, array = value
    return (dims,) if isinstance(dims, str) else tuple(dims), array
