"""The settings of docs/which-guidance.md in diffusers: its scheduler and guiders have the stated law."""

import re
from pathlib import Path

import pytest
from diffusers import DPMSolverMultistepScheduler
from diffusers.guiders import ClassifierFreeGuidance
from every_scheduler import SD

from meanfield import Continuum, Problem, Rescale, design, dpmpp_2m, sd_sigmas
from meanfield.adapters.diffusers import from_diffusers
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler

PAGE = Path(__file__).parents[2] / "docs" / "which-guidance.md"
PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler="ode", t_start=1000.0)
SHAPE = (4, 16, 16)
ROWS = {  # arguments of the guider, scales
    "rescaled, designed": ({"guidance_rescale": 0.7}, [3.0] * 13 + [2.4098] + [0.0] * 6),
    "CFG, designed": ({}, [3.0] * 12 + [2.8725] + [0.0] * 7),
    "rescaled, early only": ({"guidance_rescale": 0.7, "guidance_scale": 3.0, "stop": 0.5}, None),
}
each = pytest.mark.parametrize("row", ROWS)


class Stepped(ClassifierFreeGuidance):
    """A guider whose scale follows the step."""

    scales = ()

    def set_state(self, step, num_inference_steps, timestep):
        super().set_state(step, num_inference_steps, timestep)
        self.guidance_scale = self.scales[step]


def sampler(row, scales=None):
    options, own = ROWS[row]
    scales = own if scales is None else scales
    guider = ClassifierFreeGuidance(**options) if scales is None else Stepped(**options)
    if scales is not None:
        guider.scales = scales
    scheduler = DPMSolverMultistepScheduler(**SD, timestep_spacing="trailing")
    return from_diffusers(scheduler, 20, guider)


def stated(row):
    """m(0) and v(0)/sigma2 of a row of the page."""
    line = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {row} |"))
    return tuple(float(x) for x in re.findall(r"\| (\d\.\d{3}) ", line)[:2])


@each
def test_the_settings_have_the_stated_law(row):
    final = solve_sampler(PROBLEM, sampler(row), shape=SHAPE).final
    assert (final.m, final.v / 0.25) == pytest.approx(stated(row), abs=1.5e-3)


def test_scales_one_step_late_do_not():
    scales = ROWS["rescaled, designed"][1]
    final = solve_sampler(PROBLEM, sampler("rescaled, designed", [3.0, *scales[:-1]]), shape=SHAPE).final
    assert abs(final.v / 0.25 - stated("rescaled, designed")[1]) > 0.02


@each
def test_particles_through_the_guider_have_it_too(row):
    data = run_sampler(PROBLEM, sampler(row), shape=SHAPE, n_samples=16, n_disorder=16)
    law = solve_sampler(PROBLEM, sampler(row), shape=SHAPE).final
    for found, right in ((data.final.m, law.m), (data.final.v, law.v)):  # norms vary at finite d, by 1/d
        assert abs(found.mean - right) < 4.0 * found.stderr + 3.0 * right / 1024.0


@pytest.mark.parametrize(("row", "rule"), [("rescaled, designed", Rescale()), ("CFG, designed", 0.0)])
def test_the_scales_are_those_of_the_design(row, rule):
    levels = sd_sigmas(20, "trailing")
    made = design(PROBLEM.replace(guidance=rule), w_max=2.0, sampler=dpmpp_2m(levels, start="vp"), progress=False)
    assert made.schedule.for_timesteps(sigmas=levels).scales == pytest.approx(ROWS[row][1], abs=2e-3)
