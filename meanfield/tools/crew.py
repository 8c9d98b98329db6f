"""Threads that share the items of a computation: results in the order of the items, progress, interruption, errors.

An item is computed by one thread from what is its own, so that no result depends on the number of threads or on their
order. An error does not either: it is that of the first item, in their order, that has one. A long item says how far it
is (`Crew.tick`) and so notices when the others have been given up, after an error or an interrupt by the user.

A crew of one is the calling thread itself: to start another and to wait for it takes a tenth of a small run.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from meanfield.errors import require, whole
from meanfield.tools.memory import address_space_left

LOOK = 0.1  # seconds between two looks at the progress
THREAD_BYTES = 80 * 2**20  # of address space: its stack and its heap, measured
Item = TypeVar("Item")
Result = TypeVar("Result")


class Stopped(Exception):
    """Raised inside an item whose crew has been stopped: nobody waits for its result."""


class Crew:
    """`threads` threads for the items of one computation. `done` counts the units of work that they have told of.

    Examples
    --------
    >>> crew = Crew(threads=2)
    >>> def square(n):
    ...     crew.tick()
    ...     return n * n
    >>> crew.run(square, range(5)), crew.done
    ([0, 1, 4, 9, 16], 5)
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.done = threads, 0
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._show: Callable[[int], Any] | None = None  # of a crew of one: called by its ticks
        self._shown = 0.0  # when it was, last

    def check(self) -> None:
        """Called by an item: raise `Stopped` if it is to give up."""
        if self._stop.is_set():
            raise Stopped

    def tick(self, units: int = 1) -> None:
        """Called by an item: some units of work are done. Checks too."""
        self.check()
        with self._lock:
            self.done += units
        if self._show and time.monotonic() > self._shown + LOOK:
            self._show(self.done)
            self._shown = time.monotonic()

    def run(
        self, work: Callable[[Item], Result], items: Iterable[Item], show: Callable[[int], Any] = lambda done: None
    ) -> list[Result]:
        """work(item) of every item, in their order. `show` is called with `done`, ten times a second and at the end."""
        return list(self.results(work, items, show))

    def results(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        show: Callable[[int], Any] = lambda done: None,
        ahead: int | None = None,
    ) -> Generator[Result, None, None]:
        """As `run`, one result after the other; at most `ahead` items are begun before their results are taken."""
        if self.threads == 1:
            yield from self._here(work, items, show)
            return
        _require_room(self.threads)
        pool, source = ThreadPoolExecutor(self.threads), iter(items)
        waiting: deque[Future[Result]] = deque()
        try:
            while True:
                room = None if ahead is None else ahead - len(waiting)
                waiting.extend(pool.submit(work, item) for item in islice(source, room))
                if not waiting:
                    return
                while not wait([waiting[0]], timeout=LOOK).done:
                    show(self.done)
                yield waiting.popleft().result()
                show(self.done)
        finally:
            self._stop.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _here(
        self, work: Callable[[Item], Result], items: Iterable[Item], show: Callable[[int], Any]
    ) -> Generator[Result, None, None]:
        """`results` of a crew of one."""
        self._show, self._shown = show, time.monotonic()
        try:
            for item in items:
                yield work(item)
                show(self.done)
        finally:
            self._stop.set()


def one_blas_thread() -> Any:
    """A context in which the BLAS of NumPy, SciPy and numba have one thread each: a run has threads of its own, and a
    product must not depend on how many share it.

    Libraries are looked for once, which takes milliseconds, as small runs do: what is loaded later keeps its threads.

    Examples
    --------
    >>> with one_blas_thread():
    ...     [library["num_threads"] for library in _libraries().info() if library["user_api"] == "blas"][0]
    1
    """
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> Any:
    import scipy.linalg.cython_blas  # noqa: F401  the BLAS that numba calls: load it before its threads are limited
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _require_room(threads: int) -> None:
    """Refuse threads that the system would not start: their results would be waited for without end."""
    left, rule = address_space_left(), f"{threads} threads need {threads * THREAD_BYTES // 2**20} MiB of address space"
    remedy = "Use fewer threads, or a higher limit."
    require(left >= threads * THREAD_BYTES, rule, f"{left // 2**20} MiB left by ulimit -v", remedy)


def available_threads() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: int | None) -> int:
    """The number of threads to use; None is every processor this process may use.

    Examples
    --------
    >>> check_threads(3), check_threads(None) == available_threads()
    (3, True)
    """
    wanted = available_threads() if threads is None else threads
    return whole("threads", wanted, low=1, high=1024, remedy="Leave it out to use all.")
