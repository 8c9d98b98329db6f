"""What n steps change in m(0) and v(0) against 2 n, sample by sample, on the same classes, start and noise."""

import math
from typing import NamedTuple

import numpy as np

from meanfield.tools.resolution import require_resolved
from simulate.running.observables import NAMES
from simulate.running.particles import Batches
from simulate.running.plan import Plan
from simulate.running.workers import Workers

TWIN = NAMES.index("v_twin")


class Pair(NamedTuple):
    """changes (2, draws, samples) : m and v/v_0 at n steps less those at 2 n, v_0 the variance without guidance.
    guidance : N at n steps (`meanfield.tools.resolution`)."""

    changes: np.ndarray
    guidance: float


def follow_pair(plan: Plan, n_steps: int) -> Pair:
    """A plan followed with `n_steps` and with twice as many; the classes of a draw are made once.

    Raises
    ------
    ConvergenceError : `n_steps` do not resolve the guidance.

    Examples
    --------
    >>> from meanfield import Fixed, Problem
    >>> from simulate.running.plan import Settings, make_plan
    >>> problem = Problem(classes=Fixed(10), sigma2=0.25, guidance=1.0)
    >>> pair = follow_pair(make_plan(problem, Settings(d=20, n_samples=50, n_disorder=4)), 10)
    >>> pair.changes.shape, bool((abs(pair.changes.mean(axis=(1, 2))) < 0.01).all())
    ((2, 4, 50), True)
    """
    grids, n_all = plan.paired_steps(n_steps), plan.n_samples * plan.n_disorder
    results = Workers(plan, grids, _both).run(False)
    guidance = require_resolved(math.sqrt(sum(square for _, square, _ in results) / n_all), grids[0].bound, n_steps)
    changes = np.concatenate([change for change, _, _ in results], axis=1)
    changes[1] /= sum(unguided for _, _, unguided in results) / n_all
    return Pair(changes.reshape(2, plan.n_disorder, plan.n_samples), guidance)


def _both(batches: list[Batches], samples: range) -> tuple[np.ndarray, float, float]:
    """Changes of m and v (2, samples), the sum of N^2 at n steps, and that of the twins' v."""
    coarse, fine = batches
    _, square = coarse(samples)
    sums, _ = fine(samples)
    return coarse.last - fine.last, square, float(sums[TWIN, -1])
