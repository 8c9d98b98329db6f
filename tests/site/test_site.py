"""The documentation builds, and a warning (a dead link, a broken docstring, a page that is in no menu) is an error."""

import importlib
import inspect
import re
import runpy
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import griffe
import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = {"meanfield": "meanfield", "meanfield.line": "line", "simulate": "simulate", "simulate.learned": "learned",
         "validate": "validate"}  # fmt: skip


numpydoc = runpy.run_path(str(ROOT / "docs" / "hooks" / "docstrings.py"))["numpydoc"]
ENTRIES = {"parameters", "other parameters", "attributes", "returns", "yields", "raises", "warns"}

# the elements that pages are made of; no <g>, <q> or <s>: such a text is an average whose brackets were forgotten
HTML = set(
    """a abbr article body br button code details div em footer form h1 h2 h3 h4 h5 h6 head header hr html iframe img
    input kbd label li link main meta nav ol p path pre script section small span strong sub summary sup svg table tbody
    td th thead title tr ul""".split()
)


def test_the_site_shows_every_public_name(site):
    for package, page in PAGES.items():
        shown = (site / "reference" / page / "index.html").read_text()
        anchors = re.findall(rf'<h3 id="{re.escape(package)}\.(\w+)"', shown)
        assert anchors == importlib.import_module(package).__all__, "all names, in the order of their purpose"


def test_the_site_has_the_explorer_of_the_package(site):
    explorer = ROOT / "validate" / "explorer"
    for path in explorer.iterdir():
        assert (site / "explorer" / path.name).read_bytes() == path.read_bytes()
    assert '<iframe src="explorer.html"' in (site / "explorer" / "index.html").read_text()


def prose(text):
    """Entries of a docstring, as the renderer parses it, without a description, or with a sentence for a type."""
    parts = griffe.Docstring(numpydoc(text)).parse("numpy")
    entries = [entry for part in parts if part.kind.value in ENTRIES for entry in part.value]
    types = [[piece.strip() for piece in re.split(r"[,|]", str(entry.annotation or ""))] for entry in entries]
    return [
        f"{entry.annotation}: {entry.description}"
        for entry, pieces in zip(entries, types, strict=True)
        if not entry.description.strip() or any(" " in piece for piece in pieces)
    ]


def test_docstrings_are_parsed_as_they_are_meant():
    modules = [importlib.import_module(package) for package in PAGES if package != "simulate.learned"]
    public = {name: getattr(module, name) for module in modules for name in module.__all__}
    texts = {name: inspect.getdoc(thing) for name, thing in public.items() if callable(thing)}
    assert not {name: found for name, text in texts.items() if text and (found := prose(text))}
    assert prose("Do.\n\nRaises\n------\nValueError, of course\n"), "negative control"


class Reader(HTMLParser):
    """Names of the elements of a page that are none of HTML's."""

    def __init__(self, page: str):
        super().__init__()
        self.unknown: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in HTML:
            self.unknown.append(f"<{tag}>")


def test_no_formula_is_taken_for_an_element(site):
    """A text `<g>/2` that is neither code nor a formula would vanish from the page."""
    unknown = {
        str(page.parent.relative_to(site)): Reader(page.read_text()).unknown for page in site.rglob("index.html")
    }
    assert not {page: found for page, found in unknown.items() if found}
    assert Reader("<p>t_s = <g>/2</p>").unknown == ["<g>"], "negative control"


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


def built(tmp_path, home):
    """A site of one page by the settings of this one."""
    shutil.copytree(ROOT / "docs" / "hooks", tmp_path / "docs" / "hooks")
    shutil.copytree(ROOT / "validate" / "explorer", tmp_path / "validate" / "explorer")
    (tmp_path / "docs" / "index.md").write_text(home)
    settings = (ROOT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(settings[: settings.index("nav:")])
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1200)


@pytest.mark.parametrize(
    ("home", "why"),
    [
        pytest.param("[nowhere](missing.md)", "missing.md", id="dead link"),
        pytest.param("$$a \\tag{A1}$$\n\n$$b \\tag{A1}$$", "equation (A1)", id="equation of two places"),
    ],
)
def test_a_fault_is_an_error(home, why, tmp_path):
    """Negative controls of `site`."""
    done = built(tmp_path, f"# Home\n\n{home}\n")
    assert done.returncode != 0 and why in done.stderr


def test_a_mention_leads_to_its_equation(tmp_path):
    done = built(tmp_path, "# Home\n\n$$a + b \\tag{A1}$$\n\nBy (A1), not `(A1)`, and not (A2).\n")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "build" / "site" / "index.html").read_text()
    assert '<a id="eq-A1"></a><div class="arithmatex">' in page
    link = '<a class="eqref" href="./#eq-A1">(A1)</a>'
    assert f"By {link}, not <code>(A1)</code>, and not (A2)." in page
