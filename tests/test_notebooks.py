"""Every notebook runs from its first cell to its last, carries no output, and asks for nothing but the public names."""

import ast
import importlib
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
# they need the extra `learned`: tests/extras/test_learned_pages.py runs them
LEARNED = {"09_a_learned_score", "11_your_data"}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.stem not in LEARNED], ids=lambda p: p.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # this source tree, whatever is installed
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_stripped(path):
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert cells and all(not c.outputs and c.execution_count is None for c in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_uses_public_names_only(path):
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(re.sub(r"^%.*$", "", c.source, flags=re.M) for c in cells if c.cell_type == "code")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            if node.module.split(".")[0] not in ("meanfield", "simulate", "validate"):
                continue
            module = importlib.import_module(node.module)
            assert {alias.name for alias in node.names} <= _public(module)


def _public(module) -> set[str]:
    """What a face lists; the rooms of figures, and in a room what it defines without an underscore."""
    rooms = {path.stem for path in (ROOT / "validate" / "figures").glob("*") if module.__name__ == "validate.figures"}
    here = {name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    return set(getattr(module, "__all__", {name for name in here if not name.startswith("_")})) | rooms


def test_they_are_in_order():
    assert [p.stem[:2] for p in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"]
