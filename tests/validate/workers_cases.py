"""Cells as an executor meets them: their labels noted, or none of them possible today."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from meanfield.errors import ProblemError
from validate.sweeps import grid_cell


class Recording(ThreadPoolExecutor):
    """Threads as workers, and the labels of the cells they were given."""

    def __init__(self, workers: int = 1) -> None:
        super().__init__(workers)
        self.labels: list[str] = []

    def submit(self, fn, /, *args, **kwargs):
        if args and isinstance(args[0], list):
            self.labels += [cell.label for cell in args[0]]
        return super().submit(fn, *args, **kwargs)


@contextlib.contextmanager
def failing_cells() -> Iterator[None]:
    """Every cell fails with "not today"."""

    def fails(problem, d):
        raise ProblemError("not today")

    with pytest.MonkeyPatch.context() as today:
        today.setattr(grid_cell, "theory_of", fails)
        yield
