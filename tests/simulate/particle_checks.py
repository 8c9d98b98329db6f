"""Check functions shared by the tests and by their negative controls."""

import numpy as np
from scipy import stats

from meanfield.ensemble import Ensemble, Observable


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
