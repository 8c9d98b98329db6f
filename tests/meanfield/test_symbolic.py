"""The code is held to what SymPy derives from the free energies."""

import math

import numpy as np
import pytest
import sympy as sp

from meanfield.exact import symbolic
from meanfield.exact.closedform import crowd_sde
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.push import Push


def test_projected_score_in_the_crowd_is_minus_the_gradient_of_the_potential():
    a, b = symbolic.potential_gradient()
    D, w = symbolic.D, symbolic.w
    assert sp.simplify(a - (1 + w) / D) == 0
    assert sp.simplify(b + (1 + w / (1 + D)) / D) == 0


def test_projected_score_in_the_glass_through_the_implicit_ground_state():
    assert symbolic.glass_gradient() == 0


def test_closed_forms_solve_the_mean_field_equations():
    assert symbolic.residual_sde() == (0, 0)
    assert symbolic.residual_ode() == 0
    assert symbolic.series_recursion() == (0, 0)


def test_a_wrong_closed_form_leaves_a_residual():
    """Negative control: (T8a) put into the equation of the ODE sampler."""
    m_, _ = symbolic._t8a()
    assert symbolic._residual(symbolic.drift_m(), symbolic.m, m_, 0) != 0


def test_limits_of_w():
    D = symbolic.D
    limits = symbolic.limits()
    assert limits["0"] == (1, D)
    m, v = limits["-1"]
    assert m == 0 and sp.simplify(v - (1 + D)) == 0
    m, v = limits["-1/2"]
    at = {D: sp.Rational(1, 4)}
    assert float(v.subs(at)) == pytest.approx(float((D**2 * (1 + 1 / D) * sp.log(1 + 1 / D)).subs(at)), rel=1e-14)
    assert np.allclose([float(m.subs(at)), float(v.subs(at))], crowd_sde(0.25, -0.5), rtol=1e-13)


def test_the_drift_of_the_solver_is_the_derived_one():
    d_delta, d_y, symbols = symbolic.solver_drift()
    exact = sp.lambdify(symbols, [d_delta, d_y])
    rng = np.random.default_rng(0)
    for delta, y, w, c, eta in zip(*rng.uniform(-1, 1, (2, 20)), *rng.uniform(0, 3, (3, 20)), strict=True):
        ours = Motion(Groups(1.0), eta, lambda _: 0.0).drift(delta, y, Push(w, w * c))
        assert np.allclose(ours, exact(delta, y, w, c, eta), rtol=1e-12, atol=1e-14)


def test_the_advantage_of_the_solver_is_the_derived_one():
    exact = sp.lambdify((symbolic.D, symbolic.m, symbolic.v, symbolic.alpha), symbolic.advantage_crowd())
    for D, m, u, alpha in [(0.5, 1.2, 0.8, 2.0), (3.0, 0.4, 1.1, 0.7), (20.0, 1.9, 1.0, 0.3)]:
        ours = Point(Groups(1.0, alpha=alpha), -math.log(D), m - 1, math.log(u)).F
        assert ours == pytest.approx(exact(D, m, u * D, alpha), abs=1e-14)
