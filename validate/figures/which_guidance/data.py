"""What every rule of guidance keeps of the variance at an equal shift or an equal separation, by schedule."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import xarray

from meanfield import Problem, ProblemError, design, solve, solve_sampler
from meanfield.sampler.code import Sampler, name_of
from meanfield.theory.measures import crowd_separation
from meanfield.theory.motion import Groups, Point
from meanfield.tools.roots import brentq
from simulate import run, run_sampler
from validate.figures.curves import about, in_units, with_own_seed
from validate.figures.which_guidance.families import DESIGNED, RULES, SCHEDULES, STRENGTHS, W_MAX, W_MIN
from validate.results.tables import Show, tabulate

TERMS = ("shift", "separation")
PRECISION = 1e-5  # of the term; a switch that moves over whole steps of a sampler misses it
STEPS = 9  # of a grid of strengths on which the wanted one is bracketed


def equal_terms(
    problem: Problem, rules: Sequence[str], schedules: Sequence[str], *, term: str, value: float,
    sampler: Sampler | None = None, progress: Show = None, **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """The variance that rules keep at an equal shift m(0) - 1, or an equal gain of separation.

    Parameters
    ----------
    problem : classes, variances, sampler, finite t_start; its own guidance is not looked at.
    rules, schedules : names in `RULES` and `SCHEDULES`; "designed" is the window of `design` with this mean.
    term : "shift", or "separation", the log-odds of the class per dimension above those of the class itself.
    value : of the term, for all; nan in the results where a rule does not reach it.
    sampler : code for `solve_sampler`, whose law then meets the term; none is continuous time.
    options : of `simulate.run` for the particles, of `run_sampler` where there is a sampler; none without them.

    Returns
    -------
    xarray.Dataset : by (rule, schedule) `strength` (w, or 1000/t - 1 of the VE time t at which early guidance ends; of
        a designed window its early w), theory `line_m`, `line_v` (v(0)/sigma2), particles `m`, `v` with `_error`.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> ode = Problem(classes=Continuum(), sigma2=0.25, sampler="ode", t_start=1000.0)
    >>> data = equal_terms(ode, ["CFG"], ["constant"], term="shift", value=0.25)
    >>> data.strength.values.round(3), data.line_v.values.round(3)
    (array([[0.705]]), array([[0.322]]))
    """

    def theory(rule: str, schedule: str) -> dict[str, Any]:
        found = guided_to(problem, rule, schedule, term, value, sampler)
        if found is None:
            return {"strength": math.nan, "line_m": math.nan, "line_v": math.nan}
        strength, guided = found
        m, v = _ended(guided, sampler)
        measured: dict[str, Any] = {"strength": strength, "line_m": m, "line_v": v / problem.sigma2}
        if options:
            own = with_own_seed(options, rule, schedule)
            particles = run(guided, progress=False, **own) if sampler is None else run_sampler(guided, sampler, **own)
            measured |= in_units(particles, error="_error")
        return measured

    found = tabulate({"rule": rules, "schedule": schedules}, theory, title="rules at equal terms", progress=progress)
    attrs = about(problem, options) | {"term": term, "value": value, "sampler": name_of(sampler) if sampler else ""}
    return xarray.Dataset(found, {"rule": list(rules), "schedule": list(schedules)}, attrs)


def guided_to(
    problem: Problem, rule: str, schedule: str, term: str, value: float, sampler: Sampler | None = None
) -> tuple[float, Problem] | None:
    """The problem guided by a rule and a schedule as strongly as it takes to reach the value; None if nothing does."""
    if schedule == DESIGNED:
        mean = 1.0 + value if term == "shift" else _undistorted_mean(problem, value)
        base = problem.replace(guidance=RULES[rule](0.0))
        try:
            made = design(base, w_min=W_MIN, w_max=W_MAX, mean=mean, sampler=sampler, progress=False)
        except ProblemError:
            return None
        return float(made.levels[0]), made.problem

    def guided(strength: float) -> Problem:
        return problem.replace(guidance=RULES[rule](SCHEDULES[schedule](strength)))

    @cache
    def excess(log_strength: float) -> float:
        m, v = _ended(guided(math.exp(log_strength)), sampler)
        return (m - 1.0 if term == "shift" else gain(problem, m, v)) - value

    for weak, strong in pairwise(np.log(np.geomspace(*STRENGTHS[schedule], STEPS)).tolist()):
        if excess(strong) >= 0.0:
            log_strength = brentq(excess, weak, strong, xtol=1e-7) if excess(weak) < 0.0 else weak
            found = math.exp(log_strength), guided(math.exp(log_strength))
            return found if excess(weak) >= 0.0 or abs(excess(log_strength)) < PRECISION else None
    return None


def gain(problem: Problem, m: float, v: float) -> float:
    """Separation at t = 0, log-odds of the class per dimension, above that of the class itself."""
    return _separation(problem, m, v) - _separation(problem, 1.0, problem.sigma2)


def _separation(problem: Problem, m: float, v: float) -> float:
    groups = Groups.of(problem, problem.classes.rate(math.inf))
    if math.isinf(groups.alpha):
        return crowd_separation(problem, np.array([m]), np.array([v]))
    return Point(groups, groups.tau(0.0), m - 1.0, math.log(v / problem.sigma2)).F


def _undistorted_mean(problem: Problem, value: float) -> float:
    """The m(0) at which a class of its own variance gains this separation; as small as it can be."""

    def excess(m: float) -> float:
        return gain(problem, m, problem.sigma2) - value

    most = 1.0 + problem.sigma2  # (G2)
    return brentq(excess, 1.0, most) if excess(most) > 0.0 else most


def _ended(problem: Problem, sampler: Sampler | None) -> tuple[float, float]:
    law: Any = solve(problem) if sampler is None else solve_sampler(problem, sampler)
    return float(law.final.m), float(law.final.v)
