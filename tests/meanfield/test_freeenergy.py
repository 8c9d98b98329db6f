"""(T1)-(T6): the rewritten formulas against the plain ones in 50 digits, derivatives, and continuity."""

import math

import mpmath as mp
import numpy as np
import pytest

from meanfield.theory.energies import effective_potential, ground_state, information, phi_rest, phi_target
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.push import Push

POINTS = [(0.05, 0.3, 0.4), (1.0, 1.2, 0.7), (50.0, 1.9, 0.01), (1e6, 2.0, 1e-7), (0.01, 40.0, 5.0)]  # D, m, alpha


def plain_F(D, m, v, alpha):
    """(T1)-(T5) exactly as written, with mpmath."""
    D, m, v, alpha = map(mp.mpf, (D, m, v, alpha))
    q = m**2 + v

    def K(x):
        return (x / (1 + x) + q / (1 + x) ** 2 - 1 + mp.log(1 + 1 / x)) / 2

    phi_1 = -((m - 1) ** 2 + v) / (2 * D)
    if K(D) <= alpha:
        rest = alpha - mp.log(1 + 1 / D) / 2 - q / (2 * (1 + D))
    else:
        x = mp.findroot(lambda s: K(mp.exp(s)) - alpha, (mp.log(D), mp.log(D) + 5), solver="anderson", tol=1e-30)
        Dp = mp.exp(x)
        rest = -(q * (Dp / (1 + Dp)) ** 2 + Dp / (1 + Dp)) / (2 * D)
    return float(phi_1 - rest)


@pytest.mark.parametrize(("D", "m", "alpha"), POINTS)
@pytest.mark.parametrize("u", [0.02, 1.0, 3.0])
def test_advantage_equals_the_plain_formulas(D, m, alpha, u):
    with mp.workdps(50):
        expected = plain_F(D, m, u * D, alpha)
    q = m * m + u * D
    p = Point(Groups(0.25, alpha=alpha), -math.log(D), m - 1.0, math.log(u))
    assert p.F == pytest.approx(expected, rel=1e-9, abs=1e-13 * alpha)
    assert float(phi_target(m, u * D, D) - phi_rest(q, D, alpha)) == pytest.approx(expected, rel=1e-14, abs=1e-12)


def test_the_glass_is_needed():
    """Negative control: the annealed (T2) beyond condensation is far off."""
    D, q, alpha = 0.05, 1.5, 0.3
    assert information(D, q) > alpha
    annealed = alpha - 0.5 * math.log1p(1 / D) - q / (2 * (1 + D))
    assert abs(phi_rest(q, D, alpha) - annealed) > 0.3


@pytest.mark.parametrize("alpha", [0.1, 0.5, 2.0])
def test_free_energy_and_slope_are_continuous_at_condensation(alpha):
    D = 0.3
    q = (2 * alpha - math.log1p(1 / D) + 1 / (1 + D)) * (1 + D) ** 2  # K(D, q) = alpha
    if q <= 0:
        q, D = 1.0, math.exp(-2 * alpha)
        q = (2 * alpha - math.log1p(1 / D) + 1 / (1 + D)) * (1 + D) ** 2
    h = 1e-5 * abs(q)
    left, here, right = (phi_rest(x, D, alpha) for x in (q - h, q, q + h))
    assert abs(left - 2 * here + right) < 1e-8 * abs(here)
    slope = (right - left) / (2 * h)
    assert slope == pytest.approx(-1 / (2 * (1 + D)), rel=1e-5)  # -(1 - c)/(2D) with c = 1/(1+D)


@pytest.mark.parametrize(("D", "m", "alpha"), POINTS)
@pytest.mark.parametrize("w", [0.5, 3.0])
def test_projected_score_is_minus_the_gradient_of_the_potential(D, m, alpha, w):
    """Crowd, glass and target alike; the drift of the solver is that score."""
    v = 0.8 * D
    q = m * m + v
    V = lambda a, b: float(effective_potential(a, b, D, w, alpha))  # noqa: E731
    hm, hq = 1e-5 * max(1.0, abs(m)), 1e-5 * q
    along = -(V(m + hm, q) - V(m - hm, q)) / (2 * hm)
    radial = -2 * (V(m, q + hq) - V(m, q - hq)) / (2 * hq)
    c = 1.0 / (1.0 + ground_state(q, D, alpha))
    W = w if phi_target(m, v, D) < phi_rest(q, D, alpha) else 0.0
    scale = (1.0 + w) / D
    assert along == pytest.approx((1 + W) / D, abs=1e-6 * scale)
    assert radial == pytest.approx(-(1 + W * c) / D, abs=1e-6 * scale)
    d_delta, d_y = Motion(Groups(0.25), 1.0, lambda _: w).drift(m - 1.0, math.log(v / D), Push(W, W * c))
    assert d_delta == pytest.approx(D * (along + radial * m), abs=1e-5 * (1 + w) * max(1.0, m))
    assert v * (d_y - 1.0) == pytest.approx(D * (2 * radial * v + 1.0), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("D", "m", "alpha"), POINTS)
@pytest.mark.parametrize("eta", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("W", [0.0, 2.0])
def test_advantage_rate_is_the_derivative_along_the_field(D, m, alpha, eta, W):
    groups = Groups(0.25, alpha=alpha)
    motion, p = Motion(groups, eta, lambda _: W), Point(groups, -math.log(D), m - 1.0, math.log(0.8))
    c = 1.0 / (1.0 + ground_state(p.q, p.D, alpha))
    d_delta, d_y = motion.drift(p.delta, p.y, Push(W, W * c))

    def F(h):
        return Point(groups, p.tau + h, p.delta + h * d_delta, p.y + h * d_y).F

    h = 1e-5
    assert motion.advantage_rate(p, Push(W, W * p.c)) == pytest.approx(
        (F(h) - F(-h)) / (2 * h), rel=1e-5, abs=1e-7 * alpha
    )


def test_ground_state_solves_its_equation_far_out():
    for q, D, alpha in [(1.5, 0.05, 0.3), (1e8, 3.0, 0.4), (2.0, 1e-8, 5.0), (1e9, 1e6, 1e-6)]:
        Dp = ground_state(q, D, alpha)
        assert Dp >= D
        if Dp > D:
            assert information(Dp, q) == pytest.approx(alpha, rel=1e-10)
    assert ground_state(1.0, 0.5, 0.0) == math.inf
    assert np.isfinite(phi_rest(1.0, 0.5, 0.0))
