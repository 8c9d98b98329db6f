"""A batch of samples with given scores: from N(0, v_T I) at a finite start to t = 0, step by step."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from meanfield.errors import ProblemError, whole
from meanfield.guidance.placing import time_grid
from meanfield.problem.statement import Problem
from meanfield.tools.memory import require_memory
from simulate.randomness.streams import NoiseReader
from simulate.steps.integrators import Step, Steps, make_steps

State = TypeVar("State")


def require_start(problem: Problem, given: str, t_start: float, takes: str = "weights") -> None:
    """Refuse a start at infinity (`t_start` is what the message suggests), and guidance that is not taken.

    `takes` : "weights" that are functions of t, "rules" too, or "all" guidance.
    """
    if takes == "weights" or (takes == "rules" and not problem.schedule.by_rule):
        problem.weight(problem.T)
    if math.isinf(problem.T):
        raise ProblemError(f"given {given} need a finite start; got t_start = inf. Give e.g. t_start={t_start:g}.")


class Batch:
    """Steps, random numbers and start of a batch of samples whose guidance is `problem`.

    Parameters
    ----------
    problem : guidance, sampler and a finite start; its least variance sets the steps.
    n_steps, n_samples, seed, draw : checked here.
    dim : directions. variances : (dim,) of the target, where they differ. spread : as in `make_steps`.

    Attributes
    ----------
    start : (n_samples, dim) samples of N(0, v_T I).
    """

    def __init__(
        self, problem: Problem, n_steps: int, n_samples: int, dim: int, seed: int, draw: int = 0, variances: Any = None,
        spread: float = 1.0,
    ) -> None:  # fmt: skip
        n_samples = whole("n_samples", n_samples, low=1)
        needed = 6 * 8.0 * n_samples * dim
        what = f"{n_samples} samples in {dim} dimensions need {needed / 2**30:.3g} GiB"
        require_memory(needed, what, "use fewer samples at a time")
        grid = time_grid(
            problem.schedule, problem.least_variance, problem.T, whole("n_steps", n_steps, low=1, high=1e7)
        )
        self.steps: Steps = make_steps(problem, grid, variances=variances, spread=spread)
        self._noisy = problem.eta > 0
        self._reader = NoiseReader(whole("seed", seed, low=0), whole("draw", draw, low=0), range(n_samples), dim)
        self.start: np.ndarray = math.sqrt(problem.v_T) * self._reader.start()

    def follow(
        self, state: State, move: Callable[[State, int, Step, Any], State], show: Callable[[int], Any] = lambda n: None
    ) -> State:
        """The state at t = 0: move(state, n, step n, its noise) is the state after step n; show(n) is called then."""
        noise: Any = 0.0
        for n in range(len(self.steps)):
            step = self.steps.step(n)
            if self._noisy:
                noise = self._reader.step(step.mix)
            state = move(state, n, step, noise)
            show(n + 1)
        return state
