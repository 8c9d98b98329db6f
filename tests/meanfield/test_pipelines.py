"""Pipelines driven by scales, and the refusals, on stand-ins with the interface of diffusers. No torch."""

import math

import numpy as np
import pytest

from meanfield import EDM, ExportError, GuidanceCallback, Linear, for_timesteps, guided, levels_of
from meanfield.export.pipelines import refusal

WINDOW = Linear(-1.0, 0.25)


class Scheduler:
    """A stand-in with the attributes of an Euler scheduler."""

    def __init__(self, n=None):
        self.num_inference_steps = self.timesteps = self.sigmas = None
        self.config = {}
        if n:
            self.num_inference_steps, self.timesteps = n, np.arange(n)[::-1]
            self.sigmas = np.append(np.geomspace(14.0, 0.1, n), 0.0)


class Pipeline:
    """A stand-in with the loop of diffusers' pipelines; the network gives 2 and 5 for the two halves."""

    def __init__(self):
        self.scheduler, self.used = Scheduler(), []

    @property
    def guidance_scale(self):
        return self._guidance_scale

    @property
    def do_classifier_free_guidance(self):
        return self._guidance_scale > 1

    def __call__(self, steps=3, guidance_scale=7.5, callback_on_step_end=None, guidance_rescale=0.0):
        self._guidance_scale, self.used, self.num_timesteps = guidance_scale, [], steps
        self.scheduler = Scheduler(steps)
        prompt = [2.0, 5.0] if self.do_classifier_free_guidance else [5.0]
        for i in range(steps):
            doubled = self.do_classifier_free_guidance
            if doubled != (len(prompt) == 2):
                raise RuntimeError("sizes do not match")
            noise_pred = prompt[-1]
            if doubled:
                uncond, cond = prompt
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            self.used.append(noise_pred)
            if callback_on_step_end is not None:
                callback_on_step_end(self, i, 0, {})
        return self.used


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
    with pytest.raises(ExportError, match="guidance_rescale"):
        twin(steps=2, guidance_rescale=0.5)
    right = WINDOW.for_timesteps(**levels_of(Scheduler(4)))
    assert guided(pipe, right)(steps=4) == [2.0 + 3.0 * g for g in right]
    with pytest.raises(ExportError, match="other noise levels"):
        guided(pipe, WINDOW.for_timesteps(sigmas=[14.0, 5.0, 2.0, 1.0, 0.0]))(steps=4)
    for bad in (["high"], [], [math.nan], 3.0):
        with pytest.raises(ExportError, match="scales must be"):
            guided(pipe, bad)


def test_pipelines_and_schedulers_that_cannot_be_read_are_refused():
    class Local(Pipeline):
        def __call__(self, steps=3, guidance_scale=7.5, callback_on_step_end=None):
            return guidance_scale

    class Deaf(Pipeline):
        def __call__(self, steps=3, guidance_scale=7.5):
            return guidance_scale

    class Rescaling(Pipeline):
        def __call__(self, steps=3, guidance_scale=7.5, callback_on_step_end=None):
            uncond, cond = np.ones(2), np.zeros(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            return noise_pred / np.linalg.norm(noise_pred)

    class Comparing(Pipeline):
        def __call__(self, steps=3, guidance_scale=7.5, callback_on_step_end=None):
            uncond, cond = (1.0, 0.0) if guidance_scale > 1.0 else (0.0, 0.0)
            return uncond + self.guidance_scale * (cond - uncond) if self.do_classifier_free_guidance else cond

    assert "norms" in refusal(Rescaling()) and "guidance_scale > 1.0" in refusal(Comparing())
    assert "does not compute" in refusal(Local()) and "callback_on_step_end" in refusal(Deaf())
    assert refusal(Pipeline()) is None
    with pytest.raises(ExportError, match="cannot be driven"):
        guided(Deaf(), [1.0])
    with pytest.raises(ExportError, match="set_timesteps"):
        levels_of(Scheduler())
    odd = Scheduler(3)
    odd.sigmas = odd.sigmas[:-2]
    with pytest.raises(ExportError, match="cannot be read"):
        levels_of(odd)


def test_edm_levels_are_its_sigmas():
    assert for_timesteps(1.0, [2.0, 1.0], noise=EDM()) == for_timesteps(1.0, [2.0, 1.0], noise="edm")
