"""The documentation builds, and a warning (a dead link, a broken docstring, a page that is in no menu) is an error."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
PAGES = {"meanfield": "meanfield", "meanfield.line": "line", "simulate": "simulate", "simulate.learned": "learned",
         "validate": "validate"}  # fmt: skip


def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    for package, page in PAGES.items():
        shown = (tmp_path / "reference" / page / "index.html").read_text()
        anchors = re.findall(rf'<h3 id="{re.escape(package)}\.(\w+)"', shown)
        assert anchors == importlib.import_module(package).__all__, "all names, in the order of their purpose"
    explorer = ROOT / "validate" / "explorer"
    for path in explorer.iterdir():
        assert (tmp_path / "explorer" / path.name).read_bytes() == path.read_bytes(), "the page of the package"
    assert '<iframe src="explorer.html"' in (tmp_path / "explorer" / "index.html").read_text()


@pytest.mark.parametrize("package", PAGES)
def test_reference_pages_show_the_public_names_by_purpose(package):
    """Each group of `__all__` (a comment and the names below it) is a heading of the page, in that order."""
    source = (ROOT / package.replace(".", "/") / "__init__.py").read_text()
    groups: dict[str, list[str]] = {}
    for line in source[source.index("__all__") :].splitlines():
        if line.startswith("    # "):
            groups[line.strip(" #").capitalize()] = []
        elif line.startswith('    "'):
            groups[list(groups)[-1]].append(line.strip(' ",'))
    page = (REFERENCE / f"{PAGES[package]}.md").read_text()
    sections = [section.partition("\n") for section in page.split("\n## ")[1:]]
    names = rf"^::: {re.escape(package)}\.(\w+)$"
    assert [(title.capitalize(), re.findall(names, text, re.M)) for title, _, text in sections] == list(groups.items())


def test_the_door_shows_every_name_once():
    import cfgfield

    shown = re.findall(r"\[`(\w+)`\]\[(\w+)\.(\w+)\]", (REFERENCE / "cfgfield.md").read_text())
    assert ["__version__", *(name for name, _, _ in shown)] == cfgfield.__all__
    assert all(name == target for name, _, target in shown)


def test_a_dead_link_is_an_error(tmp_path):
    """Negative control: the same settings, one page with a link to nowhere."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[nowhere](missing.md)\n")
    settings = (ROOT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(settings[: settings.index("nav:")])
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build"], cwd=tmp_path, capture_output=True, timeout=1200)
    assert done.returncode != 0
