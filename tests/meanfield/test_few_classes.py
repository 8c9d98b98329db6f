"""The theory of few classes: against the law of one number on a grid, exact areas, exact finite d, other programs."""

import math

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import chi2, norm

from meanfield.errors import ConvergenceError, ProblemError, ScheduleError
from meanfield.exact.closedform import small_rate
from meanfield.exact.speciation import phi_orthogonal
from meanfield.finite.few import applies, few_classes, few_limits
from meanfield.finite.models import quenched, reduced
from meanfield.guidance.by_norm import PowerLaw
from meanfield.guidance.schedules import Linear, Piecewise
from meanfield.problem.growth import Exponential, Fixed, Polynomial
from meanfield.problem.noise import VPCosine
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from tests.meanfield.two_orthogonal import amplitudes

PROBLEM = Problem(classes=Fixed(10), sigma2=0.25, guidance=1.0)
QUICK = {"n_samples": 20_000, "n_steps": 100}
PAIRED = {"n_samples": 3000, "n_steps": 100}  # opposite normals: against `quenched` of twice as many, the smaller error


def z(a, b, q="m_paired"):
    """z between an observable of two ensembles at t = 0."""
    a, b = getattr(a.final, q), getattr(b.final, q)
    return (a.mean - b.mean) / math.hypot(a.stderr, b.stderr)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("w", [-0.2, 1.0, 3.0])
def test_two_classes_have_the_amplitudes_of_their_one_number(w, eta):
    """Another program, without sampling; guidance off by 10 % is refused. V < 0 at w = 3: v grows."""
    C, V = amplitudes(w, eta)
    found = few_limits(2, w, eta, **QUICK)
    assert abs(found.shift - C) < 4 * found.shift_stderr and found.shift_stderr < 0.01 * abs(C)
    assert abs(found.loss - V) < 4 * found.loss_stderr
    assert abs(found.shift - amplitudes(1.1 * w, eta)[0]) > 4 * found.shift_stderr
    assert (V < 0) == (w != 1.0)


def test_the_reference_has_converged():
    for eta in (0.0, 1.0):
        assert np.allclose(amplitudes(1.0, eta), amplitudes(1.0, eta, 2000, 801), rtol=0, atol=2e-4)


@pytest.mark.parametrize("n", [2, 10, 100])
def test_weak_guidance_shifts_the_mean_by_the_area_under_the_error_of_a_guess(n):
    """(F6): C = 2 w log P for the SDE exactly, e w int (1 - phi) of orthogonal classes in general."""
    settings = QUICK if n == 2 else {**QUICK, "n_samples": 4000}
    found = few_limits(n, 1e-3, 1.0, **settings)
    assert found.shift == pytest.approx(2e-3 * math.log(n), abs=4 * found.shift_stderr)
    assert found.shift_stderr < 0.01 * found.shift
    h = np.linspace(1e-4, 12.0 + math.sqrt(2 * math.log(n)), 400)
    area = trapezoid(1.0 - phi_orthogonal(1.0 / h**2, 1.0, n), h)  # e int (1 - phi) h^(2e) 2 dh/h at e = 1/2
    found = few_limits(n, 1e-3, 0.0, **settings)
    assert found.shift == pytest.approx(1e-3 * area, abs=4 * found.shift_stderr)
    assert found.shift_stderr < 0.01 * found.shift


def test_many_classes_tend_to_the_small_rate():
    """(T12) with log P for d alpha: SDE from above and slowly; ODE within a few per cent from P = 100 on."""
    settings = {"n_samples": 1000, "n_steps": 80}
    ratio = {
        (n, eta): few_limits(n, 1.0, eta, **settings).shift / small_rate(math.log(n), 1.0, 1.0, sampler)[1]
        for n in (10, 100, 1000)
        for sampler, eta in (("sde", 1.0), ("ode", 0.0))
    }  # C: alpha d = log P, sigma2/d left out
    assert ratio[10, 1.0] > ratio[100, 1.0] > ratio[1000, 1.0] > 1.0
    assert ratio[100, 0.0] == pytest.approx(1.0, abs=0.05) and ratio[1000, 0.0] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_two_classes_are_known_at_every_d(sampler):
    """(F7): m(0) - 1 is C (sigma2/d)^e times an average over the second mean; by SDE the limit alone is refused."""
    problem, d = Problem(classes=Fixed(2), sigma2=0.05, guidance=1.0, sampler=sampler), 6
    e, limit = problem.e, amplitudes(1.0, problem.eta)[0]
    g, c = np.linspace(-7, 7, 281)[:, None], np.linspace(0, 60, 3001)  # mu_2 = (g, ...), |mu_2|^2 = g^2 + c
    size = ((math.sqrt(d) - g) ** 2 + c) / (2 * d)
    density = (1 - g / math.sqrt(d)) * size**-e * norm.pdf(g) * chi2.pdf(c, d - 1)
    exact = trapezoid(trapezoid(density, c, axis=1), g[:, 0]) * limit * (0.05 / d) ** e
    data = quenched(problem, d, n_samples=5000, n_steps=100, n_times=2).final.m_paired
    assert abs(data.mean - 1 - exact) < 4 * data.stderr
    found, bare = (few_classes(problem, d, order=k, n_samples=30_000, n_steps=100, n_times=2).final.m for k in (1, 0))
    left_out = exact / d**2  # the next order
    assert abs(found.mean - 1 - exact) < 4 * found.stderr + left_out
    first = 0.75 * e * (e + 1) - e  # the average is 1 + first/d + ...
    assert abs((found.mean - bare.mean) * d / (exact * first) - 1) < (0.25 if sampler == "sde" else 1.5)
    assert sampler == "ode" or abs(bare.mean - 1 - exact) > 4 * bare.stderr + left_out


@pytest.mark.parametrize("sampler, w", [("sde", 1.0), ("ode", 3.0), pytest.param(0.5, 0.5, marks=pytest.mark.slow)])
def test_against_all_rivals_explicit_in_all_directions(sampler, w):
    """At d = 60, 10 classes: one class fewer, guidance off by 10 % and the annealed theory are refused."""
    problem = PROBLEM.replace(sampler=sampler, guidance=w)
    exact = quenched(problem, 60, n_samples=6000, n_steps=80, n_times=2, seed=1)  # most of the error of a difference
    assert exact.info["standing"] == "exact"
    found = few_classes(problem, 60, **PAIRED)
    assert abs(z(found, exact)) < 4 and abs(z(found, exact, "v_paired")) < 4
    fewer = few_classes(problem.replace(classes=Fixed(9)), 60, **PAIRED)
    pushed = few_classes(problem.replace(guidance=1.1 * w), 60, **PAIRED)
    annealed = reduced(problem, 60, **PAIRED)
    assert min(abs(z(other, exact)) for other in (fewer, pushed, annealed)) > 4


@pytest.mark.slow
def test_what_the_limit_leaves_out_falls_like_one_over_d():
    """10 classes, SDE: the order 1/d is the same share of 1/d at d = 24 and d = 96, and seen there by `quenched`."""
    bare, full, exact = ([], [], [])
    for d in (24, 96):
        bare.append(few_classes(PROBLEM, d, order=0, n_samples=20_000, n_steps=100).final.m)
        full.append(few_classes(PROBLEM, d, n_samples=20_000, n_steps=100).final.m)
    share = [d * ((f.mean - 1) / (b.mean - 1) - 1) for d, f, b in zip((24, 96), full, bare, strict=True)]
    assert 0.4 < share[0] < 0.9 and share[1] == pytest.approx(share[0], abs=0.4)
    exact = quenched(PROBLEM, 24, n_samples=20_000, n_steps=100, n_times=2, seed=2).final.m_paired
    assert abs(exact.mean - full[0].mean) < 4 * math.hypot(exact.stderr, full[0].stderr)
    assert abs(exact.mean - bare[0].mean) > 4 * math.hypot(exact.stderr, bare[0].stderr)


def test_a_schedule_acts_by_what_it_is_where_the_classes_are_chosen():
    """Below t = 1 at d = 1000 nothing is left to choose; a window at D ~ d/log P is felt, as `quenched` says."""
    late = PROBLEM.replace(guidance=Piecewise([1.0], [-5.0, 1.0]))
    settings = {"n_samples": 2000, "n_steps": 120, "n_times": 2}
    same = [few_classes(problem, 1000, **settings).final.m for problem in (late, PROBLEM)]
    assert abs(same[0].mean - same[1].mean) < 4 * math.hypot(same[0].stderr, same[1].stderr)
    window = PROBLEM.replace(guidance=Piecewise([15.0], [0.0, 3.0]))
    found, plain = (few_classes(problem, 60, **PAIRED) for problem in (window, PROBLEM.replace(guidance=3.0)))
    exact = quenched(window, 60, n_samples=3000, n_steps=80, n_times=2, seed=3)
    assert abs(z(found, exact)) < 4 < abs(z(plain, exact))
    noisy = PROBLEM.replace(noise=VPCosine())
    assert few_classes(noisy, 100, **settings).final.m.mean == few_classes(PROBLEM, 100, **settings).final.m.mean


def test_its_result_is_that_of_a_run():
    """Whole trajectories, the exact twin, weights that end on the target; whatever the number of threads."""
    settings = {"n_samples": 2000, "n_draws": 10, "n_steps": 80, "n_times": 33}
    found, again = (few_classes(PROBLEM, 120, threads=k, **settings) for k in (1, 2))
    assert all(np.array_equal(found.draws[q], again.draws[q]) for q in found.draws)
    assert np.all(found.m_paired.mean == found.m.mean) and np.allclose(found.v_twin.mean, found.D)
    exact = quenched(PROBLEM, 120, n_samples=2000, n_draws=40, n_steps=80)
    for q, allowed in (("weight", 0.02), ("accuracy", 0.03), ("participation", 0.3)):
        assert np.allclose(getattr(found, q).mean, getattr(exact, q).mean, atol=allowed), q
    middle = np.argmin(np.abs(found.weight.mean - 0.5))
    assert 0.2 < found.weight.mean[middle] < 0.8 and found.final.accuracy.mean == 1.0
    assert abs(found.q.mean[middle] / exact.q.mean[middle] - 1) < 0.02
    unguided = few_classes(PROBLEM.replace(guidance=0.0), 120, n_samples=200, n_draws=4, n_steps=20)
    assert np.all(unguided.m.mean == 1.0) and np.allclose(unguided.v.mean, unguided.D)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"t_start": 1000.0}, "starts at t = infinity"),
        ({"classes": Fixed(1)}, "2 to 20000 classes"),
        ({"classes": Polynomial(5.0)}, "2 to 20000 classes"),
        ({"classes": Exponential(0.3)}, "0.2"),
        ({"classes": Exponential(4.0)}, "got exp\\(120\\) at d=30"),
        ({"classes": Fixed(10, factor=2.0)}, "equal weight"),
        ({"guidance": -0.5}, "-1/2.*Use quenched"),
        ({"guidance": PowerLaw(0.5, 1.0), "t_start": 100.0}, "weight w\\(t\\) alone"),
        ({"sigma2": None, "spectrum": Spectrum([0.25, 0.25], [1.0, 2.0])}, "isotropic"),
    ],
)
def test_what_it_does_not_know_is_refused(change, words):
    problem = PROBLEM.replace(**change)
    assert not applies(problem, 30)
    with pytest.raises(ProblemError, match=words):
        few_classes(problem, 30, n_samples=100, n_steps=20)


def test_too_few_steps_are_refused():
    with pytest.raises(ConvergenceError, match="time steps must resolve"):
        few_classes(PROBLEM.replace(guidance=30.0), 30, n_samples=100, n_steps=20)
    with pytest.raises(ScheduleError, match="infinity"):
        PROBLEM.replace(guidance=Linear(0.0, 1.0))


def test_amplitudes_of_many_classes_take_fewer_samples(monkeypatch):
    """As `few_classes` does: with all 20,000 a default call would hold minutes of a processor."""

    class Seen(Exception):
        pass

    def spy(problem, settings, *_, **__):
        raise Seen(settings.batch * settings.n_draws)

    monkeypatch.setattr("meanfield.finite.few.sample", spy)
    for n, samples, expected in ((100, None, 20_000), (20_000, None, 1000), (20_000, 4000, 4000)):
        with pytest.raises(Seen, match=f"^{expected}$"):
            few_limits(n, 1.0, n_samples=samples)
