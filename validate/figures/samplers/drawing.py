"""Mean and variance against the number of steps, ODE samplers beside SDE ones."""

from typing import Any

import xarray

from validate.drawing import METHOD, QUIET, Look, canvas, lettered, named_lines
from validate.figures.samplers.data import ETA

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
    lines: list[tuple[Any, dict[str, Any]]] = []
    with canvas(axes, (7.0, 5.0), (2, 2), sharex=True, sharey="row") as (figure, axes):
        for row, (quantity, label) in zip(axes, QUANTITIES, strict=True):
            for axis, names in zip(row, columns, strict=True):
                named = {
                    METHOD[n].label: draw_against_steps(axis, data.sel(sampler=n), quantity, METHOD[n]) for n in names
                }
                if names:
                    limit = float(data[f"limit_{quantity}"].sel(sampler=names[0]))
                    steps = [float(data.steps.min()), float(data.steps.max())]
                    (named["continuous time"],) = axis.plot(steps, [limit] * 2, color=QUIET, lw=0.9, ls="--", zorder=0)
                axis.axhline(1.0, color="0.6", lw=0.7, ls=":", zorder=0)
                steps_axis(axis)
                lines.append((axis, named))
            row[0].set_ylabel(label)
        for axis in axes[0]:
            axis.set_xlabel("")
        lettered(axes.flat, *(f"{name}, {kind} samplers" for name in ("mean", "variance") for kind in ("ODE", "SDE")))
        for axis, named in lines:
            named_lines(axis, named)
    return figure, axes


def draw_against_steps(axis: Any, data: xarray.Dataset, quantity: str, look: Look, **options: Any) -> Any:
    """One sampler or rule: its law as a line, which is returned, particles as points with error bars."""
    points: Any = {**look.points, "mfc": "white", "zorder": 3, **options}
    axis.errorbar(data.point, data[quantity], data[f"{quantity}_error"], **points)
    return axis.plot(data.steps, data[f"line_{quantity}"], **look.curve)[0]


def steps_axis(axis: Any) -> None:
    """A logarithmic axis of numbers of steps, with the numbers people use."""
    shown = [5, 10, 20, 50, 100]
    axis.set(xscale="log", xlabel="number of steps")
    axis.set_xticks(shown, [str(n) for n in shown])
    axis.minorticks_off()
