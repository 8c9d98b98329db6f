"""The dose theorems (T14)-(T18), for random schedules."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import Constant, Continuum, ConvergenceError, Custom, Linear, Piecewise, Problem, dose
from meanfield.exact.theorems import final_from_dose, mean_from_dose, variance_from_dose

steps = st.lists(st.floats(-1.0, 10.0), min_size=1, max_size=5)


def problem(values, sampler, t_start, sigma2=0.25):
    edges = np.geomspace(0.1, 0.8 * min(t_start, 100.0), max(len(values) - 1, 1))[: len(values) - 1]
    guidance = Piecewise(list(edges), values)
    return Problem(classes=Continuum(), sigma2=sigma2, guidance=guidance, sampler=sampler, t_start=t_start)


@settings(max_examples=50)
@given(values=steps, t_start=st.sampled_from([2.0, 1e3, math.inf]), sigma2=st.floats(0.01, 5.0))
def test_sde_mean_and_ode_variance_depend_on_the_total_dose_alone(values, t_start, sigma2):
    sde = final_from_dose(problem(values, "sde", t_start, sigma2))
    ode = final_from_dose(problem(values, "ode", t_start, sigma2))
    p = problem(values, "sde", t_start, sigma2)
    assert sde.m == pytest.approx(mean_from_dose(p, sde.dose), rel=1e-9, abs=1e-9)
    assert ode.v == pytest.approx(variance_from_dose(p, ode.dose), rel=1e-9)
    assert sde.m <= 1.0 + sigma2 + 1e-9


def test_ode_mean_depends_on_when_the_dose_is_given():
    """Negative control: equal dose, early or late, other mean."""
    early, late = Piecewise([1.0], [0.0, 1.0]), Piecewise([1.0], [1.0, 0.0])
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=early, sampler="ode", t_start=1e3)
    scale = dose(early, p) / dose(late, p)
    same = p.replace(guidance=Piecewise([1.0], [scale, 0.0]))
    first, second = final_from_dose(p), final_from_dose(same)
    assert first.dose == pytest.approx(second.dose, rel=1e-12)
    assert first.v == pytest.approx(second.v, rel=1e-10)
    assert abs(first.m - second.m) > 0.05


@settings(max_examples=50)
@given(values=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=5), eta=st.floats(0.0, 3.0))
def test_no_go(values, eta):
    """(T17): no non-negative schedule keeps the variance."""
    result = final_from_dose(problem(values, eta, 100.0))
    assert result.v <= 0.25 * (1 + 1e-12)


def test_a_negative_window_keeps_the_variance_and_shifts_the_mean():
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=Linear(-0.5, 2.0), t_start=10.0)
    result = final_from_dose(p)
    assert result.m == pytest.approx(1.2346, abs=5e-5)
    assert result.v / 0.25 == pytest.approx(1.000, abs=5e-4)


@pytest.mark.parametrize(("sampler", "t_switch", "m"), [("sde", 0.2425, 1.2484), ("ode", 2.989, 2.057)])
def test_reference_designs(sampler, t_switch, m):
    guidance = Piecewise([t_switch], [-1.0, 5.0])
    result = final_from_dose(Problem(classes=Continuum(), sigma2=0.25, guidance=guidance, sampler=sampler, t_start=1e3))
    assert result.m == pytest.approx(m, abs=6e-4)
    assert result.v / 0.25 == pytest.approx(1.0, abs=5e-4)


def test_three_pieces_beat_one_switch_between_ode_and_sde():
    def final(edges, values):
        g = Piecewise([D - 0.05 for D in edges], values)
        return final_from_dose(Problem(classes=Continuum(), sigma2=0.05, guidance=g, sampler=0.4, t_start=1e3))

    assert final([0.0581, 0.9526], [5.0, -1.0, 5.0]).m == pytest.approx(1.3448, abs=2e-4)


def test_quadrature_that_does_not_converge_raises():
    wild = Custom(lambda t: np.sin(1e5 * t))
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=wild, t_start=10.0)
    with pytest.raises(ConvergenceError, match="State the jumps"):
        final_from_dose(p)
    assert dose(Constant(2.0), p.replace(guidance=2.0, t_start=math.inf)) == pytest.approx(2 * math.log(5), abs=1e-12)
