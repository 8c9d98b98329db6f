"""Scales of schedules for samplers: levels in textbook form, steps that obey the theory, files. No torch."""

import csv
import io
import json
import math

import numpy as np
import pytest
from scipy.integrate import quad

from meanfield import (
    Constant,
    Continuum,
    Custom,
    ExportError,
    Interval,
    Linear,
    Piecewise,
    PowerLaw,
    Problem,
    RectifiedFlow,
    ScheduleError,
    Tabulated,
    VPLinear,
    solve,
)
from meanfield.export.scales import Scales, for_timesteps

WINDOW = Linear(-1.0, 0.25)


def test_levels_of_all_statements_are_the_same_noise():
    """One set of noise levels t, stated in seven ways, gives the same scales."""
    t = np.array([200.0, 9.0, 2.0, 0.25])
    abar = 1.0 / (1.0 + t)
    training = np.concatenate([abar[::-1], [1e-3]])  # timesteps 3, 2, 1, 0
    betas = 1.0 - training / np.concatenate([[1.0], training[:-1]])
    s = np.sqrt(t) / (1.0 + np.sqrt(t))
    raw = s / (3.0 - 2.0 * s)  # before a shift by 3
    noise = VPLinear()
    stated = [
        {"sigmas": np.sqrt(t)},
        {"alphas_cumprod": training, "timesteps": [3, 2, 1, 0]},
        {"betas": betas, "timesteps": [3, 2, 1, 0]},
        {"flow_sigmas": s},
        {"flow_sigmas": raw, "shift": 3.0},
        {"noise": "edm", "timesteps": np.sqrt(t)},
        {"noise": noise, "timesteps": noise.own_time(t)},
        {"noise": RectifiedFlow(), "timesteps": [*s, 0.0]},  # a last level 0 is the end
    ]
    for levels in stated:
        scales = WINDOW.for_timesteps(**levels)
        np.testing.assert_allclose(scales.t, t, rtol=1e-12)
        np.testing.assert_allclose(scales.scales, 0.25 * t, rtol=1e-12, atol=1e-12)
    assert WINDOW.for_timesteps(flow_sigmas=raw, shift=1.0) != WINDOW.for_timesteps(flow_sigmas=s)


def test_data_scale_and_start():
    scales = WINDOW.for_timesteps(sigmas=[8.0, 2.0], data_scale=2.0)
    np.testing.assert_allclose(scales.scales, [4.0, 0.25])
    clipped = WINDOW.for_timesteps(flow_sigmas=[1.0, 0.5], t_max=40.0)
    np.testing.assert_allclose(clipped.scales, [10.0, 0.25])
    assert list(Interval(2.0, 0.0, 4.0).for_timesteps(flow_sigmas=[1.0, 0.5])) == [1.0, 3.0]


@pytest.mark.parametrize("shift", [0.5, 3.0, 12.0])
def test_a_shift_is_a_change_of_data_scale(shift):
    s = [0.9, 0.5, 0.1]
    shifted = WINDOW.for_timesteps(flow_sigmas=s, shift=shift)
    np.testing.assert_allclose(list(shifted), list(WINDOW.for_timesteps(flow_sigmas=s, data_scale=1.0 / shift)))
    s_shifted = [shift * x / (1.0 + (shift - 1.0) * x) for x in s]
    np.testing.assert_allclose(list(shifted), list(WINDOW.for_timesteps(flow_sigmas=s_shifted)))


def test_a_schedule_in_own_time_is_read_through_the_problem():
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Interval(2.0, 0.5, 3.0), noise="edm", t_start=80.0)
    assert list(problem.schedule.for_timesteps(sigmas=[4.0, 2.0, 0.4])) == [1.0, 3.0, 1.0]


@pytest.mark.parametrize(
    "schedule", [WINDOW, Interval(3.0, 0.3, 5.0), Piecewise([0.2, 2.0, 3.0], [1.0, -2.0, 0.5, 4.0])]
)
def test_the_mean_over_a_step(schedule):
    sigma = [3.0, 1.9, 1.0, 0.5, 0.1]
    scales = schedule.for_timesteps(sigmas=[*sigma, 0.0], rule="mean", data_scale=1.5)
    for high, low, w in zip(sigma, [*sigma[1:], 0.0], scales.w, strict=True):
        high, low = high / 1.5, low / 1.5
        jumps = [math.sqrt(t) for t in schedule.breakpoints]
        exact = quad(lambda x: float(schedule.w(x**2)), low, high, points=[x for x in jumps if low < x < high] or None)[
            0
        ]
        assert abs(w - exact / (high - low)) < 1e-10
    assert not np.allclose(scales.scales, schedule.for_timesteps(sigmas=sigma, data_scale=1.5).scales)
    flow = Constant(2.0).for_timesteps(flow_sigmas=[1.0, 0.5], rule="mean")
    assert list(flow) == [3.0, 3.0]  # the first step comes from t = infinity


def sample(method, n, schedule, own_scale, rule="start"):
    """DDIM, Euler in sigma, Euler of a flow in their own textbook form; exact scores of the continuum, sigma2 = 0.25.

    Two samples x = +-: their mean is m, half their difference v^(1/2). Returns the VE time of the start, m and v.
    """
    sigma2, mu, signs = 0.25, own_scale, np.array([1.0, -1.0])
    sigma = np.linspace(14.0**0.5, 0.0, n + 1)[:-1] ** 2 * own_scale
    abar, s = 1.0 / (1.0 + sigma**2), sigma / (1.0 + sigma)
    levels = {
        "ddim": {"alphas_cumprod": abar[::-1], "timesteps": np.arange(n)[::-1]},
        "edm": {"sigmas": [*sigma, 0.0]},
        "flow": {"flow_sigmas": [*s, 0.0]},
    }[method]
    g = schedule.for_timesteps(**levels, data_scale=own_scale, rule=rule).scales
    x = {"ddim": np.sqrt(1.0 - abar[0]), "edm": sigma[0], "flow": s[0]}[method] * signs
    for i in range(n):
        a, b = {"ddim": (np.sqrt(abar[i]), np.sqrt(1.0 - abar[i])), "edm": (1.0, sigma[i]), "flow": (1.0 - s[i], s[i])}[
            method
        ]
        eps_c = b * (x - a * mu) / (a**2 * sigma2 * mu**2 + b**2)
        eps_u = b * x / (a**2 * (1.0 + sigma2) * mu**2 + b**2)
        eps = eps_u + g[i] * (eps_c - eps_u)
        x0 = (x - b * eps) / a
        if method == "ddim":
            after = abar[i + 1] if i + 1 < n else 1.0
            x = np.sqrt(after) * x0 + np.sqrt(1.0 - after) * eps
        elif method == "edm":
            x = x + ((sigma[i + 1] if i + 1 < n else 0.0) - sigma[i]) * eps
        else:
            x = x + ((s[i + 1] if i + 1 < n else 0.0) - s[i]) * (eps - x0)
    return (sigma[0] / own_scale) ** 2, x.mean() / mu, ((x[0] - x[1]) / (2.0 * mu)) ** 2


@pytest.mark.parametrize("own_scale", [1.0, 0.18])
@pytest.mark.parametrize("method", ["ddim", "edm", "flow"])
def test_samplers_with_exact_scores_obey_the_theory(method, own_scale):
    """First-order samplers, extrapolated in the number of steps, against `solve` at the same scale-free schedule."""
    schedule = Custom(lambda t: -0.8 + 0.05 * t / (1.0 + 0.01 * t))
    T, *coarse = sample(method, 1000, schedule, own_scale)
    _, *fine = sample(method, 2000, schedule, own_scale)
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=schedule, sampler="ode", t_start=T)
    theory, unguided = solve(problem).final, solve(problem.replace(guidance=0.0)).final
    found = 2.0 * np.array(fine) - np.array(coarse)
    np.testing.assert_allclose(found, [theory.m, theory.v], rtol=0, atol=2e-5)
    assert abs(unguided.v - theory.v) > 0.02
    if own_scale != 1.0:  # negative control: t of the sampler taken for t of the theory
        wrong = sample(method, 2000, Custom(lambda t: schedule.w(t * own_scale**2)), own_scale)
        assert abs(wrong[2] - theory.v) > 0.02


def test_json_and_csv_round_trips(tmp_path):
    scales = Interval(2.0, 0.25, 9.0).for_timesteps(flow_sigmas=[1.0, 0.75, 0.5, 0.0], data_scale=0.5)
    text = scales.to_json(tmp_path / "scales.json")
    assert Scales.from_json(tmp_path / "scales.json") == scales == Scales.from_json(text)
    data = json.loads(text)
    assert data["schedule"] == Interval(2.0, 0.25, 9.0).to_dict() and data["t"][0] == "inf" and data["cfgfield"]
    rows = list(csv.DictReader(io.StringIO(scales.to_csv(tmp_path / "scales.csv"))))
    assert [float(r["scale"]) for r in rows] == list(scales) and rows[0]["t"] == "inf"
    assert float(rows[2]["flow_sigmas"]) == 0.5 and (tmp_path / "scales.csv").read_text().count("\n") == 4
    assert "function" in for_timesteps(lambda t: 0.0 * t, sigmas=[1.0]).to_dict()["schedule"]
    for wrong in ("{}", "nowhere.json", tmp_path, '{"scales": [1'):
        with pytest.raises(ExportError, match="not a file of scales"):
            Scales.from_json(wrong)


def sdcpp(argument, steps, counts_from):
    """Scales by step as stable-diffusion.cpp reads them, indexed from the end.

    `counts_from` 0 is the syntax as described (surplus entries ignored); 1 the indexing of the source that was read.
    """
    entries = [e.split("x") for e in argument.removeprefix("guidance_schedule=").split("+")]
    values = [float(scale) for scale, count in entries for _ in range(int(count))]
    if counts_from == 0:
        values = values[:steps]
    assert len(values) <= steps + 1
    return [values[len(values) - 1 - step] for step in range(counts_from, steps + counts_from)]


@pytest.mark.parametrize("counts_from", [0, 1])
def test_stable_diffusion_cpp_gets_each_step_its_scale(counts_from):
    scales = Tabulated([0.0, 1.0, 50.0], [-1.5, -1.0, 6.0]).for_timesteps(sigmas=[9.0, 5.0, 0.9, 1e-9, 0.0])
    argument = scales.to_sdcpp()
    np.testing.assert_allclose(sdcpp(argument, len(scales), counts_from), list(scales), atol=1e-6)
    assert "e" not in argument.split("=")[1]
    assert argument != scales.to_sdcpp(spare=False)
    with pytest.raises(ExportError, match="one scale per step"):
        WINDOW.for_timesteps(sigmas=[3.0, 2.0, 2.0, 0.0]).to_sdcpp()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of"),
        ({"sigmas": [1.0], "flow_sigmas": [0.5]}, "exactly one of"),
        ({"alphas_cumprod": [0.9, 0.5]}, "needs timesteps"),
        ({"sigmas": [1.0], "timesteps": [3]}, "leave timesteps out"),
        ({"sigmas": [1.0, 2.0]}, "Reverse the list"),
        ({"sigmas": [1.0, -2.0]}, "finite and >= 0"),
        ({"sigmas": []}, "one or more numbers"),
        ({"sigmas": "large"}, "list of numbers"),
        ({"flow_sigmas": [3.0, 1.0]}, "between 0 and 1"),
        ({"sigmas": [1.0], "shift": 3.0}, "belongs to flow_sigmas"),
        ({"alphas_cumprod": [0.9, 0.5], "timesteps": [1.5]}, "whole numbers"),
        ({"alphas_cumprod": [0.9, 0.5], "timesteps": [2]}, "whole numbers"),
        ({"alphas_cumprod": [0.5, 0.9], "timesteps": [1]}, "must fall"),
        ({"betas": [0.1, 1.5], "timesteps": [1]}, "betas must lie"),
        ({"noise": RectifiedFlow(), "timesteps": [1.5]}, "own times"),
        ({"sigmas": [1.0], "rule": "middle"}, "rule must be"),
        ({"sigmas": [1.0, 1.0], "rule": "mean"}, 'Use "start"'),
        ({"sigmas": [1.0], "data_scale": 0.0}, "data_scale"),
        ({"sigmas": [1.0], "t_end": 4.0}, "t_end"),
    ],
)
def test_bad_levels_are_refused(arguments, message):
    with pytest.raises(ExportError, match=message):
        WINDOW.for_timesteps(**arguments)


def test_a_schedule_that_is_infinite_somewhere_is_refused():
    with pytest.raises(ScheduleError, match="t_max"):
        WINDOW.for_timesteps(flow_sigmas=[1.0, 0.5])
    with pytest.raises(ScheduleError, match="raised"):
        for_timesteps(lambda t: [1.0, 2.0, 3.0], sigmas=[2.0, 1.0])
    with pytest.raises(ScheduleError, match="depends on the sample"):
        PowerLaw(2.0, exponent=0.5).for_timesteps(sigmas=[2.0, 1.0])
