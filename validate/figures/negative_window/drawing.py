"""A map of the variance by the negative window, and how far particles are from theory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from validate.drawing import LEVEL, QUIET, SCHEDULE, canvas, in_column, lettered, noted

KEPT = SCHEDULE["negative window"].colour
STYLES = ("-", "--", ":")  # of the curves of several problems


def draw(
    panels: Sequence[tuple[str, xarray.Dataset]], points: xarray.Dataset, theory: xarray.Dataset, shown: int = -1,
    axes=None,
):  # fmt: skip
    """A map of the variance of one problem, the curves of kept variance of all, and residuals of the particles.

    Parameters
    ----------
    panels : (title, result of `window_map`).
    points, theory : results of `window_points` and `window_theory` at the same points.
    shown : the problem of the map.
    axes : three axes: the map, residuals of the mean, of the variance; made if None.

    Returns
    -------
    (fig, axes)
    """
    options: dict[str, Any] = {} if in_column() else {"width_ratios": (1.5, 1.0, 1.0)}
    with canvas(axes, (7.0, 3.1), 3, **options) as (figure, axes):
        _map(axes[0], *panels[shown])
        for k, (title, data) in enumerate(panels):
            _kept(axes[0], title, data, STYLES[(k - shown) % len(panels) % len(STYLES)])
        here = points.panel.values == shown % len(panels)
        axes[0].plot(points.w0[here], points.omega[here], "o", color="black", mfc="white", ms=3.5, mew=0.8)
        for axis, name, label in zip(axes[1:], ("m_shift", "v_ratio"), ("m(0)", r"$v(0)/\sigma^2$"), strict=True):
            _residuals(axis, [title for title, _ in panels], points, theory, name)
            axis.set_xlabel(f"{label}: particles - theory")
        if not in_column():
            axes[2].set_yticklabels([])
        lettered(axes, f"variance, {panels[shown][0]}", "mean", "variance")
    return figure, axes


def _map(axis, _title: str, data: xarray.Dataset) -> None:
    """The variance in colour; contours of the mean shift; where the theory is approximate, and the sample lost."""
    from matplotlib.colors import TwoSlopeNorm

    look: Any = {"norm": TwoSlopeNorm(1.0, 0.0, 2.0), "cmap": "RdBu", "shading": "nearest", "rasterized": True}
    mesh = axis.pcolormesh(data.w0, data.omega, data.v_ratio, **look)
    bar = axis.figure.colorbar(mesh, ax=axis, pad=0.01, extend="max", aspect=25)
    bar.set_label(r"$v(0)/\sigma^2$")
    lost = data.lost.values
    approximate = (data.standing.values == "approximate") & ~lost
    for region, hatch in ((approximate, "////"), (lost, "xxxx")):
        if region.any():
            shade = axis.contourf(data.w0, data.omega, region * 1.0, levels=[0.5, 1.5], colors="none", hatches=[hatch])
            shade.set(edgecolor="0.35", linewidth=0.0)
    sure = np.where(lost | approximate, np.nan, data.m_shift.values)
    lines = axis.contour(data.w0, data.omega, sure, levels=[0.1, 0.2, 0.3, 0.4], colors="0.2", linewidths=0.5)
    axis.clabel(lines, fmt=lambda x: f"m - 1 = {x:g}" if x == 0.4 else f"{x:g}", fontsize=6.2)
    axis.set(xlim=(data.w0[0], data.w0[-1]), ylim=(data.omega[0], data.omega[-1]))
    axis.set(xlabel=r"guidance at t = 0, $w_0$", ylabel=r"slope of the guidance, $\omega$")
    if lost.any():
        halo = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
        noted(axis, "lost to\nanother class", (0.03, 0.04), va="bottom", color="black", bbox=halo)


def _kept(axis, title: str, data: xarray.Dataset, style: str) -> None:
    """The curve on which a problem keeps its variance; fainter where it passes a glass with w < 0."""
    w0, omega = data.keeping.values.T
    safe = data.keeping_standing.values < 2
    for keep, alpha in ((safe, 1.0), (~safe, 0.35)):
        for segment in _branches(w0[keep], omega[keep], data):
            axis.plot(*segment, style, color=KEPT, lw=1.8, alpha=alpha, zorder=3)
    axis.plot([], [], style, color=KEPT, lw=1.8, label=title)


def _branches(w0: np.ndarray, omega: np.ndarray, data: xarray.Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    """Roots joined into curves: neighbours in w0 whose omega differs by less than a tenth of the map."""
    step, height = 1.5 * float(data.w0[1] - data.w0[0]), 0.1 * float(data.omega[-1] - data.omega[0])
    curves: list[list[tuple[float, float]]] = []
    for point in sorted(zip(w0.tolist(), omega.tolist(), strict=True)):
        for curve in curves:
            if 0.0 < point[0] - curve[-1][0] <= step and abs(point[1] - curve[-1][1]) < height:
                curve.append(point)
                break
        else:
            curves.append([point])
    return [tuple(np.array(c).T) for c in curves]  # type: ignore[misc]


def _residuals(axis, titles: Sequence[str], points: xarray.Dataset, theory: xarray.Dataset, name: str) -> None:
    """Particles minus theory with standard errors, a line for each point, problem below problem."""
    difference, error = (points[name] - theory[name]).values, points[f"{name}_error"].values
    claimed, row = theory.claimed.values, 0
    ticks, labels = [], []
    for k, title in enumerate(titles):
        here = np.flatnonzero(points.panel.values == k)
        y = row + np.arange(len(here))
        for sure, face in ((True, LEVEL["particles"].colour), (False, "white")):
            at = claimed[here] == sure
            look: Any = {"ms": 3.2, "mfc": face, "capsize": 1.5, "lw": 0.9, **LEVEL["particles"].points}
            axis.errorbar(difference[here][at], y[at], xerr=error[here][at], **look)
        ticks.append(float(y.mean()))
        labels.append(title.replace(", ", ",\n"))
        row += len(here) + 2
    reach = 1.3 * float(np.max(np.abs(difference[claimed]) + error[claimed]))
    axis.axvline(0.0, color=QUIET, lw=0.8, zorder=0)
    axis.set(xlim=(-reach, reach), ylim=(row - 1.5, -1.0))
    axis.set_yticks(ticks, labels)
    beyond = int(np.sum(np.abs(difference) > reach))
    if beyond:
        noted(axis, f"{beyond} beyond", (0.99, 0.01), ha="right", va="bottom")
