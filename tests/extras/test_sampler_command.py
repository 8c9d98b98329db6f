"""`cfgfield sampler` with schedulers and guiders of diffusers, by the names of their classes."""

import json

import pytest
from typer.testing import CliRunner

from validate.cli import app

WORDS = ("sampler", "--continuum")


def call(*words: object):
    return CliRunner().invoke(app, [str(w) for w in (*WORDS, *words)])


def final(*words: object):
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output
    numbers = json.loads(result.stdout)["final"]
    return numbers["m"], numbers["v"] / 0.25


@pytest.mark.parametrize(
    ("native", "scheduler", "levels"),
    [
        ("euler", "DDIMScheduler", "leading"),
        ("euler", "DDIMScheduler", "trailing"),
        ("euler", "EulerDiscreteScheduler", "karras"),
    ],
)
def test_a_scheduler_is_its_native_twin(native, scheduler, levels):
    common = ("--scale", 2, "--steps", 20, "--levels", levels)
    one, other = final("--scheduler", scheduler, *common), final("--sampler", native, *common)
    assert one == pytest.approx(other, rel=1e-4)
    assert one != pytest.approx(final("--sampler", native, "--scale", 2.1, *common[2:]), rel=1e-3)


def test_options_of_a_scheduler_reach_it():
    words = ("--scale", 2, "--steps", 15, "--scheduler", "DPMSolverMultistepScheduler", "--levels", "karras")
    assert final(*words) == pytest.approx((1.27500, 0.23280), abs=1e-4)
    sde = final(*words[:6], "--set", "scheduler.algorithm_type=sde-dpmsolver++")
    assert sde != pytest.approx(final(*words[:6]), rel=1e-2)


def test_a_guider_has_the_scale():
    words = ("--scheduler", "DDIMScheduler", "--steps", 30, "--scale", 3, "--shape", "4,32,32", "--guider")
    apg = (
        "AdaptiveProjectedGuidance",
        "--set",
        "guider.eta=0",
        "--set",
        "guider.adaptive_projected_guidance_rescale=0",
    )
    assert final(*words, *apg) == pytest.approx((1.5823, 0.1025), abs=1e-4)
    assert final(*words, "TangentialClassifierFreeGuidance") == pytest.approx((1.2435, 0.1290), abs=1e-4)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--scheduler", "DDIMSheduler", "--steps", 5), "It has: "),
        (("--scheduler", "os", "--steps", 5), "--scheduler must name a class of diffusers"),
        (("--scheduler", "DDIMScheduler"), "needs its number of steps"),
        (("--scheduler", "DDIMScheduler", "--steps", 5, "--guider", "Nobody"), "--guider must name a class"),
        (("--scheduler", "DDIMScheduler", "--steps", 5, "--set", "scheduler.beta=1"), "has no option 'beta'"),
        (("--scheduler", "DDIMScheduler", "--steps", 5, "--set", "eta=1"), "scheduler.NAME=VALUE"),
        (("--scheduler", "DDIMScheduler", "--steps", 5, "--set", "guider.eta=1"), "needs a guider"),
        (("--scheduler", "DDIMScheduler", "--steps", 5, "--levels", "karras"), "use_karras_sigmas"),
        (("--scheduler", "DDIMScheduler", "--steps", 5, "--guider", "PerturbedAttentionGuidance", "--set",
          "guider.perturbed_guidance_layers=[0]"), "more than a conditional and an unconditional"),
    ],
)  # fmt: skip
def test_bad_requests_say_why(words, says):
    result = call(*words)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.split())
