"""The effective potential as t falls: exponentially many classes, and ever fewer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Exponential, Polynomial, Problem, potential
from validate.drawing import PHASE, canvas, in_column, lettered, noted
from validate.recipe import Data, GalleryFigure, Part


def draw(panels: Sequence[tuple[str, xarray.Dataset]], axes=None):
    """V(m; t) - V at its minimum, a strip for each t, latest at the bottom; colour says which side of F = 0 it is.

    Parameters
    ----------
    panels : (title, result of `meanfield.potential` at several t on its slice) for each panel.
    axes : one axis for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.6), len(panels), across=2, sharey=True) as (figure, axes):
        for axis, (_, data) in zip(axes, panels, strict=True):
            order = np.argsort(data["t"].values)  # latest at the bottom
            for level, i in enumerate(order):
                _strip(axis, data.isel(t=int(i)), STEP * level)
            _way(axis, data.isel(t=order))
            axis.set(xlabel="overlap m", yticks=[], ylim=(-0.2, STEP * len(order) + 0.05))
            axis.set_xlim(float(data["m"][0]), float(data["m"][-1]))
            axis.spines["left"].set_visible(False)
        axes[0].set_ylabel("V(m; t), in units of its range")
        lettered(axes, *(title for title, _ in panels))
        figure.legend(handles=_handles(), loc="outside lower center", ncols=2 if in_column() else 4, handlelength=1.4)
    return figure, axes


STEP = 1.5  # from one strip to the next, in heights of a curve


def _strip(axis, data: xarray.Dataset, shift: float) -> None:
    """One time: which side has the weight, the curve scaled to height 1, its minima."""
    m, F = data["m"].values, data["F"].values
    edges = [shift - 0.12, shift + STEP - 0.18]
    for side, where in (("target", F > 0), ("crowd", F <= 0)):
        axis.fill_between(m, *edges, where=where, color=PHASE[side], lw=0, zorder=0, step="mid")
    axis.plot(m, _height(data, m) + shift, color="0.25", lw=1.1)
    for name in ("m_crowd", "m_kink", "m_target"):
        axis.plot(data[name], _height(data, float(data[name])) + shift, "v", mfc="white", color="0.25", ms=4.5)
    t = float(data["t"])
    noted(axis, f"t = {t:,.0f}" if t >= 100.0 else f"t = {t:.3g}", (float(m[0]), edges[1]), xycoords="data",
          xytext=(3, -1.5), textcoords="offset points", va="top")  # fmt: skip


def _height(data: xarray.Dataset, m):
    """V at m of one time, from 0 to 1 over the slice."""
    V = data["V"].values
    return (np.interp(m, data["m"].values, V) - V.min()) / np.ptp(V)


def _way(axis, data: xarray.Dataset) -> None:
    """Where the sample is, from time to time."""
    now = data["m_now"].values
    height = [STEP * k + float(_height(data.isel(t=k), m)) for k, m in enumerate(now)]
    axis.plot(now, height, "o-", color="black", lw=0.6, ms=4, zorder=5)


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(color=PHASE["crowd"], label="the rest has the weight, F < 0"),
        Patch(color=PHASE["target"], label="the target has it, F > 0"),
        Line2D([], [], color="0.25", marker="v", mfc="white", ls="", label="minimum"),
        Line2D([], [], color="black", marker="o", lw=0.6, label="mean field, m(t)"),
    ]


BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0)


def _parts(profile: str) -> dict[str, Part]:
    m = {"m": np.linspace(-1.2, 4.2, {"quick": 361}.get(profile, 721))}
    strong, weak = BASE.replace(guidance=2.0), BASE.replace(guidance=-0.5)
    square = strong.replace(classes=Polynomial(2.0))
    return {
        "exponential": Part(potential, {"problem": strong, "t": [30.0, 10.0, 3.43, 1.0, 0.2], **m}),
        "d100": Part(potential, {"problem": square, "t": [300.0, 80.0, 27.0, 8.0, 1.0], "d": 100, **m}),
        "d10000": Part(potential, {"problem": square, "t": [15000.0, 4000.0, 1358.0, 400.0, 50.0], "d": 10_000, **m}),
        "negative": Part(potential, {"problem": weak, "t": [10.0, 3.0, 1.0, 0.3, 0.1], **m}),
    }


def _draw(data: Data):
    titles = {
        "exponential": "α = 0.4, w = 2",
        "d100": "P = d², d = 100",
        "d10000": "P = d², d = 10⁴",
        "negative": "α = 0.4, w = -0.5",
    }
    return draw([(title, data[name]) for name, title in titles.items()])


def _caption(data: Data) -> str:
    return (
        r"Effective potential $V(m; t)$ of the guided SDE as $t$ falls (top to bottom), $w = 2$ but in (d), "
        r"$\sigma^2 = 0.25$, "
        r"$T = \infty$; the disc is the mean-field sample. Speciation is the moment at which the side of the target "
        "($F > 0$) reaches it. With $P = d^2$ the same picture comes at times that grow with $d$: guidance is switched "
        "off before it can act on the scale of the class. Theory, exact at $d = \\infty$; no sampling error."
    )


FIGURE = GalleryFigure(
    "potential",
    "The effective potential through the transition",
    _parts,
    _draw,
    _caption,
)
