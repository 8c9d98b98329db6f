"""The pages and notebooks that need torch: those that the ordinary tests leave out, by their own lists."""

import os
import re
import runpy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
PAGES = runpy.run_path(str(ROOT / "tests" / "test_docs.py"))["LEARNED"]
NOTEBOOKS = runpy.run_path(str(ROOT / "tests" / "test_notebooks.py"))["LEARNED"]
BLOCKS = [
    pytest.param(code, id=f"{name}-{i}")
    for name in sorted(PAGES)
    for i, code in enumerate(re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / name).read_text(), re.S | re.M))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_block_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "documentation", "exec"), {"__name__": "documentation"})


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_notebook_runs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.fspath(ROOT))
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(tmp_path)}}).execute()


def test_something_is_run():
    assert BLOCKS and NOTEBOOKS
