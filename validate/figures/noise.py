"""Figure of noise processes: where speciation lies in own time, and what the start law leaves in the variance."""

from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["draw"]

NAMES = {
    "ve": "VE, s = variance",
    "edm": "EDM, s = sigma",
    "ornstein-uhlenbeck": "Ornstein-Uhlenbeck",
    "vp-linear": "VP, linear beta",
    "vp-cosine": "VP, cosine",
    "rectified-flow": "rectified flow",
}
MARKERS = "osD^vP"


def draw(data: "xarray.Dataset", axes=None):
    """Left: VE time against own time, speciation marked. Right: v(0)/sigma2 against the start time, by start law.

    Parameters
    ----------
    data : result of `validate.noise_map.noise_map`.
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(7.2, 3.2), layout="constrained").subplots(1, 2)
        left, right = np.ravel(axes)
        _map(left, data)
        _starts(right, data)
        return left.figure, axes


def _map(axis, data: "xarray.Dataset") -> None:
    t_s = data.attrs["t_speciation"]
    for i, name in enumerate(data["noise"].values):
        row, colour = data.sel(noise=name), COLOURS[i % len(COLOURS)]
        axis.plot(row["share"][1:], row["t"][1:], color=colour, lw=1.4)
        axis.plot(
            row["s_speciation"] / row["s_top"], t_s, MARKERS[i % len(MARKERS)], color=colour, mec="white", mew=0.5,
            ms=7, zorder=4, clip_on=False, label=f"{NAMES.get(name, name)}: s = {float(row['s_speciation']):.3g}",
        )  # fmt: skip
    axis.axhline(t_s, color="0.6", lw=0.8, ls=":", zorder=0)
    axis.set_yscale("log")
    axis.set(
        title="A  Speciation in own time",
        xlabel=f"own time s, as a share of its value at t = {data.attrs['t_top']:g}",
        ylabel="VE time t = (b/a)²",
        xlim=(-0.02, 1.02),
        ylim=(1e-3, 2.0 * data.attrs["t_top"]),
    )
    axis.legend(title="speciation at", title_fontsize=7.5, loc="lower right", fontsize=6.8, handletextpad=0.3)


def _starts(axis, data: "xarray.Dataset") -> None:
    for colour, sampler in zip(COLOURS, data["sampler"].values, strict=False):
        axis.axhline(float(data["v_ratio_inf"].sel(sampler=sampler)), color=colour, lw=0.8, ls=":")
        for style, start in zip(("-", "--"), data["start"].values, strict=True):
            curve = data["v_ratio"].sel(sampler=sampler, start=start)
            axis.plot(data["T"], curve, style, color=colour, label=f"{sampler.upper()}, {start}")
    axis.plot([], [], ":", color="0.5", lw=0.8, label="from T = ∞")
    axis.set_xscale("log")
    axis.set(title="B  What the start leaves", xlabel="VE time T of the start", ylabel="variance ratio v(0)/σ²")
    axis.legend(loc="best")
