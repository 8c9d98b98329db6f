"""Levels of schedulers by what they do, whatever they are called: stand-ins with the interface of diffusers. No torch.

The stand-ins have the forward processes that diffusers' schedulers have; tests/extras holds these to the same.
"""

import numpy as np
import pytest

from meanfield import ExportError, Linear, levels_of
from meanfield.export.levels import read_levels

WINDOW = Linear(-1.0, 0.25)
S = np.array([1.0, 0.9, 0.6, 0.2])


class Stated:
    """Timesteps and sigmas, and nothing by which to tell what they mean."""

    def __init__(self, sigmas, timesteps=None, end=0.0, **config):
        self.sigmas = np.append(sigmas, end)
        self.timesteps = 1000.0 * np.asarray(sigmas) if timesteps is None else np.asarray(timesteps, float)
        self.num_inference_steps, self.config = len(self.timesteps), config
        self._step_index = self._begin_index = None

    def at(self, timesteps):
        """Sigma at timesteps; like diffusers' schedulers, in the middle of a run that of the step it is at."""
        if self._step_index is not None:
            return np.full(np.shape(timesteps), self.sigmas[self._step_index])
        return np.array([self.sigmas[np.flatnonzero(self.timesteps == t)[-1]] for t in timesteps])


class Flow(Stated):
    def scale_noise(self, sample, timestep, noise):
        s = self.at(timestep)
        return s * noise + (1.0 - s) * sample


class TimeOfData(Stated):
    """A flow that counts its time from noise to data, t = 1 - s."""

    def scale_noise(self, sample, timestep, noise):
        return timestep * sample + (1.0 - timestep) * noise


class VarianceExploding(Stated):
    def add_noise(self, original_samples, noise, timesteps):
        return original_samples + self.at(timesteps) * noise


class VariancePreserving(Stated):
    def add_noise(self, original_samples, noise, timesteps):
        a = 1.0 / np.sqrt(1.0 + self.at(timesteps) ** 2)
        return a * original_samples + self.at(timesteps) * a * noise


def ve(scheduler):
    return WINDOW.for_timesteps(**levels_of(scheduler), t_max=1e6).t


def test_a_flow_is_told_by_its_forward_process_not_by_its_name():
    with np.errstate(divide="ignore"):
        t = np.minimum((S / (1.0 - S)) ** 2, 1e6)
    flows = [
        Flow(S),
        TimeOfData(S, timesteps=1.0 - S),
        Stated(S, num_train_timesteps=1000),  # no forward process, but the network is told N s
        Stated(S, num_train_timesteps=1000, use_flow_sigmas=True),
        Flow(1.0 - S, end=1.0, invert_sigmas=True),
    ]
    for scheduler in flows:
        np.testing.assert_allclose(ve(scheduler), t, rtol=1e-9)
        assert levels_of(scheduler)["t_end"] == 0.0
    for scheduler in (VarianceExploding(S), VariancePreserving(S)):  # negative control: the same sigmas as VE noise
        np.testing.assert_allclose(ve(scheduler), S**2, rtol=1e-9)


def test_levels_are_read_in_the_middle_of_a_run_too():
    scheduler = Flow(S)
    before = ve(scheduler)
    scheduler._step_index, scheduler._begin_index = 2, 0
    np.testing.assert_array_equal(ve(scheduler), before)
    assert (scheduler._step_index, scheduler._begin_index) == (2, 0)


@pytest.mark.parametrize(
    ("scheduler", "reason"),
    [
        (Stated(S), "no forward process"),  # N unknown
        (Stated([14.0, 3.0, 0.1], num_train_timesteps=1000), "no forward process"),
        (Stated(S, timesteps=[999, 600, 300, 3], num_train_timesteps=1000, use_flow_sigmas=True), "no forward process"),
        (Flow([3.0, 2.0, 1.0]), "not those of its own forward process"),
        (TimeOfData(S, timesteps=S), "not those of its own forward process"),
        (VarianceExploding([9.0, 2.0], prediction_type="flow_prediction"), "velocity of a flow"),
    ],
)
def test_what_cannot_be_told_is_refused_and_can_be_stated(scheduler, reason):
    with pytest.raises(ExportError, match=reason) as caught:
        levels_of(scheduler)
    assert "set_timesteps" not in str(caught.value) and len(str(caught.value)) < 1500
    kind = "flow_sigmas" if scheduler.sigmas.max() <= 1.0 else "sigmas"  # as the message advises
    assert len(WINDOW.for_timesteps(**{kind: scheduler.sigmas}, t_max=1e6)) == len(scheduler.timesteps)


def test_an_evaluation_between_two_levels_is_read_from_its_timestep():
    """Second order: sigmas are repeated, and the model is evaluated at the geometric mean of two of them."""
    training = np.sqrt(np.geomspace(1e-3, 200.0, 1000))  # sigma at each training step
    sigma = training[[999, 600, 300, 3]]
    middle = np.sqrt(sigma[1:] * sigma[:-1])
    between = np.interp(np.log(middle), np.log(training), np.arange(1000))
    scheduler = VarianceExploding(
        np.append(sigma[0], np.repeat(sigma[1:], 2)), np.append(999, np.column_stack([between, [600, 300, 3]]))
    )
    scheduler.alphas_cumprod = 1.0 / (1.0 + training**2)
    right = np.append(sigma[0], np.column_stack([middle, sigma[1:]]))
    np.testing.assert_allclose(levels_of(scheduler)["sigmas"], right, rtol=1e-9)
    scheduler.sigmas = np.append(scheduler.sigmas, [0.0, 0.0])  # some have more zeros at the end
    np.testing.assert_allclose(levels_of(scheduler)["sigmas"], right, rtol=1e-9)
    heun = VarianceExploding(np.append(sigma[0], np.repeat(sigma[1:], 2)), [999, 600, 600, 300, 300, 3, 3])
    heun.alphas_cumprod = scheduler.alphas_cumprod
    np.testing.assert_array_equal(levels_of(heun)["sigmas"], heun.sigmas[:-1])  # it evaluates twice at a level
    del scheduler.alphas_cumprod
    with pytest.raises(ExportError, match="between its sigmas"):
        levels_of(scheduler)


def test_alphas_cumprod_are_checked_too():
    scheduler = VariancePreserving([], timesteps=[2, 0])
    del scheduler.sigmas
    scheduler.alphas_cumprod = np.array([0.9, 0.5, 0.2])
    scheduler.at = lambda timesteps: np.sqrt(1.0 / scheduler.alphas_cumprod[timesteps.astype(int)] - 1.0)
    np.testing.assert_allclose(read_levels(**levels_of(scheduler)).t, [4.0, 1.0 / 9.0])
    scheduler.at = lambda timesteps: 2.0 * np.sqrt(1.0 / scheduler.alphas_cumprod[timesteps.astype(int)] - 1.0)
    with pytest.raises(ExportError, match="not that of its alphas_cumprod"):
        levels_of(scheduler)


def test_noise_that_rises_is_no_sampler():
    for scheduler in (VarianceExploding([0.1, 2.0, 9.0], end=20.0), Flow(S, end=0.5), VarianceExploding([9, 2, 5.0])):
        with pytest.raises(ExportError, match="rises after step"):
            levels_of(scheduler)


def test_steps_that_are_not_set():
    scheduler = Flow(S)
    scheduler.num_inference_steps = None
    with pytest.raises(ExportError, match=r"set_timesteps.*run it once"):
        levels_of(scheduler)
    scheduler = Flow(S)
    del scheduler.num_inference_steps
    scheduler.sigmas = scheduler.sigmas[:-1]  # of training, without an end
    with pytest.raises(ExportError, match="set_timesteps"):
        levels_of(scheduler)
    scheduler = Flow(S)
    scheduler.sigmas = np.linspace(1.0, 0.0, 1000)
    with pytest.raises(ExportError, match="1000 sigmas are not one for each of its 4 timesteps") as caught:
        levels_of(scheduler)
    assert "set_timesteps" not in str(caught.value)
    for name in ("sigmas", "timesteps"):
        scheduler = Flow(S)
        setattr(scheduler, name, "all")
        with pytest.raises(ExportError, match=f"{name} must be a list of numbers"):
            levels_of(scheduler)
