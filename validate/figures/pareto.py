"""Figure of the Pareto fronts: how much mean shift each family of schedules gives at every share of kept variance."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["draw"]

STYLES = {  # family -> (colour, line)
    "constant": ("#000000", "-"),
    "interval": (COLOURS[4], "-"),
    "rising ramp": (COLOURS[3], ":"),
    "falling ramp": (COLOURS[3], "-"),
    "triangular": (COLOURS[5], "-"),
    "exponential": (COLOURS[2], "--"),
    "negative window (linear)": (COLOURS[0], "--"),
    "negative window (pieces)": (COLOURS[0], "-"),
}


def draw(panels: Sequence[tuple[str, "xarray.Dataset"]], axes=None):
    """One panel for each problem; a star is the design.

    Parameters
    ----------
    panels : (title, result of `validate.pareto.pareto`).
    axes : one axis for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(3.0 * len(panels) + 0.4, 3.6), layout="constrained").subplots(1, len(panels))
        flat = np.ravel(axes)
        for axis, (title, data) in zip(flat, panels, strict=True):
            for family in data.family.values:
                colour, style = STYLES[family]
                row = data.sel(family=family)
                order = np.argsort(row.kept.values[row.on_front.values])
                kept = row.kept.values[row.on_front.values][order]
                shift = row.mean_shift.values[row.on_front.values][order]
                axis.step(kept, shift, style, where="pre", color=colour, lw=1.5, label=family)
            designed = json.loads(data.attrs["design"])
            if designed is not None:
                axis.plot(*designed, "*", color=COLOURS[1], ms=12, mec="white", mew=0.6, zorder=5, label="design")
            axis.set(title=title, xlabel=r"variance kept, $v(0)/\sigma^2$ or its inverse")
            least = float(np.nanmin(np.where(data.on_front, data.kept, np.nan)))
            axis.set_xlim(max(0.0, least - 0.1 * (1.0 - least)), 1.0 + 0.03 * (1.0 - least))
            axis.set_ylim(0.0, None)
        flat[0].set_ylabel("mean shift m(0) - 1")
        figure = flat[0].figure
        handles = {label: h for axis in flat for h, label in zip(*axis.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5)
        return figure, axes
