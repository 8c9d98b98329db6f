"""The reduction to the span of the means: exact in law against the direct run."""

import numpy as np
import pytest
from particle_checks import law_z, limit

from meanfield.guidance.schedules import Piecewise
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from simulate import run
from simulate.scores.mixture import draw_direct
from simulate.scores.span import draw_span, outside_squares

PROBLEM = Problem(classes=Fixed(6), sigma2=0.25, guidance=2.0)


@pytest.mark.parametrize("sampler, t_start", [("sde", np.inf), ("ode", np.inf), (0.5, 30.0)])
def test_span_and_direct_agree_in_law(sampler, t_start):
    problem = PROBLEM.replace(sampler=sampler, t_start=t_start)
    settings = {"d": 9, "n_samples": 100, "n_disorder": 150, "n_steps": 30, "n_times": 5}
    z = law_z(run(problem, **settings), run(problem, classes="explicit", seed=1, **settings))
    assert np.abs(z).max() < limit(3 * len(z), 150)


def test_check_sees_a_weight_off_by_ten_percent():
    settings = {"d": 9, "n_samples": 100, "n_disorder": 150, "n_steps": 30, "n_times": 5}
    z = law_z(run(PROBLEM.replace(guidance=2.2), **settings), run(PROBLEM, classes="explicit", seed=1, **settings))
    assert np.abs(z).max() > limit(3 * len(z), 150)


def test_check_sees_a_direction_too_few(monkeypatch):
    monkeypatch.setattr(
        "simulate.running.particles.outside_squares",
        lambda p, t, v, freedom, *a: outside_squares(p, t, v, freedom - 1, *a),
    )
    settings = {"d": 9, "n_samples": 100, "n_disorder": 150, "n_steps": 30, "n_times": 5}
    z = law_z(run(PROBLEM, **settings), run(PROBLEM, classes="explicit", seed=1, **settings))
    assert np.abs(z).max() > limit(3 * len(z), 150)


def test_gram_matrices_have_the_same_law():
    d, P, draws = 7, 4, 2000

    def grams(maker):
        out = []
        for draw in range(draws):
            mixture = maker(d, P, 0, draw)
            means = np.vstack([mixture.target, mixture.target + mixture.delta])
            out.append((means @ means.T)[np.triu_indices(P)])
        return np.array(out)

    a, b = grams(draw_direct), grams(draw_span)
    for x, y in ((a, b), (a**2, b**2)):
        error = np.sqrt((x.var(axis=0) + y.var(axis=0)) / draws) + 1e-9
        assert (np.abs(x.mean(axis=0) - y.mean(axis=0)) / error).max() < 4.5


@pytest.mark.parametrize("freedom", [1, 2, 50])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_outside_chain_has_the_law_of_the_linear_equation(freedom, eta):
    """Moments of the noncentral chi-square chain: start variance carried down, noise added (sec. 1, w = 0)."""
    problem = PROBLEM.replace(sampler=eta, t_start=10.0)
    t = np.array([10.0, 3.0, 0.5, 0.0])
    R = outside_squares(problem, t, 10.0, freedom, 0, 0, range(20_000))
    D = 0.25 + t
    r = D / D[0]
    variance = 10.0 * r ** (2 * problem.e) + D * (1 - r**eta**2)
    error = variance * np.sqrt(2 * freedom / 20_000)
    assert (np.abs(R.mean(axis=1) - freedom * variance) < 4.5 * error).all()
    assert np.allclose(R.var(axis=1), 2 * freedom * variance**2, rtol=0.12)
    if eta == 0:
        assert np.allclose(R / R[0], (r[:, None]) ** (2 * problem.e))


def test_nothing_outside():
    assert (outside_squares(PROBLEM, np.array([1.0, 0.0]), 1.0, 0, 0, 0, range(3)) == 0).all()


def test_as_many_classes_as_dimensions():
    data = run(PROBLEM.replace(classes=Fixed(5)), d=5, n_samples=10, n_disorder=2, n_steps=5, classes="span")
    assert np.isfinite(data.v.values).all()


def test_very_high_dimension():
    """d = 10^9 with ten classes: the cost does not know d; schedules that change in time included."""
    for problem in (PROBLEM, PROBLEM.replace(guidance=Piecewise([1e6, 1e8], [-0.5, 1.0, 2.0]))):
        data = run(problem.replace(classes=Fixed(10)), d=10**9, n_samples=10, n_disorder=2, n_steps=50)
        assert data.info["method"] == "particles (span)"
        assert np.abs(data.final.m.mean - 1) < 1e-2 and np.abs(data.final.v.mean - 0.25) < 1e-2
