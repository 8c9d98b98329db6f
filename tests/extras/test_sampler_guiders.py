"""Every guider of diffusers: its law is that of particles through the same object, or it is refused with the reason."""

import math

import diffusers.guiders as guiders
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from every_scheduler import SD

from meanfield import Continuum, Exponential, Problem, ProblemError, Projected
from meanfield.adapters.diffusers import from_diffusers
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
SHAPE = (4, 16, 16)
SHAPES = [(4, 8, 8), SHAPE]
OF_TWO_AXES = [(16, 16), (16, 64)]
LAYERS = {
    "AutoGuidance": "auto_guidance_layers",
    "PerturbedAttentionGuidance": "perturbed_guidance_layers",
    "SkipLayerGuidance": "skip_layer_guidance_layers",
    "SmoothedEnergyGuidance": "seg_guidance_layers",
}
REFUSED = {
    "AutoGuidance": "changes the network itself",
    "LTX2Guidance": "pred_cond_stg",
    "PerturbedAttentionGuidance": "pred_cond_skip",
    "SkipLayerGuidance": "pred_cond_skip",
    "SmoothedEnergyGuidance": "pred_cond_seg",
}
RUNS = {
    "AdaptiveProjectedGuidance": {
        "adaptive_projected_guidance_momentum": -0.5,
        "adaptive_projected_guidance_rescale": 0.0,
        "eta": 0.0,
    },
    "AdaptiveProjectedMixGuidance": {
        "adaptive_projected_guidance_scale": 3.0,
        "adaptive_projected_guidance_rescale": 0.0,
    },
    "ClassifierFreeGuidance": {"guidance_rescale": 0.7},
    "ClassifierFreeZeroStarGuidance": {},
    "FrequencyDecoupledGuidance": {"guidance_scales": [2.0, 3.0]},
    "MagnitudeAwareGuidance": {},
    "TangentialClassifierFreeGuidance": {},
}


pytestmark = pytest.mark.usefixtures("quiet")


def made(name, **options):
    options = RUNS.get(name, {}) | options
    if name == "FrequencyDecoupledGuidance":
        pytest.importorskip("kornia")
    else:
        options.setdefault("guidance_scale", 3.0)
    return getattr(guiders, name)(**options)


def sampler(guider, n_steps=10, **config):
    return from_diffusers(DDIMScheduler(**{"clip_sample": False} | SD | config), n_steps, guider)


def z(law, data):
    return [(x.mean[-1] - right) / x.stderr[-1] for x, right in ((data.m, law.final.m), (data.v, law.final.v))]


def particles(code, shape, n_samples=64):
    return run_sampler(PROBLEM, code, shape=shape, n_samples=n_samples, n_disorder=32)


def test_the_table_has_every_guider_of_the_library():
    found = {name for name in dir(guiders) if name.endswith("Guidance")} - {"BaseGuidance"}
    assert found == set(RUNS) | set(REFUSED)


@pytest.mark.parametrize("name", sorted(RUNS))
def test_the_law_of_every_guider_that_runs_is_that_of_particles(name):
    # MagnitudeAwareGuidance takes a norm over all axes as that of a matrix: two, not three
    shapes, code = OF_TWO_AXES if name == "MagnitudeAwareGuidance" else SHAPES, sampler(made(name))
    found = []
    for shape in shapes:
        law, data = solve_sampler(PROBLEM, code, shape=shape), particles(code, shape)
        found.append([((x.mean[-1] - right) / right, x.stderr[-1] / right)
                      for x, right in ((data.m, law.final.m), (data.v, law.final.v))])  # fmt: skip
    for (of_256, error_256), (of_1024, error_1024) in zip(*found, strict=True):
        if name == "FrequencyDecoupledGuidance":  # shares of the bands in one direction vary by N^(-1/2)
            assert abs(of_256) < 1.0 / 16.0 and abs(of_1024) < 1.0 / 32.0
        else:  # norms vary at finite d: what is left is of order 1/d, and is extrapolated
            assert abs(4.0 * of_1024 - of_256) < 4.0 * np.hypot(4.0 * error_1024, error_256)
    assert law.sampler == f"DDIMScheduler, 10 steps with {name}"
    # FrequencyDecoupledGuidance gives every band its own scale: another vector than those it is made of
    assert law.standing == ("approximate" if name == "FrequencyDecoupledGuidance" else "exact")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_every_other_guider_is_refused_with_the_reason(name):
    options = {LAYERS[name]: 7} if name in LAYERS else {}
    if name == "AutoGuidance":
        options["dropout"] = 0.1
    with pytest.raises(ProblemError, match=REFUSED[name]) as caught:
        sampler(getattr(guiders, name)(**options))
    assert name in str(caught.value)


APG = "AdaptiveProjectedGuidance"
NO_MOMENTUM = {"adaptive_projected_guidance_momentum": None, "eta": 0.0}


@pytest.mark.parametrize(
    ("name", "options", "continuum", "exponential"),
    [
        ("ClassifierFreeGuidance", {"guidance_rescale": 0.0}, (1.3476, 0.0231), (1.3279, 0.4758)),
        ("ClassifierFreeGuidance", {"guidance_rescale": 0.7}, (1.4401, 0.1301), (1.3197, 0.6657)),
        (APG, NO_MOMENTUM | {"adaptive_projected_guidance_rescale": 0.0}, (1.5823, 0.1025), (1.3223, 0.5068)),
        (APG, NO_MOMENTUM | {"adaptive_projected_guidance_rescale": 15.0}, (1.5596, 0.5133), (1.2707, 0.6335)),
        ("ClassifierFreeZeroStarGuidance", {}, (1.3861, 0.0299), (1.2832, 0.6078)),
        ("TangentialClassifierFreeGuidance", {}, (1.2435, 0.1290), (1.1939, 0.5546)),
    ],
)
def test_published_laws(name, options, continuum, exponential):
    """By a program of its own, on latents 4 x 32 x 32; it calls the guider's arithmetic alone, where no momentum is."""
    code = sampler(made(name, **options), 30, timestep_spacing="leading")
    for classes, (m, v) in ((Continuum(), continuum), (Exponential(0.4), exponential)):
        end = solve_sampler(PROBLEM.replace(classes=classes), code, shape=(4, 32, 32)).final
        assert end.m == pytest.approx(m, abs=1e-4) and end.v / 0.25 == pytest.approx(v, abs=1e-4)


def test_the_momentum_of_projected_guidance_begins_afresh_and_acts():
    """By hand: d_k = (e_c - e_u) + beta d_{k-1}, its part along e_c left out, e = e_u + 3 d."""
    scheduler = DDIMScheduler(clip_sample=False, **SD)
    scheduler.set_timesteps(10)

    def by_hand(model, noise):
        x, d = noise(), 0.0
        for t in scheduler.timesteps:
            a = scheduler.alphas_cumprod[t].double()
            level = float(((1.0 - a) / a) ** 0.5)
            y = x / a**0.5
            cond, uncond = model.cond.eps(y, level), model.uncond.eps(y, level)
            d = cond - uncond - 0.5 * d
            across = d - (d * cond).sum() / (cond * cond).sum() * cond
            x = scheduler.step(uncond + 3.0 * across, t, x).prev_sample
        return x

    by_hand.xp = torch
    guider = made(APG, adaptive_projected_guidance_rescale=0.0)
    code = sampler(guider)
    expected = solve_sampler(PROBLEM, by_hand).final
    for _ in range(2):
        law = solve_sampler(PROBLEM, code, shape=SHAPE).final
        assert law.m == pytest.approx(expected.m, rel=1e-6) and law.v == pytest.approx(expected.v, rel=1e-6)
    assert guider.momentum_buffer is None  # the object given is as it was
    other = sampler(made(APG, **NO_MOMENTUM | {"adaptive_projected_guidance_rescale": 0.0}))
    assert solve_sampler(PROBLEM, other, shape=SHAPE).final.v != pytest.approx(expected.v, rel=0.1)


@pytest.mark.parametrize("original", [False, True])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_projected_guidance_of_diffusers_is_the_rule_step_by_step(prediction, original):
    """`Projected` of what the network predicts; from u scale = 1 + w, from c scale = w; r = threshold d^(1/2)."""
    d, threshold = math.prod(SHAPE), 0.1
    options = {"adaptive_projected_guidance_rescale": threshold * d**0.5, "use_original_formulation": original}
    guider = made(APG, **NO_MOMENTUM | options | {"eta": 0.2, "guidance_scale": 2.5})
    law = solve_sampler(PROBLEM, sampler(guider, prediction_type=prediction), shape=SHAPE)
    w = 2.5 if original else 1.5
    stated = {
        "guidance": w, "eta": 0.2, "threshold": threshold, "prediction": "eps" if prediction == "epsilon" else "v",
        "base": "cond" if original else "uncond",
    }  # fmt: skip

    def of_rule(**changes):
        rule = Projected(**stated | changes)
        return solve_sampler(PROBLEM.replace(guidance=rule), sampler(None), shape=SHAPE)

    rule = of_rule()
    assert rule.m == pytest.approx(law.m, rel=1e-5) and rule.v == pytest.approx(law.v, rel=1e-5)
    for changes in ({"eta": 0.22}, {"guidance": 1.1 * w}, {"prediction": "x0"}, {"threshold": 1.1 * threshold}):
        assert abs(of_rule(**changes).final.v / law.final.v - 1.0) > 1e-3, changes


def test_negative_control_a_scale_that_is_five_percent_off():
    right, wrong = (sampler(made("ClassifierFreeGuidance", guidance_scale=s)) for s in (3.0, 3.15))
    law = solve_sampler(PROBLEM, right, shape=SHAPE)
    assert max(map(abs, z(law, particles(right, SHAPE, 256)))) < 4.0
    assert max(map(abs, z(law, particles(wrong, SHAPE, 256)))) > 4.0


def test_plain_guidance_is_that_of_the_problem_and_takes_no_notice_of_it():
    plain = sampler(made("ClassifierFreeGuidance", guidance_scale=2.0, guidance_rescale=0.0))
    own = solve_sampler(PROBLEM, sampler(None)).final
    for w in (0.0, 1.0):
        law = solve_sampler(PROBLEM.replace(guidance=w), plain).final
        assert law.m == pytest.approx(own.m, rel=1e-9) and law.v == pytest.approx(own.v, rel=1e-9)


def test_a_guider_acts_between_its_start_and_stop():
    half = solve_sampler(PROBLEM, sampler(made("ClassifierFreeGuidance", guidance_rescale=0.0, start=0.5)))
    early = solve_sampler(PROBLEM, sampler(made("ClassifierFreeGuidance", guidance_rescale=0.0, stop=0.5)))
    assert half.m[5] == pytest.approx(half.unguided[0][5], rel=1e-9)
    assert early.m[5] > 1.05 * early.unguided[0][5] and half.final.m > half.unguided[0][-1]
