"""What schedules cost in modes: K_div against the shift, and which of the two transitions comes first."""

from validate.figures.modes_kept.drawing import draw
from validate.figures.modes_kept.prices import SIGMA2, prices
from validate.figures.modes_kept.regions import WEIGHT, regions
from validate.recipe import Data, GalleryFigure, Part, in_order

__all__ = ["FIGURE", "draw", "prices", "regions"]


def _parts(profile: str) -> dict[str, Part]:
    n = {"quick": 12, "standard": 18}.get(profile, 40)
    return {"prices": Part(prices, {"n": 2 * n}), "regions": Part(regions, {"n": n})}


def _caption(data: Data) -> str:
    first, second = (r"$\alpha$ = " + name.replace("rho", r"$\rho$") for name in data["prices"].tree.values)
    return (
        r"(a-c) Modes lost, $K_\mathrm{div}$, against the shift of the mean, $T = \infty$: (a) where the label comes "
        f"first ({first}; SDE full, ODE dashed), (b, c) where the mode does ({second}). Each line is one schedule, "
        r"from weak to strong; grey, the front that none with $w \ge 0$ passes; stars, designed with $-1 \le w \le 5$. "
        "Where the label comes first all schedules lie on the front, and the SDE cannot go on: its line ends at "
        "infinite strength. Where the mode does, guidance that begins with the choice shifts at no loss. "
        r"(d) Which transition comes first, against the rates of labels and of modes, $\rho = 0.5$: areas unguided, "
        f"by (M16); lines, where the order changes under constant $w = {WEIGHT:g}$. "
        rf"$\sigma^2 = {SIGMA2:g}$. Theory at $d = \infty$; no sampling error."
    )


FIGURE = GalleryFigure("modes-kept", "What schedules cost in modes", _parts, in_order(draw), _caption)
