"""Numbered equations of the site: `\\tag{T7}` makes a place, and "(T7)" in the text of any page leads to it.

So does "docs/theory.md" in a docstring to that page.

A label names one equation of the whole site: a second one is a warning, which the build takes for an error.
"""

import logging
import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

LABEL = r"[A-Z]{1,2}\d+[a-z]?"
TAG = re.compile(rf"\\tag\{{({LABEL})\}}")
MENTION = re.compile(rf"\(({LABEL})\)")
PAGE = re.compile(r"\bdocs/([\w-]+)\.md\b")  # as docstrings cite a page
BLOCK = re.compile(r'<div class="arithmatex">.*?</div>', re.DOTALL)
# text between tags is linked, but for that of these elements
UNTOUCHED = re.compile(
    r'(<(code|pre|a|h[1-6]|script|style)\b.*?</\2>|<(?:div|span) class="arithmatex">.*?</(?:div|span)>|<[^>]+>)',
    re.DOTALL,
)

log = logging.getLogger("mkdocs.hooks.equations")
places: dict[str, str] = {}  # label -> address of the page


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Collect the labels of all pages."""
    places.clear()
    for file in files.documentation_pages():
        for label in TAG.findall(file.content_string):
            if label in places:
                log.warning("equation (%s) is on two pages or twice on one: %s and %s", label, places[label], file.url)
            places[label] = file.url
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Give the equations of a page their anchors, and link the mentions of all."""
    html = BLOCK.sub(_anchored, html)
    pieces = UNTOUCHED.split(html)
    # split with two groups: text, untouched element, name of its tag, text, ...
    for i in range(0, len(pieces), 3):
        text = MENTION.sub(lambda found: _linked(found, page.url), pieces[i])
        pieces[i] = PAGE.sub(lambda found: _page(found, page.url, files), text)
    return "".join(piece for i, piece in enumerate(pieces) if i % 3 != 2)


def _anchored(block: re.Match[str]) -> str:
    anchors = "".join(f'<a id="eq-{label}"></a>' for label in TAG.findall(block[0]))
    return f'<div class="equation">{anchors}{block[0]}</div>' if anchors else block[0]


def _linked(mention: re.Match[str], url: str) -> str:
    label = mention[1]
    if label not in places:
        return mention[0]
    return f'<a class="eqref" href="{get_relative_url(places[label], url)}#eq-{label}">{mention[0]}</a>'


def _page(mention: re.Match[str], url: str, files: Files) -> str:
    file = files.get_file_from_path(f"{mention[1]}.md")
    return f'<a href="{get_relative_url(file.url, url)}">{mention[0]}</a>' if file else mention[0]
