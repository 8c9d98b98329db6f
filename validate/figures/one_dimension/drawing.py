"""Paths, densities of the end points beside the tilted density, and the distance between the two against w."""

import numpy as np
import xarray

from validate.drawing import SAMPLER, canvas, face_of, lettered, named_lines, shades

TILTED = {"color": "black", "ls": ":", "lw": 1.1}


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
    with canvas(axes, (7.0, 5.4), (2, 2)) as (figure, axes):
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
            label = {"label": SAMPLER[name].label} if i == 0 else {}
            line = {"lw": 0.6, "alpha": 0.7} if name == "sde" else {"lw": 1.2}
            axis.plot(t, path, color=SAMPLER[name].colour, **line, **label)
    # early paths are noise of standard deviation t^{1/2}: from t = 30 on they fit the frame
    axis.set(xscale="log", xlim=(30.0, 1e-4), xlabel="VE time t", ylabel="x")
    shown = np.concatenate([data[name].values[:, t <= 30.0].ravel() for name in ("sde", "ode")])
    axis.set_ylim(min(shown.min(), support[0] - 2.0) - 0.5, shown.max() + 1.0)
    axis.legend(loc="upper right")


def _ends(data: xarray.Dataset, axis, tilted: str) -> None:
    for w, colour in zip(data["w"].values, shades(data.sizes["w"]), strict=True):
        part = data.sel(w=w)
        axis.plot(data["x"], part["density"], color=colour, label=f"w = {w:g}")
        style = {**TILTED, "color": "0.35" if data.attrs["compact"] else colour}
        axis.plot(data["x"], part["tilted"], **style)
        at = part.sel(sampler="ode")
        look = {"color": colour, "mfc": "white", "marker": SAMPLER["ode"].marker, "ms": 2.6, "ls": "", "lw": 0.8}
        axis.errorbar(data["middle"], at["histogram"], at["histogram_error"], **look)
    axis.plot([], [], **{**TILTED, "color": "0.35"}, label=tilted)
    axis.set(xlabel="x", ylabel="density", ylim=(0.0, None))
    axis.legend(loc="upper left")


def _distances(distances, axis) -> None:
    named = {}
    for (label, data), colour in zip(distances, shades(len(distances)), strict=True):
        (named[label],) = axis.plot(data["w"], data["W1"], color=colour, ls=SAMPLER["ode"].line)
        for name, look in SAMPLER.items():
            at, points = data.sel(sampler=name), {"color": colour, "mfc": face_of(name, colour), "ls": "", "ms": 3.5}
            axis.errorbar(data["point"], at["W1_points"], at["W1_points_error"], marker=look.marker, **points)
    ode, sde = SAMPLER["ode"], SAMPLER["sde"]
    axis.plot([], [], color="0.4", ls=ode.line, label="ODE, exact")
    axis.plot([], [], color="0.4", ls="", marker=ode.marker, mfc="white", label="ODE, particles")
    axis.plot([], [], color="0.4", ls="", marker=sde.marker, label="SDE, particles")
    axis.set(xscale="log", yscale="log", xlabel="guidance w", ylabel=r"$W_1$ from the tilted density")
    axis.set_ylim(top=1e3)  # room for the legend
    axis.legend(loc="upper left")
    named_lines(axis, named)
