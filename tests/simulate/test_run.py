"""`run` against exact laws, with negative controls through the same check functions, and its invariances."""

import math
from itertools import pairwise

import numpy as np
import pytest
from particle_checks import continuum_z, done_after_a_stop, limit, unguided_z, z_between, z_score

import simulate.running.plan
from meanfield.errors import CfgfieldError
from meanfield.guidance.schedules import Constant, Custom
from meanfield.problem.growth import Continuum, Exponential, Fixed, Polynomial
from meanfield.problem.statement import Problem
from meanfield.tools.crew import Crew
from simulate import run, timestep_error

PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
GRID = [(d, n, s) for d in (2, 8, 300) for n in (1, 3, 20) for s in ("sde", "ode")]


def test_unguided_sampler_is_exact_in_law_at_any_number_of_steps():
    """w = 0: m = 1 and v = sigma2, plain estimates, direct (d = 2, 8) and in the span (d = 300, P = 17)."""
    for d, n_steps, sampler in GRID:
        growth = Polynomial(0.5) if d == 300 else Exponential(0.4)
        problem = PROBLEM.replace(guidance=0.0, sampler=sampler, classes=growth)
        data = run(problem, d=d, n_samples=100, n_disorder=24, n_steps=n_steps)
        assert np.abs(unguided_z(data)).max() < limit(2 * len(GRID), 24), (d, n_steps, sampler)
        assert data.info["method"] == ("particles (span)" if d == 300 else "particles (explicit)")


def test_unguided_check_sees_a_wrong_noise(monkeypatch):
    """Negative control: noise variance off by a factor 2."""
    make_steps = simulate.running.plan.make_steps

    def loud(*args):
        steps = make_steps(*args)
        steps.mix[...] *= math.sqrt(2.0)
        return steps

    monkeypatch.setattr(simulate.running.plan, "make_steps", loud)
    data = run(PROBLEM.replace(guidance=0.0), d=8, n_samples=100, n_disorder=24, n_steps=20)
    assert np.abs(unguided_z(data)).max() > 2 * limit(2, 24)


@pytest.mark.parametrize("w", [1.0, 1.1])
def test_continuum_against_closed_forms(w):
    """(T8a) is exact at every d; a weight off by 10 % fails the same check."""
    problem = PROBLEM.replace(classes=Continuum(), guidance=w)
    data = run(problem, d=20, n_samples=400, n_disorder=32, n_steps=400)
    z = np.abs(continuum_z(data, 1.0))
    assert (z < limit(2, 32)).all() if w == 1.0 else (z > limit(2, 32)).all()
    assert data.final.weight.mean == 0 and np.isnan(data.final.log_odds.mean)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_unconditional_sampler_has_the_energy_of_the_data(sampler):
    """w = -1 samples the mixture itself: q(0) = 1 + sigma2, and the target gets the share 1/P."""
    data = run(PROBLEM.replace(guidance=-1.0, sampler=sampler), d=8, n_samples=100, n_disorder=100, n_steps=50)
    assert abs(z_score(data.final.q, 1.25)) < limit(4, 100)
    assert abs(z_score(data.final.accuracy, 1 / data.info["n_classes"])) < limit(4, 100)


def test_fast_run_follows_the_reference_run():
    settings = {"d": 10, "n_samples": 50, "n_disorder": 2, "n_steps": 30}
    slow = run(PROBLEM, classes="reference", **settings)
    for dtype, tolerance in (("float32", 2e-5), ("float64", 1e-11)):
        fast = run(PROBLEM, classes="explicit", dtype=dtype, **settings)
        for name in ("m", "v", "q", "weight", "accuracy"):
            assert np.abs(fast.draws[name] - slow.draws[name])[:, 1:].max() < tolerance * 20, name
        assert np.abs(fast.final.m.mean - slow.final.m.mean) < tolerance


def brute_force(d, n_classes, n_samples, n_draws, n_steps, T=1000.0, w=1.0, sigma2=0.25):
    """The definition: Euler steps in x itself, scores from |x - mu_k|^2, its own random numbers. (m, v) by draw."""
    rng, out = np.random.default_rng(5), []
    for _ in range(n_draws):
        mu = rng.standard_normal((n_classes, d))
        mu[0] *= math.sqrt(d) / np.linalg.norm(mu[0])
        x, D = math.sqrt(T) * rng.standard_normal((n_samples, d)), np.geomspace(sigma2 + T, sigma2, n_steps + 1)
        for a, b in pairwise(D):
            p = np.exp(-((x[:, None] - mu) ** 2).sum(axis=2) / (2 * a) + (x**2).sum(axis=1)[:, None] / (2 * a))
            conditional, unconditional = (mu[0] - x) / a, (p @ mu / p.sum(axis=1, keepdims=True) - x) / a
            score = conditional + w * (conditional - unconditional)
            x = x + score * (a - b) + math.sqrt(a - b) * rng.standard_normal(x.shape)
        m = x @ mu[0] / d
        out.append([m.mean(), (((x - m[:, None] * mu[0]) ** 2).sum(axis=1) / (d - 1)).mean()])
    return np.array(out)


@pytest.mark.slow
def test_run_agrees_with_the_definition():
    """Another program, other random numbers: Euler in the plain frame, extrapolated from 400 and 800 steps."""
    coarse, fine = (brute_force(6, 11, 200, 100, n) for n in (400, 800))
    euler = 2 * fine - coarse
    data = run(PROBLEM.replace(t_start=1000.0), d=6, n_samples=200, n_disorder=400, n_steps=100)
    for i, name in enumerate(("m_paired", "v_paired")):
        ours = getattr(data.final, name)
        error = math.hypot(euler[:, i].std(ddof=1) / 10, float(ours.stderr))
        assert abs(euler[:, i].mean() - ours.mean) < limit(2, 100) * error


def test_threads_do_not_change_a_bit():
    settings = {"d": 12, "n_samples": 70, "n_disorder": 3, "n_steps": 10, "batch": 32}
    runs = [run(PROBLEM, threads=n, **settings) for n in (1, 2, 5)]
    for name, values in runs[0].draws.items():
        assert all(np.array_equal(values, other.draws[name]) for other in runs[1:]), name


@pytest.mark.parametrize("change", [{"batch": 7}, {"block": 13}, {"batch": 1, "block": 999}])
def test_batch_and_block_change_rounding_only(change):
    for problem, d in ((PROBLEM, 12), (PROBLEM.replace(classes=Fixed(6)), 40)):
        settings = {"d": d, "n_samples": 40, "n_disorder": 2, "n_steps": 10, "dtype": "float64"}
        a, b = run(problem, **settings), run(problem, **settings, **change)
        assert np.allclose(a.final.m.values, b.final.m.values, rtol=0, atol=1e-11)
        assert np.allclose(a.final.v.values, b.final.v.values, rtol=0, atol=1e-11)


def test_seeds_samples_and_draws():
    settings = {"d": 6, "n_disorder": 2, "n_steps": 5}
    a, b = run(PROBLEM, n_samples=10, seed=0, **settings), run(PROBLEM, n_samples=10, seed=0, **settings)
    assert np.array_equal(a.m.values, b.m.values)
    other = run(PROBLEM, n_samples=10, seed=1, **settings)
    assert not np.isclose(a.m.values, other.m.values).any()
    assert not np.isclose(a.m.values[0], a.m.values[1]).any()


def test_refined_noise_is_shared_between_step_sizes():
    """The unguided twin is exact at any step, so on shared noise it ends at the same point."""
    settings = {"d": 6, "n_samples": 20, "n_disorder": 2, "n_times": 2}
    coarse, fine = run(PROBLEM, n_steps=10, noise_refinement=4, **settings), run(PROBLEM, n_steps=40, **settings)
    assert np.allclose(coarse.final.m_twin.values, fine.final.m_twin.values, rtol=0, atol=1e-12)
    assert not np.allclose(run(PROBLEM, n_steps=10, **settings).final.m_twin.values, fine.final.m_twin.values)


def test_timestep_error_predicts_the_error():
    problem = PROBLEM.replace(sampler="ode", classes=Fixed(8), guidance=2.0)
    settings = {"d": 6, "n_samples": 100, "n_disorder": 8, "dtype": "float64"}
    error = timestep_error(problem, n_steps=60, **settings)
    far = run(problem, n_steps=1000, n_times=2, **settings).final
    near = run(problem, n_steps=60, n_times=2, **settings).final
    assert error.m == pytest.approx(near.m.mean - far.m.mean, rel=0.15, abs=3 * error.m_stderr)
    assert error.v == pytest.approx(near.v.mean - far.v.mean, rel=0.15, abs=3 * error.v_stderr)
    assert "TimestepError at 60 steps" in repr(error)


def test_paired_estimate_sees_what_the_plain_one_cannot():
    problem = PROBLEM.replace(classes=Polynomial(0.5))
    data = run(problem, d=10_000, n_samples=20, n_disorder=8, n_steps=50)
    assert data.final.m_paired.stderr < 0.02 * data.final.m.stderr
    assert abs(z_between(data.final.m, data.final.m_paired)) < limit(1, 8)
    assert data.final.m_paired.mean - 1 > 10 * data.final.m_paired.stderr


def test_recorded_times_and_provenance():
    data = run(PROBLEM, d=6, n_samples=4, n_disorder=1, n_steps=7)
    assert data.t.shape == (8,) and data.t[-1] == 0 and (np.diff(data.t) < 0).all()
    assert run(PROBLEM, d=6, n_samples=4, n_disorder=1, n_steps=50, n_times=5).t.shape == (5,)
    assert np.isnan(data.final.m.stderr)
    assert {"method", "seed", "n_steps", "n_classes", "dtype", "versions", "seconds"} <= set(data.info)
    assert type(data).from_dataset(data.to_dataset()).info == data.info


def test_extremes_that_are_legal():
    for change in (
        {"sigma2": 1e-8},
        {"sigma2": 1e6},
        {"guidance": 1e4},
        {"classes": Exponential(1e-6)},
        {"t_start": 1e12, "sampler": "ode"},
        {"classes": Fixed(1)},
        {"sampler": 2.5},
    ):
        data = run(PROBLEM.replace(**change), d=4, n_samples=5, n_disorder=2, n_steps=80)
        assert np.isfinite(data.m.values).all() and np.isfinite(data.v.values).all(), change


def test_progress_callback_and_interrupt():
    """Callbacks come from the calling thread; whatever they raise stops the run at once and reaches the caller."""
    seen: list[tuple[int, int]] = []
    run(PROBLEM, d=6, n_samples=4, n_disorder=2, n_steps=5, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (10, 10)

    assert done_after_a_stop(PROBLEM, d=20, n_samples=4000, n_disorder=4, n_steps=1000) < 0.1


def test_negative_control_a_run_that_does_not_look_goes_on(monkeypatch):
    monkeypatch.setattr(Crew, "check", lambda crew: None)
    assert done_after_a_stop(PROBLEM, d=14, n_samples=1000, n_disorder=2, n_steps=1000) > 0.1


def test_a_schedule_that_fails_is_reported():
    def schedule(t):
        return np.where(np.asarray(t) < 1e-3, np.nan, 1.0) if np.size(t) == 20 else np.ones(np.shape(t))

    problem = PROBLEM.replace(guidance=Custom(schedule), t_start=10.0)
    with pytest.raises(CfgfieldError, match="the schedule must be finite"):
        run(problem, d=4, n_samples=2, n_disorder=1, n_steps=20)


def test_zero_weight_costs_no_score():
    idle = run(PROBLEM.replace(guidance=Constant(0.0)), d=6, n_samples=10, n_disorder=2, n_steps=6)
    assert np.array_equal(idle.m.values, idle.m_twin.values)
