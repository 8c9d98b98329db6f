"""Guidance by the ratio of densities in particles: r itself, order of the steps, what is refused, and the theory."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import logsumexp

from meanfield import (
    Continuum,
    DensityRatio,
    Exponential,
    Fixed,
    NoMinimiserError,
    Polynomial,
    Problem,
    ScheduleError,
    fade,
    reduced,
)
from meanfield.ensemble import Observable
from meanfield.guidance.placing import time_grid
from simulate import run, timestep_error
from simulate.scores.fast import FastScore
from simulate.scores.mixture import draw_direct
from simulate.scores.reference import ContinuumScore, ReferenceScore
from simulate.steps.guidance_force import log_ratio, make_pull
from simulate.steps.integrators import make_steps, order
from simulate.steps.stepping import State, advance, moved
from validate.agreement.statistics import family_threshold

SMALL = {"d": 8, "n_samples": 40, "n_disorder": 2, "n_steps": 30}


def problem(beta=0.2, w_max=2.0, classes=None, **changes):
    return Problem(classes=classes or Fixed(50), sigma2=0.25, guidance=DensityRatio(beta, w_max), **changes)


@pytest.mark.parametrize("D", [0.3, 3.0, 300.0])
def test_the_ratio_is_that_of_the_densities(D):
    d, n = 6, 40
    mixture = draw_direct(d, n, seed=0, draw=0)
    y = math.sqrt(D) * np.random.default_rng(0).standard_normal((9, d))
    logits = -0.5 * np.sum((y[:, None] - mixture.delta) ** 2, axis=2) / D
    own = -0.5 * np.sum(y**2, axis=1) / D
    direct = logsumexp(np.column_stack([own, logits]), axis=1) - math.log(n) - own
    for score, tolerance in ((ReferenceScore(mixture), 1e-11), (FastScore(mixture, 9), 1e-4)):
        assert np.abs(log_ratio(score(y, D), n) - direct).max() < tolerance
    assert np.all(direct >= -math.log(n) - 1e-12)
    target = mixture.target
    x = y + target
    direct = 0.5 * (np.sum(y**2, 1) / D - np.sum(x**2, 1) / (1 + D) + d * math.log(D / (1 + D)))
    posterior = ContinuumScore(target, ratio=True)(y, D)
    assert np.abs(log_ratio(posterior, math.inf) - direct).max() < 1e-12
    u = 0.3 * np.ones((9, d))  # moved exactly: log r is quadratic
    there = ContinuumScore(target, ratio=True)(y + u, D).log_ratio
    assert np.abs(moved(posterior, u, D).log_ratio - there).max() < 1e-12


def test_alone_the_target_has_the_least_ratio():
    mixture = draw_direct(400, 5, seed=0, draw=0)  # the weights of all rivals underflow
    assert np.allclose(log_ratio(FastScore(mixture, 2)(np.zeros((2, 400)), 0.01), 5), -math.log(5.0))
    data = run(problem(classes=Fixed(1), t_start=100.0), **SMALL)
    assert np.allclose(data.draws["m"], data.draws["m_twin"])


def test_all_ways_of_holding_the_classes_agree():
    p = problem(classes=Fixed(60), t_start=1e5)
    settings = {**SMALL, "d": 64, "dtype": "float64", "n_steps": 60}
    runs = {way: run(p, classes=way, **settings) for way in ("explicit", "streamed", "reference")}
    for name in ("m", "v", "w"):
        values = [data.draws[name] for data in runs.values()]
        assert max(np.abs(a - b).max() for a, b in pairwise(values)) < 1e-8
    span = run(p, classes="span", **settings)  # other random numbers: in law
    explicit = runs["explicit"]
    assert abs(span.w.mean[20] - explicit.w.mean[20]) < 5 * np.hypot(span.w.stderr[20], explicit.w.stderr[20]) + 0.01


def test_bits_do_not_depend_on_threads_and_draws_can_be_divided():
    p = problem()
    settings = {**SMALL, "n_samples": 300, "batch": 64}
    one, three = (run(p, threads=n, **settings) for n in (1, 3))
    assert all(np.array_equal(one.draws[k], three.draws[k], equal_nan=True) for k in one.draws)
    last = run(p, first_draw=1, **{**settings, "n_disorder": 1})
    assert np.array_equal(last.draws["w"], one.draws["w"][1:])


@pytest.mark.parametrize("w_max", [None, 50.0], ids=["wall", "w_max out of reach"])
def test_order_of_the_ode_with_a_weight_that_follows_the_sample(w_max):
    """Single trajectories; the weight is smooth as long as it is below w_max."""
    p = problem(beta=0.15, w_max=w_max, classes=Fixed(6), sampler="ode", t_start=1e3)
    score = ReferenceScore(draw_direct(d=4, n_classes=6, seed=0, draw=0))
    y = math.sqrt(1e3) * np.random.default_rng(1).standard_normal((200, 4))
    pull = make_pull(p, 4, 6)
    n, ends = [128, 256, 512, 1024, 2048], []
    for k in n:
        steps, state = make_steps(p, time_grid(p.schedule, p.least_variance, 1e3, k)), State(y)
        for i in range(k):
            state = advance(state, steps.variance(i), 0.0, steps.step(i), score, pull)
        ends.append(state.y)
    rms = [np.sqrt(np.mean((a - b) ** 2)) for a, b in pairwise(ends)]
    assert abs(-np.polyfit(np.log(n[:-1]), np.log(rms), 1)[0] - order(0)) < 0.15


def test_weak_order_of_the_sde_with_a_weight_that_follows_the_sample():
    """Mean overlap on shared noise, n against 2n steps, over four step sizes.

    On its way to 2: from 16 to 22 steps it is 1.3, from 22 to 44 1.8.
    """
    p = problem(beta=0.2, w_max=1.0, classes=Continuum(), t_start=200.0)
    n = np.array([30, 42, 60, 84])
    settings = {"n_samples": 16_000, "n_disorder": 14, "batch": 4000, "seed": 1}
    found = [timestep_error(p, d=4, n_steps=int(k), **settings) for k in n]
    m, stderr = np.array([[e.m, e.m_stderr] for e in found]).T
    slope, covariance = np.polyfit(np.log(n), np.log(np.abs(m)), 1, w=np.abs(m) / stderr, cov="unscaled")
    assert abs(-slope[0] - order(1)) < 0.15 + 2.0 * math.sqrt(covariance[0, 0]), (m, stderr)
    assert covariance[0, 0] < 0.15**2  # so that order 1 would be seen


def test_a_sample_beyond_the_wall_stops_the_run():
    """The start N(0, T I) is no place of the target's samples unless T >> d: r = exp(d/2T) there."""
    with pytest.raises(NoMinimiserError, match=r"beta r < 1.* at t = .* of 40 samples .*smaller beta, or w_max"):
        run(problem(w_max=None, t_start=3.0), **SMALL)
    assert run(problem(w_max=2.0, t_start=3.0), **SMALL).final.m.mean > 0.5
    with pytest.raises(NoMinimiserError, match="take more steps"):
        run(problem(beta=0.6, w_max=None, classes=Continuum()), d=16, n_samples=1000, n_disorder=1, n_steps=20)


def test_trajectories_of_the_ode_do_not_meet_the_wall():
    assert run(problem(beta=0.3, w_max=None, classes=Continuum(), sampler="ode"), d=16, n_samples=2000, n_disorder=1,
               n_steps=400).final.m.mean > 1.0  # fmt: skip


def test_steps_of_the_sde_get_beyond_the_wall_ever_less():
    """Bessel dimension 3: density z^2 at a distance z ~ h^(1/2), so a share ~ h^(1/2) gets beyond in steps h; (O6)."""
    beta, n, steps = 0.3, 20_000, np.array([250, 1000, 4000])
    rng, lost = np.random.default_rng(1), []
    for k in steps:
        kappa = np.geomspace(300.0, 0.01, k + 1)
        h, y, alive = math.log(kappa[0] / kappa[1]), rng.standard_normal(n), np.ones(n, bool)
        for now in kappa[:-1]:
            share = beta * np.exp(-0.5 / now - y / math.sqrt(now))
            alive &= share < 1.0
            w = np.where(alive, share / (1.0 - np.where(alive, share, 0.0)), 0.0)
            y += h * (w / math.sqrt(now) - 0.5 * y) + math.sqrt(h) * rng.standard_normal(n)
        lost.append(1.0 - alive.mean())
    error = 1.0 / math.sqrt(n * lost[-1]) / math.log(steps[-1] / steps[0])
    assert abs(-np.polyfit(np.log(steps), np.log(lost), 1)[0] - 0.5) < 0.1 + 2.0 * error


def test_ways_that_do_not_know_the_ratio_refuse_it():
    p = problem(classes=Exponential(0.4))
    with pytest.raises(ScheduleError, match=r"lazy.*DensityRatio.*explicit"):
        run(p, classes="lazy", **SMALL)
    assert run(p, **SMALL).info["method"] == "particles (explicit)"
    with pytest.raises(ValueError, match="more than can be held") as refusal:  # auto: neither lazy nor annealed
        run(p, **{**SMALL, "d": 100})
    assert "reduced" not in str(refusal.value)


def compare(p, d, **options):
    """z of m(0) and of the mean weight at D = d, for the right theory and (negative control) a beta 10 % off."""
    data = run(p, d=d, n_disorder=16, n_steps=120, seed=2, **options)
    i = int(np.argmin(np.abs(data.t / d - 1.0)))
    found = []
    for beta in (0.3, 0.33):
        theory = fade(p.replace(guidance=DensityRatio(beta, 4.0)), d)
        expected = theory.trajectory.final.m, float(np.interp(data.t[i], theory.t, theory.weight))
        seen = (data.final.m_paired, Observable(data.draws["w"][:, i]))
        found.append([(a.mean - b) / a.stderr for a, b in zip(seen, expected, strict=True)])
    return found


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_particles_and_theory_agree(sampler):
    """In the continuum; relative corrections of order 1/d are below the errors at this d."""
    n = {"ode": 400, "sde": 600}[sampler]
    z, off = compare(problem(beta=0.3, w_max=4.0, classes=Continuum(), sampler=sampler), 256, n_samples=n)
    assert np.abs(z).max() < family_threshold(2), z
    assert np.abs(off).max() > 2.0 * family_threshold(2), off


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_the_reduced_model_is_exact_in_the_continuum(sampler):
    """At d = 8, where fade is off; a beta 10 % off fails."""
    p = problem(beta=0.3, w_max=4.0, classes=Continuum(), sampler=sampler)
    particles = run(p, d=8, n_samples=500, n_disorder=24, n_steps=120, seed=2)
    data, found = particles.final, []
    for beta in (0.3, 0.33):
        theory = reduced(p.replace(guidance=DensityRatio(beta, 4.0)), 8, n_samples=24_000, n_steps=120, n_times=2)
        pairs = [(getattr(data, q), getattr(theory.final, q)) for q in ("m_paired", "v_paired")]
        found.append(max(abs(a.mean - b.mean) / math.hypot(a.stderr, b.stderr) for a, b in pairs))
    assert theory.info["standing"] == "exact"
    assert found[0] < family_threshold(4) < found[1], found
    n = particles.info["guidance_per_step"]  # of the largest weights on the way, which the two schemes meet less alike
    assert abs(theory.info["guidance_per_step"] / n - 1.0) < 0.3
    assert p.e * 0.3 / 0.7 * math.log(theory.D[0] / 0.25) / 120 / 1.25 > 1.5 * n  # with the weight at r = 1


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize(("classes", "d"), [(Exponential(0.6), 14), (Polynomial(2.0), 48)])
def test_classes_that_are_drawn_agree_within_the_error_of_the_theory(sampler, classes, d):
    """Stated: relative order 1/d and 1/(beta^2 P)."""
    p = problem(beta=0.3, w_max=4.0, classes=classes, sampler=sampler)
    data = run(p, d=d, n_samples=250, n_disorder=16, n_steps=120, seed=2).final.m_paired
    shift = fade(p, d).trajectory.final.mean_shift
    budget = (1.0 / d + 1.0 / (0.09 * math.exp(classes.log_count(d)))) * shift
    assert abs(data.mean - 1.0 - shift) < 3.0 * data.stderr + budget
    if classes.rate() > 0:  # beside constant guidance of the same weight at large t, which fades late
        constant = run(p.replace(guidance=3.0 / 7.0), d=d, n_samples=50, n_disorder=8, n_steps=120).final.m_paired
        assert constant.mean - 1.0 > 1.5 * shift
