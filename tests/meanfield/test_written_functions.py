"""Functions as guidance in files: a table and the source go in; only the function itself makes the problem again."""

import json
import math

import numpy as np
import pytest

from meanfield import (
    Custom,
    Ensemble,
    Exponential,
    PowerLaw,
    Problem,
    Rescale,
    Schedule,
    ScheduleError,
    Tabulated,
    solve,
)
from meanfield.guidance.stops import stops
from simulate import run


def weight(t):
    return 2.0 * np.exp(-t)


PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=weight, t_start=50.0)
KINDS = {"alone": weight, "jumps": Custom(weight, (1.0, 2.0)), "rule": Rescale(weight), "power": PowerLaw(weight, 1.0)}


@pytest.mark.parametrize("guidance", KINDS.values(), ids=KINDS)
def test_a_function_is_written_by_its_values_and_source(guidance):
    problem = PROBLEM.replace(guidance=guidance)
    data = json.loads(json.dumps(problem.to_dict()))
    written = data["guidance"].get("guidance", data["guidance"])
    assert written["schedule"] == "function" and "2.0 * np.exp(-t)" in written["source"]
    np.testing.assert_allclose(written["values"], weight(np.array(written["times"])), rtol=1e-12)
    assert (written["times"][0], written["times"][-1]) == (0.0, 50.0)
    assert Problem.from_dict(data, guidance=guidance) == problem
    with pytest.raises(ScheduleError, match=r"not the function; this one was .*np\.exp"):
        Problem.from_dict(data)


def test_another_function_is_refused():
    data = PROBLEM.to_dict()
    with pytest.raises(ScheduleError, match="what the file was made with"):
        Problem.from_dict(data, guidance=lambda t: 2.0001 * np.exp(-t))
    with pytest.raises(ScheduleError, match="what the file was made with"):
        Problem.from_dict(data, guidance=Custom(weight, (1.0,)))
    with pytest.raises(ScheduleError, match="what the file was made with"):
        Problem.from_dict(PROBLEM.replace(w=1.0).to_dict(), guidance=weight)
    plain = PROBLEM.replace(guidance=1.5)
    assert Problem.from_dict(plain.to_dict(), guidance=1.5) == plain


def test_a_run_with_a_function_is_kept():
    data = run(PROBLEM, d=6, n_samples=8, n_disorder=2, n_steps=8, n_times=3, progress=False)
    saved = data.to_dataset()
    assert "np.exp" in saved.attrs["problem"]
    again = Ensemble.from_dataset(saved, guidance=weight)
    assert again.problem == PROBLEM and np.array_equal(again.draws["m"], data.draws["m"])
    assert solve(PROBLEM).to_dataset().attrs["problem"] == saved.attrs["problem"]
    with pytest.raises(ScheduleError, match="Give it again"):
        Ensemble.from_dataset(saved)


def test_what_has_no_source_is_named_without_an_address():
    written = [PROBLEM.replace(guidance=f).to_dict()["guidance"]["source"] for f in (np.sqrt, eval("lambda t: t"))]
    assert written == ["sqrt", "<lambda>"]


def test_a_function_in_own_time_is_written_in_own_time():
    problem = PROBLEM.replace(noise="vp-linear", t_start=1.0, guidance=lambda t: np.where(t <= 1.0, t, math.nan))
    written = problem.to_dict()["guidance"]
    assert max(written["times"]) == 1.0 and written["values"] == pytest.approx(written["times"])


def test_a_schedule_alone_says_where_it_is_saved():
    with pytest.raises(ScheduleError, match="Save the problem"):
        Custom(weight).to_dict()
    with pytest.raises(ScheduleError, match="values of a function"):
        Schedule.from_dict({"schedule": "function", "times": [0.0], "values": [1.0]})


def test_a_long_table_takes_no_step_a_point_and_runs_as_its_function():
    t, problem = np.linspace(0.0, 50.0, 2001), PROBLEM.replace(sampler="ode")  # whose samples know no noise of the grid
    table = problem.replace(guidance=Tabulated(t, weight(t)))
    few = {"d": 8, "n_samples": 40, "n_disorder": 4, "n_steps": 40, "seed": 2, "progress": False}
    a, b = (run(p, **few).final for p in (table, problem))
    assert a.m.mean == pytest.approx(b.m.mean, abs=2e-4) and a.v.mean == pytest.approx(b.v.mean, abs=2e-4)
    c = run(problem.replace(guidance=lambda t: 1.05 * weight(t)), **few).final
    assert abs(c.m.mean - b.m.mean) > 5e-4  # five per cent of w are seen
    assert solve(table).final.v == pytest.approx(solve(problem).final.v, rel=1e-4)


def test_steps_end_where_a_table_nearly_jumps():
    t = np.linspace(0.0, 20.0, 401)
    assert stops(Tabulated(t, np.exp(-t))) == (0.05, 20.0)
    near_jump = Tabulated(
        np.sort([*t, 2.98944, 2.98945]), np.where(np.sort([*t, 2.98944, 2.98945]) < 2.989445, -1.0, 5.0)
    )
    assert {2.98944, 2.98945} <= set(stops(near_jump)) and len(stops(near_jump)) < 8
    assert stops(Tabulated([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])) == (1.0, 2.0, 3.0)  # a short table: all
