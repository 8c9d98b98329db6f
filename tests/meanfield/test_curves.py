"""Curves: theory over named grids is `solve` at every point, says what it is, and boundaries are lines to plot."""

import json
import math

import numpy as np
import pytest

from meanfield import (
    Constant,
    Exponential,
    Fixed,
    Interval,
    Polynomial,
    Problem,
    ProblemError,
    Ramp,
    Rescale,
    ScheduleError,
    Spectrum,
    curves,
    phase_diagram,
    solve,
)
from meanfield.errors import ConvergenceError
from meanfield.maps import points as points_module
from meanfield.maps.boundaries import polylines

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
QUIET = {"progress": False}


def as_solve(point, problem, d=math.inf):
    theory = solve(problem, d)
    assert float(point.m) == pytest.approx(theory.final.m, rel=1e-6)
    assert float(point.v) == pytest.approx(theory.final.v, rel=1e-6)
    assert float(point.t_speciation) == pytest.approx(theory.t_speciation, rel=1e-6, nan_ok=True)
    assert point.phase.item() == theory.phases[-1] and point.standing.item() == theory.standing


def test_every_point_of_five_axes_is_solve():
    over = {
        "sampler": ["sde", "ode", 0.5],
        "w": [0.5, 2.0],
        "noise": ["ve", "edm"],
        "alpha": [0.3, 0.7, 1.0],
        "sigma2": [0.1, 0.3],
    }
    data = curves(PROBLEM, over, **QUIET)
    assert dict(data.sizes) == {name: len(values) for name, values in over.items()}
    rng = np.random.default_rng(3)
    for _ in range(12):
        where = {name: int(rng.integers(len(values))) for name, values in over.items()}
        problem = PROBLEM.replace(**{name: over[name][i] for name, i in where.items()})
        as_solve(data.isel(where), problem)
        with pytest.raises(AssertionError):  # w off by 1 %
            as_solve(data.isel(where), problem.replace(w=1.01 * problem.guidance.value))
    assert data.attrs["by_solve"] == 0 and data.attrs["failed"] == "{}"
    assert Problem.from_dict(json.loads(data.attrs["problem"])) == PROBLEM


def test_all_other_axes_are_solve():
    spectrum = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5])
    cases = {
        "guidance": [Constant(1.0), Rescale(1.0), Interval(2.0, 1.0, 5.0), Ramp(0.0, 4.0, 0.1, 6.0, shape="cosine")],
        "spectrum": [None, spectrum],
        "classes": [Exponential(0.3), Exponential(0.6, prior=0.1)],
        "t_start": [50.0, math.inf],
        "gamma": [1.0, 2.0],
        "n": [3, 50],
        "prior": [-0.1, 0.2],
        "d": [8, 64, math.inf],
    }
    for name, values in cases.items():
        base, d = PROBLEM.replace(t_start=100.0), 12 if name in ("gamma", "n") else math.inf
        data = curves(base if name != "spectrum" else base.replace(sigma2=0.375), {name: values}, d=d, **QUIET)
        for i, value in enumerate(values):
            changes, at = ({}, value) if name == "d" else ({name: value}, d)
            if name == "spectrum" and value is None:
                changes = {"sigma2": 0.375}
            as_solve(data.isel({name: i}), base.replace(**changes), at)


def test_w_is_the_amplitude_of_a_rule():
    rule = PROBLEM.replace(guidance=Rescale(1.0), t_start=100.0)
    data = curves(rule, {"w": [0.5, 2.0]}, **QUIET)
    as_solve(data.sel(w=2.0), rule.replace(guidance=Rescale(2.0)))
    with pytest.raises(AssertionError):
        as_solve(data.sel(w=2.0), rule.replace(guidance=2.0))


def test_an_axis_of_time_reads_trajectories():
    times = [0.05, 1.0, 10.0, 500.0]
    data = curves(PROBLEM.replace(t_start=100.0), {"w": [0.0, 3.0], "t": times, "sampler": ["ode", "sde"]}, **QUIET)
    assert data.m.dims == ("w", "t", "sampler") and data.t_speciation.dims == ("w", "sampler")
    theory = solve(PROBLEM.replace(t_start=100.0, w=3.0, sampler="ode"))
    here = data.sel(w=3.0, sampler="ode")
    np.testing.assert_allclose(here.v[:3], theory.at(times[:3]).v, rtol=1e-12)
    assert here.phase.values.tolist() == [*theory.at(times[:3]).phase, ""]
    assert math.isnan(here.m[3]) and float(here.t_speciation) == theory.t_speciation


def test_variables_and_axes_say_what_they_are():
    data = curves(PROBLEM, {"w": [0.5, 1.0], "d": [8, 32]}, **QUIET)
    for name, variable in data.variables.items():
        assert variable.attrs["long_name"] and "units" in variable.attrs, name
    assert data.passed_target.dtype == bool
    line = data.v_ratio.plot(x="w", hue="d")
    assert len(line) == 2 and "guidance w" in line[0].axes.get_xlabel()


def test_what_does_not_converge_is_nan_and_says_why(monkeypatch):
    def fails(problem, d):
        if problem.sigma2 > 0.2:
            raise ConvergenceError("no root")
        return solve(problem, d)

    monkeypatch.setattr(points_module, "solve", fails)
    cosine = PROBLEM.replace(guidance=Ramp(0.0, 4.0, 0.1, 6.0, shape="cosine"), t_start=100.0)
    data = curves(cosine, {"sigma2": [0.1, 0.3], "alpha": [0.4]}, **QUIET)
    assert data.standing.values.ravel().tolist() == ["exact", "failed"] and math.isnan(data.m[1, 0])
    assert json.loads(data.attrs["failed"]) == {"sigma2=0.3 alpha=0.4": "no root"}
    with pytest.raises(ConvergenceError):
        curves(cosine, {"sigma2": [0.3, 0.4]}, **QUIET)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({}, "empty"),
        ({"beta": [1]}, "'beta'"),
        ({"w": []}, "all different"),
        ({"w": 1.0}, "all different"),
        ({"w": "ab"}, "all different"),
        ({"w": [1.0, 1.0]}, "all different"),
        ({"w": ["x", "y"]}, "numbers"),
        ({"w": [1.0, math.nan]}, "finite"),
        ({"w": [1.0, 2.0], "guidance": [1.0]}, "only one"),
        ({"w": [1.0], "omega": [0.1]}, "only one"),
        ({"alpha": [0.4], "n": [3]}, "only one"),
        ({"sigma2": [-1.0, 0.2]}, "sigma2"),
        ({"sampler": ["sde", "euler"]}, "sampler"),
        ({"d": [0, 4]}, "d must"),
        ({"omega": [0.1, 1.0]}, "t_start"),
        ({"sampler": ["sde"], "eta": [0.3]}, "only one"),
    ],
)
def test_bad_grids_are_refused(over, words):
    with pytest.raises((ProblemError, ScheduleError), match=words):
        curves(PROBLEM, over, **QUIET)


def test_variants_of_a_problem_take_the_names_of_grids():
    assert PROBLEM.replace(w=2, alpha=0.7) == PROBLEM.replace(guidance=2.0, classes=Exponential(0.7))
    assert PROBLEM.replace(n=4, eta=0.0) == PROBLEM.replace(classes=Fixed(4), sampler="ode")
    assert PROBLEM.replace(gamma=2.0).classes == Polynomial(2.0)
    line = PROBLEM.replace(t_start=10.0).replace(omega=0.1)
    assert (line.guidance.w0, line.guidance.omega) == (1.0, 0.1)
    with pytest.raises(ProblemError, match="only one"):
        PROBLEM.replace(w=2.0, guidance=1.0)
    with pytest.raises(ProblemError, match="fields and parameters"):
        PROBLEM.replace(beta=1.0)
    with pytest.raises(ProblemError, match="w0 \\+ omega t"):
        PROBLEM.replace(guidance=Interval(1.0, 1.0, 2.0)).replace(w0=1.0)


def test_boundaries_are_lines_in_order():
    """A ring and a half plane: closed and open lines, neighbours next to each other, on the curves to the bisection."""
    x, y = np.linspace(-2.0, 2.0, 41), np.linspace(-1.5, 1.5, 31)

    def side(x, y, show):
        return (x**2 + y**2 < 1.0) | (x > 1.53)

    lines = polylines(side, x, y, side(*np.meshgrid(x, y), None), False)
    gaps = np.flatnonzero(np.isnan(lines[:, 0]))
    straight, ring = lines[: gaps[0]], lines[gaps[0] + 1 :]
    assert len(gaps) == 1
    assert np.array_equal(ring[0], ring[-1]) and np.abs(np.hypot(*ring.T) - 1.0).max() < 1e-7
    assert np.abs(straight[:, 0] - 1.53).max() < 1e-7 and np.all(np.diff(straight[:, 1]) > 0.0)
    steps = [np.hypot(*np.diff(line, axis=0).T).max() for line in (straight, ring)]
    assert max(steps) < np.hypot(x[1] - x[0], y[1] - y[0])
    assert polylines(side, x[:3], y[:3], np.zeros((3, 3), bool), False).shape == (0, 2)


def test_the_boundary_of_a_diagram_is_plotted_in_one_call():
    ode = PROBLEM.replace(sampler="ode")
    data = phase_diagram(ode, ("alpha", np.linspace(0.5, 0.9, 9)), ("w", np.linspace(2.0, 8.0, 13)), **QUIET)
    alpha, w = data.line_glass.sel(coordinate="alpha"), data.line_glass.sel(coordinate="w")
    assert alpha.dims == w.dims == ("point_glass",)
    assert not np.isnan(alpha).any()  # one nose
    assert np.hypot(np.diff(alpha) / 0.05, np.diff(w) / 0.5).max() < np.sqrt(2.0)
