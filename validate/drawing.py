"""Colours and sizes that all figures share: readable in print, in grey, and for colour-blind readers."""

from contextlib import contextmanager
from typing import Any

__all__ = ["COLOURS", "SAMPLER", "styled"]

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
