"""The ways in: home leads to every page, words have their meaning, the README is short and its pictures exist."""

import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
GLOSSARY = runpy.run_path(str(DOCS / "hooks" / "glossary.py"))


def links(page: Path) -> set[Path]:
    """The files to which a page links."""
    return {(page.parent / target).resolve() for target in LINK.findall(page.read_text())}


def pages() -> set[Path]:
    return {path for path in DOCS.rglob("*.md") if path != DOCS / "index.md"}


def test_home_leads_to_every_page():
    assert not pages() - links(DOCS / "index.md")


def test_the_four_doors_come_first():
    doors = (DOCS / "index.md").read_text().partition("## In code")[0]
    sections = doors.split("\n## ")[1:]
    assert [section.splitlines()[0].split()[2] for section in sections] == [
        "physicist",
        "practitioner",
        "author",
        "contributor",
    ]
    assert all(3 <= len(re.findall(r"^- ", section, re.M)) <= 5 for section in sections)


@pytest.mark.parametrize("name", ["tutorials/" + page.name for page in sorted((DOCS / "tutorials").glob("*.md"))])
def test_a_tutorial_leads_on_and_is_led_to(name):
    """From home (above), and from at least one page of the subject that it teaches."""
    page = DOCS / name
    subjects = {other for other in links(page) & pages() if page in links(other)} - set((DOCS / "tutorials").glob("*"))
    assert subjects, "link the tutorial from the page that it leads to"


def test_the_glossary_has_the_words_of_the_theory():
    known = GLOSSARY["words"]((DOCS / "glossary.md").read_text())
    asked = "crowd glass target captured sliding takeover phase dose quenched annealed speciation standing w eta alpha"
    assert not set(asked.split()) - set(known)
    assert all(20 < len(told) < 170 and not re.search(r"[\[\]`$\\]", told) for told in known.values())
    assert GLOSSARY["words"]("| **a**, **b** | Is [x](y.md) `z`. More. |\n") == {"a": "Is x z.", "b": "Is x z."}


class Tips(HTMLParser):
    """Tooltips of a built page, as (word, the elements around it)."""

    def __init__(self, page: str):
        super().__init__()
        self.around: list[str] = []
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "img", "input", "br", "hr"):
            self.around.append("formula" if ("class", "arithmatex") in attrs else tag)

    def handle_endtag(self, tag):
        if self.around:
            self.around.pop()

    def handle_data(self, data):
        if self.around[-1:] == ["abbr"]:
            self.found.append((data, tuple(self.around)))


def spoiled(page: str) -> list[str]:
    """Tooltips where there should be none, and words that have more than one."""
    found = Tips(page).found
    apart = {"code", "pre", "formula", "script", "a", "h1", "h2", "h3"}
    names = [word for word, _ in found]
    return [word for word, around in found if apart & set(around)] + [
        word for word in set(names) if names.count(word) > 1
    ]


def test_tooltips_explain_words_and_leave_code_and_formulas_alone(site):
    built = {page.parent.relative_to(site).as_posix(): page.read_text() for page in site.rglob("index.html")}
    assert {word for word, _ in Tips(built["phases"]).found} >= {"crowd", "glass"}
    assert not Tips(built["glossary"]).found
    assert not {name: spoiled(page) for name, page in built.items() if spoiled(page)}


@pytest.mark.parametrize("body", ["<code>a <abbr>w</abbr></code>", "<p><abbr>w</abbr> <abbr>w</abbr></p>"])
def test_a_spoiled_text_is_found(body):
    """Negative controls of the test above."""
    assert spoiled(f"<body>{body}</body>") == ["w"] and not spoiled("<p>a <abbr>w</abbr></p>")


def test_the_readme_is_short_and_its_pictures_exist():
    text = (ROOT / "README.md").read_text()
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(text.splitlines()) <= 120 and len(pictures) >= 5
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_the_versions_that_are_cited_are_that_of_the_package():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    for path in (ROOT / "README.md", DOCS / "citation.md"):
        assert re.findall(r"version\s*= \{(.+?)\}", path.read_text()) == [version]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
