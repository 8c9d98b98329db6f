"""Pipelines driven by scales, and the refusals, on stand-ins with the interface of diffusers. No torch."""

import math

import numpy as np
import pytest
from loops import Pipeline, Scheduler, Source

from meanfield import EDM, ExportError, GuidanceCallback, Linear, for_timesteps, guided, levels_of
from meanfield.export.refusals import refusal
from meanfield.export.scales import Scales

WINDOW = Linear(-1.0, 0.25)


def test_guided_drives_a_pipeline_through_one_zero_and_below():
    pipe, scales = Pipeline(), [3.0, 1.0, 0.0, -2.0, 2.0]
    assert guided(pipe, scales)(steps=5) == [2.0 + 3.0 * g for g in scales]
    assert guided(guided(pipe, scales), [0.5])(steps=1) == [3.5]  # the later scales count
    with pytest.raises(RuntimeError, match="sizes"):  # negative control: the pipeline alone cannot

        def callback(pipe, i, t, kwargs):
            pipe._guidance_scale = scales[(i + 1) % 5]

        pipe(steps=5, guidance_scale=3.0, callback_on_step_end=callback)
    with pytest.raises(ExportError, match="switches guidance off"):
        pipe(steps=5, guidance_scale=3.0, callback_on_step_end=GuidanceCallback(scales))
    assert type(pipe) is Pipeline and pipe(steps=1, guidance_scale=0.5) == [5.0]


def test_guided_checks_steps_levels_and_arguments():
    pipe = Pipeline()
    twin = guided(pipe, [2.0, 0.0])
    with pytest.raises(ExportError, match="2 for 3 steps"):
        twin(steps=3)
    with pytest.raises(ExportError, match="leave it out"):
        twin(steps=2, guidance_scale=2.0)
    for switch in ({"guidance_rescale": 0.5}, {"normalize": True}, {"clip_value": 3.0}):
        with pytest.raises(ExportError, match=f"{next(iter(switch))} must be off"):
            twin(steps=2, **switch)
    assert twin(steps=2, guidance_rescale=0.0, clip_value=None) == [2.0 + 3.0 * g for g in (2.0, 0.0)]
    right = WINDOW.for_timesteps(**levels_of(Scheduler(4)))
    assert guided(pipe, right)(steps=4) == [2.0 + 3.0 * g for g in right]
    with pytest.raises(ExportError, match="other noise levels"):
        guided(pipe, WINDOW.for_timesteps(sigmas=[14.0, 5.0, 2.0, 1.0, 0.0]))(steps=4)
    for bad in (["high"], [], [math.nan], 3.0):
        with pytest.raises(ExportError, match="scales must be"):
            guided(pipe, bad)


def test_noise_levels_are_compared_as_ve_times():
    """However they are stated, whichever steps are made of them, and whatever the timesteps are called."""
    pipe = Pipeline()
    right = WINDOW.for_timesteps(**levels_of(Scheduler(4)), data_scale=0.7)
    t = 0.49 * right.t
    s = np.sqrt(t) / (1.0 + np.sqrt(t))
    stated = [
        WINDOW.for_timesteps(flow_sigmas=s, data_scale=0.7),
        WINDOW.for_timesteps([3, 2, 1, 0], alphas_cumprod=(1.0 / (1.0 + t))[::-1], data_scale=0.7),
        WINDOW.for_timesteps(np.sqrt(t), noise="edm", data_scale=0.7),
        Scales.from_json(right.to_json()),
    ]
    for scales in stated:
        np.testing.assert_allclose(guided(pipe, scales)(steps=4), [2.0 + 3.0 * g for g in right], rtol=1e-9)
    with pytest.raises(ExportError, match="other noise levels"):  # the same timesteps at other levels
        guided(pipe, right)(steps=4, largest=20.0)
    with pytest.raises(ExportError, match="other noise levels"):
        guided(pipe, WINDOW.for_timesteps(sigmas=0.7 * Scheduler(4).sigmas))(steps=4)
    capped = WINDOW.for_timesteps(**levels_of(Scheduler(4)), t_max=10.0)
    assert guided(pipe, capped)(steps=4, largest=14.0)[0] == 2.0 + 3.0 * 2.5


def test_the_first_steps_or_the_last_of_all():
    pipe = Pipeline()
    scales = WINDOW.for_timesteps(**levels_of(Scheduler(10)))
    for first, part in ((0, scales[:4]), (6, scales[6:]), (3, scales[3:7])):
        assert guided(pipe, part)(steps=4, of=10, first=first) == [2.0 + 3.0 * g for g in part]
        with pytest.raises(ExportError, match="other noise levels"):
            guided(pipe, part)(steps=4, of=10, first=first - 1 if first else 1)


def cut(pipe, step, timestep, kwargs):
    """Guidance ends, as diffusers' callbacks of cut-off end it."""
    if step == 1:
        pipe._guidance_scale = 0.0
        return {"prompt": kwargs["prompt"][-1:]}
    return kwargs


def drop_half(pipe, step, timestep, kwargs):
    return {"prompt": kwargs["prompt"][-1:]}


@pytest.mark.parametrize("after", [cut, drop_half])
def test_callbacks_that_change_guidance_are_refused(after):
    pipe = Pipeline()
    callback = GuidanceCallback([3.0, 2.0, 4.0], after)
    with pytest.raises(ExportError, match="alone in changing guidance"):
        guided(pipe, callback.scales)(steps=3, callback_on_step_end=after)
    with pytest.raises(ExportError, match="w = 0"):
        pipe(steps=3, guidance_scale=callback.first, callback_on_step_end=callback)
    assert len(guided(pipe, [3.0, 2.0])(steps=2, callback_on_step_end=lambda pipe, i, t, kwargs: kwargs)) == 2
    # what the message advises: guidance ends where the schedule does
    assert guided(pipe, [3.0, 1.0, 1.0])(steps=3) == [11.0, 5.0, 5.0]


def test_a_scale_that_is_not_the_one_set_is_refused():
    callback = GuidanceCallback([3.0, 2.0])
    with pytest.raises(ExportError, match=r"callback\.first"):
        Pipeline()(steps=2, guidance_scale=7.5, callback_on_step_end=callback)
    assert Pipeline()(steps=2, guidance_scale=callback.first, callback_on_step_end=callback) == [11.0, 8.0]

    def both(pipe, step, timestep, kwargs):
        callback(pipe, step, timestep, kwargs)
        pipe._guidance_scale = 4.0
        return {}

    with pytest.raises(ExportError, match="step 1 must have used the scale 2; it used 4"):
        Pipeline()(steps=2, guidance_scale=callback.first, callback_on_step_end=both)


@pytest.mark.parametrize("key", ["clip_sample", "thresholding"])
def test_schedulers_that_clip_are_refused(key):
    pipe = Pipeline()
    pipe.scheduler.config[key] = True
    with pytest.raises(ExportError, match=f"clips .*{key}=False"):
        guided(pipe, [2.0])
    callback = GuidanceCallback([2.0])
    with pytest.raises(ExportError, match="clips"):
        pipe(steps=1, guidance_scale=2.0, callback_on_step_end=callback)
    pipe.scheduler.config[key] = False
    assert guided(pipe, [2.0])(steps=1) == [8.0]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (Source.unconditional, "noise_pred = noise_pred / np.linalg.norm(noise_pred)"),
        (Source.negated, "noise_pred = noise_pred * 0.5"),
        (Source.operand, "uncond = uncond * (cond / uncond).mean()"),
        (Source.in_place, "noise_pred.clamp_(-1.0, 1.0)"),
        (Source.renamed, "self.scheduler.step(velocity, t)"),
        (Source.sliced, "self.scheduler.timesteps[:-1]"),
        (Source.skipping, "t > threshold"),
        (Source.reshaped, None),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_what_a_call_does_to_the_guided_prediction(call, reason):
    found = refusal(type("Changed", (Pipeline,), {"__call__": call})())
    assert found is None if reason is None else reason in found


def test_pipelines_that_cannot_be_driven_are_refused():
    class Local(Pipeline):
        def __call__(self, steps=3, guidance_scale=7.5, callback_on_step_end=None):
            return guidance_scale

    class Deaf(Pipeline):
        def __call__(self, steps=3, guidance_scale=7.5):
            return guidance_scale

    class Comparing(Pipeline):
        def __call__(self, steps=3, guidance_scale=7.5, callback_on_step_end=None):
            uncond, cond = (1.0, 0.0) if guidance_scale > 1.0 else (0.0, 0.0)
            return uncond + self.guidance_scale * (cond - uncond) if self.do_classifier_free_guidance else cond

    assert "guidance_scale > 1.0" in refusal(Comparing())
    assert "does not compute" in refusal(Local()) and "callback_on_step_end" in refusal(Deaf())
    assert refusal(Pipeline()) is None
    with pytest.raises(ExportError, match="cannot be driven"):
        guided(Deaf(), [1.0])


def test_edm_levels_are_its_sigmas():
    assert for_timesteps(1.0, [2.0, 1.0], noise=EDM()) == for_timesteps(1.0, [2.0, 1.0], noise="edm")
