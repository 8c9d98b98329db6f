"""What a computation may hold in memory: asked before anything is computed."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from meanfield.errors import ProblemError

V2 = "memory.max", "memory.current", "inactive_file"  # files of a control group: limit, usage; what of it is cache
V1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
UNLIMITED = 2**62  # version 1 says no limit by the largest number of pages


Words = str | Callable[[], str]  # or what makes them, where that takes a while


def require_memory(needed: float, what: Words, remedy: Words) -> None:
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
        what, remedy = (words if isinstance(words, str) else words() for words in (what, remedy))
        raise ProblemError(f"{what}, and {free / 2**30:.3g} GiB of memory are available; {remedy}.")


def available_bytes() -> int:
    """Memory that this process can use without swapping: what the machine has left, its control groups (containers,
    batch systems) leave it, and its own limit (`ulimit -v`) leaves it, whichever is least."""
    return max(min(_of_the_machine(), _of_the_groups(), address_space_left()), 0)


def _of_the_machine() -> int:
    """MemAvailable where the system tells, else the free pages."""
    with suppress(OSError, ValueError):
        for line in _read("/proc/meminfo").splitlines():
            if line.startswith(b"MemAvailable:"):
                return 1024 * int(line.split()[1])
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2**33  # a system that does not say: assume a small one


def address_space_left() -> int:
    """Bytes that RLIMIT_AS (`ulimit -v`) leaves this process."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # Unix only

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            used = int(_read("/proc/self/statm").split()[0])
            return limit - used * os.sysconf("SC_PAGE_SIZE")
    return sys.maxsize


def _of_the_groups(mount: str | Path = "/sys/fs/cgroup", own: str | Path = "/proc/self/cgroup") -> int:
    """What the control groups of this process leave, of version 2 or 1: its own and all above. Files that the system
    keeps in memory count as free."""
    try:
        text = _read(own)
    except OSError:
        return sys.maxsize
    return min((_of_a_group(*group) for group in _groups(Path(mount), text)), default=sys.maxsize)


@cache
def _groups(mount: Path, text: bytes) -> tuple[tuple[str, str, str, bytes], ...]:
    """Of the groups that may limit this process the files of limit, usage and statistics, and what in the last is
    cache. (Paths are dear to make, and asked for often; a process that is moved to another group has another `text`.)
    """
    found = []
    with suppress(ValueError):
        for line in text.decode("utf-8").splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds not in ("", "memory"):
                continue
            *names, cached = V2 if not kinds else V1
            place = mount / kinds / path.lstrip("/")
            while place.is_relative_to(mount / kinds):
                limit, usage, about = (str(place / name) for name in (*names, "memory.stat"))
                found.append((limit, usage, about, cached.encode()))
                place = place.parent
    return tuple(found)


def _of_a_group(limit: str, usage: str, about: str, cached: bytes) -> int:
    """What one group leaves. The system counts anew what it is asked for: only where there is a limit."""
    with suppress(OSError, ValueError, KeyError):  # no limit: no file, or "max"
        most = int(_read(limit))
        if most < UNLIMITED:
            return most - int(_read(usage)) + int(dict(line.split() for line in _read(about).splitlines())[cached])
    return sys.maxsize


def _read(path: str | Path) -> bytes:
    """A small file of the system, at once: a run of milliseconds asks for five of them."""
    with open(path, "rb", buffering=0) as file:
        return file.read()
