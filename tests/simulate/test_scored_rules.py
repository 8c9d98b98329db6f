"""`sample_scores` with rules of guidance: CFG as a rule is the weight; the laws of `solve`; order; bad input."""

import numpy as np
import pytest

from meanfield import (
    Continuum,
    CustomRule,
    Free,
    Interval,
    Piecewise,
    Problem,
    Projected,
    Rescale,
    Tangential,
    WeakModel,
    ZeroStar,
    solve,
)
from meanfield.errors import ProblemError, ScheduleError
from simulate import sample_scores
from validate import family_threshold

DIM, SAMPLES = 1500, 120
BASE = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, sampler="ode", t_start=1000.0)
MEAN = np.where(np.arange(DIM) % 2, 1.0, -1.0)
WINDOW = Interval(1.0, 0.3, 20.0)
RULES = {  # rule, and the same with its parameter (its amplitude, where it has none) off by 10 %
    "rescale eps": (Rescale(1.0), Rescale(1.0, phi=0.63)),
    "rescale x0": (Rescale(1.0, prediction="x0"), Rescale(1.0, phi=0.63, prediction="x0")),
    "projected": (Projected(1.0, eta=0.5), Projected(1.0, eta=0.55)),
    "zero star": (ZeroStar(1.0), ZeroStar(1.1)),
    "tangential": (Tangential(WINDOW), Tangential(Interval(1.1, 0.3, 20.0))),
    "weak model": (WeakModel(1.0, delta=0.3), WeakModel(1.0, delta=0.33)),
    "free": (Free(WINDOW, b=Interval(-0.9, 0.3, 20.0)), Free(WINDOW, b=Interval(-0.99, 0.3, 20.0))),
}


def conditional(x, t):
    return (MEAN[: x.shape[1]] - x) / (0.25 + t)


def unconditional(x, t):
    return -x / (1.25 + t)


def cfg(x, cond, uncond, t, w):
    return cond + w * (cond - uncond)


@pytest.mark.parametrize("sampler", ["ode", "sde", 0.6])
def test_cfg_as_a_rule_is_the_weight(sampler):
    """Sample by sample, whatever the schedule."""
    scores, options = (conditional, unconditional), {"n_samples": 20, "n_steps": 60, "seed": 1}
    for schedule in (1.0, Piecewise((0.5, 8.0), (-1.0, 2.0, 0.0))):
        weight, rule, wrong = (
            sample_scores(BASE.replace(guidance=g, sampler=sampler), *scores, 6, **options)
            for g in (schedule, CustomRule(cfg, schedule), CustomRule(lambda *a: 1.001 * cfg(*a), schedule))
        )
        # the force is evaluated anew at a jump, which changes a sample by the error of the step
        assert np.abs(rule - weight).max() < (1e-9 if schedule == 1.0 else 2e-4)
        assert np.abs(wrong - weight).max() > 5e-4  # negative control


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize("name", RULES)
def test_samples_of_the_continuum_have_the_law_of_the_mean_field(name, sampler):
    """m and v of 120 samples in 1500 dimensions; the weak model is given as the other score."""
    rule, wrong = RULES[name]

    def weak(x, t):
        return (MEAN - x) / (0.25 + 0.3 + t)

    other = weak if name == "weak model" else unconditional
    x = sample_scores(
        BASE.replace(guidance=rule, sampler=sampler), conditional, other, DIM, n_samples=SAMPLES, n_steps=160, seed=3
    )
    m = x @ MEAN / DIM  # (samples,)
    v = np.mean((x - m[:, None] * MEAN) ** 2, axis=1)

    def z(rule):
        final = solve(BASE.replace(guidance=rule, sampler=sampler)).final
        return [(a.mean() - b) / (a.std(ddof=1) / SAMPLES**0.5) for a, b in ((m, final.m), (v, final.v))]

    limit = family_threshold(4 * len(RULES))
    assert max(map(abs, z(rule))) < limit
    assert max(map(abs, z(wrong))) > limit  # negative control


def test_the_order_stays_three_where_a_rules_own_coefficients_jump():
    free = BASE.replace(guidance=Free(WINDOW, b=Interval(-0.8, 0.3, 20.0)))
    scores, options = (conditional, unconditional, 4), {"n_samples": 30, "t_end": 1e-9}
    exact = sample_scores(free, *scores, n_steps=3200, **options)
    steps = np.array([100, 200, 400, 800])
    errors = [np.abs(sample_scores(free, *scores, n_steps=n, **options) - exact).mean() for n in steps]
    assert abs(-np.polyfit(np.log(steps), np.log(errors), 1)[0] - 3.0) < 0.3


def test_bad_rules_are_refused():
    def nan_below_one(x, cond, uncond, t, w):
        return cond + (np.nan if 0.3 < t < 0.9 else w) * (cond - uncond)

    with pytest.raises(ScheduleError, match="a rule must return finite numbers"):
        sample_scores(BASE.replace(guidance=CustomRule(nan_below_one, 1.0)), conditional, unconditional, 4)
    with pytest.raises(ProblemError, match=r"a rule acts on denoised predictions, at t > 0; got t_end=0"):
        sample_scores(BASE.replace(guidance=Rescale(1.0)), conditional, unconditional, 4, t_end=0.0)
