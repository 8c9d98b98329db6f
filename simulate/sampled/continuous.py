"""`run` for guidance by a rule: the continuous sampler as code, on particles."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from meanfield.ensemble import Ensemble
from meanfield.problem.statement import Problem
from meanfield.sampler.continuous import Integrator, recorded
from simulate.sampled.runner import run_sampler


def run_rule(
    problem: Problem, n_steps: int, n_times: int, progress: bool | Callable[[int, int], Any] | None, **options: Any
) -> Ensemble:
    """As `run`; `options` are those of `run_sampler`."""
    data = recorded(run_sampler(problem, Integrator(problem, n_steps), progress=progress, **options), problem, n_times)
    return replace(data, info={**data.info, "method": data.info["method"].removeprefix("sampler on ")})
