"""Scripts in processes of their own that need not load the libraries again: forks of one process that has.

A fork is what `multiprocessing` calls a fork server: the first process loads what PRELOADED names, computes nothing and
starts no thread; each script runs in a fork of it, with an own folder, an own namespace and own standard streams.
"""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRELOADED = ["cfgfield", "validate.cli", "matplotlib.pyplot", "numba", "scipy.optimize", "xarray", "h5netcdf"]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(PRELOADED)


def run_script(path: Path, folder: Path) -> tuple[int, str, str]:
    """Run a script in `folder`: its exit code, and what it and the programs that it starts wrote."""
    streams = [folder.parent / f"{folder.name}.{name}" for name in ("out", "err")]
    process = FORKS.Process(target=_script, args=(path, folder, streams))
    process.start()
    process.join()
    out, err = (stream.read_text(encoding="utf-8") for stream in streams)
    return process.exitcode, out, err


def _script(path: Path, folder: Path, streams: list[Path]) -> None:
    for descriptor, stream in enumerate(streams, start=1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    sys.argv = [str(path)]
    runpy.run_path(str(path), run_name="__main__")
