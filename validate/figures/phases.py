"""Phase diagrams: maps of the distortion with the lines at which phases meet, and phases in time."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Exponential, Problem, phase_diagram
from validate.drawing import COLOURS, canvas
from validate.recipe import Data, GalleryFigure, Part

AXIS = {
    "alpha": r"class rate $\alpha = \log P/d$",
    "w": "guidance w",
    "t": "VE time t",
    "sigma2": r"class variance $\sigma^2$",
    "eta": r"stochasticity $\eta$",
    "w0": r"guidance at t = 0, $w_0$",
    "omega": r"slope of the guidance, $\omega$",
}
FIELD = {"v_ratio": r"$v(0)/\sigma^2$", "m_shift": r"$m(0) - 1$"}
LINES = {  # boundary -> (label, colour)
    "speciation": ("speciates /\nnever does", "black"),
    "glass": ("glass passed", COLOURS[1]),
    "capture": ("captured", COLOURS[3]),
    "sliding": ("sliding", COLOURS[2]),
}
EVENTS = {"t_speciation": ("speciation", "black"), "t_condensation": ("condensation", COLOURS[1])}
EVENTS |= {"t_capture": ("capture", COLOURS[3])}
PHASE = {"crowd": "#dfe9f3", "glass": "#f6d9c4", "target": "#d5ecdf", "captured": "#f0d5e6", "sliding": "#fbf3c8",
         "second": "#e3dff3"}  # fmt: skip


def draw(panels: Sequence[tuple[str, str, xarray.Dataset]], axes=None):
    """Draw phase diagrams, one panel each.

    Parameters
    ----------
    panels : (title, field, result of `meanfield.phase_diagram`); field is "v_ratio" or "m_shift", and "phase" for a
        diagram with a t axis.
    axes : one axis for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    shape = np.size(axes) if axes is not None else (rows, columns) if rows > 1 else columns
    with canvas(axes, (3.9 * columns, 3.3 * rows), shape) as (figure, axes):
        for axis, (title, field, data) in zip(axes.flat, panels, strict=False):
            axis.set(title=title, xlabel=AXIS[data.attrs["x"]], ylabel=AXIS[data.attrs["y"]])
            x, y = axes_of(data)
            axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
            (_phases if field == "phase" else _map)(axis, data, field)
    return figure, axes


def axes_of(data: xarray.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Values of the two axes of a phase diagram."""
    return data[data.attrs["x"]].values, data[data.attrs["y"]].values


def _map(axis, data: xarray.Dataset, field: str) -> None:
    """Colours for the distortion, curves for the boundaries and the closed-form lines."""
    from matplotlib.colors import TwoSlopeNorm

    values, neutral = data[field].values, 1.0 if field == "v_ratio" else 0.0
    spread = max(np.nanpercentile(np.abs(values - neutral), 99), 1e-3)
    norm = TwoSlopeNorm(neutral, neutral - spread, neutral + spread)
    if field == "v_ratio":
        norm = TwoSlopeNorm(1.0, 0.0, max(1.0 + spread, 1.5))
    mesh = axis.pcolormesh(*axes_of(data), values, norm=norm, cmap="RdBu", shading="nearest", rasterized=True)
    lost_only = field == "v_ratio" and np.nanmax(values) < 1.01
    extend = "neither" if lost_only else "max" if field == "v_ratio" else "both"
    bar = axis.figure.colorbar(mesh, ax=axis, pad=0.02, extend=extend, label=FIELD[field])
    if lost_only:
        bar.ax.set_ylim(0.0, 1.0)
    for place, (name, (label, colour)) in zip((0.93, 0.5, 0.1, 0.3), LINES.items(), strict=True):
        line = data[f"line_{name}"].values
        if len(line):
            _boundary(axis, line, label, colour, place)
    for label, x in _verticals(data):
        axis.axvline(x, color="0.25", lw=0.9, ls=":")
        turned = {"xycoords": ("data", "axes fraction"), "rotation": 90, "ha": "right", "va": "top"}
        axis.annotate(label, (x, 0.985), fontsize=6.5, **turned)


def _verticals(data: xarray.Dataset) -> list[tuple[str, float]]:
    """Closed-form lines of a map whose x is alpha: capacity (sigma2 fixed), and the limit w -> infinity of (T13)."""
    if data.attrs["x"] != "alpha" or data.attrs["y"] not in ("w", "w0", "omega", "eta"):
        return []
    sigma2 = json.loads(data.attrs["problem"])["sigma2"]
    lines = [("capacity, w = 0", 0.5 * np.log1p(1.0 / sigma2))]
    alphas, others = axes_of(data)
    if data.attrs["y"] == "w" and others[-1] > 2.0:
        lines.append((r"strong guidance (T13): $\alpha = 1/2$", 0.5))
    return [(label, x) for label, x in lines if alphas[0] < x < alphas[-1]]


def _boundary(axis, line: np.ndarray, label: str, colour: str, place: float) -> None:
    """One boundary, named at the given quantile of its x."""
    axis.plot(*line.T, color=colour, lw=1.3)
    there = line[np.isfinite(line[:, 0])]
    i = np.argmin(np.abs(there[:, 0] - np.quantile(there[:, 0], place)))
    _name(axis, label, there[i], colour)


def _name(axis, label: str, where, colour: str) -> None:
    from matplotlib.patheffects import withStroke

    left, right = axis.get_xlim()
    late = (where[0] - left) / (right - left) > 0.6
    place: Any = {"xytext": (-4 if late else 4, 4), "ha": "right" if late else "left"}
    text = axis.annotate(label, where, textcoords="offset points", fontsize=7, color=colour, **place)
    text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])


def _phases(axis, data: xarray.Dataset, _field: str) -> None:
    """Phase in colour against t, with the curves of its changes."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    names, phase = list(PHASE), data["phase"].values
    number = np.select([phase == name for name in names], range(len(names)), np.nan)
    scale = {"cmap": ListedColormap(list(PHASE.values())), "vmin": -0.5, "vmax": len(names) - 0.5}
    x, y = axes_of(data)
    axis.pcolormesh(x, y, number, shading="nearest", rasterized=True, **scale)
    by_x = data.attrs["y"] == "t"
    other, times = (x, y) if by_x else (y, x)
    for place, (name, (label, colour)) in zip((0.2, 0.5, 0.8), EVENTS.items(), strict=True):
        t = data[name].values
        if not np.isfinite(t).any():
            continue
        xy = (other, t) if by_x else (t, other)
        axis.plot(*xy, color=colour, lw=1.4)
        seen = np.flatnonzero(np.isfinite(t) & (t < times[-1]) & (t > times[0]))
        if len(seen):
            i = seen[int(place * len(seen))]
            _name(axis, label, (xy[0][i], xy[1][i]), colour)
    used = [name for name in names if np.any(phase == name)]
    axis.legend(handles=[Patch(color=PHASE[n], label=n) for n in used], loc="upper right", frameon=True, framealpha=0.9)
    (axis.set_yscale if by_x else axis.set_xscale)("log")


BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0)


def _parts(profile: str) -> dict[str, Part]:
    n = {"quick": 81, "standard": 201}.get(profile, 401)
    alpha = ("alpha", np.linspace(0.05, 1.2, n))
    positive, negative = ("w", np.linspace(10.0 / n, 10.0, n)), ("w", np.linspace(-1.0, 1.0, n))
    in_time = ("t", np.geomspace(0.01, 100.0, n))
    parts = {}
    for sampler in ("sde", "ode"):
        base = BASE.replace(sampler=sampler)
        parts[f"{sampler}-variance"] = Part(phase_diagram, {"problem": base, "x": alpha, "y": positive})
        parts[f"{sampler}-shift"] = Part(phase_diagram, {"problem": base, "x": alpha, "y": negative})
        guided = base.replace(guidance=6.0)
        parts[f"{sampler}-time"] = Part(phase_diagram, {"problem": guided, "x": alpha, "y": in_time})
    return parts


def _draw(data: Data):
    rows = (("variance", "v_ratio", "w > 0"), ("shift", "m_shift", "weak w"), ("time", "phase", "phases at w = 6"))
    panels = [
        (f"{sampler.upper()}, {title}", field, data[f"{sampler}-{name}"])
        for name, field, title in rows
        for sampler in ("sde", "ode")
    ]
    return draw(panels)


def _caption(data: Data) -> str:
    n = data["sde-variance"].sizes["alpha"]
    return (
        rf"Phase diagrams, $\sigma^2 = 0.25$, $T = \infty$, {n} x {n} mean-field trajectories a panel; boundaries "
        "bisected to 1e-8 of a cell. Top: variance ratio at $t = 0$. Middle: mean shift for weak and negative "
        r"guidance. Bottom: the phase at every time. Theory at $d = \infty$; below $w = 0$ in the glass it is "
        "asymptotic (capture)."
    )


FIGURE = GalleryFigure("phases", "Phase diagrams", _parts, _draw, _caption)
