"""`reduced` and `quenched` for guidance by a rule: the continuous sampler as code on batches in d dimensions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from meanfield.ensemble import Ensemble
from meanfield.problem.statement import Problem
from meanfield.sampler.continuous import Integrator, recorded
from meanfield.vector.draws import Sizes
from meanfield.vector.finite import solve_finite


def solve_rule(
    problem: Problem, d: int, theory: str, sizes: Sizes, n_steps: int, n_times: int,
    progress: bool | Callable[[int, int], Any] | None,
) -> Ensemble:  # fmt: skip
    """The ensemble of a finite-d theory ("reduced", "quenched") in continuous time."""
    data = solve_finite(problem, Integrator(problem, n_steps), d, theory, None, sizes, None, progress)
    data = recorded(data, problem, n_times)
    return replace(data, info={**data.info, "method": theory})
