"""The two regimes as d grows: the exponential one tends to the theory at d = infinity, the sub-exponential one dies."""

import math

import numpy as np
import pytest

from meanfield import Exponential, Polynomial, Problem, reduced, solve
from simulate import run
from validate import extrapolate
from validate.regimes.judgement import power_law

SIZES = (12, 16, 20, 24)


@pytest.mark.slow
@pytest.mark.parametrize("w", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_particles_extrapolate_to_mean_field(sampler, w):
    """Within 3 combined errors (statistical, fit order) and 0.006 in m; the theory of twice the weight is refused."""
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=w, sampler=sampler)
    settings = {"n_samples": 128, "n_disorder": 64, "n_steps": 60, "seed": 7, "n_times": 2, "progress": False}
    data = [run(problem, d=d, **settings) for d in SIZES]
    annealed = [reduced(problem, d, n_samples=100_000, n_steps=100, n_times=2) for d in SIZES]
    theory, other = solve(problem).final, solve(problem.replace(guidance=2 * w)).final
    for q in ("m", "v"):
        plain, fit = extrapolate(data, q), extrapolate(data, q, finite_size=annealed)
        assert abs(plain.intercept - getattr(theory, q)) < 3 * plain.error, plain
        assert abs(fit.intercept - getattr(theory, q)) < 3 * fit.error, fit
        if q == "m":
            assert abs(fit.intercept - theory.m) < 0.006, fit
            assert abs(fit.intercept - other.m) > 3 * fit.error and abs(fit.intercept - other.m) > 0.006


@pytest.mark.parametrize(("sampler", "exponent"), [("sde", 1.0), ("ode", 0.5)])
def test_sub_exponential_distortion_vanishes_with_its_exponent(sampler, exponent):
    """(T12) at P = d^(1/2), d = 10^2 ... 10^6; the exponent of the other sampler is far off."""
    problem = Problem(classes=Polynomial(0.5), sigma2=0.25, guidance=1.0, sampler=sampler)
    sizes = (100, 1000, 10_000, 100_000, 1_000_000)
    shifts = []
    for d in sizes:
        samples = 24 if d == sizes[-1] else 128
        o = run(problem, d=d, n_samples=samples, n_disorder=8, n_steps=50, n_times=2, progress=False).final.m_paired
        shifts.append((float(o.mean) - 1.0, float(o.stderr)))
    shift, stderr = np.array(shifts).T
    assert np.all(shift > 5 * stderr)
    log_count = np.array([problem.classes.log_count(d) for d in sizes])
    slope, error, drift = power_law(np.log(log_count / sizes), np.log(shift), stderr / shift, log_count)
    total = math.hypot(error, drift)
    assert abs(slope - exponent) < 3 * total < 0.15
    assert abs(slope - (1.5 - exponent)) > 3 * total


def test_exponential_distortion_does_not_vanish():
    """The same measurement at P = exp(0.4 d): m(0) - 1 does not fall below the theory at d = infinity."""
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
    limit = float(solve(problem).final.mean_shift)
    for d in (12, 20):
        o = run(problem, d=d, n_samples=64, n_disorder=16, n_steps=50, n_times=2, progress=False).final.m_paired
        assert o.mean - 1.0 > limit - 3 * o.stderr
        assert limit > 0.07
