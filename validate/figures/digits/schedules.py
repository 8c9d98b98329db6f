"""The schedules that the digits are sampled with, all with the same largest weight, and the spectra of their classes.

Spectra are those of `validate.data.mean_field`.
"""

import numpy as np

from meanfield import Constant, Interval, Piecewise, Problem, Ramp, Schedule, Spectrum
from simulate.learned import Digits
from validate.data.mean_field import class_problem

W = 2.0  # largest weight of all schedules
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
