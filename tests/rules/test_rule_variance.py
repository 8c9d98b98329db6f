"""(T17) for projected and rescaled rules: proved, refuted from some start, or measured (docs/rules.md)."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import Piecewise, Projected, Rescale, ScheduleError, no_go
from meanfield.theory.motion import Groups, Point
from meanfield.theory.push import push_of_rule
from tests.rules.paths import T, amplitudes, final, path, steps

# rule, samplers, variances
PROVED = {
    "rescale v, phi 1": (lambda w: Rescale(w, 1.0, "v"), ["ode", 0.5, "sde"], [0.05, 0.25, 0.9]),
    "rescale v above 1": (lambda w: Rescale(w, 0.4, "v"), ["ode", "sde"], [1.0, 4.0]),
    "projected v": (lambda w: Projected(w, 0.0, 0.6, "v"), ["ode", 0.5, "sde"], [0.05, 0.25, 4.0]),
    "projected v, sde": (lambda w: Projected(w, 0.4, None, "v"), ["sde", 1.5], [0.05, 0.25]),
    "projected v above 1": (lambda w: Projected(w, 0.4, None, "v"), ["ode", "sde"], [1.0, 4.0]),
    "cfg from u": (lambda w: Projected(w, 1.0, None, "eps", "uncond"), ["ode", "sde"], [0.25]),
}


@pytest.mark.parametrize("name", PROVED)
@settings(max_examples=6)
@given(values=amplitudes, early=st.sampled_from([0.0, 2e3]), data=st.data())
def test_no_amplitude_raises_the_variance(name, values, early, data):
    make, samplers, variances = PROVED[name]
    sampler, sigma2 = data.draw(st.sampled_from(samplers)), data.draw(st.sampled_from(variances))
    found = path(make(Piecewise([*steps(values).edges, 700.0], [*values, early])), sampler, sigma2)
    assert np.max(found.variance_excess) <= 1e-9
    assert found.problem.schedule.shrinks(sigma2, found.problem.eta) is True


# rule, sampler, sigma2, T, breakpoints, values, v(0)/sigma2 in docs/rules.md
RAISED = [
    (lambda w: Projected(w, 0.0, None, "eps"), "ode", 0.25, 3.0, [2.97], [0.0, 300.0], 1.2304),
    (lambda w: Projected(w, 0.0, None, "eps"), "sde", 0.25, 3.0, [2.97], [0.0, 200.0], 1.0153),
    (lambda w: Rescale(w, 0.95, "v"), "ode", 0.25, 1e6, [0.25, 5.0, 9e5], [0.0, 0.6, 0.0, 1.1e6], 1.0161),
    (lambda w: Rescale(w, 0.7, "v"), "ode", 0.7, 1e6, [1.7, 9e5], [0.16, 0.0, 3e5], 1.0058),
    (lambda w: Projected(w, 0.5, None, "v"), "ode", 0.25, 1e6, [160.0, 400.0, 9e5], [0.0, 1e3, 0.0, 1e6], 3.2319),
    (lambda w: Projected(w, 0.5, base="uncond"), "ode", 0.25, 1e5, [9e4], [0.0, 1e5], 1.4451),
    (lambda w: Projected(w, 0.5, base="uncond"), "sde", 0.25, T, [81.0], [0.0, 1e3], 1.0618),
    (lambda w: Projected(w, 0.5, None, "v", "uncond"), "ode", 4.0, 1e8, [9e7], [0.0, 8e6], 1.0666),
    (lambda w: Projected(w, 0.5, None, "v", "uncond"), "sde", 4.0, 1e6, [1e3], [0.0, 1e6], 1.0052),
    (lambda w: Projected(w, base="uncond"), "sde", 4.0, 0.3, [], [0.0], 0.1351),
]


@pytest.mark.parametrize(("make", "sampler", "sigma2", "start", "edges", "values", "kept"), RAISED)
def test_counterexamples_keep_more_than_no_guidance(make, sampler, sigma2, start, edges, values, kept):
    rule = make(Piecewise(edges, values))
    found = path(rule, sampler, sigma2, start)
    without = final(0.0, sampler, sigma2, start)[1]
    assert float(found.final.v) / sigma2 == pytest.approx(kept, abs=1e-4)
    assert kept > 1.002 * without
    with pytest.raises(ScheduleError, match=r"\(T17\) fails: from some start"):
        no_go(rule, found.problem)


def burst(rule, sigma2, t, first, last):
    """The change of log v by a burst from m = first to last, where v is far below all else; Gauss-Legendre."""
    groups = Groups(sigma2)

    def rate(m):
        p = Point(groups, groups.tau(t), m - 1.0, -60.0)
        a, b = push_of_rule(rule, p, 1.0, p.c, 0.0)
        return -2.0 * b / (a - b * m)  # dlog v/dm

    x, weights = np.polynomial.legendre.leggauss(60)
    return 0.5 * (last - first) * sum(weights * [rate(m) for m in first + 0.5 * (last - first) * (x + 1.0)])


def test_a_burst_from_a_small_start_raises_the_variance_at_every_eta():
    """(viii): the change of log v by a burst, and of v(0) against no guidance."""
    eta, c, u = 0.7, 0.5, 0.2
    left = 1.0 - c + c * u
    stated = 2.0 * math.log(left) + 2.0 * (1.0 / eta - 1.0) * math.log(left / u)
    assert burst(Projected(1.0, eta, None, "eps"), 1.0 / c - 1.0 - 1e-9, 1e-9, 0.0, 1.0 - u) == pytest.approx(
        stated, abs=1e-6
    )
    eta, c, first, last = 2.0, 0.8, 0.1, 0.9
    stated = 2.0 / eta * math.log((1.0 - c * last) / (1.0 - c * first)) + 2.0 * (1.0 - 1.0 / eta) * math.log(
        last / first
    )
    assert burst(Projected(1.0, eta), 1.0 / c - 1.0 - 1e-9, 1e-9, first, last) == pytest.approx(stated, abs=1e-6)
    assert burst(Projected(1.0, 1.0), 1.0 / c - 1.0 - 1e-9, 1e-9, first, last) < 0.0, "negative control"
    for rule, sigma2, kept, without in (
        (Projected(Piecewise([9e-5], [0.0, 3.8e5]), 0.7, None, "eps"), 1.0, 2.91e-4, 1.00e-4),
        (Projected(Piecewise([9e-5], [0.0, 2e4]), 2.0), 0.25, 0.01218, 4.00e-4),
    ):
        assert final(rule, "ode", sigma2, 1e-4)[1] == pytest.approx(kept, rel=2e-3)
        assert final(0.0, "ode", sigma2, 1e-4)[1] == pytest.approx(without, rel=2e-3)


def test_weak_guidance_widens_where_the_mean_is_far():
    """(ix): chi h/c at v = D, m = 1/h + D^(1/2)."""
    for sigma2, D in ((0.25, 30.0), (0.05, 400.0), (0.7, 4.0)):
        groups = Groups(sigma2)
        h, c = (1.0 - sigma2) / (1.0 + D - sigma2), 1.0 / (1.0 + D)
        p = Point(groups, groups.tau(D - sigma2), 1.0 / h + math.sqrt(D) - 1.0, 0.0)
        ratio = 1.0 + sigma2 * math.sqrt(D) / (2.0 * (1.0 - sigma2))
        for w in (1e-4, 1.0):
            b = push_of_rule(Projected(w, 0.4, None, "v"), p, w, p.c, 0.0).b
            assert b == pytest.approx(w * c * (1.0 - 0.6 * ratio), rel=1e-7)
        weak = push_of_rule(Rescale(1e-4, 0.6, "v"), p, 1e-4, p.c, 0.0).b
        assert weak == pytest.approx(1e-4 * c * (1.0 - 0.6 * ratio), rel=1e-2)


MEASURED = [("x0", 0.05, 0.140, 0.217), ("x0", 0.25, 0.373, 0.519), ("x0", 2.0, 0.707, 0.853), ("v", 4.0, 0.751, 0.853)]


@pytest.mark.parametrize(("prediction", "sigma2", "ode", "sde"), MEASURED)
def test_what_projecting_from_u_keeps_at_w_0(prediction, sigma2, ode, sde):
    rule = Projected(0.0, prediction=prediction, base="uncond")
    for sampler, kept in (("ode", ode), ("sde", sde)):
        assert final(rule, sampler, sigma2)[1] == pytest.approx(kept, abs=6e-4)
    with pytest.raises(ScheduleError, match="neither proved nor refuted"):
        no_go(rule, path(rule, "sde", sigma2).problem)


@pytest.mark.parametrize(("prediction", "sigma2", "ode", "sde"), MEASURED)
@settings(max_examples=4)
@given(values=amplitudes, early=st.sampled_from([0.0, 1e3]), sampler=st.sampled_from(["ode", "sde"]))
def test_from_u_no_amplitude_found_keeps_more_than_none(prediction, sigma2, ode, sde, values, early, sampler):
    """(xi): measured, so `no_go` takes neither."""
    w = Piecewise([*steps(values).edges, 700.0], [*values, early])
    kept = final(Projected(w, prediction=prediction, base="uncond"), sampler, sigma2)[1]
    assert kept <= {"ode": ode, "sde": sde}[sampler] + 6e-4


def test_what_is_said_of_each_rule():
    """The table of docs/rules.md: (T17) proved, refuted, or neither."""

    def said(eta, prediction, base="cond", sigma2=0.25, eta_s=0.0, threshold=None):
        return Projected(1.0, eta, threshold, prediction, base).shrinks(sigma2, eta_s)

    assert [said(eta, "x0") for eta in (0.0, 0.5, 1.0, 5.0, 5.1, -0.1)] == [True, True, True, False, False, None]
    assert [said(eta, "eps") for eta in (0.0, 0.9, 1.0, 1.1)] == [False, False, True, None]
    assert [said(eta, "v") for eta in (0.0, 0.5, 1.0)] == [True, False, True]
    assert [said(0.5, "v", eta_s=e) for e in (0.9, 1.0, 1.5)] == [False, True, True]
    assert [said(0.5, "v", sigma2=s) for s in (0.99, 1.0, 4.0)] == [False, True, True]
    assert [said(eta, p, "uncond") for p in ("eps", "v") for eta in (0.0, 0.9, 1.0)] == [False, False, True] * 2
    assert [said(eta, "x0", "uncond") for eta in (0.0, 0.5, 1.0, 1.5)] == [None, False, True, None]
    assert [said(0.0, "x0", "uncond", s, e) for s, e in ((2.9, 0.0), (3.1, 0.0), (2.1, 1.0))] == [None, False, False]
    assert [said(0.5, "x0", "uncond", eta_s=e) for e in (1.0, 1.5)] == [False, None]
    assert said(1.0, "eps", "uncond", threshold=0.5) is None
    for phi, truth in ((0.0, True), (0.5, False), (1.0, True)):
        assert Rescale(1.0, phi, "v").shrinks(0.25, 0.0) is truth
    assert Rescale(1.0, 0.5, "v").shrinks(1.0, 0.0) and Rescale(1.0, 0.5, "v").shrinks(0.25, 1.0)
