"""Long cells in parts: a cell that would keep a worker busy when the others have finished is cut by its draws.

The draws of a cell are independent and have random numbers of their own, so parts of some draws each, joined, are the
cell bit by bit. Where a cell is cut follows from its number of draws alone, not from the workers or the rest of the
grid: whatever a killed sweep has left serves the next one, with any number of workers. A store keeps the part of draws
a to b - 1 as KEY-a-b, and the joined cell as KEY like any other; its parts are then removed.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Protocol

from meanfield.errors import CfgfieldError
from validate.results.store import Store
from validate.sweeps.cost import cost_model
from validate.sweeps.executors import count_workers
from validate.sweeps.resuming import map_cells, predicted
from validate.sweeps.tasks import Cell

if TYPE_CHECKING:
    import xarray

FRACTION = 0.5  # of a worker's share of all work: cells that take longer are cut,
WORTH = 1.0  # if they take longer than this, seconds
MARK = "-"  # between a cell's key and the draws of a part; no hash has it


class DivisibleCell(Cell, Protocol):
    """A cell that can be cut."""

    def parts(self) -> Sequence[Cell]:
        """Its parts in the order of their draws, the same ones always; none if it cannot be cut."""


def part_key(key: str, draws: range) -> str:
    """Key of some draws of a cell.

    Examples
    --------
    >>> part_key("5f3a", range(4, 8))
    '5f3a-4-8'
    """
    return MARK.join([key, str(draws.start), str(draws.stop)])


def map_divided(
    cells: Sequence[DivisibleCell],
    *,
    title: str,
    store: Store | None = None,
    executor: Executor | None = None,
    **options: Any,
) -> list["xarray.Dataset | CfgfieldError"]:
    """As `validate.sweeps.resuming.map_cells`, which it calls, with long cells cut for an executor of several workers.

    `options` are its `threads`, `progress` and `on_failure`; a cell fails if a part does, whose others are kept.

    Threads of this process need no cuts: they work together inside a long cell. Parts that are in the store are used
    by either. Progress counts parts as cells.
    """
    keys = [cell.key for cell in cells]
    there = set() if store is None else store.keys()
    begun = {key.partition(MARK)[0] for key in there if MARK in key}
    left = [i for i, key in enumerate(keys) if key not in there]
    cut = _long(cells, left, executor) | {i for i in left if keys[i] in begun}
    work = [cells[i].parts() if i in cut else [] for i in range(len(cells))]
    pieces = [piece for cell, parts in zip(cells, work, strict=True) for piece in parts or [cell]]
    found = iter(map_cells(pieces, title=title, store=store, executor=executor, **options))
    results: list[xarray.Dataset | CfgfieldError] = []
    for cell, key, parts in zip(cells, keys, work, strict=True):
        results.append(_joined([next(found) for _ in parts]) if parts else next(found))
        if isinstance(results[-1], CfgfieldError):
            continue
        if store is not None and parts:
            seconds = sum(store.note(part.key).get("seconds", 0.0) for part in parts)
            store.write(key, results[-1], label=cell.label, seconds=seconds)
        if store is not None and (parts or key in begun):  # or a driver was killed before it had removed them
            store.remove([part.key for part in parts or cell.parts()])
    return results


def _long(cells: Sequence[DivisibleCell], left: Sequence[int], executor: Executor | None) -> set[int]:
    """Indices of the cells in `left` that are worth cutting."""
    workers = count_workers(executor) if left and executor is not None else None
    if workers is None or workers < 2:
        return set()
    model = cost_model()
    costs = {i: predicted(cells[i], model) for i in left}
    least = max(WORTH, FRACTION * sum(costs.values()) / workers)
    return {i for i in left if costs[i] > least}


def _joined(parts: Sequence["xarray.Dataset | CfgfieldError"]) -> "xarray.Dataset | CfgfieldError":
    """The whole cell, or the first failure: what has draws one after another, the rest (times, theory) from the first
    part."""
    import xarray

    whole = []
    for part in parts:
        if isinstance(part, CfgfieldError):
            return part
        whole.append(part)
    joined = xarray.concat(whole, "draw", data_vars="minimal", coords="minimal", compat="override", join="exact")
    return joined[list(whole[0].data_vars)]
