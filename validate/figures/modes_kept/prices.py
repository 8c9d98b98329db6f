"""K_div against the shift: schedules that people use, from weak to strong, designed ones, and the front."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import (
    ConvergenceError,
    Hierarchy,
    Interval,
    Piecewise,
    Problem,
    Ramp,
    Schedule,
    design_modes,
    early_high,
    modes_front,
    solve,
)
from meanfield.guidance.schedules import Constant
from validate.drawing import SAMPLER
from validate.results.tables import Show, tabulate

SIGMA2 = 0.05
TREES = {
    "(0.1, 0.3), rho = 0.7": Hierarchy((0.1, 0.3), rho=0.7),  # the label first
    "(0.6, 0.3), rho = 0.5": Hierarchy((0.6, 0.3), rho=0.5),  # the mode first
}
FAMILIES: dict[str, Callable[[float], Schedule]] = {  # by their names in the dictionary of looks
    "constant": Constant,
    "interval": lambda a: Interval(a, 0.3, 5.0),
    "early": lambda a: early_high(a, 2.0),
    "falling ramp": lambda a: Ramp(a, 0.0, 0.02, 20.0, over="log t"),
    "negative window": lambda a: Piecewise((1.0, 5.0), (0.0, -0.25 * a, a)),
}
STRENGTHS = 0.02, 10.0


def prices(
    n: int = 12, lost: Sequence[float] = (0.0, 0.01), *, points: int = 61, progress: Show = None
) -> xarray.Dataset:
    """What schedules lose and shift, at d = infinity and T = infinity.

    Parameters
    ----------
    n : strengths of each family, log-spaced.
    lost : what designed schedules may lose; 0 where that is possible.
    points : of the front.

    Returns
    -------
    xarray.Dataset : `m_shift` (m(0) - 1) and `K_div` over (tree, sampler, schedule, strength), nan where `solve`
        refuses; `designed_m_shift` and `designed_K_div` over (tree, sampler, allowed); `front` (m(0) - 1) over (tree,
        sampler, price).

    Examples
    --------
    >>> data = prices(3, (0.0,), points=3, progress=False)
    >>> bool((data.m_shift.sel(schedule="constant").diff("strength") > 0).all())
    True
    """
    strengths, price = np.geomspace(*STRENGTHS, n), np.linspace(0.0, 0.06, points)

    def base(tree: str, sampler: str) -> Problem:
        return Problem(classes=TREES[tree], sigma2=SIGMA2, guidance=0.0, sampler=sampler)

    def used(tree: str, sampler: str, schedule: str, strength: float) -> dict[str, float]:
        try:
            found: Any = solve(base(tree, sampler).replace(guidance=FAMILIES[schedule](float(strength))))
        except ConvergenceError:
            return {"m_shift": math.nan, "K_div": math.nan}
        return {"m_shift": float(found.final.mean_shift), "K_div": found.K_div}

    def designed(tree: str, sampler: str, allowed: float) -> dict[str, float]:
        if allowed == 0.0 and tree == next(iter(TREES)):
            return {"designed_m_shift": math.nan, "designed_K_div": math.nan}
        found = design_modes(base(tree, sampler), lost=allowed).theory
        return {"designed_m_shift": float(found.final.mean_shift), "designed_K_div": found.K_div}

    def front(tree: str, sampler: str) -> dict[str, Any]:
        return {"front": ("price", modes_front(base(tree, sampler), price) - 1.0)}

    where: dict[str, Any] = {"tree": list(TREES), "sampler": list(SAMPLER)}
    every = {**where, "schedule": list(FAMILIES), "strength": strengths}
    return xarray.Dataset(
        {
            **tabulate(every, used, title="modes lost", progress=progress),
            **tabulate({**where, "allowed": list(lost)}, designed, title="designs", progress=progress),
            **tabulate(where, front),
        },
        coords={**every, "allowed": list(lost), "price": price},
        attrs={"sigma2": SIGMA2},
    )
