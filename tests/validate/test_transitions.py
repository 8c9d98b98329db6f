"""Measured transitions: times and capacity from log-odds, against formulas and against particles at equal d."""

import math

import numpy as np
import pytest

from meanfield import Exponential, Problem, reduced, solve
from validate.errors import ComparisonError
from validate.figures.pages.transitions import _zero, capacity_measured, crossing_time, speciation_times, to_markdown

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25)


def test_zero_is_found_by_interpolation_and_its_absence_is_said():
    t = np.array([10.0, 3.0, 1.0, 0.0])
    assert _zero(t, np.array([-2.0, -1.0, 1.0, 5.0])) == pytest.approx(math.sqrt(4.0 * 2.0) - 1.0)
    assert _zero(t, np.array([-2.0, -1.0, 1.0, math.inf])) == pytest.approx(math.sqrt(8.0) - 1.0)
    with pytest.raises(ComparisonError, match="change sign"):
        _zero(t, np.array([-5.0, -4.0, -3.0, -2.0]))


@pytest.mark.parametrize("alpha", [0.3, 0.6])
def test_unguided_speciation_of_the_annealed_model(alpha):
    """At d = 10^6 the crossing is at 1/(exp(2 alpha) - 1) - sigma2 within its error; alpha off by 2 % is not."""
    problem = PROBLEM.replace(classes=Exponential(alpha))
    data = reduced(problem, 10**6, n_samples=800, n_draws=20, n_steps=200, n_times=201, seed=4, progress=False)
    t, stderr = crossing_time(data)
    assert stderr < 5e-4
    assert abs(t - (1 / math.expm1(2 * alpha) - 0.25)) < 4 * stderr + 2e-4  # and the grid in time
    assert abs(t - (1 / math.expm1(2.04 * alpha) - 0.25)) > 10 * stderr


def test_particles_and_quenched_theory_cross_together():
    """One guided case at d = 12; the mean field at d = infinity is elsewhere."""
    case = (PROBLEM.replace(guidance=1.0), 12)
    options = {"n_samples": 60, "n_disorder": 30, "n_steps": 80, "far": 10**5, "seed": 2, "progress": False}
    data = speciation_times({"guided": (case,)}, **options).isel(row=0)
    error = math.hypot(float(data["particles_stderr"]), float(data["quenched_stderr"]))
    assert abs(float(data["particles"] - data["quenched"])) < 4 * error
    assert float(data["theory"]) == pytest.approx(solve(case[0]).t_speciation)
    assert abs(float(data["annealed"] - data["theory"])) < 0.02 < 0.15 - error  # and half the weight is 0.5 away
    half = solve(case[0].replace(guidance=0.5)).t_speciation
    assert abs(float(data["particles"]) - half) > 5 * float(data["particles_stderr"])
    table = to_markdown(data.expand_dims("row"))
    assert "alpha = 0.4, w = 1" in table.splitlines()[2]


def test_capacity_is_passed_by_log_two_over_d():
    """sigma2 = 2, d = 20: above the formula by about log(2)/d, and by nothing like twice that."""
    alpha, stderr = capacity_measured(2.0, 20, [0.18, 0.22, 0.26], n_samples=100, n_disorder=30, threads=1)
    gap = (alpha - 0.5 * math.log1p(0.5)) * 20
    assert abs(gap - math.log(2)) < 0.15 + 4 * 20 * stderr < 0.5
    assert gap < 1.2
