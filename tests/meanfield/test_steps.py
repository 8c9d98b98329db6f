"""Time steps that do not resolve the guidance are refused, whoever integrates; those that do are left alone."""

import pytest

from meanfield import Constant, Continuum, Exponential, Interval, PowerLaw, Problem, quenched, reduced
from meanfield.errors import ConvergenceError, ProblemError
from simulate import run
from simulate.running.plan import Settings, make_plan

STRONG = Problem(classes=Continuum(), sigma2=0.25, guidance=50.0)


def test_unresolved_guidance_is_refused_with_a_number_of_steps_that_works():
    """Continuum, w = 50: with 100 steps v would be a tenth of its value; with the number that is named it is there."""
    exact = 0.25**2 * (5.0 - 5.0**-100.0) / 101.0  # (T8a)
    with pytest.raises(ConvergenceError, match="n_steps=") as refusal:
        reduced(STRONG, 24, n_samples=200, n_draws=4, n_steps=100, progress=False)
    needed = int(str(refusal.value).split("n_steps=")[1].split()[0])
    data = reduced(STRONG, 24, n_samples=400, n_draws=8, n_steps=2 * needed, progress=False)
    assert data.final.v.mean == pytest.approx(exact, rel=0.25)
    with pytest.raises(ConvergenceError, match="resolve"):
        run(STRONG, d=8, n_samples=20, n_disorder=4, n_steps=60, progress=False)
    with pytest.raises(ConvergenceError, match="resolve"):
        dense = Problem(classes=Exponential(1.0), sigma2=0.25, guidance=100.0)
        quenched(dense, 12, n_samples=20, n_draws=4, n_steps=40, progress=False)


def test_starts_that_are_no_starts_are_refused():
    for t_start in (1e-200, 1e200):
        with pytest.raises(ProblemError, match="t_start"):
            Problem(classes=Exponential(0.4), sigma2=0.25, t_start=t_start)


PLAIN = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=5.0)


def particles(problem, n_steps, **how):
    return run(problem, **{"d": 16, "n_samples": 128, "n_disorder": 4, "progress": False, **how}, n_steps=n_steps)


def theory(model):
    return lambda problem, n_steps: model(problem, 16, n_samples=512, n_draws=4, n_steps=n_steps, progress=False)


@pytest.mark.parametrize("follow", [particles, theory(reduced), theory(quenched)], ids=["run", "reduced", "quenched"])
def test_too_few_steps_are_refused_and_what_is_named_does(follow):
    """m = 1.57, 1.82 and 1.61 came at 1, 2 and 3 steps, without a word; 1.16 is right. No time between is recorded."""
    for n_steps in (1, 2, 3):
        with pytest.raises(ConvergenceError, match="n_steps=") as refusal:
            follow(PLAIN, n_steps)
    needed = int(str(refusal.value).split("n_steps=")[1].split()[0])
    data, fine = follow(PLAIN, needed), follow(PLAIN, 2 * needed)
    assert data.info["guidance_per_step"] < 0.1 and "few steps" not in repr(data)
    off = 3.0 * (data.final.m_paired.stderr + fine.final.m_paired.stderr)
    assert abs(data.final.m_paired.mean - fine.final.m_paired.mean) < off + 0.005


@pytest.mark.parametrize("w", [1e12, 1e20])
def test_a_weight_beyond_any_steps_is_refused(w):
    """m = 4.3 came of a hundred steps at w = 1e20."""
    with pytest.raises(ConvergenceError, match="100 steps"):
        particles(PLAIN.replace(guidance=w), 100)
    assert particles(PLAIN.replace(guidance=1e4), 100).info["guidance_per_step"] < 0.3  # strong, and resolved


def test_every_step_is_looked_at_not_only_recorded_times():
    """A short window of strong guidance between two recorded times: which times are recorded changes nothing."""
    window = PLAIN.replace(guidance=Interval(300.0, 1.0, 1.2), t_start=1000.0)
    with pytest.raises(ConvergenceError) as few:
        particles(window, 12, n_times=2)
    with pytest.raises(ConvergenceError) as many:
        particles(window, 12, n_times=13)
    assert str(few.value) == str(many.value)
    assert particles(window, 3000, n_times=2).info["guidance_per_step"] < 1.0


def guidance_per_step(follow, problem, n_steps=200):
    return follow(problem, n_steps).info["guidance_per_step"]


@pytest.mark.parametrize("guidance", [Constant(5.0), PowerLaw(5.0, 0.5), PowerLaw(5.0, -0.5)], ids=repr)
def test_the_number_is_one_for_particles_and_theories(guidance):
    """Where they sample the same law: `quenched` for drawn classes, `reduced` in the continuum. It falls like 1/n."""
    drawn = PLAIN.replace(guidance=guidance, t_start=1000.0)
    dense = drawn.replace(classes=Continuum())
    for problem, model in ((drawn, theory(quenched)), (dense, theory(reduced))):
        number = guidance_per_step(particles, problem)
        assert guidance_per_step(model, problem) == pytest.approx(number, rel=0.15)
        assert guidance_per_step(particles, problem, 400) == pytest.approx(0.5 * number, rel=0.15)
    steps = make_plan(dense, Settings(d=16, n_samples=1, n_disorder=1)).steps(200)
    assert guidance.exponent or number <= steps.bound


def test_few_steps_say_so():
    assert "few steps" in repr(particles(PLAIN, 9)) and "few steps" not in repr(particles(PLAIN, 40))
