"""Maps of the distortion by the negative window, with the curve on which the variance is kept."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from validate.drawing import COLOURS, canvas

ROWS = {  # field -> (name, colour map, neutral value)
    "m_shift": ("mean shift m(0) - 1", "RdBu", 0.0),
    "v_ratio": (r"variance $v(0)/\sigma^2$", "RdBu", 1.0),
    "separation": ("separation F per dimension", "PRGn", 0.0),
}


def draw(panels: Sequence[tuple[str, xarray.Dataset]], points: "xarray.Dataset | None" = None, axes=None):
    """One column for each problem, one row for each of mean shift, variance and separation.

    Parameters
    ----------
    panels : (title, result of `window_map`).
    points : particles, `m_shift`, `v_ratio`, `separation`, `w0`, `omega`, `panel` over point; drawn as discs in the
        colours of the map, so that a disc that cannot be seen agrees.
    axes : array of axes (3, columns); made if None.

    Returns
    -------
    (fig, axes)
    """
    size, shape = (2.75 * len(panels) + 0.8, 7.2), (3, len(panels))
    with canvas(axes, size, shape, sharex=True, sharey=True) as (figure, axes):
        for row, (field, (label, cmap, neutral)) in zip(axes, ROWS.items(), strict=True):
            norm = _norm(field, [data for _, data in panels], neutral)
            for i, (axis, (_, data)) in enumerate(zip(row, panels, strict=True)):
                look = {"norm": norm, "cmap": cmap, "shading": "nearest", "rasterized": True}
                mesh = axis.pcolormesh(data.w0, data.omega, data[field], **look)
                _marks(axis, data)
                if points is not None:
                    _points(axis, points.isel(point=points.panel == i), field, norm, cmap)
                axis.set(xlim=(data.w0[0], data.w0[-1]), ylim=(data.omega[0], data.omega[-1]))
            row[0].set_ylabel(r"slope of the guidance, $\omega$")
            figure.colorbar(mesh, ax=list(row), pad=0.01, extend="both", aspect=18).set_label(label)
        for column, (title, _) in zip(axes.T, panels, strict=True):
            column[0].set_title(title)
            column[-1].set_xlabel(r"guidance at t = 0, $w_0$")
        figure.legend(handles=_handles(points is not None), loc="outside lower center", ncols=5)
    return figure, axes


def _norm(field: str, maps: Sequence[xarray.Dataset], neutral: float) -> Any:
    from matplotlib.colors import TwoSlopeNorm

    if field == "v_ratio":
        return TwoSlopeNorm(1.0, 0.0, 2.0)
    values = np.concatenate([data[field].values.ravel() for data in maps])
    spread = float(np.nanpercentile(np.abs(values - neutral), 97))
    return TwoSlopeNorm(neutral, neutral - spread, neutral + spread)


def _marks(axis, data: xarray.Dataset) -> None:
    """The curve of the kept variance; hatching where the theory is approximate, and where the sample is lost."""
    approximate = (data.standing.values == "approximate").astype(float)
    for region, hatch, colour in ((approximate, "////", "0.35"), (data.lost.values.astype(float), "xxxx", "0.05")):
        if region.any():
            shade = axis.contourf(data.w0, data.omega, region, levels=[0.5, 1.5], colors="none", hatches=[hatch])
            shade.set_edgecolor(colour)
            shade.set_linewidth(0.0)
    w0, omega = data.keeping.values.T
    safe = data.keeping_standing.values < 2
    for keep, style in ((safe, "-"), (~safe, ":")):
        for segment in _branches(w0[keep], omega[keep], data):
            axis.plot(*segment, style, color="black", lw=1.8, zorder=3)


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


def _points(axis, points: xarray.Dataset, field: str, norm, cmap: str) -> None:
    edge: Any = {"edgecolors": "black", "linewidths": 0.7, "zorder": 5}
    axis.scatter(points.w0, points.omega, c=points[field], norm=norm, cmap=cmap, s=34, **edge)


def _handles(particles: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color="black", lw=1.8, label=r"variance kept, $v(0) = \sigma^2$"),
        Line2D([], [], color="black", lw=1.8, ls=":", label="... through a glass with w < 0"),
        Patch(facecolor="none", edgecolor="0.35", hatch="////", label="glass with w < 0: approximate"),
        Patch(facecolor="none", edgecolor="0.05", hatch="xxxx", label="lost to another class"),
    ]
    if particles:
        disc: Any = {"ls": "", "marker": "o", "mfc": "0.85", "mec": COLOURS[6]}
        handles.append(Line2D([], [], label="particles at finite d", **disc))
    return handles
