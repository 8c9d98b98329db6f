"""Every script of tests/jobs runs as a user would run it: a process of its own, an empty folder, no display."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JOBS = sorted((ROOT / "tests" / "jobs").glob("*.py"))


@pytest.mark.parametrize("path", JOBS, ids=lambda p: p.stem)
def test_job_runs(path, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, path], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout and "Traceback" not in done.stderr


@pytest.mark.parametrize("path", JOBS, ids=lambda p: p.stem)
def test_job_uses_public_names_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert ast.get_docstring(tree) and not [name for name in names if name.startswith("_")]
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert all(
        str(module).count(".") == 0
        for module in modules
        if str(module).startswith(("meanfield", "simulate", "validate"))
    )


def test_there_are_jobs():
    assert JOBS
