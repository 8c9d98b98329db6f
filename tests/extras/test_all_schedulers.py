"""Every scheduler of diffusers: its levels are read right, by the library's own forward process, or refused."""

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from every_scheduler import CLASSES, NEEDED, SD, STEPS

from meanfield import ExportError, levels_of
from meanfield.export.levels import read_levels, same_noise

ONE_STAGE = {"stages": 1, "stage_range": [0, 1]}

# Between data and noise x = (1 - s) x_0 + s z; checked below against the steps that they make
FLOWS_WITHOUT_A_FORWARD_PROCESS = {"LTXEulerAncestralRFScheduler", "PiflowScheduler"}
READ = FLOWS_WITHOUT_A_FORWARD_PROCESS | {
    "CMStochasticIterativeScheduler", "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler",
    "CosineDPMSolverMultistepScheduler", "DDIMParallelScheduler", "DDIMScheduler", "DDPMParallelScheduler",
    "DDPMScheduler", "DEISMultistepScheduler", "DPMSolverMultistepScheduler", "DPMSolverSDEScheduler",
    "DPMSolverSinglestepScheduler", "EDMDPMSolverMultistepScheduler", "EDMEulerScheduler",
    "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "FlowMapEulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler", "FlowMatchLCMScheduler",
    "HeunDiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "KDPM2DiscreteScheduler", "LCMScheduler",
    "LMSDiscreteScheduler", "MiniMaxH3Scheduler", "PNDMScheduler", "RePaintScheduler", "SASolverScheduler",
    "TCDScheduler", "UnCLIPScheduler", "UniPCMultistepScheduler",
}  # fmt: skip
REFUSED = {
    "AmusedScheduler": "neither sigmas nor alphas_cumprod",  # masks
    "BlockRefinementScheduler": "neither sigmas nor alphas_cumprod",  # tokens
    "ConsistencyDecoderScheduler": "neither sigmas nor alphas_cumprod",
    "DDIMInverseScheduler": "rises after step",
    "DDPMWuerstchenScheduler": "neither sigmas nor alphas_cumprod",
    "DPMSolverMultistepInverseScheduler": "rises after step",
    "DiscreteDDIMScheduler": "neither sigmas nor alphas_cumprod",
    "EntropyBoundScheduler": "neither sigmas nor alphas_cumprod",
    "HeliosDMDScheduler": "are not set|not one for each",  # several stages: set_timesteps needs a stage
    "HeliosScheduler": "are not set|not one for each",
    "IPNDMScheduler": "neither sigmas nor alphas_cumprod",
    "KarrasVeScheduler": "neither sigmas nor alphas_cumprod",
    "RFD4ProteinaScheduler": "neither sigmas nor alphas_cumprod",
    "SCMScheduler": "neither sigmas nor alphas_cumprod",
    "ScoreSdeVeScheduler": "2000 sigmas are not one for each of its 4 timesteps",
    "ScoreSdeVpScheduler": "neither sigmas nor alphas_cumprod",
    "VQDiffusionScheduler": "neither sigmas nor alphas_cumprod",
}


pytestmark = pytest.mark.usefixtures("quiet")


def made(name, **config):
    scheduler = CLASSES[name](**NEEDED.get(name, {}), **config)
    try:
        scheduler.set_timesteps(STEPS.get(name, 4))
    except KeyError:
        assert name in ("HeliosScheduler", "HeliosDMDScheduler")
    return scheduler


def by_its_forward_process(scheduler):
    """VE time (b/a)^2 at each timestep, one by one, of scalars: what is kept of 1, and what of noise is added to 0."""
    found = []
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for t in scheduler.timesteps:
        t, scheduler._step_index = t.reshape(1), None  # some remember the first that they were asked for
        if hasattr(scheduler, "scale_noise"):
            a, b = scheduler.scale_noise(one, t, zero), scheduler.scale_noise(zero, t, one)
        else:
            a, b = scheduler.add_noise(one, zero, t), scheduler.add_noise(zero, one, t)
        found.append(float((b / a) ** 2))
    return np.array(found)


def test_the_table_has_every_scheduler_of_the_library():
    assert set(CLASSES) == READ | set(REFUSED)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_scheduler_is_read_right_or_refused(name):
    scheduler = made(name)
    if name in REFUSED:
        with pytest.raises(ExportError, match=REFUSED[name]) as caught:
            levels_of(scheduler)
        assert name in str(caught.value) and len(str(caught.value)) < 1500
        return
    t = read_levels(**{k: v for k, v in levels_of(scheduler).items() if k != "t_end"}).t
    if name in FLOWS_WITHOUT_A_FORWARD_PROCESS:
        s = scheduler.sigmas[:-1].double().numpy()
        with np.errstate(divide="ignore"):
            right = (s / (1.0 - s)) ** 2
    elif name == "RePaintScheduler":  # it leaves its forward process to DDPM
        right = by_its_forward_process(made("DDPMScheduler"))
    else:
        right = by_its_forward_process(scheduler)
    if name in ("DPMSolverSDEScheduler", "KDPM2DiscreteScheduler"):  # their own test is the next
        t, right = t[::2], right[::2]
    assert t.shape == right.shape and same_noise(t, right)
    assert not same_noise(t, right**0.5)  # negative control: s^2 in place of (s/(1 - s))^2, say, is told apart


@pytest.mark.parametrize("config", [{}, {"use_karras_sigmas": True}, {"use_exponential_sigmas": True}])
@pytest.mark.parametrize("name", ["DPMSolverSDEScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"])
def test_levels_between_the_steps_are_those_at_which_the_model_is_evaluated(name, config):
    """The scheduler divides what it gives the network by (1 + sigma^2)^(1/2), of the sigma at which it stands."""
    scheduler = made(name, **SD, **config)
    levels, used = levels_of(scheduler), []
    zero, one = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1, dtype=torch.float64)
    scheduler.noise_sampler = lambda *sigmas: torch.zeros(())  # where it would draw noise
    for t in scheduler.timesteps:
        used.append(float(scheduler.scale_model_input(one, t)) ** -2 - 1.0)
        scheduler.step(zero, t, zero)
    np.testing.assert_allclose(levels["sigmas"] ** 2, used, rtol=2e-3)
    if name == "DPMSolverSDEScheduler" and not config:
        published = [14.615, 6.531, 2.918, 1.650, 0.932, 0.165, 0.029]
        np.testing.assert_allclose(levels["sigmas"], published, atol=6e-4)
    if name != "KDPM2AncestralDiscreteScheduler":  # negative control: at its sigmas alone it is not
        assert not np.allclose(scheduler.sigmas[1 : len(used) : 2], levels["sigmas"][1::2], rtol=0.1)


@pytest.mark.parametrize("name", sorted(FLOWS_WITHOUT_A_FORWARD_PROCESS | {"HeliosScheduler"}))
def test_flows_without_a_forward_process_keep_x_on_their_line(name):
    """With the true velocity z - x_0 of one point, a step leads from (1 - s) x_0 + s z to that of the next s."""
    if name == "HeliosScheduler":
        scheduler = made(name, **ONE_STAGE)
    else:
        scheduler = made(name, **({"eta": 0.0} if "LTX" in name else {}))
    s = torch.cat([torch.as_tensor(levels_of(scheduler)["flow_sigmas"]), torch.zeros(1)]).double()
    x0, z = (torch.randn(1, 3, 4, 4, 4, generator=torch.Generator().manual_seed(k)).double() for k in (0, 1))
    if name == "PiflowScheduler":
        x0, z = x0.flatten(1)[:, None], z.flatten(1)[:, None]
    x = (1.0 - s[0]) * x0 + s[0] * z
    for i, t in enumerate(scheduler.timesteps):
        velocity = z - x0
        if name == "PiflowScheduler":
            velocity = velocity.repeat(1, 1, scheduler.n_grid)
        x = scheduler.step(velocity, t, x, return_dict=False)[0].double()
        torch.testing.assert_close(x, (1.0 - s[i + 1]) * x0 + s[i + 1] * z, rtol=0.0, atol=2e-3)


FLOW_SOLVERS = ["UniPCMultistepScheduler", "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler",
                "DEISMultistepScheduler", "SASolverScheduler"]  # fmt: skip


@pytest.mark.parametrize("name", FLOW_SOLVERS)
def test_solvers_that_are_told_to_use_the_sigmas_of_a_flow(name):
    flow = made(name, use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0)
    s = flow.sigmas[:-1].double().numpy()
    np.testing.assert_allclose(levels_of(flow)["flow_sigmas"], s, rtol=1e-12)
    with pytest.raises(ExportError, match="velocity of a flow"):  # half of it is no flow, and no other process
        levels_of(made(name, prediction_type="flow_prediction"))


def test_a_flow_that_counts_the_share_of_the_data():
    plain, inverted = (FlowMatchEulerDiscreteScheduler(invert_sigmas=flag) for flag in (False, True))
    sigmas = np.geomspace(1.0, 0.05, 6)
    for scheduler in (plain, inverted):
        scheduler.set_timesteps(sigmas=sigmas)
    np.testing.assert_allclose(levels_of(inverted)["flow_sigmas"], levels_of(plain)["flow_sigmas"], atol=1e-6)
    assert levels_of(inverted)["t_end"] == 0.0
    x0, z = torch.randn(2, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = z.clone()  # the velocity of these is x_0 - z
    for t in inverted.timesteps:
        x = inverted.step(x0 - z, t, x, return_dict=False)[0]
    torch.testing.assert_close(x, x0, rtol=0.0, atol=1e-5)


def test_dynamic_shifting_is_read_after_a_run_as_the_message_says():
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    with pytest.raises(ValueError, match="mu"):
        scheduler.set_timesteps(4)
    with pytest.raises(ExportError, match="run it once"):
        levels_of(scheduler)
    scheduler.set_timesteps(sigmas=[1.0, 0.5], mu=1.0)  # what the run of a pipeline does
    scheduler.set_begin_index(0)
    x = torch.zeros(1)
    for t in scheduler.timesteps:
        x = scheduler.step(x, t, x, return_dict=False)[0]
    np.testing.assert_allclose(levels_of(scheduler)["flow_sigmas"], [1.0, np.e / (np.e + 1.0)], rtol=1e-6)
