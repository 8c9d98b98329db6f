"""The variance that is kept at equal terms, one row for each rule, one mark for each schedule."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from validate.drawing import COLOURS, canvas, legend_below, lettered
from validate.figures.which_guidance.families import DESIGNED

LOOK = {  # schedule -> (label, marker, colour, size)
    "constant": ("constant w", "o", COLOURS[6], 6),
    "interval": ("limited interval", "s", COLOURS[4], 6),
    "early": ("early only", "D", COLOURS[0], 6),
    DESIGNED: ("designed window", "*", COLOURS[1], 11),
}
BESIDE = 0.27  # of a row: particles lie below the theory


def draw(panels: Sequence[tuple[str, xarray.Dataset]], axes=None):
    """Theory as filled marks, particles below them as open ones with error bars.

    Parameters
    ----------
    panels : (title, result of `equal_terms`), of the same rules.
    axes : one for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    rules = panels[0][1].rule.values
    size = (2.3 * len(panels) + 1.0, 0.36 * len(rules) + 1.3)
    with canvas(axes, size, len(panels), sharey=True) as (figure, axes):
        for axis, (_, data) in zip(axes.flat, panels, strict=True):
            low = -0.03 if data.attrs["term"] == "shift" else float(data.line_v.min()) - 0.08
            for row, rule in enumerate(rules):
                _row(axis, row, data.sel(rule=rule), low)
            axis.axvline(1.0, color="0.6", lw=0.8, ls=":", zorder=0)
            axis.set(xlim=(low, 1.0 + 0.1 * (1.0 - low)), xlabel=r"variance kept, $v(0)/\sigma^2$")
        axes.flat[0].set(yticks=range(len(rules)), yticklabels=rules, ylim=(len(rules) - 0.4, -0.6))
        lettered(axes.flat, *(title for title, _ in panels))
        legend_below(axes, 4)
    return figure, axes


def _row(axis: Any, row: int, data: xarray.Dataset, low: float) -> None:
    kept = data.line_v.values
    if not np.isfinite(kept).any():
        axis.text(
            0.5 * (low + 1.0),
            row,
            "does not get there",
            ha="center",
            va="center",
            color="0.4",
            style="italic",
            fontsize=7.5,
        )
        return
    axis.hlines(row, max(low, 0.0), 1.0, color="0.9", lw=3.0, zorder=0)
    for k, schedule in enumerate(data.schedule.values):
        label, marker, colour, size = LOOK[schedule]
        axis.plot(kept[k], row, marker, color=colour, ms=size, mec="white", mew=0.5, ls="", label=label, zorder=4)
        if "v" in data:
            look: Any = {"fmt": marker, "color": colour, "mfc": "white", "ms": 0.55 * size, "capsize": 2, "lw": 1.0}
            axis.errorbar(data.v.values[k], row + BESIDE, xerr=data.v_error.values[k], **look, zorder=3)
