"""Particles with exact scores, moved by a sampler's own code."""

import threading
from itertools import pairwise

import numpy as np
import pytest
from codes import DDIM, PROBLEM, adaptive, limit, rescaled, z_between

from meanfield import (
    Continuum,
    DensityRatio,
    Ensemble,
    Exponential,
    Fixed,
    OrnsteinUhlenbeck,
    PowerLaw,
    Problem,
    ProblemError,
    RectifiedFlow,
    Spectrum,
    solve_sampler,
)
from meanfield.sampler.levels import karras_sigmas
from meanfield.sampler.native import dpmpp_2m_sde, euler, euler_ancestral, heun
from simulate import run, run_sampler
from simulate.running.holding import WAYS
from validate import extrapolate

CONTINUUM = PROBLEM.replace(classes=Continuum(), guidance=1.0)
ANCESTRAL = euler_ancestral(karras_sigmas(6, 0.05, 15.0))
FEW = {"n_samples": 40, "n_disorder": 2}
# m(0) and v(0)/sigma2 at alpha = 0.4, w = 2 in DDIM of 20 steps, from a program of its own in plain NumPy
PARTICLES = {
    ("CFG", 12): ((1.3114, 0.0010), (0.4783, 0.0034)),
    ("CFG", 16): ((1.3150, 0.0011), (0.4633, 0.0030)),
    ("CFG", 20): ((1.3142, 0.0013), (0.4518, 0.0035)),
    ("rescaled", 12): ((1.3021, 0.0010), (0.6369, 0.0040)),
    ("rescaled", 16): ((1.3105, 0.0011), (0.6167, 0.0035)),
    ("rescaled", 20): ((1.3114, 0.0013), (0.6091, 0.0040)),
}
CODES = {"CFG": DDIM, "rescaled": rescaled}


def same(one, other, **how):
    return all(np.allclose(one.draws[name], other.draws[name], equal_nan=True, **how) for name in one.draws)


def same_bits(one, other):
    return all(np.array_equal(one.draws[name], other.draws[name], equal_nan=True) for name in one.draws)


@pytest.mark.parametrize(("code", "d"), PARTICLES)
def test_particles_of_another_program(code, d):
    end = run_sampler(PROBLEM, CODES[code], d=d, n_samples=120, n_disorder={12: 60, 16: 40, 20: 24}[d]).final
    (m, m_error), (v, v_error) = PARTICLES[code, d]
    assert abs(float(end.m.mean) - m) < 3.0 * np.hypot(end.m.stderr, m_error)
    assert abs(float(end.v.mean) / 0.25 - v) < 3.0 * np.hypot(end.v.stderr / 0.25, v_error)


def test_neither_batches_nor_threads_matter():
    options = {"d": 12, "n_samples": 300, "n_disorder": 2, "seed": 5}
    one = run_sampler(PROBLEM, ANCESTRAL, threads=1, **options)
    assert same_bits(one, run_sampler(PROBLEM, ANCESTRAL, threads=3, **options))
    assert same(one, run_sampler(PROBLEM, ANCESTRAL, batch=70, **options), rtol=1e-5)
    assert not same(one, run_sampler(PROBLEM, ANCESTRAL, threads=1, **options | {"seed": 6}), rtol=1e-3)


@pytest.mark.parametrize("classes", ["explicit", "lazy", "streamed"])
def test_draws_of_several_runs_are_those_of_one(classes):
    def draws(first, n):
        options = {"d": 8, "n_samples": 20, "n_disorder": n, "batch": 20, "classes": classes}
        return run_sampler(PROBLEM, ANCESTRAL, first_draw=first, **options)

    whole, begin, rest = draws(0, 4), draws(0, 2), draws(2, 2)
    assert rest.info["first_draw"] == 2
    for name in whole.draws:
        parts = np.concatenate([begin.draws[name], rest.draws[name]])
        assert np.array_equal(whole.draws[name], parts, equal_nan=True)


def test_exact_ways_to_hold_the_classes_agree():
    reference = run_sampler(PROBLEM, ANCESTRAL, d=8, classes="reference", **FEW)
    for classes in ("explicit", "streamed", "auto"):
        assert same(reference, run_sampler(PROBLEM, ANCESTRAL, d=8, classes=classes, dtype="float64", **FEW), rtol=1e-8)


def test_lazy_classes_are_the_nearest_ones_of_the_theory():
    problem = PROBLEM.replace(classes=Exponential(alpha=0.7))
    data = run_sampler(problem, ANCESTRAL, d=40, classes="auto", **FEW)
    theory = solve_sampler(problem, ANCESTRAL, d=40, theory="quenched", n_samples=80, n_draws=2)
    assert same_bits(data, theory)
    assert "lazy" in data.info["method"]
    assert data.info["hidden_fluctuation"] == 0.02 * theory.info["excess"]


def test_classes_are_not_held_in_their_span():
    problem = PROBLEM.replace(classes=Fixed(3))
    assert run_sampler(problem, ANCESTRAL, d=2000, **FEW).info["method"] == "sampler on particles (explicit)"
    with pytest.raises(ProblemError, match=r'sees all d coordinates.*classes="span".*explicit'):
        run_sampler(problem, ANCESTRAL, d=8, classes="span", **FEW)
    assert run(problem, d=2000, n_steps=4, **FEW).info["method"] == "particles (span)"
    assert "span" in WAYS


@pytest.mark.parametrize("d", [2, 5_000])
def test_the_twin_has_the_same_noise_and_an_exact_law(d):
    data = run_sampler(CONTINUUM, ANCESTRAL, d=d, n_samples=50, n_disorder=20)
    unguided = run_sampler(CONTINUUM.replace(guidance=0.0), ANCESTRAL, d=d, n_samples=50, n_disorder=20)
    assert np.allclose(data.draws["m_twin"], unguided.draws["m"], atol=1e-12)
    assert np.allclose(data.draws["v_twin"], unguided.draws["v"], atol=1e-12)
    law = solve_sampler(CONTINUUM, ANCESTRAL)
    m, v = data.unguided()
    assert np.allclose([m, v], law.unguided, rtol=1e-12)
    z = [(data.m_twin.mean - m)[-1] / data.m_twin.stderr[-1], (data.v_twin.mean - v)[-1] / data.v_twin.stderr[-1]]
    assert np.all(np.abs(z) < limit(2, 20))
    assert abs(data.final.m_paired.mean - law.m[-1]) < limit(1, 20) * data.final.m_paired.stderr


def test_the_twin_of_code_that_is_not_linear_has_no_exact_law():
    data = run_sampler(CONTINUUM, clipped, shape=(2, 8), **FEW)
    assert np.array_equal(data.m_paired.values, data.draws["m"])
    with pytest.raises(ProblemError, match="m_twin"):
        data.unguided()


def clipped(model, noise):
    x = 15.0 * noise()
    for s, after in pairwise((15.0, 3.0, 1.0, 0.0)):
        denoised = np.clip(model.denoised(x, s), -0.5, 0.5)
        x = denoised + after / s * (x - denoised)
    return x


def test_code_that_chooses_its_steps_has_its_end_alone(tmp_path):
    data = run_sampler(PROBLEM, adaptive, d=12, n_samples=60, n_disorder=4, batch=30)
    assert np.array_equal(data.t, [0.0])
    assert "end" in data.info["calls"]
    assert 5 < data.info["n_calls"] < 60
    assert data.final.m.mean > 1.0
    again = Ensemble.from_dataset(data.to_dataset())
    assert same_bits(data, again)
    assert np.array_equal(again.m_paired.values, data.draws["m"])


def guided_by(problem, sampler=ANCESTRAL, d=12):
    """z of m(0), v(0) against the law at d = infinity, exact at every d in the continuum for code that is linear."""
    law, data = solve_sampler(problem, sampler), run_sampler(problem, sampler, d=d, n_samples=100, n_disorder=20)
    end = data.final
    return np.array([
        (end.m_paired.mean - law.m[-1]) / end.m_paired.stderr, (end.v_paired.mean - law.v[-1]) / end.v_paired.stderr
    ])  # fmt: skip


@pytest.mark.parametrize("sampler", [heun(karras_sigmas(5, 0.05, 15.0)), dpmpp_2m_sde(karras_sigmas(8, 0.05, 15.0))])
def test_a_spectrum(sampler):
    problem = Problem(
        classes=Continuum(), spectrum=Spectrum(c=[0.2, 0.5], u=[1.2, 4.5], share=[0.75, 0.25]), guidance=1.0
    )
    assert np.all(np.abs(guided_by(problem, sampler)) < limit(2, 20))
    data = run_sampler(problem, sampler, d=12, **FEW)
    assert data.m_group.mean.shape == (len(data.t), 2)
    assert np.isfinite(data.final.m_group_paired.mean).all()


def flowing(model, noise):
    """A rectified flow in its own time, x = (1 - s) x_0 + s z."""
    x = noise()
    for s, after in pairwise(np.linspace(1.0, 0.0, 9)):
        x = x + (after - s) * model.velocity(x, s)
    return x


def decaying(model, noise):
    """The ODE of the Ornstein-Uhlenbeck process, by Euler in its own time: a = e^-s, b^2 = 1 - a^2."""
    x = noise()
    for s, after in pairwise(np.linspace(1.5, 0.01, 20)):
        b = np.sqrt(-np.expm1(-2.0 * s))
        x = x + (after - s) * (model.eps(x, s) / b - x)
    return model.denoised(x, 0.01)


@pytest.mark.parametrize(("noise", "sampler"), [(RectifiedFlow(), flowing), (OrnsteinUhlenbeck(), decaying)])
def test_levels_are_the_own_time_of_the_noise_process(noise, sampler):
    assert np.all(np.abs(guided_by(CONTINUUM.replace(noise=noise), sampler)) < limit(2, 20))


def test_guidance_that_follows_the_sample():
    problem = PROBLEM.replace(classes=Exponential(alpha=0.3), t_start=225.0)
    for guidance, wrong in ((PowerLaw(1.0, 0.5), PowerLaw(1.3, 0.5)), (DensityRatio(0.3), DensityRatio(0.4))):
        one, other = problem.replace(guidance=guidance), problem.replace(guidance=wrong)
        steps = heun(karras_sigmas(60, 0.02, 15.0))
        data = run_sampler(one, steps, d=12, n_samples=50, n_disorder=20).final
        known, control = (
            run(p.replace(sampler="ode"), d=12, n_samples=50, n_disorder=20, n_steps=100).final for p in (one, other)
        )
        scores = [[z_between(getattr(data, x), getattr(y, x)) for x in ("m", "v", "q")] for y in (known, control)]
        assert np.all(np.abs(scores[0]) < limit(3, 20))
        assert np.any(np.abs(scores[1]) > limit(3, 20))


def test_results_are_ensembles_that_the_judge_takes(tmp_path):
    data = [run_sampler(PROBLEM, DDIM, d=d, n_samples=50, n_disorder=10) for d in (8, 10, 12)]
    found = extrapolate(data, "m")
    assert abs(found.intercept - solve_sampler(PROBLEM, DDIM).m[-1]) < 0.1
    path = tmp_path / "data.nc"
    data[0].to_dataset().to_netcdf(path)
    import xarray

    with xarray.open_dataset(path) as dataset:
        again = Ensemble.from_dataset(dataset)
    assert same_bits(data[0], again)
    assert dict(again.info) == dict(data[0].info)
    assert np.array_equal(again.m_paired.values, data[0].m_paired.values)


def test_real_shapes():
    data = run_sampler(CONTINUUM, ANCESTRAL, shape=(2, 4, 4), **FEW)
    flat = run_sampler(CONTINUUM, ANCESTRAL, d=32, **FEW)
    assert same(data, flat, rtol=1e-12)


def test_progress_counts_calls():
    seen = []
    run_sampler(PROBLEM, ANCESTRAL, d=8, progress=lambda done, total: seen.append((done, total)), batch=20, **FEW)
    assert seen == [(n, 4 * 7) for n in range(1, 29)]


@pytest.mark.parametrize("classes", ["explicit", "streamed", "lazy"])
def test_an_interrupt_ends_a_run(classes):
    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run_sampler(
            PROBLEM, ANCESTRAL, d=10, n_samples=600, n_disorder=2, classes=classes, threads=3, progress=interrupt
        )
    assert threading.active_count() == before


@pytest.mark.parametrize("classes", ["explicit", "lazy", "streamed"])
def test_memory_is_asked_first(monkeypatch, classes):
    monkeypatch.setattr("meanfield.tools.memory.available_bytes", lambda: 2**16)
    with pytest.raises(ProblemError, match="GiB"):
        run_sampler(PROBLEM, ANCESTRAL, d=20, classes=classes, **FEW)


def test_threads_share_the_means_of_one_draw(monkeypatch):
    """2981 classes in 20 directions take 0.3 MB: room is needed for one draw, whatever the number of threads."""
    monkeypatch.setattr("meanfield.tools.memory.available_bytes", lambda: 2**20)
    run_sampler(PROBLEM, euler([5.0, 1.0, 0.0]), d=20, n_samples=2, n_disorder=5, batch=64, threads=16)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"d": None}, "d, or the shape"),
        ({"d": 8, "shape": (2, 4)}, "d, or the shape"),
        ({"d": 1}, "d must be"),
        ({"d": 8.5}, "d must be"),
        ({"shape": (0, 4)}, "shape"),
        ({"d": 8, "classes": "all"}, "classes must be"),
        ({"d": 8, "batch": 0}, "batch"),
        ({"d": 8, "threads": 0}, "threads"),
        ({"d": 8, "first_draw": -1}, "first_draw"),
        ({"d": 8, "dtype": "float16"}, "dtype"),
    ],
)
def test_settings_are_checked(options, says):
    with pytest.raises(ProblemError, match=says):
        run_sampler(PROBLEM, ANCESTRAL, **FEW, **options)
