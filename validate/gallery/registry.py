"""Which figures there are: those of the paper, those of the user, and those that installed packages offer."""

import re
from collections.abc import Sequence
from typing import Any

from validate.errors import ConfigError
from validate.plugins import offered, take
from validate.recipe import GalleryFigure

GROUP = "cfgfield.figures"  # of entry points
_own: dict[str, GalleryFigure] = {}


def register(figure: GalleryFigure) -> GalleryFigure:
    """Make a figure of one's own known by its name: to `make_figures`, and on the command line with `--plugin`.

    The same figure stated again, with the same function of parts, takes the place of the first, as in a notebook.

    Raises
    ------
    ConfigError : not a `GalleryFigure`, a name that another figure has, or one that cannot be that of a file.

    Examples
    --------
    >>> from validate.gallery import GALLERY
    >>> register(GalleryFigure("plane", "My plane", lambda profile: {}, draw=print, caption=str))
    Traceback (most recent call last):
    ...
    validate.errors.ConfigError: every figure has a name of its own; there is a figure 'plane' already. Choose another \
name.
    """
    _require_figure(figure)
    other = _known().get(figure.name, figure)
    if _code(other) != _code(figure):
        raise ConfigError(
            f"every figure has a name of its own; there is a figure {figure.name!r} already. Choose another name."
        )
    _own[figure.name] = figure
    return figure


def find_figures(only: Sequence[str] = ()) -> tuple[GalleryFigure, ...]:
    """The figures of these names, those of the paper in its order first; all of the paper without names.

    Raises
    ------
    ConfigError : a name that nobody has, or two have; a package that offers something else than it says.
    """
    from validate.gallery import GALLERY

    if not only:
        return GALLERY
    known, installed = _known(), offered(GROUP)
    unknown = [name for name in only if name not in known and name not in installed]
    if unknown:
        raise ConfigError(
            f"a figure must be one of {[*(known | installed)]}; got {unknown}. Register one of your own first "
            "(docs/extend.md)."
        )
    for name in only:
        if name in installed:
            figure = _require_figure(take(installed[name]), name)
            if known.setdefault(name, figure) is not figure:
                raise ConfigError(
                    f"every figure has a name of its own; {name!r} is one here and one of {installed[name].value}. "
                    "Rename one, or uninstall the package."
                )
    return tuple(figure for name, figure in known.items() if name in only)


def _known() -> dict[str, GalleryFigure]:
    from validate.gallery import GALLERY

    return {figure.name: figure for figure in GALLERY} | _own


def _code(figure: GalleryFigure) -> tuple[str, Any]:
    """What tells a figure stated again from another one of the same name."""
    return getattr(figure.parts, "__module__", ""), getattr(figure.parts, "__qualname__", figure.parts)


def _require_figure(figure: Any, name: str | None = None) -> GalleryFigure:
    if not isinstance(figure, GalleryFigure):
        raise ConfigError(f"a figure must be a GalleryFigure; got {figure!r}. Build one as docs/extend.md does.")
    if name not in (None, figure.name):
        raise ConfigError(
            f"an entry point must have the name of its figure; {name!r} leads to {figure.name!r}. Rename one of them."
        )
    if not isinstance(figure.name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", figure.name):
        raise ConfigError(
            f"the name of a figure is that of its files: letters, digits, '-', '_' and '.'; got {figure.name!r}."
        )
    return figure
