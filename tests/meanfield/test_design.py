"""Designed schedules: what is proved, reference values, the kept variance, and requests that have no answer."""

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meanfield import (
    Continuum,
    Exponential,
    Piecewise,
    Problem,
    ProblemError,
    Schedule,
    Spectrum,
    Tabulated,
    VPLinear,
    design,
    distortion,
    solve,
)
from meanfield.designs.free_levels import best_levels
from meanfield.designs.switching import Demand, Shape, best
from meanfield.exact.theorems import final_from_dose
from meanfield.maps.bulk import Responses, table_of


def problem(sampler="sde", sigma2=0.25, t_start=1000.0, **changes):
    return Problem(**{"classes": Continuum(), "sigma2": sigma2, "guidance": 0.0, "sampler": sampler, **changes,
                      "t_start": t_start})  # fmt: skip


# -- the compiled trajectories of piecewise linear schedules --


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("alpha", [0.3, 0.6, None])
@pytest.mark.parametrize(
    "guidance",
    [
        Piecewise([2.0], [-1.0, 5.0]),
        Piecewise([0.5, 6.0], [3.0, -0.5, 4.0]),
        Tabulated([0.1, 3.0, 9.0], [-0.8, 1.0, 6.0]),
        Tabulated([0.1, 3.0], [-0.8, 0.0]),
    ],
)
def test_compiled_responses_are_those_of_solve(guidance, alpha, eta):
    classes = Continuum() if alpha is None else Exponential(alpha)
    p = problem(eta, classes=classes, guidance=guidance)
    fast = Responses(p)(table_of(guidance, p.T))
    theory = solve(p)
    assert fast.shift[0] == pytest.approx(theory.final.mean_shift, abs=2e-8)
    assert fast.ratio[0] == pytest.approx(theory.final.v / p.sigma2, rel=2e-8)
    assert ("exact", "asymptotic", "approximate")[int(fast.standing[0])] == theory.standing
    if alpha is not None and theory.phases[-1] == "target":
        assert fast.separation[0] == pytest.approx(distortion(theory).separation, abs=1e-7)


def test_compiled_responses_with_a_spectrum_and_from_infinity():
    two = Spectrum(c=[0.25, 0.4], u=[1.25, 4.4], share=[0.25, 0.75])
    guidance = Piecewise([0.7], [-1.0, 2.0])
    p = Problem(classes=Continuum(), spectrum=two, guidance=guidance, sampler="ode")
    r = Responses(p, strongest=2.0)
    fast, theory = r(table_of(guidance, r.start)), solve(p)
    assert fast.shift[0] == pytest.approx(theory.final.mean_shift, abs=1e-8)
    assert fast.ratio[0] == pytest.approx(1.0 + theory.final.variance_excess, rel=1e-8)
    assert fast.by_group[0] == pytest.approx(1.0 + theory.final.variance_excess_group, rel=1e-8)


def test_a_start_at_infinity_lies_above_the_switches_of_every_direction():
    """Class means of variance 1e7 in one group: what happens there is 1e7 times earlier."""
    guidance = Piecewise([2e6], [-1.0, 2.0])
    wide = Spectrum(c=[0.25, 0.25], u=[1.25, 1e7])
    p = Problem(classes=Continuum(), spectrum=wide, guidance=guidance, sampler="ode")
    r = Responses(p, strongest=2.0)
    fast, theory = r(table_of(guidance, r.start)), solve(p)
    assert fast.shift[0] == pytest.approx(theory.final.mean_shift, abs=1e-8)
    assert fast.by_group[0] == pytest.approx(1.0 + theory.final.variance_excess_group, rel=1e-8)
    assert abs(solve(p.replace(guidance=-1.0)).final.mean_shift / theory.final.mean_shift - 1.0) > 0.01


# -- what is proved --


@pytest.mark.parametrize(("sampler", "t_switch", "m"), [("sde", 0.2425, 1.2484), ("ode", 2.989, 2.057)])
def test_reference_designs(sampler, t_switch, m):
    made = design(problem(sampler))
    assert made.proved
    assert made.levels == (5.0, -1.0)
    assert made.switches[0] == pytest.approx(t_switch, rel=2e-4)
    assert made.outcome.m == pytest.approx(m, abs=5e-4)
    dose = final_from_dose(made.problem)  # a route that shares no equation with the search
    assert dose.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert dose.m == pytest.approx(made.outcome.m, abs=1e-8)


@settings(max_examples=40)
@example(sampler="sde", values=[5.0, 0.0], sigma2=0.05, seed=0)  # keeps what the upper bound keeps, but for rounding
@example(sampler="sde", values=[-1.0, -1.0], sigma2=0.25, seed=0)  # the lower bound itself, a last bit off
@given(
    sampler=st.sampled_from(["sde", "ode", 1.5]),
    values=st.lists(st.floats(-1.0, 5.0), min_size=2, max_size=6),
    sigma2=st.sampled_from([0.05, 0.25, 1.0]),
    seed=st.integers(0, 10**6),
)
def test_no_schedule_within_the_bounds_beats_the_design(sampler, values, sigma2, seed):
    """Random schedules within the bounds, at the variance that they happen to keep, against its design."""
    edges = np.sort(np.exp(np.random.default_rng(seed).uniform(math.log(0.02), math.log(100.0), len(values) - 1)))
    p = problem(sampler, sigma2)
    rival = final_from_dose(p.replace(guidance=Piecewise(edges.tolist(), values)))
    ratio = rival.v / sigma2
    respond = Responses(p)
    candidate = best(respond, Shape((5.0, -1.0), sigma2, p.T), Demand(ratio, "shift", False, 0.0))
    if candidate is None:  # the ratio lies beyond what constant guidance at a bound keeps: not for eta > 1 either
        pytest.fail(f"no design keeps {ratio}, which {values} keeps")
    assert rival.m - 1.0 <= candidate.value + 1e-7


def test_the_one_switch_theorem_needs_its_conditions():
    """Negative control: at 0 < eta < 1 another pattern wins, so the test above could fail."""
    p = problem(0.4, 0.05)
    demand, respond = Demand(1.0, "shift", False, 0.0), Responses(p)
    one = best(respond, Shape((5.0, -1.0), 0.05, p.T), demand)
    three = best(respond, Shape((5.0, -1.0, 5.0), 0.05, p.T), demand)
    assert one.value == pytest.approx(0.2438, abs=5e-5)
    assert three.value == pytest.approx(0.35128, abs=5e-6)
    quoted = final_from_dose(p.replace(guidance=Piecewise([0.0081, 0.9026], [5.0, -1.0, 5.0])))
    assert quoted.m == pytest.approx(1.3448, abs=5e-4)  # a three-piece schedule of theory.md, which is not the best
    assert design(p).outcome.m == pytest.approx(1.0 + three.value, abs=1e-6)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_the_cost_of_smoothness(sampler):
    free = design(problem(sampler)).outcome.m
    means = []
    for slope in (1.0, 5.0, 200.0):
        made = design(problem(sampler), slope=slope)
        t = np.geomspace(1e-4, 900.0, 20001)
        D = 0.25 + t
        rates = np.abs(np.diff(made.schedule.w(t)) / np.diff(np.log(D)))
        assert rates.max() <= slope * (1 + 1e-9)
        assert rates.max() > 0.9 * slope
        assert made.outcome.v_ratio == pytest.approx(1.0, abs=1e-6)
        means.append(made.outcome.m)
    assert means[0] < means[1] < means[2] < free
    assert means[2] == pytest.approx(free, abs=1e-4)


def test_separation_is_largest_at_one_plus_sigma2():
    p = problem("ode")
    most, separated = design(p), design(p, maximise="separation")
    assert separated.outcome.m == pytest.approx(1.25, abs=1e-6)
    assert separated.outcome.separation > most.outcome.separation + 0.5
    near = [design(p, mean=m).outcome.separation for m in (1.24, 1.26)]
    assert max(near) < separated.outcome.separation


def test_a_mean_is_reached_with_weaker_guidance_and_constant_guidance_pays_for_it():
    made = design(problem("sde"), mean=1.2)
    assert made.outcome.m == pytest.approx(1.2, abs=1e-6)
    assert 0.0 < made.levels[0] < 5.0
    w, same = made.same_mean
    assert same.m == pytest.approx(1.2, abs=1e-9)
    assert same.v_ratio < 0.5
    assert solve(problem("sde", guidance=w)).final.v / 0.25 == pytest.approx(same.v_ratio, rel=1e-8)


# -- beyond the continuum --


@pytest.mark.parametrize(
    ("sampler", "alpha"),
    [("ode", 0.4), pytest.param("sde", 0.6, marks=pytest.mark.slow), pytest.param("ode", 0.6, marks=pytest.mark.slow)],
)
def test_finite_rate_keeps_the_variance_away_from_the_glass(sampler, alpha):
    made = design(problem(sampler, classes=Exponential(alpha)))
    assert made.levels[-1] == 0.0  # guide, pay back, let go
    assert made.outcome.v_ratio == pytest.approx(1.0, abs=1e-6)
    assert not made.touches_glass
    theory = solve(made.problem)
    assert "captured" not in theory.phases
    assert theory.phases[-1] == "target"
    assert made.outcome.m > 1.1
    assert made.same_mean[1].v_ratio < 0.95


def test_a_continuum_design_is_lost_at_finite_rate():
    """Negative control: the window of the continuum opens late, meets the glass and loses the sample."""
    theory = solve(design(problem("sde")).problem.replace(classes=Exponential(0.6)))
    assert abs(theory.final.v / 0.25 - 1.0) > 0.01 or theory.standing == "approximate"


def test_spectrum_keeps_the_total_variance():
    two = Spectrum(c=[0.25, 0.25], u=[1.25, 4.25])
    made = design(problem("ode", None, spectrum=two))
    theory = solve(made.problem)
    assert 1.0 + theory.final.variance_excess == pytest.approx(1.0, abs=1e-6)
    assert np.max(np.abs(theory.final.variance_excess_group)) > 0.01  # direction by direction it is not kept
    assert made.outcome.m > 1.2


def test_every_direction_can_be_kept_at_a_price():
    two = Spectrum(c=[0.25, 0.25], u=[1.25, 4.25])
    p = problem("ode", None, spectrum=two)
    every, total = design(p, keep="each"), design(p)
    assert solve(every.problem).final.variance_excess_group == pytest.approx([0.0, 0.0], abs=1e-6)
    assert 1.2 < every.outcome.m < total.outcome.m
    with pytest.raises(ProblemError, match="continuum"):
        design(p.replace(classes=Exponential(0.5)), keep="each")


@pytest.mark.parametrize(("eta", "sigma2", "pattern"), [(0.0, 0.25, (1, -1)), (0.4, 0.05, (1, -1, 1))])
def test_many_free_levels_find_the_pattern_by_themselves(eta, sigma2, pattern):
    """No pattern assumed: the optimum over 20 free levels is at the bounds but for the pieces that hold a switch."""
    p = problem(eta, sigma2)
    found = best_levels(Responses(p, strongest=5.0), (-1.0, 5.0), n=20, starts=1)
    at_bounds = [round(x) for x in found.levels if min(abs(x - 5.0), abs(x + 1.0)) < 1e-4]
    assert len(at_bounds) >= 20 - (len(pattern) - 1)
    signs = [np.sign(x) for i, x in enumerate(at_bounds) if i == 0 or x != at_bounds[i - 1]]
    assert tuple(signs)[: len(pattern)] == pattern or (*signs, 1) == pattern  # the last piece may be the one in between
    best_pattern = design(p).outcome.m
    assert best_pattern - 0.01 < 1.0 + found.values.shift[0] < best_pattern


def test_a_design_for_another_noise_is_in_its_own_time():
    made = design(Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, noise="vp-linear", t_start=1.0))
    assert made.problem.noise == VPLinear()
    assert made.outcome.v_ratio == pytest.approx(1.0, abs=1e-6)
    assert all(0.0 < s < 1.0 for s in made.schedule.breakpoints)
    again = Problem.from_dict(json.loads(json.dumps(made.to_dict()["problem"])))
    assert solve(again).final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert isinstance(Schedule.from_dict(made.schedule.to_dict()), Piecewise)


# -- requests without an answer --


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"w_min": 0.0}, r"w_min must be negative.*\(T17\).*nearest bound"),
        ({"w_min": 0.5}, r"w_min must be negative"),
        ({"w_max": -0.1}, r"w_max must be positive"),
        ({"w_min": 1.0, "w_max": 0.5}, r"w_min must be below w_max"),
        ({"mean": 1.25}, r"below 1 \+ sigma2 = 1.25.*\(T16\)"),
        ({"mean": 1.249}, r"the largest mean .* is 1.2483"),
        ({"keep": "all"}, r"keep must be"),
        ({"keep": -1.0}, r"keep must be"),
        ({"maximise": "fun"}, r"maximise must be"),
        ({"slope": 0.0}, r"slope must be"),
        ({"w_max": math.nan}, r"w_max must be"),
    ],
)
def test_requests_without_an_answer_say_why(changes, says):
    with pytest.raises(ProblemError, match=says):
        design(problem("sde"), **changes)


def test_the_nearest_bound_is_a_solution():
    with pytest.raises(ProblemError, match="nearest bound") as caught:
        design(problem("ode"), w_min=0.0)
    w = float(str(caught.value).split("w_min = ")[2].split()[0])
    assert w < 0.0
    assert solve(problem("ode", guidance=w)).final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
