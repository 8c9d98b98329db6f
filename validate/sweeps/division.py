"""Cells in ranges of their draws: a long one is cut for several workers, a finished one goes on with more draws.

The draws of a cell are independent and have random numbers of their own, so parts of some draws each, joined, are the
cell bit by bit. A store keeps the whole cell of n draws as NAME_n and the part of draws a to b - 1 as NAME-a-b. What it
holds of a name serves a cell of any n: of more draws the first ones are read, fewer are the beginning, and the rest is
computed, by any number of workers. What the finished cell covers is removed once it is written.

A cell that would keep a worker busy when the others have finished is cut. Where follows from its number of draws alone,
not from the workers or the rest of the grid.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from meanfield.errors import CfgfieldError
from validate.results.store import Store
from validate.sweeps.cost import cost_model
from validate.sweeps.executors import count_workers
from validate.sweeps.progress_table import announce
from validate.sweeps.resuming import map_cells, predicted
from validate.sweeps.tasks import Cell

if TYPE_CHECKING:
    import xarray

FRACTION = 0.5  # of a worker's share of all work: cells that take longer are cut,
WORTH = 1.0  # if they take longer than this, seconds
PARTS = 64  # of a cell, at most
WHOLE, MARK = "_", "-"  # between a cell's name and its number of draws, or the draws of a part; no hash has them


class DivisibleCell(Cell, Protocol):
    """A whole cell whose draws can be computed apart."""

    @property
    def name(self) -> str:
        """Hash of what its draws are, whatever their number."""

    @property
    def n_draws(self) -> int:
        """Their number."""

    def first(self, n: int) -> Cell:
        """The whole cell of n draws."""

    def part(self, draws: range) -> Cell:
        """Some of its draws."""

    def parts(self, draws: range | None = None) -> Sequence[Cell]:
        """All its draws, or some, in parts, the same ones always; none if it cannot be cut."""


class Held(NamedTuple):
    """Draws of a cell that a store holds: the first ones, finished (`whole`), or a part."""

    key: str
    name: str
    draws: range
    whole: bool


def whole_key(name: str, n: int) -> str:
    """Key of the first n draws of a cell, finished.

    Examples
    --------
    >>> whole_key("5f3a", 8)
    '5f3a_8'
    """
    return f"{name}{WHOLE}{n}"


def part_key(name: str, draws: range) -> str:
    """Key of some draws of a cell.

    Examples
    --------
    >>> part_key("5f3a", range(4, 8))
    '5f3a-4-8'
    """
    return MARK.join([name, str(draws.start), str(draws.stop)])


def held(key: str) -> Held | None:
    """What the key of a cell that is kept by its draws says; None of any other cell.

    Examples
    --------
    >>> held("5f3a_8").draws, held("5f3a-4-8").draws, held("5f3a")
    (range(0, 8), range(4, 8), None)
    """
    said = re.fullmatch(rf"([0-9a-f]+)(?:{WHOLE}(\d+)|{MARK}(\d+){MARK}(\d+))", key)
    if said is None:
        return None
    name, n, a, b = said.groups()
    return Held(key, name, range(int(n)) if n else range(int(a), int(b)), n is not None)


def cuts(n: int, within: range | None = None) -> list[range]:
    """Where a cell of n draws is cut, at most 64 times; those of some of its draws.

    Examples
    --------
    >>> cuts(3), cuts(4, range(2, 4)), len(cuts(1000))
    ([range(0, 1), range(1, 2), range(2, 3)], [range(2, 3), range(3, 4)], 64)
    """
    within = range(n) if within is None else within
    edges = np.linspace(0, n, min(n, PARTS) + 1).astype(int).tolist()
    inner = [edge for edge in edges if within.start < edge < within.stop]
    return [range(a, b) for a, b in pairwise([within.start, *inner, within.stop])]


def map_divided(
    cells: Sequence[DivisibleCell],
    *,
    title: str,
    store: Store | None = None,
    executor: Executor | None = None,
    **options: Any,
) -> list["xarray.Dataset | CfgfieldError"]:
    """As `validate.sweeps.resuming.map_cells`, which it calls, with long cells cut for an executor of several workers,
    and with whatever draws of a cell the store holds.

    `options` are its `threads`, `progress` and `on_failure`; a cell fails if a part does, whose others are kept.

    Threads of this process need no cuts: they work together inside a long cell. Parts that are in the store are used
    by either. Progress counts parts as cells.
    """
    there = _there(store)
    results: dict[int, xarray.Dataset | CfgfieldError] = {}
    work: dict[int, list[Cell]] = {}  # pieces of each cell that is not read at once
    for i, cell in enumerate(cells):
        if store is None or (found := _beginning(cell, there[cell.name], store)) is None:
            work[i] = _pieces(cell, there[cell.name], cut=False)
        else:
            results[i] = found
    if results:
        text = f"{title}: {len(results)} of {len(cells)} cells are there with more draws; their first ones are read"
        announce(options.get("progress"), text)
    left = {i: [p for p in pieces if store is None or not store.has(p.key)] for i, pieces in work.items()}
    for i in _long(left, executor):
        work[i] = _pieces(cells[i], there[cells[i].name], cut=True)
    outcomes = iter(map_cells(list(chain(*work.values())), title=title, store=store, executor=executor, **options))
    for i, pieces in work.items():
        results[i] = result = _joined([next(outcomes) for _ in pieces])
        if store is not None and not isinstance(result, CfgfieldError):
            _keep(cells[i], result, pieces, there[cells[i].name], store)
    return [results[i] for i in range(len(cells))]


def _there(store: Store | None) -> dict[str, list[Held]]:
    """What a store holds of each name."""
    found = defaultdict[str, list[Held]](list)
    for entry in map(held, sorted(store.keys()) if store is not None else ()):
        if entry is not None:
            found[entry.name].append(entry)
    return found


def _beginning(cell: DivisibleCell, there: Sequence[Held], store: Store) -> "xarray.Dataset | None":
    """The first draws of a finished cell that has more of them, if the store holds one."""
    wholes = [entry for entry in there if entry.whole and len(entry.draws) >= cell.n_draws]
    if not wholes or any(len(entry.draws) == cell.n_draws for entry in wholes):
        return None
    more = store.read(min(wholes, key=lambda entry: entry.draws.stop).key)
    return None if more is None else more.isel(draw=slice(cell.n_draws))


def _pieces(cell: DivisibleCell, there: Sequence[Held], cut: bool) -> list[Cell]:
    """The cell from its first draw to its last: what is there, and between that the rest, cut if it is long, or if it
    was so before."""
    n, pieces = cell.n_draws, list[Cell]()
    usable = [entry for entry in there if entry.draws.stop <= n]
    cut = cut or not all(entry.whole for entry in usable)
    begin = 0
    while begin < n:
        here = [entry for entry in usable if entry.draws.start == begin]
        if here:
            best = max(here, key=lambda entry: (entry.draws.stop, entry.whole))
            end = best.draws.stop
            pieces.append((cell if end == n else cell.first(end)) if best.whole else cell.part(best.draws))
        else:
            end = min((entry.draws.start for entry in usable if entry.draws.start > begin), default=n)
            gap = range(begin, end)
            pieces += (cell.parts(gap) if cut else []) or [cell if len(gap) == n else cell.part(gap)]
        begin = end
    return pieces


def _long(left: Mapping[int, Sequence[Cell]], executor: Executor | None) -> set[int]:
    """Indices of the cells that are worth cutting, by what is left of them."""
    workers = count_workers(executor) if any(left.values()) and executor is not None else None
    if workers is None or workers < 2:
        return set()
    model = cost_model()
    costs = {i: sum(predicted(piece, model) for piece in pieces) for i, pieces in left.items()}
    least = max(WORTH, FRACTION * sum(costs.values()) / workers)
    return {i for i, cost in costs.items() if cost > least}


def _keep(
    cell: DivisibleCell, result: "xarray.Dataset", pieces: Sequence[Cell], there: Sequence[Held], store: Store
) -> None:
    """Write a cell that was joined, then remove what it covers (or what a driver that was killed had not removed)."""
    if [piece.key for piece in pieces] != [cell.key]:
        seconds = sum(store.note(piece.key).get("seconds", 0.0) for piece in pieces)
        store.write(cell.key, result, label=cell.label, seconds=seconds)
    covered = {entry.key for entry in there if entry.draws.stop <= cell.n_draws} | {piece.key for piece in pieces}
    store.remove(sorted(covered - {cell.key}))


def _joined(parts: Sequence["xarray.Dataset | CfgfieldError"]) -> "xarray.Dataset | CfgfieldError":
    """The whole cell, or the first failure: what has draws one after another, the rest (times, theory) from the first
    part."""
    import xarray

    whole = []
    for part in parts:
        if isinstance(part, CfgfieldError):
            return part
        whole.append(part)
    if len(whole) == 1:
        return whole[0]
    joined = xarray.concat(whole, "draw", data_vars="minimal", coords="minimal", compat="override", join="exact")
    return joined[list(whole[0].data_vars)]
