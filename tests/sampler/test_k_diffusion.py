"""Samplers in the convention of k-diffusion, and the Brownian path of its noise samplers."""

from itertools import pairwise

import numpy as np
import pytest

from meanfield import VE, Continuum, Exponential, Problem, ProblemError, RectifiedFlow
from meanfield.adapters.brownian import BrownianPath
from meanfield.adapters.k_diffusion import from_k_diffusion
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
SIGMAS = np.append(np.geomspace(14.6, 0.03, 12), 0.0)


def sample_euler(model, x, sigmas, extra_args=None, callback=None, disable=None):
    """One of k-diffusion, in its own convention."""
    assert disable is True  # no progress bars
    ones = np.ones(len(x))
    for s, after in pairwise(sigmas):
        d = (x - model(x, s * ones, **(extra_args or {}))) / s
        x = x + d * (after - s)
    return x


SAMPLER = from_k_diffusion(sample_euler, SIGMAS)


def native_euler(model, noise):
    x = SIGMAS[0] * noise()
    for s, after in pairwise(SIGMAS):
        x = x + (after - s) * model.eps(x, s)
    return x


def sample_dpmpp_sde(model, x, sigmas, noise_sampler=None, eta=1.0, r=0.5, halves=True):
    """DPM-Solver++ (stochastic): noise over the half and over the whole step. `halves`: of one path, or independent."""
    ones = np.ones(len(x))

    def stage(x, denoised, s, after, width):
        up = min(after, eta * (after**2 * (s**2 - after**2) / s**2) ** 0.5)
        down = (after**2 - up**2) ** 0.5
        return (down / s) * x + (1.0 - down / s) * denoised + up * width

    for s, after in pairwise(sigmas):
        denoised = model(x, s * ones)
        if after == 0.0:
            x = denoised
            continue
        middle = np.exp((1.0 - r) * np.log(s) + r * np.log(after))
        half = stage(x, denoised, s, middle, noise_sampler(s, middle))
        width = noise_sampler(s, after) if halves else noise_sampler(-s, -s - 1.0)
        x = stage(x, (1.0 - 0.5 / r) * denoised + 0.5 / r * model(half, middle * ones), s, after, width)
    return x


def z(law, data):
    return [(x.mean[-1] - right) / x.stderr[-1] for x, right in ((data.m, law.final.m), (data.v, law.final.v))]


@pytest.mark.parametrize("problem", [PROBLEM, Problem(classes=Exponential(0.4), sigma2=0.25, guidance=2.0)])
def test_a_function_is_the_code_it_stands_for(problem):
    ours, native = (solve_sampler(problem, f) for f in (from_k_diffusion(sample_euler, SIGMAS), native_euler))
    np.testing.assert_allclose(ours.t, native.t, rtol=1e-12)
    np.testing.assert_allclose(ours.v, native.v, rtol=1e-9)
    assert ours.sampler == "sample_euler, 12 steps"


def test_its_levels_are_its_own_whatever_the_noise_of_the_problem():
    ve, flow = (
        solve_sampler(Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, noise=noise), SAMPLER)
        for noise in (VE(), RectifiedFlow())
    )
    np.testing.assert_allclose(ve.v, flow.v, rtol=1e-9)


def test_overlapping_increments_are_those_of_one_path():
    """With unit vectors as draws, inner products are covariances."""
    draws = iter(np.eye(9))
    path = BrownianPath(lambda: next(draws))
    intervals = [(9.0, 4.0), (9.0, 6.0), (6.0, 4.0), (9.0, 5.0), (4.0, 1.0), (5.0, 2.0), (12.0, 5.0)]
    found = np.array([path(*ends) for ends in intervals])
    for i, (a, b) in enumerate(intervals):
        for j, (c, d) in enumerate(intervals):
            common = max(0.0, min(a, c) - max(b, d))
            assert found[i] @ found[j] == pytest.approx(common / np.sqrt((a - b) * (c - d)), abs=1e-12)
    assert path(4.0, 9.0) @ path(9.0, 4.0) == pytest.approx(-1.0)


def test_a_stochastic_solver_of_second_order_against_particles():
    sampler = from_k_diffusion(sample_dpmpp_sde, SIGMAS)
    law = solve_sampler(PROBLEM, sampler)
    data = run_sampler(PROBLEM, sampler, d=256, n_samples=256, n_disorder=32)
    assert law.standing == "exact" and np.max(np.abs(z(law, data))) < 4.0
    independent = solve_sampler(PROBLEM, from_k_diffusion(sample_dpmpp_sde, SIGMAS, halves=False))
    assert np.max(np.abs(z(independent, data))) > 4.0  # negative control: the noise of the half step forgotten


def test_options_reach_the_function():
    ode = solve_sampler(PROBLEM, from_k_diffusion(sample_dpmpp_sde, SIGMAS, eta=0.0))
    zero = from_k_diffusion(sample_dpmpp_sde, SIGMAS, noise_sampler=lambda s, after: 0.0)
    sde, quiet = (solve_sampler(PROBLEM, x) for x in (from_k_diffusion(sample_dpmpp_sde, SIGMAS), zero))
    assert ode.final.v != pytest.approx(sde.final.v, rel=1e-3) and quiet.final.v < sde.final.v


def test_noise_of_numpy_is_found_out():
    rng = np.random.default_rng(0)

    def sample(model, x, sigmas):
        return sample_euler(model, x + rng.standard_normal(x.shape), sigmas, disable=True)

    with pytest.raises(ProblemError, match="must do the same when it is run again"):
        solve_sampler(PROBLEM, from_k_diffusion(sample, SIGMAS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"function": "sample_euler"}, "function must be a function; got 'sample_euler'"),
        ({"sigmas": [1.0]}, "two or more levels"),
        ({"sigmas": None}, "two or more levels"),
        ({"sigmas": [1.0, np.nan]}, "two or more levels"),
        ({"sigmas": SIGMAS[::-1]}, "sigmas must fall"),
        ({"sigmas": [1.0, -1.0]}, "the last at least 0"),
        ({"churn": 1.0}, r"options must be arguments of sample_euler.*got \['churn'\]"),
        ({"function": lambda model, x, sigma_min, sigma_max, n: x}, r"needs more; got \['n', 'sigma_max'\]"),
        ({"xp": "torch"}, "xp must be an array library"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ProblemError, match=message):
        from_k_diffusion(**({"function": sample_euler, "sigmas": SIGMAS} | change))
