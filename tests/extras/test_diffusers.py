"""The scales of a schedule in the real diffusers: every step predicts eps_u + scale (eps_c - eps_u)."""

import diffusers
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
from meanfield.export.pipelines import refusal

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
    pipe.scheduler.set_timesteps(3)
    scales = Linear(-1.0, 0.1).for_timesteps(**levels_of(pipe.scheduler))
    pipe.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    with pytest.raises(ExportError, match="other noise levels"):
        record(guided(pipe, scales), num_inference_steps=3)


def test_pipelines_that_cannot_be_driven_are_refused_with_the_reason():
    bare = {  # without weights: what is refused is the class
        diffusers.DiTPipeline: "callback_on_step_end",
        diffusers.FluxPipeline: "argument of the call",
        diffusers.StableDiffusionPAGPipeline: "perturbed-attention",
        diffusers.StableVideoDiffusionPipeline: "no guidance_scale",
        diffusers.UniDiffuserPipeline: "callback_on_step_end",
        diffusers.CogView3PlusPipeline: "compares the scale",
        diffusers.JoyImageEditPipeline: "norms",
    }
    for cls, reason in bare.items():
        assert reason in (refusal(object.__new__(cls)) or ""), cls.__name__
    distilled = stable_diffusion(time_cond_proj_dim=8)
    with pytest.raises(ExportError, match="distilled"):
        guided(distilled, [2.0, 1.0])
    for make, _ in PIPELINES.values():
        assert refusal(make()) is None
