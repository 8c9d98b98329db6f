"""The theory of many classes: an exact law at every d, the annealed model, particles, limits and refusals."""

import math

import numpy as np
import pytest

from meanfield.errors import ProblemError, ScheduleError
from meanfield.exact.crossover import holds, many_classes
from meanfield.finite.models import quenched, reduced
from meanfield.guidance.by_ratio import DensityRatio
from meanfield.guidance.schedules import Linear
from meanfield.problem.growth import Continuum, Exponential, Fixed
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from meanfield.theory.solver import solve
from simulate import run
from validate.agreement.means import Mean, mean_of
from validate.regimes.controls import controlled_draws

PROBLEM = Problem(classes=Fixed(3000), sigma2=0.25, guidance=1.0)


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.5])
@pytest.mark.parametrize("d, sigma2", [(2, 0.25), (4, 0.25), (8, 0.25), (8, 1.0)])
def test_the_unconditional_sampler_has_its_exact_law(sampler, d, sigma2):
    """w = -1 samples the mixture: m = 1/P and v = sigma2 + 1 - 1/P at every P, d and eta. Terms up to 1e5 cancel."""
    found = many_classes(PROBLEM.replace(guidance=-1.0, sampler=sampler, sigma2=sigma2), d)
    assert found.m_amplitude == pytest.approx(1.0, abs=1e-4) and found.v_amplitude == pytest.approx(-1.0, abs=1e-4)
    assert found.m == pytest.approx(1 / 3000, abs=1e-7) and found.v == pytest.approx(sigma2 + 1 - 1 / 3000, abs=1e-7)
    near = many_classes(PROBLEM.replace(guidance=-0.99, sampler=sampler, sigma2=sigma2), d)
    assert max(abs(near.m_amplitude - 1.0), abs(near.v_amplitude + 1.0)) > 1e-3, "negative control"


def test_infinitely_many_are_the_continuum():
    for sampler in ("sde", "ode"):
        endless = PROBLEM.replace(classes=Continuum(), sampler=sampler)
        found, theory = many_classes(endless, 4), solve(endless).final
        assert found.m == pytest.approx(theory.m, abs=1e-9) and found.v == pytest.approx(theory.v, abs=1e-9)
        assert found.variance == 0.0 and not holds(endless, 4)


def test_the_amplitudes_scale_with_the_volume_of_a_class():
    """As sigma2 -> 0 with sigma2 P^(2/d) fixed the relative variance is a number: the amplitudes grow like sigma^-d."""
    for d in (2, 4):
        found = [many_classes(PROBLEM.replace(sigma2=s), d).variance * s ** (d / 2) for s in (0.02, 0.01, 0.005)]
        assert found[2] / found[1] == pytest.approx(1.0, abs=0.05)
        assert abs(found[2] / found[1] - 1.0) < abs(found[1] / found[0] - 1.0)


def away(problem, d, theory, *, draws, samples, steps=60, seed=0):
    """z of m(0) and v(0) of particles, all classes explicit, against numbers."""
    data = run(problem, d=d, n_samples=samples, n_disorder=draws, n_steps=steps, seed=seed, progress=False)
    found = (mean_of(controlled_draws(data, q)[:, -1]) for q in ("m", "v"))
    return [mean.minus(Mean(number)).z for mean, number in zip(found, theory, strict=True)]
