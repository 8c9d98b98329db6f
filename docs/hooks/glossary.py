"""Words of docs/glossary.md have their meaning as a tooltip, where a page first uses them.

A row of its table is `| **word**, **another form** | Meaning. More. |`; the tooltip is the first sentence. The page
itself, headings, links, code and formulas have none.
"""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

PAGE = "glossary.md"
ROW = re.compile(r"^\| (\*\*.*?) \| (.*) \|$", re.MULTILINE)
WORD = re.compile(r"\*\*(.+?)\*\*")
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
ABBR = re.compile(r"<abbr title=\"[^\"]*\">(.*?)</abbr>")
PLAIN = re.compile(r"<(h[1-6]|a)\b.*?</\1>", re.DOTALL)


def words(text: str) -> dict[str, str]:
    """Word of the glossary -> first sentence of its meaning, as plain text."""
    return {
        word: re.sub(r"[`*$]", "", LINK.sub(r"\1", re.split(r"(?<=\.) ", meaning)[0]))
        for row, meaning in ROW.findall(text)
        for word in WORD.findall(row)
    }


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Append the words in the form that the extension `abbr` reads."""
    source = files.get_file_from_path(PAGE)
    if source is None or page.file.src_uri == PAGE:
        return markdown
    known = words(source.content_string)
    return "\n".join([markdown, "", *(f"*[{word}]: {told}" for word, told in known.items())])


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep the first tooltip of each word on a page, and none in headings and links."""
    content = PLAIN.sub(lambda plain: ABBR.sub(r"\1", plain[0]), content)
    seen: set[str] = set()

    def first(found: re.Match[str]) -> str:
        new = found[1] not in seen
        seen.add(found[1])
        return found[0] if new else found[1]

    return ABBR.sub(first, content)
