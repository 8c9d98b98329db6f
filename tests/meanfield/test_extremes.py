"""Numbers at the ends of what doubles hold: solved, or refused with the range."""

import math

import pytest

from meanfield import Exponential, Problem, ProblemError, design, for_timesteps, solve
from meanfield.errors import CfgfieldError


def test_a_large_stochasticity_is_solved_up_to_its_limit_and_refused_beyond():
    """The solution goes to its limit as 1/eta^2, and LSODA's steps grow: beyond 100 nothing is to be learnt."""
    problem = Problem(classes=Exponential(1.0), sigma2=0.25, guidance=1.0)
    finals = [solve(problem.replace(sampler=eta)).final.m for eta in (25.0, 50.0, 100.0)]
    ratio = (finals[0] - finals[1]) / (finals[1] - finals[2])
    assert math.isclose(ratio, 4.0, rel_tol=0.02) and abs(finals[2] - finals[1]) < 1e-3
    with pytest.raises(ProblemError, match=r"eta \(the sampler\) must be a number >= 0 and <= 100; got 100000"):
        problem.replace(sampler=1e5)


@pytest.mark.parametrize("change", [{"sigma2": 1e308}, {"sigma2": 1e-308}, {"guidance": 1e308}])
def test_numbers_whose_squares_are_no_floats_are_refused(change):
    with pytest.raises(ProblemError, match="must be a number"):
        solve(Problem(**{"classes": Exponential(0.4), "sigma2": 0.25, **change}))


def test_a_rate_that_is_lost_beside_one_is_refused():
    with pytest.raises(ProblemError, match=r"log\(P\)/d must be a number >= 1e-20"):
        solve(Problem(classes=Exponential(5e-324), sigma2=0.25))


@pytest.mark.parametrize("bounds", [{"slope": 5e-324}, {"w_max": 1e308}, {"w_min": -1e308}, {"keep": 1e308}])
def test_bounds_of_a_design_that_no_schedule_shows_are_refused(bounds):
    with pytest.raises(ProblemError, match="must be a number"):
        design(Problem(classes=Exponential(0.4), sigma2=0.25), **bounds)


def test_levels_whose_squares_are_no_floats_are_refused():
    with pytest.raises(CfgfieldError, match="sigmas must be at most 1e100; got 1e\\+308"):
        for_timesteps(Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0).schedule, sigmas=[1e308, 1.0])
