"""One batch of samples from start to t = 0: guided samples and their unguided twins on the same random numbers.

Start. A finite t_start T gives x = sqrt(T) z for both. For T = infinity the run begins at t* (`Problem.start`), and the
law there follows from expanding the posterior mean of the drawn classes to first order in 1/D,
sum_k pi_k delta_k = <delta> + C y/D with C the covariance of the P means:
    y = (m - 1) mu_1 - (w/P) sum_{k != 1} mu_k + sqrt(D) z + (sqrt(v) - sqrt(D)) C z,        twin: y = sqrt(D) z,
where m and v are the crowd's (for it C = I). Directions outside the span of the means are not touched by guidance.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.problem import Problem, Start
from simulate.integrators import Steps, correct, predict
from simulate.mixture import Mixture
from simulate.observables import NAMES, observe
from simulate.randomness import NoiseReader
from simulate.score import Score
from simulate.span import outside_squares

__all__ = ["Plan", "simulate_batch"]


@dataclass(frozen=True)
class Plan:
    """What all batches of a run share: `record` are the indices of `steps.t` at which observables are taken."""

    problem: Problem
    d: int
    begin: Start
    steps: Steps
    record: np.ndarray
    seed: int


def simulate_batch(
    plan: Plan, mixture: Mixture, score: Score, draw: int, samples: range, tick: Callable[[], None]
) -> np.ndarray:
    """Sums of the observables over the batch, shape (observables, times). `tick` is called after every step."""
    steps, refinement = plan.steps, plan.steps.mix.shape[1]
    noisy = plan.problem.eta > 0
    reader = NoiseReader(
        plan.seed, draw, samples, mixture.dim, len(steps) * refinement if noisy else 0, refinement if noisy else 1
    )
    y, twin = _start(plan, mixture, reader.start())  # (samples, dim) each
    outside = outside_squares(
        plan.problem, steps.t[plan.record], plan.begin.t if math.isfinite(plan.problem.t_start) else steps.D[0],
        plan.d - mixture.dim, plan.seed, draw, samples,
    )  # fmt: skip
    slot = {int(n): i for i, n in enumerate(plan.record)}
    sums = np.empty((len(NAMES), len(plan.record)))
    noise: Any = 0.0
    for n in range(len(steps) + 1):
        posterior = None
        if n in slot:
            posterior = score(y, steps.D[n], full=True)
            sums[:, slot[n]] = observe(y, twin, outside[slot[n]], mixture.target, plan.d, posterior)
        if n == len(steps):
            return sums
        if noisy:
            noise = reader.step(steps.mix[n])
        twin = predict(twin, 0.0, noise, steps.decay[n])
        w_start, w_end = steps.w_start[n], steps.w_end[n]
        if w_start == 0.0 and w_end == 0.0:
            y = predict(y, 0.0, noise, steps.decay[n])
        else:
            posterior = posterior or score(y, steps.D[n])
            b_start = -w_start * posterior.shift
            predicted = predict(y, b_start, noise, steps.decay[n])
            b_end = -w_end * score(predicted, steps.D[n + 1]).shift
            y = correct(predicted, b_start, b_end, steps.phi[n])
        tick()
    raise AssertionError("unreachable: the last time is always recorded")


def _start(plan: Plan, mixture: Mixture, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    problem, target = plan.problem, mixture.target
    if math.isfinite(problem.t_start):
        x = math.sqrt(plan.begin.t) * z
        return x - target, x - target
    root_D = math.sqrt(problem.sigma2 + plan.begin.t)
    extra = math.sqrt(plan.begin.v) - root_D
    if math.isinf(mixture.n_classes):
        others, spread = np.zeros_like(target), z
    else:  # (1/P) sum_{k != 1} mu_k, and C z
        share = (mixture.n_classes - 1.0) / mixture.n_classes
        others = mixture.mean_delta + share * target
        spread = mixture.covariance(z) if extra else z
    centre = (plan.begin.m - 1.0) * target - float(problem.weight(plan.begin.t)) * others
    return centre + root_D * z + extra * spread, root_D * z
