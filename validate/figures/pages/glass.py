"""The glass as d grows: the quenched theory at d = 24 ... 384 against the mean field at d = infinity.

Two questions that the mean field leaves open (sec. 3 of docs/theory.md). For w >= 0: is the projected force enough, or
does the force of the few dominating classes across x survive? For w < 0: does a wrong class capture the sample where
(T7c) says, and how does a finite system get there?
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Exponential, Piecewise, Problem, quenched, solve
from validate.drawing import LEVEL, QUIET, canvas, legend_below, lettered
from validate.figures.curves import in_units, limit_in_units, stated
from validate.results.tables import Show, tabulate

_BASE = Problem(classes=Exponential(0.3), sigma2=0.25, sampler="ode")
_LATE = _BASE.replace(classes=Exponential(0.6), sampler="sde", t_start=1000.0)
CASES: dict[str, Problem] = {
    "ODE, alpha = 0.7, w = 5": _BASE.replace(classes=Exponential(0.7), guidance=5.0),
    "ODE, alpha = 0.3, w = -0.5": _BASE.replace(guidance=-0.5),
    "SDE, alpha = 0.4, w = -0.75": _BASE.replace(classes=Exponential(0.4), sampler="sde", guidance=-0.75),
    "SDE, alpha = 0.4, w = -0.5": _BASE.replace(classes=Exponential(0.4), sampler="sde", guidance=-0.5),
    "SDE, alpha = 0.6, w = 5, then -0.5 below t = 3": _LATE.replace(guidance=Piecewise([3.0], [-0.5, 5.0])),
}
SIZES = (24, 48, 96, 192, 384)
DEFAULTS: dict[str, Any] = {"n_samples": 400, "n_draws": 40, "tolerance": 0.1, "seed": 0}  # of `meanfield.quenched`


def glass_limit(
    cases: dict[str, Problem] | None = None,
    sizes: Sequence[int] = SIZES,
    *,
    progress: Show = None,
    **options: Any,
) -> xarray.Dataset:
    """Quenched theory over sizes, and the mean field with and without the capture rule.

    Time steps grow with d (2 d, at least 200): the few classes that dominate a glass change at a rate of order d.

    Parameters
    ----------
    cases : name -> problem; by default `CASES`.
    sizes : dimensions, >= 4.
    options : of `meanfield.quenched`, by default `DEFAULTS`.

    Returns
    -------
    xarray.Dataset : `m`, `v` (in units of sigma2), `accuracy` and their `_stderr` over (case, d); `theory_m`,
        `theory_v`, and `plain_m`, `plain_v` (without capture) over case; `problem` in JSON.

    Examples
    --------
    >>> data = glass_limit(sizes=(8, 12), n_samples=8, n_draws=4, progress=False)
    >>> data["v"].dims
    ('case', 'd')
    """
    cases = CASES if cases is None else cases
    options = {**DEFAULTS, **options}

    def limits(problem):
        theory = limit_in_units(solve(problem), "theory") | limit_in_units(solve(problem, capture=False), "plain")
        return theory | {"problem": json.dumps(problem.to_dict())}

    def at_size(case, size):
        (i, problem), (j, d) = case, size
        own = {**options, "seed": options["seed"] + 1000 * i + j, "n_steps": max(200, 2 * d), "n_times": 2}
        data = quenched(problem, d, progress=False, **own)
        accuracy = data.final.accuracy
        return in_units(data) | {"accuracy": accuracy.mean, "accuracy_stderr": accuracy.stderr}

    grid: dict[str, Any] = {"case": [*enumerate(cases.values())], "d": [*enumerate(sizes)]}
    title = "the glass as d grows"
    return xarray.Dataset(
        {
            **tabulate({"case": cases.values()}, limits),
            **tabulate(grid, at_size, title=title, progress=progress, cost=lambda case, size: size[1]),
        },
        coords={"case": list(cases), "d": list(sizes)},
        attrs=stated(options, DEFAULTS),
    )


def draw(data: xarray.Dataset, axes=None):
    """v(0)/sigma2 of the quenched theory against 1/d, with the mean field at d = infinity.

    Parameters
    ----------
    data : as from `glass_limit`.
    axes : one axis for each case; made if None.

    Returns
    -------
    (fig, axes)
    """
    cases = [str(c) for c in data["case"].values]
    rows = math.ceil(len(cases) / 3)
    with canvas(axes, (7.0, 2.35 * rows), (rows, 3) if axes is None else np.size(axes)) as (figure, axes):
        for axis, case in zip(np.ravel(axes), cases, strict=False):
            part, inverse = data.sel(case=case), 1.0 / data["d"].values
            _levels(axis, inverse, part)
            axis.set_xlim(0, 1.08 * inverse.max())
            axis.set_xticks([0, *inverse[:2]], ["0", *[f"1/{d}" for d in data["d"].values[:2]]])
            low, high = axis.get_ylim()
            axis.set_ylim(min(low, 0.0) if low < 0.05 else low, high + 0.12 * (high - low))
        lettered(list(np.ravel(axes)), *(case.replace(", w", ",\nw", 1) for case in cases))
        used, spare = np.ravel(axes)[: len(cases)], np.ravel(axes)[len(cases) :]
        for axis in used:
            axis.set(xlabel="1/d", ylabel=r"$v(0)/\sigma^2$")
        for axis in spare:
            axis.set_axis_off()
        if len(spare):
            spare[-1].legend(*used[-1].get_legend_handles_labels(), loc="center")
        else:
            legend_below(used[-1], 3)
    return figure, axes


def _levels(axis, inverse: np.ndarray, part: xarray.Dataset) -> None:
    """The quenched theory as a line with its band of standard errors, the mean field where it ends."""
    look, v, error = LEVEL["quenched"], part["v"].values, part["v_stderr"].values
    axis.plot(inverse, v, label="quenched theory", **look.curve)
    axis.fill_between(inverse, v - error, v + error, color=look.colour, alpha=0.25, lw=0)
    ends = [("theory_v", LEVEL["mean field"].colour, "mean field, d = infinity")]
    if abs(float(part["plain_v"] - part["theory_v"])) > 1e-9:
        ends.append(("plain_v", QUIET, "without capture"))
    for name, colour, label in ends:
        limit = float(part[name])
        axis.plot([0.0, 0.08 * inverse.max()], [limit] * 2, color=colour, lw=2.5, clip_on=False, label=label)
