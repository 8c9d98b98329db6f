"""The quenched theory of spectra against explicit particles at equal d, by the judge; what is wrong is refused."""

import math

import numpy as np
import pytest

from meanfield import Exponential, Problem, Spectrum, power_law, quenched, reduced
from simulate import run
from validate import compare

TWO = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
STEEP = Spectrum(c=[0.02, 0.3, 2.0], u=[0.5, 2.3, 30.0], share=[0.5, 0.25, 0.25])
POWER = power_law(4, modes=16, bins="equal")
CELLS = {  # spectrum, alpha, w, T, d: crowd, strong guidance through a glass, capture by one wrong class
    "few": (TWO, 0.4, 1.0, math.inf, 8),
    "two": (TWO, 0.55, 2.0, math.inf, 12),
    "wide": (STEEP, 0.45, 1.0, math.inf, 16),
    "glass": (STEEP, 0.7, 5.0, 1000.0, 12),
    "power": (POWER, 0.4, 1.0, 50.0, 16),
    "capture": (POWER, 0.6, -0.5, math.inf, 12),
}


def cell(name, sampler):
    spectrum, alpha, w, T, d = CELLS[name]
    return Problem(classes=Exponential(alpha), spectrum=spectrum, guidance=w, sampler=sampler, t_start=T), d


def particles(problem, d, seed, draws=160):
    return run(problem, d=d, n_samples=16, n_disorder=draws, n_steps=60, n_times=3, seed=seed, progress=False)


def theory(problem, d, seed, n=4000):
    return quenched(problem, d, n_samples=n, n_draws=40, n_steps=60, n_times=3, n_explicit=0, tolerance=0.1,
                    seed=seed, progress=False)  # fmt: skip


def wrong(problem):
    """Swapped groups; u of a group 20 % off; alpha, and w, 15 % off."""
    s, alpha, w = problem.spectrum, problem.classes.alpha, problem.guidance.value
    swapped = Spectrum([*s.c[1::-1], *s.c[2:]], [*s.u[1::-1], *s.u[2:]], s.share)
    off = Spectrum(s.c, [1.2 * s.u[0], *s.u[1:]], s.share)
    return {
        "swapped": problem.replace(spectrum=swapped),
        "u": problem.replace(spectrum=off),
        "alpha": problem.replace(alpha=1.15 * alpha),
        "w": problem.replace(w=1.15 * w),
    }


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_quenched_theory_is_that_of_explicit_particles(sampler):
    """735 classes, none explicit in the theory; the annealed theory and wrong spectra are refused."""
    problem, d = cell("two", sampler)
    data = particles(problem, d, seed=1)
    found = compare(theory(problem, d, seed=2), data)
    assert found, found
    assert {row.quantity for row in found.rows} >= {"m[0]", "v[0]", "m[1]", "v[1]"}
    for name in ("swapped", "u"):
        other = wrong(problem)[name]
        assert not compare(theory(other, d, seed=3, n=2000), data, assume=other.replace(spectrum=other.spectrum.at(d)))
    averaged = reduced(problem, d, n_samples=20_000, n_draws=40, n_steps=60, n_times=3, progress=False)
    assert not compare(averaged, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CELLS))
@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_in_every_regime(name, sampler):
    """Wrong statements are refused where they can be seen: each in most of the cells it is asked in."""
    problem, d = cell(name, sampler)
    seed = 100 * list(CELLS).index(name) + 10 * (sampler == "ode")
    data = particles(problem, d, seed=seed)
    found = compare(theory(problem, d, seed=seed + 1), data)
    assert found, found


@pytest.mark.slow
def test_wrong_alpha_and_weight_are_refused():
    problem, d = cell("two", "ode")
    data = particles(problem, d, seed=2001, draws=640)
    for i, name in enumerate(("alpha", "w")):
        other = wrong(problem)[name]
        off = compare(theory(other, d, seed=2002 + i, n=16_000), data, assume={name: getattr_of(other, name)})
        assert not off, off
    assert compare(theory(problem, d, seed=2010, n=16_000), data)


def getattr_of(problem, name):
    return problem.classes.alpha if name == "alpha" else problem.guidance.value


@pytest.mark.slow
def test_scores_of_independent_cells_have_the_spread_of_one():
    """16 independent pairs of runs of one cell: z at t = 0 has mean 0 and r.m.s. 1 within errors."""
    problem, d = cell("two", "sde")
    scores = []
    for i in range(16):
        found = compare(theory(problem, d, seed=3000 + i, n=1600), particles(problem, d, seed=4000 + i, draws=40))
        scores.append([row.z for row in found.rows if row.t == 0.0])
    z = np.array(scores)
    assert np.abs(z.mean(axis=0)).max() < 3.5 / 4
    assert 0.75 < np.sqrt(np.mean(z**2)) < 1.3
