"""Particles on the line: against the exact law of the ODE, their order, w = 0, score errors, bad input."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest, norm

from meanfield.errors import ProblemError
from meanfield.line import (
    Normal,
    PiecewiseConstant,
    ScoreError,
    TwoClasses,
    Uniform,
    end_law,
    end_scale,
    sde_edge_distance,
    share_outside,
    trajectories,
)
from simulate import sample_line

COMPACT = TwoClasses(Uniform(1.0, 2.0), Uniform(-2.0, -1.0))
GAUSSIAN = TwoClasses(Normal(1.0), Normal(-1.0))
STEPS = TwoClasses(PiecewiseConstant((1.0, 1.5, 1.75, 2.0), (1.0, 0.0, 2.0)), Uniform(0.0, 0.5), prior=0.3)
CASES = [(classes, w) for classes in (COMPACT, GAUSSIAN, STEPS) for w in (0.0, 1.0, 4.0)]
FAMILY = 0.01 / len(CASES)


@pytest.mark.parametrize("classes, w", CASES)
def test_end_points_follow_the_change_of_variables(classes, w):
    """Kolmogorov-Smirnov against the exact law, 1 % for the family; steps move end points by less than 1e-3."""
    x = sample_line(classes, w, n_samples=2000, n_steps=300, seed=11)
    if classes.compact:
        x = np.clip(x, *classes.target.support)  # t_end > 0: some t^{1/2} = 1e-4 beyond
    assert kstest(x, end_law(classes, w).cdf).pvalue > FAMILY


@pytest.mark.parametrize("classes, w", [(COMPACT, 4.0), (GAUSSIAN, 4.0)], ids=["uniform", "gaussian"])
def test_negative_control_guidance_off_by_ten_percent(classes, w):
    x = sample_line(classes, 1.1 * w, n_samples=2000, n_steps=300, seed=11)
    assert kstest(x, end_law(classes, w).cdf).pvalue < FAMILY


SHAPES = {"uniform": COMPACT, "gaussian": GAUSSIAN, "steps": STEPS}


@pytest.mark.parametrize("classes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("eta", [0.5, 1.0, 2.0])
def test_every_unguided_sampler_samples_the_class(classes, eta):
    x = sample_line(classes, 0.0, sampler=eta, n_samples=3000, n_steps=200 if eta < 2 else 600, seed=5)
    law = end_law(classes, 0.0)
    if classes.compact:
        x = np.clip(x, *classes.target.support)
    assert kstest(x, law.cdf).pvalue > 0.01 / 9


@pytest.mark.parametrize("classes, w", [(GAUSSIAN, 4.0), (GAUSSIAN, 1e4), (COMPACT, 64.0)])
def test_the_ode_steps_have_order_two(classes, w):
    t = None if not classes.compact else [1e-2]
    counts = (100, 200, 400, 800, 1600)
    ends = [sample_line(classes, w, n_samples=50, n_steps=n, seed=2, t=t).ravel() for n in counts]
    errors = [np.abs(a - b).mean() for a, b in pairwise(ends)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.abs(orders[-2:] - 2.0).max() < 0.15


def test_the_sde_steps_converge_in_the_mean():
    """Weak order two: an error of the mean below the noise of 10 000 samples from 400 steps on, and seen at 50."""
    values = {n: sample_line(GAUSSIAN, 1000.0, sampler="sde", n_samples=10_000, n_steps=n) for n in (50, 400, 800)}
    noise = math.sqrt(2.0) * values[800].std() / 100.0
    assert abs(values[400].mean() - values[800].mean()) < 4 * noise
    assert abs(values[50].mean() - values[800].mean()) > 8 * noise  # negative control: too few steps


def test_paths_are_those_of_the_exact_flow():
    t = [1e4, 100.0, 1.0, 1e-2, 1e-4]
    for w in (1.0, 1e4):
        paths = sample_line(COMPACT, w, n_samples=400, n_steps=2000, seed=3, t=t)
        exact = trajectories(COMPACT, w, np.linspace(-4.0, 4.0, 801), t)
        found = np.array([np.interp(paths[:, 1], exact[:, 1], exact[:, k]) for k in range(5)]).T
        assert np.abs((paths - found) / np.sqrt(t)).max() < 0.02  # the start is read off at t = 100


@pytest.mark.parametrize("classes, w", [(GAUSSIAN, 4.0), (COMPACT, 4.0)], ids=["gaussian", "uniform"])
def test_another_route_to_the_sde(classes, w):
    """Stochastic localisation, d theta = M_w d rho + dB from theta = 0, by Euler-Maruyama."""
    n, end = 2000, 1.0 if not classes.compact else 1e4
    rho = np.concatenate([[0.0], np.geomspace(1e-4, end, 600)])
    rng, theta = np.random.default_rng(8), np.zeros(n)
    for a, b in pairwise(rho):
        M = classes.guided(theta / math.sqrt(a) if a else theta, math.sqrt(a), w).M
        theta += (b - a) * M + math.sqrt(b - a) * rng.standard_normal(n)
    x = theta / rho[-1]
    t = None if not classes.compact else [1.0 / end]
    found = sample_line(classes, w, sampler="sde", n_samples=n, n_steps=300, seed=6, t=t).ravel()
    assert ks_2samp(x, found).pvalue > 0.005
    other = sample_line(classes, 0.0, sampler="sde", n_samples=n, n_steps=300, seed=6, t=t).ravel()
    assert ks_2samp(x, other).pvalue < 1e-6  # negative control: without guidance


def test_at_strong_guidance_the_samplers_part():
    C, slope = end_scale()
    w = 1e4
    ode = sample_line(GAUSSIAN, w, n_samples=1000, n_steps=1600)
    assert abs(np.median(ode) - 1.0 - C * 100.0) < 5 * slope * 1.25 / math.sqrt(1000) + 0.02
    sde = sample_line(GAUSSIAN, w, sampler="sde", n_samples=1000, n_steps=800)
    assert 5.0 < np.median(sde) < 7.0  # it goes out like log(w)/2, not like w^{1/2}
    edge = 2.0 - sample_line(COMPACT, w, sampler="sde", n_samples=2000, n_steps=400)
    assert abs(edge.mean() / sde_edge_distance(COMPACT, w) - 1.0) < 0.15  # (L7) is of leading order in log w


def test_a_small_score_error_makes_samples_leave():
    error = ScoreError(1e-4, 0.5)
    for w in (50.0, 60.0):
        x = sample_line(COMPACT, w, error=error, n_samples=1500, n_steps=500, seed=4)
        share = share_outside(COMPACT, w, error)
        assert abs(np.mean(x > 2.5) - share) < 4 * math.sqrt(share * (1 - share) / 1500) + 0.02
        assert abs(np.mean(x > 2.5) - share_outside(COMPACT, 1.1 * w, error)) > 0.15  # negative control
        assert not np.any(sample_line(COMPACT, w, n_samples=300, n_steps=200) > 2.1)  # the exact score keeps them


def test_samples_that_leave_after_the_onset_count():
    """Narrow classes and an error that sets in early: guidance still pushes outwards at the limit then."""
    classes, error = TwoClasses(Uniform(1.0, 1.1), Uniform(0.8, 0.9)), ScoreError(0.5, 2.0)
    x = sample_line(classes, 35.0, error=error, n_samples=4000, n_steps=800)
    share = share_outside(classes, 35.0, error)
    assert abs(np.mean(x > 1.2) - share) < 3 * math.sqrt(share * (1 - share) / 4000) + 2e-3
    at_onset = trajectories(classes, 35.0, np.linspace(-8.0, 8.0, 161), [error.onset(classes)])[:, 0] > 3.1
    assert abs(np.mean(x > 1.2) - norm.cdf(-np.linspace(-8.0, 8.0, 161)[at_onset][0])) > 0.02  # negative control


def test_samples_do_not_depend_on_how_many_there_are():
    few, many = (sample_line(STEPS, 2.0, sampler="sde", n_samples=n, n_steps=30, seed=9) for n in (7, 9000))
    assert np.array_equal(few, many[:7])


def test_a_finite_start_is_part_of_the_problem():
    x = sample_line(COMPACT, 2.0, n_samples=4000, n_steps=300, seed=1, t_start=30.0)
    assert kstest(np.clip(x, 1.0, 2.0), end_law(COMPACT, 2.0, t_start=30.0).cdf).pvalue > 0.01
    assert kstest(np.clip(x, 1.0, 2.0), end_law(COMPACT, 2.0).cdf).pvalue < 1e-6  # negative control


@pytest.mark.parametrize(
    "options, message",
    [
        ({"w": 1e9}, "w must be a number >= 0 and <= 1e"),
        ({"sampler": "heun"}, "sampler must be"),
        ({"sampler": -1.0}, "It is eta"),
        ({"n_samples": 0}, "n_samples must be"),
        ({"t": [1.0, 2.0]}, "decreasing"),
        ({"t": [1e-20]}, "lower t_end"),
        ({"t_end": 0.0}, "t_end must be"),
        ({"t_start": -1.0}, "t_start must be"),
        ({"t_start": 1e-10}, "t_end must be below the start"),
        ({"error": 0.1}, "error must be a ScoreError"),
        ({"t": ["a"]}, "t must be a number or an array of numbers or None; got"),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ProblemError, match=message):
        sample_line(COMPACT, **{"w": 1.0, "n_steps": 10, **options})


def test_two_classes_are_asked_for():
    with pytest.raises(ProblemError, match="classes must be a TwoClasses"):
        sample_line(None, 1.0)
