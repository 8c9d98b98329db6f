"""Phase diagrams: maps of the distortion with the lines at which phases meet, and phases in time."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Exponential, Problem, phase_diagram
from validate.drawing import PHASE, canvas, lettered, noted
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
LINES = ("speciation", "glass", "capture", "sliding")  # boundaries; what they part is written into it
EVENTS = ("t_speciation", "t_condensation", "t_capture")
LEAST = 0.012  # share of a map that is named


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
    with canvas(axes, (3.5 * columns, 2.9 * rows), shape) as (figure, axes):
        for axis, (_, field, data) in zip(axes.flat, panels, strict=False):
            axis.set(xlabel=AXIS[data.attrs["x"]], ylabel=AXIS[data.attrs["y"]])
            x, y = axes_of(data)
            axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
            (_phases if field == "phase" else _map)(axis, data, field)
        lettered(axes.flat, *(title for title, _, _ in panels))
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
    for name in LINES:
        line = data[f"line_{name}"].values
        if len(line):
            axis.plot(*line.T, color="black", lw=1.2, path_effects=_halo())
    for label, x in _verticals(data):
        axis.axvline(x, color="0.25", lw=0.9, ls=":")
        turned = {"xycoords": ("data", "axes fraction"), "rotation": 90, "ha": "right", "va": "top"}
        noted(axis, label, (x, 0.985), color="0.15", path_effects=_halo(), **turned)
    _name_regions(axis, data, _ends(data), [x for _, x in _verticals(data)])


def _verticals(data: xarray.Dataset) -> list[tuple[str, float]]:
    """Closed-form lines of a map whose x is alpha: capacity (sigma2 fixed), and the limit w -> infinity of (T13)."""
    if data.attrs["x"] != "alpha" or data.attrs["y"] not in ("w", "w0", "omega", "eta"):
        return []
    sigma2 = json.loads(data.attrs["problem"])["sigma2"]
    lines = [("capacity", 0.5 * np.log1p(1.0 / sigma2))]
    alphas, others = axes_of(data)
    if data.attrs["y"] == "w" and others[-1] > 2.0:
        lines.append(("(T13)", 0.5))
    return [(label, x) for label, x in lines if alphas[0] < x < alphas[-1]]


def _ends(data: xarray.Dataset) -> np.ndarray:
    """How a sample ends at every point of a map, in words."""
    phase = data["phase"].values
    words = {"target": "speciates", "captured": "captured", "crowd": "never\nspeciates", "glass": "glass"}
    named = np.select([phase == name for name in words], list(words.values()), phase)
    for passed in ("glass", "captured"):
        on_the_way = (phase == "target") & data[f"passed_{passed}"].values
        named = np.where(on_the_way, "through\n" + passed.replace("captured", "capture"), named)
    return named


def _name_regions(axis, data: xarray.Dataset, words: np.ndarray, taken: Sequence[float] = ()) -> None:
    """Each region's word, where it is farthest from the region's edge and from the words along lines at x = `taken`."""
    from scipy.ndimage import distance_transform_edt, label

    x, y = axes_of(data)
    aside = np.all([(x < at - 0.07 * np.ptp(x)) | (x > at + 0.01 * np.ptp(x)) for at in taken], axis=0)
    free = aside | (np.arange(len(y)) < 0.68 * len(y))[:, None]
    for word in np.unique(words):
        parts, n = label(words == word)
        for k in range(1, n + 1):
            inside = np.pad(parts == k, 1)
            if inside.sum() < LEAST * words.size:
                continue
            inside[1:-1, 1:-1] &= free
            depth = distance_transform_edt(inside, sampling=(1.0, 0.3))  # words are wider than high
            deep = np.argwhere(depth > 0.9 * depth.max())
            i, j = deep[np.argmin(np.sum((deep - deep.mean(axis=0)) ** 2, axis=1))] - 1
            late, low = j > 0.84 * len(x), i < 0.1 * len(y)
            noted(axis, str(word), (x[-2] if late else x[j], y[1] if low else y[i]), xycoords="data",
                  va="bottom" if low else "center", ha="right" if late else "center", color="black", linespacing=0.9,
                  path_effects=_halo())  # fmt: skip


def _halo() -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.4, foreground="white")]


def _phases(axis, data: xarray.Dataset, _field: str) -> None:
    """Phase in colour against t, with the curves of its changes."""
    from matplotlib.colors import ListedColormap

    names, phase = list(PHASE), data["phase"].values
    number = np.select([phase == name for name in names], range(len(names)), np.nan)
    scale = {"cmap": ListedColormap(list(PHASE.values())), "vmin": -0.5, "vmax": len(names) - 0.5}
    x, y = axes_of(data)
    axis.pcolormesh(x, y, number, shading="nearest", rasterized=True, **scale)
    by_x = data.attrs["y"] == "t"
    (axis.set_yscale if by_x else axis.set_xscale)("log")
    for name in EVENTS:
        t = data[name].values
        if np.isfinite(t).any():
            axis.plot(*((x, t) if by_x else (t, y)), color="black", lw=1.2)
    _name_regions(axis, data, phase)


BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0)


def _parts(profile: str) -> dict[str, Part]:
    n = {"quick": 81, "standard": 201}.get(profile, 401)
    alpha = ("alpha", np.linspace(0.05, 1.2, n))
    positive, negative = ("w", np.linspace(10.0 / n, 10.0, n)), ("w", np.linspace(-1.0, 1.0, n))
    parts = {}
    for sampler in ("sde", "ode"):
        base = BASE.replace(sampler=sampler)
        parts[f"{sampler}-variance"] = Part(phase_diagram, {"problem": base, "x": alpha, "y": positive})
        parts[f"{sampler}-shift"] = Part(phase_diagram, {"problem": base, "x": alpha, "y": negative})
    return parts


def _draw(data: Data):
    rows = (("variance", "v_ratio", "w > 0"), ("shift", "m_shift", "weak w"))
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
        r"bisected to 1e-8 of a cell. Dotted: capacity at $w = 0$, $\alpha = 1/2$ of (T13). Above: variance ratio at "
        r"$t = 0$. Below: mean shift for weak and negative guidance. Words: how a sample ends. Theory at $d = \infty$; "
        "below $w = 0$ in the glass it is asymptotic (capture)."
    )


FIGURE = GalleryFigure("phases", "Phase diagrams", _parts, _draw, _caption)
