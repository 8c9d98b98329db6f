"""The potential of a label of many modes: its force is that of `solve` in every phase, its ties are the transitions."""

import math

import numpy as np
import pytest

from meanfield import Hierarchy, Problem, ProblemError, potential, solve
from meanfield.theory.modes.slices import slice_at, weights_at
from meanfield.theory.modes.weights import Mode, Place

LABEL_FIRST, MODE_FIRST = Hierarchy((0.1, 0.3), rho=0.7), Hierarchy((0.6, 0.3), rho=0.5)


def problem(law, w=1.0, sampler="ode"):
    return Problem(classes=law, sigma2=0.05, guidance=w, sampler=sampler, t_start=1000.0)


def by_force(theory, t, w):
    """d(x.A/d)/d(-t) and d(|x|^2/d)/d(-t) from minus the gradient of d V, in x.A/d, x.U/d and |x|^2/d."""
    tree, D = theory.tree, theory.problem.sigma2 + t
    p, mode = slice_at(theory, t)
    u = mode.u if mode else 1.0
    here = np.array([p.a * tree.rho, p.b * u, tree.q(p, mode or Mode(0.0, 0.0))])

    def V(y):
        a, b = y[0] / tree.rho, y[1] / u
        across = y[2] - a * a * tree.rho - b * b * (u if mode else 0.0)
        return weights_at(tree, D, Place(a, b, across), mode).potential(w)

    h = 1e-5
    along_A, along_U, radial = ((V(here + h * e) - V(here - h * e)) / (2 * h) for e in np.eye(3))
    e, eta2 = theory.problem.e, theory.problem.eta**2
    back = along_A * here[0] + along_U * here[1] + 2 * radial * here[2]
    return -e * (along_A * tree.rho + 2 * radial * here[0]), -2 * e * back + eta2


def by_solution(theory, t):
    """The same from the trajectory, by central differences."""
    h = 1e-4 * t
    low, high = theory.at(t - h), theory.at(t + h)
    return -theory.tree.rho * (high.m - low.m) / (2 * h), -(high.q - low.q) / (2 * h)


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize(
    ("law", "t", "phase", "guided"),
    [(LABEL_FIRST, 20.0, "crowd", True), (LABEL_FIRST, 0.8, "label", False), (LABEL_FIRST, 0.1, "mode", False),
     (MODE_FIRST, 2.0, "crowd", True), (MODE_FIRST, 0.45, "crowd", True), (MODE_FIRST, 0.05, "mode", False)],
    ids=lambda x: str(x),
)  # fmt: skip
def test_minus_its_gradient_is_the_force_of_the_theory(law, t, phase, guided, sampler):
    """In the crowd, the label, the mode, and with a mode chosen while guidance acts. 10 % of w fail where it acts."""
    theory = solve(problem(law, sampler=sampler))
    data = potential(theory.problem, t, m=[0.5, theory.at(t).m])
    assert data["phase"].values[0, 1] == phase
    right, wrong = by_force(theory, t, 1.0), by_force(theory, t, 1.1)
    assert right == pytest.approx(by_solution(theory, t), rel=1e-5, abs=1e-7)
    assert (max(np.abs(np.subtract(right, wrong))) > 1e-3) == guided


@pytest.mark.parametrize("law", [LABEL_FIRST, MODE_FIRST], ids=repr)
def test_log_weights_tie_at_the_transitions(law):
    """The label with the rest at t_label; the mode with its siblings where it is chosen, after which it gains."""
    theory = solve(problem(law))
    label, mode = (weights_at(theory.tree, 0.05 + t, *slice_at(theory, t * (1 - 1e-9))) for t in
                   (theory.t_label, theory.t_mode))  # fmt: skip
    assert float(label.own) == pytest.approx(float(label.rest), abs=1e-6)
    assert float(mode.mode) == pytest.approx(float(mode.label), abs=1e-6)
    later = 0.7 * theory.t_mode
    gained = weights_at(theory.tree, 0.05 + later, *slice_at(theory, later))
    assert gained.mode - gained.label > 0.01


def test_fields_of_a_slice():
    theory = solve(problem(LABEL_FIRST))
    data = potential(theory.problem, [20.0, 0.1])
    assert data["V"].dims == ("t", "m") and data.attrs["t_mode"] == theory.t_mode
    assert np.isnan(data["phi_mode"][0]).all() and np.isfinite(data["phi_mode"][1]).all()
    assert data["m_now"].values == pytest.approx(theory.at(np.array([20.0, 0.1])).m)
    assert data["v"].values == pytest.approx(theory.at(np.array([20.0, 0.1])).v)
    read = [np.interp(m, data["m"], row) for m, row in zip(data["m_now"].values, data["V"].values, strict=True)]
    assert read == pytest.approx(data["V_now"].values, rel=1e-3)
    at_d = potential(theory.problem, 20.0, m=[0.0, 1.0], d=12)
    exact = Hierarchy((math.log(3) / 12, math.log(37) / 12), rho=0.7)
    assert np.allclose(at_d["phi_rest"], potential(problem(exact), 20.0, m=[0.0, 1.0])["phi_rest"])


def test_the_minimum_keeps_the_shift_of_the_mode_that_is_chosen():
    """m = 1 of a label that is decided, 1 + m_B once a mode is; right after the choice both, with w > 0."""
    theory = solve(problem(LABEL_FIRST))
    data = potential(theory.problem, [2.0, 0.28, 0.1], m=np.linspace(0.7, 1.7, 1001))
    found = []
    for V, phase in zip(data["V"].values, data["phase"].values, strict=True):
        low = np.flatnonzero((V[1:-1] < V[:-2]) & (V[1:-1] <= V[2:])) + 1
        found.append({str(phase[i]): float(data["m"][i]) for i in low})
    label, mode = pytest.approx(1.0, abs=1e-3), pytest.approx(1.0 + theory.m_B, abs=1e-3)
    assert found == [{"label": label}, {"label": label, "mode": mode}, {"mode": mode}]


def test_what_is_not_known_is_said():
    with pytest.raises(ProblemError, match="that of a superclass"):
        potential(problem(Hierarchy((0.1, 0.3), rho=0.7, label=2)), 1.0)
    with pytest.raises(ProblemError, match="modes of equal weight"):
        potential(problem(Hierarchy((0.1, 0.3), rho=0.7, spread=0.2)), 1.0)
    with pytest.raises(ProblemError, match="along a slice"):
        potential(problem(LABEL_FIRST), 1.0, q=[1.0, 2.0])
    with pytest.raises(ProblemError, match="t must lie between"):
        potential(problem(LABEL_FIRST), 2000.0)
