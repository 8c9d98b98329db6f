"""The correction that is solved for: it satisfies its equation, is exact in a crowd, and is what errors fall by."""

from dataclasses import replace

import numpy as np
import pytest

from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from simulate.running.plan import Settings, make_plan
from simulate.running.workers import follow
from simulate.scores.mixture import draw_direct
from simulate.scores.reference import ContinuumScore, ReferenceScore
from simulate.steps.answering import answer
from simulate.steps.stepping import moved


@pytest.mark.parametrize("w", [-0.5, 1.0, 30.0])
@pytest.mark.parametrize("D", [0.3, 3.0])
def test_correction_satisfies_its_equation(w, D):
    """u = psi (b(y* + u) - b^), b by the moved posterior, for samples whose class is open; the correction that takes
    b(y*) for b(y* + u) is the control."""
    rng = np.random.default_rng(5)
    score = ReferenceScore(draw_direct(d=6, n_classes=40, seed=1, draw=0))
    y = rng.uniform(0.0, 3.0, (4000, 1)) * rng.standard_normal((4000, 6))
    y = y[np.abs(score(y, D).log_odds) < 4.0]
    there, psi = score(y, D), 0.3 * min(1.0, (1.0 + D) / abs(w))
    force = -w * there.shift
    ahead = force * rng.uniform(0.5, 1.5, (len(y), 1))
    u = answer(there, force, ahead, psi, D)
    assert len(y) > 100 and np.abs(u - psi * (-w * moved(there, u, D).shift - ahead)).max() < 1e-6
    plain = psi * (force - ahead)
    assert np.abs(plain - psi * (-w * moved(there, plain, D).shift - ahead)).max() > 1e-3


def test_answer_of_a_crowd_is_exact():
    """With one D and with one per direction, whose mean answer is exact where directions are alike."""
    y, ahead = np.random.default_rng(2).standard_normal((2, 9, 4))
    score = ContinuumScore(np.ones(4))
    u = answer(score(y, 2.0), -score(y, 2.0).shift, ahead, 0.4, 2.0)
    assert np.allclose(u, 0.4 * (-score(y + u, 2.0).shift - ahead), atol=1e-13)
    D = np.full(4, 2.0)
    assert np.allclose(u, answer(score(y, D), -score(y, D).shift, ahead, np.full(4, 0.4), D), atol=1e-13)
    assert not np.allclose(u, 0.4 * (-score(y, 2.0).shift - ahead), atol=1e-2)


def test_decided_samples_and_a_target_alone_answer_nothing():
    score = ReferenceScore(draw_direct(d=40, n_classes=5, seed=0, draw=0))
    y, ahead = np.zeros((3, 40)), np.ones((3, 40))
    assert np.allclose(answer(score(y, 0.01), 0.0 * y, ahead, 0.2, 0.01), -0.2)
    alone = ReferenceScore(draw_direct(d=40, n_classes=1, seed=0, draw=0))
    assert np.allclose(answer(alone(y, 1.0), 0.0 * y, ahead, 0.2, 1.0), -0.2)


@pytest.mark.parametrize(("P", "d", "w", "eta", "n"), [(10, 64, 4.0, 1.0, 8), (122, 12, -0.5, 1.0, 8)])
def test_errors_of_the_sde_fall_by_it(P, d, w, eta, n):
    """At n steps against 12 n on the same noise; the control takes the force as it is at the predicted state."""
    problem = Problem(classes=Fixed(P), sigma2=0.25, guidance=w, sampler=eta, t_start=1e3)
    plan = make_plan(problem, Settings(d, 512, 8))

    def ends(n, refinement, **changes):
        data = follow(plan, replace(plan.steps(n, refinement), **changes), False)
        return np.array([data.draws["m"][:, -1], data.draws["v"][:, -1] / 0.25])

    exact = ends(12 * n, 1)
    solved, plain = (ends(n, 12, **changes) - exact for changes in ({}, {"answers": np.zeros(n, bool)}))
    assert np.abs(solved.mean(axis=1)).max() < 0.6 * np.abs(plain.mean(axis=1)).max()
