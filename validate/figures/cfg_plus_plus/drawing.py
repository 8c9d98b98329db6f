"""CFG++: its effective scale, mean and variance against the number of steps."""

from typing import Any

import xarray

from validate.drawing import COLOURS, canvas, legend_below, lettered
from validate.figures.samplers.drawing import MARKERS, QUANTITIES, steps_axis


def draw(data: xarray.Dataset, axes=None):
    """Result of `plus_plus_against_steps`.

    Parameters
    ----------
    axes : three; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.2, 3.0), 3) as (figure, axes):
        scale, *others = axes.flat
        for k, strength in enumerate(data.strength.values):
            one, label = data.sel(strength=strength), rf"$\lambda$ = {strength:g}"
            scale.plot(one.steps, one.scale, color=COLOURS[k], label=label)
            for axis, (quantity, _) in zip(others, QUANTITIES, strict=True):
                axis.plot(one.steps, one[f"line_{quantity}"], color=COLOURS[k], label=label)
                cross: Any = {"color": "black", "ms": 7, "mew": 0.8, "zorder": 4, "label": "CFG at this scale, theory"}
                axis.plot(one.point, one[f"same_{quantity}"], "+", **cross)
                look: Any = {"fmt": MARKERS[k % 4], "color": COLOURS[k], "ms": 5, "mfc": "white", "zorder": 3}
                axis.errorbar(one.point, one[quantity], one[f"{quantity}_error"], **look)
        for axis in axes.flat:
            axis.axhline(1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            steps_axis(axis)
        scale.set(yscale="log", ylabel=r"scale $\lambda/(1 - \sigma^\prime/\sigma)$")
        shown = [0.5, 1, 2, 5, 10]
        scale.set_yticks(shown, [f"{s:g}" for s in shown])
        scale.minorticks_off()
        for axis, (_, label) in zip(others, QUANTITIES, strict=True):
            axis.set_ylabel(label)
        lettered(axes.flat, "effective scale", "mean", "variance")
        legend_below(axes, 4)
    return figure, axes
