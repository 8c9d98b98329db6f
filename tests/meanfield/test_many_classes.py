"""The theory of many classes: an exact law at every d, the annealed model, particles, limits and refusals."""

import math

import pytest

from meanfield.errors import ConvergenceError, ProblemError, ScheduleError
from meanfield.exact.crossover import holds, many_classes
from meanfield.finite.models import quenched
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
        assert found.variance == 0.0 and found.enough and not holds(endless, 4)


@pytest.mark.parametrize(("n", "d", "enough"), [(3000, 4, True), (100, 4, False), (3000, 16, False), (1, 4, False)])
def test_it_says_where_the_order_1_over_P_is_not_enough(n, d, enough):
    """m = 482 of 3000 classes at d = 16 says nothing about them."""
    problem = PROBLEM.replace(classes=Fixed(n))
    assert many_classes(problem, d).enough == holds(problem, d) == enough


@pytest.mark.parametrize("d", [2, 4])
def test_the_classes_that_count_are_those_within_the_width_of_one(d):
    """(F11): as sigma2 -> 0 everything depends on sigma2 P^(2/d)."""
    small = [many_classes(PROBLEM.replace(sigma2=s), d) for s in (0.02, 0.01, 0.005)]
    volume = [s ** (d / 2) for s in (0.02, 0.01, 0.005)]
    found = [3000 * f.variance * v for f, v in zip(small, volume, strict=True)]
    assert found[2] == pytest.approx((math.e / 2) ** (d / 2), rel=0.03) and found[0] > found[1] > found[2]
    B = [f.v_amplitude * v / s for f, v, s in zip(small, volume, (0.02, 0.01, 0.005), strict=True)]
    assert B[2] == pytest.approx(B[1], rel=0.03) and B[2] != pytest.approx(B[1] * 2 ** (1 / d), rel=0.03)


def particles(problem, d, draws, samples):
    """Mean and error of m(0) and v(0), all classes explicit: many draws, which differ more than their samples do."""
    settings = {"n_samples": samples, "n_disorder": draws, "n_steps": 60, "classes": "explicit", "progress": False}
    data = run(problem, d=d, **settings)
    return [mean_of(controlled_draws(data, q)[:, -1]) for q in ("m", "v")]


def away(data, theory):
    """z of m(0) and v(0) against numbers."""
    return [mean.minus(Mean(number)).z for mean, number in zip(data, theory[:2], strict=True)]


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "sampler, w, d, P, draws, samples",
    [
        ("ode", 1.0, 4, 3000, 300, 10),
        pytest.param("sde", 1.0, 4, 3000, 6000, 8, marks=SLOW),
        pytest.param("ode", 3.0, 4, 15_000, 3000, 10, marks=SLOW),
        pytest.param("sde", 0.5, 4, 2000, 6000, 8, marks=SLOW),
        pytest.param("ode", 1.0, 6, 25_000, 600, 10, marks=SLOW),
    ],
)
def test_particles_leave_the_continuum_by_the_order_one_over_p(sampler, w, d, P, draws, samples):
    """Refused: the continuum itself, another exponent (1/P^(1/2)), guidance off by 10 %."""
    problem = PROBLEM.replace(classes=Fixed(P), guidance=w, sampler=sampler)
    found, pushed = many_classes(problem, d), many_classes(problem.replace(guidance=1.1 * w), d)
    limit = solve(problem.replace(classes=Continuum())).final
    slower = [a + b * P**-0.5 for a, b in ((limit.m, found.m_amplitude), (limit.v, found.v_amplitude))]
    data = particles(problem, d, draws, samples)
    assert holds(problem, d) and max(map(abs, away(data, found))) < 4
    for wrong in ((limit.m, limit.v), slower, pushed):
        assert max(map(abs, away(data, wrong))) > 4


@pytest.mark.parametrize(
    "change, words",
    [
        ({"guidance": Linear(0.0, 1.0), "t_start": 100.0}, "constant weight"),
        ({"guidance": -1.5}, "w must be"),
        ({"sigma2": 1e-12}, "sigma2 must be"),
        ({"t_start": 1000.0}, "starts at t = infinity"),
        ({"classes": Fixed(3000, factor=2.0)}, "equal weight"),
        ({"guidance": DensityRatio(0.2), "sampler": "ode"}, "ratio of densities"),
        ({"sigma2": None, "spectrum": Spectrum([0.25, 0.25], [1.0, 2.0])}, "isotropic"),
    ],
)
def test_what_it_does_not_know_is_refused(change, words):
    problem = PROBLEM.replace(**change)
    assert not holds(problem, 4)
    with pytest.raises((ProblemError, ScheduleError), match=words):
        many_classes(problem, 4)


def test_where_it_holds():
    """Where the weight of all classes hardly fluctuates; integrals over time that fail are refused."""
    assert [n for n in (100, 1000, 2500, 10_000) if holds(PROBLEM.replace(classes=Fixed(n)), 4)] == [2500, 10_000]
    assert not holds(PROBLEM.replace(guidance=3.0), 4)  # guidance amplifies what a class does
    assert holds(PROBLEM.replace(classes=Exponential(3.0)), 8) and not holds(
        PROBLEM.replace(classes=Exponential(1.0)), 8
    )
    assert not holds(PROBLEM, 65) and not holds(PROBLEM, 1)
    with pytest.raises(ProblemError, match="d must be"):
        many_classes(PROBLEM, 65)
    with pytest.raises(ConvergenceError, match="integrals over time"):
        many_classes(PROBLEM.replace(guidance=-1.0), 16)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_the_quenched_theory_goes_all_the_way(sampler):
    """Nearest classes one by one, the bulk averaged: at P = 3000 in 4 dimensions it has the order 1/P."""
    problem = PROBLEM.replace(sampler=sampler)
    data = quenched(problem, 4, n_samples=30_000, n_draws=300, n_steps=80)
    found, limit = many_classes(problem, 4), solve(problem.replace(classes=Continuum())).final
    data = [mean_of(controlled_draws(data, q)[:, -1]) for q in ("m", "v")]
    assert max(map(abs, away(data, found))) < 4 < max(map(abs, away(data, (limit.m, limit.v))))
