"""Lazy classes in `run`: reproducible, interruptible, any number of classes, exact where all can be drawn.

They are the algorithm of `meanfield.quenched` by construction; agreement with explicit classes is tested in
tests/validate/test_holdings.py, the algorithm's laws in tests/meanfield/test_quenched.py.
"""

import numpy as np
import pytest
from particle_checks import done_after_a_stop

from meanfield import quenched, solve
from meanfield.guidance.schedules import Piecewise
from meanfield.problem.growth import Exponential, Fixed
from meanfield.problem.statement import Problem
from simulate import run

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
GLASS = PROBLEM.replace(classes=Exponential(0.7), guidance=5.0, sampler="ode", t_start=1000.0)
QUICK = {"n_steps": 60, "n_times": 3, "progress": False}


def test_lazy_particles_are_the_quenched_theory_and_no_check_of_it():
    data = run(GLASS, d=40, n_samples=5, n_disorder=4, seed=3, classes="lazy", class_tolerance=0.1, **QUICK)
    theory = quenched(GLASS, 40, n_samples=20, n_draws=4, seed=3, tolerance=0.1, **QUICK)
    assert all(np.array_equal(data.draws[name], theory.draws[name]) for name in theory.draws)
    assert (data.n_samples, data.n_draws) == (5, 4)


def test_same_numbers_for_any_number_of_threads():
    a, b, c = (
        run(GLASS, d=60, n_samples=6, n_disorder=4, seed=seed, threads=n, **QUICK).draws["v"]
        for seed, n in ((0, 1), (0, 4), (1, 1))
    )
    assert np.array_equal(a, b) and not np.isclose(a, c).all()


@pytest.mark.parametrize("t_start", [np.inf, 100.0])
@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_unguided_law_at_any_size(sampler, t_start):
    problem = PROBLEM.replace(guidance=0.0, sampler=sampler, t_start=t_start)
    data = run(problem, d=150, n_samples=50, n_disorder=20, classes="lazy", class_tolerance=0.2, **QUICK)
    for q, exact in zip(("m", "v"), (x[-1] for x in data.unguided()), strict=True):
        estimate = getattr(data.final, q)
        assert abs(estimate.mean - exact) < 4 * estimate.stderr


@pytest.mark.parametrize("sampler, error", [("sde", 0.004), ("ode", 0.006)])
def test_as_many_classes_as_exp_1000(sampler, error):
    """d = 2500 is close to the theory at d = infinity; guidance 10 % off is further away."""
    problem = PROBLEM.replace(sampler=sampler)
    data = run(problem, d=2500, n_samples=50, n_disorder=20, n_steps=300, n_times=2, progress=False)
    assert data.info["method"] == "particles (lazy)" and data.info["n_classes"] == "exp(1000)"
    right, wrong = solve(problem).final, solve(problem.replace(guidance=1.1)).final
    m, v = data.final.m_paired, data.final.v_paired
    assert abs(m.mean - right.m) < 4 * m.stderr + 1 / 2500 and abs(v.mean - right.v) < 4 * v.stderr + 1 / 2500
    assert abs(m.mean - wrong.m) > 4 * m.stderr + 1 / 2500 and error > m.stderr


def test_few_classes_are_all_drawn():
    data = run(PROBLEM.replace(classes=Fixed(40)), d=12, n_samples=5, n_disorder=4, classes="lazy", **QUICK)
    assert data.info["standing"] == "exact" and data.info["hidden_fluctuation"] == 0.0
    assert data.info["classes_in_ball"] == 39
    few = run(PROBLEM, d=30, n_samples=5, n_disorder=4, classes="lazy", class_tolerance=0.1, **QUICK).info
    assert few["standing"] == "asymptotic" and 0 < few["hidden_fluctuation"] < 0.11


def test_the_error_does_not_depend_on_how_samples_are_split_into_draws():
    """All samples are independent: a draw is a batch, and n_disorder sets only how well the error is known."""
    settings = {"d": 30, "classes": "lazy", "class_tolerance": 0.2, **QUICK}
    few, many = (run(PROBLEM, n_samples=n, n_disorder=1600 // n, **settings).final.m.stderr for n in (32, 2))
    assert few == pytest.approx(many, rel=0.4)  # 49 and 799 degrees of freedom; shared disorder would be twice as much


def test_a_schedule_with_breakpoints():
    problem = PROBLEM.replace(guidance=Piecewise([1.0, 3.0], [-0.5, 1.0, 2.0]))
    data = run(problem, d=100, n_samples=40, n_disorder=10, classes="lazy", **QUICK)
    assert abs(data.final.m_paired.mean - solve(problem).final.m) < 0.02


def test_progress_counts_samples_and_an_interrupt_stops():
    seen: list[tuple[int, int]] = []
    run(PROBLEM, d=60, n_samples=4, n_disorder=2, n_steps=20, progress=lambda *x: seen.append(x))
    assert seen[-1] == (8, 8)

    assert done_after_a_stop(GLASS, d=200, n_samples=10**6, n_disorder=2, n_steps=400) < 0.1
