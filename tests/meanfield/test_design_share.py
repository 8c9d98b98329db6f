"""Designs that keep a share of the variance at least: nothing dominates them, and asking for less never costs."""

import math
from itertools import pairwise

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Problem, design, solve
from meanfield.maps.bulk import Responses


def problem(sampler, sigma2=0.25, t_start=1000.0, classes=None):
    return Problem(classes=classes or Continuum(), sigma2=sigma2, guidance=0.0, sampler=sampler, t_start=t_start)


RANDOM = np.random.default_rng(11)
CASES = [
    {
        "classes": RANDOM.choice([math.inf, 0.3, 0.5, 0.7, 0.9]),
        "sampler": float(RANDOM.choice([0.0, 0.4, 1.0])),
        "sigma2": round(float(np.exp(RANDOM.uniform(math.log(0.03), math.log(0.6)))), 3),
        "t_start": float(RANDOM.choice([100.0, 1e4, math.inf])),
        "keep": round(float(RANDOM.uniform(0.1, 1.0)), 3),
        "w_max": round(float(RANDOM.uniform(1.0, 9.0)), 2),
        "maximise": str(RANDOM.choice(["mean", "separation"])),
    }
    for _ in range(6)
]


def dominating(made, keep, objective="shift"):
    """How much more of the objective the best constant guidance has that keeps a share at least, on a fine grid."""
    respond = Responses(made.problem.replace(guidance=0.0), strongest=made.w_max)
    x = respond.constants(np.linspace(made.w_min, made.w_max, 3001))
    kept = (x.standing < 2) & (x.ratio >= keep) & (x.ratio <= 1.0 / keep)
    mine = made.outcome.separation if objective == "separation" else made.outcome.m - 1.0
    return np.max(getattr(x, objective)[kept], initial=-math.inf) - mine


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(str(x) for x in case.values()))
def test_no_constant_guidance_dominates_a_design(case):
    case = dict(case)
    asked = {name: case.pop(name) for name in ("keep", "w_max", "maximise")}
    alpha = case.pop("classes")
    made = design(problem(**case, classes=Continuum() if math.isinf(alpha) else Exponential(alpha)), **asked)
    keep = asked["keep"]
    assert dominating(made, keep, {"mean": "shift"}.get(made.maximise, made.maximise)) < 1e-6
    ratio = solve(made.problem).final.v / made.problem.sigma2
    assert keep * (1.0 - 2e-6) < ratio < (1.0 + 2e-6) / keep


def test_where_less_guidance_keeps_less_a_design_is_not_held_to_an_equality():
    """v of constant guidance falls, then rises with w: at w_max it keeps more than asked. Control: a design that
    reaches a smaller mean is dominated."""
    p = problem("sde", 0.1, classes=Exponential(0.7))
    made, weaker = design(p, w_max=6.0, keep=0.95), design(p, w_max=6.0, keep=0.9, mean=1.05)
    assert made.levels == (6.0,) and made.switches == () and "w = 6 throughout" in str(made)
    assert made.outcome.m > 1.0942 and made.outcome.v_ratio > 0.9509
    assert dominating(made, 0.95) < 1e-6 < 0.04 < dominating(weaker, 0.9)
    assert weaker.outcome.m == pytest.approx(1.05, abs=1e-6) and 0.9 < weaker.outcome.v_ratio < 0.95


def test_a_design_inside_the_band_is_stationary():
    """Where the variance does not bind, S of sec. 5 vanishes at the switch without a multiplier: m(D) = 1 + D there."""
    made = design(problem("ode"), keep=0.05)
    assert made.proved and 0.6 < made.outcome.v_ratio < 0.7
    t = made.switches[0]
    assert solve(made.problem).at(t).m == pytest.approx(1.25 + t, rel=1e-3)
    kept = design(problem("ode"))
    assert kept.outcome.m < made.outcome.m - 0.01
    t = kept.switches[0]
    assert abs(solve(kept.problem).at(t).m / (1.25 + t) - 1.0) > 0.05


@pytest.mark.parametrize(("sampler", "sigma2"), [("sde", 0.25), ("ode", 0.25), (0.4, 0.05)])
def test_asking_for_less_variance_never_costs_shift(sampler, sigma2):
    made = [design(problem(sampler, sigma2), keep=keep) for keep in (0.02, 0.3, 0.6, 0.9, 1.0)]
    shifts = [each.outcome.m for each in made]
    assert all(b <= a + 1e-7 for a, b in pairwise(shifts))
    assert shifts[0] > shifts[-1] + 1e-3
    assert max(each.outcome.v_ratio * each.keep for each in made) < 1.0 + 1e-6  # a grown variance is not kept either
    if sampler == "sde":
        assert made[0].levels == (5.0,)  # constant guidance at w_max keeps more than 2 %
