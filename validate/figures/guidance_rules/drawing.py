"""Mean and variance of the rules of guidance against the number of steps."""

from typing import Any

import numpy as np
import xarray

from validate.drawing import COLOURS, canvas, legend_below, lettered
from validate.figures.samplers.drawing import QUANTITIES, steps_axis

MARKERS = "os^DvP"


def draw(data: xarray.Dataset, axes=None):
    """Result of `rules_against_steps`: mean on the left, variance on the right, on an axis even in its square root.

    Parameters
    ----------
    axes : two; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.2, 3.6), 2) as (figure, axes):
        for axis, (quantity, label) in zip(axes.flat, QUANTITIES, strict=True):
            for k, rule in enumerate(data.rule.values):
                one = data.sel(rule=rule)
                axis.plot(one.steps, one[f"line_{quantity}"], color=COLOURS[k], label=rule)
                look: Any = {"fmt": MARKERS[k], "color": COLOURS[k], "ms": 4, "mfc": "white", "zorder": 3}
                axis.errorbar(one.point, one[quantity], one[f"{quantity}_error"], **look)
            axis.axhline(1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            axis.set_ylabel(label)
            steps_axis(axis)
        variance = axes.flat[1]
        variance.set_yscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0.0)), np.square))
        variance.set(ylim=(0.0, None), yticks=[0.0, 0.02, 0.1, 0.25, 0.5, 1.0, 2.0])
        lettered(axes.flat, "mean", "variance")
        legend_below(axes, 3)
    return figure, axes
