"""The levels that `levels_of` reads are those that diffusers' schedulers have, and their steps obey the theory."""

import math

import diffusers
import numpy as np
import pytest
import torch
from tiny_pipelines import deviations, record, stable_diffusion, stable_diffusion_3

from meanfield import Continuum, Custom, Interval, Linear, Problem, solve
from meanfield.export import guided, levels_of

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SCHEDULERS = {
    "ddim": lambda: diffusers.DDIMScheduler(**SD, clip_sample=False, steps_offset=1),
    "ddim-trailing": lambda: diffusers.DDIMScheduler(**SD, clip_sample=False, timestep_spacing="trailing"),
    "ddpm": lambda: diffusers.DDPMScheduler(**SD, clip_sample=False),
    "pndm": lambda: diffusers.PNDMScheduler(**SD, skip_prk_steps=True, steps_offset=1),
    "euler": lambda: diffusers.EulerDiscreteScheduler(**SD),
    "euler-karras": lambda: diffusers.EulerDiscreteScheduler(**SD, use_karras_sigmas=True),
    "euler-ancestral": lambda: diffusers.EulerAncestralDiscreteScheduler(**SD),
    "heun": lambda: diffusers.HeunDiscreteScheduler(**SD),
    "dpm++": lambda: diffusers.DPMSolverMultistepScheduler(**SD),
    "unipc": lambda: diffusers.UniPCMultistepScheduler(**SD),
    "edm-euler": lambda: diffusers.EDMEulerScheduler(),
    "flow": lambda: diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    "flow-plain": lambda: diffusers.FlowMatchEulerDiscreteScheduler(),
}


def noise_of(scheduler, timestep):
    """VE time by the library's own forward process: what it adds to zeros, over what it keeps of ones."""
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    t = torch.tensor([float(timestep)]).to(scheduler.timesteps.dtype)
    if hasattr(scheduler, "scale_noise"):
        b, a = scheduler.scale_noise(zero, t, one), scheduler.scale_noise(one, t, zero)
    else:
        b, a = scheduler.add_noise(zero, one, t), scheduler.add_noise(one, zero, t)
    return math.inf if float(a) == 0.0 else (float(b) / float(a)) ** 2


@pytest.mark.parametrize("name", SCHEDULERS)
def test_levels_are_those_of_the_forward_process_of_the_library(name):
    scheduler = SCHEDULERS[name]()
    scheduler.set_timesteps(7)
    scales = Interval(1.0, 0.5, 9.0).for_timesteps(**levels_of(scheduler))
    expected = [noise_of(scheduler, t) for t in scheduler.timesteps]
    np.testing.assert_allclose(scales.t, expected, rtol=2e-4)  # float32 alphas near 1
    assert len(set(scales)) == 2  # the interval is seen at some levels and not at others


@pytest.mark.parametrize("name", ["ddim", "euler-karras", "heun", "dpm++"])
def test_a_schedule_reaches_the_steps_of_a_pipeline(name):
    pipe = stable_diffusion(SCHEDULERS[name]())
    pipe.scheduler.set_timesteps(6)
    schedule = Linear(-1.5, 0.05)
    scales = schedule.for_timesteps(**levels_of(pipe.scheduler), data_scale=0.8, t_max=100.0)
    assert min(scales) < 0.0 and max(scales) > 2.0
    steps, _ = record(guided(pipe, scales), num_inference_steps=6)
    assert max(deviations(steps, scales)) <= 1.0
    pipe.scheduler.set_timesteps(6)
    t = np.minimum([noise_of(pipe.scheduler, s.timestep) / 0.64 for s in steps], 100.0)
    if name != "heun":  # it evaluates twice at the same timestep
        np.testing.assert_allclose(1.0 + schedule.w(t), list(scales), rtol=1e-3, atol=1e-4)


def test_a_schedule_reaches_the_steps_of_a_flow():
    pipe = stable_diffusion_3(shift=3.0)
    pipe.scheduler.set_timesteps(6)
    scales = Interval(-1.5, 0.0, 4.0).for_timesteps(**levels_of(pipe.scheduler))
    assert math.isinf(scales.t[0]) and set(scales) == {1.0, -0.5}
    steps, _ = record(guided(pipe, scales), "transformer", num_inference_steps=6)
    assert max(deviations(steps, scales)) <= 1.0
    np.testing.assert_allclose([s.timestep for s in steps], 1000.0 * scales.levels, rtol=1e-6)


@pytest.mark.parametrize("name", ["ddim-trailing", "euler", "flow-plain"])
def test_steps_of_the_library_with_exact_scores_obey_the_theory(name):
    """The continuum, whose scores are linear, sampled by scheduler.step in units of its own: m(0), v(0) of the theory.

    All three are of first order. The flow's steps can be as small as one likes, so that its error vanishes in the limit
    of 2 error(n) - error(n/2). The others have 1000 levels, with sigma = 0.03 the last, and what is left at 1000 steps.
    """
    fine = errors(name, 1000, data_scale=OWN)
    assert np.all(np.abs(fine) < 0.01)
    if name == "flow-plain":
        assert np.all(np.abs(2.0 * fine - errors(name, 500, data_scale=OWN)) < 1e-4)
    wrong = errors(name, 1000, data_scale=1.0)  # negative control: data_scale forgotten
    assert np.all(np.abs(wrong) > 0.09)


OWN, SIGMA2 = 0.7, 0.25


def errors(name, n, data_scale):
    """m(0) and v(0) of scheduler.step minus those of the theory, which starts at the same level."""
    schedule = Custom(lambda t: 0.8 - 1.6 / (1.0 + t))
    scheduler = SCHEDULERS[name]()
    scheduler.set_timesteps(n)
    levels = levels_of(scheduler)
    right = schedule.for_timesteps(**levels, data_scale=OWN)
    scales = schedule.for_timesteps(**levels, data_scale=data_scale)
    first = int(np.argmax(right.t < 200.0))
    T = float(right.t[first])
    theory = solve(Problem(classes=Continuum(), sigma2=SIGMA2, guidance=schedule, sampler="ode", t_start=T)).final
    m, v = sample(scheduler, scales, OWN, SIGMA2, first, right.t)
    return np.array([m - theory.m, v / theory.v - 1.0])


def sample(scheduler, scales, own_scale, sigma2, first, t):
    """m and v from the two samples that start at x/a = +- own_scale t^(1/2), for class means +own_scale."""
    scheduler.set_timesteps(len(scales))  # its step counter back to the start
    t_sampler = t * own_scale**2
    scheduler.is_scale_input_called = True  # the exact network takes the sample as it is
    x, signs = None, torch.tensor([1.0, -1.0], dtype=torch.float64)
    for i in range(first, len(scales)):
        sigma = math.sqrt(t_sampler[i])
        a = {"sigmas": 1.0, "alphas_cumprod": 1.0 / math.sqrt(1.0 + sigma**2), "flow_sigmas": 1.0 / (1.0 + sigma)}
        x = a[scales.kind] * sigma * signs if x is None else x
        y = x / a[scales.kind]
        cond = sigma * (y - own_scale) / (sigma2 * own_scale**2 + sigma**2)  # eps = -sigma (score of y)
        uncond = sigma * y / ((1.0 + sigma2) * own_scale**2 + sigma**2)
        eps = uncond + scales[i] * (cond - uncond)
        output = eps - (y - sigma * eps) if scales.kind == "flow_sigmas" else eps  # a flow predicts z - x_0
        x = scheduler.step(output, scheduler.timesteps[i], x, return_dict=False)[0].double()
    return float(x.mean()) / own_scale, (float(x[0] - x[1]) / (2.0 * own_scale)) ** 2
