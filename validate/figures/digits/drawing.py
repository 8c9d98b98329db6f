"""Figure of learned scores on real digits: samples, what guidance costs, and what theory says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from validate.agreement.statistics import wilson
from validate.drawing import COLOURS, legend_below, lettered, styled
from validate.figures.digits.summary import COMPARED, by_schedule, pooled

SHOWN = ("unguided", *COMPARED)
COLOUR = dict(zip(SHOWN, ("#000000", *COLOURS[:4], COLOURS[5]), strict=True))
LINES = {  # level -> line of the predictions
    "mean field": {"color": "0.1", "lw": 2.2},
    "equal shapes": {"color": "0.1", "lw": 1.2, "ls": (0, (1, 1))},
    "ten Gaussians": {"color": COLOURS[0], "lw": 1.6},
    "training set": {"color": COLOURS[2], "lw": 1.6, "ls": (0, (3, 1.2))},
}
SPAN = {  # level -> its line beside the tick of a schedule: what lies at one height is seen at one end
    "mean field": (-0.42, 0.06),
    "equal shapes": (-0.26, 0.22),
    "ten Gaussians": (-0.42, 0.06),
    "training set": (-0.26, 0.22),
}
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
        if axes is None:
            from matplotlib.figure import Figure

            figure = Figure(figsize=(7.0, 8.4), layout="constrained")
            grid = figure.add_gridspec(3, 2, height_ratios=[1.7, 1.25, 1.25])
            places = (grid[0, :], grid[1, 0], grid[1, 1], grid[2, 0], grid[2, 1])
            axes = np.array([figure.add_subplot(place) for place in places])
        _images(axes[0], trainings[0], real)
        _costs(axes[1], learned, real, sampler, "accuracy", "classified as their class")
        _costs(axes[2], learned, real, sampler, "energy", "energy distance to real")
        _predictions(axes[3], levels, learned, sampler, "shift", "mean shift along the class mean")
        _predictions(axes[4], levels, learned, sampler, "trace_guided", "trace, guided/unguided")
        titles = ("samples", "accuracy", "distance", "predicted and learned: mean", "predicted and learned: variance")
        lettered(axes, *titles)
        marks = axes[1].get_legend_handles_labels()
        axes[0].legend(*marks, title="in (b) and (c)", loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.3)
        legend_below(axes[3], 3)
        return axes[0].figure, axes


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
        look = {"color": COLOUR[schedule], "label": SHORT.get(schedule, schedule).replace("\n", " "), "capsize": 2}
        axis.errorbar(trace.value, value.value, error, trace.stderr, fmt="o", **look)
    own = (float(real["trace"].mean()), float(real[name].mean()))
    axis.plot(*own, "*", ms=11, mfc="none", mec="0.2", label="real, other half")
    axis.axvline(1.0, color="0.7", lw=0.8, zorder=0)
    axis.set(xlabel="trace of the covariance / real", ylabel=label)


def _predictions(
    axis, levels: Mapping[str, xarray.Dataset], learned: xarray.Dataset, sampler: str, name: str, label: str
) -> None:
    """Predictions as lines, one for each schedule; the learned average class as a point, its classes as small ones."""
    for i, schedule in enumerate(COMPARED):
        for level, data in levels.items():
            value = by_schedule(data, name, sampler, schedule).value
            ends = i + np.array(SPAN[level])
            axis.plot(ends, [value, value], **LINES[level], solid_capstyle="butt", label=None if i else level)
        classes = learned[name].sel(sampler=sampler, schedule=schedule).values
        axis.plot(np.full(10, i + 0.36), classes, ".", ms=3, color="0.55", label=None if i else "learned, each class")
        mean = by_schedule(learned, name, sampler, schedule)
        axis.errorbar(i - 0.1, mean.value, mean.stderr, fmt="o", color=COLOURS[1], ms=5, capsize=2.5, zorder=5,
                      label=None if i else "learned, average class")  # fmt: skip
    axis.axhline(1.0 if name == "trace_guided" else 0.0, color="0.7", lw=0.8, zorder=0)
    axis.set_xticks(range(len(COMPARED)), [SHORT.get(s, s) for s in COMPARED], fontsize=6.5)
    axis.set(ylabel=label)
