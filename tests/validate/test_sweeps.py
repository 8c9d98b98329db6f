"""A sweep is labelled, independent of order and interruption, and never loses or repeats a finished cell."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray
from validation_cases import PROBLEM

from meanfield import Constant, Exponential, Fixed, Linear, ProblemError, solve
from simulate import run
from validate import StoreError, sweep
from validate.sweeps import cell_seed

GRID = {"alpha": [0.3, 0.4], "w": [0.5, 1.0], "sampler": ["sde", "ode"], "d": [6, 8]}
OPTIONS = {"n_samples": 20, "n_disorder": 3, "n_steps": 20, "n_times": 6, "seed": 5, "progress": False}


@pytest.fixture(scope="module")
def whole():
    return sweep(PROBLEM, GRID, **OPTIONS)


def test_labels_and_content(whole):
    assert dict(whole.m.sizes) == {"alpha": 2, "w": 2, "sampler": 2, "d": 2, "draw": 3, "time": 6}
    cell = whole.sel(alpha=0.3, w=0.5, sampler="ode", d=8)
    problem = PROBLEM.replace(classes=Exponential(0.3), guidance=0.5, sampler="ode")
    theory = solve(problem)
    assert float(cell.theory_m[-1]) == pytest.approx(theory.final.m, abs=1e-12)
    assert float(cell.t_speciation) == theory.t_speciation
    seed = cell_seed(5, {"problem": problem.to_dict(), "d": 8})
    alone = run(problem, d=8, n_samples=20, n_disorder=3, n_steps=20, n_times=6, seed=seed, progress=False)
    np.testing.assert_array_equal(cell.m.values, alone.draws["m"])


def test_numbers_do_not_depend_on_the_rest_of_the_grid_or_its_order(whole):
    part = sweep(PROBLEM, {"d": [8], "sampler": ["ode"], "alpha": [0.4, 0.3], "w": [1.0]}, **OPTIONS)
    there = whole.sel(part.coords).transpose(*part.m.dims)
    xarray.testing.assert_identical(part.m.drop_attrs(), there.m.drop_attrs())


def test_growth_laws_schedules_and_start_times_as_grid_values():
    schedules = [Constant(1.0), Linear(-0.5, 2.0)]
    data = sweep(
        PROBLEM.replace(t_start=10.0), {"classes": [Fixed(5), Exponential(0.3)], "guidance": schedules}, d=8, **OPTIONS
    )
    assert list(data.classes.values) == ["Fixed(n=5)", "Exponential(alpha=0.3)"]
    assert list(data.guidance.values) == [repr(s) for s in schedules]
    data = sweep(PROBLEM, {"t_start": [np.inf, 100.0], "sigma2": [0.2]}, d=8, **OPTIONS)
    assert float(data.t.sel(t_start=100.0)[0, 0]) == 100.0


def test_files_equal_memory_and_nothing_is_computed_twice(tmp_path, whole):
    first = sweep(PROBLEM, GRID, folder=tmp_path, **OPTIONS)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()}
    again = sweep(PROBLEM, GRID, folder=tmp_path, **OPTIONS)
    assert len(stamps) == 16
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()} == stamps
    xarray.testing.assert_identical(first, whole)
    xarray.testing.assert_identical(again, whole)


SCRIPT = """
import sys
from meanfield import Exponential, Problem
from validate import sweep
problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
sweep(problem, {grid!r}, folder=sys.argv[1], **{options!r})
"""


def test_a_killed_sweep_resumes_without_losing_or_repeating_a_cell(tmp_path):
    """SIGKILL in the middle: finished cells stay untouched, and the result is bit-identical to an undisturbed sweep."""
    grid = {"w": [0.5, 1.0, 2.0, 4.0, 8.0], "sampler": ["sde", "ode"]}
    options = {**OPTIONS, "d": 12, "n_samples": 400}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT.format(grid=grid, options=options), str(tmp_path)])
    cells = tmp_path / "cells"
    deadline = time.monotonic() + 60
    while len(list(cells.glob("*.nc"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {p.name: p.stat().st_mtime_ns for p in cells.glob("*.nc")}
    assert 3 <= len(finished) < 10
    resumed = sweep(PROBLEM, grid, folder=tmp_path, **options)
    for name, stamp in finished.items():
        assert (cells / name).stat().st_mtime_ns == stamp
    assert len(list(cells.iterdir())) == 10
    xarray.testing.assert_identical(resumed, sweep(PROBLEM, grid, **options))


def test_a_folder_of_another_grid_is_refused(tmp_path):
    sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **OPTIONS)
    with pytest.raises(StoreError, match=r"holds another: grid: .*1.0.* there, .*2.0.* here\. Use another folder"):
        sweep(PROBLEM, {"w": [2.0], "d": [6]}, folder=tmp_path, **OPTIONS)
    with pytest.raises(StoreError, match=r"holds another: seed: 5 there, 6 here"):
        sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **{**OPTIONS, "seed": 6})


def test_a_corrupt_cell_is_named_and_recomputed_after_deletion(tmp_path):
    grid = {"w": [1.0, 2.0], "d": [6]}
    whole = sweep(PROBLEM, grid, folder=tmp_path, **OPTIONS)
    broken = sorted((tmp_path / "cells").iterdir())[0]
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(StoreError, match=rf"{broken.name} is damaged .*Delete it: the next run computes it again"):
        sweep(PROBLEM, grid, folder=tmp_path, **OPTIONS)
    broken.unlink()
    xarray.testing.assert_identical(sweep(PROBLEM, grid, folder=tmp_path, **OPTIONS), whole)


def test_an_unwritable_or_full_folder_keeps_finished_cells(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(
        StoreError, match=r"must go to a folder that can be written; .*file cannot \(.*\)\. Free space or choose"
    ):
        sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=blocked, **OPTIONS)
    folder, real, calls = tmp_path / "full", os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 3:  # the manifest, one cell, then the disk is full
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device.*finished stay readable"):
        sweep(PROBLEM, {"w": [1.0, 2.0], "d": [6]}, folder=folder, **OPTIONS)
    monkeypatch.undo()
    (kept,) = (folder / "cells").iterdir()  # no half file is left behind
    stamp = kept.stat().st_mtime_ns
    sweep(PROBLEM, {"w": [1.0, 2.0], "d": [6]}, folder=folder, **OPTIONS)
    assert kept.stat().st_mtime_ns == stamp


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"manifest.json is damaged .*Use another folder"):
        sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **OPTIONS)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"beta": [1]}, r"a grid varies some of .*; got \['beta'\]"),
        ({}, "got an empty grid"),
        ({"alpha": [0.4], "n": [3]}, r"only one of \['classes', 'alpha', 'gamma', 'n'\]; got \['alpha', 'n'\]"),
        ({"w": [1.0], "guidance": [1.0]}, "only one of"),
        ({"w": [1.0, 1.0]}, r"all different; got \[1.0, 1.0\]"),
        ({"w": []}, "at least one"),
        ({"sigma2": [-1.0]}, "sigma2 must be a number > 0"),
        ({"d": [8]}, "the dimension must be given once"),
    ],
)
def test_a_bad_grid_is_refused(grid, message):
    with pytest.raises(ProblemError, match=message):
        sweep(PROBLEM, grid, d=6, **OPTIONS)


def test_progress_goes_to_stderr_only(capfd):
    sweep(PROBLEM, {"w": [1.0], "d": [6]}, **{**OPTIONS, "progress": True})
    out, err = capfd.readouterr()
    assert out == ""
    assert "sweep" in err


def test_manifest_states_the_grid(tmp_path):
    sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **OPTIONS)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["manifest"]["grid"] == {"w": [1.0], "d": [6]}
    assert "numpy" in manifest["origin"]
