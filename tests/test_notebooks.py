"""Every notebook runs from its first cell to its last, carries no output, and asks for nothing but the public names.

Its page of the site has its cells, and outputs: `python -m notebooks.pages`.
"""

import ast
import importlib
import os
import re
import runpy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[1]
# they need the extra `learned`: tests/extras/test_learned_pages.py runs them
LEARNED = {"09_a_learned_score", "11_your_data"}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = runpy.run_path(str(ROOT / "notebooks" / "pages.py"))


pytestmark = pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all notebooks: libraries and compiled code are loaded once."""
    client = NotebookClient(nbformat.v4.new_notebook(), timeout=1200)
    here = {**os.environ, "PYTHONPATH": str(ROOT)}  # this source tree, whatever is installed
    with client.setup_kernel(env=here):
        yield client


def execute(kernel, notebook, folder):
    """Run the cells of a notebook, in a namespace and a folder of its own."""
    kernel.nb = notebook
    kernel.reset_execution_trackers()
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {folder}"))
    for index, cell in enumerate(notebook.cells):
        kernel.execute_cell(cell, index)


@pytest.mark.long  # in a kernel of their own, whose cost is seen when it ends
@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.stem not in LEARNED], ids=lambda p: p.stem)
def test_notebook_runs(path, tmp_path, kernel):
    execute(kernel, nbformat.read(path, as_version=4), tmp_path)


@pytest.mark.long
def test_a_notebook_knows_nothing_of_the_one_before(tmp_path, kernel):
    """Negative control: a name that another notebook has defined stops a cell, as any error does."""
    first, second = (nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]) for code in ("x = 1", "x"))
    execute(kernel, first, tmp_path)
    with pytest.raises(CellExecutionError, match="name 'x' is not defined"):
        execute(kernel, second, tmp_path)


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
    assert [p.stem[:2] for p in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"]


def stale(notebook, page):
    """What a page lacks of its notebook, in words."""
    cells = [PAGES["shown"](c) for c in notebook.cells if c.cell_type == "code"]
    texts = [text.partition("\n")[2].strip() if i == 0 else text for i, text in enumerate(PAGES["texts"](notebook))]
    return [text for text in texts if text not in page] + (["code"] if PAGES["sources"](page) != cells else [])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_page_is_that_of_the_notebook(path):
    page = PAGES["PAGES"] / f"{path.stem}.md"
    text = page.read_text(encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    assert not stale(notebook, text), f"run it again: python -m notebooks.pages {path.stem}"
    assert {p.name for p in page.parent.glob(f"{path.stem}-*.png")} == set(re.findall(r"\]\((\S+\.png)\)", text))
    for cell in notebook.cells[1:3]:  # negative controls: a text and a piece of code that the page does not have
        cell.source += "1"
    assert len(stale(notebook, text)) >= 1 and "code" in stale(notebook, text)
