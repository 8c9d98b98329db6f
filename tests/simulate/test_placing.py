"""Where the steps lie: with the density that is stated, and where they leave less error at the end."""

import math

import numpy as np
import pytest
from particle_checks import affine_moments

from meanfield.exact.theorems import final_from_dose
from meanfield.guidance.placing import thinning, time_grid
from meanfield.guidance.schedules import Constant
from meanfield.problem.growth import Continuum, Fixed
from meanfield.problem.statement import Problem
from simulate import run

W = Constant(1.0)


def spread_of_steps(t, D_c):
    """Of the steps' lengths in log D times the density that they should have, at their middle: 0 for short steps."""
    D = 0.25 + t
    middle = np.sqrt(D[1:] * D[:-1])
    filled = np.log(D[:-1] / D[1:]) / (1.0 + np.sqrt(middle / D_c))
    return np.ptp(filled) / filled.mean()


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 2.0])
def test_a_run_takes_steps_of_the_stated_density(eta):
    """Of its eta, its classes, its d and its weight."""
    problem = Problem(classes=Fixed(10), sigma2=0.25, guidance=12.0, sampler=eta, t_start=1000.0)
    t = run(problem, d=20, n_samples=2, n_disorder=1, n_steps=400, n_times=401, progress=False).t
    noisy, D_s = 1.0 + eta**2, 1.0 / (10.0 ** (2.0 / 20.0) - 1.0)
    D_c = 3.0 * 8.0 / noisy**2 * (1.0 + 8.0 * D_s / noisy)
    assert spread_of_steps(t, D_c) < 1e-3
    assert min(spread_of_steps(t, 1.1 * D_c), spread_of_steps(t, 24.0)) > 0.01  # negative controls


def test_a_start_far_away_takes_hardly_more_steps():
    def beyond(t_start, above):
        """Share of the steps that lie beyond t = 1000."""
        return np.mean(time_grid(W, 0.25, t_start, 400, above=above)[1:] >= 1000.0)

    assert beyond(1e6, thinning(W, 1.0, math.inf, 16, e=1.0)) < 0.05 < 0.4 < beyond(1e6, math.inf)


def error(problem, n_steps, above):
    """Larger error of m and v/sigma2 in the continuum, where the law of the scheme is known without sampling."""
    exact = final_from_dose(problem)
    return np.abs((affine_moments(problem, n_steps, above) - [exact.m, exact.v]) / [1.0, problem.sigma2]).max()


@pytest.mark.parametrize(("eta", "gain"), [(1.0, 1.25), (1.5, 1.5), (2.0, 1.5)])
def test_the_more_noise_the_later_the_steps(eta, gain):
    """The error at twenty steps, against that of steps placed as for the ODE, and of steps even in log D."""
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, sampler=eta, t_start=1000.0)
    own, ode = (thinning(W, 1.0, math.inf, 16, (1.0 + x**2) / 2.0) for x in (eta, 0.0))
    assert gain * error(problem, 20, own) < error(problem, 20, ode) < error(problem, 20, math.inf)
