"""Which schedule loses no modes: closed forms against `solve`, designs, phase diagrams of a tree, particles."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from meanfield import (
    ConvergenceError,
    Exponential,
    Hierarchy,
    Interval,
    OrnsteinUhlenbeck,
    Piecewise,
    Problem,
    ProblemError,
    design_modes,
    modes_front,
    phase_diagram,
    solve,
)
from meanfield.theory.modes.weights import Mode, Place, Tree
from simulate import run_modes

LABEL_FIRST, MODE_FIRST = Hierarchy((0.1, 0.3), rho=0.7), Hierarchy((0.6, 0.3), rho=0.5)
SIGMA2 = 0.05


def problem(law, w=0.0, sampler="ode", **more):
    return Problem(classes=law, sigma2=SIGMA2, guidance=w, sampler=sampler, **more)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
@pytest.mark.parametrize("law", [LABEL_FIRST, MODE_FIRST], ids=repr)
def test_entropy_of_the_modes_reached_is_the_information_of_a_sample(law, sampler):
    for w in (0.5, 4.0, Interval(3.0, 0.5, 20.0)):
        theory = solve(problem(law, w, sampler))
        D = SIGMA2 + theory.t_mode
        entropy = 0.5 * math.log(theory.v_B * (law.tau + D) / (law.tau * D))
        assert theory.entropy == pytest.approx(entropy, rel=1e-8)
        assert theory.entropy != pytest.approx(0.5 * math.log((law.tau + D) / D), rel=1e-8)  # that of all modes


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.5])
def test_where_the_label_comes_first_every_schedule_is_just_above_the_front(sampler):
    negative = Piecewise((1.0, 5.0), (0.0, -0.1, 1.5))
    for w in (0.3, 2.0, Interval(4.0, 0.5, 5.0), Interval(4.0, 5.0, 100.0), negative):
        theory = solve(problem(LABEL_FIRST, w, sampler))
        m, front = theory.final.m, modes_front(problem(LABEL_FIRST, 0.0, sampler), [theory.K_div, 0.8 * theory.K_div])
        assert theory.t_label > theory.t_mode
        assert front[1] < m < front[0]


def test_front_of_the_sde_in_numbers():
    m = 1.0 + np.array([0.01, 0.03])
    K = LABEL_FIRST.rho * LABEL_FIRST.tau * (m - 1.0) ** 2 / (2.0 * (LABEL_FIRST.tau + SIGMA2) ** 2)
    assert modes_front(problem(LABEL_FIRST, 0.0, "sde"), K) == pytest.approx(m, rel=1e-12)
    assert np.all(modes_front(problem(LABEL_FIRST, 0.0, "ode"), K) > m + 1e-3)


def test_the_sde_at_any_strength_loses_no_more_than_it_does_at_infinite_strength():
    law = LABEL_FIRST
    m_B = law.tau / law.rho * (1.0 - math.sqrt(1.0 - 2.0 * law.alpha[0]))
    found = [solve(problem(law, w, "sde")).m_B for w in (1.0, 10.0, 1e3, 1e5)]
    assert all(a < b < m_B for a, b in pairwise(found))
    assert found[-1] == pytest.approx(m_B, rel=1e-4)
    assert solve(problem(law, 10.0, "ode")).m_B > 5.0 * m_B


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_guidance_that_begins_with_the_choice_reaches_the_closed_form_at_no_loss(sampler):
    base = problem(MODE_FIRST, 0.0, sampler)
    choice, most = solve(base).t_mode, modes_front(base, 0.0)
    found = [solve(base.replace(guidance=Interval(w, 0.0, choice * (1 - 1e-6)))) for w in (3.0, 30.0, 3000.0)]
    shifts = [x.final.m for x in found]
    assert all(x.K_div < 1e-9 for x in found) and shifts[0] < shifts[1] < shifts[2] < most
    assert shifts[2] == pytest.approx(most, rel=3e-4)
    tau, (first, second) = MODE_FIRST.tau, MODE_FIRST.alpha
    D, e = tau / math.expm1(2 * second), base.e
    gap = 2 * (first + second) - math.log1p(1 / D)
    assert most - 1 == pytest.approx((1 - math.sqrt(1 - gap)) * D ** (1 - e) * SIGMA2**e, rel=1e-12)
    early = solve(base.replace(guidance=Interval(30.0, 0.0, choice * 1.5)))
    assert early.K_div > 1e-3 and early.final.m > most  # what begins before costs modes, and shifts more


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(0.0, 30.0), min_size=3, max_size=3), st.sampled_from(["sde", "ode"]))
def test_no_schedule_after_the_choice_shifts_more(weights, sampler):
    base = problem(MODE_FIRST, 0.0, sampler)
    choice = 0.5581
    schedule = Piecewise((0.3 * choice, 0.7 * choice, choice), (*weights, 0.0))
    theory = solve(base.replace(guidance=schedule))
    assert theory.K_div < 1e-9 and theory.final.m <= modes_front(base, 0.0)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_chosen_mode_stays_chosen_above_one_weight(eta):
    """By a small step of the moments, and by what `solve` refuses."""
    tree, D = Tree.of(MODE_FIRST), 0.6
    mode, p = tree.choose(D, 1.3, 0.7)
    least, e, h = -1.0 / (1.0 + eta**2), 0.5 * (1.0 + eta**2), 1e-6

    def lead(D, p):
        return (
            -tree.q_mode(p, mode) / (2.0 * D)
            + tree.q_label(p, mode) / (2.0 * (tree.tau + D))
            - 0.5 * math.log(D / (tree.tau + D))
        )

    def gain(w):
        pull, push = (1.0 + w) / D, w / (1.0 + D)
        a, b = (
            p.a + h * e * (push * p.a - pull * (p.a - 1.0 - mode.beta)),
            p.b + h * e * (push * p.b - pull * (p.b - 1.0)),
        )
        return lead(D - h, Place(a, b, p.v + h * (2.0 * e * p.v * (push - pull) + eta**2))) - lead(D, p)

    assert gain(least + 0.01) > 0.0 > gain(least - 0.01) and isinstance(mode, Mode)
    kept = problem(MODE_FIRST, Interval(least + 0.02, 0.3, 0.7), eta)
    assert solve(kept).t_mode > 0.0
    with pytest.raises(ConvergenceError, match="glass of modes"):
        solve(kept.replace(guidance=Interval(least - 0.02, 0.3, 0.7)))


def test_designs():
    base = problem(MODE_FIRST)
    free = design_modes(base, w_max=5.0)
    assert free.theory.K_div < 1e-9 and 1.05 < free.theory.final.m < free.front
    _, plain = free.same_mean
    assert plain.final.m == pytest.approx(float(free.theory.final.m), rel=1e-7) and plain.K_div > 5e-4
    paid = design_modes(base, lost=0.002, w_min=-0.5)
    assert paid.theory.K_div == pytest.approx(0.002, rel=1e-5)
    assert free.theory.final.m < paid.theory.final.m < paid.front and paid.same_mean[1].K_div > 2 * 0.002
    assert "w = 5, -0.5, 0, 5 from early to late" in repr(paid)
    label = design_modes(problem(LABEL_FIRST), lost=0.01, w_min=0.0)
    assert label.theory.K_div == pytest.approx(0.01, rel=1e-5) and label.same_mean[1].K_div < 1.1 * 0.01


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: design_modes(problem(LABEL_FIRST)), "lost must be above 0"),
        (lambda: design_modes(problem(LABEL_FIRST).replace(sigma2=0.5), lost=0.1), "must be apart"),
        (lambda: design_modes(problem(LABEL_FIRST, noise=OrnsteinUhlenbeck()), lost=0.1), "VE time"),
        (lambda: design_modes(problem(Exponential(0.4))), "many modes"),
        (lambda: modes_front(problem(Hierarchy((0.1, 0.3), 0.7, label=2)), 0.1), "many modes"),
        (lambda: modes_front(problem(LABEL_FIRST), 0.3), "below alpha_2"),
        (lambda: phase_diagram(problem(LABEL_FIRST), ("alpha", [0.1, 0.2]), ("w", [0.0, 1.0])), "an axis"),
    ],
)
def test_what_is_refused_is_said(call, words):
    with pytest.raises(ProblemError, match=words):
        call()


def test_phase_diagram_of_a_tree():
    base = problem(Hierarchy((0.1, 0.3), rho=0.5))
    data = phase_diagram(base, ("alpha_1", [0.05, 0.25, 1.0]), ("alpha_2", [0.2, 0.8, 1.3]), progress=False)
    assert data["first"].values.tolist() == [
        ["label", "mode", "mode"], ["label", "label", "mode"], ["label", "label", "neither"]
    ]  # fmt: skip
    on_it = [(a, b) for a, b in data.line_order.values if 0.2 <= b <= 1.15]
    for a, b in on_it:
        order = 0.5 * math.log((1.0 - 0.5 * math.exp(-2.0 * b)) / 0.5)
        assert a == pytest.approx(order, abs=2e-3)
    assert len(on_it) >= 3 and math.isnan(data.t_mode.values[2, 2])
    refused = phase_diagram(problem(MODE_FIRST, sampler="sde"), ("w", [-0.7, 0.0]), ("rho", [0.4, 0.5]), progress=False)
    assert refused.standing.values.tolist() == [["refused", "exact"]] * 2 and np.isnan(refused.m.values[:, 0]).all()
    assert np.allclose(refused.line_known.values[:, 0], -0.5, atol=2e-3)


def test_particles_lose_fewer_modes_by_the_design_than_by_constant_guidance_of_the_same_mean():
    made = design_modes(problem(Hierarchy((0.6, 0.15), rho=0.5), t_start=1000.0))
    options = {"n_samples": 64, "n_steps": 60, "others": "annealed", "twin": True}

    def moved(of, seed, n_draws):
        return run_modes(of, 40, seed=seed, n_draws=n_draws, **options).paired("m_B")

    def z(one, other):
        return (one.mean - other.mean) / math.hypot(one.stderr, other.stderr)

    plain = made.same_mean[1].problem
    designed, constant, again = moved(made.problem, 0, 18), moved(plain, 0, 18), moved(plain, 1, 9)
    assert z(constant, designed) > 5.0 and abs(z(constant, again)) < 4.0


def test_the_order_line_is_where_both_transitions_meet():
    rho, second = 0.6, 0.4
    first = 0.5 * math.log((1.0 - rho * math.exp(-2 * second)) / (1.0 - rho))

    def lead(a):
        theory = solve(problem(Hierarchy((a, second), rho)))
        return theory.t_label - theory.t_mode

    assert brentq(lead, 0.8 * first, 1.2 * first, xtol=1e-7) == pytest.approx(first, rel=1e-4)
