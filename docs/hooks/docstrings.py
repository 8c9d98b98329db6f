"""Docstrings for the reference: an entry "name : what it is" has no type, which stands in the signature.

The renderer takes what follows the colon for one. Here it moves below the name, where descriptions are.
"""

import re
from typing import Any

import griffe

SECTION = re.compile(r"^(Parameters|Other Parameters|Attributes|Returns|Yields|Raises|Warns)\n-+\n", re.MULTILINE)
NEXT = re.compile(r"^\S.*\n---", re.MULTILINE)
ENTRY = re.compile(r"^(\S.*?) : ([>#+-]?)(.*)$", re.MULTILINE)  # "> 0" is a range, no quotation


class HouseForm(griffe.Extension):
    """Rewrite every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = numpydoc(obj.docstring.value)


def numpydoc(text: str) -> str:
    """The docstring with its entries in NumPy's form.

    >>> print(numpydoc("Do.\\n\\nParameters\\n----------\\nd : dimension,\\n    >= 1.\\n"))
    Do.
    <BLANKLINE>
    Parameters
    ----------
    d
        dimension,
        >= 1.
    <BLANKLINE>
    """
    pieces, done = [], 0
    for section in SECTION.finditer(text):
        following = NEXT.search(text, section.end())
        end = following.start() if following else len(text)
        pieces += [text[done : section.end()], ENTRY.sub(_below, text[section.end() : end])]
        done = end
    return "".join(pieces) + text[done:]


def _below(entry: re.Match[str]) -> str:
    name, sign, rest = entry.groups()
    escape = "\\" if sign else ""
    return f"{name}\n    {escape}{sign}{rest}"
