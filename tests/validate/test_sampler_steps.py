"""Schedules at the steps of samplers: the integrators against theory and closed forms; the figure shows the data."""

import math

import numpy as np
import pytest

from meanfield import Constant, Continuum, Linear, Piecewise, Problem, ProblemError, design, solve
from validate.figures.pages.sampler_steps import draw, integrate, sampler_steps

BASE = Problem(classes=Continuum(), sigma2=0.25, sampler="ode", t_start=200.0)


@pytest.fixture(scope="module")
def data():
    window = design(BASE, w_min=-1.0, w_max=3.0, slope=4.0)
    return sampler_steps(window.problem, steps=[30, 60, 120])


def test_one_first_order_step_is_known():
    """One step to sigma = 0 gives the denoised y: (T + w (...)) by hand."""
    sigma, sigma2, w = 2.0, 0.25, 0.7
    c, u = sigma2 / (sigma2 + sigma**2), (1.0 + sigma2) / (1.0 + sigma2 + sigma**2)
    m, v = integrate(Constant(w), np.array([sigma]), sigma2, 1, "start")
    assert m == pytest.approx((1.0 + w) * (1.0 - c)) and v == pytest.approx(((1.0 + w) * c - w * u) ** 2 * sigma**2)


@pytest.mark.parametrize(("order", "least"), [(1, 0.95), (2, 1.8)])
def test_methods_have_their_order(order, least):
    schedule, sigma = Linear(-0.5, 0.02), math.sqrt(BASE.T)
    theory = solve(BASE.replace(guidance=schedule)).final
    errors = []
    for n in (200, 400):
        levels = np.linspace(sigma**0.2, (1e-3 / n) ** 0.2, n) ** 5
        m, v = integrate(schedule, levels, BASE.sigma2, order, "start")
        errors.append((m - theory.m, v - theory.v))
    found = np.log2(np.abs(np.array(errors[0]) / np.array(errors[1])))
    assert np.all(found > least), found
    assert abs(errors[1][1]) < (0.01 if order == 1 else 1e-3)


def test_scales_are_those_of_the_schedule(data):
    for name in data.levels.values:
        row = data.sel(levels=name)
        assert float(row.scale.max()) == 4.0 and float(row.scale.min()) == 0.0
        assert np.all(np.diff(row.t) <= 0.0) and float(row.t.max()) <= 200.0
    where = {name: int(np.argmax(data.sel(levels=name).scale.values < 1.0)) for name in data.levels.values}
    assert len(set(where.values())) == 3  # the window closes at another step in each sampler


def test_what_the_steps_keep(data):
    kept = data.v_ratio.sel(guidance="schedule")
    assert np.all(np.abs(kept.sel(sampler="DPM++ 2M, start") - 1.0) < 0.05)
    assert np.all(kept.sel(sampler="first order, start") < kept.sel(sampler="first order, mean"))
    unguided = data.v_ratio.sel(guidance="unguided")
    assert np.array_equal(unguided.sel(sampler="first order, start"), unguided.sel(sampler="first order, mean"))
    assert np.all(np.abs(data.m_error.sel(n=120)) < 0.02)


@pytest.mark.parametrize("change", [{"sampler": "sde"}, {"t_start": math.inf}])
def test_problems_without_linear_steps_are_refused(change):
    with pytest.raises(ProblemError, match="continuum, the ODE and a finite start"):
        sampler_steps(BASE.replace(guidance=Piecewise([1.0], [-1.0, 2.0])).replace(**change))


def test_figure_shows_the_data(data):
    _, (left, right) = draw(data)
    drawn = [line for line in left.lines if line.get_label() in data.levels.values]
    assert [line.get_ydata().tolist() for line in drawn] == data.scale.values.tolist()
    solid = [line for line in right.lines if line.get_label() in data["sampler"].values]
    assert [line.get_ydata().tolist() for line in solid] == data.v_ratio.sel(guidance="schedule").values.tolist()
