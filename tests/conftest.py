"""Hypothesis without its clocks: no example has to end within a time. (Tests of extras run without Hypothesis.)

And the site, built once: a warning (a dead link, an equation of two places, a page in no menu) is an error.

And the order: what takes long begins first, so that no worker is still at it when the others are done.

And what is `long`: the tests in costs.json, of a processor second or more when `make test-costs` measured them.
`make test` leaves them out, `make test-all` does not.

And BLAS on one thread: workers fill the cores, and its threads, on matrices as small as here, would mostly wait for
each other, which costs more than all that they compute. It is set before NumPy is loaded, and for programs that tests
start; `tests/simulate/test_blas_threads.py` asks of runs what they do where it is not set.

And garbage: what collecting the tests makes lives to the end. Python would look through its half a million objects
again and again, a third of the time of collecting and a tenth of that of running, so it is told to leave them alone.
"""

import gc
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

if find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any speed")

gc.disable()  # until the tests are collected

LONGEST = ("test_notebooks.py", "test_jobs.py")
COSTS: dict[str, float] = json.loads(Path(__file__).with_name("costs.json").read_text(encoding="utf-8"))


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid in COSTS:
            item.add_marker("long")
    items.sort(key=lambda item: item.path.name not in LONGEST)  # stable


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of the built documentation."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder
