"""How results look in a notebook: one plain table, which says first what it is of."""

from collections.abc import Iterable, Sequence
from typing import Any

CELL = 'style="text-align:right;padding:1px 8px"'


def html_table(caption: str, rows: Iterable[Sequence[Any]], head: Sequence[str] = (), notes: Sequence[str] = ()) -> str:
    """A table as HTML: `rows` below `head`, what is long (`notes`) below that; texts are escaped.

    Examples
    --------
    >>> html_table("Sizes", [("d", 8)]).count("<td")
    2
    """
    from html import escape  # with all entities of HTML, which no import of the package waits for

    first = f'<caption style="text-align:left;caption-side:top"><b>{escape(caption)}</b></caption>'
    titles = "".join(f"<th {CELL}>{escape(word)}</th>" for word in head)
    body = "".join(f"<tr>{''.join(f'<td {CELL}>{escape(str(x))}</td>' for x in row)}</tr>" for row in rows)
    below = "".join(f"<div>{escape(note)}</div>" for note in notes)
    return f"<table>{first}<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{below}"


def brief(record: Any) -> str:
    """A named tuple in one line: numbers to six digits, arrays by their shape.

    Examples
    --------
    >>> from collections import namedtuple
    >>> brief(namedtuple("Point", "t m")(0.5, 1.0 / 3.0))
    'Point(t=0.5, m=0.333333)'
    """
    return f"{type(record).__name__}({', '.join(f'{k}={_value(x)}' for k, x in record._asdict().items())})"


def _value(x: Any) -> str:
    shape = getattr(x, "shape", ())
    if shape:
        return f"<{' x '.join(map(str, shape))} values>"
    return repr(str(x)) if isinstance(x, str) else f"{float(x):.6g}"
