"""`cfgfield figures`: computes what is missing, draws, and writes every figure with its data and where they come from.

    out/NAME.pdf, out/NAME.png     the figure, as wide as a page
    out/NAME-column.pdf, .png      the same for one column, of the same data (--width column)
    out/NAME.json                  title, caption, recipe of every part, seeds, versions, revision, command, time
    out/README.md                  all figures, small and by number, then with their captions
    out/data/NAME-PART.nc          the data; each file carries its recipe

A part whose file has the same recipe is not computed again, so an interrupted run goes on where it was; a part that
trains a network goes on from the checkpoint that it has left there (NAME-PART.*.part). A file with another recipe
(other parameters or another profile) is never overwritten unless asked for.
"""

import html
import io
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanfield.errors import one_of
from validate.drawing import WIDTH, sized, styled
from validate.errors import ConfigError, StoreError
from validate.gallery.registry import find_figures
from validate.gallery.saved import Saved
from validate.recipe import PROFILES, GalleryFigure
from validate.results.files import read_dataset, read_json, write_bytes, write_json
from validate.results.provenance import code_fingerprint, provenance

if TYPE_CHECKING:
    import xarray


_ENDING = {"page": "", "column": "-column"}  # of the stem


def make_figures(
    only: Sequence[str] = (), profile: str = "quick", out: str | Path = "figures", *, force: bool = False,
    width: str = "page",
) -> list[str]:  # fmt: skip
    """Make the figures of the paper, or some of them.

    Parameters
    ----------
    only : names, of the paper's figures or one's own (see `register`); all of the paper if empty, but for those whose
        data are still to be computed and whose extra is not installed: a note says so.
    profile : "quick" (minutes in all), "standard" (what one would submit) or "full".
    out : folder.
    force : compute everything again, over data of other parameters too.
    width : "page" (7 in) or "column" (3.4 in, panels below each other); both draw the same data.

    Returns
    -------
    list of str : names of the figures made, in the paper's order.

    Raises
    ------
    ConfigError : an unknown name, profile or width, a figure asked for by name whose extra is not installed, or data of
        other parameters in the folder. StoreError : see `Store`.
    """
    from rich.console import Console

    figures, out = find_figures(only), Path(out)
    one_of("profile", profile, PROFILES, error=ConfigError)
    one_of("width", width, WIDTH, error=ConfigError)
    parts = {
        figure.name: {name: Saved(out, figure, name, part) for name, part in figure.parts(profile).items()}
        for figure in figures
    }

    def at_hand(figure: GalleryFigure) -> bool:  # then it is drawn without the libraries that computed its data
        return not force and all(part.is_wanted() for part in parts[figure.name].values())

    lacking = [figure for figure in figures if not (figure.available() or at_hand(figure))]
    if only and lacking:
        raise ConfigError(_needs(lacking[0]))
    figures = tuple(figure for figure in figures if figure not in lacking)
    if not force:
        for figure in figures:
            for part in parts[figure.name].values():
                part.require_same()
    notes = Console(stderr=True, highlight=False, markup=False)  # the names of extras are in brackets
    for figure in lacking:
        notes.print(f"left out: {_needs(figure)}")
    for i, figure in enumerate(figures, start=1):
        began = time.perf_counter()
        notes.print(f"{i}/{len(figures)} {figure.name}: {figure.title}", style="bold")
        data = {name: _obtain(part, force, notes) for name, part in parts[figure.name].items()}
        stem = _write(out, figure, profile, data, width)
        notes.print(f"    {out / stem}.pdf, .png  ({time.perf_counter() - began:.1f} s)")
    _write_index(out)
    return [figure.name for figure in figures]


def _needs(figure: GalleryFigure) -> str:
    return (
        f"the figure {figure.name!r} needs the extra {figure.extra!r}, which is not installed. Install it from the "
        f"source tree: pip install -c constraints.txt -c constraints-extras.txt -e '.[{figure.extra}]'"
    )


def _obtain(saved: Saved, force: bool, notes: Any) -> "xarray.Dataset":
    """The data of a part: from its file, or computed and then saved."""
    if not force and saved.is_wanted():
        data = read_dataset(saved.path)
        if data.attrs.get("code") not in (None, code_fingerprint()):
            notes.print(f"    {saved.path}: computed by code {data.attrs['code']}; kept (--force computes it again)")
        return data
    return saved.obtained(anew=force)


def _write(out: Path, figure: GalleryFigure, profile: str, data: dict[str, "xarray.Dataset"], width: str) -> str:
    """The picture in both formats, whose stem is returned, and what is behind it."""
    stem = figure.name + _ENDING[width]
    with sized(width), styled():
        drawing, _ = figure.draw(data)
        for form in ("pdf", "png"):
            buffer = io.BytesIO()
            drawing.savefig(buffer, format=form, metadata={"CreationDate": None} if form == "pdf" else None)
            write_bytes(buffer.getvalue(), out / f"{stem}.{form}", overwrite=True)
    parts = {name: {"recipe": json.loads(d.attrs["recipe"]), "code": d.attrs["code"]} for name, d in data.items()}
    about = {"title": figure.title, "caption": figure.caption(data), "profile": profile, "data": parts}
    write_json(about | provenance(), out / f"{figure.name}.json", overwrite=True)
    return stem


def _write_index(out: Path) -> None:
    """All figures of the folder: thumbnails, then each with its caption; those of the paper first, by number."""
    names = [figure.name for figure in find_figures()]
    numbers = {name: f"{n}" for n, name in enumerate(names, start=1)}
    names += sorted({path.stem for path in out.glob("*.json")} - {*names})
    thumbnails, lines = [], []
    for name in names:
        try:
            about = read_json(out / f"{name}.json")
            title, caption = about["title"], about["caption"]
        except (StoreError, KeyError):  # not made, or not the file of a figure
            continue
        drawn = [stem for stem in (name, name + _ENDING["column"]) if (out / f"{stem}.png").exists()] or [name]
        number = numbers.get(name, "")
        picture = f'<img src="{drawn[0]}.png" alt="{html.escape(title)}" width="150" loading="lazy">'
        thumbnails.append(f'<a href="#{name}">{picture}<span>{number}</span></a>')
        heading = f"## {number}. {title}" if number else f"## {title}"
        lines += [f'<a id="{name}"></a>', "", heading, "", f"![{title}]({drawn[0]}.png)", ""]
        lines += [f"*{_plain_stars(caption)}*", ""]
    page = ["# Figures", "", '<div class="thumbnails">', *thumbnails, "</div>", "", *lines]
    write_bytes("\n".join(page).encode(), out / "README.md", overwrite=True)


def _plain_stars(caption: str) -> str:
    """A star of the text, as in CFG-Zero*, would end the emphasis; one in a formula or in code does not."""
    return re.sub(r"\$[^$]*\$|`[^`]*`|\*", lambda found: r"\*" if found[0] == "*" else found[0], caption)
