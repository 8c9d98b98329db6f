"""One loop over cells for every sweep: read what a folder holds, compute the rest on workers, lose nothing.

Work is ordered and sized by predicted cost (`validate.sweeps.cost`): the longest cells first, so that workers finish
together; small ones several at a time, so that the executor's overhead does not count. No result depends on either.
"""

import math
import os
import queue
import socket
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from meanfield.errors import CfgfieldError, one_of
from meanfield.tools.crew import available_threads, check_threads
from meanfield.tools.files import temporary_name, unwritable
from validate.errors import ExecutorError, Interrupted, StoreError
from validate.results.provenance import code_fingerprint
from validate.results.store import Store
from validate.sweeps.cost import CostModel, cost_model
from validate.sweeps.executors import broken, check_executor, check_workers, count_workers
from validate.sweeps.progress_table import Board
from validate.sweeps.tasks import Cell, Orders, Outcome, Report, compute

if TYPE_CHECKING:
    import xarray

QUANTUM = 0.2  # seconds of work that an executor is given at least at a time
SHARE = 8  # ... but no more than a worker's share of all work over this
AHEAD = 4  # tasks an executor is given for each of its workers
ON_FAILURE = ("stop", "record")
MANY = 4096  # ... and if it does not tell how many those are


def map_cells(
    cells: Sequence[Cell],
    *,
    title: str,
    store: Store | None = None,
    executor: Executor | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    on_failure: str = "stop",
    say: "Callable[[xarray.Dataset], str] | None" = None,
    before: int = 0,
    total: int | None = None,
) -> list["xarray.Dataset | CfgfieldError"]:
    """Results of cells, in their order.

    Parameters
    ----------
    store : finished cells are read from it, the others written to it.
    executor : what computes the cells. None: threads of this process, one a cell; a cell that is large against all
        work gets all of them. It is not shut down.
    threads : threads of this machine to use (default: all); with an executor, threads of each cell (default: 1).
    progress : show progress on stderr; by default if it is a terminal.
    on_failure : a cell that fails ends all ("stop"), or its error is its result ("record"); no store keeps it.
    say : what progress prints of a finished cell.
    before, total : cells done before these, and cells in all, if these are a part: for what an interrupt says.

    Raises
    ------
    ExecutorError : the executor failed. StoreError : a cell cannot be written. Both leave finished cells in the store,
    as does an interrupt (`Interrupted`), and any error of a cell, which names the cell.
    """
    one_of("on_failure", on_failure, ON_FAILURE)
    check_executor(executor)
    n_threads = check_threads(1 if threads is None and executor is not None else threads)
    parts: dict[int, xarray.Dataset | CfgfieldError] = {}
    if store is not None:
        for i, cell in enumerate(cells):
            if (part := store.read(cell.key)) is not None:
                parts[i] = part
    left = [i for i in range(len(cells)) if i not in parts]
    if not left:
        return [parts[i] for i in range(len(cells))]
    model = cost_model() if len(left) > 1 else None  # a single cell needs no order
    costs = {i: 0.0 if model is None else predicted(cells[i], model) for i in left}
    workers = (count_workers(executor) or 1) if executor is not None else n_threads
    if executor is not None:
        with _named(executor, len(parts), len(cells), store is not None):
            check_workers(executor)
    driver = socket.gethostname(), os.getpid()
    with (  # left in reverse: progress, then cells stop, then threads end
        _interrupts_named(parts, store, before, len(cells) if total is None else total),
        _crew(executor, n_threads) as crew,
        _flag(store) as flag,
        Board(progress, title, len(cells), costs, workers, say) as board,
    ):
        orders = Orders(code_fingerprint(), driver, flag, store, n_threads, on_failure == "record")
        for stage in _here(costs, orders) if executor is None else _there(costs, orders, count_workers(executor)):
            for i, outcome in _outcomes(cells, crew, stage, len(cells) - len(left)):
                parts[i] = outcome.part
                note = {"label": cells[i].label, "seconds": outcome.seconds}
                if store is not None:
                    if isinstance(outcome.part, CfgfieldError):
                        store.write_note(cells[i].key, reason=str(outcome.part), **note)
                    elif not outcome.kept:
                        store.write(cells[i].key, outcome.part, **note)
                board.finished(i, cells[i].label, outcome)
    return [parts[i] for i in range(len(cells))]


def predicted(cell: Cell, model: CostModel) -> float:
    """Seconds that a cell takes; one that cannot be computed says why when it is tried."""
    try:
        return cell.seconds(model)
    except CfgfieldError:
        return 0.0


@contextmanager
def _interrupts_named(parts: dict, store: Store | None, before: int, total: int) -> Iterator[None]:
    """Ctrl-C as an `Interrupted` that says what is done and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        done = before + sum(not isinstance(part, CfgfieldError) for part in parts.values())
        kept = "and kept; the same call" if store is not None else "but not kept; with a folder, the same call"
        raise Interrupted(f"{done} of {total} cells are done {kept} goes on from there.") from None


class _Stage(NamedTuple):
    """Bundles of cells in the order of their start, with the orders for them and how many may be under way."""

    bundles: list[list[int]]
    orders: Orders
    most: int


def _here(costs: dict[int, float], orders: Orders) -> list[_Stage]:
    """Threads of this process: all of them inside each cell that is more than half a thread's share of the work, so
    that no thread waits for its end; then a thread a cell."""
    n, half = orders.threads, 0.5 * sum(costs.values()) / orders.threads
    longest = _longest_first(costs)
    large = [[i] for i in longest if costs[i] >= half and n > 1]
    small = [[i] for i in longest[len(large) :]]
    return [_Stage(large, orders, 1), _Stage(small, replace(orders, threads=1), 2 * n)]


def _there(costs: dict[int, float], orders: Orders, workers: int | None) -> list[_Stage]:
    """An executor: the longest cells first, small ones in bundles."""
    share = sum(costs.values()) / (workers or available_threads())
    enough = min(QUANTUM, share / SHARE)
    bundles: list[list[int]] = []
    load = math.inf
    for i in _longest_first(costs):
        if load >= enough:
            bundles.append([])
            load = 0.0
        bundles[-1].append(i)
        load += costs[i]
    return [_Stage(bundles, orders, AHEAD * workers if workers else MANY)]


def _longest_first(costs: dict[int, float]) -> list[int]:
    return sorted(costs, key=costs.__getitem__, reverse=True)


def _outcomes(cells: Sequence[Cell], executor: Executor, stage: _Stage, finished: int) -> Iterator[tuple[int, Outcome]]:
    """Outcomes as they arrive, with the index of the cell; `finished` cells were so before."""
    waiting = deque(stage.bundles)
    flying: dict[Future[Report], list[int]] = {}
    arrived: queue.SimpleQueue[Future[Report]] = queue.SimpleQueue()
    try:
        while waiting or flying:
            with _named(executor, finished, len(cells), stage.orders.store is not None):
                while waiting and len(flying) < stage.most:
                    future = executor.submit(compute, [cells[i] for i in waiting[0]], stage.orders)
                    flying[future] = waiting.popleft()
                    future.add_done_callback(arrived.put)
                future = _next(arrived)
                report = future.result()
            for i, outcome in zip(flying.pop(future), report.outcomes, strict=False):
                finished += 1
                yield i, outcome
            if report.failure is not None:
                raise report.failure
    finally:
        for future in flying:
            future.cancel()


@contextmanager
def _named(executor: Executor, finished: int, total: int, kept: bool) -> Iterator[None]:
    """Turn what an executor raises into an error that says what to do; what cells raise comes in their report."""
    try:
        yield
    except ExecutorError:
        raise
    except (Exception, CancelledError) as cause:
        raise broken(executor, cause, finished, total, kept) from cause


def _next(arrived: "queue.SimpleQueue[Future[Report]]") -> "Future[Report]":
    """Wait for a future, and notice an interrupt at once."""
    while True:
        try:
            return arrived.get(timeout=0.2)
        except queue.Empty:
            continue


@contextmanager
def _crew(executor: Executor | None, threads: int) -> Iterator[Executor]:
    """The executor that was given, or threads of this process."""
    if executor is not None:
        yield executor
        return
    crew = ThreadPoolExecutor(threads)
    try:
        yield crew
    finally:
        crew.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _flag(store: Store | None) -> Iterator[Path]:
    """The file that says that results are wanted; see `validate.sweeps.tasks`."""
    folder = Path(tempfile.gettempdir()) if store is None else store.folder
    path = folder / temporary_name("running")
    try:
        path.touch()
    except OSError as cause:
        raise unwritable(folder, cause, StoreError) from cause
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
