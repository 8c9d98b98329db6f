"""Figure of learned scores on real digits: samples, what guidance costs, and what theory says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from validate.agreement.statistics import wilson
from validate.drawing import LEVEL, SCHEDULE, in_column, legend_below, lettered, made, noted, styled
from validate.figures.digits.summary import COMPARED, by_schedule, pooled

SHOWN = ("unguided", *COMPARED)
LOOKS = {  # schedule -> its look
    "unguided": LEVEL["unguided"], **{name: SCHEDULE.get(name, SCHEDULE["designed"]) for name in COMPARED},
}  # fmt: skip
FACE = {"designed, continuum": "white"}  # beside the design of ten classes
LINES = {  # level -> line of the predictions
    "mean field": {"color": LEVEL["mean field"].colour, "lw": 2.2},
    "equal shapes": {"color": LEVEL["annealed"].colour, "lw": 2.2},
    "ten Gaussians": {"color": LEVEL["quenched"].colour, "lw": 2.2},
    "training set": {"color": LEVEL["few classes"].colour, "lw": 2.2},
}
BESIDE = 0.16  # from the line of one level to that of the next


SHORT = {
    "negative window": "negative\nwindow",
    "designed": "designed\nP = 10",
    "designed, continuum": "designed\nP = $\\infty$",
}


def draw(theory: Mapping[str, xarray.Dataset], trainings: Sequence[xarray.Dataset], real: xarray.Dataset, axes=None):
    """Samples (a), accuracy and distance against diversity (b, c), learned distortion against its predictions (d, e).

    Parameters
    ----------
    theory : level -> result of `mean_field_level` or `exact_level`.
    trainings : results of `learned_level`. real : of `real_level`.
    axes : five axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    learned, sampler = pooled(trainings), str(trainings[0].sampler.values[0])
    levels = {name: pooled([data]) for name, data in theory.items()}
    with styled():
        axes = _axes() if axes is None else axes
        _images(axes[0], trainings[0], real)
        _costs(axes[1], learned, real, sampler, "accuracy", "classified as their class")
        _costs(axes[2], learned, real, sampler, "energy", "energy distance to real")
        _predictions(axes[3], levels, learned, sampler, "shift", "mean shift along the class mean")
        _predictions(axes[4], levels, learned, sampler, "trace_guided", "trace, guided/unguided")
        lettered(axes, "samples", "accuracy", "distance", "mean", "variance")
        legend_below(axes[3], 3)
        return axes[0].figure, axes


def _axes() -> Any:
    """Samples on top; below them two and two panels, in a column one by one."""
    figure = made(8.2, lower=10.2)
    if in_column():
        grid = figure.add_gridspec(5, 1, height_ratios=[1.3, 1.0, 1.0, 1.1, 1.1])
        places = [grid[k, 0] for k in range(5)]
    else:
        grid = figure.add_gridspec(3, 2, height_ratios=[1.7, 1.25, 1.35])
        places = [grid[0, :], grid[1, 0], grid[1, 1], grid[2, 0], grid[2, 1]]
    return np.array([figure.add_subplot(place) for place in places])


def _images(axis, training: xarray.Dataset, real: xarray.Dataset) -> None:
    """The first sample of every class, one row for each schedule: same start in every row. First row: real images."""
    names = [name for name in SHOWN if name != "designed, continuum"]
    images = (real["images"], *(training["images"].sel(schedule=name) for name in names))
    rows = [row.isel(shown=0).values for row in images]  # (class, 8, 8)
    canvas = np.full((len(rows) * 9 - 1, 10 * 9 - 1), np.nan)  # one pixel between two images
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            canvas[9 * i : 9 * i + 8, 9 * j : 9 * j + 8] = image
    axis.imshow(canvas, cmap="gray_r", vmin=0.0, vmax=16.0, interpolation="nearest", aspect="equal")
    axis.set_yticks([9 * i + 3.5 for i in range(len(rows))], ["real", *names])
    axis.set_xticks([])
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)


def _costs(axis, learned: xarray.Dataset, real: xarray.Dataset, sampler: str, name: str, label: str) -> None:
    """One measure against the trace ratio to real images, a point for each schedule."""
    n = 10 * int(learned.attrs["n_samples"]) * int(learned.attrs["n_trainings"])
    for schedule in SHOWN:
        trace, value = (by_schedule(learned, q, sampler, schedule) for q in ("trace", name))
        error: Any = value.stderr
        if name == "accuracy":
            low, high = wilson(value.value * n, n)
            error = [[value.value - low], [high - value.value]]
        look = LOOKS[schedule]
        points = {**look.points, "mfc": FACE.get(schedule, look.colour), "ms": 9 if look.marker == "*" else 5}
        axis.errorbar(trace.value, value.value, error, trace.stderr, capsize=2, **points)
        _name(axis, SHORT.get(schedule, schedule).replace("\n", " "), (trace.value, value.value), look.colour)
    own = (float(real["trace"].mean()), float(real[name].mean()))
    axis.plot(*own, "X", ms=7, mfc="white", mec="0.2")
    _name(axis, "real, other half", own, "0.2", below=True)
    axis.axvline(1.0, color="0.7", lw=0.8, zorder=0)
    axis.margins(0.12)
    axis.set(xlabel="trace of the covariance / real", ylabel=label)


def _name(axis, text: str, where: tuple[float, float], colour: str, below: bool = False) -> None:
    """The name of a point, above it, or below."""
    noted(axis, text, where, xycoords="data", xytext=(0, -6 if below else 6), textcoords="offset points", ha="center",
          va="top" if below else "bottom", color=colour)  # fmt: skip


def _predictions(
    axis, levels: Mapping[str, xarray.Dataset], learned: xarray.Dataset, sampler: str, name: str, label: str
) -> None:
    """Predictions as lines, level beside level at each schedule; learned, the average class and each."""
    for i, schedule in enumerate(COMPARED):
        for k, (level, data) in enumerate(levels.items()):
            value, left = by_schedule(data, name, sampler, schedule).value, i - 0.42 + BESIDE * k
            axis.plot([left, left + BESIDE], [value, value], **LINES[level], solid_capstyle="butt",
                      label=None if i else level)  # fmt: skip
        classes = learned[name].sel(sampler=sampler, schedule=schedule).values
        axis.plot(np.full(10, i + 0.36), classes, ".", ms=3, color="0.6", label=None if i else "learned, each class")
        mean, particles = by_schedule(learned, name, sampler, schedule), LEVEL["particles"].points
        axis.errorbar(i + 0.27, mean.value, mean.stderr, ms=4.5, capsize=2.5, zorder=5, **particles,
                      label=None if i else "learned, average class")  # fmt: skip
    axis.axhline(1.0 if name == "trace_guided" else 0.0, color="0.7", lw=0.8, zorder=0)
    axis.set_xticks(range(len(COMPARED)), [SHORT.get(s, s) for s in COMPARED], fontsize=6.2)
    axis.set(ylabel=label)
