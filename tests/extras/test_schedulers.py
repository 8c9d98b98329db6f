"""The levels that `levels_of` reads are those that diffusers' schedulers have, and their steps obey the theory."""

import math

import diffusers
import numpy as np
import pytest
import torch
from tiny_pipelines import deviations, record, stable_diffusion, stable_diffusion_3

from meanfield import Constant, Continuum, Custom, Interval, Linear, Problem, design, solve
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
    "dpm++-karras": lambda: diffusers.DPMSolverMultistepScheduler(**SD, use_karras_sigmas=True),
    "unipc": lambda: diffusers.UniPCMultistepScheduler(**SD),
    "edm-euler": lambda: diffusers.EDMEulerScheduler(),
    "flow": lambda: diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    "flow-plain": lambda: diffusers.FlowMatchEulerDiscreteScheduler(),
}


def kept_and_added(scheduler, timestep):
    """a and b by the library's own forward process: what it keeps of ones, and what it adds to zeros."""
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    t = torch.tensor([float(timestep)]).to(scheduler.timesteps.dtype)
    if hasattr(scheduler, "scale_noise"):
        return float(scheduler.scale_noise(one, t, zero)), float(scheduler.scale_noise(zero, t, one))
    return float(scheduler.add_noise(one, zero, t)), float(scheduler.add_noise(zero, one, t))


def noise_of(scheduler, timestep):
    """VE time (b/a)^2."""
    a, b = kept_and_added(scheduler, timestep)
    return math.inf if a == 0.0 else (b / a) ** 2


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
    m, v = sample(scheduler, scales, OWN, first, right.t)
    return np.array([m - theory.m, v / theory.v - 1.0])


def sample(scheduler, scales, own_scale, first, t, start=None, **options):
    """m and v of samples that start at x/a = own_scale t^(1/2) `start`, for class means +own_scale.

    Without noise two samples are enough, +1 and -1: x is linear in them.
    """
    scheduler.set_timesteps(scheduler.num_inference_steps)  # its step counter back to the start
    scheduler.is_scale_input_called = True  # the exact network takes the sample as it is
    start = torch.tensor([[1.0, -1.0]], dtype=torch.float64) if start is None else start
    x, sigma = None, np.sqrt(t) * own_scale
    kept = [kept_and_added(scheduler, step)[0] for step in scheduler.timesteps]
    for i in range(first, len(scales)):
        x = kept[i] * sigma[i] * start if x is None else x
        y = x / kept[i]
        cond = sigma[i] * (y - own_scale) / (SIGMA2 * own_scale**2 + sigma[i] ** 2)  # eps = -sigma (score of y)
        uncond = sigma[i] * y / ((1.0 + SIGMA2) * own_scale**2 + sigma[i] ** 2)
        eps = uncond + scales[i] * (cond - uncond)
        output = eps - (y - sigma[i] * eps) if scales.kind == "flow_sigmas" else eps  # a flow predicts z - x_0
        x = scheduler.step(output, scheduler.timesteps[i], x, return_dict=False, **options)[0].double()
    return float(x.mean()) / own_scale, float(x.var(correction=0)) / own_scale**2


def test_a_designed_window_keeps_the_variance_in_a_real_sampler():
    """50 steps of DPM++ 2M, exact scores of the continuum: m(0) = 1.67 at the variance of the class."""
    levels = {name: levels_at(name, 50) for name in ("dpm++-karras", "euler-karras")}
    T = float(Constant(0.0).for_timesteps(**levels["dpm++-karras"], data_scale=OWN).t[0])
    problem = Problem(classes=Continuum(), sigma2=SIGMA2, sampler="ode", t_start=T)
    window = design(problem, w_min=-1.0, w_max=3.0, slope=4.0)

    def result(schedule, name="dpm++-karras", rule="start"):
        scales = schedule.for_timesteps(**levels[name], data_scale=OWN, rule=rule)
        scheduler = SCHEDULERS[name]()
        scheduler.set_timesteps(50)
        m, v = sample(scheduler, scales, OWN, 0, scales.t)
        return m / window.outcome.m - 1.0, v / SIGMA2 - 1.0

    assert window.outcome.m > 1.6 and abs(window.outcome.v_ratio - 1.0) < 1e-6
    shift, kept = result(window.schedule)
    assert abs(shift) < 0.01 and abs(kept) < 0.03
    assert result(Constant(1.0))[1] < -0.75  # constant guidance loses three quarters, for half the shift
    assert result(window.schedule, rule="mean")[1] > 0.1  # "mean" is for first-order samplers only
    first_order = {rule: result(window.schedule, "euler-karras", rule)[1] for rule in ("start", "mean")}
    assert -0.25 < first_order["start"] < -0.1 < first_order["mean"] < 0.0


@pytest.mark.parametrize("name", ["ddim-trailing", "ddpm", "euler-ancestral"])
def test_stochastic_samplers_are_the_sde_of_the_theory(name):
    """DDIM with eta = 1, DDPM and Euler ancestral: eta = 1. First order: the error of v halves at twice the steps."""
    schedule = Custom(lambda t: 0.8 - 1.6 / (1.0 + t))
    torch.manual_seed(0)
    n_samples, found = 20_000, []
    for n in (250, 500):
        scheduler = SCHEDULERS[name]()
        levels = levels_at(name, n)
        scales = schedule.for_timesteps(**levels, data_scale=OWN)
        scheduler.set_timesteps(n)
        start = torch.randn(1, n_samples, dtype=torch.float64)
        problem = Problem(classes=Continuum(), sigma2=SIGMA2, guidance=schedule, t_start=float(scales.t[0]))
        sde, ode = (solve(problem.replace(sampler=sampler)).final for sampler in ("sde", "ode"))
        m, v = sample(scheduler, scales, OWN, 0, scales.t, start, **({"eta": 1.0} if "ddim" in name else {}))
        found.append((m - sde.m, v / sde.v - 1.0))
        assert abs(m - ode.m) > 0.1 and abs(v / ode.v - 1.0) > 0.2  # negative control
    assert all(abs(m) < 4.0 * math.sqrt(SIGMA2 / n_samples) for m, _ in found)
    assert abs(found[1][1]) < 0.06 and abs(found[1][1]) < 0.75 * abs(found[0][1])


def levels_at(name, n):
    scheduler = SCHEDULERS[name]()
    scheduler.set_timesteps(n)
    return levels_of(scheduler)
