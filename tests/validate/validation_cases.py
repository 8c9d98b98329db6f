"""What several test files of the judge share: a problem, its particles, and synthetic draws."""

from dataclasses import replace

import numpy as np

from meanfield import Ensemble, Exponential, Problem
from simulate import run

PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)


def particles(problem: Problem = PROBLEM, d: int = 10, **options) -> Ensemble:
    settings = {"n_samples": 150, "n_disorder": 24, "n_steps": 60, "seed": 1, "progress": False, **options}
    return run(problem, d=d, **settings)


def labelled(data: Ensemble, problem: Problem) -> Ensemble:
    """The same particles, claimed to be of another problem: what a wrong simulator would deliver."""
    return replace(data, problem=problem)


def synthetic(
    rng: np.random.Generator, theory, t: np.ndarray, n_draws: int, shift: float = 0.0, d: int = 50
) -> Ensemble:
    """Gaussian draws around a theory, correlated in time and between m and v, with a known shift in standard errors."""
    mixing = np.tril(rng.uniform(0.2, 1.0, (2 * len(t), 2 * len(t))))
    noise = rng.normal(size=(n_draws, 2 * len(t))) @ mixing.T * 0.01
    spread = 0.01 * np.sqrt((mixing**2).sum(axis=1) / n_draws)
    at = theory.at(t)
    values = np.concatenate([at.m, at.v]) + noise + shift * spread
    draws = {"m": values[:, : len(t)], "v": values[:, len(t) :], "m_twin": np.zeros((n_draws, len(t)))}
    draws["v_twin"] = draws["m_twin"]
    return Ensemble(theory.problem, d, t, draws, n_samples=1)
