"""The scales of a schedule in the real diffusers: every step predicts eps_u + scale (eps_c - eps_u)."""

import diffusers
import diffusers.callbacks
import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline
from tiny_pipelines import (
    RELATIVES,
    deviations,
    record,
    relative,
    stable_diffusion,
    stable_diffusion_3,
    stable_diffusion_xl,
)

from meanfield import ExportError, Interval, Linear
from meanfield.export import GuidanceCallback, guided, levels_of
from meanfield.export.refusals import refusal, switches

CROSSING = [3.0, 1.0, 0.0, -1.0, 0.5, 2.0]  # through 1, 0 and below, and back
PIPELINES = {
    "sd": (stable_diffusion, "unet"),
    "sdxl": (stable_diffusion_xl, "unet"),
    "sd3": (stable_diffusion_3, "transformer"),
}


def naive(scales):
    """The callback everyone writes: it sets the scale and trusts the pipeline."""

    def callback(pipe, step, timestep, kwargs):
        if step + 1 < len(scales):
            pipe._guidance_scale = scales[step + 1]
        return {}

    return callback


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("images", [1, 2])
def test_every_step_uses_its_scale_through_one_zero_and_below(name, images):
    make, network = PIPELINES[name]
    pipe = make()
    steps, _ = record(guided(pipe, CROSSING), network, num_inference_steps=6, num_images_per_prompt=images)
    assert max(deviations(steps, CROSSING)) <= 1.0
    # negative control: scales of the neighbouring steps are told apart at every step
    assert min(deviations(steps, np.roll(CROSSING, 1))) > 1e3
    assert all(float((s.cond - s.uncond).abs().max()) > 1e-3 for s in steps)


@pytest.mark.parametrize("name", PIPELINES)
def test_without_the_wrapper_the_pipeline_fails_at_one(name):
    make, network = PIPELINES[name]
    pipe = make()
    with pytest.raises(RuntimeError, match="size"):
        record(pipe, network, num_inference_steps=6, guidance_scale=3.0, callback_on_step_end=naive(CROSSING))
    with pytest.raises(ExportError, match="switches guidance off"):
        callback = GuidanceCallback(CROSSING)
        record(pipe, network, num_inference_steps=6, guidance_scale=3.0, callback_on_step_end=callback)


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.0, -1.0])
def test_a_plain_pipeline_is_silently_unguided_from_one_down(scale):
    pipe = stable_diffusion()
    steps, plain = record(pipe, num_inference_steps=2, guidance_scale=scale)
    assert all(torch.equal(s.cond, s.uncond) for s in steps)  # one half only: the batch was not doubled
    steps, kept = record(guided(pipe, [scale] * 2), num_inference_steps=2)
    assert max(deviations(steps, [scale] * 2)) <= 1.0
    same = torch.allclose(plain, kept, atol=1e-5)
    assert same == (scale == 1.0)  # at scale 1 unguided is right


@pytest.mark.parametrize("name", PIPELINES)
def test_constant_scales_are_the_plain_pipeline_and_leave_it_alone(name):
    make, network = PIPELINES[name]
    pipe = make()
    _, before = record(pipe, network, num_inference_steps=3, guidance_scale=2.5)
    twin = guided(pipe, [2.5] * 3)
    _, kept = record(twin, network, num_inference_steps=3)
    assert torch.equal(before, kept)
    assert isinstance(twin, type(pipe)) and twin.scheduler is pipe.scheduler
    record(guided(pipe, CROSSING), network, num_inference_steps=6)
    _, after = record(pipe, network, num_inference_steps=3, guidance_scale=2.5)
    assert torch.equal(before, after)


@pytest.mark.parametrize("cls", RELATIVES, ids=lambda cls: cls.__name__)
def test_image_to_image_takes_the_last_scales(cls):
    make, network = RELATIVES[cls]
    pipe = relative(cls, make())
    pipe.scheduler.set_timesteps(10)
    scales = Interval(-1.5, 0.01, 2.0).for_timesteps(**levels_of(pipe.scheduler))[-5:]
    call = {"image": torch.zeros(1, 3, 16, 16), "num_inference_steps": 10, "strength": 0.5}
    if cls is StableDiffusionInpaintPipeline:
        call |= {"mask_image": torch.ones(1, 1, 16, 16), "height": 16, "width": 16}
    steps, _ = record(guided(pipe, scales), network, **call)
    assert max(deviations(steps, scales)) <= 1.0 and min(scales) < 0.0
    assert min(deviations(steps, np.array(scales) + 0.1)) > 1.0
    with pytest.raises(ExportError, match="10 for 5 steps"):
        whole = Interval(-1.5, 0.01, 2.0).for_timesteps(**levels_of(pipe.scheduler))
        record(guided(pipe, whole), network, **call)


def test_the_callback_alone_drives_scales_above_one():
    scales = [4.0, 3.0, 1.5]
    callback = GuidanceCallback(scales)
    steps, _ = record(
        stable_diffusion(), num_inference_steps=3, guidance_scale=callback.first, callback_on_step_end=callback
    )
    assert max(deviations(steps, scales)) <= 1.0


def test_a_callback_of_the_user_goes_on_working():
    seen = []

    def halve(pipe, step, timestep, kwargs):
        seen.append(step)
        return {"latents": 0.5 * kwargs["latents"]}

    pipe = stable_diffusion()
    _, plain = record(guided(pipe, [2.0, 0.0]), num_inference_steps=2)
    steps, changed = record(guided(pipe, [2.0, 0.0]), num_inference_steps=2, callback_on_step_end=halve)
    assert seen == [0, 1] and max(deviations(steps, [2.0, 0.0])) <= 1.0
    assert not torch.allclose(plain, changed)


def test_calls_that_would_change_the_formula_are_refused():
    pipe = stable_diffusion()
    twin = guided(pipe, [2.0, 0.0])
    for arguments in ({"guidance_scale": 5.0}, {"guidance_rescale": 0.7}):
        with pytest.raises(ExportError, match=next(iter(arguments))):
            record(twin, num_inference_steps=2, **arguments)
    with pytest.raises(ExportError, match="skip_guidance_layers"):
        record(guided(stable_diffusion_3(), [2.0, 0.0]), "transformer", num_inference_steps=2, skip_guidance_layers=[0])
    with pytest.raises(ExportError, match="2 for 5 steps"):
        record(twin, num_inference_steps=5)


def test_noise_levels_of_the_run_are_compared_as_ve_times():
    """The same timesteps at other betas are other levels; the same levels in another scheduler's words are not."""
    pipe = stable_diffusion()
    pipe.scheduler.set_timesteps(3)
    schedule = Linear(-1.0, 0.1)
    scales = schedule.for_timesteps(**levels_of(pipe.scheduler))
    assert max(deviations(record(guided(pipe, scales), num_inference_steps=3)[0], list(scales))) <= 1.0
    abar, steps = pipe.scheduler.alphas_cumprod.double(), pipe.scheduler.timesteps
    stated = schedule.for_timesteps(sigmas=((1.0 - abar[steps]) / abar[steps]) ** 0.5)
    assert max(deviations(record(guided(pipe, stated), num_inference_steps=3)[0], list(scales))) <= 1.0
    plain = pipe.scheduler
    for change in ({"beta_schedule": "linear"}, {"beta_end": 0.012}, {"rescale_betas_zero_snr": True}):
        pipe.scheduler = diffusers.DDIMScheduler.from_config(plain.config, **change)
        pipe.scheduler.set_timesteps(3)
        assert torch.equal(pipe.scheduler.timesteps, steps)
        with pytest.raises(ExportError, match="other noise levels"):
            record(guided(pipe, scales), num_inference_steps=3)
    pipe.scheduler = diffusers.EulerDiscreteScheduler.from_config(plain.config)
    with pytest.raises(ExportError, match="other noise levels"):
        record(guided(pipe, scales), num_inference_steps=3)


def test_the_first_steps_of_all_belong_to_denoising_end():
    pipe = stable_diffusion_xl()
    pipe.scheduler.set_timesteps(10)
    whole = Linear(-1.0, 0.1).for_timesteps(**levels_of(pipe.scheduler))
    steps, _ = record(guided(pipe, whole[:6]), num_inference_steps=10, denoising_end=0.6)
    assert max(deviations(steps, list(whole[:6]))) <= 1.0
    with pytest.raises(ExportError, match="other noise levels"):
        record(guided(pipe, whole[4:]), num_inference_steps=10, denoising_end=0.6)
    with pytest.raises(ExportError, match=r"denoising_end the first, scales\[:steps\]"):
        record(guided(pipe, whole), num_inference_steps=10, denoising_end=0.6)


CUTOFFS = {
    "sd": diffusers.callbacks.SDCFGCutoffCallback,
    "sdxl": diffusers.callbacks.SDXLCFGCutoffCallback,
    "sd3": diffusers.callbacks.SD3CFGCutoffCallback,
}


@pytest.mark.parametrize("name", PIPELINES)
def test_callbacks_that_end_guidance_are_refused(name):
    make, network = PIPELINES[name]
    pipe, cutoff = make(), CUTOFFS[name](cutoff_step_ratio=None, cutoff_step_index=1)
    both = diffusers.callbacks.MultiPipelineCallbacks([cutoff])
    for after in (cutoff, both):
        with pytest.raises(ExportError, match="alone in changing guidance"):
            record(guided(pipe, [3.0, 2.0, 4.0]), network, num_inference_steps=3, callback_on_step_end=after)
    late = CUTOFFS[name](cutoff_step_ratio=1.0)  # never reached
    steps, _ = record(guided(pipe, [3.0, 2.0]), network, num_inference_steps=2, callback_on_step_end=late)
    assert max(deviations(steps, [3.0, 2.0])) <= 1.0
    # what the message advises is what the callback is for: the conditional prediction alone
    ended, _ = record(guided(pipe, [3.0, 3.0, 1.0]), network, num_inference_steps=3)
    alone, _ = record(pipe, network, num_inference_steps=3, guidance_scale=3.0, callback_on_step_end=cutoff)
    torch.testing.assert_close(ended[2].used, alone[2].used, rtol=1e-3, atol=1e-4)


def test_schedulers_that_clip_are_refused():
    pipe = stable_diffusion_xl(diffusers.DDIMScheduler(beta_schedule="scaled_linear"))
    with pytest.raises(ExportError, match="clip_sample"):
        guided(pipe, [2.0, 1.0])
    pipe.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    guided(pipe, [2.0, 1.0])
    pipe.scheduler = diffusers.DPMSolverMultistepScheduler(thresholding=True)
    with pytest.raises(ExportError, match="thresholding"):
        guided(pipe, [2.0, 1.0])


SWITCHES = {
    diffusers.BriaPipeline: {"normalize", "clip_value"},
    diffusers.StableDiffusionPipeline: {"guidance_rescale"},
    diffusers.StableDiffusionXLPipeline: {"guidance_rescale"},
    diffusers.LTXPipeline: {"guidance_rescale"},
    diffusers.StableDiffusion3Pipeline: {"skip_guidance_layers"},
    diffusers.MochiPipeline: set(),
}


@pytest.mark.parametrize("cls", SWITCHES, ids=lambda cls: cls.__name__)
def test_arguments_that_change_the_guided_prediction_are_found(cls):
    pipe = object.__new__(cls)
    assert refusal(pipe) is None and set(switches(pipe)) == SWITCHES[cls]
    for name in SWITCHES[cls]:
        with pytest.raises(ExportError, match=f"{name} must be off"):
            guided(pipe, [2.0])(**{name: 0.5})


def test_every_pipeline_of_the_library_is_judged_by_its_source():
    """The accepted ones hold the formula, and where they touch the guided prediction again an argument switches it."""
    judged = {}
    for name in dir(diffusers):
        if name.endswith("Pipeline"):
            try:
                cls = getattr(diffusers, name)
                judged[name] = refusal(object.__new__(cls))
            except ImportError:  # a library of its own, not installed
                continue
    accepted = {name for name, reason in judged.items() if reason is None}
    assert len(judged) > 300 and {cls.__name__ for cls in (*SWITCHES, *RELATIVES)} <= accepted
    assert len(accepted) == 32 and all(len(reason) < 1000 for reason in judged.values() if reason)


def test_pipelines_that_cannot_be_driven_are_refused_with_the_reason():
    bare = {  # without weights: what is refused is the class
        diffusers.DiTPipeline: "callback_on_step_end",
        diffusers.FluxPipeline: "argument of the call",
        diffusers.StableDiffusionPAGPipeline: "perturbed-attention",
        diffusers.StableVideoDiffusionPipeline: "no guidance_scale",
        diffusers.UniDiffuserPipeline: "callback_on_step_end",
        diffusers.CogView3PlusPipeline: "compares the scale",
        diffusers.JoyImageEditPipeline: "comb_pred * (cond_norm / noise_norm",
        diffusers.LTXI2VLongMultiPromptPipeline: "timesteps[:-1]",
    }
    for cls, reason in bare.items():
        assert reason in (refusal(object.__new__(cls)) or ""), cls.__name__
    distilled = stable_diffusion(time_cond_proj_dim=8)
    with pytest.raises(ExportError, match="distilled"):
        guided(distilled, [2.0, 1.0])
    for make, _ in PIPELINES.values():
        assert refusal(make()) is None
