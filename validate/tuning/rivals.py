"""Other schedules with the same shift of the mean, or the same mean log posterior, as the tuned window."""

from collections.abc import Callable
from typing import Any

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


def rivals(bench: Bench, axis: Axis, w_max: float, keep: float, equal: str, level: float) -> dict[str, Schedule]:
    """By name, those that reach the level: each with w_max at most, and one parameter set by the level."""

    def matched(make: Callable[[float], Schedule], low: float, high: float) -> Trial | None:
        def excess(x: float) -> float:
            off = getattr(bench(make(x)), EQUAL[equal]) - level
            return 0.0 if abs(off) <= PRECISION * abs(level) else off

        a, b = excess(low), excess(high)
        if a * b > 0.0:
            return None
        x = low if a == 0.0 else high if b == 0.0 else brentq(excess, low, high, xtol=1e-3)
        return bench(make(x))

    def interval(high: float) -> Trial | None:
        return matched(lambda s: Interval(w_max, axis.t(s), axis.t(high)), 0.0, 0.99 * high)

    def nearest(found: list[Any]) -> Trial | None:
        there = [trial for trial in found if trial is not None]
        return min(there, key=lambda trial: abs(trial.ratio.value - keep), default=None)

    top = 0.99 * axis.top
    found = {
        "constant": matched(Constant, 0.0, w_max),
        "early only": matched(lambda s: switched(axis, w_max, 0.0, s), 0.0, top),
        "late unconditional": matched(lambda s: switched(axis, w_max, -1.0, s), 0.0, top),
        "interval": nearest([interval(x * axis.top) for x in HIGHS]),
    }
    return {name: trial.schedule for name, trial in found.items() if trial is not None}


def by_theory(mixture: Mixture, target: Any, problem: Problem, w_min: float, w_max: float) -> Schedule | None:
    """What `meanfield.design` makes for the spectrum of the class among infinitely many; None where it makes none."""
    import numpy as np

    means = np.array([mixture.mean(label) for label in mixture.classes])
    try:
        cloud, _ = class_problem(means, mixture.covariance(target), 0.0, problem.sampler, problem.t_start)
        return design(cloud.replace(classes=Continuum()), w_min=w_min, w_max=w_max, progress=False).schedule
    except CfgfieldError:
        return None
