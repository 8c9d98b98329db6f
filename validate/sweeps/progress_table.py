"""What a sweep shows while it runs: on a terminal, or in a notebook, a table of the cells that finished last, rate and
expected end.

The end is expected from predicted costs: when a share f of the predicted work is done after t seconds, t (1 - f)/f are
left. Anywhere else nothing is shown, unless asked for: then a line at times.
"""

import math
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import CfgfieldError
from meanfield.tools.progress import somebody_looks

if TYPE_CHECKING:
    import xarray

    from validate.sweeps.tasks import Outcome

ROWS = 12  # finished cells in the table
PAUSE = 30.0  # seconds between two lines where there is no terminal


class Board:
    """Progress of a sweep. Use as a context; call `finished` for every cell.

    Parameters
    ----------
    show : None shows it on a terminal and in a notebook.
    total : cells in all, of which those in `costs` (index -> predicted seconds) are to be computed.
    workers : how many are computed at a time.
    say : a line on a finished cell, printed at once; it takes the place of the table's row.
    """

    def __init__(
        self,
        show: bool | None,
        title: str,
        total: int,
        costs: dict[int, float],
        workers: int,
        say: Callable[["xarray.Dataset"], str] | None = None,
    ) -> None:
        self._terminal = somebody_looks()
        self._show = self._terminal if show is None else show
        self._title, self._total, self._costs, self._workers, self._say = title, total, costs, workers, say
        self._left, self._done_cost, self._failed = len(costs), 0.0, 0
        self._all_cost = sum(costs.values()) or math.inf
        self._rows: deque[tuple[str, ...]] = deque(maxlen=ROWS)
        self._live: Any = None
        self._began = self._said = time.monotonic()

    def __enter__(self) -> "Board":
        if self._show:
            from rich.console import Console
            from rich.live import Live

            self._console = Console(stderr=True, highlight=False, markup=False)
            self._console.print(self._announcement(), soft_wrap=True)
            if self._terminal:
                self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=4)
                self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._show:
            self._console.print(self.status(), soft_wrap=True)

    def finished(self, index: int, label: str, outcome: "Outcome") -> None:
        """Count a cell."""
        self._left -= 1
        self._done_cost += self._costs[index]
        part, seconds = outcome.part, f"{outcome.seconds:.2f}"
        if isinstance(part, CfgfieldError):
            self._failed += 1
            self._rows.append((label, "failed", "", seconds))
            if self._show:
                self._console.print(f"failed: {part}", soft_wrap=True)
        elif self._say is not None:
            if self._show:
                self._console.print(self._say(part), soft_wrap=True)
        else:
            self._rows.append((label, *(_final(part, q) for q in ("m", "v")), seconds))
        if self._show and self._live is None and time.monotonic() - self._said > PAUSE:
            self._said = time.monotonic()
            self._console.print(self.status(), soft_wrap=True)

    def status(self) -> str:
        """Cells done, rate, and expected end.

        Examples
        --------
        >>> Board(False, "sweep", 10, {7: 1.0, 8: 1.0, 9: 2.0}, workers=2).status()
        'sweep: 7 of 10 cells'
        """
        computed = len(self._costs) - self._left
        text = f"{self._title}: {self._total - self._left} of {self._total} cells"
        text += f" ({self._failed} failed)" if self._failed else ""
        elapsed, share = time.monotonic() - self._began, self._done_cost / self._all_cost
        if not computed or not elapsed:
            return text
        text = f"{text}, {computed / elapsed:.3g} a second"
        if not self._left:
            return f"{text}, {duration(elapsed)} in all"
        if share == 0.0:
            return text
        left = elapsed * (1.0 - share) / share
        return f"{text}, {duration(left)} left, until {datetime.now() + timedelta(seconds=left):%H:%M}"

    def _announcement(self) -> str:
        old = self._total - len(self._costs)
        text = f"{self._title}: {len(self._costs)} cells to compute" + (f" ({old} finished before)" if old else "")
        if math.isfinite(self._all_cost):
            work, n = self._all_cost, self._workers
            text += f", about {duration(work / n)} on {n} worker{'s' if n > 1 else ''} ({duration(work)} of processor)"
        return text

    def _table(self) -> Any:
        from rich.table import Table

        table = Table("cell", "m", "v", "seconds", box=None, pad_edge=False, caption=self.status(), min_width=60)
        for column in table.columns[1:]:
            column.justify = "right"
        for row in list(self._rows):
            table.add_row(*row)
        return table


def announce(show: bool | None, text: str) -> None:
    """A line on stderr, where progress is shown."""
    if somebody_looks() if show is None else show:
        print(text, file=sys.stderr)


def duration(seconds: float) -> str:
    """A time in words.

    Examples
    --------
    >>> duration(3.21), duration(250), duration(40_000), duration(1e6)
    ('3.2 s', '4.2 minutes', '11.1 hours', '11.6 days')
    """
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _final(part: "xarray.Dataset", name: str) -> str:
    """Mean over draws at the last time."""
    if name not in part:
        return ""
    return f"{float(np.mean(part[name].values[..., -1])):.4f}"
