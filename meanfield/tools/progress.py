"""Progress of a run: nothing for the first two seconds, then one bar on the error stream, or a callback.

Who does not ask for it sees it where somebody looks: on a terminal, and in a notebook.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 2.0  # seconds before a bar appears


def somebody_looks() -> bool:
    """Whether the error stream is a terminal, or the output of a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return sys.stderr.isatty() or getattr(shell, "kernel", None) is not None


class Progress:
    """Show how much of `total` is done. Use as a context, and call with the number of units done.

    `show` may be False (silent), None (a bar on a terminal or in a notebook), True (a bar), or a function that is
    called as show(done, total).
    """

    def __init__(self, show: bool | Callable[[int, int], Any] | None, total: int, label: str) -> None:
        self._callback = show if callable(show) else None
        self._wanted = bool(show) if show is not None else somebody_looks()
        self._total, self._label = total, label
        self._begin = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, done: int) -> None:
        if self._callback:
            self._callback(done, self._total)
        elif self._wanted:
            if self._bar is None and done < self._total and time.monotonic() - self._begin > PATIENCE:
                self._open()
            if self._bar is not None:
                self._bar.update(self._task, completed=done)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._label, total=self._total)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def shifted(show: Callable[[int], Any], before: int) -> Callable[[int], Any]:
    """The progress of a part that begins when `before` units are done."""
    return lambda done: show(before + done)
