"""CFG++: its effective scale, mean and variance against the number of steps."""

from typing import Any

import xarray

from validate.drawing import Look, canvas, lettered, named_lines, shades
from validate.figures.samplers.drawing import QUANTITIES, draw_against_steps, steps_axis


def draw(data: xarray.Dataset, axes=None):
    """Result of `plus_plus_against_steps`.

    Parameters
    ----------
    axes : three; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 2.7), 3) as (figure, axes):
        scale, *others = axes.flat
        named: list[dict[str, Any]] = [{}, {}, {}]
        for strength, colour in zip(data.strength.values, shades(data.sizes["strength"]), strict=True):
            one, label = data.sel(strength=strength), rf"$\lambda$ = {strength:g}"
            look = Look(label, colour, "-", "o")
            (named[0][label],) = scale.plot(one.steps, one.scale, **look.curve)
            for lines, axis, (quantity, _) in zip(named[1:], others, QUANTITIES, strict=True):
                lines[label] = draw_against_steps(axis, one, quantity, look)
                axis.plot(one.point, one[f"same_{quantity}"], "+", color="black", ms=7, mew=0.8, zorder=4)
        for axis in axes.flat:
            axis.axhline(1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            steps_axis(axis)
        scale.set(yscale="log", ylabel=r"scale $\lambda/(1 - \sigma^\prime/\sigma)$")
        shown = [0.5, 1, 2, 5, 10]
        scale.set_yticks(shown, [f"{s:g}" for s in shown])
        scale.minorticks_off()
        for axis, (_, label) in zip(others, QUANTITIES, strict=True):
            axis.set_ylabel(label)
        lettered(axes.flat, "effective scale", "mean", "variance")
        for axis, lines in zip(axes.flat, named, strict=True):
            named_lines(axis, lines)
    return figure, axes
