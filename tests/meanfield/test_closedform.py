"""Closed forms against each other and in their limits."""

import math

import numpy as np
import pytest

from meanfield import Exponential, Linear, Problem, ProblemError, solve
from meanfield.exact.closedform import closed_form, crowd, crowd_ode, crowd_sde, small_rate, strong_guidance


@pytest.mark.parametrize("w", [-1.0, -0.75, -0.5, 0.0, 1.0, 7.5])
@pytest.mark.parametrize("D", [0.01, 0.25, 3.0, 1e3])
def test_general_form_contains_the_sde_and_the_ode(w, D):
    assert np.allclose(crowd(D, w, 1.0), crowd_sde(D, w), rtol=1e-11)
    assert np.allclose(crowd(D, w, 0.0), crowd_ode(D, w), rtol=1e-11)


def test_the_two_samplers_differ():
    """Negative control of the test above."""
    assert not np.allclose(crowd(0.25, 1.0, 1.0), crowd_ode(0.25, 1.0), rtol=1e-2)


def problem(alpha, w, sampler):
    return Problem(classes=Exponential(alpha), sigma2=0.25, guidance=w, sampler=sampler)


@pytest.mark.parametrize(("w", "sampler"), [(1.0, "sde"), (3.0, "sde"), (0.5, "ode"), (2.0, "ode"), (-0.2, "sde")])
def test_small_rate_law(w, sampler):
    """(T12): relative deviations vanish with alpha, linearly (SDE) or like its square root (ODE)."""
    worst = []
    for alpha in (1e-3, 1e-4, 1e-5):
        theory = solve(problem(alpha, w, sampler))
        D_s, shift, excess = small_rate(alpha, w, 0.25, sampler)
        D = 0.25 + theory.t_speciation
        worst.append(
            max(
                abs(D / D_s - 1),
                abs(theory.final.mean_shift / shift - 1),
                abs(theory.final.variance_excess / excess - 1),
            )
        )
    assert worst[2] < 0.03 and worst[1] < 0.5 * worst[0] and worst[2] < 0.5 * worst[1]


def test_strong_guidance_limit():
    """(T13) on both sides of alpha = 1/2."""
    m, ratio = strong_guidance(0.4, 0.25, 1e4)
    final = solve(problem(0.4, 1e4, "sde")).final
    assert final.m == pytest.approx(m, abs=1e-4) and final.variance_excess == pytest.approx(ratio - 1, rel=1e-2)
    m, ratio = strong_guidance(0.7, 0.25)
    final = solve(problem(0.7, 1e4, "sde")).final
    assert final.m == pytest.approx(m, abs=1e-3) and final.v / 0.25 == pytest.approx(ratio, abs=1e-3)


def test_closed_forms_refuse_what_they_do_not_hold_for():
    p = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=Linear(0.0, 1.0), t_start=10.0)
    with pytest.raises(ProblemError, match="need constant guidance"):
        closed_form(p)
    with pytest.raises(ProblemError, match="condenses above D"):
        closed_form(problem(0.45, -0.25, "sde"))
    with pytest.raises(ProblemError, match="Lower alpha or sigma2"):
        strong_guidance(2.0, 0.25)
    with pytest.raises(ProblemError, match="holds for w >= 0"):
        small_rate(0.1, -0.5, 0.25, "sde")
    assert math.isnan(closed_form(problem(2.0, 1.0, "sde")).t_speciation)
