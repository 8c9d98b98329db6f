"""`run(..., tol=)`: the step number it takes keeps the time-step error below tol, and bad requests are refused."""

import math
from itertools import pairwise

import numpy as np
import pytest

from meanfield.errors import ConvergenceError, ProblemError
from meanfield.guidance.schedules import Interval
from meanfield.problem.growth import Exponential, Fixed
from meanfield.problem.spectrum import power_law
from meanfield.problem.statement import Problem
from simulate import run, timestep_error
from simulate.running.pairing import Pair, follow_pair
from simulate.running.plan import Settings, make_plan
from simulate.running.stepcontrol import FIRST, FLOOR, MARGIN, SURE, _errors, choose_steps

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
    ("changes", "tol", "fewer"),
    [
        ({"sampler": "ode"}, 1e-3, 5),
        ({"sampler": "ode", "guidance": -0.5}, 1e-3, 5),
        ({"sampler": "ode", "guidance": 10.0, "t_start": math.inf}, 1e-3, 5),
        ({}, 3e-3, 5),
        ({"guidance": 10.0, "t_start": math.inf}, 3e-3, 5),
        (
            {"classes": Exponential(0.6), "guidance": -0.5},
            1e-2,
            6,
        ),  # four: five have 0.015(2), which is not seen
    ],
)
def test_tol_is_honoured(changes, tol, fewer):
    """Negative control: a fifth of the steps violates it, or as few as resolve the guidance."""
    problem = PROBLEM.replace(**changes)
    data = run(problem, tol=tol, n_samples=100, n_disorder=20, seed=1, **SIZE)
    error, stderr = true_error(problem, data.info["n_steps"])
    assert (error < tol + 2 * stderr).all()
    assert max(data.info["timestep_error"]) < tol == data.info["tol"]
    error, stderr = error_of_the_fewest(problem, max(data.info["n_steps"] // fewer, 1))
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


def test_the_error_is_that_of_samples_or_of_draws_whichever_is_larger():
    """Its mean and `SURE` standard errors, root mean square; draws that do not differ have the stderr of samples."""
    rng = np.random.default_rng(3)
    alike, apart = rng.normal(0.3, 1.0, (2, 6, 500)), rng.normal(0.3, 1.0, (2, 6, 1)) + np.zeros((2, 6, 500))
    by_samples = alike.std(axis=(1, 2), ddof=1) / math.sqrt(3000)
    by_draws = apart.mean(axis=2).std(axis=1, ddof=1) / math.sqrt(6)
    for changes, stderr in ((alike, np.maximum(by_samples, draws_stderr(alike))), (apart, by_draws)):
        for p, more in ((2, 1), (3, 2)):
            error = MARGIN * np.hypot(changes.mean(axis=(1, 2)), SURE[p] * stderr / math.sqrt(more))
            assert np.allclose(_errors(changes, p, more), error)
    assert (by_draws > 10 * by_samples).all(), "negative control: they are told apart"


def draws_stderr(changes):
    return changes.mean(axis=2).std(axis=1, ddof=1) / math.sqrt(changes.shape[1])


SMALL = make_plan(PROBLEM.replace(classes=Fixed(1024)), Settings(20, 20_000, 8))  # P^{2/d} = 2


def pilots(monkeypatch, error, spread=0.0, guidance=0.1):
    """Pilots that find `error(n)` give or take `spread` from draw to draw; the list of (n, draws) that are flown."""
    flown = []

    def part(plan, n, draws, samples):
        flown.append((n, draws))
        signs = np.where(np.arange(draws.start, draws.stop) % 2, 1.0, -1.0)
        return Pair(error(n) + spread * signs[:, None] + np.zeros((2, len(draws), samples)), guidance)

    monkeypatch.setattr("simulate.running.stepcontrol._part", part)
    return flown


@pytest.mark.parametrize(
    ("spread", "n_samples", "more"),
    [(1e-3, 20_000, True), (1e-5, 20_000, False), (1e-3, 40, False), (2e-4, 2000, False), (2e-4, 200_000, True)],
    ids=["noisy", "quiet", "a run as small as its pilot", "less noisy", "a large run"],
)
def test_a_pilot_is_doubled_while_that_saves_steps(monkeypatch, spread, n_samples, more):
    """Where its statistics decide, in a run that is large beside it; the steps then come from the smaller stderr."""
    flown = pilots(monkeypatch, lambda n: 4e-4, spread)
    chosen = choose_steps(make_plan(SMALL.case.problem, Settings(20, n_samples, 8)), 1e-3)
    n = flown[-1][0]
    flown = [draws for at, draws in flown if at == n]
    assert flown[0] == range(3) and (len(flown) > 1) == more
    assert all(a.stop == b.start and len(b) == b.start for a, b in pairwise(flown))
    if len(flown) == 1 and n_samples == 2000:
        assert chosen.cost == pytest.approx(3 * n * 3 * math.ceil(500 / 3) / 16_000)


def test_no_number_of_steps_between_two_pilots_is_taken_where_errors_need_not_fall(monkeypatch):
    """Errors of P = 54, d = 53, w = 1.18, eta = 0.3, T = infinity: those at 5 and 7 steps are smaller than that at 6.

    Negative control: the straight line through both pilots, in log error against log n, is below tol at 6.
    """
    errors = {3: 0.0102, 4: 0.0094, 5: 0.00045, 6: 0.00126, 7: 0.00044, 8: 0.00026}
    problem = PROBLEM.replace(classes=Fixed(54), guidance=1.18)
    flown = pilots(monkeypatch, lambda n: errors[min(n, 8)])
    chosen = choose_steps(make_plan(problem, Settings(53, 20_000, 8)), 1e-3)
    few, enough = (n for n, _ in flown)
    assert MARGIN * errors[few] > 1e-3 > MARGIN * errors[chosen.n_steps] and chosen.n_steps > 6
    slope = math.log(errors[few] / errors[enough]) / math.log(enough / few)
    assert enough * (MARGIN * errors[enough] / 1e-3) ** (1 / slope) <= 6 and errors[6] > 1e-3


def test_the_first_pilot_has_about_the_steps_it_takes(monkeypatch):
    """More for rarer classes and stronger guidance, as theory would have it."""
    first = {}
    for P in (10, 1024):
        for w in (1.0, 8.0):
            flown = pilots(monkeypatch, lambda n: 0.0)
            choose_steps(make_plan(PROBLEM.replace(classes=Fixed(P), guidance=w), Settings(20, 20_000, 8)), 1e-3)
            first[P, w] = flown[0][0]
    assert first[1024, 1.0] == round(FIRST[2]) and first[1024, 8.0] == round(2 * FIRST[2])
    assert first[10, 1.0] < first[1024, 1.0] and first[10, 8.0] < first[1024, 8.0]


@pytest.mark.parametrize(("eta", "clear"), [(0.0, 0.7), (1.0, 0.5)])
def test_a_run_has_steps_in_which_errors_fall_with_their_number(monkeypatch, eta, clear):
    """Guidance per step is well below what is refused, however small the pilot's error; else that alone decides."""
    plan = make_plan(PROBLEM.replace(classes=Fixed(1024), sampler=eta), Settings(20, 20_000, 8))
    for guidance in (0.9, 0.1):
        flown = pilots(monkeypatch, lambda n: 0.0, guidance=guidance)
        chosen, n = choose_steps(plan, 1e-3).n_steps, flown[0][0]
        assert (chosen == math.ceil(n * guidance / clear)) == (guidance > clear)
        assert (chosen < n) == (guidance < clear)


@pytest.mark.parametrize(
    "changes",
    [{}, {"classes": Fixed(5)}, {"spectrum": power_law(2, modes=8, bins="equal")}],
    ids=["explicit", "span", "spectrum"],
)
def test_a_pair_changes_what_two_runs_on_the_same_noise_do(changes):
    """Negative control: draws of another number change by something else."""
    problem = PROBLEM.replace(**changes)
    n_samples, n_disorder = 60, 3
    settings = Settings(d=8, n_samples=n_samples, n_disorder=n_disorder, batch=25, threads=2)
    pair = follow_pair(make_plan(problem, settings), 12)
    known = timestep_error(
        problem, d=8, n_samples=n_samples, n_disorder=n_disorder, n_steps=12, batch=25, threads=1, progress=False
    )
    m, v = pair.changes.mean(axis=2)
    assert np.allclose(m, known.difference_m.values, rtol=0, atol=1e-12)
    ratio = known.difference_v.values / v  # v_0, the same for all draws
    assert np.allclose(ratio, ratio[0], rtol=1e-6) and 0.5 * problem.sigma2 < ratio[0] < 2.0
    assert not np.allclose(m[::-1], known.difference_m.values, rtol=0, atol=1e-6)
