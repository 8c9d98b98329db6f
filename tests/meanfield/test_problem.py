"""The statement of the problem: ranges, round trips, and the start law against (T8)."""

import json
import math

import mpmath
import numpy as np
import pytest

from meanfield import (
    Constant,
    Continuum,
    Custom,
    Exponential,
    Fixed,
    Interval,
    Linear,
    Piecewise,
    Polynomial,
    Problem,
    ProblemError,
    Schedule,
    ScheduleError,
    Tabulated,
)

SCHEDULES = [
    Constant(1.0),
    Linear(-0.5, 2.0),
    Interval(3.0, 0.5, 2.0),
    Piecewise([1.0, 2.0], [-1.0, 0.0, 5.0]),
    Tabulated([0.0, 1.0], [-1.0, 2.0]),
]
GROWTHS = [Exponential(0.4), Polynomial(0.5), Fixed(7), Continuum()]


def problem(**changes):
    fields = {"classes": Exponential(0.4), "sigma2": 0.25, "guidance": 1.0, **changes}
    return Problem(**fields)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.name)
@pytest.mark.parametrize("growth", GROWTHS, ids=lambda g: g.name)
@pytest.mark.parametrize("sampler", ["sde", "ode", 0.3])
def test_a_problem_survives_json(schedule, growth, sampler):
    p = Problem(classes=growth, sigma2=0.25, guidance=schedule, sampler=sampler, t_start=10.0)
    assert Problem.from_dict(json.loads(json.dumps(p.to_dict()))) == p


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.name)
def test_schedules_are_vectorised_and_scale_is_one_more(schedule):
    t = np.array([[0.0, 0.5], [1.0, 7.0]])
    w = schedule.w(t)
    assert w.shape == t.shape
    assert np.array_equal(w, [[schedule.w(x) for x in row] for row in t])
    assert np.array_equal(schedule.scale(t), 1.0 + w)


def test_counts_are_whole_and_rates_follow():
    assert math.exp(Exponential(0.4).log_count(20)) == pytest.approx(2981)
    assert Exponential(0.4).rate(20) == pytest.approx(math.log(2981) / 20)
    assert math.exp(Polynomial(0.5).log_count(1000)) == pytest.approx(32)
    assert Polynomial(0.5).rate() == 0.0 and Fixed(7).rate() == 0.0 and Exponential(0.4).rate() == 0.4
    assert Exponential(1.0).log_count(1e6) == 1e6  # far beyond what a double can count
    assert Continuum().rate(3) == math.inf


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.4, 2.0])
@pytest.mark.parametrize("w", [-1.0, -0.3, 0.0, 2.0, 1e4])
def test_start_law_is_the_crowd_solution(sampler, w):
    p = problem(guidance=w, sampler=sampler)
    start = p.start(0.4)
    D, e = mpmath.mpf(p.sigma2) + mpmath.mpf(start.t), p.e
    with mpmath.workdps(40):
        m = (1 + w) * (1 + 1 / D) ** (-e * w) * mpmath.hyp2f1(-e * w, e, e + 1, -1 / D)
        v = D * (1 + 1 / D) ** (-2 * e * w) * mpmath.hyp2f1(-2 * e * w, p.eta**2, 1 + p.eta**2, -1 / D)
    assert start.m == pytest.approx(float(m), rel=1e-14, abs=1e-14)
    assert start.v == pytest.approx(float(v), rel=1e-14)


def test_start_law_at_finite_number_of_classes_pulls_with_the_share_of_the_others():
    assert problem(guidance=2.0).start(0.4, count=2).m == pytest.approx(2.0, rel=1e-2)  # 1 + w (1 - 1/P)
    assert problem(t_start=5.0).start(0.4) == (5.0, 0.0, 5.0)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"sigma2": 0.0}, ProblemError, "sigma2 must be a number > 0"),
        ({"sigma2": math.nan}, ProblemError, "got nan"),
        ({"sigma2": "a"}, ProblemError, "got 'a'"),
        ({"sigma2": True}, ProblemError, "got True"),
        ({"sigma2": math.inf}, ProblemError, "got inf"),
        ({"sampler": -0.1}, ProblemError, "eta .* >= 0"),
        ({"sampler": "heun"}, ProblemError, '"sde", "ode" or a stochasticity'),
        ({"t_start": 0.0}, ProblemError, "t_start must be a number > 0"),
        (
            {"classes": 0.4},
            ProblemError,
            r"classes must be a Growth; got 0.4 .* with Exponential\(...\)",
        ),
        ({"guidance": math.inf}, ScheduleError, "w must be a number"),
        ({"guidance": Linear(0.0, 1.0)}, ScheduleError, "Give a finite t_start"),
        ({"guidance": lambda t: t * math.nan, "t_start": 1.0}, ScheduleError, "must be finite in the sampled range"),
        ({"guidance": lambda t: 1 / 0, "t_start": 1.0}, ScheduleError, "raised ZeroDivisionError"),
        ({"guidance": lambda t: np.ones(3), "t_start": 1.0}, ScheduleError, "one w per t"),
    ],
)
def test_bad_problems_are_refused_with_rule_value_and_remedy(changes, error, words):
    with pytest.raises(error, match=words):
        problem(**changes)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exponential(0.0), "alpha must be a number > 0"),
        (lambda: Exponential(math.inf), "alpha must be"),
        (lambda: Polynomial(-1.0), "gamma must be a number > 0"),
        (lambda: Fixed(2.5), "n must be a whole number >= 1"),
        (lambda: Interval(1.0, 2.0, 1.0), "t_high must be above t_low"),
        (lambda: Piecewise([2.0, 1.0], [0.0, 0.0, 0.0]), "edges must increase strictly"),
        (lambda: Piecewise([1.0], [0.0]), "one entry more than edges"),
        (lambda: Tabulated([0.0, 1.0], [math.nan, 0.0]), r"values\[0\] must be"),
        (lambda: Custom(3.0), r"function must be a function; got 3.0 \(float\)"),
        (lambda: Custom(np.sin).to_dict(), "Save the problem"),
        (lambda: Schedule.from_dict({"schedule": "wave"}), "schedule must be one of"),
        (lambda: Schedule.from_dict({"schedule": "constant", "w": 1.0}), r"unknown: \['w'\]"),
        (lambda: Problem.from_dict({**problem().to_dict(), "sigma": 1.0}), r"unknown: \['sigma'\]"),
        (lambda: Problem.from_dict({"sigma2": 0.25}), "missing"),
        (lambda: problem().replace(beta=0.3), "has the fields"),
    ],
)
def test_bad_parts_are_refused(make, words):
    with pytest.raises((ProblemError, ScheduleError), match=words):
        make()
