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
from meanfield.closedform import closed_form, crowd
from meanfield.freeenergy import information
from meanfield.theorems import final_from_dose

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


# -- the glass ------------------------------------------------------------------------------------------------------

# Examples with a start at finite T, quoted from fixed-step integrations to the digits shown; in the first four the last
# digit is off by one (speciation was taken a step late), which the closed form and the plain integration below settle.
GLASS = [
    (0.45, 10.0, "ode", 1e3, 1.989, 0.426),
    (0.45, 10.0, "ode", 1e5, 2.065, 0.459),
    (0.45, -0.25, "sde", 1e3, 0.9001, 1.206),
    (0.7, 5.0, "ode", 1e3, 1.768, 0.103),
    (0.6, Piecewise([2.0], [-1.0, 5.0]), "sde", 1e3, 1.1989, 0.9365),
    (0.6, Piecewise([3.0], [-1.0, 5.0]), "ode", 1e3, 1.774, 0.265),
    (0.6, Piecewise([6.0], [-1.0, 5.0]), "ode", 1e3, 1.648, 0.625),
]


@pytest.mark.parametrize(("alpha", "w", "sampler", "T", "m", "ratio"), GLASS)
def test_glass_and_strong_guidance_examples(alpha, w, sampler, T, m, ratio):
    final = solve(problem(alpha, w, sampler, T)).final
    assert final.m == pytest.approx(m, abs=1e-3)
    assert final.v / 0.25 == pytest.approx(ratio, abs=1e-3)


@pytest.mark.parametrize(("alpha", "w", "T"), [(0.45, 10.0, 1e3), (0.45, 10.0, 1e5), (0.7, 5.0, 1e3)])
def test_strong_guidance_examples_against_the_closed_form(alpha, w, T):
    p = problem(alpha, w, "ode", T)
    expected, final = closed_form(p), solve(p).final
    assert final.m == pytest.approx(expected.m, abs=1e-10)
    assert final.v == pytest.approx(expected.v, abs=1e-10)


def plain_glass(alpha, w, eta, T, n, sigma2=0.25):
    """(T7) with (T4) by fixed steps of fourth order up to speciation, which is located by linear interpolation of F."""
    e, h = 0.5 * (1 + eta**2), math.log((sigma2 + T) / sigma2) / n

    def K(D, q):
        return 0.5 * (D / (1 + D) + q / (1 + D) ** 2 - 1 + math.log1p(1 / D))

    def condensed(D, q):
        low, high = D, 1e6
        if K(D, q) <= alpha:
            return D
        for _ in range(80):
            mid = math.sqrt(low * high)
            low, high = (mid, high) if K(mid, q) > alpha else (low, mid)
        return low

    def rate(x, s):
        D, (m, v) = math.exp(x), s
        c = 1 / (1 + condensed(D, m * m + v))
        return np.array([-e * (1 + w) + e * (1 + w * c) * m, 2 * e * (1 + w * c) * v - eta**2 * D])

    def F(x, s):
        D, (m, v) = math.exp(x), s
        q, Dp = m * m + v, condensed(D, m * m + v)
        crowd_ = alpha - 0.5 * math.log1p(1 / D) - q / (2 * (1 + D))
        rest = crowd_ if Dp == D else -(q * (Dp / (1 + Dp)) ** 2 + Dp / (1 + Dp)) / (2 * D)
        return -((m - 1) ** 2 + v) / (2 * D) - rest

    x, s = math.log(sigma2 + T), np.array([0.0, T])
    while True:
        k1 = rate(x, s)
        k2 = rate(x - h / 2, s - h / 2 * k1)
        k3 = rate(x - h / 2, s - h / 2 * k2)
        k4 = rate(x - h, s - h * k3)
        new = s - h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        if F(x - h, new) > 0:
            share = F(x, s) / (F(x, s) - F(x - h, new))
            m, v = s + share * (new - s)
            D_s = math.exp(x - share * h)
            r = sigma2 / D_s
            return 1 + (m - 1) * r**e, sigma2 + (v - D_s) * r ** (2 * e), D_s - sigma2
        x, s = x - h, new


@pytest.mark.parametrize(("alpha", "w", "eta"), [(0.45, -0.25, 1.0), (0.6, 12.0, 0.0)])
def test_glass_against_a_plain_integration(alpha, w, eta):
    theory = solve(problem(alpha, w, eta, 1e3))
    assert "glass" in theory.phases
    assert theory.standing == ("approximate" if w < 0 else "asymptotic")
    m, v, t_s = plain_glass(alpha, w, eta, 1e3, n=4000)
    assert theory.final.m == pytest.approx(m, abs=3e-5)
    assert theory.final.v == pytest.approx(v, abs=3e-5)
    assert theory.t_speciation == pytest.approx(t_s, abs=1e-4)


def test_glass_differs_from_the_annealed_crowd():
    """Negative control: the same trajectory with (T2) beyond condensation ends elsewhere."""
    p = problem(0.6, 12.0, "ode", 1e3)
    theory = solve(p)
    condensation = next(e for e in theory.events if e.kind == "condensation")
    q = condensation.m**2 + condensation.v
    assert information(0.25 + condensation.t, q) == pytest.approx(0.6, abs=1e-9)
    with pytest.raises(ProblemError, match="condenses above D"):
        closed_form(p)
    m_crowd, _ = crowd(0.25 + theory.t_speciation, 12.0, 0.0, 0.25, 1e3)
    assert abs(theory.at(theory.t_speciation).m - m_crowd) > 1e-3


@pytest.mark.parametrize("alpha", [0.3, 0.45, 0.6, 3.0, INF])
@pytest.mark.parametrize("sampler", ["sde", "ode", 0.5])
def test_unconditional_sampler_gives_the_unconditional_second_moment(alpha, sampler):
    """w = -1: q(0) = 1 + sigma2 exactly, which the capture rule must reproduce."""
    theory = solve(problem(alpha, -1.0, sampler))
    assert theory.final.q == pytest.approx(1.25, abs=1e-8)
    if alpha < 0.8:
        assert theory.phases[-1] == "captured" and theory.standing == "approximate"


@pytest.mark.parametrize(
    ("alpha", "w", "sampler", "T", "ratio"),
    [
        (0.3, -0.5, "ode", INF, 2.34),
        (0.3, -0.75, "ode", INF, 3.47),
        (0.6, Piecewise([3.0], [-0.5, 5.0]), "sde", 1e3, 1.82),
    ],
)
def test_capture_examples(alpha, w, sampler, T, ratio):
    theory = solve(problem(alpha, w, sampler, T))
    assert theory.final.v / 0.25 == pytest.approx(ratio, abs=5.1e-3)
    assert theory.standing == "approximate"


def test_repeated_capture_at_small_noise_becomes_the_plain_glass():
    """At D ~ 1e-5 a captured class is overtaken at once: the solver releases the sample and goes on in the glass."""
    theory = solve(problem(5.0, -0.5, "ode", 1e-3, sigma2=1e-8))
    kinds = [e.kind for e in theory.events]
    assert kinds.count("capture") == kinds.count("release") == 1


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


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=40, deadline=None)
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
        with pytest.raises(ScheduleError, match=r"w\(t = 2\.\d+\) is not"):
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


def test_standing_follows_the_weight_inside_the_glass():
    """A glass entered with a weight of +0.02 that turns negative inside it is approximate all the same."""
    negative = solve(problem(0.45, -0.25, "sde", 1e3))
    t_c = next(e.t for e in negative.events if e.kind == "condensation")
    bump = Custom(lambda t: -0.25 + 0.27 * np.exp(-((np.log((t + 0.1) / (t_c + 0.1)) / 0.05) ** 2)))
    theory = solve(problem(0.45, bump, "sde", 1e3))
    entry = next(e.t for e in theory.events if e.kind == "condensation")
    assert bump.w(entry) > 0.0 and "captured" not in theory.phases
    assert theory.standing == "approximate"
    assert solve(problem(0.6, 12.0, "ode", 1e3)).standing == "asymptotic"
    assert solve(problem(0.4, 0.0)).standing == "exact"  # condensation and speciation coincide, and guidance is off
