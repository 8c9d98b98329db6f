"""The landscape with a spectrum: its force is the solver's drift in every group and phase, its features are where
algebra and `solve` put them, and one group is today's isotropic potential."""

import math

import numpy as np
import pytest

from meanfield import Exponential, Problem, Spectrum, potential, solve
from meanfield.errors import ProblemError
from meanfield.theory.landscape import force
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.push import NO_PUSH

THREE = Spectrum(c=[0.2, 0.5, 2.0], u=[1.2, 3.5, 4.0], share=[0.5, 0.3, 0.2])
PROBLEM = Problem(classes=Exponential(alpha=0.4), spectrum=THREE, guidance=2.0)
PLACES = {  # t, m_i, v_i/D_i
    "crowd": (6.0, [1.5, 1.2, 0.9], [0.9, 0.8, 1.1]),
    "target": (0.3, [1.1, 1.0, 0.9], [0.8, 0.9, 1.2]),
    "glass": (0.1, [-0.6, -0.2, 0.1], [1.2, 1.0, 1.3]),
}


@pytest.mark.parametrize("eta", [0.0, 1.0, 1.6])
@pytest.mark.parametrize("phase", PLACES)
def test_the_solvers_drift_is_minus_the_gradient_in_every_group(eta, phase):
    """dm_i/dt and dq_i/dt from the gradient of one joint V, against `Motion.drift`. In the glass the gradient knows the
    common temperature; temperatures of each group alone are refused."""
    t, m, ratio = PLACES[phase]
    groups = Groups.of(PROBLEM, 0.4)
    D, m, w = THREE.D(t), np.array(m), 2.0
    v = D * np.array(ratio)
    q, y = m * m + v, np.log(ratio)
    p = Point(groups, groups.tau(t), m - 1.0, y)
    assert phase == ("target" if p.F > 0 else "glass" if p.K > 0.4 else "crowd")
    a, b = force(PROBLEM, t, m, q)
    e = (1 + eta**2) / 2
    dm, dq = e * (a + b * m) / THREE.g, (2 * e * (a * m + b * q) + eta**2) / THREE.g  # per unit of -dt
    motion = Motion(groups, eta, lambda _: w)

    def rates(push):
        d_delta, d_y = motion.drift(m - 1.0, y, push)
        return d_delta / D / THREE.g, (2 * m * d_delta + v * (d_y - 1)) / D / THREE.g

    right = rates(NO_PUSH if phase == "target" else motion.push(p))
    np.testing.assert_allclose((dm, dq), right, rtol=1e-5, atol=1e-6)
    wrong = motion.push(p).times(0.1 if phase == "target" else 1.1)
    if phase == "glass":
        alone = [Point(Groups(0.2, alpha=0.4), -math.log(D[i]), m[i] - 1.0, y[i]).c for i in range(3)]
        wrong = type(wrong)(w, w * np.array(alone))
    assert np.abs(np.subtract(rates(wrong), (dm, dq))).max() > 0.01


def test_one_group_is_the_isotropic_potential():
    """Bit by bit at g = 1, along mu_1 and as group 0; at g = 4 in whitened coordinates and time t/4."""
    isotropic = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=2.0)
    one = isotropic.replace(spectrum=Spectrum(c=[0.25], u=[1.25]))
    for q in (None, [1.0, 4.0, 9.0]):
        left = potential(isotropic, [8.0, 2.5, 0.3], m=np.linspace(-1, 4, 21), q=q)
        for group in (None, 0):
            right = potential(one, [8.0, 2.5, 0.3], m=np.linspace(-1, 4, 21), q=q, group=group)
            for name in left.data_vars:
                np.testing.assert_array_equal(left[name].values, right[name].values)
    wide = isotropic.replace(spectrum=Spectrum(c=[1.0], u=[5.0]))
    right = potential(wide, [32.0, 10.0, 1.2], m=np.linspace(-1, 4, 21))
    left = potential(isotropic, [8.0, 2.5, 0.3], m=np.linspace(-1, 4, 21))
    np.testing.assert_allclose(left["V"], right["V"], rtol=1e-8)
    assert np.abs(left["V"] - potential(wide, [8.0, 2.5, 0.3], m=np.linspace(-1, 4, 21))["V"].values).max() > 0.01


def test_equal_groups_are_isotropic_whatever_their_shares():
    isotropic = Problem(classes=Exponential(0.3), sigma2=0.25, guidance=-0.5, sampler="ode")
    equal = isotropic.replace(spectrum=Spectrum(c=[0.25] * 3, u=[1.25] * 3, share=[0.2, 0.5, 0.3]))
    left, right = (potential(p, [2.0, 0.3], m=np.linspace(-1, 2.5, 41)) for p in (isotropic, equal))
    for name in ("V", "F", "m_crowd", "m_target", "kink_low", "barrier", "m_now", "V_now"):
        np.testing.assert_allclose(left[name], right[name], rtol=1e-6, atol=1e-9)
    assert float(right["barrier"][1]) > 0 and (left["phase"].values == right["phase"].values).all()
    alone = potential(equal, [2.0, 0.3], m=np.linspace(-1, 2.5, 41), group=1)  # half of the directions move
    assert np.abs(alone["V"] - left["V"].values).max() > 0.1


@pytest.mark.parametrize("group", [0, 1, 2])
def test_the_crowds_minimum_of_a_group_is_its_own(group):
    """m_i = (1 + w)(1 + D_i)/(1 + D_i + w): while the rest is a crowd, groups do not feel each other."""
    V = potential(PROBLEM, 12.0, group=group)
    D = THREE.D(12.0)
    assert float(V["m_crowd"][0]) == pytest.approx(3 * (1 + D[group]) / (3 + D[group]), abs=1e-7)
    other = (group + 1) % 3
    assert abs(float(V["m_crowd"][0]) - 3 * (1 + D[other]) / (3 + D[other])) > 0.01
    assert float(potential(PROBLEM, 0.05, group=group)["m_target"][0]) == pytest.approx(1.0, abs=1e-6)


def test_minima_along_the_class_mean_are_weighted_by_the_clocks():
    """Crowd: sum_i r_i dV/dm_i = 0 is linear in the common shift. Target: sum_i r_i (m_i - 1)/D_i = 0."""
    V, theory, r = potential(PROBLEM, [12.0, 0.05]), solve(PROBLEM), np.array(THREE.share)
    for t, kind, w in ((12.0, "m_crowd", 2.0), (0.05, "m_target", 0.0)):
        state, D = theory.at(t), THREE.D(t)
        slope = r * ((1 + w) / D - w / (1 + D))  # dV/dm_i = slope_i m_i - r_i (1 + w)/D_i
        shift = np.sum(r * (1 + w) / D - slope * state.m_group) / slope.sum()
        assert float(V[kind].sel(t=t)) == pytest.approx(state.m + shift, abs=1e-6)
    assert abs(float(V["m_target"].sel(t=0.05)) - 1.0) > 1e-4  # not 1: groups decay by their own clocks


@pytest.mark.parametrize("group", [None, 0, 1, 2])
@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_the_kink_reaches_the_sample_when_solve_says(sampler, group):
    """On every slice, at t_speciation; 1 % later it has left."""
    problem = PROBLEM.replace(sampler=sampler)
    t = solve(problem).t_speciation
    V = potential(problem, [t, 0.99 * t], group=group)
    assert float(V["kink_low"][0]) == pytest.approx(float(V["m_now"][0]), abs=1e-8)
    assert not abs(float(V["kink_low"][1]) - float(V["m_now"][1])) < 1e-3


def test_phases_at_the_sample_are_those_of_solve():
    """Crowd, glass, sliding or target: F and its sign along the trajectory that crosses F = 0 more than once."""
    spectrum = Spectrum((0.127, 1.022, 8.403, 0.0187), (0.520, 1.034, 8.490, 0.142), (0.541, 0.233, 0.195, 0.031))
    problem = Problem(classes=Exponential(0.3485), spectrum=spectrum, guidance=42.0, sampler="ode")
    theory, seen = solve(problem), set()
    for event, after in zip(theory.events, [*(e.t for e in theory.events[1:]), 0.0], strict=True):
        t = 0.5 * (event.t + after)
        state = theory.at(t)
        V = potential(problem, t, m=[state.m - 1e-9, state.m])
        seen.add(str(state.phase))
        if state.phase == "sliding":
            assert abs(float(V["F"][0, 1])) < 1e-7
        else:
            assert str(V["phase"].values[0, 1]) == state.phase
            assert float(V["F"][0, 1]) == pytest.approx(float(state.F), rel=1e-6) and abs(float(state.F)) > 1e-7
    assert {"glass", "sliding", "target"} <= seen


def test_grid_over_one_group():
    V = potential(PROBLEM, [1.0, 5.0], m=[0.0, 1.0, 2.0], q=[0.5, 1.5, 5.0], group=2)
    assert V["V"].shape == (2, 3, 3) and V["m_group"].shape == (2, 3) and V.attrs["group"] == 2
    assert np.isnan(V["V"].values[:, 2, :2]).all() and np.isfinite(V["V"].values[:, 2, 2]).all()


def test_shares_are_those_that_d_realises():
    V = potential(PROBLEM, 2.0, d=12)
    same_rate = PROBLEM.replace(classes=Exponential(PROBLEM.classes.rate(12)))
    exact = potential(same_rate.replace(spectrum=THREE.at(12)), 2.0, m=V["m"].values)
    np.testing.assert_allclose(V["V"], exact["V"], rtol=1e-9)
    assert np.abs(V["V"] - potential(same_rate, 2.0, m=V["m"].values)["V"].values).max() > 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: potential(PROBLEM, 1.0, group=3), "group must"),
        (lambda: potential(PROBLEM, 1.0, group=-1), "group must"),
        (
            lambda: potential(PROBLEM.replace(spectrum=None, sigma2=0.25), 1.0, group=0),
            "only a problem with a spectrum",
        ),
        (lambda: potential(PROBLEM, 1.0, q=[0.5, 1.5]), "q is that of one group"),
        (lambda: force(PROBLEM, 1.0, 1.0, 2.0), "a number for each group"),
        (lambda: force(PROBLEM, 1.0, [1.0, 1.0, 2.0], [2.0, 2.0, 2.0]), "q must be >= m"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ProblemError, match=message):
        call()
