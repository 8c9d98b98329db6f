"""Particles, all classes explicit, against the theory of few classes far out in d, at weak and at strong guidance."""

import math

import pytest

from meanfield.finite.few import few_classes
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from simulate import run

SLOW = pytest.mark.slow


def away(data, theory):
    """z of m(0) and v(0), by the particles' paired estimates."""
    pairs = (data.m_paired, theory.m), (data.v_paired, theory.v)
    return [(a.mean - b.mean) / math.hypot(a.stderr, b.stderr) for a, b in pairs]


def theory(problem, d, n_samples, **settings):
    return few_classes(problem, d, n_samples=n_samples, n_times=2, progress=False, **settings).final


@pytest.mark.parametrize(
    "d, P, w, sampler, n_samples",
    [
        (300, 2, 0.5, "sde", 18_000),
        (300, 3, 3.0, "ode", 8000),
        (1000, 10, 0.5, "ode", 4000),
        pytest.param(1000, 2, 3.0, "ode", 30_000, marks=SLOW),
        pytest.param(1000, 3, 0.5, "sde", 30_000, marks=SLOW),
        pytest.param(300, 10, 3.0, "sde", 30_000, marks=SLOW),
        pytest.param(1000, 32, 3.0, "sde", 20_000, marks=SLOW),  # P = d^(1/2)
        pytest.param(300, 17, 0.5, "ode", 16_000, marks=SLOW),
        pytest.param(300, 300, 0.5, "sde", 6000, marks=SLOW),  # P = d
        pytest.param(1000, 1000, 3.0, "ode", 1200, marks=SLOW),
    ],
)
def test_particles_have_the_amplitudes(d, P, w, sampler, n_samples):
    """Refused: guidance off by 10 %; of two or three classes, one more or fewer."""
    problem = Problem(classes=Fixed(P), sigma2=0.25, guidance=w, sampler=sampler)
    draws = max(n_samples // 100, 12)
    size = {"n_samples": n_samples // draws, "n_disorder": draws, "n_steps": 80, "n_times": 2}
    data = run(problem, d=d, progress=False, **size).final
    assert max(map(abs, away(data, theory(problem, d, n_samples)))) < 4
    others = [problem.replace(guidance=1.1 * w)]
    others += [problem.replace(classes=Fixed(n)) for n in (P - 1, P + 1) if P < 4 and n > 1]
    for other in others:
        assert abs(away(data, theory(other, d, n_samples, order=0))[0]) > 4
