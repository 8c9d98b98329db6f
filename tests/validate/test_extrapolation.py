"""Extrapolation finds the value at d = infinity, and its two errors mean what they say."""

import math

import numpy as np
import pytest
from validation_cases import PROBLEM, particles

from meanfield import reduced, solve
from simulate import run
from validate import extrapolate
from validate.agreement.extrapolation import fit_inverse_size
from validate.errors import ExtrapolationError

SIZES = np.array([8, 12, 16, 24])


def test_exact_polynomials_are_recovered():
    y = 1.1 + 0.3 / SIZES
    fit = fit_inverse_size(SIZES, y, np.full(4, 1e-3))
    assert fit.intercept == pytest.approx(1.1, abs=1e-12)
    assert fit.order_error == pytest.approx(0.5 * 0.3 / 24, rel=0.01)  # the next term is known; not what lies beyond
    assert fit.predict(10) == pytest.approx(1.13)
    curved = fit_inverse_size(SIZES, y + 2.0 / SIZES**2, np.full(4, 1e-3), order=2)
    assert curved.intercept == pytest.approx(1.1, abs=1e-11)
    assert curved.slopes == pytest.approx((0.3, 2.0, 0.0), abs=1e-8)
    assert curved.error > 2.0 * fit.error  # the price of one more free term


def test_the_term_that_is_not_known_is_bounded_by_the_effect_that_is_seen():
    """The fit with one more datum, c = 0 +- 3 (max y - min y)/(max u - min u), by the normal equations."""
    y, s, u = np.array([1.3, 1.2, 1.17, 1.15]), np.array([1.0, 2.0, 1.0, 3.0]) * 1e-2, SIZES[0] / SIZES
    fit = fit_inverse_size(SIZES, y, s)
    terms = np.column_stack([np.ones(4), u, u**2])
    held = 3.0 * (y.max() - y.min()) / (u.max() - u.min())
    normal = terms.T @ (terms / s[:, None] ** 2) + np.diag([0.0, 0.0, held**-2])
    assert fit.intercept == pytest.approx(np.linalg.solve(normal, terms.T @ (y / s**2))[0])
    way = 0.5 * (fit.predict(24) - fit.intercept)
    assert fit.error == pytest.approx(math.sqrt(np.linalg.inv(normal)[0, 0] + way**2))
    assert fit.intercept_stderr < math.sqrt(np.linalg.inv(normal)[0, 0])
    level = fit_inverse_size(SIZES, np.ones(4), s)
    assert level.intercept == pytest.approx(1.0) and level.order_error > 0.0  # no effect seen: the noise bounds it


CURVES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)  # c/a in units of the smallest size
FAMILIES = [(8, 16, 32), (4, 16, 64), (6, 8, 10), (12, 14, 18), (10, 11, 12, 14), (12, 14, 18, 24), (8, 12, 16, 24, 32)]
TRIALS = 400
MARGIN = 4.0 * math.sqrt(0.25 / TRIALS)  # four binomial standard errors


@pytest.mark.parametrize("sizes", FAMILIES, ids=str)
def test_coverage_of_the_stated_error(sizes):
    """Never below 54 %; at sizes that span a factor of 4 and errors of 0.1 to 0.3 of the effect 60 to 81 %."""
    found = {noise: [coverage(stated, sizes, c, noise) for c in CURVES] for noise in (0.003, 0.03, 0.1, 0.3)}
    assert min(min(shares) for shares in found.values()) > 0.54 - MARGIN
    if max(sizes) >= 4 * min(sizes):
        for noise in (0.1, 0.3):
            assert 0.60 - MARGIN < min(found[noise]) and max(found[noise]) < 0.81 + MARGIN
            assert 0.66 < np.mean(found[noise]) < 0.79  # binomial error 0.01


@pytest.mark.parametrize("sizes", FAMILIES, ids=str)
def test_the_error_that_other_forms_of_the_fit_suggest_does_not_cover(sizes):
    """Negative control: a straight line, its error by half of the way and by leaving out the smallest size."""
    found = [coverage(halfway, sizes, c, noise) for noise in (0.003, 0.03, 0.1) for c in CURVES]
    assert min(found) < 0.54 - MARGIN


def test_coverage_where_the_curve_is_not_of_the_form():
    """d^-3/2 and d^-0.8 as stated; negative control: d^-1/2, stated to be out of reach of precise data."""
    for power in (1.5, 0.8):
        for noise in (0.01, 0.1):
            assert coverage(stated, (8, 16, 32), 0.0, noise, power) > 0.60 - MARGIN
    assert coverage(stated, (8, 16, 32), 0.0, 0.003, 0.5) < 0.2


def coverage(fits, sizes, c, noise, power=1.0):
    """How often the fit has 0 within its error for u^power + c u^2 with noise; `fits` of d, data (trials, sizes), and
    errors."""
    d = np.array(sizes, float)
    u = d[0] / d
    rng = np.random.default_rng([7, int(10 * (c + 3)), int(1000 * noise)])
    intercept, error = fits(d, u**power + c * u**2 + noise * rng.normal(size=(TRIALS, len(d))), np.full(len(d), noise))
    return np.mean(np.abs(intercept) < error)


def stated(d, data, s):
    """Intercepts and errors of `fit_inverse_size`."""
    return np.array([(f.intercept, f.error) for f in (fit_inverse_size(d, y, s) for y in data)]).T


def halfway(d, data, s):
    """A straight line in 1/d; its error by the way from the largest size to infinity, and without the smallest size."""
    terms = np.column_stack([1.0 / s, 1.0 / (d * s)])
    lines = [np.linalg.lstsq(terms[i:], (data / s)[:, i:].T, rcond=None)[0] for i in (0, 1)]
    form = np.abs(0.5 * lines[0][1] / d[-1])
    form = np.maximum(form, np.abs(lines[1][0] - lines[0][0])) if len(d) > 2 else form
    return lines[0][0], np.hypot(np.linalg.inv(terms.T @ terms)[0, 0] ** 0.5, form)


def test_statistical_error_is_the_scatter_of_the_intercept():
    rng = np.random.default_rng(0)
    stderr = np.array([1e-3, 2e-3, 1e-3, 3e-3])
    fits = [fit_inverse_size(SIZES, 1 + 0.3 / SIZES + stderr * rng.normal(size=4), stderr) for _ in range(3000)]
    scatter = np.std([f.intercept for f in fits])
    assert fits[0].intercept_stderr == pytest.approx(scatter, rel=0.05)
    assert fits[0].dof == 1
    assert np.mean([f.chi2 for f in fits]) == pytest.approx(1.0, rel=0.1)
    assert np.mean([f.p_value < 0.1 for f in fits]) == pytest.approx(0.1, abs=0.02)


def test_order_of_the_sizes_does_not_matter_and_large_d_is_well_conditioned():
    d = np.array([10**6, 10**3, 10**5, 10**4])
    fit = fit_inverse_size(d, 2.0 + 5.0 / d, np.full(4, 1e-6))
    assert fit.intercept == pytest.approx(2.0, abs=1e-12)
    assert list(fit.d) == sorted(d)


def test_ensembles_and_repr():
    ensembles = [particles(d=d, n_samples=40, n_disorder=8, n_steps=30) for d in (6, 8, 10)]
    fit = extrapolate(ensembles, "m")
    assert fit.n_draws == 8
    assert "(statistical)" in repr(fit)
    assert "(fit order)" in repr(fit)
    assert fit.error >= fit.intercept_stderr
    assert extrapolate(ensembles, "q").intercept > 0
    unguided = [particles(PROBLEM.replace(guidance=0.0), d=d, n_samples=40, n_disorder=8) for d in (6, 8, 10)]
    assert extrapolate(unguided, "m").intercept_stderr > 0  # the plain estimator: the paired one has no error at w = 0


def test_bad_input_is_refused(data):
    with pytest.raises(
        ExtrapolationError, match=r"order 1 in 1/d needs at least 3 different dimensions; got \[8.0, 12.0\]"
    ):
        fit_inverse_size([8, 12], [1, 1], [1, 1])
    with pytest.raises(ExtrapolationError, match="order 2 in 1/d needs at least 4 different"):
        fit_inverse_size([8, 12, 16], [1, 1, 1], [1, 1, 1], order=2)
    with pytest.raises(ExtrapolationError, match="order must be 1 or 2"):
        fit_inverse_size([8, 12, 16], [1, 1, 1], [1, 1, 1], order=3)
    with pytest.raises(ExtrapolationError, match="needs a standard error > 0; got"):
        fit_inverse_size([8, 12, 16], [1, 1, 1], [1, 0, 1])
    with pytest.raises(ExtrapolationError, match="needs one problem at several d"):
        extrapolate([data, particles(PROBLEM.replace(sigma2=0.5), n_samples=4, n_disorder=2)])
    with pytest.raises(ExtrapolationError, match="at least 3 different dimensions"):
        extrapolate([data, data, data])
    with pytest.raises(ExtrapolationError, match="at least 3 different dimensions"):
        extrapolate([])


def test_a_finite_size_theory_is_taken_out(data_and_annealed):
    """What is left is fitted by 1/d^2 and 1/d^3: shifting by the known effect gives the same intercept."""
    data, annealed = data_and_annealed
    fit = extrapolate(data, "m", finite_size=annealed)
    limit = solve(PROBLEM).final.m
    rest = [float(a.final.m_paired.mean - b.final.m_paired.mean) for a, b in zip(data, annealed, strict=True)]
    error = [math.hypot(a.final.m_paired.stderr, b.final.m_paired.stderr) for a, b in zip(data, annealed, strict=True)]
    by_hand = fit_inverse_size([e.d for e in data], [limit + r for r in rest], error, corrected=True)
    assert fit.corrected and fit.powers == (2, 3)
    assert fit.intercept == pytest.approx(by_hand.intercept, rel=1e-12)
    assert "finite-d theory" in repr(fit)
    with pytest.raises(ExtrapolationError, match="one a size; got 2"):
        extrapolate(data, "m", finite_size=annealed[:2])
    with pytest.raises(ExtrapolationError, match="of the same problem and d"):
        extrapolate(data, "m", finite_size=annealed[::-1])
    with pytest.raises(ExtrapolationError, match='finite_size predicts "m" and "v"'):
        extrapolate(data, "q", finite_size=annealed)


@pytest.fixture(scope="module")
def data_and_annealed():
    sizes = (6, 8, 10)
    data = [run(PROBLEM, d=d, n_samples=40, n_disorder=8, n_steps=20, n_times=2, progress=False) for d in sizes]
    return data, [reduced(PROBLEM, d, n_samples=2000, n_draws=8, n_steps=20, n_times=2) for d in sizes]
