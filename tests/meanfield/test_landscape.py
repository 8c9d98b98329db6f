"""The landscape: its force is the solver's drift in every phase, its features are where algebra puts them."""

import math

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Linear, Polynomial, Problem, potential, solve
from meanfield.errors import ProblemError
from meanfield.theory.energies import ground_state
from meanfield.theory.landscape import force
from meanfield.theory.motion import Groups, Motion
from meanfield.theory.push import Push

PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=2.0)


@pytest.mark.parametrize("eta", [0.0, 1.0, 1.6])
@pytest.mark.parametrize(
    ("m", "D", "v", "phase"), [(1.5, 6.0, 5.0, "crowd"), (1.1, 0.6, 0.4, "target"), (-0.6, 0.4, 0.7, "glass")]
)
def test_the_solvers_drift_is_minus_the_gradient(eta, m, D, v, phase):
    """dm/dt and dq/dt from grad(d V) = V_m mu_1 + 2 V_q x and the noise, against `Motion.drift`; W + 10 % fails."""
    q, w = m * m + v, 2.0
    data = potential(PROBLEM, D - 0.25, m=[m - 0.01, m], q=[q, q + 0.01])
    assert data["phase"].values[0, 1, 0] == phase
    a, b = force(PROBLEM, D - 0.25, m, q)
    e = (1 + eta**2) / 2
    dm, dq = e * (a + b * m), 2 * e * (a * m + b * q) + eta**2  # per unit of -dt
    c = 1 / (1 + ground_state(q, D, 0.4))

    def rates(weight):
        d_delta, d_y = Motion(Groups(0.25), eta, lambda _: weight).drift(
            m - 1, math.log(v / D), Push(weight, weight * c)
        )
        return d_delta / D, (2 * m * d_delta + v * (d_y - 1)) / D

    assert (dm, dq) == pytest.approx(rates(w if phase != "target" else 0.0), rel=1e-6, abs=1e-6)
    wrong = rates(1.1 * w if phase != "target" else 0.1)
    assert abs(dm - wrong[0]) + abs(dq - wrong[1]) > 0.01


def test_minima_and_kinks_are_where_algebra_puts_them():
    """Crowd: m = (1 + w)(1 + D)/(1 + D + w). F = 0 in the crowd is a quadratic in m."""
    data = potential(PROBLEM, [8.0, 3.0], m=np.linspace(-2, 5, 30))
    for i, t in enumerate((8.0, 3.0)):
        D, v = 0.25 + t, float(data["v"][i])
        assert float(data["m_crowd"][i]) == pytest.approx(3 * (1 + D) / (3 + D), abs=1e-7)
        rest = 0.4 - 0.5 * math.log1p(1 / D) - v / (2 * (1 + D))
        roots = np.roots([1 / (2 * (1 + D)) - 1 / (2 * D), 1 / D, -(1 + v) / (2 * D) - rest])
        inside = [r for r in sorted(roots.real) if abs(r - 1.5) < 3.5 and np.isreal(roots).all()]
        found = [x for x in (float(data["kink_low"][i]), float(data["kink_high"][i])) if math.isfinite(x)]
        assert found == pytest.approx(inside, abs=1e-9)
    assert np.isnan(data["barrier"]).all()  # w >= 0: one minimum
    sweeping = potential(PROBLEM, 2.5, m=np.linspace(-2, 5, 30))  # the kink has passed the crowd's minimum at 1.9565
    kink = float(sweeping["m_kink"][0])
    assert np.isnan(sweeping["m_crowd"][0]) and kink == float(sweeping["kink_low"][0]) < 1.9565


def test_the_transition_along_a_trajectory():
    """At speciation the sample stands on the kink; late, the only minimum is the target's, m = 1."""
    theory = solve(PROBLEM)
    data = potential(PROBLEM, [theory.t_speciation, 0.3])
    assert float(data["kink_low"][0]) == pytest.approx(theory.at(theory.t_speciation).m, abs=1e-9)
    assert math.isnan(data["m_target"][0]) and math.isnan(data["m_crowd"][1])
    assert float(data["m_target"][1]) == pytest.approx(1.0, abs=1e-7)


def test_sub_exponential_growth_moves_the_transition_to_infinite_noise():
    """P = d^2: t_s grows without bound, and at fixed t the target's side covers the sample ever more."""
    times = [solve(PROBLEM.replace(classes=Polynomial(2.0)), d).t_speciation for d in (10**2, 10**4, 10**6)]
    assert times[0] > 20 and times[1] > 20 * times[0] and times[2] > 20 * times[1]
    data = potential(PROBLEM.replace(classes=Polynomial(2.0)), 10.0, d=10**4)
    assert float(data["kink_low"][0]) < 0.95 < float(data["m_now"][0])


def test_negative_weight_has_two_minima_and_a_barrier():
    """-w phi is a smaller-of-two: both minima exist, the kink is the top between them. With w > 0 there is none."""
    problem = PROBLEM.replace(classes=Exponential(0.3), guidance=-0.5, sampler="ode")
    data = potential(problem, [2.0, 0.3], m=np.linspace(-1, 2.5, 50))
    assert math.isnan(data["barrier"][0])
    top, low = float(data["kink_low"][1]), float(data["m_crowd"][1])
    assert low < top < float(data["m_target"][1]) == pytest.approx(1.0, abs=1e-6)
    one = potential(problem, 0.3, m=np.array([low, top]))
    assert float(data["barrier"][1]) == pytest.approx(float(one["V"][0, 1] - one["V"][0, 0]), rel=1e-6)
    assert float(data["barrier"][1]) > 0
    assert np.isnan(potential(problem.replace(guidance=0.5), 0.3, m=np.linspace(-1, 2.5, 50))["barrier"])


def test_grid_over_m_and_q():
    data = potential(PROBLEM, [1.0, 5.0], m=[0.0, 1.0, 2.0], q=[0.5, 1.5, 5.0])
    assert data["V"].dims == ("t", "m", "q") and data["V"].shape == (2, 3, 3)
    assert np.isnan(data["V"].values[:, 2, :2]).all() and np.isfinite(data["V"].values[:, 2, 2]).all()
    assert data.attrs["alpha"] == 0.4 and "exponential" in data.attrs["problem"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"t": 1.0, "m": [1.0]}, "m must be an ascending list of at least two numbers"),
        ({"t": 1.0, "m": [1.0, 0.0]}, "m must be an ascending list"),
        ({"t": 1.0, "m": [0.0, 1.0], "q": [-1.0, 1.0]}, r"q = \|x\|\^2/d must be >= 0; got -1"),
        ({"t": -1.0}, "t must lie between 0 and"),
        ({"t": 1.0, "d": 0}, "d must be a number >= 1; got 0"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ProblemError, match=message):
        potential(PROBLEM, **arguments)


def test_a_continuum_has_no_potential_and_a_window_has():
    with pytest.raises(ProblemError, match="needs a finite number of classes"):
        potential(PROBLEM.replace(classes=Continuum()), 1.0)
    window = PROBLEM.replace(guidance=Linear(-0.5, 2.0), t_start=10.0)
    assert np.isfinite(potential(window, [10.0, 1.0, 0.0])["V"]).all()


def test_impossible_points_are_refused():
    with pytest.raises(ProblemError, match="q must"):
        force(PROBLEM, 1.0, 2.0, 1.0)
    for t in ("a", [], [[1.0]], -1.0):
        with pytest.raises(ProblemError, match="t must"):
            potential(PROBLEM, t)
