"""The drawing: three panels of prices, one of regions."""

import numpy as np
import xarray

from validate.drawing import PHASE, QUIET, SAMPLER, SCHEDULE, canvas, face_of, legend_below, lettered, noted

FRONT = {"color": "0.8", "lw": 4.0, "zorder": 0, "solid_capstyle": "butt"}
RANGES = ((0.0, 0.25), (0.0, 0.3), (0.0, 0.3)), (0.0, 0.04)  # of the shift in three panels, and of the modes lost


def draw(prices: xarray.Dataset, regions: xarray.Dataset, axes=None):
    """Four panels: results of `prices` and `regions`.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 5.4), (2, 2)) as (figure, axes):
        a, b, c, d = axes.flat
        label, mode = prices.tree.values
        for axis, tree, samplers in ((a, label, ("sde", "ode")), (b, mode, ("ode",)), (c, mode, ("sde",))):
            for sampler in samplers:
                _lines(axis, prices.sel(tree=tree, sampler=sampler), sampler)
            axis.set(xlabel="shift of the mean, m(0) - 1", ylabel=r"modes lost, $K_\mathrm{div}$")
        for axis, across in zip((a, b, c), RANGES[0], strict=True):
            axis.set(xlim=across, ylim=RANGES[1])
        end = float(prices.m_shift.sel(tree=label, sampler="sde").max())
        lead = {"arrowstyle": "-", "color": QUIET, "lw": 0.5}
        noted(a, "the SDE\nends here", (end, 0.0024), xycoords="data", xytext=(0.02, 0.02), arrowprops=lead)
        for sampler, y, off, side in (("sde", 0.034, -6, "right"), ("ode", 0.015, 5, "left")):
            row, beside = prices.front.sel(tree=label, sampler=sampler), {"textcoords": "offset points", "va": "top"}
            at = (float(np.interp(y, row.price, row)), y)
            noted(a, f"front, {SAMPLER[sampler].label}", at, xycoords="data", xytext=(off, 0), ha=side, **beside)
        for axis, sampler in ((b, "ode"), (c, "sde")):
            free = float(prices.front.sel(tree=mode, sampler=sampler, price=0.0))
            noted(axis, "free of loss", (free, 0.0), xycoords="data", xytext=(free + 0.1, 0.0018), va="center",
                  arrowprops=lead)  # fmt: skip
        _areas(d, regions)
        lettered(axes.flat, "label first", "mode first, ODE", "mode first, SDE", "which comes first")
        legend_below([a], 3)
    return figure, axes


def _lines(axis, data: xarray.Dataset, sampler: str) -> None:
    """The front, the schedules, and the designed ones of one tree and sampler."""
    full = sampler == "sde"
    axis.plot(data.front, data.price, **FRONT)
    for name in data.schedule.values:
        look, row = SCHEDULE[name], data.sel(schedule=name).sortby("strength")
        axis.plot(
            row.m_shift, row.K_div, color=look.colour, ls=_style(name, sampler), label=look.label if full else None
        )
    look = SCHEDULE["designed"]
    star = {"color": look.colour, "mfc": face_of(sampler, look.colour), "ms": 7.0, "clip_on": False, "zorder": 5}
    axis.plot(data.designed_m_shift, data.designed_K_div, look.marker, label=look.label if full else None, **star)


def _style(name: str, sampler: str):
    return SCHEDULE[name].line if sampler == "sde" else "--"


def _areas(axis, data: xarray.Dataset) -> None:
    """Areas unguided, lines of the order under guidance."""
    rates, line, top = data.alpha_2.values, data.unguided.values, data.attrs["apart"]
    below = rates <= top
    axis.fill_betweenx(rates[below], 0.0, line[below], color=PHASE["crowd"], lw=0)
    axis.fill_betweenx(rates[below], line[below], 2.0, color=PHASE["glass"], lw=0)
    axis.plot(line[below], rates[below], color="black", label="unguided")
    axis.axhline(top, color=QUIET, lw=0.8, ls=":")
    for name, look in SAMPLER.items():
        axis.plot(*data[name].values.T, **look.curve)
    axis.set(
        xlabel=r"rate of labels, $\alpha_1$", ylabel=r"rate of modes, $\alpha_2$", xlim=(0.02, 1.2), ylim=(0.0, 1.4)
    )
    dark = {"color": "black", "ha": "center", "va": "center"}
    noted(axis, "label\nfirst", (0.1, 0.55), **dark)
    noted(axis, "mode first", (0.75, 0.3), **dark)
    noted(axis, "modes not apart", (0.7, 0.5 * (top + 1.4)), xycoords=("axes fraction", "data"), **dark)
    ends = {"unguided": (line[below], rates[below], "black")}
    w = data.attrs["w"]
    ends |= {f"{look.label}, w = {w:g}": (*data[name].values.T, look.colour) for name, look in SAMPLER.items()}
    for k, (text, (x, y, colour)) in enumerate(ends.items()):
        at = int(np.nanargmin(np.abs(np.asarray(y) - (1.1 - 0.16 * k))))
        noted(axis, text, (float(x[at]), float(y[at])), xycoords="data", xytext=(0.78, 1.1 - 0.16 * k), color=colour,
              va="center", arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5})  # fmt: skip
