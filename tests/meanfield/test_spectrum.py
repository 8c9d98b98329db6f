"""Spectra: the theory by groups, its limits, its closed forms, and what the isotropic case forbids."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import (
    Constant,
    Continuum,
    Exponential,
    Fixed,
    Linear,
    Piecewise,
    Polynomial,
    Problem,
    ProblemError,
    Spectrum,
    distortion,
    solve,
)
from meanfield.exact.closedform import closed_form
from meanfield.exact.directions import along, capacity, shift_in_class_widths, unguided_speciation
from meanfield.exact.theorems import final_from_dose
from meanfield.maps.bulk import Responses, table_of
from meanfield.theory.energies import information
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.push import Push

TWO = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
WIDE = Spectrum(c=[0.02, 0.3, 2.0], u=[0.05, 2.3, 30.0], share=[0.5, 0.3, 0.2])


# -- the isotropic limit --------------------------------------------------------------------------------

ISOTROPIC = [
    {"classes": Exponential(0.4), "guidance": 1.0},
    {"classes": Exponential(0.7), "guidance": 5.0, "sampler": "ode"},  # glass
    {"classes": Exponential(0.45), "guidance": -0.25, "t_start": 1000.0},
    {"classes": Exponential(0.45), "guidance": -1.0, "sampler": "ode"},  # capture
    {"classes": Exponential(0.6), "guidance": Piecewise([3.0], [-1.0, 5.0]), "t_start": 1000.0},
    {"classes": Exponential(0.5), "guidance": 1.0, "sampler": 2.0},  # sliding
    {"classes": Continuum(), "guidance": Linear(-0.5, 2.0), "t_start": 10.0},
    {"classes": Polynomial(2.0), "guidance": 1.0},
    {"classes": Polynomial(2.0), "guidance": -0.7, "sampler": "ode"},
    {"classes": Polynomial(2.0), "guidance": 1.0, "t_start": 30.0},
    {"classes": Fixed(1), "guidance": 1.0},
]


@pytest.mark.parametrize("fields", ISOTROPIC, ids=lambda f: f"{f['classes']}-{f.get('sampler', 'sde')}")
@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.2, 0.3, 0.5]])
def test_equal_groups_are_the_isotropic_theory(fields, shares):
    """Arrays over groups and their means against numbers; what the numbers are is the next test's."""
    n, t = len(shares), np.array([0.0, 0.3, 1.0, 3.0, 5.0])
    scalar = solve(Problem(sigma2=0.25, **fields))
    theory = solve(Problem(spectrum=Spectrum([0.25] * n, [1.25] * n, shares), **fields))
    assert theory.phases == scalar.phases and theory.standing == scalar.standing
    a, b = scalar.at(t), theory.at(t)
    for name in ("m", "v", "q", "mean_shift", "variance_excess"):
        assert np.abs(getattr(a, name) - getattr(b, name)).max() < 1e-9
    for name in ("m", "v"):
        assert np.abs(getattr(a, name)[:, None] - getattr(b, f"{name}_group")).max() < 1e-9
    if np.isfinite(b.F).all():
        assert np.abs(a.F - b.F).max() < 1e-9
    for one, two in zip(scalar.events, theory.events, strict=True):
        assert one.kind == two.kind and np.allclose(one[1:], two[1:], atol=1e-9)


@pytest.mark.parametrize("spectrum", [None, Spectrum([0.25], [1.25]), Spectrum([0.25] * 2, [1.25] * 2, [0.3, 0.7])])
@pytest.mark.parametrize("fields", ISOTROPIC, ids=lambda f: f"{f['classes']}-{f.get('sampler', 'sde')}")
def test_isotropic_problems_end_where_independent_routes_put_them(fields, spectrum):
    """Compiled trajectories (glass, capture and sliding too); for alpha = 0 the closed form of classes alone."""
    isotropic = Problem(sigma2=0.25, **fields)
    final = solve(isotropic.replace(**({} if spectrum is None else {"spectrum": spectrum}))).final
    respond = Responses(isotropic, strongest=10.0)
    if respond.alpha > 0.0:
        fast = respond(table_of(isotropic.schedule, respond.start))
        expected, tolerance = (fast.shift[0], fast.ratio[0]), 2e-8
    elif isotropic.guidance == Constant(-0.7):  # a class is captured at t = infinity: (T7d), m = 1 + w, v = D + w^2
        expected, tolerance = (-0.7, 1.0 + 0.49 / 0.25), 1e-10
    else:  # the target has the weight from the start: (T10)
        ratio, T = (0.0, 0.0) if math.isinf(isotropic.T) else (0.25 / (0.25 + isotropic.T), isotropic.T)
        excess = ratio ** (isotropic.eta**2) * (T / (0.25 + T) - 1.0) if T else 0.0
        expected, tolerance = (-(ratio**isotropic.e), 1.0 + excess), 1e-12
    assert final.mean_shift == pytest.approx(expected[0], abs=tolerance)
    assert 1.0 + final.variance_excess == pytest.approx(expected[1], rel=tolerance)


def test_units_of_length_do_not_matter():
    p = Problem(classes=Exponential(0.5), spectrum=WIDE, guidance=3.0, sampler="ode")
    scaled = Spectrum([7.0 * x for x in WIDE.c], [7.0 * x for x in WIDE.u], WIDE.share)
    a, b = solve(p), solve(p.replace(spectrum=scaled))
    assert np.allclose(a.final.m_group, b.final.m_group, atol=1e-10)
    assert b.t_speciation == pytest.approx(7.0 * a.t_speciation)


# -- free energies and forces ---------------------------------------------------------------------------


def groups_of(spectrum, alpha):
    return Groups(spectrum.c, spectrum.g, spectrum.share, alpha)


def at(groups, D, q):
    """Point with these q by group, at m = 0; D must be those of a time."""
    return Point(groups, -math.log(float(D[0] * groups.g[0] - groups.above[0])), np.full(len(q), -1.0), np.log(q / D))


def log_weight_of_the_rest(groups, D, q):
    """phi_rest, (S2) in the crowd and (S4) in the glass, as written."""
    beta = at(groups, D, q).beta
    b = D / beta
    if beta == 1.0:
        return groups.alpha - 0.5 * float(groups.share @ (np.log1p(1.0 / b) + q / (1.0 + b)))
    k = b / (1.0 + b)
    return -float(groups.share @ ((q * k**2 + k) / (2.0 * D)))


@pytest.mark.parametrize("alpha", [0.15, 0.5, 3.0])  # glass, glass or crowd, crowd
def test_force_of_the_rest_is_the_gradient_of_its_log_weight(alpha):
    groups = groups_of(WIDE, alpha)
    rng, phases = np.random.default_rng(0), set()
    for _ in range(20):
        D = WIDE.D(10 ** rng.uniform(-2, 1))
        q = rng.uniform(0.3, 3.0, 3) * (1.0 + D)
        beta = at(groups, D, q).beta
        phases.add(beta < 1.0)
        if beta < 1.0:
            assert groups.mean(information(D / beta, q)) == pytest.approx(alpha)
        for i in range(3):
            h = 1e-6 * q[i] * np.eye(3)[i]
            slope = log_weight_of_the_rest(groups, D, q + h) - log_weight_of_the_rest(groups, D, q - h)
            force = -groups.share[i] * (1.0 - beta / (beta + D[i])) / (2.0 * D[i])  # grad_x = 2 x/(d r_i) d/dq_i
            assert slope / (2e-6 * q[i]) == pytest.approx(force, rel=1e-5)
    assert phases == {0.15: {True}, 0.5: {True, False}, 3.0: {False}}[alpha]


def test_advantage_is_the_difference_of_log_weights_and_moves_as_the_field_says():
    for alpha in (0.15, 0.5, 3.0):
        groups = groups_of(WIDE, alpha)
        rng = np.random.default_rng(1)
        motion = Motion(groups, 0.7, lambda tau: 2.0)
        for _ in range(10):
            p = Point(groups, groups.tau(10 ** rng.uniform(-2, 1)), rng.normal(size=3), rng.normal(size=3))
            D = groups.D(p.tau)
            m, v = 1.0 + p.delta, D * np.exp(p.y)
            target = -float(groups.share @ (((m - 1.0) ** 2 + v) / (2.0 * D)))
            assert p.F == pytest.approx(target - log_weight_of_the_rest(groups, D, m * m + v), rel=1e-9)
            h, clock = 1e-6, groups.clock(p.tau)
            move = [x * clock for x in motion.drift(p.delta, p.y, Push(2.0, 2.0 * p.c))]
            low, high = (
                Point(groups, p.tau + k * h, p.delta + k * h * move[0], p.y + k * h * move[1]) for k in (-1, 1)
            )
            if (low.K - alpha) * (high.K - alpha) > 0:
                assert (high.F - low.F) / (2 * h) == pytest.approx(
                    motion.advantage_rate(p, Push(2.0, 2.0 * p.c)), rel=1e-5, abs=1e-6
                )


# -- closed forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.4, 1.7])
@pytest.mark.parametrize("T", [math.inf, 40.0])
def test_directions_of_a_continuum_are_isotropic_problems(sampler, T):
    p = Problem(classes=Continuum(), spectrum=WIDE, guidance=1.5, sampler=sampler, t_start=T)
    final = solve(p).final
    for i in range(3):
        exact = closed_form(along(p, i))
        assert final.m_group[i] == pytest.approx(exact.m, abs=1e-10)
        assert final.v_group[i] == pytest.approx(exact.v, rel=1e-9)
    L = np.divide(WIDE.u, WIDE.c)  # sec. 6 of docs/theory.md, written out
    if sampler == "sde" and T == math.inf:
        assert np.allclose(final.m_group, 1 + np.array(WIDE.c) / WIDE.g * (1 - L**-1.5), atol=1e-10)
        assert np.allclose(final.v_group * WIDE.g, np.array(WIDE.c) ** 2 / WIDE.g * (L - L**-3.0) / 4.0, atol=1e-10)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_dose_theorem_in_every_direction(sampler):
    schedule = Piecewise(edges=[0.5, 4.0], values=[-0.8, 3.0, 0.5])
    p = Problem(classes=Continuum(), spectrum=WIDE, guidance=schedule, sampler=sampler, t_start=60.0)
    final = solve(p).final
    t = np.linspace(-12, math.log(60.0), 200_001)
    t = np.exp(t)
    for i in range(3):
        by_dose = final_from_dose(along(p, i))
        assert final.m_group[i] == pytest.approx(by_dose.m, abs=1e-8)
        assert final.v_group[i] == pytest.approx(by_dose.v, rel=1e-8)
        rate = schedule.w(t) * WIDE.g[i] / ((WIDE.c[i] + t) * (WIDE.u[i] + t))  # G = int w g dt/((c + t)(u + t))
        assert by_dose.dose == pytest.approx(np.trapezoid(rate, t), abs=2e-3)


def test_unguided_speciation_is_the_root_of_a_sum_and_condensation_is_at_the_same_time():
    for alpha in (0.1, 0.5):
        theory = solve(Problem(classes=Exponential(alpha), spectrum=WIDE, guidance=0.0))
        t_s = unguided_speciation(WIDE, alpha)
        assert theory.t_speciation == pytest.approx(t_s, rel=1e-10)
        groups = groups_of(WIDE, alpha)
        assert Point(groups, groups.tau(t_s), np.zeros(3), np.zeros(3)).K == pytest.approx(alpha)
    top = capacity(WIDE)
    assert math.isnan(unguided_speciation(WIDE, 1.001 * top))
    assert unguided_speciation(WIDE, 0.999 * top) > 0
    assert math.isnan(solve(Problem(classes=Exponential(1.001 * top), spectrum=WIDE, guidance=0.0)).t_speciation)


def test_shift_in_class_widths_is_largest_in_between():
    r = np.geomspace(1e-4, 1e4, 401)
    shift = shift_in_class_widths(r, 1.0)
    assert shift.max() == pytest.approx(0.5) and r[shift.argmax()] == pytest.approx(1.0)  # w = 1: r^(1/2)/(1 + r)
    assert shift[0] == pytest.approx(0.01, rel=1e-3) and shift[-1] == pytest.approx(0.01, rel=1e-3)


# -- what is new ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_capture_keeps_the_unconditional_identity_in_every_direction(sampler):
    """w = -1 is the unconditional sampler: q_i(0) = u_i/g_i. Without capture it is not."""
    p = Problem(classes=Exponential(0.3), spectrum=WIDE, guidance=-1.0, sampler=sampler)
    theory = solve(p)
    assert "captured" in theory.phases and theory.standing == "approximate"
    q = theory.final.m_group**2 + theory.final.v_group
    assert np.allclose(q, np.divide(WIDE.u, WIDE.g), rtol=1e-9)
    plain = _euler(p, 0.3, n=40_000)  # (S6) in the glass, no capture
    assert np.all(np.abs(plain / np.divide(WIDE.u, WIDE.g) - 1) > 0.02)


def _euler(p, alpha, n):
    """q_i(0) of the crowd and the plain glass by Euler steps in tau."""
    groups = groups_of(p.spectrum, alpha)
    start = p.start(alpha)
    motion = Motion(groups, p.eta, lambda tau: -1.0)
    tau = np.linspace(groups.tau(start.t), -math.log(groups.floor), n)
    delta, y = start.m - 1.0, np.log(start.v / p.spectrum.D(start.t))
    for a, b in pairwise(tau):
        d_delta, d_y = motion.drift(delta, y, Push(-1.0, -Point(groups, float(a), delta, y).c))
        step = (b - a) * groups.clock(a)
        delta, y = delta + step * d_delta, y + step * d_y
    return (1 + delta) ** 2 + groups.D(tau[-1]) * np.exp(y)


def test_a_spectrum_can_slide_where_the_isotropic_problem_cannot():
    """The one-crossing theorem (eta <= 1) does not extend: strong ODE guidance, both sides push towards F = 0."""
    spectrum = Spectrum(
        c=[0.127, 1.022, 8.403, 0.0187], u=[0.520, 1.034, 8.490, 0.142], share=[0.541, 0.233, 0.195, 0.031]
    )
    theory = solve(Problem(classes=Exponential(0.3485), spectrum=spectrum, guidance=42.0, sampler="ode"))
    assert [e.kind for e in theory.events] == ["condensation", "sliding", "speciation"]
    assert theory.phases == ("crowd", "glass", "sliding", "target")
    slide, end = theory.events[1].t, theory.events[2].t
    assert np.abs(theory.at(np.linspace(end, slide, 9)[1:-1]).F).max() < 1e-6


@given(
    st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.05, 20), st.floats(0.1, 1)), min_size=1, max_size=4),
    st.floats(0.05, 0.95),
    st.floats(0.0, 20.0),
    st.sampled_from(["sde", "ode"]),
)
@settings(max_examples=25)
def test_guidance_never_widens_a_direction(groups, load, w, sampler):
    """w >= 0 gives v_i <= D_i in every direction and phase (as in the isotropic case: each y_i falls at y_i = 0)."""
    c, g, r = np.array(groups).T
    spectrum = Spectrum(c.tolist(), (c + g).tolist(), (r / r.sum()).tolist())
    alpha = float(load * capacity(spectrum))
    theory = solve(Problem(classes=Exponential(alpha), spectrum=spectrum, guidance=w, sampler=sampler))
    assert theory.variance_excess_group.max() < 1e-9
    assert theory.mean_shift_group.min() > -1e-9 or w == 0.0


def test_distortion_by_direction_is_the_isotropic_one_for_one_group():
    a = distortion(solve(Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)))
    b = distortion(solve(Problem(classes=Continuum(), spectrum=Spectrum([0.25], [1.25]), guidance=1.0)))
    for name in ("w2", "kl", "variance_ratio", "entropy_change"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-8)


def test_the_result_explains_itself():
    theory = solve(Problem(classes=Exponential(0.4), spectrum=TWO, guidance=Constant(1.0)), d=13)
    assert theory.standing == "asymptotic" and theory.problem.spectrum.share == (10 / 13, 3 / 13)
    data = theory.to_dataset()
    assert data["m_group"].dims == ("t", "group") and data["m_group"].shape == theory.m_group.shape
    assert Problem.from_dict(json.loads(data.attrs["problem"])) == theory.problem
    with pytest.raises(ProblemError, match="larger t_start"):
        theory.at(1e9)


@pytest.mark.parametrize(("r", "w"), [("a", 1.0), (0.0, 1.0), ([1.0, -1.0], 1.0), (math.nan, 1.0), (1.0, "a")])
def test_shift_in_class_widths_refuses_what_is_out_of_range(r, w):
    with pytest.raises(ProblemError, match=r"must be a number"):
        shift_in_class_widths(r, w)
