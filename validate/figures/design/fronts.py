"""Which schedule to use: for each family, the largest mean shift at every share of the variance that is kept.

Every family is sampled over its parameters (a low-discrepancy sequence, nothing random) within the same bounds on w,
and its non-dominated members are the front. kept = min(v, sigma2)/max(v, sigma2) at t = 0, so a variance that has grown
does not count as kept. Schedules that pass a glass with w < 0, where the theory is approximate, are left out.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import (
    Constant,
    ExponentialRamp,
    Interval,
    Piecewise,
    Problem,
    ProblemError,
    Ramp,
    Schedule,
    Triangular,
    design,
)
from meanfield.maps.bulk import Responses, table_of
from validate.drawing import SCHEDULE, canvas, lettered, named_lines, noted
from validate.results.tables import Show, tabulate

LATEST, EARLIEST = 0.01, 300.0  # VE times between which schedules change


Maker = Callable[[np.ndarray, float, float], Schedule]  # (unit cube point, w_min, w_max) -> schedule


def _times(*u: float) -> list[float]:
    """Ascending times, log-uniform, kept apart."""
    t = np.sort(LATEST * (EARLIEST / LATEST) ** np.array(u))
    return (t * (1.0 + 1e-3 * np.arange(len(t)))).tolist()


def _interval(u, low, high):
    a, b = _times(u[0], u[1])
    return Interval(high * u[2], a, b)


def _rising(u, low, high):
    a, b = _times(u[0], u[1])
    return Ramp(0.0, high * u[2], a, b, shape="cosine" if u[3] > 0.5 else "linear", over="log t")


def _falling(u, low, high):
    a, b = _times(u[0], u[1])
    return Ramp(high * u[2], 0.0, a, b, shape="cosine" if u[3] > 0.5 else "linear", over="log t")


def _triangular(u, low, high):
    a, b, c = _times(u[0], u[1], u[2])
    return Triangular(0.0, high * u[3], a, b, c, over="log t")


def _exponential(u, low, high):
    a, b = _times(u[0], u[1])
    rate = 6.0 * (u[3] - 0.5)
    return ExponentialRamp(high * u[2] * math.exp(min(rate, 0.0)), rate, a, b, over="log t")


def _window(u, low, high):
    a, b = _times(u[0], u[1])
    return Ramp(high * u[2], low * u[3], a, b, over="t")


def _pieces(u, low, high):
    a, b = _times(u[0], u[1])
    late = 0.0 if u[4] < 0.5 else low * u[3]
    return Piecewise([a, b], [late, low * u[3] if u[4] < 0.8 else low, high * (u[2] if u[4] < 0.8 else 1.0)])


FAMILIES: dict[str, Maker] = {
    "constant": lambda u, low, high: Constant(high * u[0]),
    "interval": _interval,
    "rising ramp": _rising,
    "falling ramp": _falling,
    "triangular": _triangular,
    "exponential": _exponential,
    "negative window (linear)": _window,
    "negative window (pieces)": _pieces,
}


def pareto(
    problem: Problem,
    *,
    w_min: float = -1.0,
    w_max: float = 5.0,
    n: int = 1500,
    families: Sequence[str] = tuple(FAMILIES),
    progress: Show = None,
) -> xarray.Dataset:
    """Fronts of (variance kept, mean shift) by family of schedules.

    Parameters
    ----------
    problem : what is sampled; its guidance is ignored; finite t_start.
    w_min, w_max : bounds on w for all families; only the negative windows use w_min.
    n : members of each family.
    families : names from `FAMILIES`.

    Returns
    -------
    xarray.Dataset : `kept` and `mean_shift` over (family, member), nan where left out; `on_front` marks the front.
        Attributes: problem, bounds, and `design`: (v/sigma2, m(0) - 1) of `meanfield.design`, null if there is none.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> p = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, t_start=100.0)
    >>> data = pareto(p, n=50, families=["constant", "interval"])
    >>> bool(data.kept.max() < 1.0)        # (T17)
    True
    """
    respond = Responses(problem.replace(guidance=0.0), strongest=max(abs(w_min), w_max))

    def member(name, u):
        values = respond(table_of(FAMILIES[name](u, w_min, w_max), respond.start))
        ratio = float(values.ratio[0])
        if values.standing[0] >= 2:
            return {"kept": math.nan, "mean_shift": math.nan}
        return {"kept": min(ratio, 1.0 / ratio), "mean_shift": values.shift[0]}

    grid: dict[str, Any] = {"family": families, "member": _sequence(n)}
    columns = tabulate(grid, member, title="Pareto fronts", progress=progress)
    on_front = np.array([front(k, s) for k, s in zip(columns["kept"][1], columns["mean_shift"][1], strict=True)])
    try:
        outcome = design(problem, w_min=w_min, w_max=w_max, progress=progress).outcome
        designed: Any = [outcome.v_ratio, outcome.m - 1.0]
    except ProblemError:
        designed = None
    return xarray.Dataset(
        {**columns, "on_front": (("family", "member"), on_front)},
        coords={"family": list(families)},
        attrs={
            "problem": json.dumps(problem.to_dict()), "w_min": w_min, "w_max": w_max, "design": json.dumps(designed),
        },
    )  # fmt: skip


def front(kept: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Which points no other point beats in both: shape of the input, False at nan.

    Examples
    --------
    >>> front(np.array([0.2, 0.5, 0.5, np.nan]), np.array([0.3, 0.2, 0.1, 1.0]))
    array([ True,  True, False, False])
    """
    order = np.lexsort((-shift, -kept))  # most kept first; nan last
    best, chosen = -math.inf, np.zeros(len(kept), dtype=bool)
    for i in order:
        if np.isfinite(kept[i]) and shift[i] > best:
            best, chosen[i] = float(shift[i]), True
    return chosen


def _sequence(n: int, dimensions: int = 5) -> np.ndarray:
    """Additive recurrence on the unit cube (n, dimensions): even coverage without random numbers."""
    root = 2.0
    for _ in range(60):  # the positive root of x^(dimensions + 1) = x + 1
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    return np.mod(0.5 + np.arange(1, n + 1)[:, None] * steps, 1.0)


LOOKS = {name: SCHEDULE.get(name, SCHEDULE["negative window"]) for name in FAMILIES}
LOOKS["negative window (pieces)"] = SCHEDULE["designed"]  # of the form that `design` searches


def draw_fronts(panels: Sequence[tuple[str, xarray.Dataset]], axes=None):
    """One panel for each problem; a star is the design.

    Parameters
    ----------
    panels : (title, result of `pareto`).
    axes : one axis for each panel; made if None.

    Returns
    -------
    (fig, axes)
    """
    lines: list[dict[str, Any]] = []
    with canvas(axes, (7.0, 3.2), len(panels)) as (figure, axes):
        for axis, (_, data) in zip(axes, panels, strict=True):
            lines.append({str(family): _front(axis, data.sel(family=family)) for family in data.family.values})
            designed = json.loads(data.attrs["design"])
            if designed is not None:
                look = SCHEDULE["designed"]
                axis.plot(*designed, **look.points, ms=11, mec="white", mew=0.6, zorder=5)
                noted(axis, "design", designed, xycoords="data", xytext=(7, 2), textcoords="offset points",
                      color=look.colour)  # fmt: skip
            axis.set(xlabel=r"variance kept, $v(0)/\sigma^2$ or its inverse", ylabel="mean shift m(0) - 1")
            least = float(np.nanmin(np.where(data.on_front, data.kept, np.nan)))
            axis.set_xlim(1.0 + 0.03 * (1.0 - least), least - 0.02 * (1.0 - least))  # fronts part to the right
            axis.set_ylim(0.0, None)
        lettered(axes, *(title for title, _ in panels))
        for axis, named in zip(axes, lines, strict=True):
            named_lines(axis, named)
    return figure, axes


def _front(axis: Any, row: xarray.Dataset) -> Any:
    """The front of one family as steps."""
    on = row.on_front.values
    order = np.argsort(row.kept.values[on])
    look = LOOKS[str(row.family.values)]
    return axis.step(row.kept.values[on][order], row.mean_shift.values[on][order], where="pre", **look.curve)[0]
