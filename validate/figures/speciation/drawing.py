"""Shares of clones that end in the same class, and excess entropy, with theory."""

import numpy as np
import xarray

from validate.drawing import canvas, lettered, shades


def draw(speciation: xarray.Dataset, collapse: xarray.Dataset, axes=None):
    """phi of two classes in OU and VE time, and phi and excess entropy of training sets.

    Parameters
    ----------
    speciation, collapse : as from `speciation_curves` and `collapse_curves`.
    axes : four axes (2, 2); made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 5.4), (2, 2)) as (figure, axes):
        (left, right), below = axes
        _speciation(speciation, left, right)
        _collapse(collapse, *below)
        lettered(axes.flat, "speciation, OU time", "speciation, VE time", "collapse", "excess entropy")
        for axis in axes.flat:
            axis.axvline(1.0, color="0.6", lw=0.8, ls=":", zorder=0)
            axis.legend(loc="lower right" if axis is below[1] else "upper right", handlelength=1.5)
    return figure, axes


def _speciation(data: xarray.Dataset, left, right) -> None:
    for i, d in enumerate(data["d"].values):
        part, style = data.sel(d=d), _points(i, data.sizes["d"])
        left.plot(part["fine"], part["line"], color=style["color"], lw=1.0)
        left.errorbar(part["ratio"], part["phi"], part["phi_stderr"], label=f"d = {d}", **style)
        right.errorbar(part["D"] / d, part["phi"], part["phi_stderr"], **style)
    x, line = (data["line_D"] / data["d"]).values.ravel(), data["line"].values.ravel()
    order = np.argsort(x)
    right.plot(x[order], line[order], color="black", lw=0.9, zorder=0, label="closed form, any d")
    same = r"both clones in one class, $\phi$"
    left.set(ylabel=same, xlabel=r"$s/s_S$,   $s_S = \frac{1}{2}\log\Lambda$")
    right.set(ylabel=same, xlabel=r"$(\sigma^2 + t)/|\mu|^2$", xscale="log", xlim=(0.008, 200))
    for axis in (left, right):
        axis.set_ylim(0.45, 1.02)


def _collapse(data: xarray.Dataset, left, right) -> None:
    for i in range(data.sizes["case"]):
        part, style = data.isel(case=i), _points(i, data.sizes["case"])
        style["label"] = f"n = {int(part['n'])}, d = {int(part['d'])}"
        for axis, line, points in ((left, "line", "phi"), (right, "excess_line", "excess")):
            axis.plot(part["fine"], part[line], color=style["color"], lw=1.0)
            axis.errorbar(part["t"] / part["t_C"], part[points], part[f"{points}_stderr"], **style)
            style.pop("label", None)  # named in the first panel
    limit = f"n = e$^{{{data.attrs['log_n_limit']:g}}}$, d = $\\infty$"
    left.plot(data["fine"], data["limit"], color="black", lw=0.9, ls="--", label=limit)
    criterion = r"(C5), $\frac{1}{d}\log n \to 0$"
    right.plot(data["fine"], data["excess_limit"], color="black", lw=0.9, ls="--", label=criterion)
    left.set(ylabel=r"both clones at one point, $\phi$", ylim=(0.0, 1.03))
    right.set_ylabel(r"excess entropy / $\frac{1}{d}\log n$")
    for axis in (left, right):
        ticks = [0.25, 0.5, 1, 2, 4]
        axis.set(xlabel=r"$t/t_C$", xscale="log", xlim=(0.19, 5.2))
        axis.set_xticks(ticks, ["1/4", "1/2", "1", "2", "4"])
        axis.minorticks_off()


def _points(i: int, n: int) -> dict:
    """Particles of the i-th of n sizes."""
    return {"color": shades(n)[i], "marker": "osD^v"[i % 5], "ls": "", "ms": 3.5, "mfc": "white", "capsize": 1.5}
