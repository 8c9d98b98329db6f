"""A sweep of many small cells in a process of its own, to be killed, interrupted or starved, and what it must give."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import xarray
from validation_cases import PROBLEM

from validate import sweep
from validate.sweeps import resuming
from validate.sweeps.progress_table import Board

NET = 1200.0  # seconds until what hangs is given up: a safety net that no verdict rests on

GRID = {"w": [round(0.01 * i, 2) for i in range(30)], "sampler": ["sde", "ode"]}
FEW = {"w": GRID["w"][:12], "sampler": GRID["sampler"]}
HOURS = {"n_samples": 10**6, "n_steps": 100}  # cells that take hours: only a stop ends them
OPTIONS = {"d": 6, "n_samples": 10, "n_disorder": 2, "n_steps": 8, "n_times": 4, "seed": 3, "progress": False}

# Imports once, then starts a sweep in a forked process for every folder it reads, to be killed at its n-th function
# call (a moment that is the same at any speed of the machine), and prints the status with which that ended.
SERVER = """
import os, sys
sys.path[:0] = {path!r}
from fault_cases import *
sweep(PROBLEM, {{"w": [1.0, 2.0]}}, threads=1, **OPTIONS)  # load and compile what is loaded and compiled late
for line in sys.stdin:
    calls, folder = line.rstrip().split(" ", 1)
    number = os.fork()
    if not number:
        with counted_calls(int(calls)):
            sweep(PROBLEM, GRID, folder=folder, threads=1, **OPTIONS)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)
"""


@contextlib.contextmanager
def counted_calls(fatal: int | None = None) -> Iterator[itertools.count]:
    """A counter of the function calls and returns of this thread and those it starts; the `fatal`-th kills us."""
    count = itertools.count(1)

    def look(*_: object) -> None:
        if next(count) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield count
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def undisturbed(grid=GRID) -> xarray.Dataset:
    return sweep(PROBLEM, grid, threads=1, **OPTIONS)


@contextlib.contextmanager
def server() -> Iterator[subprocess.Popen]:
    """The process that starts sweeps."""
    code = SERVER.format(path=[p for p in sys.path if p])
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as process:
        yield process
        process.stdin.close()


def stamps(folder: Path) -> dict[str, int]:
    """When each finished cell of a store was written."""
    return {p.name: p.stat().st_mtime_ns for p in (folder / "cells").glob("*.npz")}


@contextlib.contextmanager
def script(body: str, *words: object) -> Iterator[subprocess.Popen]:
    """A process that runs some lines after the imports of this module; killed if a test fails before it ends."""
    path = [p for p in sys.path if p]
    # a shell starts its background jobs with interrupts ignored, and children inherit that
    ready = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    head = f"{ready}sys.path[:0] = {path!r}\nfrom fault_cases import *\nfrom validate import StoreError\n"
    with subprocess.Popen([sys.executable, "-c", head + body, *map(str, words)], stderr=-1, text=True) as process:
        net = threading.Timer(NET, process.kill)
        net.start()
        try:
            yield process
        finally:
            net.cancel()
            process.kill()


def die_at(function: str, part: str, n: int) -> None:
    """Let the n-th call of a function of `os` whose last argument, without its folder, matches `part` kill us."""
    real, count = getattr(os, function), itertools.count(1)

    def strike(*words):
        if re.search(part, Path(str(words[-1])).name) and next(count) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*words)

    setattr(os, function, strike)


def strike_after(monkeypatch, n: int, blow: Callable[[], object]) -> None:
    """Let a sweep of this process meet a blow when it has taken its n-th cell, before it hands out more."""
    real, count = Board.finished, itertools.count(1)

    def finished(*words):
        real(*words)
        if next(count) == n:
            blow()

    monkeypatch.setattr(Board, "finished", finished)


class Watched(type(Path())):
    """The flag of a sweep, which notes who looks at it: a worker that looks again is inside a cell."""

    def exists(self) -> bool:
        with open(f"{self}.looks", "a") as notes:
            notes.write(f"{os.getpid()} {threading.get_ident()}\n")
        return super().exists()

    def seen_again(self) -> bool:
        notes = Path(f"{self}.looks")
        lines = notes.read_text().splitlines() if notes.exists() else []
        return len(set(lines)) < len(lines)


def tell_when_inside() -> None:
    """Let a sweep of this process say so, once it waits for cells that are under way: it can be interrupted now."""
    flag, following = resuming._flag, resuming._next
    flags: list[Watched] = []

    @contextlib.contextmanager
    def watched(store):
        with flag(store) as path:
            flags.append(Watched(path))
            yield flags[0]

    def tell(arrived):
        if flags:
            wait_for(flags.pop().seen_again)
            print("inside cells", file=sys.stderr, flush=True)
        return following(arrived)

    resuming._flag, resuming._next = watched, tell


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + NET
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.002)


def interrupt(process: subprocess.Popen) -> str:
    """Ctrl-C inside cells that take hours: what is said until the process has ended."""
    while (line := process.stderr.readline()) != "inside cells\n":
        assert line, "it ended by itself"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 130, said
    return said
