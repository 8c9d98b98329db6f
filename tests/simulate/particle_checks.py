"""Check functions shared by the tests and by their negative controls."""

import math
import threading

import numpy as np
import pytest
from scipy import stats

from meanfield.ensemble import Ensemble, Observable
from meanfield.guidance.placing import time_grid
from meanfield.problem.statement import Problem
from meanfield.tools.crew import Crew
from simulate import run
from simulate.scores.reference import ContinuumScore
from simulate.steps.integrators import make_steps
from simulate.steps.stepping import State, advance


def limit(n_checks: int, n_draws: int, level: float = 0.01) -> float:
    """Largest |z| that n_checks checks may show together with probability 1 - level (Student t, Bonferroni)."""
    return float(stats.t.isf(level / (2 * n_checks), n_draws - 1))


def z_score(observable: Observable, truth: float) -> float:
    return float((observable.mean - truth) / observable.stderr)


def z_between(a: Observable, b: Observable) -> float:
    return float((a.mean - b.mean) / np.hypot(a.stderr, b.stderr))


def unguided_z(data: Ensemble) -> np.ndarray:
    """z of the plain estimates of m(0), v(0) against the undistorted law (for a start at t = infinity)."""
    return np.array([z_score(data.final.m, 1.0), z_score(data.final.v, data.problem.sigma2)])


def continuum_z(data: Ensemble, w: float) -> np.ndarray:
    """z of the paired estimates against the closed forms (T8a) of the SDE in the continuum, exact at every d."""
    D = data.problem.sigma2
    L = 1.0 + 1.0 / D
    m, v = 1.0 + D * (1.0 - L**-w), D**2 * (L - L ** (-2.0 * w)) / (1.0 + 2.0 * w)
    return np.array([z_score(data.final.m_paired, m), z_score(data.final.v_paired, v)])


def law_z(a: Ensemble, b: Ensemble) -> np.ndarray:
    """z between two ensembles: paired m and v, plain q, half way and at the end."""
    middle = len(a.t) // 2
    pairs = [(x.at(i), y.at(i)) for x, y in [(a, b)] for i in (middle, len(a.t) - 1)]
    return np.array([z_between(getattr(x, n), getattr(y, n)) for x, y in pairs for n in ("m_paired", "v_paired", "q")])


def affine_moments(problem: Problem, n_steps: int, above: float = math.inf, **changes) -> np.ndarray:
    """m and v at t = 0 (by group, with a spectrum) of the numerical scheme in the continuum, without any sampling.

    Every step is affine there: one "sample" carries what becomes of the mean, the others what becomes of the start and
    of each kick. Steps are thinner `above` this D; `changes` replace coefficients of every step.
    """
    groups = 1 if problem.spectrum is None else len(problem.spectrum)
    counts = None if problem.spectrum is None else (1,) * groups
    times = time_grid(problem.schedule, problem.least_variance, problem.t_start, n_steps, above=above)
    steps = make_steps(problem, times, 1, counts)
    start = problem.t_start if problem.spectrum is None else problem.t_start / problem.spectrum.g
    target, y = np.zeros((n_steps + 2, groups)), np.zeros((n_steps + 2, groups))  # (mean, start, kicks; groups)
    target[0], y[0], y[1] = 1.0, -1.0, np.sqrt(start)
    score, state = ContinuumScore(target), State(y)
    for n in range(n_steps):
        step = steps.step(n)._replace(**changes)
        noise = np.zeros_like(y)
        noise[n + 2] = step.mix[0]
        state = advance(state, steps.variance(n), noise, step, score, lambda w, posterior, D: -w * posterior.shift)
    return np.concatenate([1.0 + state.y[0], (state.y[1:] ** 2).sum(axis=0)])


def done_after_a_stop(problem: Problem, least: int = 1, **options) -> float:
    """Interrupt a run when it shows `least` units of work: the share of all its work that it does after that."""
    tick, ticks, stopped = Crew.tick, [], []

    def count(crew, units=1):
        ticks.append(units)
        tick(crew, units)

    def stop(done, total):
        if done >= least:
            stopped.append((sum(ticks), total))
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Crew, "tick", count)
        with pytest.raises(KeyboardInterrupt):
            run(problem, progress=stop, threads=2, **options)
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPool")]
    ((before, total),) = stopped
    return (sum(ticks) - before) / total
