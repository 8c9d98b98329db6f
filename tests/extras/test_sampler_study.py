"""Twenty schedulers of diffusers at four numbers of steps with two guiders: theory and particles in the continuum.

Every run has a seed of its own, so that the scores of m and v at the end are independent.
"""

import logging

import numpy as np
import pytest
from diffusers.guiders import ClassifierFreeGuidance
from test_sampler_schedulers import PREDICTS, made

from meanfield import Continuum, Problem
from meanfield.adapters.diffusers import from_diffusers
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler
from validate import compare, family_threshold

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
SHAPE = (4, 16, 16)  # rescaled guidance is not linear: corrections of order 1/1024, below a tenth of the errors
STEPS = (6, 9, 14, 20)
SCHEDULERS = (
    "DDIMScheduler", "DDIMParallelScheduler", "DDPMScheduler", "DDPMParallelScheduler", "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler", "DPMSolverSDEScheduler", "DPMSolverSinglestepScheduler",
    "EDMDPMSolverMultistepScheduler", "EDMEulerScheduler", "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler", "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler", "KDPM2DiscreteScheduler", "LMSDiscreteScheduler", "PNDMScheduler",
    "UniPCMultistepScheduler",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def sampler(name, n, guider, scale):
    guide = {"plain": None, "rescaled": ClassifierFreeGuidance(guidance_scale=2.0 * scale, guidance_rescale=0.7)}[
        guider
    ]
    return from_diffusers(made(name), n, guider=guide, prediction=None if name in PREDICTS else "epsilon")


def scores(names, steps, first_seed=0, scale=1.0):
    """z of m and v; particles with guidance scales `scale` times as large."""
    found, seed = [], first_seed
    for name in names:
        for n in steps:
            for guider in ("plain", "rescaled"):
                seed += 1
                law = solve_sampler(PROBLEM, sampler(name, n, guider, 1.0), shape=SHAPE)
                problem = PROBLEM.replace(guidance=2.0 * scale - 1.0)
                size = {"shape": SHAPE, "n_samples": 2, "n_disorder": 24, "seed": seed, "progress": False}
                data = run_sampler(problem, sampler(name, n, guider, scale), **size)
                held = type(data)(PROBLEM, data.d, data.t, data.draws, data.n_samples, data.info)
                found += [row.z for row in compare(law, held, times=[0.0], estimator="plain").rows]
    return np.array(found)


@pytest.mark.slow
def test_scores_of_twenty_schedulers_have_unit_variance():
    z = scores(SCHEDULERS, STEPS)
    assert len(z) == 320
    assert 0.9 < np.sqrt(np.mean(z**2)) < 1.1  # known to 0.04
    assert np.max(np.abs(z)) < family_threshold(len(z))


@pytest.mark.slow
def test_a_scale_off_by_five_percent_is_refused():
    z = scores(SCHEDULERS[:4], STEPS[-1:], scale=1.05)
    assert np.max(np.abs(z)) > family_threshold(len(z))
