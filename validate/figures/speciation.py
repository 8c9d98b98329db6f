"""Figure of speciation and collapse: phi, the share of clones that end in the same class, against theory."""

from typing import TYPE_CHECKING

import numpy as np

from validate.figures.style import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["clone_curves"]

MARKERS = "osD^v"


def clone_curves(speciation: "xarray.Dataset", collapse: "xarray.Dataset", axes=None):
    """phi of two classes against s/s_S (OU time) and against D/d, and of training sets against t/t_C.

    Parameters
    ----------
    speciation, collapse : as from `validate.speciation.speciation_curves` and `collapse_curves`.
    axes : three axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(9.6, 3.3), layout="constrained").subplots(1, 3, sharey=True)
        sizes = speciation["d"].values
        for i, d in enumerate(sizes):
            part, style = speciation.sel(d=d), _points(i)
            axes[0].plot(part["fine"], part["line"], color=COLOURS[i], lw=1.0)
            axes[0].errorbar(part["ratio"], part["phi"], part["phi_stderr"], label=f"d = {d}", **style)
            axes[1].errorbar(part["D"] / d, part["phi"], part["phi_stderr"], **style)
        x, line = (speciation["line_D"] / speciation["d"]).values.ravel(), speciation["line"].values.ravel()
        order = np.argsort(x)
        axes[1].plot(x[order], line[order], color="black", lw=0.9, zorder=0, label="closed form, every d")
        for i in range(collapse.sizes["case"]):
            part = collapse.isel(case=i)
            axes[2].plot(part["fine"], part["line"], color=COLOURS[i], lw=1.0)
            label = f"n = {int(part['n'])}, d = {int(part['d'])}"
            axes[2].errorbar(part["t"] / part["t_C"], part["phi"], part["phi_stderr"], label=label, **_points(i))
        limit = f"n = e$^{{{collapse.attrs['log_n_limit']:g}}}$, d = $\\infty$"
        axes[2].plot(collapse["fine"], collapse["limit"], color="black", lw=0.9, ls="--", label=limit)
        for axis, title in zip(axes, ("speciation, OU time", "speciation, VE time", "collapse, VE time"), strict=True):
            axis.set(title=title, ylim=(0.0, 1.03))
        axes[0].axvline(1.0, color="0.6", lw=0.8, ls=":")
        axes[1].axvline(1.0, color="0.6", lw=0.8, ls=":")
        axes[2].axvline(1.0, color="0.6", lw=0.8, ls=":")
        axes[0].set(xlabel=r"$s/s_S$,   $s_S = \frac{1}{2}\log\Lambda$", ylabel=r"both clones in one class, $\phi$")
        axes[1].set(xlabel=r"$(\sigma^2 + t)/|\mu|^2$", xscale="log", xlim=(0.008, 200))
        axes[2].set(xlabel=r"$t/t_C$", xscale="log", xticks=[0.25, 0.5, 1, 2, 4], xlim=(0.19, 5.2))
        axes[2].set_xticklabels(["1/4", "1/2", "1", "2", "4"])
        axes[2].minorticks_off()
        for axis in axes:
            axis.legend(loc="upper right")
        return axes[0].figure, axes


def _points(i: int) -> dict:
    return {
        "color": COLOURS[i],
        "marker": MARKERS[i % len(MARKERS)],
        "ls": "",
        "ms": 3.5,
        "mfc": "none",
        "capsize": 1.5,
    }
