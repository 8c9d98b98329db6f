"""Long cells are cut by draws for several workers, and nothing shows it: same bits, same files, also after a kill."""

import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import xarray
from fault_cases import script
from validation_cases import PROBLEM
from workers_cases import Recording

from meanfield import Fixed
from simulate import run
from validate import SweepWarning, sweep
from validate.sweeps import division
from validate.sweeps.division import PARTS
from validate.sweeps.grid_cell import SweepCell, cell_seed

GRID = {"w": [0.5, 1.0]}
OPTIONS = {"d": 8, "n_samples": 20, "n_disorder": 5, "n_steps": 10, "n_times": 4, "seed": 3, "progress": False}
LONG = {**OPTIONS, "d": 16, "n_samples": 1000, "n_steps": 50, "n_disorder": 12}


@pytest.fixture(autouse=True)
def every_cell_is_worth_cutting(monkeypatch):
    monkeypatch.setattr(division, "WORTH", 0.0)


def test_processes_on_parts_give_the_bits_of_whole_cells(tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        data = sweep(PROBLEM, GRID, executor=pool, folder=tmp_path, **OPTIONS)
    xarray.testing.assert_identical(data, sweep(PROBLEM, GRID, threads=1, **OPTIONS))
    assert len(list((tmp_path / "cells").iterdir())) == 2  # the parts are gone


@pytest.mark.parametrize(("workers", "tasks"), [(1, 2), (2, 10)])
def test_cells_are_cut_for_several_workers_only(workers, tasks):
    with Recording(workers) as crew:
        sweep(PROBLEM, GRID, executor=crew, **OPTIONS)
    assert len(crew.labels) == tasks


def test_only_long_cells_are_cut(monkeypatch):
    monkeypatch.setattr(SweepCell, "seconds", lambda cell, model: float(cell.d**4))
    with Recording(2) as crew:
        sweep(PROBLEM, {"d": [6, 8, 18]}, executor=crew, **{k: v for k, v in OPTIONS.items() if k != "d"})
    assert sorted(crew.labels) == [*(f"d=18 draws {i} to {i}" for i in range(5)), "d=6", "d=8"]


def test_lazy_cells_and_single_draws_stay_whole():
    for change in ({"d": 30, "classes": "lazy"}, {"n_disorder": 1}):
        with Recording(2) as crew:
            sweep(PROBLEM, {"w": [1.0]}, executor=crew, **{**OPTIONS, **change})
        assert crew.labels == ["w=1.0"]


def test_many_draws_make_few_parts():
    cell = SweepCell(PROBLEM, 8, 0, {"n_samples": 2, "n_disorder": 1000, "n_steps": 2, "classes": "auto"}, "")
    parts = cell.parts()
    assert len(parts) == PARTS
    assert [draw for part in parts for draw in part.draws] == list(range(1000))
    assert len({part.key for part in [cell, *parts]}) == PARTS + 1


def test_parts_take_the_batches_of_the_whole():
    """With many classes the default batch follows the samples of a run, and bits follow the batch (control)."""
    problem, n = PROBLEM.replace(classes=Fixed(30_000)), 2
    effort = {"n_samples": 2500, "n_steps": 2, "n_times": 2}  # few steps: a weight that they resolve
    with Recording(2) as crew:
        data = sweep(problem, {"w": [0.2]}, d=10, n_disorder=n, executor=crew, progress=False, **effort)
    assert len(crew.labels) == n
    cell = {"problem": problem.replace(guidance=0.2).to_dict(), "d": 10}
    effort |= {"d": 10, "seed": cell_seed(0, cell), "progress": False}
    problem = problem.replace(guidance=0.2)
    whole = run(problem, n_disorder=n, **effort).draws
    other = run(problem, n_disorder=1, first_draw=1, **effort).draws
    for name, values in whole.items():
        np.testing.assert_array_equal(data[name].values[0], values)
    assert any((other[name][0] != values[1]).any() for name, values in whole.items())


def test_a_whole_cell_is_used_by_any_number_of_workers(tmp_path):
    first = sweep(PROBLEM, GRID, folder=tmp_path, threads=1, **OPTIONS)
    with Recording(2) as crew:
        again = sweep(PROBLEM, GRID, folder=tmp_path, executor=crew, **OPTIONS)
    assert not crew.labels
    xarray.testing.assert_identical(first, again)


KILLED = """
from concurrent.futures import ThreadPoolExecutor
from validate.sweeps import division
division.WORTH = 0.0
die_at("replace", "-.*npz", 5)
sweep(PROBLEM, {grid}, folder=sys.argv[1], executor=ThreadPoolExecutor(2), **{options})
"""


def test_parts_of_a_killed_sweep_are_used(tmp_path):
    """... by one worker, who cuts nothing himself; and what a driver left behind who died while tidying is removed."""
    cells = tmp_path / "cells"
    with script(KILLED.format(grid=GRID, options=LONG), tmp_path) as process:
        assert process.wait() == -signal.SIGKILL
    kept = {path.name: path.read_bytes() for path in cells.glob("*-*.npz")}
    assert len(kept) in (3, 4)  # the other thread may have been about to keep the fourth
    assert not [path for path in cells.glob("*.npz") if "-" not in path.name]
    begun = {name.partition("-")[0] for name in kept}
    with Recording(1) as crew:
        data = sweep(PROBLEM, GRID, folder=tmp_path, executor=crew, **LONG)
    assert len(crew.labels) == 12 * len(begun) - len(kept) + 2 - len(begun)
    xarray.testing.assert_identical(data, sweep(PROBLEM, GRID, **LONG))
    assert len(list(cells.iterdir())) == 2
    for name, content in kept.items():
        (cells / name).write_bytes(content)
    xarray.testing.assert_identical(sweep(PROBLEM, GRID, folder=tmp_path, **LONG), data)
    assert len(list(cells.iterdir())) == 2


def test_a_cell_whose_parts_fail_is_recorded_and_not_kept(tmp_path):
    with Recording(2) as crew, pytest.warns(SweepWarning, match="1 of 2 cells failed"):
        data = sweep(PROBLEM, {"w": [0.5, 1e300]}, executor=crew, folder=tmp_path, **OPTIONS)
    assert len(crew.labels) > 2  # they were cut
    xarray.testing.assert_identical(data.m.sel(w=0.5), sweep(PROBLEM, {"w": [0.5]}, **OPTIONS).m.sel(w=0.5))
    assert data.m.sel(w=1e300).isnull().all() and len(list((tmp_path / "cells").iterdir())) == 1
