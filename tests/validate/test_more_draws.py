"""A finished sweep goes on with more draws: the bits of all at once, and the old ones kept until the new are whole."""

import json
import signal

import numpy as np
import pytest
import xarray
from fault_cases import script
from typer.testing import CliRunner
from validation_cases import PROBLEM
from workers_cases import Recording, failing_cells

from meanfield import Fixed, ProblemError, euler, sd_sigmas
from simulate import run
from validate import StoreError, sweep
from validate.cli import app
from validate.errors import StoreWarning
from validate.sweeps import division
from validate.sweeps.grid_cell import SweepCell
from validate.sweeps.listing import listed

GRID = {"w": [0.5, 1.0]}
OPTIONS = {"d": 8, "n_samples": 20, "n_steps": 10, "n_times": 4, "seed": 3, "progress": False}
FEW, MORE = 4, 9


def names(folder):
    """Draws of the cells in a folder, as their files say them."""
    return sorted(
        path.stem.partition("_")[2] or path.stem.partition("-")[2] for path in (folder / "cells").glob("*.npz")
    )


@pytest.fixture(scope="module")
def at_once():
    return sweep(PROBLEM, GRID, n_disorder=MORE, **OPTIONS)


@pytest.fixture
def finished(tmp_path):
    sweep(PROBLEM, GRID, n_disorder=FEW, folder=tmp_path, **OPTIONS)
    return tmp_path


def test_more_draws_go_on_from_those_that_are_there(finished, at_once):
    with Recording() as crew:
        data = sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, executor=crew, **OPTIONS)
    assert sorted(crew.labels) == ["w=0.5 draws 4 to 8", "w=1.0 draws 4 to 8"]
    xarray.testing.assert_identical(data, at_once)
    assert names(finished) == ["9", "9"]
    other = sweep(PROBLEM, GRID, n_disorder=MORE, **{**OPTIONS, "seed": 4})
    assert not other.m.identical(at_once.m)  # control: draws of another seed are others


def test_the_draws_that_are_there_are_used_and_not_made_again(finished, at_once):
    """Control: with a stored draw changed behind its checksum, the joined cell shows the change, and nothing else."""
    from validate.results.store import Store

    about = json.loads((finished / "manifest.json").read_text())
    store = Store(finished, about["manifest"])
    key = next(cell.key for cell in listed(finished) if cell.label == "w=1.0")
    old = store.read(key)
    old["m"][:] = 7.0
    store.write(key, old, label="w=1.0")
    data = sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, **OPTIONS)
    assert (data.m.sel(w=1.0)[:FEW] == 7.0).all()
    np.testing.assert_array_equal(data.m.sel(w=1.0)[FEW:], at_once.m.sel(w=1.0)[FEW:])
    np.testing.assert_array_equal(data.m.sel(w=0.5), at_once.m.sel(w=0.5))


def test_fewer_draws_are_the_first_of_those_that_are_there(finished, at_once, capsys):
    before = {path: path.read_bytes() for path in (finished / "cells").iterdir()}
    with Recording() as crew:
        data = sweep(PROBLEM, GRID, n_disorder=2, folder=finished, executor=crew, **{**OPTIONS, "progress": True})
    assert not crew.labels and {path: path.read_bytes() for path in (finished / "cells").iterdir()} == before
    xarray.testing.assert_identical(data, sweep(PROBLEM, GRID, n_disorder=2, **OPTIONS))
    assert "sweep: 2 of 2 cells are there with more draws; their first ones are read" in capsys.readouterr().err
    path = min(before)
    path.write_bytes(before[path][:-1])  # damaged: as many draws as are asked for are computed
    with pytest.warns(StoreWarning, match="is damaged"), Recording() as crew:
        xarray.testing.assert_identical(
            sweep(PROBLEM, GRID, n_disorder=2, folder=finished, executor=crew, **OPTIONS), data
        )
    assert len(crew.labels) == 1 and names(finished) == ["2", "4", "4"]


def test_cells_and_draws_grow_together(finished, at_once):
    with Recording() as crew:
        data = sweep(PROBLEM, {"w": [1.0, 2.0]}, n_disorder=MORE, folder=finished, executor=crew, **OPTIONS)
    assert sorted(crew.labels) == ["w=1.0 draws 4 to 8", "w=2.0"]
    np.testing.assert_array_equal(data.m.sel(w=1.0), at_once.m.sel(w=1.0))
    assert names(finished) == ["4", "9", "9"]
    xarray.testing.assert_identical(sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, **OPTIONS), at_once)


def test_what_is_left_of_long_cells_is_cut_for_several_workers(finished, at_once, monkeypatch):
    monkeypatch.setattr(division, "WORTH", 0.0)
    with Recording(2) as crew:
        data = sweep(PROBLEM, {"w": [1.0]}, n_disorder=MORE, folder=finished, executor=crew, **OPTIONS)
    assert sorted(crew.labels) == [f"w=1.0 draws {i} to {i}" for i in range(FEW, MORE)]
    np.testing.assert_array_equal(data.m.sel(w=1.0), at_once.m.sel(w=1.0))


def test_samplers_code_goes_on_too(tmp_path):
    grid = {"sampler": [euler(sd_sigmas(6), start="vp")], "w": [1.0]}
    sweep(PROBLEM, grid, n_disorder=2, folder=tmp_path, **OPTIONS)
    with Recording() as crew:
        data = sweep(PROBLEM, grid, n_disorder=5, folder=tmp_path, executor=crew, **OPTIONS)
    assert [label.partition(" draws ")[2] for label in crew.labels] == ["2 to 4"]
    xarray.testing.assert_identical(data, sweep(PROBLEM, grid, n_disorder=5, **OPTIONS))


def test_draws_whose_bits_follow_the_number_of_all_draws_are_made_again(tmp_path):
    """Lazy ones, and with many classes those whose batches follow it; the old stay beside the new."""
    many, effort = PROBLEM.replace(classes=Fixed(30_000)), {"n_samples": 2500, "n_steps": 2, "n_times": 2}
    cases = [(PROBLEM, {"d": 30, "classes": "lazy"}), (many, {"d": 10, **effort})]
    for i, (problem, change) in enumerate(cases):
        options = {**OPTIONS, **change}
        folder = tmp_path / str(i)
        old = sweep(problem, {"w": [0.2]}, n_disorder=2, folder=folder, **options)
        with Recording() as crew:
            new = sweep(problem, {"w": [0.2]}, n_disorder=3, folder=folder, executor=crew, **options)
        assert crew.labels == ["w=0.2"] and names(folder) == ["2", "3"]
        xarray.testing.assert_identical(new, sweep(problem, {"w": [0.2]}, n_disorder=3, **options))
        xarray.testing.assert_identical(sweep(problem, {"w": [0.2]}, n_disorder=2, folder=folder, **options), old)
    assert not np.array_equal(new.m[:, :2], old.m)  # control: these two have other batches, and other bits


def test_cells_of_one_name_have_batches_of_one_size():
    """... so that a run of few draws is the beginning of one of many, and not where their batches differ (control)."""
    problem, effort = PROBLEM.replace(classes=Fixed(30_000), guidance=0.2), {"n_steps": 2, "n_times": 2}
    for n_samples, same in ((2500, False), (200, True)):
        options = {"n_samples": n_samples, "classes": "auto", **effort}
        few, many = (SweepCell(problem, 10, 0, {**options, "n_disorder": n}, "") for n in (2, 3))
        assert (few.name == many.name) == same
        two, three = (run(problem, d=10, seed=1, progress=False, **cell.options).draws for cell in (few, many))
        assert all(np.array_equal(values, three[name][:2]) for name, values in two.items()) == same


KILLED = """
die_at({function!r}, {part!r}, {n})
sweep(PROBLEM, {grid}, n_disorder={more}, folder=sys.argv[1], threads=1, **{options})
"""


@pytest.mark.parametrize(
    ("function", "part", "n", "left"),
    [
        ("replace", "-.*npz", 2, ["4", "4", "4-9"]),  # while the second cell's draws are written,
        ("replace", "_9.npz", 1, ["4", "4", "4-9", "4-9"]),  # before the first cell is whole,
        ("unlink", "_4.npz", 1, ["4", "4", "4-9", "9"]),  # and before the old is removed
    ],
)
def test_a_kill_loses_nothing(finished, at_once, function, part, n, left):
    before = {path: path.read_bytes() for path in (finished / "cells").iterdir()}
    text = KILLED.format(function=function, part=part, n=n, grid=GRID, more=MORE, options=OPTIONS)
    with script(text, finished) as process:
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
    assert names(finished) == left and {path: path.read_bytes() for path in before} == before
    few = sweep(PROBLEM, GRID, n_disorder=FEW, folder=finished, **OPTIONS)
    xarray.testing.assert_identical(few, sweep(PROBLEM, GRID, n_disorder=FEW, **OPTIONS))
    with Recording() as crew:
        data = sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, executor=crew, **OPTIONS)
    xarray.testing.assert_identical(data, at_once)
    assert names(finished) == ["9", "9"]


def test_parts_of_a_killed_extension_serve_another_number(finished, at_once, monkeypatch):
    """Draws 4 to 6 of 7 are there when 9 are asked for: only 7 and 8 are computed."""
    sweep(PROBLEM, GRID, n_disorder=7, folder=finished, **OPTIONS)
    for path in (finished / "cells").iterdir():
        assert path.stem.endswith("_7")
    with Recording() as crew:
        data = sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, executor=crew, **OPTIONS)
    assert sorted(crew.labels) == ["w=0.5 draws 7 to 8", "w=1.0 draws 7 to 8"]
    xarray.testing.assert_identical(data, at_once)


def test_the_manifest_and_the_list_say_how_many(finished):
    def recorded():
        return json.loads((finished / "manifest.json").read_text())["origin"]["n_disorder"]

    assert recorded() == FEW and [cell.draws for cell in listed(finished)] == [FEW, FEW]
    sweep(PROBLEM, {"w": [1.0]}, n_disorder=MORE, folder=finished, **OPTIONS)
    sweep(PROBLEM, {"w": [1.0]}, n_disorder=2, folder=finished, **OPTIONS)
    assert recorded() == MORE
    said = CliRunner().invoke(app, ["cells", str(finished)]).stdout
    assert "    4 draws  w=0.5\n" in said and "    9 draws  w=1.0\n" in said
    with pytest.raises(StoreError, match=r'holds others: options: .*"n_samples": 20.* there'):
        sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, **{**OPTIONS, "n_samples": 21})


def test_more_draws_that_fail_leave_the_old_ones(finished):
    with failing_cells(), pytest.raises(ProblemError, match="not today"):
        sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, **OPTIONS)
    found = [(cell.state, cell.draws) for cell in listed(finished)]
    assert found == [("failed", 5), ("failed", 5), ("done", FEW), ("done", FEW)]
    sweep(PROBLEM, GRID, n_disorder=MORE, folder=finished, **OPTIONS)
    assert [(cell.state, cell.draws) for cell in listed(finished)] == [("done", MORE)] * 2
