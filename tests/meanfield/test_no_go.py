"""The no-go theorem with numbers: random non-negative schedules, samplers, starts and spectra."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import Constant, Continuum, Linear, Piecewise, Problem, ScheduleError, Spectrum, no_go, solve
from meanfield.exact.directions import along
from meanfield.exact.theorems import final_from_dose, mean_from_dose, variance_from_dose

positive = st.lists(st.floats(0.0, 8.0), min_size=1, max_size=5)


def steps(values, seed):
    edges = np.sort(np.exp(np.random.default_rng(seed).uniform(math.log(0.02), math.log(50.0), len(values) - 1)))
    return Piecewise(edges.tolist(), values)


def problem(sampler="sde", t_start=math.inf, **changes):
    return Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler=sampler, t_start=t_start, **changes)


@settings(max_examples=40)
@given(positive, st.integers(0, 10**6), st.floats(0.0, 2.0), st.sampled_from([60.0, math.inf]))
def test_every_non_negative_schedule_loses_at_least_the_bound(values, seed, eta, t_start):
    result = no_go(steps(values, seed), problem(eta, t_start))
    assert result.v_ratio <= result.best_ratio * (1 + 1e-9) <= result.unguided * (1 + 2e-9)
    again = final_from_dose(problem(eta, t_start).replace(guidance=result.best))
    assert again.dose == pytest.approx(result.dose, rel=1e-9, abs=1e-9)  # a schedule reaches it
    if result.dose > 1e-6:
        assert result.must_lose > 0.0
    if eta == 1.0:
        assert again.m == pytest.approx(result.m, abs=1e-9)


def test_an_early_schedule_reaches_the_bound_and_a_late_one_does_not():
    early, late = Piecewise([1.0], [0.0, 2.0]), Piecewise([1.0], [2.0, 0.0])
    assert no_go(early, problem()).lost == pytest.approx(no_go(early, problem()).must_lose, abs=1e-9)
    assert no_go(late, problem()).lost > no_go(late, problem()).must_lose + 0.1


@settings(max_examples=25)
@given(positive, st.integers(0, 10**6), st.sampled_from([20.0, math.inf]))
def test_theorems_direction_by_direction(values, seed, t_start):
    """(T16)-(T18) hold for every direction of a spectrum, with its own dose; checked on `solve`."""
    two = Spectrum(c=[0.25, 0.5], u=[0.75, 4.0], share=[0.5, 0.5])
    for sampler in ("sde", "ode"):
        p = Problem(classes=Continuum(), spectrum=two, guidance=steps(values, seed), sampler=sampler, t_start=t_start)
        final = solve(p).final
        for i in range(2):
            direction = along(p, i)
            total = final_from_dose(direction).dose
            if sampler == "sde":
                assert 1.0 + final.mean_shift_group[i] == pytest.approx(mean_from_dose(direction, total), abs=1e-8)
            else:
                kept = variance_from_dose(direction, total) / direction.sigma2
                assert 1.0 + final.variance_excess_group[i] == pytest.approx(kept, rel=1e-8)
            assert final.variance_excess_group[i] <= 1e-9


@pytest.mark.parametrize("schedule", [Constant(-0.1), Linear(-0.5, 2.0), Piecewise([1.0], [-1.0, 5.0])])
def test_a_negative_schedule_is_refused(schedule):
    with pytest.raises(ScheduleError, match=r"w >= 0.*meanfield\.design"):
        no_go(schedule, problem(t_start=10.0))
