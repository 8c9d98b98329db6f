"""The schedules that the digits are sampled with, all with the same largest weight, and the spectra of their classes.

Spectra. The mean field takes classes of one covariance with Gaussian means (sec. 6 of docs/theory.md, `spectrum_of`).
For class k it is given the covariance S_k of that class, as if all had it, and the covariance B of the ten means; the
basis is that of S_k + B, and directions in which B is below `FLAT` of S_k, where guidance does nothing, are left out.
The rate is log(10) over the number of directions kept, so that d alpha = log P whatever is left out.
"""

import math
from typing import Any

import numpy as np

from meanfield import Constant, Exponential, Interval, Piecewise, Problem, Ramp, Schedule, Spectrum, spectrum_of
from simulate.learned import Digits

W = 2.0  # largest weight of all schedules
FLAT = 1e-4  # B/S_k below which a direction is left out
LARGE = 9  # directions of large spread that the designer sees one by one; the others are one group

# By `design(design_problem(...), w_min=-1, w_max=W)`, rounded; tests/extras/test_digit_levels.py makes them again.
_TEN: dict[str, Schedule] = {
    "ode": Piecewise((13.31, 59.70), (0.0, -1.0, W)),
    "sde": Piecewise((13.13, 37.79), (0.0, -0.496, 1.991)),
}
_CONTINUUM: dict[str, Schedule] = {"ode": Piecewise((14.90,), (-1.0, W)), "sde": Piecewise((3.290,), (-1.0, W))}
SCHEDULES: dict[str, Schedule | dict[str, Schedule]] = {
    "unguided": Constant(0.0),
    "constant": Constant(W),
    "interval": Interval(W, 2.0, 60.0),
    "negative window": Ramp(W, -1.0, 1.0, 100.0, over="log t"),
    "designed": _TEN,
    "designed, continuum": _CONTINUUM,
    "unconditional": Constant(-1.0),
}


def schedule_of(name: str, sampler: str) -> Schedule:
    """The schedule of this name; the designed ones differ between samplers.

    Examples
    --------
    >>> schedule_of("interval", "ode")
    Interval(value=2.0, t_low=2.0, t_high=60.0)
    """
    found = SCHEDULES[name]
    return found if isinstance(found, Schedule) else found[sampler]


def class_problem(
    means: np.ndarray, covariance: np.ndarray, guidance: Any, sampler: str, t_start: float
) -> tuple[Problem, np.ndarray]:
    """The mean-field problem of classes with these means and one covariance, and its directions as columns."""
    B = np.cov(means.T, bias=True)
    _, basis = np.linalg.eigh(covariance + B)
    spread = np.einsum("ia,ij,ja->a", basis, B, basis)
    own = np.einsum("ia,ij,ja->a", basis, covariance, basis)
    kept = basis[:, spread > FLAT * own]
    found = spectrum_of(means @ kept, kept.T @ covariance @ kept)
    classes = Exponential(math.log(len(means)) / kept.shape[1])
    problem = Problem(classes=classes, spectrum=found.spectrum, guidance=guidance, sampler=sampler, t_start=t_start)
    return problem, kept @ found.basis


def design_problem(digits: "Digits", sampler: str, t_start: float = 6400.0) -> Problem:
    """What the designer was asked: the mean covariance of all classes, its directions of small spread in one group."""
    means, covariances = digits.moments()
    problem, _ = class_problem(means, covariances.mean(axis=0), 0.0, sampler, t_start)
    assert problem.spectrum is not None
    order = np.argsort(-problem.spectrum.g)
    few, rest, n = order[:LARGE], order[LARGE:], len(order)
    c, u = (np.append(x[few], x[rest].mean()) for x in map(np.asarray, (problem.spectrum.c, problem.spectrum.u)))
    share = [1.0 / n] * LARGE + [(n - LARGE) / n]
    return problem.replace(spectrum=Spectrum(c.tolist(), u.tolist(), share))
