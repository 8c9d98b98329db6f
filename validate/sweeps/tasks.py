"""What a worker does: measure some cells, keep each where the driver keeps them, stop when the driver says so.

A worker may be a thread of the driver, a process of its machine, or a process of another machine.

- One that sees the folder of the store writes its cells itself, so that they are kept even if the driver is killed.
  One that does not sends them to the driver, who writes them.
- The driver marks that it still wants results by a file, the flag, in that folder (or that of temporary files). A
  worker that sees the folder stops within a tenth of a second when the flag vanishes.

What goes wrong with a cell is returned, not raised: an exception of the executor's own then always means that the
workers, not the cells, have failed.
"""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from meanfield import CfgfieldError, ConvergenceError
from validate.errors import ExecutorError
from validate.results.provenance import code_fingerprint
from validate.results.store import Store
from validate.sweeps.cost import CostModel

if TYPE_CHECKING:
    import xarray

LOOK = 0.1  # seconds between two looks at the flag


class Cell(Protocol):
    """What is measured as one piece. It must survive pickling."""

    @property
    def key(self) -> str:
        """Hash of what the cell is: its name in the store."""

    @property
    def label(self) -> str:
        """How a table calls it."""

    def seconds(self, model: CostModel) -> float:
        """Predicted processor time."""

    def measure(self, threads: int, progress: Callable[[float, float], None]) -> "xarray.Dataset":
        """Its results, the same for any number of threads."""


class Outcome(NamedTuple):
    """A measured cell, or why it failed; the time it took, and whether it is in the store already."""

    part: "xarray.Dataset | CfgfieldError"
    seconds: float
    kept: bool


class Report(NamedTuple):
    """What became of some cells: the outcomes up to the first failure, and that."""

    outcomes: list[Outcome]
    failure: Exception | None


class Stopped(Exception):
    """Raised in a cell that nobody wants any more."""


@dataclass(frozen=True)
class Orders:
    """What a worker must know: the driver's code and process, its flag, its store, the threads of each cell, and
    whether to go on after one that fails."""

    code: str
    driver: tuple[str, int]
    flag: Path
    store: Store | None
    threads: int
    go_on: bool

    def near(self) -> bool:
        """Whether this worker sees the folder of the flag: that of the store, or the driver's own temporary files."""
        if self.store is not None:
            return self.store.visible()
        parent = multiprocessing.parent_process()
        return self.driver in [(socket.gethostname(), p) for p in (os.getpid(), parent.pid if parent else None)]


def compute(cells: Sequence[Cell], orders: Orders) -> Report:
    """Measure some cells, one after another."""
    _settle()
    outcomes: list[Outcome] = []
    try:
        if (own := code_fingerprint()) != orders.code:
            raise ExecutorError(
                f"workers must run the code of the driver; {socket.gethostname()} has {own}, the driver "
                f"{orders.code}. Install the same version of cfgfield there, and restart the workers."
            )
        near = orders.near()
        with _one_blas_thread:
            for cell in cells:
                outcomes.append(_measured(cell, orders, near))
    except Exception as failure:
        return Report(outcomes, failure)
    return Report(outcomes, None)


def _measured(cell: Cell, orders: Orders, near: bool) -> Outcome:
    began = time.perf_counter()
    looked = began

    def look(done: float, total: float) -> None:
        nonlocal looked
        if time.perf_counter() - looked > LOOK:
            looked = time.perf_counter()
            if not orders.flag.exists():
                raise Stopped("nobody wants this cell any more")

    def ignore(done: float, total: float) -> None: ...

    if near and not orders.flag.exists():
        raise Stopped("nobody wants this cell any more")
    store = orders.store if near else None
    if store is not None and store.has(cell.key) and (part := store.read(cell.key)) is not None:
        return Outcome(part, 0.0, True)  # of another driver on this folder, or of a worker that was given up
    try:
        part = cell.measure(orders.threads, look if near else ignore)
    except (CfgfieldError, ArithmeticError) as cause:
        failure = _named(cause, cell.label)
        if not orders.go_on:
            raise failure from cause
        return Outcome(failure, time.perf_counter() - began, kept=False)
    seconds = time.perf_counter() - began
    if store is not None:
        store.write(cell.key, part, label=cell.label, seconds=seconds)
    return Outcome(part, seconds, store is not None)


def _named(cause: CfgfieldError | ArithmeticError, label: str) -> CfgfieldError:
    """The error of a cell that says which one."""
    if isinstance(cause, CfgfieldError):
        return type(cause)(f"{cause} (in the cell {label})")
    return ConvergenceError(f"numbers must stay in range; got {type(cause).__name__}: {cause} (in the cell {label})")


class _OneBlasThread:
    """Holds BLAS to one thread while any thread of this process is inside: the limit is one for the whole process, so
    that of a single run would end where another still needs it."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._limit: Any = None

    def __enter__(self) -> None:
        import scipy.linalg.cython_blas  # noqa: F401  the BLAS that numba calls: load it before it is limited
        from threadpoolctl import threadpool_limits

        with self._lock:
            if not self._inside:
                self._limit = threadpool_limits(1, user_api="blas")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.restore_original_limits()


_one_blas_thread = _OneBlasThread()


@cache
def _settle() -> None:
    """Once in a worker process of this machine: Ctrl-C is the driver's to handle, and without driver there is no work.

    (A process pool whose driver was killed would wait for work for ever.)
    """
    driver = multiprocessing.parent_process()
    if driver is None or threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        driver.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
