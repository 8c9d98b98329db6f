"""Statement of noise processes: the map onto VE time and back, schedules in own time, round trips, refusals."""

import json
import math

import native_processes as native
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import (
    EDM,
    VE,
    Constant,
    Custom,
    Exponential,
    Interval,
    Linear,
    Noise,
    OrnsteinUhlenbeck,
    Piecewise,
    Problem,
    ProblemError,
    RectifiedFlow,
    Schedule,
    ScheduleError,
    Tabulated,
    VPCosine,
    VPLinear,
)
from meanfield.problem.owntime import InOwnTime, in_ve_time

PROCESSES = {
    VE(): native.ve(),
    EDM(): native.edm(),
    OrnsteinUhlenbeck(): native.ornstein_uhlenbeck(),
    VPLinear(): native.vp_linear(),
    VPLinear(0.5, 0.5): native.vp_linear(0.5, 0.5),
    VPCosine(): native.vp_cosine(),
    VPCosine(0.0): native.vp_cosine(0.0),
    RectifiedFlow(): native.rectified_flow(),
}
every = pytest.mark.parametrize("noise", PROCESSES, ids=repr)


def problem(**changes):
    return Problem(**{"classes": Exponential(0.4), "sigma2": 0.25, "guidance": 1.0, **changes})


@every
@given(st.floats(-14.0, 14.0))
@settings(max_examples=200)
def test_own_time_inverts_ve_time(noise, log_t):
    t = 10.0**log_t
    if t < noise.t_last:
        s = noise.own_time(t)
        below, above = s * (1.0 - 1e-15), min(s * (1.0 + 1e-15), noise.last)  # as far as s resolves t
        assert noise.ve_time(below) * (1.0 - 1e-14) <= t <= noise.ve_time(above) * (1.0 + 1e-14)


@every
@given(st.floats(-12.0, 0.0))
@settings(max_examples=100)
def test_ve_time_inverts_own_time(noise, log_s):
    s = 10.0**log_s * min(noise.last, 300.0)
    assert noise.own_time(noise.ve_time(s)) == pytest.approx(s, rel=1e-10)


@every
def test_scale_and_noise_are_those_of_the_papers(noise):
    textbook = PROCESSES[noise]
    s = np.linspace(0.0, min(noise.last, 3.0), 41)[:-1]
    assert np.allclose(noise.a(s), [textbook.a(x) for x in s], rtol=1e-13, atol=0)
    assert np.allclose(noise.b(s) ** 2, [textbook.b2(x) for x in s], rtol=1e-12, atol=1e-15)
    assert np.allclose(noise.terminal_variance(s), [textbook.start(x) for x in s], rtol=1e-15, atol=0)
    assert np.allclose(noise.ve_time(s[1:]), [textbook.b2(x) / textbook.a(x) ** 2 for x in s[1:]], rtol=1e-11)
    assert np.all(np.diff(noise.ve_time(s)) > 0)
    assert np.shape(noise.ve_time(0.3)) == np.shape(noise.own_time(0.3)) == np.shape(noise.b(0.3)) == ()


@every
def test_ends_of_the_range(noise):
    assert noise.ve_time(0.0) == noise.own_time(0.0) == noise.b(0.0) == 0.0
    assert noise.a(0.0) == 1.0
    if math.isfinite(noise.last):
        assert noise.own_time(noise.t_last) == pytest.approx(noise.last, rel=1e-15)
        top = problem(noise=noise, t_start=noise.last)
        assert noise.ve_time(noise.last) == top.T
        assert math.isinf(top.T) == (noise.a(noise.last) == 0.0) == math.isinf(top.v_T)
    assert math.isinf(problem(noise=noise).T)


def test_small_times_keep_their_precision():
    assert OrnsteinUhlenbeck().own_time(1e-18) == pytest.approx(5e-19, rel=1e-15)
    assert VPLinear().own_time(1e-18) == pytest.approx(1e-17, rel=1e-12)
    assert VPLinear().b(1e-18) == pytest.approx(math.sqrt(1e-19), rel=1e-12)
    slope = math.pi / 1.008 * math.tan(0.5 * math.pi * 0.008 / 1.008)  # beta(0)
    assert VPCosine().ve_time(1e-14) == pytest.approx(1e-14 * slope, rel=1e-10)
    assert RectifiedFlow().own_time(1e-30) == pytest.approx(1e-15, rel=1e-14)


@every
@pytest.mark.parametrize(
    "guidance",
    [
        Linear(-0.5, 2.0),
        Interval(3.0, 0.1, 0.5),
        Piecewise([0.2, 0.6], [-1.0, 0.0, 5.0]),
        Tabulated([0.1, 0.7], [-1.0, 2.0]),
        Custom(lambda s: np.where(np.asarray(s) > 0.3, 2.0, -1.0), jumps=[0.3]),
    ],
    ids=lambda g: type(g).__name__,
)
def test_schedules_are_read_in_own_time(noise, guidance):
    mapped = in_ve_time(guidance, noise)
    s = np.linspace(0.0, 0.9, 181)
    s = s[np.all(np.abs(s[:, None] - [0.1, 0.2, 0.3, 0.5, 0.6]) > 1e-9, axis=1)]
    assert np.allclose(mapped.w(noise.ve_time(s)), guidance.w(s), rtol=1e-12, atol=1e-12)
    jumps = [float(noise.ve_time(x)) for x in guidance.breakpoints]
    assert list(mapped.breakpoints[: len(jumps)]) == pytest.approx(jumps)
    if math.isfinite(guidance.constant_above):
        assert mapped.constant_above == pytest.approx(float(noise.ve_time(guidance.constant_above)))
        assert mapped.largest == guidance.largest
    for t, x in zip(jumps, guidance.breakpoints, strict=True):  # an ulp decides on which side of a jump a time lies
        assert mapped.w(t) == pytest.approx(guidance.w(x))
        assert mapped.w(np.nextafter(t, np.inf)) == pytest.approx(guidance.w(np.nextafter(x, np.inf)))


def test_a_jump_very_near_the_noisy_end_stays_where_it_is():
    near = 1.0 - 2.0**-50  # t = 1.3e30; own time does not resolve relative changes of t below 0.3 there
    step = Custom(lambda s: np.where(np.asarray(s) > near, 1.0, 0.0), jumps=[near])
    mapped = in_ve_time(step, RectifiedFlow())
    t = mapped.breakpoints[0]
    assert list(mapped.w(t * np.array([0.999999, 1.0, 1.000001]))) == [0.0, 0.0, 1.0]


def test_beyond_the_last_time_a_schedule_keeps_its_value_there():
    mapped = in_ve_time(Linear(1.0, 2.0), VPLinear())
    assert mapped.constant_above == mapped.breakpoints[-1] == VPLinear().t_last
    assert mapped.w(1e9) == mapped.w(VPLinear().t_last) == mapped.largest == pytest.approx(3.0, rel=1e-15)
    assert in_ve_time(Interval(2.0, 0.5, 1.0), RectifiedFlow()) == Piecewise([1.0], [0.0, 2.0])
    assert in_ve_time(Interval(2.0, 0.0, 1.0), RectifiedFlow()) == Constant(2.0)
    assert in_ve_time(Piecewise([0.5, 1.0], [0.0, 2.0, 9.0]), RectifiedFlow()) == Piecewise([1.0], [0.0, 2.0])


@every
def test_constants_are_constant_in_any_time(noise):
    guidance = Constant(2.0)
    assert problem(guidance=guidance, noise=noise).schedule is guidance


@every
@pytest.mark.parametrize("guidance", [1.0, Interval(3.0, 0.1, 0.5)])
def test_a_problem_with_noise_survives_json(noise, guidance):
    p = problem(noise=noise, guidance=guidance, t_start=0.75)
    data = json.loads(json.dumps(p.to_dict()))
    assert Problem.from_dict(data) == p and Problem.from_dict(data).noise == noise
    assert ("noise" in data) == (noise != VE())  # what was written before there were processes reads, and is, as it was
    in_ve = p.replace(noise="ve", guidance=p.schedule, t_start=p.T)  # the same schedule, as a problem of VE noise
    assert Problem.from_dict(json.loads(json.dumps(in_ve.to_dict()))) == in_ve
    assert Problem.from_dict({**data, "noise": noise.name}).noise.name == noise.name


def test_a_schedule_in_own_time_survives_json():
    schedule = InOwnTime(Linear(0.0, 1.0), VPCosine(0.01))
    assert Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: problem(noise="vp"), ProblemError, "noise must be one of .*'vp-linear'"),
        (lambda: problem(noise=3.0), ProblemError, "a process such as VPLinear"),
        (lambda: Noise.from_dict({"noise": "vp-linear", "beta": 1.0}), ProblemError, r"unknown: \['beta'\]"),
        (lambda: Noise.from_dict({}), ProblemError, "noise must be one of"),
        (lambda: VPLinear(2.0, 1.0), ProblemError, "beta_max must be .* >= 2.*beta must not fall"),
        (lambda: VPLinear(-0.1, 1.0), ProblemError, "beta_min must be a number > 0"),
        (lambda: VPLinear(0.1, math.inf), ProblemError, "beta_max must be"),
        (lambda: VPCosine(-0.1), ProblemError, "s0 must be a number >= 0"),
        (
            lambda: problem(noise=VPLinear(), t_start=1.5),
            ProblemError,
            "between 0 and 1; got 1.5. Choose",
        ),
        (lambda: problem(noise=EDM(), t_start=-1.0), ProblemError, "t_start must be a number > 0"),
        (lambda: problem(noise=EDM(), t_start=1e-200), ProblemError, "too small"),
        (lambda: RectifiedFlow().ve_time([0.5, 1.1]), ProblemError, "got 1.1"),
        (lambda: VPLinear().own_time(1e9), ProblemError, "VE time t .* between 0 and 23154.8"),
        (lambda: EDM().own_time(math.nan), ProblemError, "got nan"),
        (lambda: problem(noise=RectifiedFlow(), guidance=Interval(3, 0.3, 5)), ScheduleError, "own times, from 0 to 1"),
        (lambda: problem(noise=RectifiedFlow(), guidance=Linear(0, 1)), ScheduleError, "Give a finite t_start, e.g"),
        (lambda: problem(noise=RectifiedFlow(), guidance=Linear(0, 1), t_start=1.0), ScheduleError, "t = infinity"),
    ],
)
def test_bad_input_is_refused_with_rule_value_and_remedy(make, error, words):
    with pytest.raises(error, match=words):
        make()
