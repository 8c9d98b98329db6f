"""Designs of the amplitude of a rule: its own law keeps the variance, in continuous time and in samplers' steps."""

from functools import lru_cache

import numpy as np
import pytest

from meanfield import (
    Continuum,
    CustomRule,
    Exponential,
    Piecewise,
    Problem,
    ProblemError,
    Projected,
    RectifiedFlow,
    Rescale,
    Spectrum,
    Tangential,
    WeakModel,
    ZeroStar,
    design,
    dpmpp_2m,
    euler,
    sd_sigmas,
    solve,
    solve_sampler,
)

RULES = {"rescale": Rescale(), "zero-star": ZeroStar(), "tangential": Tangential()}
each = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def plain(x, cond, uncond, t, w):
    """Classifier-free guidance, as a rule."""
    return cond + w * (cond - uncond)


def problem(rule, sampler="ode", classes=None):
    classes = Continuum() if classes is None else classes
    return Problem(classes=classes, sigma2=0.25, guidance=rule, sampler=sampler, t_start=1000.0)


@lru_cache
def designed(rule, sampler):
    """The design with default bounds, made once."""
    return design(problem(rule, sampler), progress=False)


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize("name", RULES)
def test_the_amplitude_of_a_rule_keeps_the_variance_under_that_rule(name, sampler):
    rule = RULES[name]
    made = designed(rule, sampler)
    final = solve(made.problem).final
    assert made.problem.guidance.name == rule.name
    assert final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert final.m == pytest.approx(made.outcome.m, abs=1e-9) and made.outcome.m > 1.03
    assert isinstance(made.schedule, Piecewise) and set(made.levels) == {5.0, -1.0} and not made.proved
    assert rule.name in str(made)
    other = solve(problem(made.schedule, sampler)).final  # negative control: the same amplitude, another rule
    assert abs(other.v / 0.25 - 1.0) > 0.01


def test_of_plain_guidance_it_is_the_design_that_is_proved():
    for options in ({}, {"mean": 1.25}, {"keep": 0.9}):
        of_rule = design(problem(CustomRule(plain)), progress=False, **options)
        known = design(problem(0.0), progress=False, **options)
        assert of_rule.outcome.m == pytest.approx(known.outcome.m, abs=1e-6), options
        assert of_rule.outcome.separation == pytest.approx(known.outcome.separation, abs=1e-6)
        assert of_rule.switches == pytest.approx(known.switches, rel=1e-5)
        assert of_rule.levels == pytest.approx(known.levels, rel=1e-5)
        if known.same_mean is not None:
            assert of_rule.same_mean[0] == pytest.approx(known.same_mean[0], rel=1e-6)


@each
def test_no_other_switch_shifts_more(rule):
    """Wherever v(0) - sigma2 changes sign along the family, the switch is there, or the mean is smaller."""
    made, times = designed(rule, "ode"), np.geomspace(0.02, 500.0, 12)
    ends = [solve(problem(type(rule)(Piecewise([t], [-1.0, 5.0])))).final for t in times]
    crossed = np.flatnonzero(np.diff(np.sign([final.v / 0.25 - 1.0 for final in ends])))
    here = [i for i in crossed if times[i] < made.switches[0] < times[i + 1]]
    assert len(here) == 1
    assert all(max(ends[i].m, ends[i + 1].m) < made.outcome.m for i in crossed if i not in here)


@each
def test_a_wanted_mean(rule):
    made = design(problem(rule), mean=1.1, progress=False)
    final = solve(made.problem).final
    assert (final.m, final.v / 0.25) == pytest.approx((1.1, 1.0), abs=1e-6)
    w, constant = made.same_mean
    assert solve(problem(type(rule)(w))).final.m == pytest.approx(1.1, abs=1e-6) and constant.v_ratio < 0.9


def test_a_mean_beyond_the_largest_is_refused():
    with pytest.raises(ProblemError, match="the largest mean that keeps"):
        design(problem(Rescale()), mean=3.0, progress=False)


@pytest.mark.parametrize("rule", [CustomRule(plain), Rescale()], ids=["plain", "rescale"])
def test_among_competing_classes_the_window_is_closed_before_the_glass(rule):
    made = design(problem(rule, classes=Exponential(0.4)), margin=0.05, progress=False)
    theory = solve(made.problem)
    assert theory.final.v / 0.25 == pytest.approx(1.0, abs=1e-6) and theory.standing == "exact"
    assert made.levels[-1] == 0.0 and "glass" not in theory.phases
    if rule.name == "custom-rule":
        known = design(problem(0.0, classes=Exponential(0.4)), margin=0.05, progress=False)
        assert known.outcome.m - 0.02 < made.outcome.m < known.outcome.m + 1e-6  # patterns with levels of their own


@pytest.mark.parametrize("code", [euler, dpmpp_2m])
def test_a_samplers_own_code_under_a_rule(code):
    """The law with one scale a step, by the rule's formula in the sampler's loop, keeps the variance."""
    levels = sd_sigmas(20)
    sampler = code(levels, start="vp")
    made = design(problem(Rescale()), sampler=sampler, progress=False)
    assert solve_sampler(made.problem, sampler).final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert made.problem.guidance.name == "rescale" and abs(made.continuous.v_ratio - 1.0) > 0.01
    scales = dict(zip(levels.tolist(), made.schedule.for_timesteps(sigmas=levels), strict=False))

    class Scaled:
        def __init__(self, model):
            self.model = model

        def eps(self, x, s):
            c, u = self.model.cond.eps(x, s), self.model.uncond.eps(x, s)
            g = u + scales[s.b] * (c - u)
            return (0.7 * ((c * c).sum() / (g * g).sum()) ** 0.5 + 0.3) * g

        def denoised(self, x, s):
            return x - s.b * self.eps(x, s)

    law = solve_sampler(problem(0.0), lambda model, noise: sampler(Scaled(model), noise))
    assert law.final.v / 0.25 == pytest.approx(1.0, abs=1e-6) and law.final.m == pytest.approx(made.outcome.m)


def test_a_rule_in_the_own_time_of_a_noise_process():
    flow = Problem(
        classes=Continuum(), sigma2=0.25, guidance=Rescale(), sampler="ode", noise=RectifiedFlow(), t_start=0.97
    )
    made = design(flow, progress=False)
    assert solve(made.problem).final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert max(made.schedule.edges) < 1.0


@pytest.mark.parametrize(("rule", "sampler"), [(Projected(), "ode"), (WeakModel(), "ode"), (WeakModel(), "sde")])
def test_a_rule_that_shifts_no_mean_has_no_design(rule, sampler):
    with pytest.raises(ProblemError, match="shifts the mean"):
        design(problem(rule, sampler), progress=False)


def test_what_is_not_designed_for_a_rule():
    for options in ({"slope": 5.0}, {"keep": "each"}):
        given = problem(Rescale())
        if "keep" in options:
            two = Spectrum([0.1, 0.5], [1.1, 3.0])
            given = Problem(classes=Continuum(), spectrum=two, guidance=Rescale(), t_start=1000.0)
        with pytest.raises(ProblemError, match="designed for a rule"):
            design(given, progress=False, **options)


def test_rescaled_guidance_keeps_the_variance_without_a_negative_window():
    """(T17) is not true of it; of plain guidance stated as a rule it is."""
    made = design(problem(Rescale()), w_min=0.0, progress=False)
    final = solve(made.problem).final
    assert final.v / 0.25 == pytest.approx(1.0, abs=1e-6) and final.m > 1.1 and min(made.levels) == 0.0
    with pytest.raises(ProblemError, match="Widen the bounds"):
        design(problem(CustomRule(plain)), w_min=0.0, progress=False)
