"""Classes with many modes in the atlas: particles of a tree with every mode explicit, in the form of all other cells.

They are held against `quenched` at the same d, which knows the modes of the target's superclass one by one and the
other superclasses as crowds (docs/modes-finite.md). There is no claim about d = infinity: a mode is chosen sharply only
where alpha_2 d >> log d, so the approach, d^-0.6, is too slow for a fit in 1/d.
"""

import math
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from meanfield import Hierarchy, Problem, solve
from validate.agreement.estimates import QUANTITIES
from validate.agreement.means import mean_of

ORDER = 3  # of the steps of the ODE
BRIEF: dict[str, Any] = {"n_samples": 2, "n_draws": 1, "n_steps": 2}


class Particles(NamedTuple):
    """Draws of m and v, (draws, times) at VE times t; the error of the time step in the final ones and its own."""

    t: np.ndarray
    draws: Mapping[str, np.ndarray]
    step: Mapping[str, tuple[float, float]]
    method: str


def is_tree(problem: Problem) -> bool:
    """Whether classes have many modes: then particles are those of `run_modes`."""
    return isinstance(problem.classes, Hierarchy)


def log_classes(problem: Problem, d: int) -> float:
    """log of the number of classes, those of a tree at the level of the label.

    Examples
    --------
    >>> tree = Problem(classes=Hierarchy((0.1, 0.3), rho=0.7), sigma2=0.05, t_start=1000.0)
    >>> round(math.exp(log_classes(tree, 12)), 9)
    3.0
    """
    law = problem.classes
    return sum(law.log_counts(d)[: law.label]) if isinstance(law, Hierarchy) else law.log_count(d)


def tree_particles(
    problem: Problem, size: Mapping[str, Any], n_times: int, step_draws: int, progress: Any = False
) -> Particles:
    """Particles of a tree, known at t = 0 alone: nan before.

    The time-step error is that of twice as many steps from the same start (Richardson), of `step_draws` draws; nan with
    noise, which two numbers of steps do not share here.

    Parameters
    ----------
    size : `d`, `n_samples` a draw, `n_draws`, `n_steps` and `seed`.
    """
    from simulate import run_modes

    ends = run_modes(problem, progress=progress, **size).draws
    draws = {q: np.full((size["n_draws"], n_times), math.nan) for q in QUANTITIES}
    for q in QUANTITIES:
        draws[q][:, -1] = ends[q]
    step = dict.fromkeys(QUANTITIES, (math.nan, math.nan))
    if problem.eta == 0.0:
        more = {**size, "n_draws": step_draws, "n_steps": 2 * size["n_steps"]}
        fine = run_modes(problem, progress=progress, **more).draws
        found = {q: mean_of((ends[q][:step_draws] - fine[q]) / (1.0 - 0.5**ORDER)) for q in QUANTITIES}
        step = {q: (mean.value, mean.stderr) for q, mean in found.items()}
    D = np.geomspace(problem.sigma2 + solve(problem).t[0], problem.sigma2, n_times)
    return Particles(D - problem.sigma2, draws, step, "explicit modes")


def tree_seconds(problem: Problem, size: Mapping[str, Any], step_draws: int) -> float:
    """Predicted processor time of `tree_particles`: a draw is timed, as its cost follows from modes and samples."""
    from simulate import run_modes

    _warm()
    began = time.process_time()
    run_modes(problem, progress=False, **{**size, "n_draws": 1})
    runs = size["n_draws"] + 2.0 * step_draws * (problem.eta == 0.0)
    return runs * (time.process_time() - began)


@cache
def _warm() -> None:
    """Once: what is loaded at first use is no cost of a cell."""
    from simulate import run_modes

    run_modes(
        Problem(classes=Hierarchy((0.1, 0.3), rho=0.7), sigma2=0.05, t_start=1000.0), d=8, progress=False, **BRIEF
    )
