"""Every script of tests/jobs runs as a user would run it: a process of its own, an empty folder, no display."""

import ast
from pathlib import Path

import pytest
from forking import run_script

ROOT = Path(__file__).parents[1]
JOBS = sorted((ROOT / "tests" / "jobs").glob("*.py"))


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Of the processes that are started: this source tree, whatever is installed, and no display."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("MPLBACKEND", "Agg")
        yield


@pytest.mark.parametrize("path", JOBS, ids=lambda p: p.stem)
def test_job_runs(path, tmp_path):
    (folder := tmp_path / "empty").mkdir()
    code, out, err = run_script(path, folder)
    assert code == 0, err[-2000:]
    assert out and "Traceback" not in err


def test_a_job_that_fails_is_seen(tmp_path):
    """Negative control: in its own namespace, a script knows nothing of what its process has loaded."""
    (folder := tmp_path / "empty").mkdir()
    (script := tmp_path / "job.py").write_text("print('begun')\nprint(xarray)\n")
    code, out, err = run_script(script, folder)
    assert code == 1 and out == "begun\n" and "name 'xarray' is not defined" in err


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
