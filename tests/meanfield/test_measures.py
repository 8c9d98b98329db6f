"""Distortion measures (sec. 9) against SciPy's Gaussian densities and plain formulas."""

import math

import pytest
from scipy.integrate import quad
from scipy.stats import norm

from meanfield import Continuum, Exponential, Problem, distortion, solve


def test_measures_against_direct_integrals():
    theory = solve(Problem(classes=Continuum(), sigma2=0.25, guidance=1.0))
    m, v = float(theory.final.m), float(theory.final.v)
    result = distortion(theory)
    # per dimension: the direction of mu_1 carries the shift, (m - 1)^2 |mu_1|^2/d, as if every direction had mu = 1
    p, q = norm(m, math.sqrt(v)), norm(1.0, 0.5)
    kl, _ = quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -3, 5)
    w2, _ = quad(lambda u: (p.ppf(u) - q.ppf(u)) ** 2, 0, 1)
    assert result.kl == pytest.approx(kl, rel=1e-6)
    assert result.w2 == pytest.approx(w2, rel=1e-6)
    assert result.entropy_change == pytest.approx(p.entropy() - q.entropy(), rel=1e-9)
    assert result.variance_ratio == pytest.approx(v / 0.25)
    assert result.separation == -math.inf  # infinitely many classes: the target is never the most probable


def test_tiny_distortions_keep_their_digits():
    theory = solve(Problem(classes=Exponential(1e-6), sigma2=0.25, guidance=1.0))
    shift, excess = 2e-6 * 0.25 / 3, -4e-12 * 0.25 / 9  # (T12)
    result = distortion(theory)
    assert theory.final.mean_shift == pytest.approx(shift, rel=1e-4)
    assert theory.final.variance_excess == pytest.approx(excess, rel=1e-2)
    assert result.w2 == pytest.approx(shift**2, rel=1e-3)
    assert result.separation > 0
