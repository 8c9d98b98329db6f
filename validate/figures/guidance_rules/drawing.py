"""Mean and variance of the rules of guidance against the number of steps."""

import numpy as np
import xarray

from validate.drawing import RULE, Look, canvas, lettered, named_lines
from validate.figures.samplers.drawing import QUANTITIES, draw_against_steps, steps_axis


def draw(data: xarray.Dataset, axes=None):
    """Result of `rules_against_steps`: mean on the left, variance on the right, on an axis even in its square root.

    Parameters
    ----------
    axes : two; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.1), 2) as (figure, axes):
        named = []
        for axis, (quantity, label) in zip(axes.flat, QUANTITIES, strict=True):
            rules = map(str, data.rule.values)
            named.append({r: draw_against_steps(axis, data.sel(rule=r), quantity, look_of(r)) for r in rules})
            axis.axhline(1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            axis.set_ylabel(label)
            steps_axis(axis)
        variance = axes.flat[1]
        variance.set_yscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0.0)), np.square))
        variance.set(ylim=(0.0, None), yticks=[0.0, 0.02, 0.1, 0.25, 0.5, 1.0, 2.0])
        lettered(axes.flat, "mean", "variance")
        for axis, lines in zip(axes.flat, named, strict=True):
            named_lines(axis, lines)
    return figure, axes


def look_of(rule: str) -> Look:
    """The look of a rule, or of the one whose variant it is: "APG, eta 0" is APG.

    Examples
    --------
    >>> look_of("APG, eta 0").label, look_of("APG, momentum").label
    ('APG', 'APG, momentum')
    """
    return RULE[max((name for name in RULE if rule.startswith(name)), key=len)]
