"""Control variates from the unguided twin: no bias, errors that are right, and smaller ones than pairing gives."""

import math

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Problem, reduced, solve
from simulate import run
from validate.agreement.estimates import draws_of
from validate.agreement.means import Mean, mean_of
from validate.regimes.controls import FEWEST, controlled_draws, without

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
TRIALS, DRAWS = 3000, 48


def in_sample(values, controls):
    """What must not be done: the coefficients know the draw that they are applied to."""
    table = np.column_stack([np.ones(len(values)), controls])
    return values - controls @ np.linalg.lstsq(table, values, rcond=None)[0][1:]


@pytest.fixture(scope="module")
def trials():
    """Values of mean 2 that depend on skewed controls, in part by their square, and on noise that grows with them."""
    rng = np.random.default_rng(11)
    C = rng.chisquare(8, size=(TRIALS, DRAWS, 3)) / 8 - 1
    noise = rng.normal(size=(TRIALS, DRAWS)) * (1 + 0.3 * C[..., 0])
    return 2 + C @ [1.0, -2.0, 0.5] + 0.5 * (C[..., 0] ** 2 - 0.25) + 0.3 * noise, C


def scores(trials, method):
    return np.array([mean_of(method(y, c)).minus(Mean(2.0)).z for y, c in zip(*trials, strict=True)])


def test_no_bias_and_errors_that_are_right(trials):
    means = np.array([without(y, c).mean() for y, c in zip(*trials, strict=True)])
    assert abs(means.mean() - 2) < 4 * means.std() / math.sqrt(TRIALS)
    z = scores(trials, without)
    assert np.sqrt(np.mean(z**2)) == pytest.approx(1, abs=4 / math.sqrt(2 * TRIALS))


def test_coefficients_that_know_the_draw_have_errors_too_small(trials):
    assert np.mean(scores(trials, in_sample) ** 2) > 1 + 4 * math.sqrt(2 / TRIALS)


def test_a_control_of_another_mean_is_found(trials):
    y, c = trials
    assert np.mean(np.abs(scores((y, c + np.array([0.3, 0.0, 0.0])), without)) > 3) > 0.5


def test_far_more_is_explained_than_by_pairing_alone(trials):
    y, c = trials[0][0], trials[1][0]
    assert without(y, c).std() < 0.5 * y.std()
    assert np.allclose(without(y, np.column_stack([c, c, 2 * c])), without(y, c))  # collinear: the ODE's twins are


@pytest.fixture(scope="module")
def particles():
    return run(PROBLEM, d=8, n_samples=20, n_disorder=64, n_steps=120, seed=5)


def test_where_the_twin_explains_all_only_steps_are_left():
    """The ODE in the continuum is linear: there is no statistical error to compare with, so the atlas pairs there."""
    data = run(PROBLEM.replace(sampler="ode"), d=8, n_samples=4, n_disorder=FEWEST, n_steps=60, seed=5)
    assert mean_of(controlled_draws(data, "m")[:, -1]).stderr < 1e-9 < mean_of(data.m_paired.values[:, -1]).stderr


def test_particles_agree_with_the_exact_solution_and_not_with_another(particles):
    right, wrong = solve(particles.problem).final, solve(particles.problem.replace(guidance=1.1)).final
    for q in ("m", "v"):
        mean = mean_of(controlled_draws(particles, q)[:, -1])
        assert abs(mean.minus(Mean(getattr(right, q))).z) < 3.5
        assert abs(mean.minus(Mean(getattr(wrong, q))).z) > 5
        assert mean.stderr < 0.8 * mean_of(draws_of(particles, q, "paired")[:, -1]).stderr


def test_all_times_are_estimated(particles):
    theory = solve(particles.problem)
    values = controlled_draws(particles, "m")
    z = [mean_of(values[:, n]).minus(Mean(theory.at(t).m)).z for n, t in enumerate(particles.t) if n > 0]
    assert np.max(np.abs(z)) < 4


def test_few_draws_are_paired_and_twins_that_coincide_are_not_used():
    problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    few = reduced(problem, 12, n_samples=10 * (FEWEST - 1), n_draws=FEWEST - 1, n_steps=20)
    assert np.array_equal(controlled_draws(few, "v"), few.v_paired.values)
    free = run(problem.replace(guidance=0.0), d=12, n_samples=4, n_disorder=FEWEST, n_steps=5)
    assert np.array_equal(controlled_draws(free, "m"), free.m.values)
