"""Classes with many modes at d = infinity: limits that are known, an independent integration, bounds, and refusals."""

import math

import numpy as np
import pytest

from meanfield import (
    CustomRule,
    Exponential,
    Hierarchy,
    Interval,
    Negative,
    OrnsteinUhlenbeck,
    Problem,
    ProblemError,
    Rescale,
    ScheduleError,
    Spectrum,
    quenched,
    reduced,
    solve,
)
from meanfield.theory.modes.weights import Mode, Tree

LABEL_FIRST, MODE_FIRST = Hierarchy((0.1, 0.3), rho=0.7), Hierarchy((0.6, 0.3), rho=0.5)
SIGMA2 = 0.05


def halved(x, cond, uncond, t, w):
    """A rule that acts on the class too."""
    return cond - 0.5 * w * uncond


def problem(law=LABEL_FIRST, w=1.0, sampler="ode", **more):
    return Problem(classes=law, sigma2=SIGMA2, guidance=w, sampler=sampler, **more)


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.5])
@pytest.mark.parametrize("law", [LABEL_FIRST, MODE_FIRST, Hierarchy((0.3, 0.1), rho=0.7)], ids=repr)
def test_unguided_nothing_is_lost_and_transitions_are_where_they_are_known(law, sampler):
    theory = solve(problem(law, 0.0, sampler))
    final, tau = theory.final, law.tau
    assert [final.m, final.v, final.within] == pytest.approx([1.0, tau + SIGMA2, SIGMA2], rel=1e-7)
    assert [theory.m_B, theory.v_B, theory.K_div] == pytest.approx([0.0, tau, 0.0], abs=1e-7)
    first, second = law.alpha
    D_mode = tau / math.expm1(2 * second)
    D_label = (1.0 - tau * math.exp(2 * first)) / math.expm1(2 * first)
    D_both = 1.0 / math.expm1(2 * (first + second))
    label = D_label if D_label > D_mode else D_both
    assert [theory.t_mode, theory.t_label] == pytest.approx([D_mode - SIGMA2, label - SIGMA2], rel=1e-6)


def by_small_steps(law, w, eta, n=10_000, T=1000.0):
    """The same by Euler steps of exact linear pieces in log D, in coordinates of their own: x, and the mode once chosen
    as (overlap of A, B's own part, rest), by the moments of x and B."""
    (a1, a2), rho, tau = law.alpha, law.rho, law.tau
    e, D, b_law, mode = 0.5 * (1 + eta**2), SIGMA2 + T, None, False
    m, label = 0.0, False
    xx, xu, uu = T, 0.0, 0.0  # second moments across A of x, of x with the mode, of the mode
    fall = (SIGMA2 / D) ** (1 / n)
    for _ in range(n):
        wide, q = tau + D, rho * m * m + xx
        q_A = rho * (m - 1) ** 2 + xx
        if not mode and not label:
            label = a2 - math.log(wide) / 2 - q_A / (2 * wide) >= a1 + a2 - math.log(1 + D) / 2 - q / (2 * (1 + D))
        if not mode and 0.5 * (D / wide + tau * q_A / wide**2 - 1 + math.log(wide / D)) >= a2:
            mode, c = True, tau / wide
            b_law, xu, uu = c * (m - 1), c * xx, c * c * xx + c * D
        if mode and not label:
            q_mode = rho * (m - 1 - b_law) ** 2 + xx - 2 * xu + uu
            label = -q_mode / (2 * D) >= a1 + a2 + math.log(D / (1 + D)) / 2 - q / (2 * (1 + D))
        W, dt = (0.0 if label else w), D * (1 - fall)
        pull, out = (1 + W) / (D if mode else wide), W / (1 + D)
        centre = 1.0 + (b_law if mode else 0.0)
        m += e * dt * (pull * (centre - m) + out * m)
        rate, xu0 = out - pull, xu
        xu += e * dt * (rate * xu + (pull * uu if mode else 0.0))
        xx += dt * (2 * e * (rate * xx + (pull * xu0 if mode else 0.0)) + eta**2)
        D *= fall
    within = rho * (m - 1 - b_law) ** 2 + xx - 2 * xu + uu
    return m, xx, within, b_law, uu


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("law", [LABEL_FIRST, MODE_FIRST], ids=repr)
def test_against_small_steps_of_the_moments(law, eta):
    theory = solve(problem(law, 1.0, eta, t_start=1000.0))
    found = [*map(float, (theory.final.m, theory.final.v, theory.final.within)), theory.m_B, theory.v_B]
    assert found == pytest.approx(by_small_steps(law, 1.0, eta), rel=2e-3)
    assert found != pytest.approx(by_small_steps(law, 1.1, eta), rel=2e-3)


def test_published_and_unpublished_numbers_of_the_table():
    found = solve(problem(LABEL_FIRST, 4.0, t_start=1000.0))
    assert [found.final.m, found.m_B, found.v_B / 0.3, found.K_div] == pytest.approx(
        [1.3302, 0.2218, 0.9560, 0.05788], abs=6e-5
    )


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_most_modes_are_lost_to_the_shift(sampler):
    for w in (0.5, 2.0, 8.0):
        theory = solve(problem(LABEL_FIRST, w, sampler))
        bound = theory.tree.rho * theory.m_B**2 / (2 * theory.tree.tau)
        assert bound <= theory.K_div <= 1.1 * bound
        assert theory.entropy == 0.3 - theory.K_div


def test_pairs_are_those_of_the_gaussian_tilt():
    theory = solve(problem(LABEL_FIRST, 4.0))
    tree, m, v = theory.tree, theory.m_B * math.sqrt(0.7), theory.v_B
    B = np.linspace(-12.0, 12.0, 40_001) * math.sqrt(tree.tau)
    square = np.exp(-((B - m) ** 2) / v + B**2 / (2 * tree.tau)) * math.sqrt(2 * math.pi * tree.tau) / (2 * math.pi * v)
    assert theory.K_2 == pytest.approx(math.log(np.trapezoid(square, B)), rel=1e-9)
    assert 2.0 * theory.K_div > theory.K_2 > theory.K_div


def test_pairs_of_modes_that_do_not_exist_are_not_counted():
    """Where the law p^2/pi asks for more than exp(alpha_2 d) modes, pairs are fewer than its closed form says, and at
    most those of one single mode; continuous where that begins."""
    mode = Mode(0.6, 0.28)

    def tree(alpha_2):
        return Tree(0.1, alpha_2, 0.7, 0.3)

    closed = tree(9.0).divergence_of_pairs(mode)
    needed = tree(9.0).divergence(Mode(0.6 * 0.6 / (0.6 - 0.28), 0.28 * 0.3 / (0.6 - 0.28)))
    assert tree(needed * (1 + 1e-9)).divergence_of_pairs(mode) == closed
    assert tree(needed * (1 - 1e-9)).divergence_of_pairs(mode) == pytest.approx(closed, rel=1e-6)
    fewer = tree(0.7 * needed).divergence_of_pairs(mode)
    assert tree(9.0).divergence(mode) < fewer < 0.99 * closed and fewer < 0.7 * needed


@pytest.mark.parametrize(("law", "w"), [(LABEL_FIRST, 4.0), (MODE_FIRST, 1.0)], ids=["label first", "mode first"])
def test_of_unequal_weights_only_the_entropy_counts(law, w):
    alpha_1, alpha_2 = law.alpha
    unequal = Hierarchy(law.alpha, law.rho, spread=0.4)
    fewer = Hierarchy((alpha_1, alpha_2 - 0.08), law.rho)
    found, same, equal = (solve(problem(x, w)) for x in (unequal, fewer, law))
    for name in ("K_div", "K_2", "entropy", "t_mode", "t_label"):
        assert getattr(found, name) == pytest.approx(getattr(same, name), rel=1e-9), name
    assert found.t_mode > 1.1 * equal.t_mode  # fewer modes are told apart earlier


def test_the_weight_is_with_as_many_modes_as_the_entropy_says():
    """Weights exp(spread d^(1/2) z): the entropy of a large set, per dimension, against h; 1 to spread is refused."""
    law, d = Hierarchy((0.1, 0.3), 0.7, spread=0.3), 40
    z = np.random.default_rng(0).standard_normal(round(math.exp(0.3 * d)))
    weights = np.exp(law.spread * math.sqrt(d) * z)
    weights /= weights.sum()
    entropy = -(weights @ np.log(weights)) / d
    assert entropy == pytest.approx(law.mode_entropy(d), abs=2e-3) and abs(entropy - 0.3) > 0.04


def test_guidance_after_the_choice_costs_no_modes_and_before_it_does():
    late = solve(problem(MODE_FIRST, Interval(4.0, 0.0, 0.55), "sde", t_start=1e6))
    early = solve(problem(MODE_FIRST, Interval(4.0, 0.55, 5.0), "sde", t_start=1e6))
    assert late.K_div < 1e-7 < 1e-3 < early.K_div
    assert late.final.m > 1.02


def test_a_mode_as_label_that_speciates_at_once_is_one_of_all():
    law = Hierarchy((0.6, 0.3), rho=0.5, label=2)
    tree, flat = solve(problem(law, 2.0)), solve(problem(Exponential(0.9), 2.0))
    assert [tree.final.m, tree.final.v] == pytest.approx([flat.final.m, flat.final.v], rel=1e-9)
    deep = Hierarchy((0.1, 0.3), rho=0.7, label=2)
    assert solve(problem(deep, 2.0)).final.m != pytest.approx(solve(problem(Exponential(0.4), 2.0)).final.m, rel=1e-3)


def test_a_mode_as_label_is_guided_longer_among_its_siblings():
    theory = solve(problem(Hierarchy((0.1, 0.3), rho=0.7, label=2), 1.0))
    assert theory.t_label > theory.t_mode > 0.0
    unguided = solve(problem(Hierarchy((0.1, 0.3), rho=0.7, label=2), 0.0))
    assert [unguided.t_label, unguided.t_mode] == pytest.approx([2.811658, 0.314911], rel=1e-5)


def test_curve_and_state_are_one_and_continuous_at_the_transitions():
    theory = solve(problem(MODE_FIRST, 1.0))
    assert np.array_equal(theory.at(theory.t).m, theory.m) and theory.t[-1] == 0.0
    for t in (theory.t_label, theory.t_mode):
        before, after = theory.at(t * (1 + 1e-9)), theory.at(t * (1 - 1e-9))
        assert [before.m, before.v] == pytest.approx([after.m, after.v], rel=1e-6)
    assert theory.phases == ("crowd", "chosen", "mode")
    assert np.isnan(theory.at(theory.t_mode * 1.1).within) and theory.at(theory.t_mode * 0.9).within > 0


def test_a_noise_process_in_its_own_time_is_the_same_problem():
    ou = problem(LABEL_FIRST, 1.0, noise=OrnsteinUhlenbeck())
    assert solve(ou).K_div == pytest.approx(solve(problem(LABEL_FIRST, 1.0)).K_div, rel=1e-9)


def test_a_mode_as_label_has_a_variance_within_also_where_both_speciate_at_once():
    law = Hierarchy((0.6, 0.3), rho=0.5, label=2)
    final = solve(problem(law, 2.0)).final
    assert final.within == pytest.approx(float((final.m - 1.0) ** 2 + final.v), rel=1e-9)


def test_how_a_result_stands():
    """Both orders of the transitions are exact; a glass of siblings is not known, nor is what weights of modes do that
    are chosen under guidance."""
    assert solve(problem(LABEL_FIRST, 1.0)).standing == solve(problem(MODE_FIRST, 1.0)).standing == "exact"
    assert solve(problem(MODE_FIRST, 1.0), d=16).standing == "asymptotic"
    unequal = [Hierarchy(law.alpha, law.rho, spread=0.4) for law in (LABEL_FIRST, MODE_FIRST)]
    assert [solve(problem(law, 1.0)).standing for law in unequal] == ["exact", "approximate"]
    siblings = Hierarchy((0.1, 0.6), rho=0.5, label=2)
    assert [solve(problem(siblings, w)).standing for w in (3.0, 10.0)] == ["exact", "approximate"]


def test_modes_that_overlap_at_the_end_are_not_counted():
    wide = solve(Problem(classes=LABEL_FIRST, sigma2=0.5, guidance=1.0))
    assert math.isnan(wide.K_div) and math.isnan(wide.t_mode) and "not apart" in repr(wide)


def test_finite_d_has_the_rates_of_whole_numbers():
    law = LABEL_FIRST
    assert law.counts(12) == (3, 37) and law.level_rates(12) == pytest.approx((math.log(3) / 12, math.log(37) / 12))
    assert solve(problem(), d=12).standing == "asymptotic"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Hierarchy((0.1,), 0.7), "two levels"),
        (lambda: Hierarchy((0.1, -0.3), 0.7), "alpha must be"),
        (lambda: Hierarchy((0.1, 0.3), 1.0), "rho must be below 1"),
        (lambda: Hierarchy((0.1, 0.3), 0.7, label=3), "label must be"),
        (lambda: Hierarchy((0.1, 0.3), 0.7, spread=0.8), "a few modes have all the weight"),
        (lambda: Hierarchy((0.1, 0.3), 0.7, label=2, spread=0.1), "known below a label"),
        (lambda: solve(problem(LABEL_FIRST, 1.0)).at(-1.0), "t must lie"),
        (lambda: reduced(problem(t_start=100.0), 8), "one Gaussian"),
        (lambda: quenched(problem(), 8), "finite start"),
        (lambda: quenched(problem(t_start=100.0), 4), "two superclasses"),
        (lambda: solve(problem(spectrum=Spectrum([0.05], [1.05]))), "isotropic"),
    ],
)
def test_what_is_refused_is_said(call, words):
    with pytest.raises(ProblemError, match=words):
        call()


def test_guidance_that_is_not_known():
    with pytest.raises(ScheduleError, match="one Gaussian"):
        solve(problem(LABEL_FIRST, CustomRule(halved, 1.0), t_start=100.0))
    with pytest.raises(ProblemError, match="one Gaussian"):
        problem(LABEL_FIRST, Negative(1.0), t_start=100.0)
    with pytest.raises(ScheduleError, match="function of t"):
        solve(problem(MODE_FIRST, Rescale(1.0), t_start=100.0))


def test_a_rule_that_stops_with_the_label_is_known_where_the_label_comes_first():
    plain, rescaled = (solve(problem(LABEL_FIRST, g, t_start=100.0)) for g in (1.0, Rescale(1.0)))
    assert 0.0 < rescaled.m_B < plain.m_B


def test_a_statement_is_read_back():
    for law in (LABEL_FIRST, Hierarchy((0.1, 0.3), 0.7, label=2), Hierarchy((0.1, 0.3), 0.7, spread=0.2)):
        stated = problem(law)
        assert Problem.from_dict(stated.to_dict()) == stated
