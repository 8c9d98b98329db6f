"""One designed schedule in time, next to constant guidance: data and drawing."""

import json
from typing import Any

import numpy as np
import xarray

from meanfield import Design, solve
from validate.drawing import QUIET, SCHEDULE, canvas, legend_below, lettered
from validate.results.tables import tabulate

POINTS = 401


def portrait(made: Design, n_points: int = POINTS) -> xarray.Dataset:
    """A design in time, next to constant guidance of the same mean shift and at w_max.

    Returns
    -------
    xarray.Dataset : `w`, `m` and `v_ratio` = v/D (v over its undistorted value) over (guidance, t), t VE time falling
        to 0; guidance is "designed", "same mean" (if any constant has it) and "w_max". Attributes: the design.
    """
    problem = made.problem
    runs = {"designed": problem}
    if made.same_mean is not None:
        runs["same mean"] = problem.replace(guidance=made.same_mean[0])
    runs["w_max"] = problem.replace(guidance=made.w_max)
    theories: list[Any] = [solve(p, made.d) for p in runs.values()]
    top, low = min(float(theory.t[0]) for theory in theories), problem.least_variance
    t = np.maximum(np.geomspace(low + top, low, n_points) - low, 0.0)
    t[0], t[-1] = top, 0.0

    def in_time(theory):
        state = theory.at(t)
        found = {"w": theory.problem.weight(t), "m": state.m, "v_ratio": 1.0 + state.variance_excess}
        return {name: ("t", values) for name, values in found.items()}

    attrs = {"design": json.dumps(made.to_dict()), "sigma2": low}
    return xarray.Dataset(tabulate({"guidance": theories}, in_time), {"guidance": list(runs), "t": t}, attrs)


LOOK = {  # guidance -> what it is called, its look
    "designed": ("designed", SCHEDULE["designed"].curve),
    "same mean": ("constant, same mean", SCHEDULE["constant"].curve),
    "w_max": ("constant at w_max", {"color": QUIET, "ls": ":"}),
}


def draw_portrait(data: xarray.Dataset, axes=None):
    """Guidance, mean and variance against the noised class variance D = sigma2 + t, which falls as sampling goes on.

    Parameters
    ----------
    data : result of `portrait`.
    axes : three axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 2.6), 3) as (figure, axes):
        made = json.loads(data.attrs["design"])
        x = data.attrs["sigma2"] + data.t.values
        names = ("w", "m", "v_ratio")
        labels = ("guidance weight w", "overlap m", "v/D (1: undistorted)")
        for axis, name, label in zip(axes, names, labels, strict=True):
            for guidance in data.guidance.values:
                text, curve = LOOK[guidance]
                step = {"drawstyle": "steps-post"} if name == "w" and np.isinf(made["slope"]) else {}
                axis.plot(x, data[name].sel(guidance=guidance), label=text, **curve, **step)
            axis.set(ylabel=label, xlabel=r"noised variance $\sigma^2 + t$", xscale="log")
            axis.set_xlim(min(x[0], 300.0 * x[-1]), x[-1])
        for axis, level in zip(axes, (0.0, 1.0, made["keep"]), strict=True):
            axis.axhline(level, color="0.6", lw=0.8, zorder=0)
        axes[2].set_ylim(0.0, None)
        shown = data.m.values[:, x <= 300.0 * x[-1]]
        axes[1].set_ylim(min(0.95, float(shown.min())), 1.05 * float(shown.max()))
        lettered(axes, "guidance", "mean", "variance")
        legend_below(axes[0], 3)
    return figure, axes
