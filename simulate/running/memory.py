"""What a run may hold in memory: asked before anything is drawn."""

import math
import os
from contextlib import suppress

from meanfield.errors import ProblemError
from simulate.running.holding import Case


def require_memory(needed: float, what: str, remedy: str) -> None:
    """Refuse what would leave less than a tenth of the memory that is available; `needed` in bytes.

    Examples
    --------
    >>> require_memory(1e30, "d=7 needs 9.31e+20 GiB", "use a lower d")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: d=7 needs 9.31e+20 GiB, and ... GiB of memory are available; use a lower d.
    """
    free = available_bytes()
    if not needed < 0.9 * free:
        raise ProblemError(f"{what}, and {free / 2**30:.3g} GiB of memory are available; {remedy}.")


def require_means(case: Case, dtype: str, copies: int, extra: int) -> None:
    """Refuse class means that do not fit: of `copies` draws at a time, beside `extra` bytes of work space."""
    width = 4 + (8 if dtype == "float64" else 0)
    log_bytes = case.log_count + math.log((case.dim * width + 16) * copies)
    several = f" for each of {copies} draws at a time" if copies > 1 else ""
    require_memory(
        math.exp(log_bytes) + extra if log_bytes < 700.0 else math.inf,
        f"d={case.d} with {case.problem.classes!r} needs {case.in_words} classes "
        f"({case.size_of_means(case.dim)} of float32 means{several})",
        case.remedies,
    )


def available_bytes() -> int:
    """Memory that can be used without swapping: MemAvailable where the system tells, else the free pages."""
    with suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2**33  # a system that does not say: assume a small one
