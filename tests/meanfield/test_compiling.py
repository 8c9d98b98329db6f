"""Compiled code on disk is void when code in another file changes that was compiled into it; numba alone keeps it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meanfield import fastflow, pieceflow
from meanfield.compiling import fingerprint

ROOT = Path(__file__).resolve().parents[2]
PLAIN = "from numba import njit\ndef compiled():\n    return njit(cache=True)\n"
OURS = "from meanfield.compiling import compiled\n"


def product(folder: Path) -> tuple[int, int]:
    """What the caller gives in a fresh process, and how often it was found on disk."""
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    code = "from pack.caller import twice; print(twice(1), sum(twice.stats.cache_hits.values()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    value, hits = map(int, done.stdout.split())
    return value, hits


@pytest.mark.parametrize("how", [OURS, PLAIN])
def test_a_change_in_another_file_is_seen(how, tmp_path):
    """Change a kernel, then a plain constant, that another file compiles in: numba alone goes on with the old ones."""
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "__init__.py").write_text("")
    (pack / "callee.py").write_text(f"{how}@compiled()\ndef one(x):\n    return x\n")
    (pack / "constants.py").write_text("FACTOR = 2\n")
    caller = "from pack.callee import one\nfrom pack.constants import FACTOR\n"
    (pack / "caller.py").write_text(f"{how}{caller}@compiled()\ndef twice(x):\n    return FACTOR * one(x)\n")
    assert product(tmp_path) == (2, 0)
    assert product(tmp_path) == (2, 1)  # as long as nothing changes
    (pack / "callee.py").write_text(f"{how}@compiled()\ndef one(x):\n    return 10 * x\n")
    (pack / "constants.py").write_text("FACTOR = 3\n")
    assert product(tmp_path) == ((30, 0) if how == OURS else (2, 1))


def test_all_kernels_of_the_package_carry_its_fingerprint():
    stamp = fingerprint(Path(fastflow.__file__).parent)
    for function in (fastflow.step, pieceflow.follow, pieceflow.follow_all):
        assert function._cache._cache_file._source_stamp == stamp
