"""The law of every solver of the SDE in the continuum, without sampling.

There every scheme is linear in start and noise, and its law follows from its responses: the path without noise gives m,
the change of the end by a unit normal in the start and at each step, squared and added, v.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.solvers import Denoiser, dpmpp_sde, karras
from meanfield import Continuum, Problem
from simulate.running.plan import Settings, make_plan
from simulate.scores.reference import ContinuumScore
from simulate.steps.guidance_force import make_pull
from simulate.steps.stepping import State, advance

__all__ = ["SIGMA2", "Solver", "T", "W", "law", "law_of_peer"]

SIGMA2, W, T = 0.25, 1.0, 1000.0  # of all that is solved
Solver = Callable[[Any, Any, np.ndarray, Callable], Any]  # (denoiser, x, levels, normals) -> x


class _Crowd:
    """A script in the continuum, on the line through mu_1 = 1: posterior mean x/(1 + D)."""

    means = (1.0,)

    def posterior_mean(self, x: np.ndarray, D: float) -> np.ndarray:
        return x / (1.0 + D)


def _moments(ends: np.ndarray) -> np.ndarray:
    """m and v from the end without noise, then with a unit normal in start and each step (responses,)."""
    return np.array([ends[0], np.sum((ends[1:] - ends[0]) ** 2)])


def law(n: int, w: float = W) -> np.ndarray:
    """m and v of the package's SDE after n steps in the continuum, without sampling.

    Examples
    --------
    >>> law(40).round(3).tolist()
    [1.2, 0.103]
    """
    problem = Problem(classes=Continuum(), sigma2=SIGMA2, guidance=w, sampler="sde", t_start=T)
    steps = make_plan(problem, Settings(2, 1, 1)).steps(n)
    score, pull = ContinuumScore(np.ones(1)), make_pull(problem, 1, np.inf)
    y = np.full((n + 2, 1), -1.0)
    y[1] += np.sqrt(T)
    state = State(y)
    for i in range(n):
        noise = np.zeros_like(y)
        noise[2 + i] = steps.noise[i]
        state = advance(state, steps.variance(i), noise, steps.step(i), score, pull)
    return _moments(1.0 + state.y[:, 0])


def law_of_peer(solver: Solver, least: float, n: int) -> tuple[int, np.ndarray]:
    """Scores, and m and v of n steps of a solver in the continuum, without sampling."""
    x = np.zeros((2 * n + 3, 1))
    x[1] = T**0.5
    kicks = iter(range(2, len(x)))
    bring: Callable[[np.ndarray], Any] = np.asarray
    if not isinstance(solver, type(dpmpp_sde)):  # a scheduler wants tensors
        import torch

        bring = torch.as_tensor

    def normals() -> Any:
        kick = np.zeros_like(x)
        kick[next(kicks)] = 1.0
        return bring(kick)

    denoise = Denoiser(_Crowd(), SIGMA2, W)
    ends = np.asarray(solver(denoise, bring(x), karras(n, least, T**0.5), normals), float)[:, 0]
    return denoise.calls, _moments(ends)
