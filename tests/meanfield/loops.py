"""Pipelines and a scheduler as diffusers has them, in plain NumPy: the loops that `guided` is asked about."""

import numpy as np


class Scheduler:
    """A stand-in with the attributes of an Euler scheduler."""

    def __init__(self, n=None, largest=14.0, **config):
        self.num_inference_steps = self.timesteps = self.sigmas = None
        self.config = config
        if n:
            self.num_inference_steps, self.timesteps = n, 100 * np.arange(n)[::-1]
            self.sigmas = np.append(np.geomspace(largest, 0.1, n), 0.0)

    def add_noise(self, x, noise, timesteps):
        return x + self.sigmas[len(self.timesteps) - 1 - timesteps // 100] * noise

    def step(self, noise_pred, t):
        return noise_pred


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

    def __call__(
        self, steps=3, guidance_scale=7.5, callback_on_step_end=None, guidance_rescale=0.0, clip_value=None,
        normalize=False, of=None, first=0, largest=14.0,
    ):  # fmt: skip
        self._guidance_scale, self.used, self.num_timesteps = guidance_scale, [], steps
        self.scheduler = Scheduler(of or steps, largest, **self.scheduler.config)
        prompt = [2.0, 5.0] if self.do_classifier_free_guidance else [5.0]
        timesteps = [*self.scheduler.timesteps][first : first + steps]
        for i, t in enumerate(timesteps):
            doubled = self.do_classifier_free_guidance
            if doubled != (len(prompt) == 2):
                raise RuntimeError("sizes do not match")
            noise_pred = prompt[-1]
            if doubled:
                uncond, cond = prompt
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
                if guidance_rescale > 0.0:
                    noise_pred = rescaled(noise_pred, guidance_rescale)
            if normalize:
                noise_pred = noise_pred * 0.7
            if clip_value:
                noise_pred = min(noise_pred, clip_value)
            self.used.append(self.scheduler.step(noise_pred, t))
            if callback_on_step_end is not None:
                got = callback_on_step_end(self, i, t, {"prompt": np.array(prompt)}) or {}
                prompt = list(got.get("prompt", prompt))
        return self.used


def rescaled(noise_pred, amount):
    return noise_pred / (1.0 + amount)


class Source(Pipeline):
    """Pipelines whose call departs from (R5) after, or beside, the formula; each is refused with the line."""

    def unconditional(self, guidance_scale=7.5, callback_on_step_end=None):
        for t in self.scheduler.timesteps:
            uncond, cond = self.network(t).chunk(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            noise_pred = noise_pred / np.linalg.norm(noise_pred)
            self.scheduler.step(noise_pred, t)

    def negated(self, guidance_scale=7.5, callback_on_step_end=None, raw=False):
        for t in self.scheduler.timesteps:
            uncond, cond = self.network(t).chunk(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            if not raw:
                noise_pred = noise_pred * 0.5
            self.scheduler.step(noise_pred, t)

    def operand(self, guidance_scale=7.5, callback_on_step_end=None):
        for t in self.scheduler.timesteps:
            uncond, cond = self.network(t).chunk(2)
            uncond = uncond * (cond / uncond).mean()
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            self.scheduler.step(noise_pred, t)

    def in_place(self, guidance_scale=7.5, callback_on_step_end=None):
        for t in self.scheduler.timesteps:
            uncond, cond = self.network(t).chunk(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
                noise_pred.clamp_(-1.0, 1.0)
            self.scheduler.step(noise_pred, t)

    def renamed(self, guidance_scale=7.5, callback_on_step_end=None):
        for t in self.scheduler.timesteps:
            uncond, cond = self.network(t).chunk(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            velocity = noise_pred / 2.0
            self.scheduler.step(velocity, t)

    def sliced(self, guidance_scale=7.5, callback_on_step_end=None):
        for t in self.scheduler.timesteps[:-1]:
            uncond, cond = self.network(t).chunk(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            self.scheduler.step(noise_pred, t)

    def skipping(self, guidance_scale=7.5, callback_on_step_end=None, threshold=1.0):
        for t in self.scheduler.timesteps:
            if t > threshold:
                continue
            uncond, cond = self.network(t).chunk(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            self.scheduler.step(noise_pred, t)

    def reshaped(self, guidance_scale=7.5, callback_on_step_end=None):
        for t in self.scheduler.timesteps:
            if self.interrupt:
                continue
            noise_pred = -self.network(t)
            uncond, cond = noise_pred.chunk(2)
            if self.do_classifier_free_guidance:
                noise_pred = uncond + self.guidance_scale * (cond - uncond)
            noise_pred = self._unpack_latents(noise_pred[:, 1:], 4).to(np.float32)
            self.scheduler.step(-noise_pred[0], t)
