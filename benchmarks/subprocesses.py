"""What only a fresh process can tell: peak memory of a run, time of an import, time of the first call.

A program runs in a process of its own and prints one line of JSON.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["SIZES", "first_call", "import_seconds", "peak_memory", "process_seconds"]

ROOT = Path(__file__).parents[1]
SIZES = (  # (P, d, samples)
    (10**6, 24, 256),
    (10**5, 256, 256),
    (10**4, 20, 10**4),
    (10**4, 10**4, 64),
    (10**4, 2 * 10**4, 64),
    (10, 4000, 10**5),
    (2, 24, 10**6),
)

MEMORY = """
import json
from meanfield import Fixed, Problem
from simulate import run
def peak():
    with open("/proc/self/status") as lines:  # not ru_maxrss: that begins with the peak of the parent
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
def go(P, d, S):
    problem = Problem(classes=Fixed(P), sigma2=0.25, guidance=0.1, t_start=100.0)
    return run(problem, d=d, n_samples=S, n_disorder=1, n_steps=3, n_times=2, progress=False)
go(10, 4, 10)
before = peak()
data = go({P}, {d}, {S})
means = 4 * {P} * {d} if "span" not in data.info["method"] else 4 * {P} ** 2
print(json.dumps({{"before": before, "peak": peak(), "means": means, "method": data.info["method"]}}))
"""
IMPORT = """
import json, time
{first}
begin = time.process_time()
import {name}
print(json.dumps(time.process_time() - begin))
"""
RUN = """
import json, time
from meanfield import Fixed, Problem
from simulate import run
def go():
    begin = time.process_time()
    problem = Problem(classes=Fixed(10), sigma2=0.25, guidance=0.1, t_start=100.0)
    run(problem, d=4, n_samples=10, n_disorder=2, n_steps=5, dtype="{dtype}", progress=False)
    return time.process_time() - begin
"""
CALL = RUN + "first = go()\nprint(json.dumps(first - go()))"

COMMAND = "import sys; from validate.cli import main; sys.argv[1:] = {}; sys.exit(main())"
PROCESSES = {
    "Python": "",
    "NumPy": "import numpy",
    "`import simulate`": "import simulate",
    "`cfgfield --help`": COMMAND.format(["--help"]),
    "`cfgfield solve --help`": COMMAND.format(["solve", "--help"]),
    "NumPy, numba with its types, and the BLAS that numba calls": """
import numba, scipy.linalg.cython_blas
from numba.core.registry import cpu_target
cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
""",
    "`import simulate` and a first run": RUN.format(dtype="float32") + "go()",
}  # from its start to its end


def peak_memory(P: int, d: int, S: int) -> dict:
    """Bytes that a run needs at its peak beyond its class means and beyond the process with the package loaded."""
    found = fresh(MEMORY.format(P=P, d=d, S=S))
    return {"P": P, "d": d, "S": S, **found, "beyond": found["peak"] - found["before"] - found["means"]}


def import_seconds(name: str, first: str = "import numpy", repeats: int = 3) -> float:
    """CPU seconds of an import after `first` has been executed, median over fresh processes."""
    return statistics.median(fresh(IMPORT.format(first=first, name=name)) for _ in range(repeats))


def first_call(dtype: str = "float32") -> dict[str, float]:
    """CPU seconds that the first run of a process takes more than its second: compiled then, or read from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        return {state: fresh(CALL.format(dtype=dtype), NUMBA_CACHE_DIR=cache) for state in ("compiled", "cached")}


def process_seconds(repeats: int = 5) -> dict[str, float]:
    """CPU seconds of whole processes, median, once what they compile is in the cache."""
    return {
        name: statistics.median([_whole(program) for _ in range(1 + repeats)][1:])
        for name, program in PROCESSES.items()
    }


def _whole(program: str) -> float:
    """CPU seconds of a process from its start to its end."""

    def spent() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    begin = spent()
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    return spent() - begin


def fresh(program: str, **environment: str):
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"a benchmark program failed:\n{done.stderr}")
    return json.loads(done.stdout)
