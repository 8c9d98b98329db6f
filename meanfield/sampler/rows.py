"""Rows of a batch, shared by threads in chunks that do not depend on their number: neither does any result."""

from collections.abc import Callable
from typing import TypeVar

from meanfield.tools.crew import Crew

CHUNK = 256  # rows that a thread takes at a time
Result = TypeVar("Result")


class Rows:
    """Chunks of `n` rows, for `threads` threads.

    Examples
    --------
    >>> Rows(600, threads=2).map(lambda part: part.stop - part.start)
    [256, 256, 88]
    """

    def __init__(self, n: int, threads: int = 1, chunk: int = CHUNK) -> None:
        self.parts = [slice(i, min(i + chunk, n)) for i in range(0, n, chunk)]
        self._threads, self._crew = min(threads, len(self.parts)), Crew(1)

    def map(self, work: Callable[[slice], Result]) -> list[Result]:
        """work(part) of every chunk, in their order."""
        if self._threads == 1:
            return [work(part) for part in self.parts]
        self._crew = Crew(self._threads)  # one computation each
        try:
            return self._crew.run(work, self.parts)
        finally:
            self._crew = Crew(1)

    def check(self) -> None:
        """Called by a long chunk: raises if the others have been given up (`meanfield.tools.crew`)."""
        self._crew.check()
