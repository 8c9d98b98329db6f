"""What was compiled a moment ago and what is read from the disk give the same bits.

A compiled function that another one calls exists twice unless it is inlined: by itself, and inside its caller. Which of
the two runs depends on whether both were just compiled; they need not be optimised alike, and differ in the last bits.
So every kernel called by kernels says `forceinline`.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import hashlib
from meanfield import Exponential, Problem
from simulate import run
problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
for d, log_count, dtype in ((8, 3.2, "float32"), (8, 6.0, "float32"), (40, 3.2, "float64")):
    options = {"classes": "explicit", "n_samples": 32, "n_disorder": 2, "n_steps": 20}
    data = run(problem.replace(classes=Exponential(log_count / d)), d=d, dtype=dtype, **options)
    print(hashlib.sha256(b"".join(v.tobytes() for v in data.draws.values())).hexdigest())
"""


def test_the_first_run_and_later_ones_have_the_same_bits(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    runs = [subprocess.check_output([sys.executable, "-c", PROGRAM], env=environment, text=True) for _ in range(2)]
    assert list(tmp_path.rglob("*.nbi"))  # the second run had something to read
    assert runs[0] == runs[1] and len(set(runs[0].split())) == 3


def _kernels(path: Path) -> dict[str, tuple[str, set[str]]]:
    """Compiled functions of a file: name -> (decorator, names it calls)."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            decorator = " ".join(ast.unparse(d) for d in node.decorator_list)
            if decorator.startswith(("compiled(", "inner(")):
                calls = {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
                found[node.name] = (decorator, calls)
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "simulate").rglob("*.py")), ids=lambda p: p.stem)
def test_kernels_that_kernels_call_are_inlined(path):
    kernels = _kernels(path)
    called = {name for _, calls in kernels.values() for name in calls} & set(kernels)
    assert all("forceinline=True" in kernels[name][0] for name in called)
