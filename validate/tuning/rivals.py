"""Other schedules with the same shift of the mean, or the same mean log posterior, as the tuned window."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from meanfield import Continuum, design
from meanfield.errors import CfgfieldError
from meanfield.guidance.schedules import Constant, Interval, Schedule
from meanfield.problem.statement import Problem
from meanfield.tools.roots import brentq
from simulate.mixtures.mixture import Mixture
from validate.data.mean_field import class_problem
from validate.tuning.bench import Bench, Trial
from validate.tuning.window import Axis, switched

HIGHS = (0.9, 0.75, 0.6)  # upper ends of intervals, in units of the start in s
PRECISION = 5e-3  # of what is made equal
EQUAL = {"shift": "shift", "accuracy": "log_posterior"}  # what is asked for, and the attribute of a trial
WORDS = {"shift": "shift", "accuracy": "mean log posterior"}
SCANNED = 6  # parts of the range of a parameter, where its ends lie on one side of the level


class Reach(NamedTuple):
    """The trial of a family at the level, None where there is none; and the least and largest that was tried of what
    is made equal."""

    trial: Trial | None
    least: float
    most: float


def rivals(
    bench: Bench, axis: Axis, w_max: float, keep: float, equal: str, level: float
) -> tuple[dict[str, Schedule], dict[str, str]]:
    """By name, those that reach the level, each with w_max at most and one parameter set by the level; and of those
    that do not, why."""

    def matched(make: Callable[[float], Schedule], low: float, high: float) -> Reach:
        tried: dict[float, float] = {}

        def excess(x: float) -> float:
            if x not in tried:
                tried[x] = getattr(bench(make(x)), EQUAL[equal])
            off = tried[x] - level
            return 0.0 if abs(off) <= PRECISION * abs(level) else off

        ends = (low, high)
        if excess(low) * excess(high) > 0.0:
            grid = np.linspace(low, high, SCANNED + 1).tolist()
            ends = next((pair for pair in pairwise(grid) if excess(pair[0]) * excess(pair[1]) <= 0.0), ends)
        a, b = map(excess, ends)
        if a * b > 0.0:
            return Reach(None, min(tried.values()), max(tried.values()))
        x = ends[0] if a == 0.0 else ends[1] if b == 0.0 else brentq(excess, *ends, xtol=1e-3)
        return Reach(bench(make(x)), min(tried.values()), max(tried.values()))

    def interval(high: float) -> Reach:
        return matched(lambda s: Interval(w_max, axis.t(s), axis.t(high)), 0.0, 0.99 * high)

    def nearest(found: list[Reach]) -> Reach:
        there = [x.trial for x in found if x.trial is not None]
        best = min(there, key=lambda trial: abs(trial.ratio.value - keep), default=None)
        return Reach(best, min(x.least for x in found), max(x.most for x in found))

    top = 0.99 * axis.top
    found = {
        "constant": matched(Constant, 0.0, w_max),
        "early only": matched(lambda s: switched(axis, w_max, 0.0, s), 0.0, top),
        "late unconditional": matched(lambda s: switched(axis, w_max, -1.0, s), 0.0, top),
        "interval": nearest([interval(x * axis.top) for x in HIGHS]),
    }
    reasons = {
        name: f"with w <= {w_max:g} its {WORDS[equal]} is {reach.least:.3g} to {reach.most:.3g}, that of the window "
        f"{level:.3g}"
        for name, reach in found.items()
        if reach.trial is None
    }
    return {name: reach.trial.schedule for name, reach in found.items() if reach.trial is not None}, reasons


def by_theory(mixture: Mixture, target: Any, problem: Problem, w_min: float, w_max: float) -> Schedule | None:
    """What `meanfield.design` makes for the spectrum of the class among infinitely many; None where it makes none."""
    means = np.array([mixture.mean(label) for label in mixture.classes])
    try:
        cloud, _ = class_problem(means, mixture.covariance(target), 0.0, problem.sampler, problem.t_start)
        return design(cloud.replace(classes=Continuum()), w_min=w_min, w_max=w_max, progress=False).schedule
    except CfgfieldError:
        return None
