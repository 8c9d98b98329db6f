"""Rules with a second condition: closed forms, who has the weight, and the symmetry between the two classes."""

import math

import numpy as np
import pytest

from meanfield import (
    Composed,
    Continuum,
    Exponential,
    Fixed,
    Interval,
    Negative,
    Problem,
    Spectrum,
    distortion,
    dose,
    heun,
    karras_sigmas,
    no_go,
    solve,
    solve_sampler,
)
from meanfield.exact.closedform import closed_form
from meanfield.exact.theorems import final_from_dose, mean_from_dose
from meanfield.theory.energies import phi_rest, phi_target
from meanfield.theory.measures import separation_at_end
from meanfield.theory.motion import Groups, Motion
from meanfield.theory.pairs.point import REST, SECOND, TARGET, Pair, drift, push_of_pair, weight_rates
from meanfield.theory.pairs.sharing import shares

SIGMA2, T = 0.25, 1000.0
E = {"ode": 0.5, "sde": 1.0}


def problem(guidance, sampler="ode", classes=None, **changes):
    classes = Continuum() if classes is None else classes
    return Problem(classes=classes, sigma2=SIGMA2, guidance=guidance, sampler=sampler, **{"t_start": T, **changes})


def final(guidance, sampler="ode", classes=None, **changes):
    """m(0), m_2(0) and v(0)/sigma2."""
    found = solve(problem(guidance, sampler, classes, **changes)).final
    return float(found.m), float(found.m_2), float(found.v) / SIGMA2


# -- the negative prompt, (P11) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize("w", [0.5, 1.0, 2.0, -0.3])
def test_negative_closed_form(sampler, w):
    left = (SIGMA2 / (SIGMA2 + T)) ** E[sampler]
    expected = (1 + w) * (1 - left), -w * (1 - left), 1 - left**2
    found = final(Negative(w), sampler)
    assert found == pytest.approx(expected, abs=1e-6)
    assert found != pytest.approx(final(Negative(0.9 * w), sampler), abs=1e-3), "negative control"
    assert found != pytest.approx(final(Negative(-w), sampler), abs=1e-3), "negative control"
    form = closed_form(problem(Negative(w), sampler))
    assert found == pytest.approx((form.m, form.m_2, form.v / SIGMA2), abs=1e-9)


@pytest.mark.parametrize("classes", [Fixed(2), Exponential(0.4), Exponential(0.7)], ids=repr)
@pytest.mark.parametrize("sampler", ["ode", "sde", 0.5])
def test_no_other_class_enters(classes, sampler):
    p = problem(Negative(Interval(1.5, 0.2, 30.0)), sampler, classes)
    found, alone = solve(p), solve(p.replace(classes=Continuum()))
    assert found.final.m == pytest.approx(alone.final.m, abs=1e-9)
    assert found.final.m_2 == pytest.approx(alone.final.m_2, abs=1e-9)
    free = solve(p.replace(guidance=0.0))
    assert found.at(0.5).v == pytest.approx(free.at(0.5).v, rel=1e-9)  # v is that of no guidance, at all times
    assert found.standing == solve(p, d=16).standing == "exact"


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_a_window_counts_with_its_share_of_z(sampler):
    for low, high in ((20.0, 200.0), (0.05, 0.5)):
        z = [(SIGMA2 / (SIGMA2 + t)) ** E[sampler] for t in (T, high, low)]
        found = final(Negative(Interval(2.0, low, high)), sampler)
        assert found[:2] == pytest.approx([1 - z[0] + 2 * (z[2] - z[1]), -2 * (z[2] - z[1])], abs=1e-8)


def test_log_odds_against_all_classes_are_highest_at_half_the_class_variance():
    def log_odds(w):
        return separation_at_end(solve(problem(Negative(w), "sde", t_start=1e8)))

    for w in (0.0, 0.1, 0.125, 0.25, 1.0):
        expected = 0.5 * math.log(1 + 1 / SIGMA2) + (w - w * w / SIGMA2) / (1 + SIGMA2)
        assert log_odds(w) == pytest.approx(expected, abs=1e-6)
        assert log_odds(w) <= log_odds(SIGMA2 / 2)
    assert log_odds(SIGMA2) == pytest.approx(log_odds(0.0), abs=1e-6)


def test_negative_costs_no_variance_and_its_dose_is_zero():
    p = problem(Negative(2.0))
    assert dose(Negative(2.0), p) == 0.0
    assert no_go(Negative(2.0), p).lost == pytest.approx(0.0, abs=1e-12)
    assert no_go(1.0, p).lost > 0.5, "negative control"


def test_the_mean_leaves_the_class_across_as_well():
    measured = distortion(solve(problem(Negative(1.0), "sde")))
    assert measured.w2 == pytest.approx(2.0, abs=3e-3)  # (m - 1)^2 + m_2^2
    assert measured.variance_ratio == pytest.approx(1.0, abs=1e-6)


# -- composition in a crowd, (P12) -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["ode", "sde", 0.5])
@pytest.mark.parametrize(("w", "w_2"), [(1.0, 0.4), (0.0, 1.0), (1.0, 1.0), (2.0, -0.5)])
def test_composition_is_cfg_whose_mean_is_shared_out(sampler, w, w_2):
    one = solve(problem(w + w_2, sampler)).final
    found = final(Composed(w, w_2), sampler)
    share = (1 + w) / (1 + w + w_2)
    assert found == pytest.approx((share * one.m, (1 - share) * one.m, one.v / SIGMA2), abs=1e-8)
    assert found != pytest.approx(final(Composed(0.9 * w, 0.9 * w_2), sampler), abs=1e-3), "negative control"
    form = closed_form(problem(Composed(w, w_2), sampler))
    assert found == pytest.approx((form.m, form.m_2, form.v / SIGMA2), abs=1e-8)


def test_the_dose_of_a_composition():
    rule = Composed(Interval(1.0, 0.5, 9.0), w_2=Interval(0.5, 0.1, 2.0))
    for sampler in ("ode", "sde"):
        exact, solved = final_from_dose(problem(rule, sampler)), solve(problem(rule, sampler)).final
        assert (exact.m, exact.v) == pytest.approx((float(solved.m), float(solved.v)), abs=1e-8)
    assert no_go(rule, problem(rule)).lost > 0.1
    m, m_2, _ = final(rule, "sde")
    assert m + m_2 == pytest.approx(mean_from_dose(problem(rule, "sde"), dose(rule, problem(rule))), abs=1e-8)
    assert m + m_2 < 1 + SIGMA2


@pytest.mark.parametrize("classes", [Continuum(), Exponential(0.4)], ids=repr)
def test_without_a_second_weight_it_is_cfg(classes):
    for sampler in ("ode", "sde"):
        known = solve(problem(1.5, sampler, classes))
        found = solve(problem(Composed(1.5, w_2=0.0), sampler, classes))
        assert found.final.m == pytest.approx(known.final.m, abs=1e-7)
        assert found.final.v == pytest.approx(known.final.v, abs=1e-7)
        assert found.final.m_2 == pytest.approx(0.0, abs=1e-9)
        assert [e.kind for e in found.events] == [e.kind for e in known.events]
        assert found.t_speciation == pytest.approx(known.t_speciation, rel=1e-7, nan_ok=True)


# -- who has the weight ------------------------------------------------------------------------------------------------


def states(alpha):
    groups = Groups(SIGMA2, alpha=alpha)
    rng = np.random.default_rng(1)
    for t, m, m_2, excess in zip(
        *(rng.uniform(*ends, 30) for ends in ((0.05, 9), (0, 2), (-1, 1.5), (-1, 1))), strict=True
    ):
        yield Pair(groups, groups.tau(t), m - 1.0, excess, m_2)


def motion_of(p, rule, w):
    return Motion(p.groups, 0.5, lambda tau: w, rule=rule)


def test_pushes_are_those_derived():
    for p in states(math.inf):
        w, w_2, c = 0.7, 0.4, 1 / (1 + p.D)
        for rule, of in (
            (Composed(w, w_2), {REST: (w, w_2, (w + w_2) * c), TARGET: (-w_2, w_2, 0.0), SECOND: (w, -w, 0.0)}),
            (Negative(w), dict.fromkeys((REST, TARGET, SECOND), (w, -w, 0.0))),
        ):
            for owner, expected in of.items():
                assert push_of_pair(motion_of(p, rule, w), p, owner) == pytest.approx(expected, abs=1e-9)
                off = push_of_pair(motion_of(p, rule, 1.1 * w), p, owner)
                assert off != pytest.approx(expected, abs=1e-3) or (rule.name, owner) == ("composed", TARGET)


@pytest.mark.parametrize("alpha", [0.4, 0.05, 3.0])
def test_log_weights_are_those_of_the_distances(alpha):
    for p in states(alpha):
        rest = phi_rest(p.q, p.D, alpha)
        own, second = (phi_target(x, p.q - x * x, p.D) for x in (p.m, p.m_2))
        assert p.weights == pytest.approx([0.0, own - rest, second - rest], abs=1e-9)


@pytest.mark.parametrize("alpha", [0.4, 0.05, 3.0])
def test_rates_of_log_weights_are_their_derivatives(alpha):
    step = 1e-5
    for p in states(alpha):
        motion = motion_of(p, Composed(0.7, 0.4), 0.7)
        for owner in (REST, TARGET, SECOND):
            push = push_of_pair(motion, p, owner)
            moved = drift(motion, p, push)
            ends = [
                Pair(p.groups, p.tau + s, *(x + s * d for x, d in zip((p.delta, p.y, p.m_2), moved, strict=True)))
                for s in (-step, step)
            ]
            slope = (ends[1].weights - ends[0].weights) / (2 * step)
            assert weight_rates(motion, p, push) == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_shares_keep_level():
    rates = np.array([[0.0, 1.0, 2.0], [2.0, 0.0, 0.5], [1.0, 3.0, 0.0]])
    p = shares(rates)
    assert p.sum() == pytest.approx(1.0)
    assert np.ptp(rates @ p) < 1e-12


CLASSES = [Exponential(0.4), Exponential(0.7), Fixed(2), Fixed(5)]


@pytest.mark.parametrize("classes", CLASSES, ids=repr)
@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize(("w", "w_2"), [(1.0, 0.4), (0.5, 2.0), (2.0, 0.5), (-0.8, 0.9)])
def test_the_two_classes_are_alike(classes, sampler, w, w_2):
    """1 + w and w_2 exchanged exchange m and m_2, in every phase."""
    here, there = (final(Composed(*x), sampler, classes) for x in ((w, w_2), (w_2 - 1.0, 1.0 + w)))
    assert here == pytest.approx((there[1], there[0], there[2]), abs=1e-6)
    assert here[0] != pytest.approx(there[0], abs=1e-3) or here[0] == pytest.approx(here[1], abs=1e-6)


@pytest.mark.parametrize("classes", CLASSES, ids=repr)
@pytest.mark.parametrize("w", [0.0, 1.0])
def test_an_exact_tie_stays_one(classes, w):
    m, m_2, _ = final(Composed(w, w_2=1.0 + w), "sde", classes)
    assert m == pytest.approx(m_2, abs=1e-7)


def test_two_classes_and_no_others():
    """Class 1 wins at once: D s = (1 - w_2) mu_1 + w_2 mu_2 - x from then on. With w_2 > 1/2 both share: 1/2, 1/2."""
    left = 1 - math.sqrt(SIGMA2 / (SIGMA2 + T))
    for w_2 in (0.2, 0.4):
        assert final(Composed(1.0, w_2), "ode", Fixed(2))[:2] == pytest.approx([(1 - w_2) * left, w_2 * left], abs=1e-6)
    for w_2 in (0.6, 1.0, 1.5):
        assert final(Composed(1.0, w_2), "ode", Fixed(2))[:2] == pytest.approx([left / 2, left / 2], abs=1e-6)


def test_the_heavier_condition_takes_the_weight():
    assert solve(problem(Composed(1.0, 0.4), "ode", Exponential(0.4))).phases == ("crowd", "target")
    other = solve(problem(Composed(-0.6, 2.0), "ode", Exponential(0.4)))
    assert other.phases == ("crowd", "second")
    assert other.final.F < 0.0
    assert other.events[-1].kind == "second"


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize(("w", "w_2"), [(1.0, 1.0), (1.0, 0.4)])
def test_those_that_share_stay_level(sampler, w, w_2):
    """And one vector through the steps of Heun's method tends to the same, with no rule for shares."""
    found = solve(problem(Composed(w, w_2), sampler, Exponential(0.4)))
    if "sliding" in found.phases:
        assert found.standing in ("asymptotic", "approximate")
        last = found.at(np.linspace(0.0, 0.5 * found.events[-1].t, 9))
        assert np.all(last.F <= 1e-8)
        assert np.all(last.m > last.m_2 - 1e-8)
    if sampler == "ode":
        laws = [solve_sampler(found.problem, heun(karras_sigmas(n, 1e-3, T**0.5))) for n in (50, 400)]
        off = [abs(float(law.final.m - found.final.m)) + abs(float(law.final.m_2 - found.final.m_2)) for law in laws]
        assert off[1] < 4e-3


def test_by_group_of_directions():
    """Groups of a spectrum in a continuum: each is a problem of its own."""
    two = Spectrum(c=[0.25, 0.5], u=[0.75, 4.0], share=[0.5, 0.5])
    for rule in (Negative(1.0), Composed(1.0, 0.4)):
        p = Problem(classes=Continuum(), spectrum=two, guidance=rule, sampler="ode", t_start=T)
        found = solve(p).final
        for i, (c, g) in enumerate(((0.25, 0.5), (0.5, 3.5))):
            one = solve(Problem(classes=Continuum(), sigma2=c / g, guidance=rule, sampler="ode", t_start=T / g)).final
            assert found.m_group[i] == pytest.approx(one.m, abs=1e-7)
            assert found.m_2_group[i] == pytest.approx(one.m_2, abs=1e-7)
        q = found.m_group**2 + found.m_2_group**2 + found.v_group
        assert found.q == pytest.approx(q @ [0.25, 1.75])
