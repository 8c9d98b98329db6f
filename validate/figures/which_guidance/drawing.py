"""The variance that is kept at equal terms, one row for each rule, one mark for each schedule."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from validate.drawing import SCHEDULE, canvas, legend_below, lettered, noted
from validate.figures.which_guidance.families import DESIGNED

SIZE = {"constant": 5, "interval": 5, "early": 5, DESIGNED: 10}  # of the marks of a schedule
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
    with canvas(axes, (7.0, 0.36 * len(rules) + 1.3), len(panels), sharey=True) as (figure, axes):
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
        noted(axis, "does not get there", (0.5 * (low + 1.0), row), xycoords="data", ha="center", va="center")
        return
    axis.hlines(row, max(low, 0.0), 1.0, color="0.9", lw=3.0, zorder=0)
    for k, schedule in enumerate(data.schedule.values):
        look, size = SCHEDULE[schedule], SIZE[schedule]
        axis.plot(kept[k], row, **look.points, ms=size, mec="white", mew=0.5, label=look.label, zorder=4)
        if "v" in data:
            points: Any = {**look.points, "mfc": "white", "ms": 0.6 * size, "capsize": 2, "lw": 1.0, "zorder": 3}
            axis.errorbar(data.v.values[k], row + BESIDE, xerr=data.v_error.values[k], **points)
