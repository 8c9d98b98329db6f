"""State-dependent guidance: the norm of the score difference, and theory, reduced model and particles with it."""

import json
import math

import numpy as np
import pytest
from particle_checks import limit, z_between, z_score

from meanfield import (
    Constant,
    Continuum,
    Custom,
    Exponential,
    Fixed,
    Interval,
    OrnsteinUhlenbeck,
    PowerLaw,
    Problem,
    ProblemError,
    Ramp,
    Schedule,
    ScheduleError,
    Spectrum,
    dose,
    potential,
    quenched,
    reduced,
    solve,
)
from meanfield.theory.energies import ground_state
from meanfield.theory.motion import Groups, Motion, Point
from simulate import run

DRAWS = 16
RISING = Ramp(0.2, 1.0, 0.1, 5.0)
CASES = [
    (PowerLaw(2.0, 1.0), "sde"),
    (PowerLaw(0.5, -0.5), "ode"),
    (PowerLaw(RISING, 0.5), 0.5),
    (PowerLaw(-0.2, 0.5), "sde"),
]
QUICK = {"n_samples": 64, "n_disorder": DRAWS, "n_steps": 80, "threads": 1, "n_times": 2}
REDUCED = {"n_samples": 64 * DRAWS, "n_draws": DRAWS, "n_steps": 100, "threads": 1, "n_times": 2}


def problem(guidance, sampler="sde", classes=None) -> Problem:
    return Problem(classes=classes or Continuum(), sigma2=0.25, guidance=guidance, sampler=sampler, t_start=50.0)


def against(data, theory) -> float:
    """Largest |z| of m(0) and v(0)."""
    return max(abs(z_score(data.final.m_paired, theory.final.m)), abs(z_score(data.final.v_paired, theory.final.v)))


def sharper(guidance: PowerLaw, by: float = 0.1) -> PowerLaw:
    return PowerLaw(guidance.guidance, guidance.exponent + by)


def test_norms_of_the_theory_are_those_of_vectors():
    """Vectors with the overlaps of the order parameters, at d = 4: the formulas are exact in the overlaps."""
    groups = Groups(0.25)
    motion = Motion(groups, 1.0, lambda tau: 1.0, exponent=1.0)
    D, m, v = 0.7, 1.3, 0.4
    mu_1 = np.array([2.0, 0.0, 0.0, 0.0])  # |mu_1|^2 = d
    x = m * mu_1 + 2.0 * math.sqrt(v) * np.array([0.0, 1.0, 0.0, 0.0])
    difference = (mu_1 - x) / D + x / (1.0 + D)
    p = Point(groups, -math.log(D), m - 1.0, math.log(v / D))
    assert motion.weight(p) == pytest.approx(np.linalg.norm(difference) / 2.0, rel=1e-12)
    mu_k = np.array([0.6, 1.1, 0.3, 0.0])
    captured = motion.weight_captured(p.tau, mu_k @ mu_k / 4.0, mu_k @ mu_1 / 4.0)
    assert captured == pytest.approx(np.linalg.norm(mu_1 - mu_k) / D / 2.0, rel=1e-12)


def test_mean_norm_in_the_glass_is_that_of_drawn_classes():
    """(W4) at x with m = 0, q = 1 (alpha = 0.3, d = 30): neither no (Y = 0) nor one dominating class (Y = 1)."""
    d, alpha, q = 30, 0.3, 1.0
    rng, draws = np.random.default_rng(0), 100
    for D in (0.2, 0.3):
        x, squares = np.zeros(d), np.empty(draws)
        x[0] = math.sqrt(q * d)
        for i in range(draws):
            mu = rng.standard_normal((round(math.exp(alpha * d)), d), dtype=np.float32)
            logits = (mu @ x - 0.5 * (mu**2).sum(axis=1)) / D
            weights = np.exp(logits - logits.max())
            centre = weights @ mu / weights.sum()
            squares[i] = (1.0 + centre @ centre / d) / D**2  # mu_1 is orthogonal to x and to the others, on average
        groups = Groups(0.25, alpha=alpha)
        motion = Motion(groups, 1.0, lambda tau: 1.0, exponent=2.0)
        p = Point(groups, -math.log(D), -1.0, math.log(q / D))
        c = 1.0 / (1.0 + ground_state(q, D, alpha))
        none, one = ((1.0 + c * c * q + extra) / D**2 for extra in (0.0, 1.0 - c))
        error = squares.std() / math.sqrt(draws)
        assert abs(squares.mean() - motion.weight(p)) < 3.5 * error
        assert min(abs(squares.mean() - none), abs(squares.mean() - one)) > 3.5 * error


@pytest.mark.parametrize(("guidance", "sampler"), CASES)
def test_theory_in_the_continuum_is_the_limit_of_particles(guidance, sampler):
    """The norm fluctuates like 1/sqrt(d), the law moves by O(1/d): at d = 400 well below the error bars."""
    data = run(problem(guidance, sampler), d=400, seed=len(repr(guidance)), **QUICK)
    bound = limit(n_checks=2 * len(CASES), n_draws=DRAWS)
    assert against(data, solve(data.problem)) < bound
    assert against(data, solve(data.problem.replace(guidance=sharper(guidance)))) > bound  # negative control


@pytest.mark.parametrize(("guidance", "sampler"), CASES)
def test_reduced_model_and_particles_are_equal_in_law_in_the_continuum(guidance, sampler):
    """At small d, where the fluctuations of the norm matter."""
    a = run(problem(guidance, sampler), d=6, seed=3, **{**QUICK, "n_samples": 1000})
    same, other = (
        reduced(problem(g, sampler), 6, seed=4, **{**REDUCED, "n_samples": 1000 * DRAWS})
        for g in (guidance, sharper(guidance, by=0.6))
    )
    bound = limit(n_checks=2 * len(CASES), n_draws=DRAWS)

    def worst(b):
        return max(abs(z_between(getattr(a.final, n), getattr(b.final, n))) for n in ("m_paired", "v_paired"))

    assert worst(same) < bound < worst(other)


@pytest.mark.parametrize(("guidance", "sampler"), CASES[:3])
@pytest.mark.parametrize("alpha", [0.4, 0.7])
def test_theory_at_finite_alpha_is_the_limit_of_the_reduced_model(alpha, guidance, sampler):
    p = problem(guidance, sampler, Exponential(alpha))
    data = reduced(p, 10**6, **{**REDUCED, "n_steps": 1000, "n_samples": 160})
    assert solve(p).standing == "exact"
    theory, other = solve(p).final, solve(p.replace(guidance=sharper(guidance))).final
    assert float(data.final.m.mean) == pytest.approx(float(theory.m), abs=1e-3)
    assert float(data.final.v.mean) == pytest.approx(float(theory.v), abs=1e-3)
    assert max(abs(other.m - theory.m), abs(other.v - theory.v)) > 2e-3  # negative control


@pytest.mark.slow
def test_quenched_model_follows_particles_with_their_disorder():
    """A negative window at alpha = 0.4, d = 20, where a fifth of the samples leaves its class."""
    p = problem(PowerLaw(-0.3, 0.5), classes=Exponential(0.4))
    settings = {"n_steps": 60, "threads": 1, "n_times": 2, "seed": 7}
    particles = run(p, d=20, n_samples=100, n_disorder=DRAWS, **settings).final
    theory, averaged = (f(p, 20, n_samples=100 * DRAWS, n_draws=DRAWS, **settings).final for f in (quenched, reduced))

    def worst(b):
        return max(abs(z_between(getattr(particles, n), getattr(b, n))) for n in ("m_paired", "v_paired", "accuracy"))

    bound = limit(3, DRAWS)
    assert worst(theory) < bound < worst(averaged)  # the model without the disorder is the negative control


def test_all_particle_methods_agree():
    """A handful of classes: streamed, plain and in the span of the means, the last with its own random numbers."""
    p = problem(PowerLaw(0.5, 0.5), classes=Fixed(8))
    settings = {"d": 12, "n_samples": 200, "n_disorder": 20, "n_steps": 60, "threads": 1, "n_times": 2}
    direct, plain, span = (run(p, classes=m, **settings).final for m in ("explicit", "reference", "span"))
    assert plain.m.mean == pytest.approx(direct.m.mean, abs=1e-5)
    assert plain.v.mean == pytest.approx(direct.v.mean, abs=1e-5)
    assert abs(z_between(direct.m_paired, span.m_paired)) < limit(2, 20)
    assert abs(z_between(direct.v_paired, span.v_paired)) < limit(2, 20)


def test_norms_of_other_processes_are_of_their_own_scores():
    """Scores of x = a y are larger by 1/a = (1 + t)^(1/2) in the Ornstein-Uhlenbeck process.

    At T = 5e8 the laws at the start, N(0, T) and N(0, T + 1), do not differ.
    """
    p = Problem(
        classes=Exponential(0.4), sigma2=0.25, guidance=PowerLaw(1.0, 0.5), noise=OrnsteinUhlenbeck(), t_start=10.0
    )
    assert p.schedule.amplitude(3.0) == pytest.approx(4.0**0.25, rel=1e-12)
    ve = p.replace(noise="ve", t_start=float(p.T), guidance=PowerLaw(Custom(lambda t: (1.0 + t) ** 0.25), 0.5))
    own, same, other = (solve(x).final for x in (p, ve, ve.replace(guidance=PowerLaw(1.0, 0.5))))
    assert float(own.m) == pytest.approx(float(same.m), abs=1e-7)
    assert float(own.v) == pytest.approx(float(same.v), abs=1e-7)
    assert abs(float(own.m) - float(other.m)) > 1e-3  # negative control: norms of the scores of y


def test_exponent_zero_is_the_schedule_itself():
    a, b = (solve(problem(g, "ode", Exponential(0.4))).final for g in (PowerLaw(RISING, 0.0), RISING))
    assert float(a.m) == float(b.m) and float(a.v) == float(b.v)
    assert dose(PowerLaw(RISING, 0.0), problem(1.0)) == dose(RISING, problem(1.0))


def test_round_trip():
    for schedule in (PowerLaw(2.0, 0.5), PowerLaw(RISING, -0.5)):
        p = problem(schedule)
        assert Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule
        assert Problem.from_dict(json.loads(json.dumps(p.to_dict()))) == p
        assert schedule.breakpoints == schedule.guidance.breakpoints


def test_weight_of_a_state():
    norm = np.array([0.0, 4.0])
    assert PowerLaw(3.0, 0.5).w_state(1.0, norm) == pytest.approx([0.0, 6.0])
    assert PowerLaw(3.0, -0.5).w_state(1.0, norm) == pytest.approx([0.0, 1.5])
    assert Constant(3.0).w_state(np.ones(2), norm) == pytest.approx([3.0, 3.0])


STATE = problem(PowerLaw(1.0, 0.5), classes=Exponential(0.4))
REFUSED = {
    "as a function of t": (lambda: STATE.schedule.w(1.0), "depends on the sample"),
    "dose": (lambda: dose(PowerLaw(1.0, 0.5), STATE), "depends on the sample"),
    "potential": (lambda: potential(STATE, t=1.0), "depends on the sample"),
    "infinite start": (lambda: STATE.replace(t_start=math.inf), "finite t_start"),
    "exponent -1": (lambda: PowerLaw(1.0, -1.0), "grow without bound"),
    "two exponents": (lambda: PowerLaw(PowerLaw(1.0, 0.5), 0.5), "Add the exponents"),
    "spectrum": (lambda: STATE.replace(spectrum=Spectrum(c=[0.25], u=[1.25])), "isotropic classes only"),
    "nan": (lambda: problem(PowerLaw(lambda t: np.asarray(t) * math.nan, 0.5)), "finite in the sampled range"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_take_it_says_so(case):
    act, message = REFUSED[case]
    with pytest.raises((ScheduleError, ProblemError), match=message):
        act()


def test_infinite_start_where_guidance_is_silent_at_large_t():
    """The start at t = infinity is the limit of late finite starts, in theory, and exact for particles."""
    p = problem(PowerLaw(Interval(0.5, 0.0, 20.0), 0.5)).replace(t_start=math.inf)
    theory, late, early = (solve(p.replace(t_start=T)).final for T in (math.inf, 1e9, 30.0))
    assert float(theory.m) == pytest.approx(float(late.m), abs=1e-7)
    assert abs(float(theory.m) - float(early.m)) > 1e-4  # negative control
    data = run(p, d=400, seed=5, **QUICK)
    assert against(data, solve(p)) < limit(2, DRAWS) < against(data, solve(p.replace(guidance=sharper(p.guidance))))
    ends = PowerLaw(Interval(0.5, 0.0, 20.0), 0.5), PowerLaw(Ramp(0.1, 1.0, 0.0, 20.0), 0.5)
    assert [g.constant_above for g in ends] == [20.0, math.inf]
