"""Particles of classes with many modes: the drawn tree, what is counted, and the theory that they approach."""

import math

import numpy as np
import pytest

from meanfield import Exponential, Hierarchy, Problem, ProblemError, solve
from simulate import run_modes
from simulate.modes.counting import nearest
from simulate.modes.tree import draw_tree

LAW = Hierarchy((0.1, 0.3), rho=0.7)


def problem(w=1.0, sampler="ode", law=LAW):
    return Problem(classes=law, sigma2=0.05, guidance=w, sampler=sampler, t_start=1000.0)


def test_a_tree_has_the_lengths_and_numbers_of_the_law():
    tree = draw_tree(LAW, 0.05, d=20, seed=1, draw=0)
    assert tree.A @ tree.A == pytest.approx(0.7 * 20) and tree.B.shape == (403, 20)
    assert len(tree.mixture.means) == 7 * 403 and len(tree.mixture.classes) == 7
    assert (tree.B**2).mean() == pytest.approx(0.3, rel=0.06)
    mode = draw_tree(Hierarchy((0.1, 0.3), 0.7, label=2), 0.05, d=20, seed=1, draw=0)
    assert [mode.B[0] @ mode.B[0], mode.B[0] @ mode.A] == pytest.approx([6.0, 0.0], abs=1e-9)


def test_annealed_others_are_one_component_of_their_weight():
    tree = draw_tree(LAW, 0.05, d=20, seed=1, draw=0, others="annealed")
    explicit = draw_tree(LAW, 0.05, d=20, seed=1, draw=0)
    assert np.array_equal(tree.B, explicit.B) and np.array_equal(tree.A, explicit.A)
    assert tree.mixture.prior(0) == pytest.approx(explicit.mixture.prior(0)) and len(tree.mixture.means) == 404


def test_modes_of_unequal_weight_have_the_weights_of_the_law():
    law = Hierarchy((0.1, 0.3), rho=0.7, spread=0.4)
    tree = draw_tree(law, 0.05, d=24, seed=1, draw=0, others="annealed")
    assert tree.weights.sum() == pytest.approx(1.0)
    assert np.log(tree.weights).var() == pytest.approx(0.4**2 * 24, rel=0.1)
    explicit = draw_tree(law, 0.05, d=12, seed=1, draw=0).mixture
    assert [explicit.prior(k) for k in explicit.classes] == pytest.approx([1 / 3] * 3)
    equal = draw_tree(LAW, 0.05, d=24, seed=1, draw=0, others="annealed")
    assert np.array_equal(tree.B, equal.B) and np.ptp(equal.weights) == 0.0


def test_nearest_is_nearest():
    rng = np.random.default_rng(0)
    B, y = rng.standard_normal((300, 5)), rng.standard_normal((50, 5))
    assert np.array_equal(nearest(y, B), ((y[:, None] - B) ** 2).sum(-1).argmin(1))


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_unguided_samples_have_the_law_of_their_class(sampler):
    data = run_modes(problem(0.0, sampler), d=12, n_samples=64, n_draws=40, n_steps=50)
    theory = solve(problem(0.0, sampler), d=12)
    expected = {"m": theory.final.m, "v": theory.final.v, "m_B": theory.m_B, "v_B": theory.v_B}
    for name, value in expected.items():
        found = getattr(data, name)
        assert abs(found.mean - value) < 4 * found.stderr, name
    assert data.collisions.mean == pytest.approx(1.0, abs=4 * data.collisions.stderr)


def test_particles_approach_the_theory_and_not_that_of_another_weight():
    """(0.1, 0.3), rho = 0.7, ODE: at d = 28 the shift by guidance is that of the theory within its error and what is
    left at finite d, below a tenth; weights a half more or less are refused."""
    p = problem(1.0)
    data = run_modes(p, d=28, n_samples=64, n_draws=8, n_steps=50, others="annealed", twin=True)
    without = solve(p.replace(guidance=0.0))

    def off(w):
        theory = solve(p.replace(guidance=w))
        pairs = {"m": (theory.final.m, without.final.m), "m_B": (theory.m_B, without.m_B)}
        found = [(data.paired(name), a - b) for name, (a, b) in pairs.items()]
        return [abs(o.mean - x) / math.hypot(o.stderr, 0.05 * abs(x)) for o, x in found]

    assert max(off(1.0)) < 3.0
    assert min(off(0.5)) > 3.0 and min(off(2.0)) > 3.0


def test_pairs_show_the_modes_lost():
    """The share of pairs in one mode, over that of samples which find all: above 1 guided, by theory exp(K_2 d)."""
    data = run_modes(problem(4.0), d=12, n_samples=128, n_draws=16, n_steps=40)
    rate, error = data.K_2
    assert rate > 5 * error > 0.0 and data.distinct.mean < 1.0


def test_pairs_approach_the_theory_and_not_that_of_another_weight():
    """At d = 24 K_2 of w = 1 is within its error and what is left at finite d, below a third."""
    data = run_modes(problem(1.0), d=24, n_samples=256, n_draws=12, n_steps=50, others="annealed")
    rate, error = data.K_2

    def off(w):
        theory = solve(problem(w)).K_2
        return abs(rate - theory) / math.hypot(error, 0.15 * theory)

    assert off(1.0) < 3.0 < min(off(0.25), off(4.0))


def test_bits_do_not_depend_on_the_number_of_draws():
    few, more = (run_modes(problem(), d=8, n_samples=8, n_draws=n, n_steps=8) for n in (2, 3))
    assert np.array_equal(few.draws["m"], more.draws["m"][:2])


def test_what_is_refused_is_said():
    with pytest.raises(ProblemError, match="classes with many modes"):
        run_modes(problem(law=Exponential(0.4)), d=8)
    with pytest.raises(ProblemError, match='others="annealed"'):
        run_modes(problem(), d=40)
    with pytest.raises(ProblemError, match="others must be one of"):
        run_modes(problem(), d=8, others="lazy")
    with pytest.raises(ProblemError, match="twin=True"):
        run_modes(problem(), d=8, n_samples=8, n_draws=2, n_steps=8).paired("m")


def test_weak_modes_are_lost_as_strong_ones_are():
    """Log-weights of the modes that guided samples reach are those of the law, but for what is left at finite d, below
    a tenth of spread^2; samples that take modes by the square of their weight are told apart."""
    law = Hierarchy((0.1, 0.3), rho=0.7, spread=0.4)
    data = run_modes(problem(4.0, law=law), d=16, n_samples=64, n_draws=16, n_steps=40, twin=True)
    found, outward = data.paired("log_weight"), data.paired("m_B")
    bound = 0.1 * law.spread**2 + 4 * found.stderr
    assert abs(found.mean) < bound and outward.mean > 5 * outward.stderr
    squared = []
    for draw in range(16):
        pi = draw_tree(law, 0.05, d=16, seed=0, draw=draw).weights
        squared.append((pi**2 / (pi**2).sum() - pi) @ np.log(pi) / 16)
    assert np.mean(squared) > 1.5 * bound
