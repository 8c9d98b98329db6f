"""Samples of a mixture whose class means are given, not drawn: for pictures, and for checks in few dimensions.

The same score, integrator and random streams as `simulate.run`, but the samples themselves are returned.
"""

import math
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, checked
from meanfield.problem import Fixed, Problem
from simulate.integrators import make_steps, time_grid
from simulate.mixture import Mixture
from simulate.randomness import NoiseReader
from simulate.score import ReferenceScore
from simulate.stepping import State, advance

__all__ = ["sample_mixture"]


def sample_mixture(
    problem: Problem, means: Any, *, target: int = 0, n_samples: int = 1000, n_steps: int = 200, seed: int = 0
) -> np.ndarray:
    """Guided samples of one class among classes N(means[k], sigma2 I) of equal weight.

    Parameters
    ----------
    problem : class variance, guidance, sampler, noise and a finite start; its classes must be Fixed(len(means)).
    means : (classes, dimensions).
    target : index of the class that is sampled.
    n_samples, n_steps, seed : as in `simulate.run`.

    Returns
    -------
    x : (n_samples, dimensions) at t = 0.

    Raises
    ------
    ProblemError : means that do not fit the problem, a spectrum, or a start at t = infinity.

    Examples
    --------
    >>> from meanfield.problem import Fixed, Problem
    >>> problem = Problem(classes=Fixed(2), sigma2=0.04, guidance=0.0, t_start=100.0)
    >>> x = sample_mixture(problem, [[1.0, 0.0], [-1.0, 0.0]], n_samples=400, n_steps=20)
    >>> x.shape, bool(abs(x[:, 0].mean() - 1.0) < 0.05), bool(abs(x[:, 1].var() - 0.04) < 0.015)
    ((400, 2), True, True)
    """
    problem.require_isotropic("sample_mixture", "Use simulate.run.")
    centres = np.asarray(means, float)
    if centres.ndim != 2 or centres.shape[1] < 1 or not np.all(np.isfinite(centres)):
        raise ProblemError(f"means must be finite, of shape (classes, dimensions); got shape {centres.shape}.")
    if problem.classes != Fixed(len(centres)):
        raise ProblemError(f"{len(centres)} means need classes=Fixed({len(centres)}); got {problem.classes!r}.")
    if math.isinf(problem.T):
        raise ProblemError("given means need a finite start; got t_start = inf. Give e.g. t_start=1000.")
    k = int(checked("target", target, low=0, high=len(centres) - 1, integer=True))
    n_samples = int(checked("n_samples", n_samples, low=1, integer=True))
    n_steps = int(checked("n_steps", n_steps, low=1, high=1e7, integer=True))
    mixture = Mixture(centres[k], (np.delete(centres, k, axis=0) - centres[k]).astype(np.float32), float(len(centres)))
    score, dim = ReferenceScore(mixture), centres.shape[1]
    steps = make_steps(problem, time_grid(problem, problem.T, n_steps, 1), 1, None)
    noisy = problem.eta > 0
    reader = NoiseReader(seed, 0, range(n_samples), dim)
    y = math.sqrt(problem.v_T) * reader.start() - centres[k]
    state = State(y)
    noise: Any = 0.0
    for n in range(len(steps)):
        step = steps.step(n)
        if noisy:
            noise = reader.step(step.mix)
        state = advance(state, steps.variance(n), noise, step, score, lambda w, shift, D: -w * shift)
    return state.y + centres[k]
