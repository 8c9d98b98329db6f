"""Designs for a sampler's own code: its law keeps the variance, and exported scales do in its loop what it did."""

import math
import re
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Piecewise, Problem, ProblemError, RectifiedFlow, Rescale, Spectrum, design
from meanfield.sampler.levels import karras_sigmas, sd_sigmas
from meanfield.sampler.native import dpmpp_2m, euler, euler_ancestral, heun
from meanfield.vector.solver import solve_sampler

CONTINUUM = Problem(classes=Continuum(), sigma2=0.25, sampler="ode")
SAMPLERS = {
    "euler": euler(sd_sigmas(20), start="vp"),
    "euler_ancestral": euler_ancestral(sd_sigmas(12)),
    "heun": heun(sd_sigmas(10)),
    "dpmpp_2m": dpmpp_2m(sd_sigmas(15, "trailing")),
}
each = pytest.mark.parametrize("name", SAMPLERS)


@lru_cache
def designed(name):
    """The design in the continuum for the code of a sampler, made once."""
    return design(CONTINUUM, sampler=SAMPLERS[name], progress=False)


@each
def test_the_law_of_the_sampler_keeps_the_variance(name):
    sampler = SAMPLERS[name]
    made, plain = designed(name), design(CONTINUUM)
    law = solve_sampler(made.problem, sampler)
    assert law.final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert made.outcome.v_ratio == pytest.approx(law.final.v / 0.25, rel=1e-12)
    assert made.outcome.m == pytest.approx(law.final.m, rel=1e-12)
    assert np.all((law.w[:-1] >= -1.0) & (law.w[:-1] <= 5.0))
    before = solve_sampler(plain.problem, sampler).final
    assert made.continuous[:2] == pytest.approx((before.m, before.v / 0.25))
    assert abs(made.continuous.v_ratio - 1.0) > 0.01  # what the design in continuous time does is not kept
    assert "designed for continuous time" in str(made)
    assert made.sampler == sampler.name
    assert made.to_dict()["continuous"]["v_ratio"] == made.continuous.v_ratio


def test_the_separation_is_the_log_odds_per_dimension():
    """Against the log-densities of class and crowd, averaged over N(m mu_1, v I)."""
    outcome = designed("euler").outcome
    m, v, D = outcome.m, 0.25 * outcome.v_ratio, 0.25
    target = -((m - 1.0) ** 2 + v) / (2.0 * D) - 0.5 * math.log(D)
    crowd = -(m**2 + v) / (2.0 * (1.0 + D)) - 0.5 * math.log(1.0 + D)
    assert outcome.separation == pytest.approx(target - crowd, rel=1e-9)


def test_many_steps_tend_to_the_design_in_continuous_time():
    plain = design(CONTINUUM.replace(t_start=900.0))
    found = []
    for n in (10, 30):
        made = design(CONTINUUM.replace(t_start=900.0), sampler=heun(karras_sigmas(n, 30.0 / n**3, 30.0, rho=3)))
        found.append(abs(made.outcome.m - plain.outcome.m))
    assert found[1] < 0.3 * found[0]
    assert found[1] < 0.01


@each
def test_exported_scales_drive_the_samplers_own_loop(name):
    """eps = eps_u + scale (eps_c - eps_u) with one scale for each level has the designed law to rounding."""
    sampler = SAMPLERS[name]
    made = designed(name)
    levels = sd_sigmas({"euler": 20, "euler_ancestral": 12, "heun": 10, "dpmpp_2m": 15}[name],
                       "trailing" if name == "dpmpp_2m" else "leading")  # fmt: skip
    scales = made.schedule.for_timesteps(sigmas=levels)
    assert len(scales) == len(levels) - 1
    by_level = dict(zip(levels.tolist(), scales, strict=False))

    class Scaled:
        def __init__(self, model):
            self.model = model

        def eps(self, x, s):
            scale = by_level[s.b]
            uncond, cond = self.model.uncond.eps(x, s), self.model.cond.eps(x, s)
            return uncond + scale * (cond - uncond)

        def denoised(self, x, s):
            return x - s.b * self.eps(x, s)

    law = solve_sampler(CONTINUUM, lambda model, noise: sampler(Scaled(model), noise))
    wanted = solve_sampler(made.problem, sampler)
    assert law.m == pytest.approx(wanted.m, abs=1e-9)
    assert law.v == pytest.approx(wanted.v, abs=1e-9)
    assert law.final.v / 0.25 == pytest.approx(1.0, abs=1e-6)


def test_a_spectrum_keeps_its_total_variance():
    problem = Problem(classes=Continuum(), spectrum=Spectrum([0.1, 0.5], [1.1, 3.0]), sampler="ode")
    made = design(problem, sampler=SAMPLERS["euler"])
    assert solve_sampler(made.problem, SAMPLERS["euler"]).final.v / problem.sigma2 == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow  # the design in continuous time is a search of 20 seconds
def test_competing_classes():
    """A window between early guidance and none ends where the law keeps the variance; none is open in the glass."""
    problem = CONTINUUM.replace(classes=Exponential(0.4))
    made = design(problem, sampler=SAMPLERS["euler"])
    law = solve_sampler(made.problem, SAMPLERS["euler"])
    assert law.final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert made.continuous.v_ratio < 0.97
    assert not np.any((law.phase[:-1] == "glass") & (law.w[:-1] < 0.0))


@pytest.mark.parametrize("rule", [0.0, Rescale()], ids=["weight", "rule"])
@pytest.mark.parametrize("name", ["euler", "dpmpp_2m"])
def test_a_wanted_mean_is_that_of_the_samplers_law(name, rule):
    sampler, problem = SAMPLERS[name], CONTINUUM.replace(guidance=rule, t_start=1000.0)
    made = design(problem, mean=1.2, sampler=sampler, progress=False)
    law = solve_sampler(made.problem, sampler)
    assert (law.final.m, law.final.v / 0.25) == pytest.approx((1.2, 1.0), abs=1e-6)
    assert made.outcome[:2] == pytest.approx((law.final.m, law.final.v / 0.25), rel=1e-12)
    assert np.all((law.w[:-1] >= -1.0) & (law.w[:-1] <= 5.0)) and max(made.levels) < 5.0
    assert abs(made.continuous.m - 1.2) > 0.01  # what has this mean in continuous time does not have it here
    w, constant = made.same_mean
    same = solve_sampler(problem.with_amplitude(w), sampler).final
    assert (same.m, same.v / 0.25) == pytest.approx((1.2, constant.v_ratio), abs=1e-6) and constant.v_ratio < 0.7
    assert solve_sampler(problem.with_amplitude(0.9 * w), sampler).final.m < 1.2  # the weakest that does


def test_a_mean_that_the_sampler_does_not_reach_names_the_largest():
    sampler = SAMPLERS["euler_ancestral"]
    most = designed("euler_ancestral").outcome.m
    with pytest.raises(ProblemError, match="largest mean") as caught:
        design(CONTINUUM, sampler=sampler, mean=most + 1e-3, progress=False)
    assert float(re.search(r"steps is ([0-9.]+);", str(caught.value))[1]) == pytest.approx(most, abs=1e-5)
    made = design(CONTINUUM, sampler=sampler, mean=most - 1e-3, progress=False)
    assert made.outcome.m == pytest.approx(most - 1e-3, abs=1e-6)


def test_the_bound_of_the_sde_is_not_one_of_steps():
    """(T16), m(0) < 1 + sigma2, is of continuous time: steps of the ODE may pass it whatever problem.sampler is."""
    sde = CONTINUUM.replace(sampler="sde", t_start=1000.0)
    made = design(sde, mean=1.4, sampler=SAMPLERS["euler"], progress=False)
    assert made.outcome[:2] == pytest.approx((1.4, 1.0), abs=1e-6)
    with pytest.raises(ProblemError, match="T16"):
        design(sde, mean=1.4, progress=False)


def test_a_mean_and_a_share():
    made = design(CONTINUUM, keep=0.6, mean=1.3, sampler=SAMPLERS["euler"], progress=False)
    law = solve_sampler(made.problem, SAMPLERS["euler"])
    assert law.final.m == pytest.approx(1.3, abs=1e-6) and law.final.v / 0.25 >= 0.6 * (1.0 - 1e-6)


@pytest.mark.slow  # searches in continuous time
@pytest.mark.parametrize("rule", [0.0, Rescale()], ids=["weight", "rule"])
def test_a_wanted_mean_among_competing_classes(rule):
    """Early guidance, window, none: two switches."""
    problem = CONTINUUM.replace(classes=Exponential(0.4), guidance=rule, t_start=1000.0)
    mean = design(problem, sampler=SAMPLERS["dpmpp_2m"], progress=False).outcome.m - 0.005
    made = design(problem, mean=mean, sampler=SAMPLERS["dpmpp_2m"], progress=False)
    law = solve_sampler(made.problem, SAMPLERS["dpmpp_2m"])
    assert (law.final.m, law.final.v / 0.25) == pytest.approx((mean, 1.0), abs=1e-6)
    assert not np.any((law.phase[:-1] == "glass") & (law.w[:-1] < 0.0))
    w, constant = made.same_mean
    same = solve_sampler(problem.with_amplitude(w), SAMPLERS["dpmpp_2m"]).final
    assert same.m == pytest.approx(mean, abs=1e-6) and constant.v_ratio < 0.9


@pytest.mark.slow  # a design at alpha < 1/2, and many laws
def test_no_other_places_of_the_switches_shift_more():
    """Early guidance, window, none at every pair of whole places: what keeps the variance, and may be used, is no
    better than the design."""
    problem = CONTINUUM.replace(classes=Exponential(0.4), guidance=Rescale(), t_start=1000.0)
    levels = sd_sigmas(12, "trailing")
    sampler = dpmpp_2m(levels, start="vp")
    made = design(problem, sampler=sampler, progress=False)
    assert solve_sampler(made.problem, sampler).final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    t = levels[:-1] ** 2
    edges = np.sqrt(t[1:] * t[:-1])
    most = -math.inf
    for last in range(2, 12):
        laws = [
            solve_sampler(problem.with_amplitude(Piecewise([edges[last - 1], edges[k - 1]], [0.0, -1.0, 5.0])), sampler)
            for k in range(1, last)
        ]
        fit = [not np.any((law.phase[:-1] == "glass") & (law.w[:-1] < 0.0)) for law in laws]
        kept = [law.final.v / 0.25 >= 1.0 and good for law, good in zip(laws, fit, strict=True)]
        most = max([most, *(law.final.m for law, good in zip(laws, kept, strict=True) if good)])
    assert most < made.outcome.m < most + 0.1  # the place between two levels gains at most one step


def test_a_share_that_is_kept_already_needs_no_move():
    made = design(CONTINUUM, keep=0.5, sampler=SAMPLERS["euler_ancestral"])
    law = solve_sampler(made.problem, SAMPLERS["euler_ancestral"])
    assert 0.5 * (1 - 1e-6) <= law.final.v / 0.25 <= 2.0 * (1 + 1e-6)


def test_levels_in_the_own_time_of_a_noise_process():
    problem = CONTINUUM.replace(noise=RectifiedFlow())
    times = np.linspace(0.98, 0.0, 16)

    def flow(model, noise):
        x = math.sqrt(0.98**2 + 0.02**2 * 1.25) * noise()
        for s, after in pairwise(times):
            x = x + (after - s) * model.velocity(x, s)
        return x

    made = design(problem, sampler=flow)
    assert solve_sampler(made.problem, flow).final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert isinstance(made.schedule, Piecewise)
    assert max(made.schedule.edges) < 1.0


def test_what_cannot_be_designed():
    def own_guidance(model, noise):
        x = 10.0 * noise()
        for s, after in ((10.0, 3.0), (3.0, 1.0), (1.0, 0.0)):
            cond, uncond = model.cond.eps(x, s), model.uncond.eps(x, s)
            x = x + (after - s) * (2.0 * cond - uncond)
        return x

    with pytest.raises(ProblemError, match="does the same whatever"):
        design(CONTINUUM, sampler=own_guidance)
    with pytest.raises(ProblemError, match="no place of a switch keeps"):
        design(CONTINUUM, sampler=euler(sd_sigmas(4)), w_min=-0.05)
    with pytest.raises(ProblemError, match="has jumps"):
        design(CONTINUUM, sampler=SAMPLERS["euler"], slope=5.0)
    with pytest.raises(ProblemError, match="sampler must be"):
        design(CONTINUUM, sampler="ode")
