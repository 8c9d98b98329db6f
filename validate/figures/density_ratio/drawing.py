"""The objective and its minimiser, the weight on the way, distortion over sizes."""

import numpy as np
import xarray

from validate.drawing import COLOURS, SAMPLER, canvas, lettered

MARKERS = "o^sDv"


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
    with canvas(axes, (7.2, 5.8), (2, 2)) as (figure, axes):
        a, b, c, d = axes.flat
        _objective(a, line)
        _weight(b, weight)
        _distortion(c, sizes, "shift", r"$m(0) - 1$")
        _distortion(d, sizes, "loss", r"$1 - v(0)/\sigma^2$")
        lettered(axes.flat, "objective", "weight", "mean", "variance")
    return figure, axes


def _objective(axis, data: xarray.Dataset) -> None:
    x, none = data["x"].values, data["beta_r"].values >= 1.0
    edge = x[none].max() if none.any() else x[0]
    axis.axvspan(x[0], edge, color="0.9", lw=0)
    axis.text(0.5 * (x[0] + edge), -7.6, "no minimiser\n" + r"$\beta r \geq 1$", ha="center", va="bottom", fontsize=7.5)
    axis.plot(x, data["s_c"], "--", color="0.35", lw=1.0, label="$s_c$")
    axis.plot(x, data["s_u"], ":", color="0.35", lw=1.2, label="$s_u$")
    axis.plot(x, data["minimiser"], color=COLOURS[0], label="minimiser")
    axis.plot(data["x_found"], data["found"], "o", ms=3.2, color=COLOURS[1], label="found by SciPy")
    axis.set(xlabel="x", ylabel="score", xlim=(x[0], x[-1]), ylim=(-8.0, 12.0))
    axis.legend(loc="upper right")


def _weight(axis, data: xarray.Dataset) -> None:
    for i, d in enumerate(data["d"].values):
        part, colour = data.sel(d=d), COLOURS[i]
        axis.plot(part["line_D"], part["line"], color=colour, label=f"{d}")
        axis.plot(float(part["D_fade"]), np.interp(part["D_fade"], part["line_D"], part["line"]), "|", ms=11, mew=1.4,
                  color=colour)  # fmt: skip
        if d in data["size"].values:
            seen = data.sel(size=d)
            axis.errorbar(seen["D"], seen["w"], seen["w_error"], fmt="o", ms=3.2, lw=0.9, capsize=2, color=colour)
    speciation = float(data["D_speciation"].values[-1])
    axis.axvline(speciation, color="0.5", ls="--", lw=0.9)
    axis.text(0.9 * speciation, 0.5, "speciation", rotation=90, ha="right", va="center", fontsize=7.5, color="0.35",
              transform=axis.get_xaxis_transform())  # fmt: skip
    top = 300.0 * float(data["d"].values.max())
    axis.set(xscale="log", xlim=(0.25, top), ylim=(-0.01, None), xlabel=r"$D = \sigma^2 + t$", ylabel="mean weight")
    axis.plot([], [], "|", ms=11, mew=1.4, color="0.3", label="fades, (O7)")
    axis.legend(title="d", loc="lower right")


def _distortion(axis, data: xarray.Dataset, name: str, label: str) -> None:
    samplers = [str(s) for s in data["sampler"].values]
    marked = dict(zip(dict.fromkeys(data["case"].values.tolist()), MARKERS, strict=False))
    for sampler, colour in zip(samplers, COLOURS, strict=False):
        for case, marker in marked.items():
            part = data.sel(sampler=sampler).isel(point=np.flatnonzero(data["case"].values == case))
            _series(axis, part, name, marker, colour)
            _series(axis, part, f"constant_{name}", marker, colour, faint=True)
    if name == "shift":
        handles = [
            axis.plot([], [], color=c, label=SAMPLER[s]["label"])[0] for s, c in zip(samplers, COLOURS, strict=False)
        ]
        handles += [axis.plot([], [], marker, color="0.3", label=case)[0] for case, marker in marked.items()]
    else:
        handles = [axis.plot([], [], "o-", color="0.3", label="density ratio, fade")[0]]
        handles += [axis.plot([], [], "o:", mfc="white", color="0.3", label="constant, mean field")[0]]
    axis.legend(handles=handles, loc="lower left")
    axis.set(xscale="log", yscale="log", xlabel="d", ylabel=label)
    low, high = data["d"].values.min(), data["d"].values.max()
    ticks = [10 * 2**k for k in range(30) if low <= 10 * 2**k <= high] or [low]
    axis.set_xticks(ticks, [str(x) for x in ticks])
    axis.set_xticks([], minor=True)


def _series(axis, part, name: str, marker: str, colour: str, faint: bool = False) -> None:
    """Theory as a line, particles as points; constant guidance dotted, with open points."""
    order = np.argsort(part["d"].values)
    d = part["d"].values[order]
    axis.plot(d, part[f"{name}_theory"].values[order], ":" if faint else "-", color=colour, lw=1.1)
    face = "white" if faint else colour
    axis.errorbar(d, part[name].values[order], part[f"{name}_error"].values[order], fmt=marker, ms=4, mfc=face, lw=0.9,
                  capsize=2, color=colour)  # fmt: skip
