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
    assert fit.order_error == pytest.approx(0.5 * 0.3 / 24)  # other forms agree; half the way beyond the largest size
    assert fit.predict(10) == pytest.approx(1.13)
    curved = fit_inverse_size(SIZES, y + 2.0 / SIZES**2, np.full(4, 1e-3), order=2)
    assert curved.intercept == pytest.approx(1.1, abs=1e-11)
    assert curved.order_error > 10 * curved.intercept * 1e-4  # the linear fit is far off, and that is stated


def test_statistical_error_is_the_scatter_of_the_intercept():
    rng = np.random.default_rng(0)
    stderr = np.array([1e-3, 2e-3, 1e-3, 3e-3])
    fits = [fit_inverse_size(SIZES, 1 + 0.3 / SIZES + stderr * rng.normal(size=4), stderr) for _ in range(3000)]
    scatter = np.std([f.intercept for f in fits])
    assert fits[0].intercept_stderr == pytest.approx(scatter, rel=0.05)
    assert np.mean([f.chi2 for f in fits]) == pytest.approx(2.0, rel=0.1)
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
    """What is left is fitted by 1/d^2: the same numbers, shifted by the known effect, give the same intercept."""
    data, annealed = data_and_annealed
    fit = extrapolate(data, "m", finite_size=annealed)
    limit = solve(PROBLEM).final.m
    rest = [float(a.final.m_paired.mean - b.final.m_paired.mean) for a, b in zip(data, annealed, strict=True)]
    error = [math.hypot(a.final.m_paired.stderr, b.final.m_paired.stderr) for a, b in zip(data, annealed, strict=True)]
    by_hand = fit_inverse_size([e.d for e in data], [limit + r for r in rest], error, corrected=True)
    assert fit.corrected and fit.powers == (2,)
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
