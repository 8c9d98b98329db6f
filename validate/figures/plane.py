"""Figure of one class in the plane: samples by guidance against the true contours of their class."""

from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["draw"]

WIDTHS = (1.0, 2.0)  # contours, in standard deviations


def draw(data: "xarray.Dataset", axes=None):
    """One panel for each guidance: samples in colour, the true class as black contours, other classes in grey.

    Parameters
    ----------
    data : result of `validate.plane.plane`.
    axes : one axis for each guidance; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    with styled():
        n = data.sizes["guidance"]
        if axes is None:
            axes = Figure(figsize=(2.5 * n, 3.1), layout="constrained").subplots(1, n, sharex=True, sharey=True)
        target, sigma = data.means.values[data.attrs["target"]], data.attrs["sigma2"] ** 0.5
        others = np.delete(data.means.values, data.attrs["target"], axis=0)
        for i, axis in enumerate(np.ravel(axes)):
            row = data.isel(guidance=i)
            for mean in others:
                axis.add_patch(Circle(mean, sigma, fc="0.9", ec="none", alpha=0.35, zorder=0))
            axis.plot(*others.T, ".", color="0.55", ms=3, zorder=1)
            axis.plot(*row.x.values.T, ".", color=COLOURS[0 if i in (0, n - 1) else 1], ms=1.6, alpha=0.4, zorder=2)
            for width in WIDTHS:
                axis.add_patch(Circle(target, width * sigma, fc="none", ec="black", lw=1.1, zorder=3))
            axis.plot(*target, "+", color="black", ms=7, zorder=4)
            text = f"mean {float(row.m):.2f}   variance {float(row.v_ratio):.2f}"
            axis.set_title(str(row.guidance.values))
            axis.set_xlabel(text)
            axis.set(aspect="equal", xticks=[], yticks=[])
            reach = 3.9 * sigma
            axis.set(xlim=(target[0] - reach, target[0] + reach), ylim=(target[1] - reach, target[1] + reach))
        return np.ravel(axes)[0].figure, axes
