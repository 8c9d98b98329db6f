"""The report of a prediction: one HTML file without a network, warnings first, readable on a phone."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from validate.data.batches import written
from validate.data.prediction import ABOUT, THEORY, Prediction, Predictions, plain
from validate.results.files import write_bytes
from validate.results.pictures import painted
from validate.results.provenance import provenance

BY_CLASS = ("shift", "trace_ratio", "w2", "energy", "vendi", "accuracy", "t_decided")
HIDDEN = ("doubts", "own_doubts", "versions", "target", "targets", "left_out")  # of attributes: said elsewhere
ALONE = [name for name in ABOUT if not name.endswith("_unguided") or name == "trace_unguided"]


def write(found: Prediction | Predictions, path: str | Path, overwrite: bool) -> None:
    """See `Prediction.report`."""
    write_bytes(page(found).encode(), path, overwrite=overwrite)


def page(found: Prediction | Predictions) -> str:
    """The whole file."""
    many = isinstance(found, Predictions)
    title = f"{len(found)} classes" if isinstance(found, Predictions) else f"class {found.target}"
    wide, narrow = (found.plot(columns=n)[0] for n in (3, 1))
    what = "The average class" if many else "Every number"
    body = f"<h2>{what}</h2>\n{_NOTE}\n{table(_numbers(found))}\n"
    return document(
        f"What guidance does to {title}", found.head, found.warnings,
        embedded(wide, "Variance, shift of the mean or modes, posterior on the way", "wide")
        + embedded(narrow, "The same, one below the other", "narrow"),
        body + (_by_class(found) if isinstance(found, Predictions) else _by_mode(found)), found.dataset.attrs,
    )  # fmt: skip


def document(
    title: str, head: str, warnings: Sequence[str], pictures: str, body: str, about: Mapping[str, Any]
) -> str:  # fmt: skip
    """A page: title, a line, warnings, pictures and body in HTML, and where all of it comes from."""
    facts = {k: v for k, v in {**about, **provenance()}.items() if k not in HIDDEN}
    return _PAGE.format(
        title=html.escape(title),
        head=html.escape(head),
        warnings="".join(f"<li>{html.escape(text)}</li>" for text in warnings) or "<li>None.</li>",
        pictures=pictures,
        body=body,
        facts=table(row([k, str(v)]) for k, v in facts.items()),
    )


def embedded(figure: Any, words: str, kind: str) -> str:
    """A figure within the page: `kind` is "wide" or "narrow" for one of two, "single" for one alone."""
    data = base64.b64encode(painted(figure, ".svg")).decode()
    return f'<img class="{kind}" alt="{words}"\nsrc="data:image/svg+xml;base64,{data}">'


def table(rows: Iterable[str]) -> str:
    """Rows that scroll on a narrow screen."""
    return f"<div class='scroll'><table>{''.join(rows)}</table></div>"


def row(cells: Sequence[str], kind: str = "td") -> str:
    """Cells of a table."""
    return "<tr>" + "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells) + "</tr>\n"


def _numbers(found: Any) -> list[str]:
    rows = [row(["", "guided", "unguided", "mean field"], "th")]
    for name in ALONE:
        long_name, units = ABOUT[name]
        twin = f"{name}_unguided"
        words = long_name.replace(", guided over unguided", ", over unguided").removesuffix(", guided")
        theory = plain(found.theory(name), ".3g") if name in THEORY else ""
        if name in THEORY and twin in THEORY:
            theory += " / " + plain(found.theory(twin), ".3g")
        unit = "" if units == "1" else f" ({units})"
        rows.append(row([words + unit, found.text(name), found.text(twin) if twin in ABOUT else "", theory]))
    return rows


def _by_class(found: Predictions) -> str:
    heads = ["class", *BY_CLASS, "mean field: shift", "trace", "modes lost"]
    rows = [row([x.replace("_", " ") for x in heads], "th")]
    for one in found:
        theory = [plain(one.theory(name), ".3g") for name in THEORY[:2]]
        rows.append(row([str(one.target), *map(one.text, BY_CLASS), *theory, str(len(one.lost) or "")]))
    return f"<h2>Class by class</h2>{table(rows)}"


def _by_mode(found: Prediction) -> str:
    data = found.dataset
    if data.sizes["component"] < 2:
        return ""
    rows = [row(["component", "weight", "unguided", "guided", ""], "th")]
    for k, component in enumerate(data.component.values):
        one = data.isel(component=k)
        shares = [written(float(one[name]), float(one[f"{name}_stderr"])) for name in ("share_unguided", "share")]
        rows.append(row([str(component), f"{float(one.weight):.3g}", *shares, "lost" if bool(one.lost) else ""]))
    return f"<h2>Modes of the class</h2>{table(rows)}"


_NOTE = """<p>In brackets: the standard error of the last digits, from independent batches. Times are variances of the
noise. The mean field of a time: guided / unguided.</p>"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 1.5rem auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }} img {{ width: 100%; }}
ul.warnings {{ background: #fbe9df; border-left: 4px solid #D55E00; padding: .6rem 1rem .6rem 2rem; }}
table {{ border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; }} td, th {{ padding: 3px 10px 3px 0; border-bottom: 1px solid #e4e4e4; vertical-align: top; }}
div.scroll {{ overflow-x: auto; }} img.narrow {{ display: none; }} img.single {{ max-width: 36rem; }}
@media (max-width: 600px) {{ img.wide {{ display: none; }} img.narrow {{ display: block; }} }}
</style></head><body>
<h1>{title}</h1>
<p>{head}</p>
<h2>Warnings</h2>
<ul class="warnings">{warnings}</ul>
<p>{pictures}</p>
{body}
<h2>Provenance</h2>
{facts}
</body></html>
"""
