"""`solve` against reference values, closed forms, quadrature and a plain fixed-step integration; every phase."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import (
    CfgfieldError,
    Continuum,
    ConvergenceError,
    Custom,
    Exponential,
    Fixed,
    Interval,
    Linear,
    Piecewise,
    Polynomial,
    Problem,
    ProblemError,
    ScheduleError,
    solve,
)
from meanfield.exact.closedform import closed_form, crowd
from meanfield.exact.theorems import final_from_dose

INF = math.inf


def problem(alpha, w, sampler="sde", t_start=INF, sigma2=0.25):
    classes = Continuum() if alpha == INF else Exponential(alpha)
    return Problem(classes=classes, sigma2=sigma2, guidance=w, sampler=sampler, t_start=t_start)


# (sampler, alpha, w, m(0), v(0), t_s), printed digits of docs/theory.md
REFERENCE = [
    ("sde", 0.4, 0.5, 1.05416, 0.24240, 1.33847),
    ("sde", 0.4, 1.0, 1.07555, 0.24264, 2.05894),
    ("sde", 0.4, 4.0, 1.11129, 0.24599, 6.05239),
    ("sde", 0.7, 1.0, 1.13708, 0.21600, 0.57377),
    ("ode", 0.4, 0.5, 1.15154, 0.19821, 1.44241),
    ("ode", 0.4, 1.0, 1.25191, 0.17866, 2.25441),
    ("ode", 0.7, 1.0, 1.31347, 0.12248, 0.71050),
    ("sde", INF, 1.0, 1.2, 0.103333, math.nan),
    ("sde", INF, 0.0, 1.0, 0.25, math.nan),
]


@pytest.mark.parametrize(("sampler", "alpha", "w", "m", "v", "t_s"), REFERENCE)
def test_reference_values(sampler, alpha, w, m, v, t_s):
    theory = solve(problem(alpha, w, sampler))
    assert theory.final.m == pytest.approx(m, abs=5.1e-6)
    assert theory.final.v == pytest.approx(v, abs=5.1e-6)
    assert theory.t_speciation == pytest.approx(t_s, abs=5.1e-6, nan_ok=True)
    assert theory.standing == "exact"


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.4, 1.7])
@pytest.mark.parametrize(("alpha", "w"), [(0.4, 0.5), (0.4, 2.0), (0.7, 1.0), (INF, 3.0), (2.0, -0.6), (0.05, 1.0)])
@pytest.mark.parametrize("t_start", [INF, 1000.0, 300.0])
def test_solver_equals_closed_forms(alpha, w, sampler, t_start):
    p = problem(alpha, w, sampler, t_start)
    theory = solve(p)
    if p.eta > 1.0 and alpha < 1.0:
        assert "sliding" in theory.phases  # (T11) knows no sliding
        return
    expected = closed_form(p)
    assert theory.final.m == pytest.approx(expected.m, abs=1e-10)
    assert theory.final.v == pytest.approx(expected.v, abs=1e-10)
    if not math.isnan(expected.t_speciation):  # events to 1e-9 in log D
        D, D_s = p.sigma2 + theory.t_speciation, p.sigma2 + expected.t_speciation
        assert math.log(D) == pytest.approx(math.log(D_s), abs=1e-9)


def test_solver_equals_the_crowd_solution_on_the_way():
    theory = solve(problem(0.4, 1.0, 0.6))
    for t in (100.0, 10.0, theory.t_speciation):
        m, v = crowd(0.25 + t, 1.0, 0.6)
        assert theory.at(t).m == pytest.approx(m, abs=1e-10)
        assert theory.at(t).v == pytest.approx(v, rel=1e-10)


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.4, 2.0])
@pytest.mark.parametrize(
    "guidance",
    [
        Linear(-0.5, 2.0),
        Piecewise([0.3, 3.0], [-0.9, 5.0, 1.0]),
        Interval(4.0, 0.5, 5.0),
        Custom(lambda t: 1 + np.sin(t)),
    ],
)
def test_solver_equals_the_dose_integrals(sampler, guidance):
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=guidance, sampler=sampler, t_start=10.0)
    theory, dose = solve(p), final_from_dose(p)
    assert theory.final.m == pytest.approx(dose.m, abs=1e-8)
    assert theory.final.v == pytest.approx(dose.v, abs=1e-8)


# -- sub-exponential growth, few classes, sliding -------------------------------------------------------------------


@pytest.mark.parametrize("classes", [Polynomial(0.5), Fixed(3)])
@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_sub_exponential_growth_has_no_distortion_at_infinite_d(classes, sampler):
    theory = solve(Problem(classes=classes, sigma2=0.25, guidance=2.0, sampler=sampler))
    assert theory.final.m == pytest.approx(1.0, abs=1e-12)
    assert theory.final.v == pytest.approx(0.25, abs=1e-12)
    assert theory.t_speciation == INF and theory.phases == ("target",)


@pytest.mark.parametrize(("w", "lost"), [(-0.3, False), (-0.7, True)])
def test_sub_exponential_growth_is_the_limit_of_small_alpha(w, lost):
    limit = solve(Problem(classes=Fixed(3), sigma2=0.25, guidance=w, sampler="ode"))
    small = solve(problem(1e-6, w, "ode"))
    assert (limit.phases[-1] == "captured") == (small.phases[-1] == "captured") == lost
    assert limit.final.m == pytest.approx(small.final.m, abs=2e-3)
    assert limit.final.v == pytest.approx(small.final.v, abs=2e-3)
    if lost:  # (T7d) at o_k = 0, n_k = 1: v = D + w^2 throughout
        assert limit.final.v == pytest.approx(0.25 + w * w, abs=1e-10)


def test_finite_d_uses_the_rate_of_that_d():
    p = Problem(classes=Polynomial(0.5), sigma2=0.25, guidance=1.0)
    alpha_d = math.log(32) / 1000
    at_d, same = solve(p, d=1000), solve(problem(alpha_d, 1.0))
    assert at_d.final.m == pytest.approx(same.final.m, abs=1e-12)
    assert at_d.standing == "asymptotic" and same.standing == "exact"


def test_a_single_class_is_never_distorted():
    for T in (INF, 50.0):
        theory = solve(Problem(classes=Fixed(1), sigma2=0.25, guidance=3.0, sampler="ode", t_start=T), d=10)
        ratio = 0.0 if T == INF else 0.25 / 50.25
        assert theory.final.m == pytest.approx(1.0 - ratio**0.5, abs=1e-12)


def test_sliding_above_eta_one():
    """eta = 2, w = 1, alpha = 0.5 slides: F stays 0 on a stretch of time with a weight inside (0, w)."""
    theory = solve(problem(0.5, 1.0, 2.0))
    assert "sliding" in theory.phases
    i = theory.phases.index("sliding")
    low, high = theory.pieces[i].tau_low, theory.pieces[i].tau_high
    t = np.exp(-np.linspace(low, high, 50)) - 0.25
    assert np.abs(theory.at(t).F).max() < 1e-9
    assert solve(problem(0.5, 1.0, 1.0)).phases == ("crowd", "target")


@settings(max_examples=40)
@given(
    values=st.lists(st.floats(0.0, 20.0), min_size=2, max_size=5),
    alpha=st.one_of(st.floats(0.02, 3.0), st.just(INF)),
    eta=st.floats(0.0, 3.0),
    log_sigma2=st.floats(-6.0, 2.0),
    T=st.floats(0.5, 1e4),
)
def test_no_non_negative_schedule_keeps_the_variance(values, alpha, eta, log_sigma2, T):
    """v(0) <= sigma2 for w >= 0, for every sampler, number of classes and start; never nan."""
    sigma2 = math.exp(log_sigma2)
    edges = np.geomspace(1e-2 * T, 0.9 * T, len(values) - 1)
    theory = solve(problem(alpha, Piecewise(list(edges), values), eta, T, sigma2))
    assert theory.final.v <= sigma2 * (1 + 1e-9)
    assert math.isfinite(theory.final.m)


@settings(max_examples=40)
@given(
    values=st.lists(st.floats(-1.0, 50.0), min_size=1, max_size=4),
    alpha=st.one_of(st.floats(1e-6, 50.0), st.just(INF)),
    eta=st.floats(0.0, 3.0),
    log_sigma2=st.floats(math.log(1e-8), math.log(1e6)),
    log_T=st.floats(-3.0, math.log(1e12)),
)
def test_solver_converges_or_raises_and_crosses_once_for_eta_up_to_one(values, alpha, eta, log_sigma2, log_T):
    T = math.exp(log_T)
    guidance = Piecewise(list(np.geomspace(1e-2 * T, 0.5 * T, len(values) - 1)), values)
    theory = solve(problem(alpha, guidance, eta, T, math.exp(log_sigma2)))
    state = theory.at(theory.t)
    for x in (state.m, state.v, state.q, state.mean_shift, state.variance_excess):
        assert np.all(np.isfinite(x))
    assert np.all(state.v >= 0.0)
    if eta <= 1.0:
        assert len(theory.crossings) <= 1 and "sliding" not in theory.phases


EXTREMES = [
    dict(alpha=1e-6, w=1.0, sampler="ode"),
    dict(alpha=50.0, w=1e4, sampler="sde", sigma2=1e-8),
    dict(alpha=50.0, w=1e4, sampler="ode", sigma2=1e-8),
    dict(alpha=0.4, w=1e4, sampler="sde"),
    dict(alpha=0.4, w=-1.0, sampler="sde", sigma2=1e6),
    dict(alpha=0.7, w=1e4, sampler=2.0, sigma2=1e-8, t_start=1e12),
    dict(alpha=INF, w=1e4, sampler=0.3, sigma2=1e-8, t_start=1e12),
]


@pytest.mark.parametrize("case", EXTREMES)
def test_legal_extremes_work(case):
    theory = solve(problem(**case))
    assert math.isfinite(theory.final.m) and 0.0 <= theory.final.v < math.inf
    if case["sampler"] == "sde" and case["w"] > 0:
        assert theory.final.m <= 1 + case.get("sigma2", 0.25) + 1e-9  # (T16)


def test_a_schedule_that_fails_on_the_way_is_reported_with_its_time():
    with np.errstate(invalid="ignore"):
        bad = Custom(lambda t: np.where((t > 2.0) & (t < 2.2), np.nan, 1.0))
        with pytest.raises(ScheduleError, match=r"w\(t = 2\.\d+(, 2\.\d+)*\) is not"):
            solve(Problem(classes=Continuum(), sigma2=0.25, guidance=bad, t_start=10.0))


def test_a_variance_that_overflows_raises():
    with pytest.raises(ConvergenceError, match="must have a finite solution"):
        solve(problem(INF, -300.0, "ode", sigma2=1e-8))


def test_bad_dimension_and_times_are_refused():
    theory = solve(problem(0.4, 1.0))
    with pytest.raises(CfgfieldError, match="d must be a number >= 1"):
        solve(problem(0.4, 1.0), d=0)
    with pytest.raises(ProblemError, match="t must lie between 0 and"):
        theory.at(-1.0)


def test_dataset_is_labelled_and_complete():
    theory = solve(problem(0.45, -0.25, "sde", 1e3))
    ds = theory.to_dataset()
    assert ds.attrs["standing"] == "approximate" and "condensation" in ds.attrs["events"]
    assert float(ds.m.sel(t=0.0)) == theory.final.m
    assert set(ds.phase.values) == {"crowd", "glass", "target"}
    assert "approximate" in repr(theory) and "condensation at t" in repr(theory)
