"""The library of schedules: values, files, breakpoints, and the same answers from every method that takes them."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library import LIBRARY, random_schedules

import meanfield
from meanfield import (
    EDM,
    ClampLinear,
    Continuum,
    Custom,
    Exponential,
    ExponentialRamp,
    Interval,
    Problem,
    Ramp,
    Schedule,
    ScheduleError,
    Spectrum,
    Tabulated,
    Triangular,
    early_high,
    solve,
)
from meanfield.exact.directions import along
from meanfield.exact.theorems import final_from_dose, mean_from_dose, variance_from_dose

EVERY = pytest.mark.parametrize("name", LIBRARY)


@EVERY
def test_each_schedule_can_be_written_and_read(name):
    schedule = LIBRARY[name]
    again = Schedule.from_dict(json.loads(json.dumps(schedule.to_dict())))
    assert again == schedule and repr(again) == repr(schedule)
    assert eval(repr(schedule), vars(meanfield)) == schedule
    assert schedule.to_dict() == {"schedule": schedule.name, **schedule.parameters}
    p = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=schedule)
    assert Problem.from_dict(json.loads(json.dumps(p.to_dict()))) == p


@EVERY
def test_each_schedule_is_vectorised(name):
    schedule, t = LIBRARY[name], np.geomspace(1e-3, 1e3, 24).reshape(2, 3, 4)
    one_by_one = [float(schedule.w(x)) for x in t.ravel()]
    assert np.array_equal(schedule.w(t), np.reshape(one_by_one, t.shape))
    assert np.array_equal(schedule.scale(t), 1.0 + schedule.w(t))
    assert np.all(schedule.w(t[t > schedule.constant_above]) == schedule.w(1e6))


def roughness(schedule, breakpoints) -> float:
    """Largest error of polynomials of degree 150 between the breakpoints: small if w is smooth there."""
    ends, worst = [0.0, *breakpoints, 12.0], 0.0
    for a, b in pairwise(ends):
        inside = 1e-12 * (b - a)
        w = lambda t: schedule.w(np.clip(t, a + inside, b - inside))  # noqa: B023, E731
        fit = np.polynomial.Chebyshev.interpolate(w, 150, domain=[a, b])
        t = np.linspace(a, b, 501)
        worst = max(worst, float(np.abs(fit(t) - w(t)).max()))
    return worst


@EVERY
def test_breakpoints_are_complete_and_needed(name):
    """Between breakpoints w is analytic; leaving any of them out (the negative control) is seen."""
    schedule = LIBRARY[name]
    cuts = schedule.breakpoints
    assert list(cuts) == sorted(set(cuts)) and all(0 < t < math.inf for t in cuts)
    assert roughness(schedule, cuts) < 1e-9
    for i in range(len(cuts)):
        assert roughness(schedule, cuts[:i] + cuts[i + 1 :]) > 1e-8


def test_values_by_hand():
    t = np.array([9.0, 4.0, 1.0, 0.25, 0.0])
    assert Ramp(1.0, 5.0, 1.0, 5.0).w(t) == pytest.approx([1.0, 2.0, 5.0, 5.0, 5.0])
    assert Ramp(1.0, 5.0, 0.0, 8.0, power=2.0).w(t) == pytest.approx([1.0, 2.0, 4.0625, 1 + 4 * (7.75 / 8) ** 2, 5.0])
    cosine = [1.0, 3.0, 3.0 - 2.0 * math.cos(math.pi * 7 / 8), 3.0 - 2.0 * math.cos(math.pi * 7.75 / 8), 5.0]
    assert Ramp(1.0, 5.0, 0.0, 8.0, shape="cosine").w(t) == pytest.approx(cosine)
    assert Ramp(0.0, 4.0, 0.25, 4.0, over="log t").w(t) == pytest.approx([0.0, 0.0, 2.0, 4.0, 4.0])
    assert ClampLinear(0.0, 4.0, 1.5, 0.25, 4.0, over="log t").w(t) == pytest.approx([1.5, 1.5, 2.0, 4.0, 4.0])
    assert Triangular(0.0, 4.0, 0.0, 1.0, 7.0).w(t) == pytest.approx([0.0, 2.0, 4.0, 1.0, 0.0])
    decay = [2.0, 2.0 * math.exp(-0.5), 2.0 * math.exp(-0.875), 2.0 * math.exp(-7.75 / 8), 2.0 * math.exp(-1.0)]
    assert ExponentialRamp(2.0, 1.0, 0.0, 8.0, offset=-1.0).w(t) == pytest.approx(np.array(decay) - 1.0)


@EVERY
@pytest.mark.parametrize("sampler", ["sde", "ode", 0.5])
def test_dose_integrals_agree_with_the_solver(name, sampler):
    for T in (10.0, math.inf):
        p = Problem(classes=Continuum(), sigma2=0.25, guidance=LIBRARY[name], sampler=sampler, t_start=T)
        dose, final = final_from_dose(p), solve(p).final
        assert dose.m == pytest.approx(float(final.m), abs=1e-8)
        assert dose.v == pytest.approx(float(final.v), rel=1e-7)
    wrong = Custom(lambda t: LIBRARY[name].w(t) + 1e-5, jumps=LIBRARY[name].breakpoints)  # the negative control
    p = p.replace(t_start=10.0)
    assert abs(final_from_dose(p.replace(guidance=wrong)).v / solve(p).final.v - 1.0) > 1e-6


def table(schedule, n: int) -> Tabulated:
    """A table of n equal steps in log t between breakpoints; jumps become ramps of relative width 1e-7."""
    ends = [1e-3, *schedule.breakpoints, 2.0 * max(schedule.constant_above, 1.0)]
    pieces = [np.geomspace(a * (1 + 1e-7), b, n + 1) for a, b in pairwise(ends)]
    return Tabulated(t := np.concatenate(pieces), schedule.w(t))


@EVERY
def test_the_solver_takes_a_schedule_as_its_own_fine_table(name):
    """Interpolation errors are of second order: two nested tables extrapolate to the schedule."""
    p = Problem(classes=Exponential(0.7), sigma2=0.25, guidance=LIBRARY[name], sampler="ode", t_start=100.0)
    true, fine, coarse = (
        np.array([f.m, f.v])
        for f in (solve(p.replace(guidance=g)).final for g in (p.guidance, *(table(p.guidance, n) for n in (80, 40))))
    )
    assert np.abs(fine - true).max() < 1e-4
    assert np.abs(fine + (fine - coarse) / 3.0 - true).max() < 1e-6
    other = solve(p.replace(guidance=Custom(lambda t: p.guidance.w(t) * 1.001, jumps=p.guidance.breakpoints))).final
    assert abs(float(other.m) - true[0]) > 1e-5  # negative control: weights off by 0.1 % are seen


@settings(max_examples=60)
@given(schedule=random_schedules(), T=st.sampled_from([3.0, 50.0, math.inf]), sigma2=st.floats(0.02, 3.0))
def test_dose_theorems_hold_for_the_library(schedule, T, sigma2):
    """(T16) and (T18): the dose alone decides m(0) of the SDE and v(0) of the ODE."""
    p = Problem(classes=Continuum(), sigma2=sigma2, guidance=schedule, t_start=T)
    sde, ode = final_from_dose(p), final_from_dose(p.replace(sampler="ode"))
    assert sde.m == pytest.approx(mean_from_dose(p, sde.dose), rel=1e-9, abs=1e-9)
    assert ode.v == pytest.approx(variance_from_dose(p, ode.dose), rel=1e-9)
    assert sde.m <= 1.0 + sigma2 + 1e-9


@settings(max_examples=60)
@given(schedule=random_schedules(low=0.0), eta=st.floats(0.0, 3.0), T=st.sampled_from([3.0, 50.0, math.inf]))
def test_no_go_for_the_library(schedule, eta, T):
    """(T17): no non-negative schedule keeps the variance; at a finite start the unguided sampler loses some already."""
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=schedule, sampler=eta, t_start=T)
    result, unguided = final_from_dose(p), final_from_dose(p.replace(guidance=0.0))
    assert result.dose >= 0.0
    assert result.v <= unguided.v * (1 + 1e-12) <= 0.25 * (1 + 1e-9)


@settings(max_examples=25)
@given(
    schedule=random_schedules(low=0.0),
    eta=st.sampled_from([0.0, 0.6, 1.0, 1.5]),
    c=st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0)),
    g=st.tuples(st.floats(0.3, 4.0), st.floats(0.3, 4.0)),
)
def test_dose_theorems_hold_along_every_direction_of_a_spectrum(schedule, eta, c, g):
    """(T16)-(T18) direction by direction, each with a dose of its own, against the solver of groups."""
    spectrum = Spectrum(c=list(c), u=[a + b for a, b in zip(c, g, strict=True)])
    p = Problem(classes=Continuum(), spectrum=spectrum, guidance=schedule, sampler=eta)
    final = solve(p).final
    for i in range(2):
        one = along(p, i)
        result = final_from_dose(one)
        assert float(final.mean_shift_group[i]) + 1.0 == pytest.approx(result.m, abs=1e-7)
        assert float(final.variance_excess_group[i]) + 1.0 == pytest.approx(result.v / one.sigma2, abs=1e-7)
        assert result.v <= one.sigma2 * (1.0 + 1e-12)
        if eta == 1.0:
            assert result.m == pytest.approx(mean_from_dose(one, result.dose), rel=1e-9)
        if eta == 0.0:
            assert result.v == pytest.approx(variance_from_dose(one, result.dose), rel=1e-9)


def test_own_time_of_other_processes():
    """A ramp in sigma is a ramp in the square root of VE time."""
    ramp = Ramp(0.0, 4.0, 0.3, 2.0)
    p = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=ramp, noise=EDM())
    same = p.replace(guidance=Custom(lambda t: ramp.w(np.sqrt(t)), jumps=[0.09, 4.0]), noise="ve", t_start=1e4)
    a, b = solve(p.replace(t_start=100.0)).final, solve(same).final
    assert float(a.m) == pytest.approx(float(b.m), abs=1e-9)
    assert abs(float(solve(same.replace(guidance=ramp)).final.m) - float(a.m)) > 1e-3  # negative control


class Foreign:
    """A schedule of somebody else: the protocol is `w(t)`, and `breakpoints` if there are any."""

    breakpoints = (0.5, 2.0)

    def w(self, t):
        return np.where((np.asarray(t) > 0.5) & (np.asarray(t) <= 2.0), 3.0, 0.0)


def test_any_object_with_a_weight_is_a_schedule():
    p = Problem(classes=Exponential(0.7), sigma2=0.25, guidance=Foreign(), t_start=100.0)
    assert p.schedule.breakpoints == (0.5, 2.0)
    a, b = solve(p).final, solve(p.replace(guidance=Interval(3.0, 0.5, 2.0))).final
    assert float(a.m) == pytest.approx(float(b.m), abs=1e-10)


BAD = {
    "reversed interval": (lambda: Ramp(0.0, 1.0, 2.0, 1.0), "t_high must be above t_low"),
    "negative power": (lambda: Ramp(0.0, 1.0, 0.0, 1.0, power=-2.0), "Exchange early and late"),
    "zero power": (lambda: Ramp(0.0, 1.0, 0.0, 1.0, power=0.0), "power must be"),
    "unknown shape": (lambda: Ramp(0.0, 1.0, 0.0, 1.0, shape="sine"), "shape must be one of"),
    "unknown clock": (lambda: Ramp(0.0, 1.0, 0.0, 1.0, over="steps"), "over must be one of"),
    "log of zero": (lambda: Ramp(0.0, 1.0, 0.0, 1.0, over="log t"), 'over="t" allows 0'),
    "nan value": (lambda: Ramp(math.nan, 1.0, 0.0, 1.0), "early must be"),
    "infinite time": (lambda: Triangular(0.0, 1.0, 0.0, 1.0, math.inf), "t_high must be"),
    "peak outside": (lambda: Triangular(0.0, 1.0, 1.0, 0.5, 2.0), "t_peak must lie between"),
    "huge rate": (lambda: ExponentialRamp(1.0, 1e6, 0.0, 1.0), "rate must be"),
    "negative switch": (lambda: early_high(1.0, -1.0), "t_switch must be"),
    "missing key": (lambda: Schedule.from_dict({"schedule": "ramp", "early": 1.0}), "missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case):
    make, message = BAD[case]
    with pytest.raises(ScheduleError, match=message):
        make()


@pytest.mark.parametrize(
    "function", [lambda t: 1.0 / np.asarray(t), lambda t: np.where(np.asarray(t) < 3, 1.0, np.nan)]
)
def test_a_function_that_is_not_finite_is_refused(function):
    with np.errstate(divide="ignore"), pytest.raises(ScheduleError, match="finite in the sampled range"):
        Problem(classes=Exponential(0.4), sigma2=0.25, guidance=function, t_start=10.0)
