"""What all drawings share: a style that is readable in print, in grey and for colour-blind readers, and their axes.

A drawing is a function of saved data: axes in, or None, and (figure, axes) out. It computes nothing.

    def draw(data, axes=None):
        with canvas(axes, (7.2, 3.2), 2) as (figure, axes):
            ...
        return figure, axes
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from meanfield.errors import require

# Okabe and Ito's palette, distinct for all common kinds of colour blindness
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SAMPLER = {"sde": {"marker": "o", "label": "SDE"}, "ode": {"marker": "s", "label": "ODE"}}

_RC: Any = {
    "text.usetex": False,  # neither LaTeX nor a font of the system is needed: this one comes with matplotlib
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,  # text stays text in the PDF
    "svg.fonttype": "none",
    "figure.dpi": 110,
    "savefig.dpi": 200,
}


@contextmanager
def styled():
    """Apply the style inside a `with` block, and leave the user's settings alone."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


@contextmanager
def canvas(
    axes: Any, size: tuple[float, float], shape: int | tuple[int, int], **options: Any
) -> Iterator[tuple[Any, Any]]:
    """The figure and the axes of a drawing, in the style: those that are given, or new ones.

    Parameters
    ----------
    axes : those to draw into, in any nesting; None makes a new figure.
    size : of the new figure, in inches.
    shape : number of panels side by side, or (rows, columns); the axes are an array of this shape.
    options : of `matplotlib.figure.Figure.subplots`.
    """
    with styled():
        if axes is None:
            from matplotlib.figure import Figure  # not pyplot: no global state, no window, nothing to close

            rows, columns = (1, shape) if isinstance(shape, int) else shape
            axes = Figure(figsize=size, layout="constrained").subplots(rows, columns, squeeze=False, **options)
        axes = np.asarray(axes, dtype=object)
        rule = f"axes must be {int(np.prod(shape))} axes of matplotlib"
        require(axes.size == np.prod(shape) and all(hasattr(axis, "figure") for axis in axes.flat), rule, axes)
        if axes.shape != shape:
            axes = axes.reshape(shape)
        yield axes.flat[0].figure, axes


def legend_below(axes: Any, columns: int) -> None:
    """One legend below all panels, of what is labelled in any of `axes`, each label once."""
    flat = np.ravel(axes)
    found = {label: h for axis in flat for h, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    flat[0].figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns)


def lettered(axes: Sequence[Any], *titles: str) -> None:
    """Titles of panels, with the letters by which a caption calls them: (a), (b), ..."""
    for letter, axis, title in zip("abcdefgh", axes, titles, strict=False):
        axis.set_title(f"({letter}) {title}")
