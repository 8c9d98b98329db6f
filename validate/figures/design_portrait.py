"""Figure of one designed schedule in time, next to constant guidance: what it does to mean and variance."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from validate.drawing import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["draw", "with_fronts"]

LOOK = {  # guidance -> (label, colour, line style)
    "designed": ("designed", COLOURS[0], "-"),
    "same mean": ("constant, same mean", COLOURS[1], "--"),
    "w_max": ("constant at w_max", COLOURS[2], ":"),
}


def draw(data: "xarray.Dataset", axes=None):
    """Guidance, mean and variance against the noised class variance D = sigma2 + t, which falls as sampling goes on.

    Parameters
    ----------
    data : result of `validate.designs.portrait`.
    axes : three axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(9.0, 3.3), layout="constrained").subplots(1, 3)
        flat = np.ravel(axes)
        made = json.loads(data.attrs["design"])
        x = data.attrs["sigma2"] + data.t.values
        names = ("w", "m", "v_ratio")
        titles = ("A  Guidance", "B  Mean", "C  Variance")
        labels = ("guidance weight w", "overlap m", "v/D (1: undistorted)")
        for axis, name, title, label in zip(flat, names, titles, labels, strict=True):
            for guidance in data.guidance.values:
                text, colour, style = LOOK[guidance]
                step = {"drawstyle": "steps-post"} if name == "w" and np.isinf(made["slope"]) else {}
                axis.plot(x, data[name].sel(guidance=guidance), style, color=colour, label=text, lw=1.6, **step)
            axis.set(title=title, ylabel=label, xlabel=r"noised variance $\sigma^2 + t$")
            axis.set_xscale("log")
            axis.set_xlim(min(x[0], 300.0 * x[-1]), x[-1])
        flat[0].axhline(0.0, color="0.6", lw=0.8, zorder=0)
        flat[1].axhline(1.0, color="0.6", lw=0.8, zorder=0)
        flat[2].axhline(made["keep"], color="0.6", lw=0.8, zorder=0)
        flat[2].set_ylim(0.0, None)
        shown = data.m.values[:, x <= 300.0 * x[-1]]
        flat[1].set_ylim(min(0.95, float(shown.min())), 1.05 * float(shown.max()))
        figure = flat[0].figure
        figure.legend(*flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure, axes


def with_fronts(data: "xarray.Dataset", panels: Sequence[tuple[str, "xarray.Dataset"]]):
    """A design in time, and below it the Pareto fronts of two problems (see `validate.figures.pareto.draw`).

    Returns
    -------
    (fig, axes) : axes of both rows.
    """
    from matplotlib.figure import Figure

    from validate.figures import pareto

    with styled():
        figure = Figure(figsize=(7.1, 6.4), layout="constrained")
        rows: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.3))
        above, below = rows
        _, first = draw(data, above.subplots(1, 3))
        _, second = pareto.draw(panels, below.subplots(1, len(panels)))
        return figure, [*np.ravel(first), *np.ravel(second)]
