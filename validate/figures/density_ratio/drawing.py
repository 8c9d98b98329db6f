"""The objective and its minimiser, the weight on the way, distortion over sizes."""

from typing import Any

import numpy as np
import xarray

from validate.drawing import QUIET, SAMPLER, canvas, lettered, named_lines, noted, shades


def draw(line: xarray.Dataset, weight: xarray.Dataset, sizes: xarray.Dataset, axes=None):
    """Four panels: minimiser on a line, mean weight against D, mean shift and loss of variance against d.

    Parameters
    ----------
    line, weight, sizes : as from `objective_on_a_line`, `weight_on_the_way`, `distortion_over_sizes`.
    axes : four axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 5.2), (2, 2)) as (figure, axes):
        a, b, c, d = axes.flat
        _objective(a, line)
        _weight(b, weight)
        lines = {
            c: _distortion(c, sizes, "shift", r"mean shift $m(0) - 1$"),
            d: _distortion(d, sizes, "loss", r"lost variance $1 - v(0)/\sigma^2$"),
        }
        lettered(axes.flat, "objective", "weight", "mean", "variance")
        for axis, named in lines.items():
            named_lines(axis, named, gap=2.5)
    return figure, axes


def _objective(axis, data: xarray.Dataset) -> None:
    x, none = data["x"].values, data["beta_r"].values >= 1.0
    edge = x[none].max() if none.any() else x[0]
    axis.axvspan(x[0], edge, color="0.9", lw=0)
    middle = 0.5 * (x[0] + edge)
    noted(axis, "no minimiser\n" + r"$\beta r \geq 1$", (middle, -7.6), xycoords="data", ha="center", va="bottom")
    axis.plot(x, data["s_c"], "--", color=QUIET, lw=1.0, label="$s_c$")
    axis.plot(x, data["s_u"], ":", color=QUIET, lw=1.2, label="$s_u$")
    axis.plot(x, data["minimiser"], color="black", label="minimiser")
    axis.plot(data["x_found"], data["found"], "o", ms=3.0, color="black", mfc="white", label="found by SciPy")
    axis.set(xlabel="x", ylabel="score", xlim=(x[0], x[-1]), ylim=(-8.0, 12.0))
    axis.legend(loc="upper right")


def _weight(axis, data: xarray.Dataset) -> None:
    for d, colour in zip(data["d"].values, shades(data.sizes["d"]), strict=True):
        part = data.sel(d=d)
        axis.plot(part["line_D"], part["line"], color=colour, label=f"d = {d}")
        fades = float(part["D_fade"])
        at = float(np.interp(fades, part["line_D"], part["line"]))
        axis.plot(fades, at, "|", ms=10, mew=1.4, color=colour)
        if d in data["size"].values:
            seen = data.sel(size=d)
            axis.errorbar(seen["D"], seen["w"], seen["w_error"], fmt="o", ms=3.0, lw=0.9, capsize=2, color=colour)
    speciation = float(data["D_speciation"].values[-1])
    axis.axvline(speciation, color=QUIET, ls="--", lw=0.9)
    noted(axis, "speciation", (0.9 * speciation, 0.5), xycoords=("data", "axes fraction"), rotation=90, ha="right",
          va="center")  # fmt: skip
    top = 300.0 * float(data["d"].values.max())
    axis.set(xscale="log", xlim=(0.25, top), ylim=(-0.01, None), xlabel=r"$D = \sigma^2 + t$", ylabel="mean weight")
    axis.plot([], [], "|", ms=10, mew=1.4, color=QUIET, label="fades, (O7)")
    axis.legend(loc="lower right")


def _distortion(axis, data: xarray.Dataset, name: str, label: str) -> dict[str, Any]:
    """Density-ratio guidance in the colours of the samplers, constant guidance dotted beside it; lines by name."""
    marked = dict(zip(dict.fromkeys(data["case"].values.tolist()), "o^sDv", strict=False))
    named: dict[str, Any] = {}
    for sampler in map(str, data["sampler"].values):
        look = SAMPLER[sampler]
        for case, marker in marked.items():
            part = data.sel(sampler=sampler).isel(point=np.flatnonzero(data["case"].values == case))
            line = _series(axis, part, name, marker, look.colour)
            faint = _series(axis, part, f"constant_{name}", marker, look.colour, faint=True)
            if case == "continuum":
                named |= {f"{look.label},\ndensity ratio": line, f"{look.label},\nconstant": faint}
    for case, marker in marked.items() if name == "shift" else ():
        axis.plot([], [], marker, color=QUIET, label=case)
    if name == "shift":
        axis.legend(loc="lower left")
    axis.set(xscale="log", yscale="log", xlabel="d", ylabel=label)
    low, high = data["d"].values.min(), data["d"].values.max()
    ticks = [10 * 2**k for k in range(30) if low <= 10 * 2**k <= high] or [low]
    axis.set_xticks(ticks, [str(x) for x in ticks])
    axis.set_xticks([], minor=True)
    return named


def _series(axis, part, name: str, marker: str, colour: str, faint: bool = False) -> Any:
    """Theory as a line, particles as points; constant guidance dotted, with open points."""
    order = np.argsort(part["d"].values)
    d, size = part["d"].values[order], 2.6 if faint else 3.5
    points = {"marker": marker, "ls": "", "ms": size, "mfc": "white" if faint else colour, "lw": 0.9, "capsize": 1.5}
    axis.errorbar(d, part[name].values[order], part[f"{name}_error"].values[order], color=colour, **points)
    return axis.plot(d, part[f"{name}_theory"].values[order], ":" if faint else "-", color=colour, lw=1.0)[0]
