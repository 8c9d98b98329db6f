"""`cfgfield figures`: computes what is missing, draws, and writes every figure with its data and where they come from.

    out/NAME.pdf, out/NAME.png     the figure
    out/NAME.json                  title, caption, recipe of every part, seeds, versions, revision, command, time
    out/README.md                  all figures with their captions
    out/data/NAME-PART.nc          the data; each file carries its recipe

A part whose file has the same recipe is not computed again, so an interrupted run goes on where it was. A file with
another recipe (other parameters or another profile) is never overwritten unless asked for.
"""

import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.drawing import styled
from validate.errors import ConfigError, StoreError
from validate.recipe import PROFILES, GalleryFigure, Part
from validate.results.files import read_dataset, write_bytes, write_dataset
from validate.results.provenance import code_fingerprint, provenance

if TYPE_CHECKING:
    import xarray

__all__ = ["chosen", "make_figures"]


def make_figures(
    only: Sequence[str] = (), profile: str = "quick", out: str | Path = "figures", *, force: bool = False
) -> list[str]:
    """Make the figures of the paper, or some of them.

    Parameters
    ----------
    only : names; all if empty, but for those whose data are still to be computed and whose extra is not installed: a
        note says so.
    profile : "quick" (minutes in all), "standard" (what one would submit) or "full".
    out : folder.
    force : compute everything again, over data of other parameters too.

    Returns
    -------
    list of str : names of the figures made, in the paper's order.

    Raises
    ------
    ConfigError : an unknown name or profile, a figure asked for by name whose extra is not installed, or data of other
        parameters in the folder. StoreError : see `Store`.
    """
    from rich.console import Console

    figures, out = chosen(only), Path(out)
    if profile not in PROFILES:
        raise ConfigError(f"profile must be one of {list(PROFILES)}; got {profile!r}.")
    lacking = [figure for figure in figures if not figure.available() and (force or not _saved(figure, profile, out))]
    if only and lacking:
        raise ConfigError(_needs(lacking[0]))
    figures = tuple(figure for figure in figures if figure not in lacking)
    parts = {figure.name: figure.parts(profile) for figure in figures}
    if not force:
        for figure in figures:
            for name, part in parts[figure.name].items():
                _require_same(_path(out, figure, name), part)
    notes = Console(stderr=True, highlight=False, markup=False)  # the names of extras are in brackets
    for figure in lacking:
        notes.print(f"left out: {_needs(figure)}")
    for i, figure in enumerate(figures, start=1):
        began = time.perf_counter()
        notes.print(f"{i}/{len(figures)} {figure.name}: {figure.title}", style="bold")
        data = {n: _obtain(_path(out, figure, n), part, force, notes) for n, part in parts[figure.name].items()}
        _write(out, figure, profile, data)
        notes.print(f"    {out / figure.name}.pdf, .png  ({time.perf_counter() - began:.1f} s)")
    _write_index(out)
    return [figure.name for figure in figures]


def chosen(only: Sequence[str] = ()) -> tuple[GalleryFigure, ...]:
    """The figures of these names, in the paper's order; all of them without names."""
    from validate.gallery import GALLERY

    known = [figure.name for figure in GALLERY]
    unknown = [name for name in only if name not in known]
    if unknown:
        raise ConfigError(f"a figure must be one of {known}; got {unknown}.")
    return tuple(figure for figure in GALLERY if not only or figure.name in only)


def _saved(figure: GalleryFigure, profile: str, out: Path) -> bool:
    """Whether all data of a figure are there: then it is drawn without the libraries that computed them."""
    return all(_recipe(_path(out, figure, name)) == part.recipe for name, part in figure.parts(profile).items())


def _needs(figure: GalleryFigure) -> str:
    return (
        f"the figure {figure.name!r} needs the extra {figure.extra!r}, which is not installed. Install it from the "
        f"source tree: pip install -c constraints.txt -c constraints-extras.txt -e '.[{figure.extra}]'"
    )


def _path(out: Path, figure: GalleryFigure, part: str) -> Path:
    return out / "data" / f"{figure.name}-{part}.nc"


def _recipe(path: Path) -> Any:
    """The recipe that saved data carry; None if there is no file, or a damaged one."""
    try:
        return json.loads(read_dataset(path).attrs["recipe"]) if path.exists() else None
    except (StoreError, KeyError, ValueError):
        return None


def _require_same(path: Path, part: Part) -> None:
    found = _recipe(path)
    if found is not None and found != part.recipe:
        raise ConfigError(
            f"figures never overwrite data of other parameters; {path} was computed with other "
            f"{_differing(found, part.recipe)}. Give another --out, or --force to compute it again."
        )


def _differing(found: Any, wanted: Any) -> str:
    """The names of the arguments in which two recipes differ."""
    if found.get("function") != wanted["function"]:
        return f"code ({found.get('function')})"
    there, here = found["arguments"], wanted["arguments"]
    return ", ".join(name for name in sorted({*there, *here}) if there.get(name) != here.get(name))


def _obtain(path: Path, part: Part, force: bool, notes: Any) -> "xarray.Dataset":
    """The data of a part: from its file, or computed and then saved."""
    if not force and _recipe(path) == part.recipe:
        data = read_dataset(path)
        if data.attrs.get("code") not in (None, code_fingerprint()):
            notes.print(f"    {path}: computed by code {data.attrs['code']}; kept (--force computes it again)")
        return data
    data = part.compute()
    data.attrs.setdefault("code", code_fingerprint())
    write_dataset(data, path)
    return data


def _write(out: Path, figure: GalleryFigure, profile: str, data: dict[str, "xarray.Dataset"]) -> None:
    with styled():
        drawing, _ = figure.draw(data)
        for form in ("pdf", "png"):
            buffer = io.BytesIO()
            drawing.savefig(buffer, format=form, metadata={"CreationDate": None} if form == "pdf" else None)
            write_bytes(buffer.getvalue(), out / f"{figure.name}.{form}")
    parts = {name: {"recipe": json.loads(d.attrs["recipe"]), "code": d.attrs["code"]} for name, d in data.items()}
    about = {"title": figure.title, "caption": figure.caption(data), "profile": profile, "data": parts}
    write_bytes(json.dumps(about | provenance(), indent=1).encode(), out / f"{figure.name}.json")


def _write_index(out: Path) -> None:
    """All figures that the folder holds, in the paper's order."""
    lines = ["# Figures", ""]
    for figure in chosen():
        try:
            about = json.loads((out / f"{figure.name}.json").read_text())
        except (OSError, ValueError):
            continue
        lines += [f"## {about['title']}", "", f"![{figure.name}]({figure.name}.png)", "", f"*{about['caption']}*", ""]
    write_bytes("\n".join(lines).encode(), out / "README.md")
