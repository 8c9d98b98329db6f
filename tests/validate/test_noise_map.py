"""Noise processes side by side: data against `solve` and closed forms; the figure shows the data."""

import math

import numpy as np
import pytest

from meanfield import EDM, Exponential, Interval, Linear, Problem, ProblemError, VPLinear, solve
from validate.figures.pages.noise_map import PROCESSES, draw, noise_map

BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0)


@pytest.fixture(scope="module")
def data():
    return noise_map(BASE, n_points=7)


def test_speciation_lies_where_it_should_in_own_time(data):
    t_s = 1.0 / math.expm1(0.8) - 0.25  # unguided, sec. 2 of docs/theory.md
    expected = [t_s, t_s**0.5, 0.5 * math.log1p(t_s)]
    assert data.s_speciation.values[:3] == pytest.approx(expected, rel=1e-9)
    for i, process in enumerate(PROCESSES):
        assert process.ve_time(data.s_speciation.values[i]) == pytest.approx(t_s, rel=1e-9)
        assert process.ve_time(data.s_top.values[i]) == pytest.approx(6400.0, rel=1e-9)
        assert data.t.values[i] == pytest.approx(process.ve_time(data.share.values[i] * data.s_top.values[i]))


def test_end_points_by_start(data):
    T = data["T"].values
    for sampler, e in (("sde", 1.0), ("ode", 0.5)):  # without guidance v(0) is known: (T8) and its start term
        for start, v_T in zip(data["start"].values, (T, T + 1.0), strict=True):
            excess = (v_T - T - 0.25) * (0.25 / (0.25 + T)) ** (2 * e)
            assert data.v_ratio.sel(sampler=sampler, start=start).values == pytest.approx(1 + 4 * excess, abs=1e-9)
    assert data.v_ratio_inf.values == pytest.approx([1.0, 1.0])
    p = BASE.replace(guidance=2.0, sampler="ode", noise=VPLinear(), t_start=float(VPLinear().own_time(T[3])))
    guided = noise_map(p, n_points=7)  # noise and start of the problem are not looked at
    assert guided.v_ratio.values[1, 1, 3] == pytest.approx(solve(p).final.v / 0.25, abs=1e-9)
    assert abs(guided.v_ratio.values[1, 0, 3] - solve(p).final.v / 0.25) > 1e-3  # negative control: the other start


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: noise_map(BASE.replace(guidance=Interval(1.0, 0.5, 2.0))), "constant guidance"),
        (lambda: noise_map(BASE.replace(guidance=Linear(0.0, 1.0), t_start=4.0)), "constant guidance"),
        (lambda: noise_map(BASE, t_top=1e6), "t_top must be a number > 1 and <= 23154.8"),
    ],
)
def test_bad_input_is_refused(make, words):
    with pytest.raises(ProblemError, match=words):
        make()


def test_figure_shows_the_data(data):
    fig, (left, right) = draw(data)
    marks = [line for line in left.lines if line.get_marker() not in (None, "None", "")]
    assert [m.get_xdata()[0] for m in marks] == pytest.approx((data.s_speciation / data.s_top).values)
    assert "1.43" not in marks[0].get_label() and f"{data.s_speciation.values[1]:.3g}" in marks[1].get_label()
    curves = {line.get_label(): line.get_ydata() for line in right.lines}
    assert np.array_equal(curves["ODE, v(T) = T + 1"], data.v_ratio.values[1, 1])
    few = noise_map(BASE.replace(classes=Exponential(2.0)), processes=[EDM()], n_points=3)  # never speciates
    assert np.isnan(few.s_speciation.values).all()
    draw(few)[0].canvas.draw()
    fig.canvas.draw()
