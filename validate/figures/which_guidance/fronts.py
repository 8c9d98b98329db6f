"""The Pareto front of all rules and schedules: shift, separation, variance kept, and distances from the class."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Problem, ProblemError, design, solve, solve_sampler
from meanfield.errors import ConvergenceError
from meanfield.sampler.code import Sampler, name_of
from validate.figures.curves import about
from validate.figures.design.fronts import front
from validate.figures.which_guidance.data import gain
from validate.figures.which_guidance.families import DESIGNED, RULES, SCHEDULES, STRENGTHS, W_MAX, W_MIN
from validate.results.tables import Show, tabulate

GOALS = ("shift", "separation")


def rule_fronts(
    problem: Problem, rules: Sequence[str], schedules: Sequence[str], *, n: int = 8, sampler: Sampler | None = None,
    progress: Show = None,
) -> xarray.Dataset:  # fmt: skip
    """What every rule and schedule does, from weak to strong, and which of them no other one beats.

    Parameters
    ----------
    problem : isotropic; finite t_start; its own guidance is not looked at.
    rules, schedules : names in `RULES` and `SCHEDULES`; "designed" is the window of `design`, one for each rule.
    n : strengths of each.
    sampler : code for `solve_sampler`; none is continuous time.

    Returns
    -------
    xarray.Dataset : by (rule, schedule, member) `shift` m(0) - 1, `kept` min(v, sigma2)/max(v, sigma2), `separation`
        above that of the class, `kl` and `w2` from the class per dimension, as `meanfield.distortion`. `on_front` by
        (goal, rule, schedule, member): no other member keeps as much and has more of the goal, "shift" or "separation".
        nan where there is no design, or theory is approximate (a glass) or does not converge. w <= 5 for all.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> ode = Problem(classes=Continuum(), sigma2=0.25, sampler="ode", t_start=1000.0)
    >>> data = rule_fronts(ode, ["CFG", "APG"], ["constant", "designed"], n=3)
    >>> data.on_front.sel(goal="shift", rule="CFG", schedule="designed").values.tolist()
    [True, False, False]
    """

    def member(rule: str, schedule: str, i: int) -> dict[str, Any]:
        guided = _guided(problem, rule, schedule, i, n, sampler)
        if guided is None:
            return _measured(problem, math.nan, math.nan)
        try:
            result: Any = solve(guided) if sampler is None else solve_sampler(guided, sampler)
        except ConvergenceError:  # guidance so strong that the equations are stiff
            return _measured(problem, math.nan, math.nan)
        if result.standing == "approximate":
            return _measured(problem, math.nan, math.nan)
        return _measured(problem, float(result.final.m), float(result.final.v))

    axes: dict[str, Any] = {"rule": rules, "schedule": schedules, "member": range(n)}
    columns = tabulate(axes, member, title="Pareto fronts of rules", progress=progress)
    kept = columns["kept"][1].ravel().round(6)
    on_front = np.stack([front(kept, columns[goal][1].ravel()).reshape(columns[goal][1].shape) for goal in GOALS])
    return xarray.Dataset(
        {**columns, "on_front": (("goal", *axes), on_front)},
        coords={"rule": list(rules), "schedule": list(schedules), "goal": list(GOALS)},
        attrs=about(problem, {}) | {"sampler": "" if sampler is None else name_of(sampler)},
    )


def _guided(problem: Problem, rule: str, schedule: str, i: int, n: int, sampler: Sampler | None) -> Problem | None:
    """Member i of n of a family; the design is the first of its own."""
    if schedule != DESIGNED:
        low, high = STRENGTHS[schedule]
        strength = np.geomspace(low, high if schedule == "early" else W_MAX, n)[i]  # w within the bounds of designs
        return problem.replace(guidance=RULES[rule](SCHEDULES[schedule](float(strength))))
    if i > 0:
        return None
    base = problem.replace(guidance=RULES[rule](0.0))
    try:
        return design(base, w_min=W_MIN, w_max=W_MAX, sampler=sampler, progress=False).problem
    except ProblemError:
        return None


def _measured(problem: Problem, m: float, v: float) -> dict[str, Any]:
    ratio = v / problem.sigma2
    if not ratio > 0.0:
        return dict.fromkeys(("shift", "kept", "separation", "kl", "w2"), math.nan)
    shift = m - 1.0
    return {
        "shift": shift,
        "kept": min(ratio, 1.0 / ratio),
        "separation": gain(problem, m, v),
        "kl": 0.5 * (ratio - 1.0 - math.log(ratio) + shift**2 / problem.sigma2),
        "w2": shift**2 + problem.sigma2 * (math.sqrt(ratio) - 1.0) ** 2,
    }
