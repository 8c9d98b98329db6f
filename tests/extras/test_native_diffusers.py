"""The common samplers are those of diffusers: the same model, noise and levels give the same states."""

import diffusers
import numpy as np
import pytest
import torch

from meanfield import Continuum, Exponential, Problem
from meanfield.adapters.diffusers import from_diffusers
from meanfield.sampler.levels import sd_sigmas
from meanfield.sampler.native import dpmpp_2m, dpmpp_2m_sde, euler, euler_ancestral, heun, unipc
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "timestep_spacing": "trailing"}


class Stochastic(diffusers.DDIMScheduler):
    """DDIM with eta, which its `step` takes as an option."""

    def step(self, *args, **options):
        return super().step(*args, eta=0.7, **options)


def made(name, **options):
    kind = Stochastic if name == "Stochastic" else getattr(diffusers, name)
    return kind(**SD | options)


# scheduler, its options, our sampler of the same levels
PAIRS = {
    "DDIM": ("DDIMScheduler", {"clip_sample": False}, lambda s: euler(s, start="vp")),
    "DDIM, eta = 0.7": ("Stochastic", {"clip_sample": False}, lambda s: euler(s, 0.7, "vp")),
    "Euler": ("EulerDiscreteScheduler", {}, euler),
    "Euler, leading": ("EulerDiscreteScheduler", {"timestep_spacing": "leading"}, lambda s: euler(s, start="vp")),
    "Euler ancestral": ("EulerAncestralDiscreteScheduler", {}, euler_ancestral),
    "Heun": ("HeunDiscreteScheduler", {}, heun),
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {}, lambda s: dpmpp_2m(s, "vp")),
    "DPM++ 2M SDE": (
        "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, lambda s: dpmpp_2m_sde(s, "vp")),
    "UniPC": ("UniPCMultistepScheduler", {}, lambda s: unipc(s, "vp")),
}  # fmt: skip
each = pytest.mark.parametrize("pair", PAIRS)
# Tables of levels are in float32 there: their rounding, 1e-7 of |x| at the largest level (15), is not below 1e-6 of a
# state of order 1 in two or three steps.
PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)


def two(pair, n=20):
    """Both samplers at the levels of the scheduler."""
    name, options, native = PAIRS[pair]
    scheduler = made(name, **options)
    theirs = from_diffusers(scheduler, n)
    return theirs, native(np.sqrt(np.unique(solve_sampler(PROBLEM, theirs).t)[::-1]))


@each
@pytest.mark.parametrize("n", [4, 10, 20])
def test_the_same_law(pair, n):
    theirs, native = two(pair, n)
    a, b = solve_sampler(PROBLEM, theirs), solve_sampler(PROBLEM, native)
    size = np.sqrt(b.q)
    assert a.n_calls == b.n_calls
    assert np.all(np.abs(a.m - b.m) < 1e-6 * size)
    assert np.all(np.abs(a.v - b.v) < 1e-6 * size**2)


@each
def test_the_same_particles(pair):
    """With the same noise every number is the same, stochastic samplers included: these draw in the same order."""
    options = {"d": 8, "n_samples": 5, "n_disorder": 2, "seed": 0, "classes": "reference"}
    theirs, native = (run_sampler(PROBLEM, sampler, **options) for sampler in two(pair))
    for name in ("m", "v"):
        a, b = (getattr(data.final, name).values for data in (theirs, native))
        assert np.allclose(a, b, rtol=1e-6, atol=1e-6)


@each
def test_a_coefficient_one_per_cent_off_is_told_apart(pair):
    class Wrong:
        def __init__(self, model):
            self.eps = lambda x, s: 1.01 * model.eps(x, s)
            self.denoised = lambda x, s: x - s.b * self.eps(x, s)

    theirs, native = two(pair)
    a, b = solve_sampler(PROBLEM, theirs), solve_sampler(PROBLEM, lambda model, noise: native(Wrong(model), noise))
    assert abs(a.final.v - b.final.v) > 1e-4


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("n", [2, 5, 20, 48, 96, 333, 1000])
def test_levels(spacing, n):
    """To the float32 of their cumulative product, which loses digits of the smallest levels."""
    scheduler = made("EulerDiscreteScheduler", timestep_spacing=spacing)
    scheduler.set_timesteps(n)
    assert np.allclose(scheduler.sigmas.numpy(), sd_sigmas(n, spacing), rtol=2e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("native", [euler, euler_ancestral, heun, dpmpp_2m, dpmpp_2m_sde, unipc])
def test_tensors_keep_their_kind(native, dtype):
    sampler, kinds = native(sd_sigmas(10, "trailing")), set()

    def of_kind(model, noise):
        x = sampler(model, lambda: noise().to(dtype))
        kinds.add(x.dtype)
        return x

    law, other = solve_sampler(PROBLEM, sampler), solve_sampler(PROBLEM, of_kind, xp=torch)
    assert kinds == {dtype}
    assert np.allclose([other.m, other.v], [law.m, law.v], rtol=1e-5, atol=1e-5 if dtype == torch.float32 else 1e-12)


def test_gradients_and_half_precision_are_refused():
    problem = PROBLEM.replace(classes=Continuum())
    native = heun(sd_sigmas(5))
    for kind, message in (
        (lambda x: x.requires_grad_(), "must not ask for a gradient"),
        (lambda x: x.half(), "float64 or float32"),
        (lambda x: x.bfloat16(), "must be"),
    ):
        with pytest.raises(ValueError, match=message):
            solve_sampler(problem, lambda model, noise, kind=kind: native(model, lambda: kind(noise())), xp=torch)
