"""Figure of the plane of mean shift and variance: families of schedules, and the half that w >= 0 cannot reach."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, SAMPLER, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["draw"]

DASHES = ("-", "--", ":", "-.")


def draw(panels: Sequence[tuple[str, "xarray.Dataset"]], axes=None):
    """One panel for each problem: theory as lines, particles as markers.

    Parameters
    ----------
    panels : (title, result of `validate.schedule_plane.schedule_plane`); all with the same families.
    axes : one axis for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(3.55 * len(panels), 4.1), layout="constrained").subplots(1, len(panels))
        flat = np.ravel(axes)
        for axis, (title, data) in zip(flat, panels, strict=True):
            top = max(1.12, float(np.nanmax(data.v_ratio)) + 0.05)
            axis.axhspan(1.0, top, color="0.93", lw=0, zorder=0)
            axis.axhline(1.0, color="0.5", lw=0.8)
            axis.text(0.98, 1.0, "not with w ≥ 0", ha="right", va="bottom", fontsize=7, color="0.35",
                      transform=axis.get_yaxis_transform())  # fmt: skip
            for k, family in enumerate(data.family.values):
                at = data.sel(family=family)
                colour, dashes = COLOURS[k % len(COLOURS)], DASHES[(k // len(COLOURS)) % len(DASHES)]
                axis.plot(at.line_shift, at.line_v_ratio, dashes, color=colour, lw=1.6 if at.negative else 1.1,
                          label=family)  # fmt: skip
                marker = SAMPLER[data.attrs["sampler"]]["marker"]
                axis.errorbar(
                    at["shift"], at["v_ratio"], at["v_ratio_error"], at["shift_error"], fmt=marker, color=colour, ms=3.8
                )
            axis.set(title=title, xlabel=r"mean shift $m(0) - 1$", ylabel=r"variance $v(0)/\sigma^2$", ylim=(None, top))
        flat[0].figure.legend(*flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return flat[0].figure, axes
