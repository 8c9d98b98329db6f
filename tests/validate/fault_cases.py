"""A sweep of many small cells in a process of its own, to be killed, interrupted or starved, and what it must give."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray
from validation_cases import PROBLEM

from validate import sweep

GRID = {"w": [round(0.01 * i, 2) for i in range(60)], "sampler": ["sde", "ode"]}
FEW = {"w": GRID["w"][:12], "sampler": GRID["sampler"]}
OPTIONS = {"d": 6, "n_samples": 10, "n_disorder": 2, "n_steps": 8, "n_times": 4, "seed": 3, "progress": False}

# Imports once, then starts a sweep in a forked process for every folder it reads, and prints that process's number.
SERVER = """
import os, sys
sys.path[:0] = {path!r}
from fault_cases import GRID, OPTIONS, PROBLEM
from validate import sweep
sweep(PROBLEM, {{"w": [1.0, 2.0]}}, threads=1, **OPTIONS)  # load and compile what is loaded and compiled late
for line in sys.stdin:
    number = os.fork()
    if not number:
        sweep(PROBLEM, GRID, folder=line.strip(), threads=1, **OPTIONS)
        os._exit(0)
    print(number, flush=True)
    os.waitpid(number, 0)
    print("ended", flush=True)
"""


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
        try:
            yield process
        finally:
            process.kill()


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def moments(n: int, longest: float, stream: int = 0) -> np.ndarray:
    """Random times at which to strike, in seconds."""
    return np.random.default_rng([20260101, stream]).uniform(0.0, longest, n)


def wait_for(condition, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.002)


def interrupt(process) -> str:
    """Ctrl-C: the last word comes within a second, whatever the interpreter then takes to end. What was said."""
    began, said = time.monotonic(), ""
    process.send_signal(signal.SIGINT)
    while not said.endswith("from there.\n") and (line := process.stderr.readline()):
        said += line
    assert time.monotonic() - began < 1.0
    said += process.stderr.read()
    assert process.wait(timeout=20) == 130, said
    return said
