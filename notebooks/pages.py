"""The notebooks as pages of the site, with what they print and draw: `python -m notebooks.pages`, from the source tree.

Runs each notebook (or those that are named: `python -m notebooks.pages 03_phases`) and writes docs/notebooks/NAME.md
with its pictures. The pages are committed, so that building the site runs nothing; a test holds their cells to those of
the notebooks. 09 and 11 need the extra `learned`.
"""

import base64
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
PAGES = HERE.parent / "docs" / "notebooks"
CODE = re.compile(r"^```python\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
NOISE = re.compile(r"\x1b\[[0-9;]*m|" + re.escape(tempfile.gettempdir()) + r"/tmp\w+/")  # colours, folders of a moment
LINE = 200  # characters of a line of output that a page shows


def main(names: list[str]) -> None:
    """Run the notebooks of these names, or all, and write their pages."""
    os.environ["PYTHONPATH"] = str(HERE.parent)  # this source tree, whatever is installed
    for path in sorted(HERE.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": folder}}).execute()
        write(notebook, path.stem, PAGES)


def write(notebook, name: str, folder: Path) -> None:
    """Write the page of an executed notebook, and its pictures, into `folder`."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"{name}-*.png"):
        old.unlink()
    pictures: list[bytes] = []
    parts = [_told(cell) if cell.cell_type == "markdown" else _run(cell, name, pictures) for cell in notebook.cells]
    title, _, rest = parts[0].partition("\n")
    where = f"*The notebook `notebooks/{name}.ipynb` of the source tree, as it ran.*"
    (folder / f"{name}.md").write_text("\n\n".join([title, where, rest.strip(), *parts[1:]]) + "\n", encoding="utf-8")
    for i, picture in enumerate(pictures, 1):
        (folder / f"{name}-{i}.png").write_bytes(picture)


def sources(page: str) -> list[str]:
    """The cells of code that a page shows."""
    return CODE.findall(page)


def shown(cell) -> str:
    """A cell of code as a page has it, without the last semicolon, which only hides a value."""
    return cell.source.strip().removesuffix(";")


def texts(notebook) -> list[str]:
    """The cells of text of a notebook, as a page has them."""
    return [_told(cell) for cell in notebook.cells if cell.cell_type == "markdown"]


def _told(cell) -> str:
    """A cell of text; links to notebooks lead to their pages."""
    return re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", cell.source.strip()).replace("](../docs/", "](../")


def _run(cell, name: str, pictures: list[bytes]) -> str:
    """A cell of code, and what it put out; the bytes of its pictures are added to `pictures`."""
    parts = [f"```python\n{shown(cell)}\n```"]
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            pictures.append(base64.b64decode(data["image/png"]))
            parts.append(f"![What the cell above draws]({name}-{len(pictures)}.png)")
        elif "application/vnd.jupyter.widget-view+json" in data:
            if not data["text/plain"].startswith("Output("):  # which is a bar of progress
                parts.append("*(Here are sliders, if you run the notebook.)*")
        elif output.get("name") != "stderr":
            text = NOISE.sub("", output.get("text") or data.get("text/plain", "")).strip("\n")
            lines = [line[:LINE].rstrip() for line in text.splitlines()]
            parts += ["```text\n" + "\n".join(lines) + "\n```"] if text.strip() else []
    return "\n\n".join(parts)


if __name__ == "__main__":
    main(sys.argv[1:])
