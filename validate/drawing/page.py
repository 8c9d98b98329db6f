"""The canvas of a drawing: its style, and two widths, that of a page and that of one column.

In a column the same panels stand below each other, each with the labels that it shares on the page; a drawing need not
know of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from meanfield.errors import one_of, require

WIDTH = {"page": 7.0, "column": 3.4}  # inches
LOWER = 0.8  # height of a panel in a column, in units of that on the page
_width: ContextVar[str] = ContextVar("width", default="page")

_RC: Any = {
    "text.usetex": False,  # neither LaTeX nor a font of the system is needed: this one comes with matplotlib
    "font.family": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 7.0,
    "legend.title_fontsize": 7.0,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
    "pdf.fonttype": 42,  # text stays text in the PDF
    "svg.fonttype": "none",
    "figure.dpi": 110,
    "savefig.dpi": 200,
}
_RC_COLUMN: Any = {
    "font.size": 7.0, "axes.titlesize": 7.5, "legend.fontsize": 6.5, "legend.title_fontsize": 6.5,
    "lines.linewidth": 1.1, "lines.markersize": 3.2, "axes.linewidth": 0.6, "savefig.dpi": 300,
}  # fmt: skip


@contextmanager
def sized(width: str) -> Iterator[None]:
    """Draw for "page" or "column" inside a `with` block."""
    token = _width.set(one_of("width", width, WIDTH))
    try:
        yield
    finally:
        _width.reset(token)


def in_column() -> bool:
    """Whether what is drawn now is for one column."""
    return _width.get() == "column"


@contextmanager
def styled():
    """Apply the style inside a `with` block, and leave the user's settings alone."""
    import matplotlib

    with matplotlib.rc_context(_RC | (_RC_COLUMN if in_column() else {})):
        yield


def made(height: float, lower: float | None = None) -> Any:
    """A new figure of the width that is drawn for; `lower` : its height in a column, if it is another."""
    from matplotlib.figure import Figure  # not pyplot: no global state, no window, nothing to close

    tall = height if lower is None or not in_column() else lower
    return Figure(figsize=(WIDTH[_width.get()], tall), layout="constrained")


@contextmanager
def canvas(
    axes: Any, size: tuple[float, float], shape: int | tuple[int, int], across: int = 1, **options: Any
) -> Iterator[tuple[Any, Any]]:
    """The figure and the axes of a drawing, in the style: those that are given, or new ones.

    Parameters
    ----------
    axes : those to draw into, in any nesting; None makes a new figure.
    size : of the new figure, in inches.
    shape : number of panels side by side, or (rows, columns); the axes are an array of this shape.
    across : panels side by side in a column.
    options : of `matplotlib.figure.Figure.subplots`.
    """
    with styled():
        rows, columns = (1, shape) if isinstance(shape, int) else shape
        new, column = axes is None, in_column()
        if axes is None:
            axes = _stacked(size[1] / rows, rows, columns, across, options) if column else _beside(size, shape, options)
        axes = np.asarray(axes, dtype=object)
        rule = f"axes must be {int(np.prod(shape))} axes of matplotlib"
        require(axes.size == np.prod(shape) and all(hasattr(axis, "figure") for axis in axes.flat), rule, axes)
        if axes.shape != shape:
            axes = axes.reshape(shape)
        yield axes.flat[0].figure, axes
        if new and column:
            _label_all(axes.reshape(rows, columns), one_row=rows == 1 and not options.get("sharey"))


def _beside(size: tuple[float, float], shape: int | tuple[int, int], options: dict[str, Any]) -> Any:
    from matplotlib.figure import Figure

    rows, columns = (1, shape) if isinstance(shape, int) else shape
    return Figure(figsize=size, layout="constrained").subplots(rows, columns, squeeze=False, **options)


def _stacked(height: float, rows: int, columns: int, across: int, options: dict[str, Any]) -> Any:
    """The panels of a page below each other, `across` side by side; they share scales as on the page."""
    down = -(-rows * columns // across)
    figure = made(LOWER * height * down)
    grid, axes = figure.add_gridspec(down, across), np.empty((rows, columns), dtype=object)
    first = {
        True: lambda i, j: (0, 0),
        "all": lambda i, j: (0, 0),
        "row": lambda i, j: (i, 0),
        "col": lambda i, j: (0, j),
    }
    for n, (i, j) in enumerate(np.ndindex(rows, columns)):
        shared = {}
        for name in ("sharex", "sharey"):
            if (how := options.get(name)) and (other := first[how](i, j)) != (i, j):
                shared[name] = axes[other]
        axes[i, j] = figure.add_subplot(grid[divmod(n, across)], **shared)
    return axes


def _label_all(axes: Any, one_row: bool) -> None:
    """Labels that a row or a column of the page shares, on each of its panels; those of a single row have their own."""
    for (i, j), axis in np.ndenumerate(axes):
        if not axis.get_xlabel():
            axis.set_xlabel(axes[-1, j].get_xlabel())
        if not axis.get_ylabel() and not one_row:
            axis.set_ylabel(axes[i, 0].get_ylabel())
