"""Figures of two classes on the line: where guided samples go, and what strong guidance does."""

from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, SAMPLER, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["strong_guidance", "where_it_goes"]

TILTED = {"color": COLOURS[6], "ls": "--", "lw": 1.1}
PAIR = {"ode": COLOURS[0], "sde": COLOURS[1]}


def where_it_goes(
    paths: "xarray.Dataset",
    support: tuple[float, float],
    compact: "xarray.Dataset",
    gaussian: "xarray.Dataset",
    distances: "list[tuple[str, xarray.Dataset]]",
    axes=None,
):
    """Paths, densities of the end points beside the tilted density, and the distance between the two against w.

    Parameters
    ----------
    paths, compact, gaussian : as from `validate.line.line_paths` and `line_ends`; support : of the target.
    distances : (label, data of `line_strength`).
    axes : four axes (2, 2); made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(7.2, 5.8), layout="constrained").subplots(2, 2)
        (a, b), (c, d) = axes
        _paths(paths, support, a)
        _ends(compact, b, "tilted density = class")
        _ends(gaussian, c, "tilted densities")
        b.set(title="(b) end points, uniform classes", xlim=support, ylim=(0.0, 4.8))
        c.set(title="(c) end points, N(1,1) and N(-1,1)", xlim=(-4.5, 8.0))
        _distances(distances, d)
        return a.figure, axes


def strong_guidance(
    compact: "xarray.Dataset",
    gaussian: "xarray.Dataset",
    tails: "xarray.Dataset",
    leaving: "xarray.Dataset",
    axes=None,
):
    """Distance from the edge, Gaussians going out, probabilities of falling short, samples that leave the support.

    Parameters
    ----------
    compact, gaussian : as from `validate.line.line_strength`.
    tails, leaving : as from `validate.line_tails.line_tails` and `validate.line.line_leaving`.
    axes : four axes (2, 2); made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(7.2, 5.8), layout="constrained").subplots(2, 2)
        (a, b), (c, d) = axes
        _edge(compact, a)
        _outward(gaussian, b)
        _tails(tails, c)
        _leaving(leaving, d)
        return a.figure, axes


def _paths(data: "xarray.Dataset", support: tuple[float, float], axis) -> None:
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
    axis.set_title(f"(a) paths at w = {data.attrs['w']:g}")
    axis.legend(loc="upper right")


def _ends(data: "xarray.Dataset", axis, tilted: str) -> None:
    for i, w in enumerate(data["w"].values):
        part, colour = data.sel(w=w), COLOURS[i]
        axis.plot(data["x"], part["density"], color=colour, label=f"w = {w:g}")
        style = {**TILTED, "color": "0.35" if data.attrs["compact"] else colour}
        axis.plot(data["x"], part["tilted"], **style)
        at = part.sel(sampler="ode")
        axis.errorbar(
            data["middle"], at["histogram"], at["histogram_error"], color=colour, marker="o", ms=2.8, ls="", lw=0.8
        )
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
    axis.set_title("(d) distance from the tilted density")
    axis.legend(loc="upper left", ncols=2)


def _edge(data: "xarray.Dataset", axis) -> None:
    w = data["w"].values
    axis.plot(w, data["mean_distance"], color=PAIR["ode"], label="ODE, exact")
    axis.plot(w, data["sde_distance"], color=PAIR["sde"], label="SDE, (L7)")
    bound = 1.0 / np.sqrt(np.log(w[w > 1.5]))
    axis.plot(w[w > 1.5], bound, color="0.5", ls=":", label=r"$\propto 1/\sqrt{\log w}$")
    for name in ("ode", "sde"):
        at = data.sel(sampler=name)
        distance = data.attrs["sign"] * (data.attrs["edge"] - at["mean"].values)
        error = at["mean_error"].values
        keep = distance > 3 * np.maximum(error, 1e-3)  # the rest is beyond what end points at t > 0 resolve
        axis.errorbar(
            data["point"][keep], distance[keep], error[keep], color=PAIR[name], ls="",
            marker=SAMPLER[name]["marker"], ms=4, label=f"{name.upper()}, particles",
        )  # fmt: skip
    axis.set(xscale="log", yscale="log", ylim=(1e-6, 3.0), xlabel="guidance w", ylabel="mean distance from the edge")
    axis.set_title("(a) uniform classes: far edge")
    axis.legend(loc="lower right")


def _outward(data: "xarray.Dataset", axis) -> None:
    w = data["w"].values
    low, middle, high = (data["zeta"] / np.sqrt(data["w"])).values
    axis.fill_between(w, low, high, color=PAIR["ode"], alpha=0.2, lw=0, label="ODE, quartiles")
    axis.plot(w, middle, color=PAIR["ode"])
    axis.plot(w, (data["tilted_mean"] - 1.0) / np.sqrt(data["w"]), **TILTED, label="tilted density")
    axis.axhline(data.attrs["C"], color="0.5", ls=":", label=f"C = {data.attrs['C']:.5f}")
    for name in ("ode", "sde"):
        at, root = data.sel(sampler=name), np.sqrt(data["point"])
        label = {"label": "SDE, particles"} if name == "sde" else {"label": "ODE, particles"}
        axis.errorbar(
            data["point"], (at["median"] - 1.0) / root, at["median_error"] / root, color=PAIR[name], ls="",
            marker=SAMPLER[name]["marker"], ms=4, **label,
        )  # fmt: skip
    axis.set(xscale="log", ylim=(0.0, 1.25), xlabel="guidance w", ylabel=r"$(x - \mu_1)/\sqrt{w}$")
    axis.set_title("(b) two Gaussians")
    axis.legend(loc="upper right", bbox_to_anchor=(1.0, 0.72))


def _tails(data: "xarray.Dataset", axis) -> None:
    w = data["w"].values
    axis.plot(w, -data["middle"], color=COLOURS[2], label="Gaussians: x < 0")
    theory = 0.5 * data["start_theory"].values ** 2
    axis.plot(w, theory, color="black", ls=":", lw=1.0, label=r"$z_*^2/2$, (L6)")
    away = f"uniform: {data.attrs['share']:g} short of the edge"
    axis.plot(w, -data["edge"], color=COLOURS[3], label=away)
    axis.plot(w, w, color="0.5", ls="--", lw=1.0, label=r"$\propto w$")
    axis.set(xscale="log", yscale="log", xlabel="guidance w", ylabel=r"$-\log$ probability, ODE")
    axis.set_title("(c) falling short")
    axis.legend(loc="upper left")


def _leaving(data: "xarray.Dataset", axis) -> None:
    for i, size in enumerate(data["size"].values):
        part, colour = data.sel(size=size), COLOURS[i]
        axis.plot(data["w"], part["share"], color=colour, label=rf"$L_2$ error $10^{{{np.log10(size):.0f}}}$")
        share = part["outside"].values
        bars = np.abs(np.array([share - part["low"], part["high"] - share]))
        axis.errorbar(data["point"], share, bars, color=colour, marker="o", ls="", ms=3.5)
    axis.set(xlabel="guidance w", ylabel="share off the support", xlim=(0.0, 150.0), ylim=(-0.03, 1.03))
    axis.errorbar([], [], [], color="0.4", marker="o", ls="", ms=3.5, label="particles")
    axis.set_title("(d) score with a small error, ODE")
    axis.legend(loc="lower right")
