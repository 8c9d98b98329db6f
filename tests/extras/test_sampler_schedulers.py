"""Every scheduler of diffusers: its law is that of particles through the same object, or it is refused."""

import inspect

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler
from every_scheduler import CLASSES, NEEDED, SD

from meanfield import VE, Continuum, Problem, ProblemError, RectifiedFlow
from meanfield.adapters.diffusers import from_diffusers
from meanfield.sampler.unguided import unguided
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
NO_LEVELS = "neither sigmas nor alphas_cumprod"
REFUSED = {
    "AmusedScheduler": NO_LEVELS,  # masks
    "BlockRefinementScheduler": NO_LEVELS,  # tokens
    "CMStochasticIterativeScheduler": "it says not what is predicted",  # a consistency model is no denoiser
    "CogVideoXDPMScheduler": "old_pred_original_sample, timestep_back",
    "ConsistencyDecoderScheduler": r"set_timesteps\(8\) raised ValueError",
    "DDIMInverseScheduler": "rises after step",
    "DDPMWuerstchenScheduler": NO_LEVELS,
    "DPMSolverMultistepInverseScheduler": "rises after step",
    "DiscreteDDIMScheduler": NO_LEVELS,
    "EntropyBoundScheduler": NO_LEVELS,
    "HeliosDMDScheduler": r"set_timesteps\(8\) raised KeyError",  # stages
    "HeliosScheduler": r"set_timesteps\(8\) raised KeyError",
    "IPNDMScheduler": NO_LEVELS,
    "KarrasVeScheduler": "sample_hat",
    "PiflowScheduler": "not divisible by n_grid",  # its network predicts a policy
    "RFD4ProteinaScheduler": "emit_mask",
    "RePaintScheduler": "original_image, mask",
    "SCMScheduler": r"set_timesteps\(8\) raised ValueError",
    "ScoreSdeVeScheduler": "must be an object of diffusers, with set_timesteps and step",
    "ScoreSdeVpScheduler": "must be an object of diffusers, with set_timesteps and step",
    "VQDiffusionScheduler": NO_LEVELS,
}
RUNS = sorted(set(CLASSES) - set(REFUSED))
PREDICTS = {"CosineDPMSolverMultistepScheduler": "edm", "EDMDPMSolverMultistepScheduler": "edm",
            "EDMEulerScheduler": "edm", "MiniMaxH3Scheduler": "reversed_flow_prediction"}  # fmt: skip


pytestmark = pytest.mark.usefixtures("quiet")


def made(name, **config):
    """A scheduler on the betas of Stable Diffusion, where it has any, that does not clip."""
    parameters = inspect.signature(CLASSES[name].__init__).parameters
    for key in ("clip_sample", "clip_denoised"):
        if key in parameters:
            config.setdefault(key, False)
    if "beta_schedule" in parameters and parameters["beta_schedule"].default == "linear":
        config = SD | config
    return CLASSES[name](**NEEDED.get(name, {}), **config)


def z(law, data):
    """Deviations of m and v at the end in standard errors."""
    end = law.final
    return [(x.mean[-1] - right) / x.stderr[-1] for x, right in ((data.m, end.m), (data.v, end.v))]


def particles(sampler, n_samples=1024, d=256, **options):
    return run_sampler(PROBLEM, sampler, d=d, n_samples=n_samples, n_disorder=32, **options)


@pytest.mark.parametrize("name", RUNS)
def test_the_law_of_every_scheduler_that_runs_is_that_of_particles(name):
    sampler = from_diffusers(made(name), 8)
    law, data = solve_sampler(PROBLEM, sampler), particles(sampler)
    assert law.standing == "exact" and law.t.size == data.t.size and np.allclose(law.t, data.t)
    assert np.max(np.abs(z(law, data))) < 4.0
    assert law.final.m > law.unguided[0][-1] + 0.05  # guidance acts


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_every_other_scheduler_is_refused_with_the_reason(name):
    with pytest.raises(ProblemError, match=REFUSED[name]) as caught:
        from_diffusers(made(name), 8)
    assert name in str(caught.value) and len(str(caught.value)) < 1500


@pytest.mark.parametrize("name", sorted(set(RUNS) - {"LCMScheduler", "TCDScheduler", "FlowMatchLCMScheduler"}))
def test_without_guidance_many_steps_give_the_class(name):
    """What a network predicts is read right. Those for consistency models jump to the data at every step."""
    law = unguided(PROBLEM, from_diffusers(made(name), 100))
    of_first_order = 0.28 if name in ("CosineDPMSolverMultistepScheduler", "MiniMaxH3Scheduler") else 0.13
    assert abs(law.m[-1, 0] - 1.0) < 0.05 and abs(law.v[-1, 0] / 0.25 - 1.0) < of_first_order


@pytest.mark.parametrize(
    ("name", "config", "steps", "m", "v"),
    [
        ("DDIMScheduler", {}, 20, 1.27005, 0.12432),
        ("DDPMScheduler", {}, 30, 1.20576, 0.23394),
        ("EulerAncestralDiscreteScheduler", {}, 20, 1.20919, 0.18829),
        ("HeunDiscreteScheduler", {}, 10, 1.27000, 0.23271),
        ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}, 15, 1.27500, 0.23280),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, 15, 1.19483, 0.20548),
        ("UniPCMultistepScheduler", {}, 12, 1.23509, 0.11185),
        ("PNDMScheduler", {}, 20, 1.27411, 0.18553),
    ],
)
def test_published_laws(name, config, steps, m, v):
    """By a program of its own that carries one vector through the schedulers, on leading timesteps."""
    scheduler = made(name, timestep_spacing="leading", **config)
    end = solve_sampler(PROBLEM, from_diffusers(scheduler, steps)).final
    assert end.m == pytest.approx(m, abs=2e-5) and end.v / 0.25 == pytest.approx(v, abs=2e-5)


def test_networks_are_told_rounded_timesteps():
    """Karras sigmas of DPM-Solver lie between training steps, and the network is told the nearest."""
    rounded = from_diffusers(made("DPMSolverMultistepScheduler", use_karras_sigmas=True), 15)
    scheduler = made("DPMSolverMultistepScheduler", use_karras_sigmas=True)
    scheduler.set_timesteps(15)
    sigmas, t = scheduler.sigmas[:-1].double().numpy(), solve_sampler(PROBLEM, rounded).t[:-1]
    alphas = scheduler.alphas_cumprod.double().numpy()[scheduler.timesteps.numpy()]
    np.testing.assert_allclose(t, (1.0 - alphas) / alphas, rtol=1e-6)
    assert not np.allclose(t, sigmas**2, rtol=1e-3)


@pytest.mark.parametrize("noise", [VE(), RectifiedFlow()])
@pytest.mark.parametrize("kind", ["v_prediction", "sample"])
def test_what_the_network_predicts_changes_no_linear_guidance(kind, noise):
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, noise=noise)
    for name in ("DDIMScheduler", "EulerDiscreteScheduler", "UniPCMultistepScheduler"):
        laws = [
            solve_sampler(p, from_diffusers(made(name, prediction_type=of), 12)).final
            for p, of in ((PROBLEM, "epsilon"), (problem, kind))
        ]
        assert laws[0].m == pytest.approx(laws[1].m, rel=1e-5) and laws[0].v == pytest.approx(laws[1].v, rel=1e-5)


class OnePercentOff(DDIMScheduler):
    """A DDIM whose step is 1 % too long, at every step: x' + 0.01 (x' - x)."""

    def step(self, model_output, timestep, sample, **options):
        out = super().step(model_output, timestep, sample, **options)
        out.prev_sample = out.prev_sample + 0.01 * (out.prev_sample - sample)
        return out


def test_negative_control_a_coefficient_that_is_one_percent_off():
    law = solve_sampler(PROBLEM, from_diffusers(made("DDIMScheduler"), 20))
    good, wrong = (particles(from_diffusers(c(clip_sample=False, **SD), 20)) for c in (DDIMScheduler, OnePercentOff))
    assert np.max(np.abs(z(law, good))) < 4.0 < np.max(np.abs(z(law, wrong)))


@pytest.mark.parametrize("name", ["DDIMScheduler", "UniPCMultistepScheduler", "PNDMScheduler", "DPMSolverSDEScheduler"])
def test_objects_stay_as_they_are_and_every_run_begins_afresh(name):
    scheduler = made(name)
    scheduler.set_timesteps(5)
    before = {key: str(value) for key, value in vars(scheduler).items()}
    sampler = from_diffusers(scheduler, 8)
    first = solve_sampler(PROBLEM, sampler)
    assert {key: str(value) for key, value in vars(scheduler).items()} == before
    x = torch.zeros(1, 4, dtype=torch.float64)
    for t in scheduler.timesteps[:2]:  # in the middle of a run of its own
        scheduler.noise_sampler = lambda *sigmas: torch.zeros(())
        scheduler.scale_model_input(x, t)
        scheduler.step(x, t, x)
    for again in (solve_sampler(PROBLEM, sampler), solve_sampler(PROBLEM, from_diffusers(scheduler, 8))):
        np.testing.assert_array_equal(first.v, again.v)


def test_all_noise_is_that_of_the_sampler():
    sampler = from_diffusers(made("EulerAncestralDiscreteScheduler"), 8)
    results = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        results.append(particles(sampler, 128, d=16, seed=3).m.mean)
    np.testing.assert_array_equal(*results)


class Uniform(DDIMScheduler):
    """Draws what no law here has."""

    def step(self, model_output, timestep, sample, **options):
        return super().step(model_output + torch.rand_like(sample), timestep, sample, **options)


class OneForAll(DDIMScheduler):
    """The same noise for all samples."""

    def step(self, model_output, timestep, sample, **options):
        return super().step(model_output + torch.randn(sample.shape[1:]), timestep, sample, **options)


@pytest.mark.parametrize(
    ("cls", "message"), [(Uniform, "draw by torch.rand_like"), (OneForAll, "shape of the sampler")]
)
def test_other_draws_are_refused(cls, message):
    with pytest.raises(ProblemError, match=message):
        from_diffusers(cls(clip_sample=False), 4)


def test_casts_to_float32_are_left_out_and_change_little(monkeypatch):
    """Measured: with them the law moves by less than 1e-6."""
    sampler, cast = (from_diffusers(made("EulerDiscreteScheduler"), 20) for _ in range(2))
    monkeypatch.setattr(cast, "_draws", False)
    law, rounded = (solve_sampler(PROBLEM, x, shape=(200,)).final for x in (sampler, cast))
    assert 0.0 < abs(rounded.m / law.m - 1.0) < 1e-6 and abs(rounded.v / law.v - 1.0) < 1e-6
    exact = solve_sampler(PROBLEM, sampler).final  # in other axes: the same to the rounding of float64
    assert law.m == pytest.approx(exact.m, rel=1e-12) and law.v == pytest.approx(exact.v, rel=1e-12)


def test_clipping_is_labelled():
    clipped = from_diffusers(DDIMScheduler(**SD), 10)  # clip_sample is its default
    with pytest.raises(ProblemError, match="give shape="):
        solve_sampler(PROBLEM, clipped)
    assert solve_sampler(PROBLEM, clipped, shape=(1, 16, 16)).standing == "approximate"


def test_options_of_a_step_and_of_set_timesteps():
    eta = [solve_sampler(PROBLEM, from_diffusers(made("DDIMScheduler"), 10, eta=eta)) for eta in (0.0, 1.0)]
    ddpm = solve_sampler(PROBLEM, from_diffusers(made("DDPMScheduler"), 10))
    assert eta[1].final.v == pytest.approx(ddpm.final.v, rel=1e-4) and eta[0].final.v < 0.9 * ddpm.final.v
    flow = CLASSES["FlowMatchEulerDiscreteScheduler"](use_dynamic_shifting=True)
    with pytest.raises(ProblemError, match="mu"):
        from_diffusers(flow, 10)
    assert solve_sampler(PROBLEM, from_diffusers(flow, 10, mu=1.0)).t.size == 11


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scheduler": "DDIM"}, "must be an object of diffusers"),
        ({"scheduler": DDIMScheduler}, "must be an object of diffusers"),
        ({"scheduler": None}, "must be an object of diffusers"),
        ({"n_steps": 0}, "n_steps must be a whole number >= 1"),
        ({"n_steps": 2.5}, "n_steps must be a whole number >= 1"),
        ({"n_steps": 2000}, r"set_timesteps\(2000\) raised ValueError"),
        ({"prediction": "eps"}, "prediction must be one of"),
        ({"prediction": "sample"}, "does not give the datum back"),
        ({"guider": 7.5}, "guider must be an object of diffusers.guiders"),
        ({"churn": 1.0}, r"options must be arguments of step or set_timesteps of DDIMScheduler; got \['churn'\]"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ProblemError, match=message):
        from_diffusers(**({"scheduler": DDIMScheduler(clip_sample=False), "n_steps": 10} | change))


def test_the_name_says_what_runs():
    sampler = from_diffusers(EulerDiscreteScheduler(), 20)
    assert solve_sampler(PROBLEM, sampler).sampler == "EulerDiscreteScheduler, 20 steps"
