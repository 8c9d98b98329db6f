"""The cost model: it follows what is measured, orders work by it, and no state of its file is an error."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from validation_cases import PROBLEM

from meanfield import Continuum, Exponential, Fixed
from simulate.running.plan import Settings, make_plan
from validate.sweeps import cost
from validate.sweeps import resuming as loop
from validate.sweeps.cost import CostModel, Work, cost_model, run_work
from validate.sweeps.progress_table import Board
from validate.sweeps.tasks import Orders, Outcome

MODEL = CostModel(1e-3, 1e-8, 1e-4, 1e-5, 1e-5, 1e-4, 1e-4, 1e-8, 1e-8, 1e-10, 1e-9, 1e-8, 1e-5, 1e-8)
EFFORT = {"n_samples": 100, "n_disorder": 4, "n_steps": 50}


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cost, "_measured", lambda: MODEL)
    cost_model.cache_clear()
    yield tmp_path / "cfgfield"
    cost_model.cache_clear()


def test_the_model_is_kept_for_this_code(own_cache, monkeypatch):
    assert cost_model() == MODEL
    (path,) = own_cache.iterdir()
    monkeypatch.setattr(cost, "_measured", lambda: pytest.fail("measured again"))
    cost_model.cache_clear()
    assert cost_model() == MODEL
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "code": "of another code"}))
    other = CostModel(*range(1, 15))
    monkeypatch.setattr(cost, "_measured", lambda: other)
    cost_model.cache_clear()
    assert cost_model() == other


@pytest.mark.parametrize("text", ["", "{", "[]", '{"code": 1}', '{"code": CODE, "model": {"run": 1}}', '{"model": 3}'])
def test_a_damaged_file_is_no_error(own_cache, text):
    cost_model()
    (path,) = own_cache.iterdir()
    path.write_text(text.replace("CODE", json.dumps(cost.code_fingerprint())))
    cost_model.cache_clear()
    assert cost_model() == MODEL


def test_a_cache_that_cannot_be_written_is_no_error(own_cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert cost_model() == MODEL


def test_a_measured_model_follows_the_processor_time():
    """Runs far from those it was fitted to, within a factor of two; one with the samples left out is caught. Model and
    runs are measured in turns, so that load meets both; the median turn counts."""
    ratios, wrong = [], []
    for _ in range(3):
        model = cost._measured()
        assert all(x > 0.0 for x in model.__dict__.values())
        for growth, d, factor in ((Exponential(0.4), 20, 1), (Exponential(0.8), 11, 2), (Fixed(60), 100, 6)):
            problem = PROBLEM.replace(classes=growth)
            effort = {**EFFORT, "n_samples": 100 * factor}
            seconds = min(cost._timed(problem, d, effort) for _ in range(2))
            ratios.append(model.seconds(run_work(problem, d, **effort)) / seconds)
            wrong.append(model.seconds(run_work(problem, d, **{**effort, "n_samples": 1})) / seconds)
    right, caught = (np.abs(np.log2(np.median(np.reshape(x, (3, 3)), axis=0))) for x in (ratios, wrong))
    assert np.all(right < 1.0), ratios
    assert np.all(caught > 1.0), wrong


def test_work_of_every_way_to_hold_the_classes():
    def held(growth, d, classes="auto"):
        work = run_work(PROBLEM.replace(classes=growth), d, classes=classes, **EFFORT)
        return work.held, work.dimensions, MODEL.seconds(work)

    assert held(Fixed(100), 10**6)[:2] == ("span", 100)
    assert held(Continuum(), 64)[:2] == ("continuum", 64)
    assert held(Exponential(0.4), 16)[:2] == ("explicit", 16)
    assert held(Exponential(0.4), 200)[0] == "lazy"
    assert held(Exponential(0.4), 400)[2] < 2.0 * held(Exponential(0.4), 200)[2], "the number of classes is no cost"
    assert held(Exponential(0.4), 20, "streamed")[2] > held(Exponential(0.4), 20)[2]


def test_the_longest_start_first_and_small_ones_together():
    costs = {0: 0.01, 1: 5.0, 2: 0.01, 3: 1.0, 4: 0.01, 5: 0.02}
    orders = Orders("code", ("host", 1), None, None, 1, go_on=True)
    (stage,) = loop._there(costs, orders, 2)
    assert stage.bundles == [[1], [3], [5, 0, 2, 4]]
    assert stage.most == 2 * loop.AHEAD
    threads = Orders("code", ("host", 1), None, None, 4, go_on=True)
    large, small = loop._here(costs, threads)
    assert (large.bundles, large.orders.threads, large.most) == ([[1], [3]], 4, 1)
    assert (small.bundles, small.orders.threads) == ([[5], [0], [2], [4]], 1)


def test_a_live_table_on_a_terminal(monkeypatch):
    import xarray

    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(
        "rich.console.Console", lambda **_: Console(file=stream, force_terminal=True, width=100, highlight=False)
    )
    part = xarray.Dataset(
        {"m": (("draw", "time"), [[0.0, 1.25], [0.0, 1.35]]), "v": (("draw", "time"), [[1.0, 0.5]] * 2)}
    )
    with Board(None, "sweep", 3, {1: 30.0, 2: 90.0}, 2) as board:
        board.finished(2, "w=1.0 d=8", Outcome(part, 0.5, True))
        assert "sweep: 2 of 3 cells" in board.status() and " left, until " in board.status()
    shown = stream.getvalue()
    assert (
        "sweep: 2 cells to compute (1 finished before), about 60.0 s on 2 workers (2.0 minutes of processor)" in shown
    )
    for word in ("w=1.0 d=8", "1.3000", "0.5000", "0.50"):
        assert word in shown


def test_expected_end_goes_by_cost_not_by_number(monkeypatch):
    """After a cell of nine tenths of the work in 9 s, 1 s is left, though one of ten cells is done."""
    now = [100.0]
    monkeypatch.setattr("validate.sweeps.progress_table.time.monotonic", lambda: now[0])
    board = Board(False, "sweep", 10, {0: 9.0, **{i: 1.0 / 9.0 for i in range(1, 10)}}, 1)
    now[0] += 9.0
    import xarray

    board.finished(0, "a", Outcome(xarray.Dataset(), 9.0, True))
    assert ", 1.0 s left" in board.status()


def nonzero(terms):
    return {name: term for name, term in terms.items() if term}


def test_terms_of_work():
    work = Work(draws=2, samples=300, steps=10, classes=1000.0, dimensions=20, batch=128)
    expected = {"run": 1.0, "make": 4e4, "batch": 60.0, "record": 12.0, "move": 1.2e5, "product": 1.2e8}
    expected |= {"exponential": 6e6}
    assert nonzero(work.terms) == expected
    assert nonzero(replace(work, ode=True).terms) == {**expected, "ode": 60.0, "ode_move": 1.2e5}
    limit = replace(work, held="continuum", classes=0.0)
    assert nonzero(limit.terms).keys() == {"run", "batch", "record", "continuum", "move"}
    assert nonzero(replace(limit, ode=True).terms)["continuum_ode"] == 60.0
    streamed = nonzero(replace(work, held="streamed").terms)
    assert streamed.pop("stream") == 2 * 3 * 10 * 20_000 and streamed == {k: expected[k] for k in streamed}
    assert replace(work, held="lazy").terms == {"run": 1.0, "lazy": 6000.0, "lazy_move": 1.2e5}


@pytest.mark.parametrize(("classes", "samples"), [("explicit", 1500), ("streamed", 3000)])
def test_batches_are_those_of_the_run(classes, samples):
    problem = PROBLEM.replace(classes=Fixed(20_000))
    case = Settings(d=16, n_samples=samples, n_disorder=2, classes=classes)
    work = run_work(problem, 16, n_samples=samples, n_disorder=2, n_steps=10, classes=classes)
    assert work.terms["batch"] == 10 * len(make_plan(problem, case).items)
