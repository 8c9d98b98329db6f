"""The effective potential as t falls: exponentially many classes, and ever fewer."""

from collections.abc import Sequence

import numpy as np
import xarray

from meanfield import Exponential, Polynomial, Problem, potential
from validate.drawing import canvas
from validate.recipe import Data, GalleryFigure, Part


def draw(panels: Sequence[tuple[str, xarray.Dataset]], axes=None):
    """V(m; t) - V at its minimum, a curve for each t, vertically shifted; latest time at the bottom.

    Parameters
    ----------
    panels : (title, result of `meanfield.potential` at several t on its slice) for each panel.
    axes : one axis for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    import matplotlib
    from matplotlib.lines import Line2D

    with canvas(axes, (2.45 * len(panels) + 0.4, 3.5), len(panels)) as (figure, axes):
        colours = matplotlib.colormaps["viridis"]
        for axis, (title, data) in zip(axes, panels, strict=True):
            order = np.argsort(data["t"].values)  # latest at the bottom
            for level, i in enumerate(order):
                _curve(axis, data.isel(t=int(i)), 1.25 * level, colours(0.85 * level / max(len(order) - 1, 1)))
            axis.set(title=title, xlabel="overlap m", yticks=[], ylim=(-0.25, 1.25 * len(order) + 0.35))
            axis.spines["left"].set_visible(False)
        axes[0].set_ylabel("V(m; t), shifted, each scaled to its range")
        handles = [
            Line2D([], [], color="0.3", lw=1.0, ls="--", label="the rest has the weight"),
            Line2D([], [], color="0.3", lw=2.2, label="the target has the weight"),
            Line2D([], [], color="0.3", marker="|", ls="", ms=9, label="kink, F = 0"),
            Line2D([], [], color="0.3", marker="v", mfc="none", ls="", label="minimum"),
            Line2D([], [], color="black", marker="o", ls="", label="the sample, m(t)"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=5, handlelength=1.6)
    return figure, axes


def _curve(axis, data: xarray.Dataset, shift: float, colour) -> None:
    """One time: the curve scaled to height 1, its two sides, kinks, minima, and the trajectory."""
    m, V, F = (data[name].values for name in ("m", "V", "F"))
    low, span = V.min(), np.ptp(V)

    def height(x):
        return shift + (np.interp(x, m, V) - low) / span

    axis.plot(m, height(m), color=colour, lw=1.0, ls="--")
    axis.plot(np.where(F > 0, m, np.nan), height(m), color=colour, lw=2.2)
    for name in ("kink_low", "kink_high"):
        axis.plot(data[name], height(float(data[name])), "|", ms=9, color=colour)
    for name in ("m_crowd", "m_kink", "m_target"):
        axis.plot(data[name], height(float(data[name])), "v", mfc="none", color=colour)
    axis.plot(data["m_now"], height(float(data["m_now"])), "o", color="black", ms=3.5, zorder=5)
    axis.annotate(f"t = {float(data['t']):.3g}", (m[0], shift + 1.0), fontsize=7, color=colour, ha="left", va="bottom")


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
        "exponential": r"$\alpha = 0.4$, w = 2",
        "d100": r"$P = d^2$, d = 100, w = 2",
        "d10000": r"$P = d^2$, d = $10^4$, w = 2",
        "negative": r"$\alpha = 0.4$, w = -0.5",
    }
    return draw([(title, data[name]) for name, title in titles.items()])


def _caption(data: Data) -> str:
    return (
        r"Effective potential $V(m; t)$ of the guided SDE as $t$ falls (top to bottom), $\sigma^2 = 0.25$, "
        r"$T = \infty$; the disc is the mean-field sample. Speciation is the moment at which the kink $F = 0$ reaches "
        "it. With $P = d^2$ the same picture comes at times that grow with $d$: guidance is switched off before it can "
        r"act on the scale of the class. Theory, exact at $d = \infty$; no sampling error."
    )


FIGURE = GalleryFigure(
    "potential",
    "The effective potential through the transition",
    _parts,
    _draw,
    _caption,
)
