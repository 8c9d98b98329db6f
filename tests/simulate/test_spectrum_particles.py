"""Particles with spectra: the isotropic ones as a special case, the two scores, exact laws by group, the order."""

import math
from itertools import pairwise

import numpy as np
import pytest
from particle_checks import affine_moments, limit, z_score

from meanfield.ensemble import Ensemble
from meanfield.errors import ProblemError
from meanfield.guidance.schedules import Piecewise
from meanfield.problem.growth import Continuum, Exponential, Fixed
from meanfield.problem.spectrum import Spectrum, power_law
from meanfield.problem.statement import Problem
from simulate import run, timestep_error
from simulate.scores.fast import FastScore
from simulate.scores.mixture import Held, draw_direct
from simulate.scores.reference import ReferenceScore
from simulate.steps.integrators import order

TWO = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
SMALL = {"n_samples": 64, "n_disorder": 3, "n_steps": 20, "threads": 1, "progress": False}


@pytest.mark.parametrize("fields", [{}, {"t_start": 50.0}, {"classes": Continuum()}])
@pytest.mark.parametrize("noise_refinement", [1, 2])
def test_one_group_is_the_isotropic_particles(fields, noise_refinement):
    fields = {"classes": Exponential(0.4), "guidance": 1.0, **fields}
    options = {**SMALL, "d": 12, "noise_refinement": noise_refinement}
    a = run(Problem(sigma2=0.25, **fields), **options)
    b = run(Problem(spectrum=Spectrum([0.25], [1.25]), **fields), **options)
    for name, values in a.draws.items():
        assert np.allclose(values, b.draws[name], rtol=1e-9, atol=1e-9, equal_nan=True)
    assert np.allclose(a.m_paired.values, b.m_group_paired.values[..., 0], atol=1e-9)
    assert np.allclose(a.v_paired.values, b.v_group_paired.values[..., 0], rtol=1e-9)


def test_one_group_is_the_isotropic_ode_up_to_the_error_of_the_steps():
    """Isotropic classes take steps by parts (order 4), a spectrum the parabola: the same to 1e-6 at 80 steps, w 1 % off
    is not."""
    fields = {"classes": Exponential(0.4), "guidance": 1.0, "sampler": "ode"}
    options = {**SMALL, "d": 12, "n_steps": 80, "dtype": "float64"}
    a = run(Problem(sigma2=0.25, **fields), **options)
    b, wrong = (
        run(Problem(spectrum=Spectrum([0.25], [1.25]), **fields | {"guidance": w}), **options) for w in (1, 1.01)
    )
    for name in ("m", "v"):
        end, one, other = (x.draws[name][:, -1] for x in (a, b, wrong))
        assert np.abs(end - one).max() < 1e-6 < 1e-5 < np.abs(end - other).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fast_score_equals_the_reference_and_the_definition(dtype):
    counts = (7, 3, 2)
    mixture = draw_direct(d=12, n_classes=3001, seed=0, draw=0, counts=counts)
    D = np.repeat([0.3, 1.0, 40.0], counts)
    rng = np.random.default_rng(1)
    y = np.sqrt(D) * rng.standard_normal((40, 12)) - np.linspace(0, 1, 40)[:, None] * mixture.target
    fast, slow = FastScore(mixture, len(y), dtype=dtype)(y, D, True), ReferenceScore(mixture)(y, D, True)
    scale = {"float32": 2e-6, "float64": 1e-13}[dtype]
    assert np.abs(fast.shift - slow.shift).max() < scale * np.abs(mixture.delta).max()
    assert np.abs(fast.log_odds - slow.log_odds).max() < scale * (1 + np.abs((y / D) @ mixture.delta.T).max())
    assert np.array_equal(fast.nearest, slow.nearest)
    means = np.vstack([mixture.target, mixture.target + mixture.delta.astype(float)])
    p = np.exp(-((((mixture.target + y)[:, None] - means) ** 2) / (2 * D)).sum(axis=2))
    p /= p.sum(axis=1, keepdims=True)
    assert np.allclose(slow.shift, p @ means - mixture.target, atol=1e-9)
    wrong = ReferenceScore(mixture)(y, np.full(12, D.mean()), True)  # one D for all: another force
    assert np.abs(wrong.shift - slow.shift).max() > 0.1


def test_target_has_its_length_in_every_group_and_the_covariance_is_that_of_the_means():
    mixture = draw_direct(d=12, n_classes=200, seed=1, draw=2, counts=(8, 4))
    assert mixture.target[:8] @ mixture.target[:8] == pytest.approx(8.0)
    assert mixture.target[8:] @ mixture.target[8:] == pytest.approx(4.0)
    assert np.allclose(mixture.half_norms_by_group.sum(axis=1), mixture.half_norms)
    plain = Held(mixture.target, mixture.delta, 200)
    assert np.array_equal(plain.half_norms, mixture.half_norms)


def continuum_z(data: Ensemble, spectrum: Spectrum, sampler: str, estimator: str = "_paired") -> np.ndarray:
    """z of m and v of every group at t = 0 against sec. 6, written out for w = 1; exact at every d."""
    c, g, L = np.array(spectrum.c), spectrum.g, np.divide(spectrum.u, spectrum.c)
    D = c / g
    if sampler == "sde":
        m, v = 1 + D * (1 - 1 / L), D**2 * (L - L**-2) / 3
    else:  # (T9), 2F1(-1/2, 1/2; 3/2; -z^2) = (sqrt(1 + z^2) + asinh(z)/z)/2
        z = 1 / np.sqrt(D)
        m, v = L**-0.5 * (np.sqrt(1 + z**2) + np.arcsinh(z) / z), D / L
    m_group, v_group = (getattr(data.final, f"{name}_group{estimator}") for name in ("m", "v"))
    scores = (observable.mean - exact for observable, exact in ((m_group, m), (v_group, v)))
    return np.concatenate([x / o.stderr for x, o in zip(scores, (m_group, v_group), strict=True)])


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_continuum_is_exact_by_group_and_a_wrong_spectrum_is_noticed(sampler):
    spectrum = power_law(3, modes=12, bins="equal")
    p = Problem(classes=Continuum(), spectrum=spectrum, guidance=1.0, sampler=sampler)
    options = {"d": 12, "n_samples": 800, "n_disorder": 40, "n_steps": 120, "threads": 1, "progress": False}
    data = run(p, **options)
    for estimator in ("_paired", ""):
        z = continuum_z(data, spectrum, sampler, estimator)
        assert np.abs(z).max() < limit(2 * len(z), 40)
        for i in range(3):  # negative control: u/c of one group 10 % off
            u = [1.1 * x if i == j else x for j, x in enumerate(spectrum.u)]
            assert np.abs(continuum_z(data, Spectrum(spectrum.c, u), sampler, estimator)).max() > limit(2 * len(z), 40)


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.5])
@pytest.mark.parametrize("T", [math.inf, 3.0])
def test_without_guidance_every_group_has_its_exact_law(sampler, T):
    p = Problem(classes=Exponential(0.3), spectrum=TWO, guidance=0.0, sampler=sampler, t_start=T)
    data = run(p, d=8, n_samples=1500, n_disorder=30, n_steps=7, threads=1, progress=False)
    assert np.array_equal(data.draws["m_group"], data.draws["m_group_twin"])
    for index in (3, 7):
        exact_m, exact_v = (x[index] for x in data.unguided_by_group())
        snapshot = data.at(index)
        z = [(o.mean - x) / o.stderr for o, x in ((snapshot.m_group, exact_m), (snapshot.v_group, exact_v))]
        assert np.abs(z).max() < limit(16, 30)
    exact_m, exact_v = data.unguided()
    assert abs(z_score(data.final.m, exact_m[-1])) < limit(16, 30)
    assert abs(z_score(data.final.v, exact_v[-1])) < limit(16, 30)
    if T < math.inf:  # negative control: the law of a start at T = infinity is another
        assert abs((data.final.m_group.mean[1] - 1.0) / data.final.m_group.stderr[1]) > limit(16, 30)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_order_of_the_scheme_in_every_direction(sampler):
    """In the continuum the mean follows an ODE whatever the sampler: order 3 for m; that of the scheme for v."""
    wide = Spectrum(c=[0.02, 0.3, 2.0], u=[0.05, 2.3, 30.0])
    p = Problem(classes=Continuum(), spectrum=wide, guidance=1.0, sampler=sampler, t_start=20.0)
    first, second = (np.abs(a - b) for a, b in pairwise(affine_moments(p, n) for n in (200, 400, 800)))
    assert np.abs(np.log2(first / second) - np.repeat([3, order(p.eta)], 3)).max() < 0.15


def test_shared_noise_and_time_step_error():
    p = Problem(classes=Exponential(0.4), spectrum=TWO, guidance=1.0)
    fine = run(p, d=8, **{**SMALL, "n_steps": 40})
    coarse = run(p, d=8, **SMALL, noise_refinement=2)
    assert np.allclose(fine.draws["m_group_twin"][:, -1], coarse.draws["m_group_twin"][:, -1], atol=1e-12)
    assert np.abs(fine.draws["m_group"] - fine.draws["m_group_twin"]).max() > 1e-3
    assert abs(timestep_error(p, d=8, **SMALL).m) < 0.01


def test_reference_method_agrees_and_results_do_not_depend_on_batches():
    p = Problem(classes=Exponential(0.4), spectrum=TWO, guidance=1.0, sampler="ode")
    fast, slow = run(p, d=12, **SMALL), run(p, d=12, classes="reference", batch=7, **SMALL)
    for name in ("m", "v", "m_group", "v_group", "m_group_twin"):
        assert np.allclose(fast.draws[name], slow.draws[name], atol=2e-5)


def test_schedule_with_jumps_acts_at_its_times():
    """Guidance that is switched on only long after speciation does nothing."""
    p = Problem(classes=Exponential(0.3), spectrum=TWO, t_start=1000.0, guidance=Piecewise([0.05], [3.0, 0.0]))
    data = run(p, d=16, **SMALL)
    assert abs(data.final.m_paired.mean - data.unguided()[0][-1]) < 2e-3


def test_result_makes_the_round_trip_and_says_what_was_run():
    p = Problem(classes=Exponential(0.4), spectrum=TWO, guidance=1.0)
    data = run(p, d=10, **SMALL)
    assert data.problem.spectrum.share == (0.8, 0.2)  # what d = 10 realises of 0.75, 0.25
    assert data.draws["m_group"].shape == (3, len(data.t), 2)
    again = Ensemble.from_dataset(data.to_dataset())
    assert again.problem == data.problem and np.array_equal(again.v_group.values, data.v_group.values)
    assert "m_group" in repr(data.final)
    g, r = TWO.g, np.array([0.8, 0.2])
    assert np.allclose(data.m.values, data.m_group.values @ (g * r) / (g @ r))
    assert np.allclose(data.v.values, data.v_group.values @ (g * r))


def test_refusals():
    p = Problem(classes=Fixed(4), spectrum=TWO, guidance=1.0)
    with pytest.raises(ProblemError, match='classes="span" knows isotropic classes only'):
        run(p, d=20, **SMALL, classes="span")
    assert run(p, d=20, **SMALL).info["method"] == "particles (explicit)"  # auto does not take span
    with pytest.raises(ProblemError, match="at least 2 directions"):
        run(p, d=5, **SMALL)
    isotropic = run(Problem(classes=Fixed(4), sigma2=0.25, guidance=1.0), d=20, **SMALL)
    with pytest.raises(ProblemError, match="only a problem with a spectrum"):
        isotropic.unguided_by_group()
