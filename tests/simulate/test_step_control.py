"""`run(..., tol=)`: the step number it takes keeps the time-step error below tol, and bad requests are refused."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from meanfield.errors import ConvergenceError, ProblemError
from meanfield.guidance.schedules import Interval
from meanfield.problem.growth import Exponential, Fixed
from meanfield.problem.statement import Problem
from simulate import run
from simulate.running.plan import Settings, make_plan
from simulate.running.stepcontrol import FLOOR, Pilot, _errors, choose_steps

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0, t_start=1000.0)
SIZE = {"d": 8, "threads": 1, "progress": False, "n_times": 2}


def true_error(problem, n_steps):
    """Errors of m(0) and v(0)/sigma2 at n_steps, on samples that no pilot has seen, with their standard errors."""
    settings = {**SIZE, "n_samples": 200, "n_disorder": 32, "batch": 200, "seed": 99, "dtype": "float64"}
    near = run(problem, n_steps=n_steps, noise_refinement=4, **settings).draws
    far = run(problem, n_steps=4 * n_steps, **settings).draws
    change = np.array([(near[q] - far[q])[:, -1] / s for q, s in (("m", 1.0), ("v", problem.sigma2))])
    return np.abs(change.mean(axis=1)), change.std(axis=1, ddof=1) / math.sqrt(32)


def error_of_the_fewest(problem, n_steps):
    """The true error at `n_steps`, or at the next number that is not refused for too much guidance in a step."""
    while True:
        try:
            return true_error(problem, n_steps)
        except ConvergenceError:
            n_steps += 1


@pytest.mark.parametrize(
    ("changes", "tol"),
    [
        ({"sampler": "ode"}, 1e-3),
        ({"sampler": "ode", "guidance": -0.5}, 1e-3),
        ({"sampler": "ode", "guidance": 10.0, "t_start": math.inf}, 1e-3),
        ({}, 3e-3),
        ({"guidance": 10.0, "t_start": math.inf}, 3e-3),
    ],
)
def test_tol_is_honoured(changes, tol):
    """Negative control: a fifth of the steps violates it, or as few as resolve the guidance."""
    problem = PROBLEM.replace(**changes)
    data = run(problem, tol=tol, n_samples=100, n_disorder=20, seed=1, **SIZE)
    error, stderr = true_error(problem, data.info["n_steps"])
    assert (error < tol + 2 * stderr).all()
    assert max(data.info["timestep_error"]) < tol == data.info["tol"]
    error, stderr = error_of_the_fewest(problem, max(data.info["n_steps"] // 5, 1))
    assert (error > tol + 3 * stderr).any()


def test_a_smaller_tol_takes_more_steps_and_the_result_is_that_of_those_steps():
    settings = {**SIZE, "n_samples": 40, "n_disorder": 4}
    loose, tight = (run(PROBLEM.replace(sampler="ode"), tol=tol, **settings) for tol in (1e-2, 1e-5))
    assert loose.info["n_steps"] < tight.info["n_steps"] / 2
    again = run(PROBLEM.replace(sampler="ode"), n_steps=tight.info["n_steps"], **settings)
    assert np.array_equal(again.draws["v"], tight.draws["v"])
    assert tight.info["pilot_steps"] > 0 and "tol" not in again.info


def test_jumps_and_steps_that_do_not_resolve_the_guidance():
    window = run(PROBLEM.replace(guidance=Interval(3.0, 0.5, 4.0)), tol=0.1, n_samples=10, n_disorder=2, **SIZE)
    assert window.info["n_steps"] >= 6
    strong = PROBLEM.replace(guidance=200.0, classes=Exponential(1.2))  # no speciation: the guidance acts to the end
    with pytest.raises(ConvergenceError, match="resolve"):
        run(strong, n_steps=40, n_samples=10, n_disorder=2, **{**SIZE, "d": 5})
    assert run(strong, tol=0.3, n_samples=10, n_disorder=2, **{**SIZE, "d": 5}).info["n_steps"] > 40


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"tol": 1e-3, "n_steps": 50}, "give n_steps or tol, which chooses n_steps; got n_steps=50 and tol=0.001"),
        (
            {"tol": 1e-7},
            r'tol must be at least 2e-06 with float32 scores; got 1e-07. .* dtype="float64"',
        ),
        (
            {"tol": 1e-12, "dtype": "float64"},
            "tol must be at least 1e-10 with float64 scores; got 1e-12",
        ),
        ({"tol": 0.0}, "tol must be"),
        ({"tol": float("nan")}, "tol must be"),
        ({"tol": 1e-3, "classes": "lazy"}, "tol=0.001 runs the same samples with different steps"),
    ],
)
def test_bad_requests(request_, message):
    with pytest.raises(ProblemError, match=message):
        run(PROBLEM, n_samples=4, n_disorder=2, **{**SIZE, **request_})


def test_out_of_reach(monkeypatch):
    monkeypatch.setattr("simulate.running.stepcontrol.LIMIT", 60)
    with pytest.raises(ConvergenceError, match="tol must be within reach of 60 steps; got 1e-05"):
        run(PROBLEM, tol=1e-5, n_samples=4, n_disorder=2, **SIZE)


@pytest.mark.parametrize("changes", [{}, {"sampler": "ode", "guidance": -0.9}])
def test_rounding_stays_below_the_floor(changes):
    settings = {**SIZE, "n_samples": 100, "n_disorder": 4, "n_steps": 40}
    a, b = (run(PROBLEM.replace(**changes), dtype=dtype, **settings).final for dtype in ("float32", "float64"))
    assert abs(a.m.mean - b.m.mean) < FLOOR["float32"] and abs(a.v.mean - b.v.mean) / 0.25 < FLOOR["float32"]


def test_the_error_is_what_students_law_leaves_open():
    """Its mean square, from draws that may be few; for more draws of the same variance it is less."""
    changes = np.random.default_rng(3).normal([0.3, 0.0], [1.0, 2.0], (6, 2))
    centre, stderr = changes.mean(axis=0), changes.std(axis=0, ddof=1) / math.sqrt(6)
    assert np.allclose(_errors(changes, 6) ** 2, centre**2 + stats.t(5).var() * stderr**2)
    assert np.allclose(_errors(changes, 12) ** 2, centre**2 + stats.t(11).var() * stderr**2 / 2)


@pytest.mark.parametrize(
    ("spread", "n_samples", "more"),
    [(1.9e-3, 20_000, True), (1e-5, 20_000, False), (1.9e-3, 40, False)],
    ids=["noisy", "quiet", "a run as small as its pilot"],
)
def test_a_pilot_is_doubled_while_that_saves_steps(monkeypatch, spread, n_samples, more):
    """Where its statistics decide, in a run that is large beside it; the steps then come from the smaller stderr."""
    flown = []

    def part(plan, n, draws, samples):
        flown.append(draws)
        signs = np.where(np.arange(draws.start, draws.stop) % 2, 1.0, -1.0)
        assert n == 5
        return Pilot(5e-4 + spread * np.stack([signs, signs], axis=1), 0.1)

    monkeypatch.setattr("simulate.running.stepcontrol._part", part)
    plan = make_plan(PROBLEM.replace(classes=Fixed(1000)), Settings(20, n_samples, 8))
    chosen = choose_steps(plan, 1e-3)
    assert flown[0] == range(8) and (len(flown) > 1) == more
    assert all(a.stop == b.start and len(b) == b.start for a, b in pairwise(flown))
    samples = math.ceil(max(8 * n_samples // 32, 128) / 8)
    assert chosen.cost == pytest.approx(3 * 5 * flown[-1].stop * samples / (8 * n_samples))
    q = 2 if chosen.n_steps > 5 else 6
    assert chosen.m == pytest.approx(math.hypot(5e-4, stderr_of(flown[-1].stop, spread)) * (5 / chosen.n_steps) ** q)


def stderr_of(draws, spread):
    """(nu/(nu - 2))^(1/2) stderr of as many draws at +-spread."""
    return spread * math.sqrt((draws - 1) / (draws - 3) / (draws - 1))
