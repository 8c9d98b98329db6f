"""For which rules of guidance the theorems (T16)-(T18) hold: the table of docs/rules.md, entry by entry."""

import math

import numpy as np
import pytest
from continuum_cases import SIGMA2, T, amplitudes, final, problem, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import (
    ByGroup,
    Composed,
    Custom,
    CustomRule,
    Free,
    Interval,
    Linear,
    Negative,
    Piecewise,
    Projected,
    Rescale,
    ScheduleError,
    Tangential,
    WeakModel,
    ZeroStar,
    dose,
    no_go,
    solve,
)
from meanfield.theory.motion import Groups, Point
from meanfield.theory.push import push_of_rule

# -- the pushes of docs/rules.md, (P1)-(P6), written out again ---------------------------------------------------------


def of_x0(D, t):
    """h of the prediction, a multiple of mu_1 - h x."""
    return -(D - t) / t


def of_eps(D, t):
    return 1.0


def of_v(D, t):
    return (1 - D + t) / (1 + t)


def rescaled(h):
    def push(m, v, D, t, w, c, phi):
        def size(p, q):  # |p mu_1 - q x|
            return math.sqrt(p * p - 2 * p * q * m + q * q * (m * m + v))

        factor = 1 - phi + phi * size(1, h(D, t)) / size(1 + w, h(D, t) + w * c)
        return factor * (1 + w) - 1, factor * (h(D, t) + w * c) - h(D, t)

    return push


def projected(h, start=0.0):
    """Predictions that are multiples of mu_1 - h x; start = 1 from the unconditional one."""

    def push(m, v, D, t, w, c, eta):
        k, g, square = h(D, t), start + w, m * m + v
        along_cond = (1 - (k + c) * m + c * k * square) / (1 - 2 * k * m + k * k * square)
        return (
            g * (1 - (1 - eta) * along_cond) - start,
            g * (c - (1 - eta) * along_cond * k) - start * c,
        )

    return push


def zero_star(m, v, D, t, w, c, _):
    return w, w * m / (m * m + v)


def tangential(m, v, D, t, w, c, _):
    gram = np.array([[(m - 1) ** 2 + v, (1 - c) * (m * m + v - m)], [0, (1 - c) ** 2 * (m * m + v)]])
    p, q = np.linalg.eigh(gram.T)[1][:, -1]
    return w * (1 - p * q), w * (p * (p - q) + c * q * q)


PUSHES = {
    "rescale x0": (lambda x: Rescale(1.0, x, "x0"), rescaled(of_x0), 0.7),
    "rescale eps": (lambda x: Rescale(1.0, x, "eps"), rescaled(of_eps), 0.7),
    "rescale v": (lambda x: Rescale(1.0, x, "v"), rescaled(of_v), 0.7),
    "projected": (lambda x: Projected(1.0, x), projected(of_x0), 0.3),
    "projected eps": (lambda x: Projected(1.0, x, prediction="eps"), projected(of_eps), 0.3),
    "projected v": (lambda x: Projected(1.0, x, prediction="v"), projected(of_v), 0.3),
    "projected x0, uncond": (lambda x: Projected(1.0, x, base="uncond"), projected(of_x0, 1), 0.3),
    "projected eps, uncond": (lambda x: Projected(1.0, x, None, "eps", "uncond"), projected(of_eps, 1), 0.3),
    "projected v, uncond": (lambda x: Projected(1.0, x, None, "v", "uncond"), projected(of_v, 1), 0.0),
    "zero star": (lambda x: ZeroStar(1.0), zero_star, 0.0),
    "tangential": (lambda x: Tangential(1.0), tangential, 0.0),
    "weak model": (lambda x: WeakModel(1.0, x), lambda m, v, D, t, w, c, x: 2 * (w * x / (D + x),), 0.3),
    "free": (lambda x: Free(1.0, x), lambda m, v, D, t, w, c, x: (w, w + x * (1 - c)), -0.9),
}


@pytest.mark.parametrize("name", PUSHES)
def test_pushes_are_those_derived(name):
    make, push, parameter = PUSHES[name]
    rng = np.random.default_rng(1)
    for t, m, w, excess in zip(
        *(rng.uniform(*ends, 40) for ends in ((0.05, 9), (0, 2), (0.2, 5), (-1, 1))), strict=True
    ):
        groups = Groups(SIGMA2)
        p = Point(groups, groups.tau(t), m - 1.0, excess)
        made = push_of_rule(make(parameter), p, w, p.c, 0.0)
        assert made == pytest.approx(push(m, p.v, p.D, t, w, 1 / (1 + p.D), parameter), abs=1e-9)
        off = push(m, p.v, p.D, t, 1.1 * w, 1 / (1 + p.D), parameter)
        assert abs(made.a - off[0]) + abs(made.b - off[1]) > 1e-6, "negative control"


# -- (T17) -------------------------------------------------------------------------------------------------------------

PROVED = {
    "rescale x0": lambda w: Rescale(w, 1.0, "x0"),
    "projected": Projected,
    "projected, threshold": lambda w: Projected(w, 0.5, threshold=0.4),
    "zero star": ZeroStar,
    "weak model": lambda w: WeakModel(w, 0.7),
    "free": lambda w: Free(w, Custom(lambda t: -0.9 * w.w(t), w.breakpoints)),
    "by group": lambda w: ByGroup(w, [2.0]),
    "negative": Negative,
    "composed": lambda w: Composed(w, w_2=0.4),
}


@pytest.mark.parametrize("name", PROVED)
@settings(max_examples=8)
@given(values=amplitudes, sampler=st.sampled_from(["ode", "sde", 0.5, 1.5]), sigma2=st.sampled_from([0.05, 0.25, 2.0]))
def test_no_amplitude_of_a_proved_rule_raises_the_variance(name, values, sampler, sigma2):
    p = problem(PROVED[name](steps(values)), sampler, sigma2)
    path = solve(p)
    assert np.max(path.variance_excess) <= 1e-9  # at all times
    assert np.min(path.m) >= -1e-9
    assert no_go(p.guidance, p).v_ratio <= no_go(p.guidance, p).best_ratio * (1 + 1e-9)


@settings(max_examples=15)
@given(values=amplitudes, eta=st.sampled_from([1.0, 1.5]), phi=st.sampled_from([0.3, 1.0]), sigma2=st.floats(0.05, 2.0))
def test_rescaled_v_shrinks_with_the_sde(values, eta, phi, sigma2):
    path = solve(problem(Rescale(steps(values), phi, "v"), eta, sigma2))
    assert np.max(path.variance_excess) <= 1e-9
    assert np.max(path.m - 1.0 - path.D) <= 1e-9


# rule, sampler, v(0)/sigma2 in docs/rules.md
RAISED = [
    (Rescale(Interval(5.0, 0.5, 5.0), 1.0), "ode", 1.0993),
    (Rescale(Interval(20.0, 0.2, 0.5), 1.0), "sde", 1.0479),
    (Rescale(0.05, 1.0), "ode", 1.0013),
    (Rescale(Interval(20.0, 50.0, 100.0)), "ode", 1.1688),
    (Rescale(Interval(50.0, 100.0, 200.0)), "sde", 1.0006),
    (Tangential(Interval(40.0, 40.0, 150.0)), "ode", 1.4424),
    (Tangential(Interval(40.0, 40.0, 150.0)), "sde", 1.0030),
    (Projected(Interval(14.0, 18.0, 20.0), 8.0), "ode", 1.0335),
    (Free(Interval(1.0, 1.0, T), Interval(-1.2, 1.0, T)), "ode", 1.8825),
]


@pytest.mark.parametrize(("rule", "sampler", "kept"), RAISED, ids=lambda x: str(x)[:20])
def test_counterexamples_raise_the_variance_and_no_go_refuses_them(rule, sampler, kept):
    assert kept > 1.0
    assert final(rule, sampler)[1] == pytest.approx(kept, abs=1e-4)
    with pytest.raises(ScheduleError, match=r"\(T17\) fails.*docs/rules\.md"):
        no_go(rule, problem(sampler=sampler))


def test_where_nothing_is_known_no_go_says_so():
    def own(x, cond, uncond, t, w):
        return cond + w * (cond - uncond)

    for rule in (Projected(1.0, base="uncond"), Projected(1.0, -0.5), CustomRule(own)):
        with pytest.raises(ScheduleError, match="neither proved nor refuted"):
            no_go(rule, problem())
    with pytest.raises(ScheduleError, match="w >= 0"):
        no_go(ZeroStar(Linear(-1.0, 0.1)), problem())


def test_free_coefficients_can_shift_the_mean_at_no_cost():
    """b = -w (1 + 1/D): the push has b = 0, v stays D, and m tends to 1 + w."""
    b = Custom(lambda t: -1.0 - 1.0 / (SIGMA2 + np.asarray(t)))
    for sampler in ("ode", "sde"):
        m, kept = final(Free(1.0, b), sampler, t_start=1e6)
        assert kept == pytest.approx(1.0, abs=1e-5)
        assert m == pytest.approx(2.0, abs=2e-3)
        assert dose(Free(1.0, b), problem(sampler=sampler)) == pytest.approx(0.0, abs=1e-12)


# -- how far the mean can go with the SDE ------------------------------------------------------------------------------

BOUNDS = {
    "projected": (Projected, math.sqrt(1.0 + SIGMA2)),
    "rescale x0, phi 1": (lambda w: Rescale(w, 1.0, "x0"), math.sqrt(1.0 + SIGMA2)),
    "rescale v": (lambda w: Rescale(w, prediction="v"), 1.0 + SIGMA2),
    "tangential": (Tangential, 1.0 + SIGMA2),
    "weak model": (WeakModel, 1.0),
}


@pytest.mark.parametrize("name", BOUNDS)
@settings(max_examples=12)
@given(values=amplitudes)
def test_the_mean_of_the_sde_is_bounded(name, values):
    rule, bound = BOUNDS[name]
    assert final(rule(steps(values)), "sde")[0] <= bound + 1e-9


def test_three_rules_exceed_the_bound_of_a_weight():
    assert final(Rescale(3.0), "sde")[0] == pytest.approx(1.3177, abs=1e-4)
    assert final(ZeroStar(40.0), "sde")[0] == pytest.approx(1.3004, abs=1e-4)
    up_down_up = Piecewise([0.015, 1.15], [11.0, 0.35, 24.0])
    assert final(Rescale(up_down_up, 0.5, "x0"), "sde")[0] == pytest.approx(1.2632, abs=1e-4)
    assert final(40.0, "sde")[0] <= 1.0 + SIGMA2
