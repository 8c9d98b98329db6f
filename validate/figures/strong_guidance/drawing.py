"""Distance from the edge, Gaussians going out, probabilities of falling short, samples that leave the support."""

import numpy as np
import xarray

from validate.drawing import QUIET, SAMPLER, canvas, lettered, shades
from validate.figures.one_dimension.drawing import TILTED

ODE = {"marker": SAMPLER["ode"].marker, "ls": "", "ms": 3.5}  # particles of it, where colour is a number


def draw(compact: xarray.Dataset, gaussian: xarray.Dataset, tails: xarray.Dataset, leaving: xarray.Dataset, axes=None):
    """Distance from the edge, Gaussians going out, probabilities of falling short, samples that leave the support.

    Parameters
    ----------
    compact, gaussian : as from `line_strength`.
    tails, leaving : as from `line_tails` and `line_leaving`.
    axes : four axes (2, 2); made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 5.4), (2, 2)) as (figure, axes):
        (a, b), (c, d) = axes
        _edge(compact, a)
        _outward(gaussian, b)
        _tails(tails, c)
        _leaving(leaving, d)
        titles = ("uniform classes: far edge", "two Gaussians", "falling short", "score with a small error, ODE")
        lettered(axes.flat, *titles)
    return figure, axes


def _edge(data: xarray.Dataset, axis) -> None:
    w = data["w"].values
    axis.plot(w, data["mean_distance"], **SAMPLER["ode"].curve, label="ODE, exact")
    axis.plot(w, data["sde_distance"], **SAMPLER["sde"].curve, label="SDE, (L7)")
    bound = 1.0 / np.sqrt(np.log(w[w > 1.5]))
    axis.plot(w[w > 1.5], bound, color="0.5", ls=":", label=r"$\propto 1/\sqrt{\log w}$")
    for name in ("ode", "sde"):
        at = data.sel(sampler=name)
        distance = data.attrs["sign"] * (data.attrs["edge"] - at["mean"].values)
        error = at["mean_error"].values
        keep = distance > 3 * np.maximum(error, 1e-3)  # the rest is beyond what end points at t > 0 resolve
        _particles(axis, name, data["point"][keep], distance[keep], error[keep])
    axis.set(xscale="log", yscale="log", ylim=(1e-6, 3.0), xlabel="guidance w", ylabel="mean distance from the edge")
    axis.legend(loc="lower right")


def _particles(axis, sampler: str, x, y, error) -> None:
    look = SAMPLER[sampler]
    axis.errorbar(x, y, error, label=f"{look.label}, particles", ms=3.5, **look.points)


def _outward(data: xarray.Dataset, axis) -> None:
    w = data["w"].values
    low, middle, high = (data["zeta"] / np.sqrt(data["w"])).values
    axis.fill_between(w, low, high, color=SAMPLER["ode"].colour, alpha=0.2, lw=0, label="ODE, quartiles")
    axis.plot(w, middle, **SAMPLER["ode"].curve)
    axis.plot(w, (data["tilted_mean"] - 1.0) / np.sqrt(data["w"]), **TILTED, label="tilted density")
    axis.axhline(data.attrs["C"], color="0.5", ls=":", label=f"C = {data.attrs['C']:.5f}")
    for name in ("ode", "sde"):
        at, root = data.sel(sampler=name), np.sqrt(data["point"])
        _particles(axis, name, data["point"], (at["median"] - 1.0) / root, at["median_error"] / root)
    axis.set(xscale="log", ylim=(0.0, 1.25), xlabel="guidance w", ylabel=r"$(x - \mu_1)/\sqrt{w}$")
    axis.legend(loc="upper right", bbox_to_anchor=(1.0, 0.72))


def _tails(data: xarray.Dataset, axis) -> None:
    w = data["w"].values
    axis.plot(w, -data["middle"], color="black", label="Gaussians: x < 0")
    theory = 0.5 * data["start_theory"].values ** 2
    axis.plot(w, theory, color=QUIET, ls=":", lw=2.2, label=r"$z_*^2/2$, (L6)")
    away = f"uniform: {data.attrs['share']:g} short of the edge"
    axis.plot(w, -data["edge"], color="black", ls="-.", label=away)
    axis.plot(w, w, color="0.5", ls="--", lw=1.0, label=r"$\propto w$")
    axis.set(xscale="log", yscale="log", xlabel="guidance w", ylabel=r"$-\log$ probability, ODE")
    axis.legend(loc="upper left")


def _leaving(data: xarray.Dataset, axis) -> None:
    for size, colour in zip(data["size"].values, shades(data.sizes["size"]), strict=True):
        part = data.sel(size=size)
        axis.plot(data["w"], part["share"], color=colour, label=rf"$L_2$ error $10^{{{np.log10(size):.0f}}}$")
        share = part["outside"].values
        bars = np.abs(np.array([share - part["low"], part["high"] - share]))
        axis.errorbar(data["point"], share, bars, color=colour, mfc="white", **ODE)
    axis.set(xlabel="guidance w", ylabel="share off the support", xlim=(0.0, 150.0), ylim=(-0.03, 1.03))
    axis.plot([], [], color="0.4", mfc="white", **ODE, label="particles")
    axis.legend(loc="lower right")
