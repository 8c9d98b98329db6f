"""Rules of guidance where their law is known: no guidance, weak guidance, after speciation, a weak model."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from meanfield import (
    Continuum,
    Exponential,
    Free,
    Interval,
    Problem,
    Projected,
    Rescale,
    Tangential,
    WeakModel,
    ZeroStar,
    dose,
    solve,
)
from meanfield.exact.closedform import after_speciation, closed_form

SIGMA2 = 0.25


def problem(guidance, sampler="ode", t_start=1e8, classes=None):
    classes = Continuum() if classes is None else classes
    return Problem(classes=classes, sigma2=SIGMA2, guidance=guidance, sampler=sampler, t_start=t_start)


# -- the weak model, (P7) ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("w", "delta"), [(1.0, 0.3), (2.5, 0.1), (0.5, 2.0), (-0.25, 0.3)])
def test_weak_model(w, delta):
    rho = 1.0 + delta / SIGMA2
    forms = {"ode": rho**-w, "sde": (rho - rho ** (-2.0 * w)) / ((rho - 1.0) * (1.0 + 2.0 * w))}
    for sampler, kept in forms.items():
        rule = WeakModel(w, delta)
        found = solve(problem(rule, sampler)).final
        assert found.v / SIGMA2 == pytest.approx(kept, abs=1e-6)
        assert found.m == pytest.approx(1.0, abs=1e-4)  # sqrt(sigma2/T)
        off = solve(problem(WeakModel(w, 1.1 * delta), sampler)).final
        assert abs(off.v / SIGMA2 - kept) > 1e-3, "negative control"
        assert closed_form(problem(rule, sampler)).v / SIGMA2 == pytest.approx(kept, abs=1e-6)


@pytest.mark.parametrize("sampler", ["ode", 0.5, "sde", 1.5])
@pytest.mark.parametrize("classes", [Continuum(), Exponential(0.4)], ids=repr)
def test_weak_model_for_any_sampler_start_and_number_of_classes(sampler, classes):
    p = problem(WeakModel(1.5, 0.3), sampler, 20.0, classes)
    form, found = closed_form(p), solve(p).final
    assert (float(found.m), float(found.v)) == pytest.approx((form.m, form.v), abs=1e-10)
    assert math.isnan(form.t_speciation)


# -- weak guidance -----------------------------------------------------------------------------------------------------


def weight(D, t):
    return 1.0, 1.0 / (1.0 + D)


def rescaled(h, phi):
    def push(D, t):
        c, H = 1.0 / (1.0 + D), h(D, t)
        less = phi * (1.0 - c) / (1.0 - 2.0 * H + H * H * (1.0 + D))
        return 1.0 - less, c - H * less

    return push


def projected(D, t):
    c = 1.0 / (1.0 + D)
    along = t * t * c / (D + SIGMA2**2)
    return 1.0 - along, c + along * SIGMA2 / t


def tangential(D, t):
    c = 1.0 / (1.0 + D)
    p, q = np.linalg.eigh([[1.0, 1.0 - c], [1.0 - c, 1.0 - c]])[1][:, -1]
    return 1.0 - p * q, p * (p - q) + c * q * q


def weak(D, t):
    return 2 * (0.3 / (D + 0.3),)


SLOPES = {
    "CFG": (lambda w: w, weight),
    "zero star": (ZeroStar, weight),
    "free, b = -w": (lambda w: Free(w, -w), weight),
    "rescale eps": (lambda w: Rescale(w, 0.6), rescaled(lambda D, t: 1.0, 0.6)),
    "rescale x0": (lambda w: Rescale(w, 0.6, "x0"), rescaled(lambda D, t: -SIGMA2 / t, 0.6)),
    "rescale v": (lambda w: Rescale(w, 0.6, "v"), rescaled(lambda D, t: (1 - SIGMA2) / (1 + t), 0.6)),
    "projected": (Projected, projected),
    "tangential": (Tangential, tangential),
    "weak model": (WeakModel, weak),
}


def slopes(push, eta):
    """d m(0)/dw and d (v(0)/sigma2)/dw at w = 0, from the push at m = 1 and v = D."""
    e, top = 0.5 * (1.0 + eta**2), math.log(1e8)

    def integrated(weight, power):
        def inside(s):  # s = log D
            D = math.exp(s)
            return weight(*push(D, max(D - SIGMA2, 1e-12))) * (SIGMA2 / D) ** power

        return quad(inside, math.log(SIGMA2), top, limit=200)[0]

    return integrated(lambda a, b: e * (a - b), e), integrated(lambda a, b: -2.0 * e * b, eta**2)


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_weak_guidance(name, sampler):
    rule, push = SLOPES[name]
    w = 1e-4
    some, none = (solve(problem(rule(x), sampler)).final for x in (w, 0.0))
    found = (float(some.m - none.m) / w, float(some.v - none.v) / SIGMA2 / w)
    expected = slopes(push, 1.0 if sampler == "sde" else 0.0)
    assert found == pytest.approx(expected, rel=2e-3, abs=2e-4)
    assert found != pytest.approx([1.1 * x for x in expected], rel=2e-3, abs=2e-4), "negative control"


def test_to_first_order_rescaled_eps_shifts_as_cfg_and_loses_the_share_one_minus_phi():
    for eta in (0.0, 1.0):
        m, v = slopes(weight, eta)
        for phi in (0.3, 1.0):
            assert slopes(SLOPES["rescale eps"][1] if phi == 0.6 else rescaled(lambda D, t: 1.0, phi), eta) == (
                pytest.approx(m, rel=1e-6),
                pytest.approx((1.0 - phi) * v, rel=1e-6, abs=1e-9),
            )
    assert slopes(weight, 0.0)[1] == pytest.approx(-math.log(1.0 + 1.0 / SIGMA2), rel=1e-6)


# -- after speciation --------------------------------------------------------------------------------------------------

SILENT = {name: rule for name, (rule, _) in SLOPES.items() if name not in ("weak model", "free, b = -w")}


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_done_after_speciation(name):
    """Both predictions agree there: (T10)."""
    for sampler, eta in (("ode", 0.0), ("sde", 1.0)):
        found = solve(problem(SILENT[name](1.0), sampler, 1000.0, Exponential(0.4)))
        (event,) = found.events
        assert event.kind == "speciation" and event.t > 0.5
        left = after_speciation(event.m, event.v, SIGMA2 + event.t, SIGMA2, eta)
        assert (float(found.final.m), float(found.final.v)) == pytest.approx(left, abs=1e-9)


@pytest.mark.parametrize("rule", [WeakModel(1.0), Free(1.0, b=-0.8)], ids=repr)
def test_rules_that_go_on_after_speciation(rule):
    found = solve(problem(rule, "ode", 1000.0, Exponential(0.4)))
    event = found.events[0]
    assert event.kind == "speciation"
    left = after_speciation(event.m, event.v, SIGMA2 + event.t, SIGMA2, 0.0)
    assert abs(float(found.final.v) - left[1]) > 0.01


@pytest.mark.parametrize("b", [-1.0, -0.5])
def test_schedules_of_a_rule_are_stated_in_the_own_time_of_the_noise(b):
    """sigma = 2 is t = 4: the same problem in both times."""
    stated = []
    for noise, t_start, low, high in (("ve", 1000.0, 0.49, 4.0), ("edm", math.sqrt(1000.0), 0.7, 2.0)):
        rule = Free(Interval(1.0, low, high), b=Interval(b, low, high))
        p = Problem(classes=Continuum(), sigma2=SIGMA2, guidance=rule, sampler="ode", t_start=t_start, noise=noise)
        stated.append((float(solve(p).final.m), float(solve(p).final.v), dose(rule, p)))
    assert stated[0] == pytest.approx(stated[1], abs=1e-8)
