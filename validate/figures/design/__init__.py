"""The designed schedule in time, and the Pareto front of the families of schedules."""

from collections.abc import Sequence

import numpy as np
import xarray

from meanfield import Continuum, Exponential, Problem, design
from validate.drawing import in_column, lettered, made, styled
from validate.figures.design.fronts import draw_fronts, pareto
from validate.figures.design.portrait import draw_portrait, portrait
from validate.recipe import Data, GalleryFigure, Part

__all__ = ["FIGURE", "draw", "draw_fronts", "draw_portrait", "pareto", "portrait"]


def draw(data: xarray.Dataset, panels: Sequence[tuple[str, xarray.Dataset]]):
    """A design in time, and below it the Pareto fronts of two problems (see `draw_fronts`).

    Returns
    -------
    (fig, axes) : axes of both rows.
    """
    with styled():
        shapes = ((3, 1), (len(panels), 1)) if in_column() else ((1, 3), (1, len(panels)))
        figure = made(5.6, lower=9.6)
        above, below = figure.subfigures(2, 1, height_ratios=(1.5, 1.6) if in_column() else (1.0, 1.15))
        _, first = draw_portrait(data, above.subplots(*shapes[0]))
        _, second = draw_fronts(panels, below.subplots(*shapes[1]))
        axes = [*np.ravel(first), *np.ravel(second)]
        lettered(axes, *(axis.get_title("left")[4:] for axis in axes))
        return figure, axes


BASE = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler="ode")


def designed_in_time(problem: Problem, w_min: float, w_max: float):
    """`portrait` of the design of a problem."""
    return portrait(design(problem, w_min=w_min, w_max=w_max, progress=False))


def _cases() -> dict[str, Problem]:
    return {"continuum": BASE.replace(t_start=1000.0), "alpha": BASE.replace(t_start=1000.0, classes=Exponential(0.6))}


def _parts(profile: str) -> dict[str, Part]:
    n = {"quick": 400, "standard": 1500}.get(profile, 3000)
    cases = _cases()
    parts = {f"front-{name}": Part(pareto, {"problem": p, "n": n}) for name, p in cases.items()}
    in_time = {"problem": cases["alpha"], "w_min": -1.0, "w_max": 5.0}
    return parts | {"time": Part(designed_in_time, in_time)}


def _draw(data: Data):
    panels = [("ODE, continuum", data["front-continuum"]), (r"ODE, $\alpha$ = 0.6", data["front-alpha"])]
    return draw(data["time"], panels)


def _caption(data: Data) -> str:
    return (
        r"Above: the designed schedule at $\alpha = 0.6$ in time (blue), beside constant guidance of the same mean and "
        r"at $w_\mathrm{max}$; ODE, $\sigma^2 = 0.25$, $T = 1000$, $-1 \le w \le 5$. Below: the largest mean shift at "
        "every share of kept "
        f"variance, by family of schedules ({data['front-alpha'].sizes['member']} random members each); star: "
        r"the design. Theory at $d = \infty$, no sampling error; particles confirm the designs in the figure of "
        "schedules and in docs/design-schedules.md."
    )


FIGURE = GalleryFigure("design", "The designed schedule and the Pareto front", _parts, _draw, _caption)
