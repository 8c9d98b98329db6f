"""Figure of a schedule in real samplers: the scales of their steps, and the variance that their steps keep."""

from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["draw"]


def draw(data: "xarray.Dataset", axes=None):
    """Left: guidance scale at every step, by sampler. Right: v(0) over theory against the number of steps.

    Parameters
    ----------
    data : result of `validate.sampler_steps.sampler_steps`.
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(7.2, 3.1), layout="constrained").subplots(1, 2)
        left, right = np.ravel(axes)
        _scales(left, data)
        _kept(right, data)
        return left.figure, axes


def _scales(axis, data: "xarray.Dataset") -> None:
    axis.axhline(1.0, color="0.6", lw=0.8, ls=":", zorder=0)
    axis.axhline(0.0, color="0.6", lw=0.8, ls=":", zorder=0)
    for i, name in enumerate(data["levels"].values):
        row = data["scale"].sel(levels=name)
        axis.plot(data["step"] + 1, row, "osD"[i % 3], ls="-", lw=0.9, ms=3.2, color=COLOURS[i], label=name)
    end = float(data["step"][-1]) + 1.0
    axis.text(end, 1.0, "unguided ", ha="right", va="bottom", fontsize=6.8, color="0.35")
    axis.text(0.6, 0.0, " unconditional", ha="left", va="bottom", fontsize=6.8, color="0.35")
    axis.set(title="A  One window, three samplers", xlabel="step", ylabel="guidance scale 1 + w")
    axis.legend(loc="center left", handlelength=1.5)


def _kept(axis, data: "xarray.Dataset") -> None:
    axis.axhline(1.0, color="0.6", lw=0.8, ls=":", zorder=0)
    for i, name in enumerate(data["sampler"].values):
        for guidance, style in (("schedule", "-"), ("unguided", "--")):
            if guidance == "unguided" and str(name).endswith("mean"):
                continue  # without guidance both rules are one
            curve = data["v_ratio"].sel(sampler=name, guidance=guidance)
            axis.plot(data["n"], curve, style, color=COLOURS[i], label=str(name) if style == "-" else None)
    axis.plot([], [], "--", color="0.5", label="unguided")
    axis.set_xscale("log")
    ticks = [n for n in (10, 20, 40, 80, 160) if data["n"].min() <= n <= data["n"].max()]
    axis.set_xticks(ticks, [str(n) for n in ticks])
    axis.set_xticks([], minor=True)
    axis.set(title="B  What the steps keep", xlabel="number of steps", ylabel="v(0), share of theory")
    axis.legend(loc="lower right")
