"""Mean and variance against the number of steps, ODE samplers beside SDE ones."""

from typing import Any

import xarray

from validate.drawing import COLOURS, canvas, lettered
from validate.figures.samplers.data import ETA

LABELS = {
    "euler": "DDIM (Euler)", "heun": "Heun", "dpmpp-2m": "DPM++ 2M", "unipc": "UniPC",
    "euler-ancestral": "Euler ancestral", "dpmpp-2m-sde": "DPM++ 2M SDE",
}  # fmt: skip
MARKERS = "os^D"
QUANTITIES = (("m", r"$m(0)$"), ("v", r"$v(0)/\sigma^2$"))


def draw(data: xarray.Dataset, axes=None):
    """Result of `against_steps`: ODE samplers on the left, SDE samplers on the right.

    Parameters
    ----------
    axes : (2, 2); made if None.

    Returns
    -------
    (fig, axes)
    """
    columns = [[name for name in data.sampler.values if ETA.get(name, 0.0) == eta] for eta in (0.0, 1.0)]
    with canvas(axes, (7.2, 5.4), (2, 2), sharex=True, sharey="row") as (figure, axes):
        for row, (quantity, label) in zip(axes, QUANTITIES, strict=True):
            for axis, names in zip(row, columns, strict=True):
                for k, name in enumerate(names):
                    draw_against_steps(axis, data.sel(sampler=name), quantity, k, LABELS.get(name, name))
                if names:
                    limit = float(data[f"limit_{quantity}"].sel(sampler=names[0]))
                    axis.axhline(limit, color="black", lw=0.9, ls="--", zorder=0, label="infinitely many steps")
                axis.axhline(1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            row[0].set_ylabel(label)
        lettered(axes.flat, *(f"{name}, {kind} samplers" for name in ("mean", "variance") for kind in ("ODE", "SDE")))
        for axis in axes[1]:
            steps_axis(axis)
        for axis in axes[0]:
            axis.legend(loc="lower right")
    return figure, axes


def draw_against_steps(axis: Any, data: xarray.Dataset, quantity: str, k: int, label: str) -> None:
    """One sampler: its law as a line, particles as points with error bars."""
    colour = COLOURS[k % len(COLOURS)]
    axis.plot(data.steps, data[f"line_{quantity}"], color=colour, label=label)
    look: Any = {"fmt": MARKERS[k % 4], "color": colour, "ms": 4, "mfc": "white", "zorder": 3}
    axis.errorbar(data.point, data[quantity], data[f"{quantity}_error"], **look)


def steps_axis(axis: Any) -> None:
    """A logarithmic axis of numbers of steps, with the numbers people use."""
    shown = [5, 10, 20, 50, 100]
    axis.set(xscale="log", xlabel="number of steps")
    axis.set_xticks(shown, [str(n) for n in shown])
    axis.minorticks_off()
