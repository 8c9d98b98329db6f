"""How far rules of guidance move the mean with the SDE: (P9), (P10) and (vi) of docs/rules.md."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import Piecewise, Projected, Rescale
from meanfield.theory.motion import Groups, Point
from meanfield.theory.push import push_of_rule
from tests.rules.paths import T, amplitudes, final, path, steps


def h_of(prediction, sigma2, t):
    """Every conditional prediction is a multiple of mu_1 - h x."""
    return {"x0": -sigma2 / t, "eps": 1.0 + 0.0 * t, "v": (1.0 - sigma2) / (1.0 + t)}[prediction]


def states(sigma2, count=40):
    """Random states, as Points."""
    rng = np.random.default_rng(5)
    groups = Groups(sigma2)
    for t, m, excess in zip(*(rng.uniform(*ends, count) for ends in ((0.05, 9), (-1, 4), (-0.8, 1))), strict=True):
        yield t, Point(groups, groups.tau(t), m - 1.0, excess)


CASES = [(prediction, sigma2) for prediction in ("x0", "eps", "v") for sigma2 in (0.25, 4.0)]


# -- identities, against the rules' own code ---------------------------------------------------------------------------


@pytest.mark.parametrize(("prediction", "sigma2"), CASES)
def test_the_push_at_eta_0_and_the_sign_at_the_barrier(prediction, sigma2):
    """(P9a) at any m, (P10a) at m = 1 + D."""
    for t, p in states(sigma2):
        c, h, m, v, w = 1.0 / (1.0 + p.D), h_of(prediction, sigma2, t), float(p.m), float(p.v), 1.7
        square = (1.0 - h * m) ** 2 + h * h * v
        a, b = push_of_rule(Projected(w, prediction=prediction), p, w, p.c, 0.0)
        assert b == pytest.approx(w * (c - h) * (1.0 - h * m) / square, abs=1e-9)
        assert a - b * m == pytest.approx(-w * (c - h) * h * v / square, abs=1e-9)
        assert abs(a - b * m + w * (c - h) * h * v) > 1e-6 or square == pytest.approx(1.0), "negative control"
        at = Point(p.groups, p.tau, p.D, math.log(v / p.D))  # m = 1 + D
        square = (1.0 - h / c) ** 2 + h * h * v
        for base, g in (("cond", w), ("uncond", 1.0 + w)):
            for eta in (0.0, 0.3, 1.6):
                a, b = push_of_rule(Projected(w, eta, None, prediction, base), at, w, at.c, 0.0)
                assert a - b / c == pytest.approx(-(1.0 - eta) * g * h * (c - h) * v / square, abs=1e-9)


@pytest.mark.parametrize(("prediction", "sigma2"), CASES)
@settings(max_examples=6)
@given(values=amplitudes, threshold=st.sampled_from([None, 0.5]))
def test_projected_guidance_keeps_the_distance_of_P9(prediction, sigma2, values, threshold):
    """(P9) on the way, where h is what it is, and at its end; a little of the parallel part breaks it."""

    def distance(rule):
        found = path(rule, "sde", sigma2)
        on = found.t > 1e-3
        t, m, v = found.t[on], found.m[on], found.v[on]
        return t, (m - 1.0 / h_of(prediction, sigma2, t)) ** 2 + v

    def without(t):
        """R^2 = D + (R_T^2 - D_T)(D/D_T)^2 with R_T^2 = 1/h_T^2 + T: from dR^2/dtau = -2 R^2 + D."""
        D, D_T = sigma2 + t, sigma2 + T
        return D + (1.0 / h_of(prediction, sigma2, T) ** 2 - sigma2) * (D / D_T) ** 2

    w = steps([1.0, *values])
    t, found = distance(Projected(w, 0.0, threshold, prediction))
    assert found == pytest.approx(without(t), rel=1e-7)
    t, found = distance(Projected(w, 0.3, threshold, prediction))
    assert np.max(np.abs(found / without(t) - 1.0)) > 1e-4, "negative control"


@pytest.mark.parametrize(("prediction", "sigma2"), CASES)
def test_from_u_the_distance_obeys_P10(prediction, sigma2):
    for t, p in states(sigma2):
        c, m, v, D = 1.0 / (1.0 + p.D), float(p.m), float(p.v), p.D
        h, step = h_of(prediction, sigma2, t), 1e-5
        R2 = (m - 1.0 / h) ** 2 + v
        drift_of_inverse = (
            -D * (1.0 / h_of(prediction, sigma2, t + step) - 1.0 / h_of(prediction, sigma2, t - step)) / (2.0 * step)
        )
        stated = -2.0 * (1.0 - c) * R2 + D - 2.0 * (c - h) / h * (1.0 / h - m)
        for w in (0.0, 1.0, 5.0):
            a, b = push_of_rule(Projected(w, prediction=prediction, base="uncond"), p, w, p.c, 0.0)
            dm, dv = (1.0 + a) - (1.0 + b) * m, -2.0 * (1.0 + b) * v + D
            assert 2.0 * (m - 1.0 / h) * (dm - drift_of_inverse) + dv == pytest.approx(stated, rel=1e-6, abs=1e-6)
        a, b = push_of_rule(Projected(1.0, 0.3, prediction=prediction, base="uncond"), p, 1.0, p.c, 0.0)
        dm, dv = (1.0 + a) - (1.0 + b) * m, -2.0 * (1.0 + b) * v + D
        off = 2.0 * (m - 1.0 / h) * (dm - drift_of_inverse) + dv - stated
        d_and_C = (1.0 - h * m) * (1.0 - c * m) + h * c * v
        assert abs(off) > 1e-6 or abs(d_and_C / h) < 1e-4, "negative control"


# -- bounds of m(0), SDE -----------------------------------------------------------------------------------------------


def end_of_circle(h, sigma2):
    """The farthest m of (P9), from T = infinity."""
    return 1.0 / h + math.sqrt((1.0 - 1.0 / h) ** 2 + sigma2)


# rule of an amplitude, sigma2, bound, start
BOUNDS = {
    "eps": (lambda w: Projected(w, prediction="eps"), 0.25, 1.5, 1e6),
    "v above 1": (lambda w: Projected(w, prediction="v"), 4.0, end_of_circle(-3.0, 4.0), 1e6),
    "v below 1": (lambda w: Projected(w, prediction="v"), 0.25, 1.0, T),
    "v, eta": (lambda w: Projected(w, 0.4, prediction="v"), 0.25, 1.25, T),
    "v, eta, from u": (lambda w: Projected(w, 0.4, prediction="v", base="uncond"), 0.25, 1.25, T),
    "v from u": (lambda w: Projected(w, prediction="v", base="uncond"), 0.25, 0.0, T),
    "v from u above 1": (
        lambda w: Projected(w, prediction="v", base="uncond"),
        4.0,
        math.sqrt(5.0 + 1.0 / 9.0) - 1.0 / 3.0,
        T,
    ),
    "x0 from u": (lambda w: Projected(w, base="uncond"), 0.25, math.sqrt(1.25), T),
    "eps from u": (lambda w: Projected(w, prediction="eps", base="uncond"), 0.25, 1.0 + math.sqrt(1.25), 1e6),
    "more of the parallel part": (lambda w: Projected(w, 8.0), 0.25, 1.25, T),
    "rescale v, phi 1": (lambda w: Rescale(w, 1.0, "v"), 0.25, 1.0, T),
    "rescale v, phi 1, above 1": (lambda w: Rescale(w, 1.0, "v"), 4.0, end_of_circle(-3.0, 4.0), 1e6),
}


@pytest.mark.parametrize("name", BOUNDS)
@settings(max_examples=8)
@given(values=amplitudes, late=st.sampled_from([0.0, 300.0]))
def test_the_mean_has_its_bound(name, values, late):
    rule, sigma2, bound, start = BOUNDS[name]
    w = Piecewise([1e-3, *steps(values).edges], [late, *values])
    assert final(rule(w), "sde", sigma2, start)[0] <= bound + 2.0 / start


# rule, sigma2, breakpoints, values, m(0), the bound that it reaches or exceeds
REACHED = [
    ("eps", 0.25, [1e-3], [3e3, 0.0], 1.4998, 1.5),
    ("v above 1", 4.0, [1e-3], [3e5, 0.0], 2.0704, end_of_circle(-3.0, 4.0)),
    ("eps from u", 0.25, [1e-3], [1e5, 0.0], 2.1173, 1.0 + math.sqrt(1.25)),
]


@pytest.mark.parametrize(("name", "sigma2", "edges", "values", "m", "bound"), REACHED, ids=lambda x: str(x)[:12])
def test_bounds_that_a_burst_at_the_end_reaches(name, sigma2, edges, values, m, bound):
    rule = BOUNDS[name][0]
    assert final(rule(Piecewise(edges, values)), "sde", sigma2, 1e5)[0] == pytest.approx(m, abs=1e-4)
    assert m == pytest.approx(bound, abs=1e-3)


# rule, sigma2, breakpoints, values, m(0): above 1 + sigma2
EXCEEDED = [
    (lambda w: Rescale(w, 0.7, "v"), 4.0, [0.36, 1.0, 2.6, 38.0], [11.0, 7.0, 4.5, 2.6, 1e3], 5.0628),
    (lambda w: Projected(w, 0.5), 0.25, [5e-4, 50.0], [540.0, 0.16, 1e3], 1.2792),
    (lambda w: Projected(w, 0.1), 0.25, [1e-4, 13.4], [4800.0, 0.17, 1e3], 1.3218),
    (lambda w: Projected(w, 0.5, None, "eps"), 0.25, [4e-4, 55.0], [500.0, 1.2, 1e3], 1.3203),
    (
        lambda w: Projected(w, 0.5, None, "eps", "uncond"),
        0.25,
        [0.0015, 0.87, 62.0],
        [22.0, 0.65, 0.0, 1e3],
        1.3915,
    ),
    (lambda w: Projected(w, 0.5, base="uncond"), 0.25, [6e-4, 56.0], [220.0, 0.0, 1e3], 1.3275),
    (lambda w: Projected(w, 0.5, None, "v"), 4.0, [0.017, 55.0], [1e3, 1.0, 1e3], 5.1039),
    (lambda w: Projected(w, 0.5, None, "v", "uncond"), 4.0, [0.017, 56.0], [1e3, 0.0, 1e3], 5.1248),
]


@pytest.mark.parametrize(("rule", "sigma2", "edges", "values", "m"), EXCEEDED)
def test_rules_that_exceed_the_bound_of_a_weight(rule, sigma2, edges, values, m):
    w = Piecewise(edges, values)
    assert final(rule(w), "sde", sigma2)[0] == pytest.approx(m, abs=1e-4)
    assert m > 1.0 + sigma2 + 2e-3
    assert final(w, "sde", sigma2)[0] <= 1.0 + sigma2 + 1e-9, "a weight does not"
