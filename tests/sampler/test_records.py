"""The record of a sampler's calls: in their order, whatever levels the code calls at."""

import numpy as np
import pytest

from meanfield import Continuum, Ensemble, Problem, ProblemError
from meanfield.sampler.native import heun
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
FEW = {"d": 8, "n_samples": 4, "n_disorder": 2, "progress": False}


def churning(model, noise):
    """Adds noise before a step (Algorithm 2 of arXiv:2206.00364): the second level is above the first."""
    x = 10.0 * noise()
    for s, raised, after in ((10.0, 11.0, 3.0), (3.0, 12.0, 1.0), (1.0, 1.2, 0.0)):
        x = x + np.sqrt(raised**2 - s**2) * noise()
        x = x + (after - raised) * model.eps(x, raised)
    return x


@pytest.mark.parametrize("sampler", [heun([10.0, 3.0, 1.0, 0.0]), churning])
def test_calls_are_recorded_in_their_order(sampler):
    law, data = solve_sampler(PROBLEM, sampler), run_sampler(PROBLEM, sampler, **FEW)
    assert np.array_equal(law.t, data.t)
    assert data.m.mean.shape == law.m.shape


def test_records_of_anything_else_must_fall():
    with pytest.raises(ProblemError, match="decreasing"):
        Ensemble(PROBLEM, 8, np.array([1.0, 1.0, 0.0]), {"m": np.ones((2, 3)), "v": np.ones((2, 3))}, 4)
