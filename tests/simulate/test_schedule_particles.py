"""Particles and the reduced model with every schedule of the library, in the continuum, where the theory is exact."""

import sys
from pathlib import Path

import numpy as np
import pytest
from particle_checks import limit, z_score

from meanfield import Continuum, Custom, Problem, Schedule, reduced
from meanfield.exact.theorems import final_from_dose
from simulate import run

sys.path.append(str(Path(__file__).parents[1] / "meanfield"))
from library import LIBRARY

DRAWS = 16


def worst_z(data, guidance: Schedule | float) -> float:
    """Largest |z| of m(0), v(0) against the dose integrals of `guidance`: exact in the continuum, at every d."""
    exact = final_from_dose(data.problem.replace(guidance=guidance))
    return max(abs(z_score(data.final.m_paired, exact.m)), abs(z_score(data.final.v_paired, exact.v)))


def weaker(guidance: Schedule):
    return lambda t: 0.75 * guidance.w(t)


@pytest.mark.parametrize("name", LIBRARY)
def test_particles_and_reduced_model_follow_each_schedule(name):
    """d = 20, SDE from T = 20; the negative control compares with weights a quarter weaker.

    Every schedule has random numbers of its own, so that the checks are independent, as the bound on |z| assumes.
    """
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=LIBRARY[name], t_start=20.0)
    wrong = Custom(weaker(LIBRARY[name]), jumps=LIBRARY[name].breakpoints)
    bound = limit(n_checks=4 * len(LIBRARY), n_draws=DRAWS)
    settings = {"n_steps": 60, "seed": list(LIBRARY).index(name), "threads": 1, "n_times": 2}
    for data in (
        run(p, d=20, n_samples=320, n_disorder=DRAWS, **settings),
        reduced(p, 20, n_samples=5120, n_draws=DRAWS, **settings),
    ):
        assert worst_z(data, p.guidance) < bound
        assert worst_z(data, wrong) > bound
        assert np.isfinite(data.final.v.mean)
