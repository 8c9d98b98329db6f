"""Paths, densities of the end points beside the tilted density, and the distance between the two against w."""

import numpy as np
import xarray

from validate.drawing import COLOURS, SAMPLER, canvas, lettered

TILTED = {"color": COLOURS[6], "ls": "--", "lw": 1.1}
PAIR = {"ode": COLOURS[0], "sde": COLOURS[1]}


def draw(
    paths: xarray.Dataset,
    support: tuple[float, float],
    compact: xarray.Dataset,
    gaussian: xarray.Dataset,
    distances: "list[tuple[str, xarray.Dataset]]",
    axes=None,
):
    """Paths, densities of the end points beside the tilted density, and the distance between the two against w.

    Parameters
    ----------
    paths, compact, gaussian : as from `line_paths` and `line_ends`; support : of the target.
    distances : (label, data of `line_strength`).
    axes : four axes (2, 2); made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.2, 5.8), (2, 2)) as (figure, axes):
        (a, b), (c, d) = axes
        _paths(paths, support, a)
        _ends(compact, b, "tilted density = class")
        _ends(gaussian, c, "tilted densities")
        b.set(xlim=support, ylim=(0.0, 4.8))
        c.set(xlim=(-4.5, 8.0))
        _distances(distances, d)
        titles = (f"paths at w = {paths.attrs['w']:g}", "end points, uniform classes", "end points, N(1,1) and N(-1,1)")
        lettered(axes.flat, *titles, "distance from the tilted density")
    return figure, axes


def _paths(data: xarray.Dataset, support: tuple[float, float], axis) -> None:
    t = data["t"].values
    axis.axhspan(*support, color="0.88", zorder=0, lw=0)
    axis.annotate("support", (2e-3, support[0]), (2e-3, support[0] - 1.2), ha="center", fontsize=7.5, color="0.4")
    for name in ("sde", "ode"):
        for i, path in enumerate(data[name].values):
            label = {"label": SAMPLER[name]["label"]} if i == 0 else {}
            line = {"lw": 0.6, "alpha": 0.7} if name == "sde" else {"lw": 1.2}
            axis.plot(t, path, color=PAIR[name], **line, **label)
    # early paths are noise of standard deviation t^{1/2}: from t = 30 on they fit the frame
    axis.set(xscale="log", xlim=(30.0, 1e-4), xlabel="VE time t", ylabel="x")
    shown = np.concatenate([data[name].values[:, t <= 30.0].ravel() for name in ("sde", "ode")])
    axis.set_ylim(min(shown.min(), support[0] - 2.0) - 0.5, shown.max() + 1.0)
    axis.legend(loc="upper right")


def _ends(data: xarray.Dataset, axis, tilted: str) -> None:
    for i, w in enumerate(data["w"].values):
        part, colour = data.sel(w=w), COLOURS[i]
        axis.plot(data["x"], part["density"], color=colour, label=f"w = {w:g}")
        style = {**TILTED, "color": "0.35" if data.attrs["compact"] else colour}
        axis.plot(data["x"], part["tilted"], **style)
        at = part.sel(sampler="ode")
        look = {"color": colour, "marker": "o", "ms": 2.8, "ls": "", "lw": 0.8}
        axis.errorbar(data["middle"], at["histogram"], at["histogram_error"], **look)
    axis.plot([], [], **{**TILTED, "color": "0.35"}, label=tilted)
    axis.set(xlabel="x", ylabel="density", ylim=(0.0, None))
    axis.legend(loc="upper left")


def _distances(distances, axis) -> None:
    for i, (label, data) in enumerate(distances):
        axis.plot(data["w"], data["W1"], color=COLOURS[i], label=label)
        for name in ("ode", "sde"):
            at = data.sel(sampler=name)
            axis.errorbar(
                data["point"], at["W1_points"], at["W1_points_error"], color=COLOURS[i], ls="", ms=4,
                marker=SAMPLER[name]["marker"], mfc="none" if name == "sde" else COLOURS[i],
            )  # fmt: skip
    axis.plot([], [], color="0.4", label="ODE, exact")
    axis.plot([], [], color="0.4", ls="", marker=SAMPLER["ode"]["marker"], ms=4, label="ODE, particles")
    axis.plot([], [], color="0.4", ls="", marker=SAMPLER["sde"]["marker"], ms=4, mfc="none", label="SDE, particles")
    axis.set(xscale="log", yscale="log", xlabel="guidance w", ylabel=r"$W_1$ from the tilted density")
    axis.set_ylim(top=1e3)  # room for the legend
    axis.legend(loc="upper left", ncols=2)
