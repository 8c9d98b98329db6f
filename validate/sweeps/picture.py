"""A sweep as a figure: particles with their errors beside the theory, over one axis of the grid."""

from typing import Any

import numpy as np
import xarray

from meanfield.errors import one_of, require
from meanfield.showing.meaning import MEANING
from validate.drawing import canvas, shades

QUANTITIES = ("m", "v")


def draw(data: xarray.Dataset, quantity: str = "v", x: str = "", axes=None):
    """Draw the end of a sweep: points with standard errors over draws, lines of the theory.

    Parameters
    ----------
    data : result of `validate.sweep`.
    quantity : "m" or "v", at t = 0.
    x : axis of the grid along the abscissa, of numbers; its first by default. Every value of the others is a colour.
    axes : a matplotlib axis, or None.

    Returns
    -------
    (fig, axis)

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> from validate import sweep
    >>> base = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
    >>> data = sweep(base, {"w": [0.5, 1.0]}, d=6, n_samples=20, n_disorder=4, n_steps=16, progress=False)
    >>> figure, axis = draw(data, "m")
    >>> axis.get_xlabel()
    'guidance w'
    """
    one_of("quantity", quantity, QUANTITIES)
    grid = [str(dim) for dim in data["standing"].dims]
    x = one_of("x", x or grid[0], grid)
    require(data[x].dtype.kind in "iuf", "x must be an axis of numbers", f"{x} = {data[x].values.tolist()}")
    end = data.isel(time=-1)
    mean, error = end[quantity].mean("draw"), end[quantity].std("draw", ddof=1) / np.sqrt(data.sizes["draw"])
    others = [dim for dim in grid if dim != x]
    stacked = {name: _lines(part, x, others) for name, part in (("mean", mean), ("error", error))}
    theory = _lines(end[f"theory_{quantity}"], x, others)
    with canvas(axes, (4.6, 3.2), 1) as (figure, made):
        axis = np.atleast_1d(made).flat[0]
        for colour, (label, line) in zip(shades(len(theory)), theory.items(), strict=True):
            axis.plot(data[x], line, color=colour, label=label)
            points: Any = {"fmt": "o", "color": colour, "mfc": "white", "capsize": 2}
            axis.errorbar(data[x], stacked["mean"][label], stacked["error"][label], **points)
        axis.set(xlabel=MEANING.get(x, (x, ""))[0], ylabel=f"{quantity}(0)")
        axis.set_title("lines: mean field; points: particles at finite d")
        if others:
            axis.legend()
    return figure, axis


def _lines(values: xarray.DataArray, x: str, others: list[str]) -> dict[str, np.ndarray]:
    """Values along x for every combination of the other axes, by its name."""
    if not others:
        return {"": values.values}
    flat = values.stack(line=others).transpose("line", x)
    names = [", ".join(f"{k} = {v}" for k, v in zip(others, point, strict=True)) for point in flat["line"].values]
    return dict(zip(names, flat.values, strict=True))
