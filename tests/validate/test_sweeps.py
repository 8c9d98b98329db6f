"""A sweep is labelled, independent of order and of what was finished before (interruptions: test_interrupts.py)."""

import json
import re
from concurrent.futures import Executor, Future

import numpy as np
import pytest
import xarray
from validation_cases import PROBLEM

from meanfield import CfgfieldError, Constant, DensityRatio, Exponential, Fixed, Linear, ProblemError, fade, solve
from simulate import run
from validate import StoreError, SweepWarning, atlas, read_dataset, sweep, write_dataset
from validate.sweeps import resuming
from validate.sweeps.grid_cell import cell_seed

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


def test_guidance_by_a_ratio_is_swept_beside_fade():
    base = PROBLEM.replace(classes=Exponential(0.4), guidance=DensityRatio(0.3, w_max=4.0))
    data = sweep(base, {"guidance": [base.guidance, Constant(0.4)], "d": [8]}, **OPTIONS)
    assert float(data.theory_m[0, 0, -1]) == fade(base, 8).trajectory.final.m < float(data.theory_m[1, 0, -1])
    with pytest.raises(ProblemError, match="fade needs a start at t = infinity"):
        sweep(base.replace(t_start=1000.0), {"d": [8]}, **{**OPTIONS, "n_samples": 10**7})  # before it is run


def test_files_equal_memory_and_nothing_is_computed_twice(tmp_path, whole):
    first = sweep(PROBLEM, GRID, folder=tmp_path, **OPTIONS)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()}
    again = sweep(PROBLEM, GRID, folder=tmp_path, **OPTIONS)
    assert len(stamps) == 16
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()} == stamps
    xarray.testing.assert_identical(first, whole)
    xarray.testing.assert_identical(again, whole)


def test_a_grid_may_grow_shrink_and_move_in_one_folder(tmp_path):
    """Cells are keyed by what they are: those that are there serve any grid that has them."""
    sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **OPTIONS)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()}
    grown = sweep(PROBLEM, {"w": [0.5, 1.0, 2.0]}, d=6, folder=tmp_path, **OPTIONS)
    xarray.testing.assert_identical(grown, sweep(PROBLEM, {"w": [0.5, 1.0, 2.0]}, d=6, **OPTIONS))
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()}
    assert len(before) == 1 and len(after) == 3 and before.items() <= after.items()
    other = PROBLEM.replace(sigma2=0.5)
    xarray.testing.assert_identical(
        sweep(other, {"w": [1.0]}, d=6, folder=tmp_path, **OPTIONS), sweep(other, {"w": [1.0]}, d=6, **OPTIONS)
    )


def test_a_folder_of_another_seed_or_other_options_is_refused(tmp_path):
    sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **OPTIONS)
    with pytest.raises(StoreError, match=r"options, seed and code; .* holds others: seed: 5 there, 6 here\."):
        sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **{**OPTIONS, "seed": 6})
    with pytest.raises(StoreError, match=r'holds others: options: .*"n_steps": 20.* there, .*"n_steps": 21.* here\.'):
        sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **{**OPTIONS, "n_steps": 21})


def test_numpy_integers_are_integers(tmp_path):
    numbers = {name: np.int64(value) for name, value in OPTIONS.items() if name != "progress"}
    for folder in (None, tmp_path):
        found = sweep(PROBLEM, {"w": [1.0]}, d=np.int32(6), folder=folder, progress=False, **numbers)
        write_dataset(found, tmp_path / "sweep.nc", overwrite=True)
        xarray.testing.assert_identical(found, sweep(PROBLEM, {"w": [1.0]}, d=6, **OPTIONS))


@pytest.mark.parametrize("seed", [-1, "abc", True, 1.5, None, np.nan, [3]])
def test_a_seed_is_a_whole_number(seed, tmp_path):
    for call in (lambda **how: sweep(PROBLEM, {"w": [1.0]}, d=6, **{**OPTIONS, **how}), atlas):
        with pytest.raises(ProblemError, match=r"seed must be a whole number( >= 0)?; got "):
            call(seed=seed, folder=tmp_path / "cells")
    assert not list(tmp_path.iterdir())
    for name in ("n_samples", "n_disorder", "n_steps", "n_times"):
        with pytest.raises(ProblemError, match=f"{name} must be a whole number"):
            sweep(PROBLEM, {"w": [1.0]}, d=6, folder=tmp_path / "cells", **{**OPTIONS, name: -1})


def test_a_cell_that_fails_is_recorded_and_the_others_are_computed(tmp_path, capfd):
    """Guidance so strong that numbers overflow; the next call tries it again, and nothing else."""
    grid = {"w": [0.5, 1e300, 1.0], "sampler": ["sde", "ode"]}
    good = sweep(PROBLEM, {**grid, "w": [0.5, 1.0]}, d=6, **OPTIONS)
    for _ in range(2):
        with pytest.warns(SweepWarning, match=r"2 of 6 cells failed, and are nan; the first: .*in the cell w=1e\+300 "):
            found = sweep(PROBLEM, grid, d=6, folder=tmp_path, **{**OPTIONS, "progress": True})
        assert len(list((tmp_path / "cells").iterdir())) == 4
    assert list(json.loads(found.failed)) == ["w=1e+300 sampler=sde", "w=1e+300 sampler=ode"]
    xarray.testing.assert_identical(found.sel(w=[0.5, 1.0]).drop_attrs(), good.drop_attrs())
    lost = found.sel(w=1e300)
    assert lost.m.isnull().all() and lost.theory_m.isnull().all() and set(lost.standing.values.tolist()) == {"failed"}
    assert json.loads(good.failed) == {} and not good.reason.values.any()
    assert all("in the cell w=1e+300" in reason for reason in lost.reason.values)
    err = capfd.readouterr().err
    assert "sweep: 6 of 6 cells (2 failed)" in err and "failed: " in err
    write_dataset(found, tmp_path / "sweep.nc")
    xarray.testing.assert_identical(read_dataset(tmp_path / "sweep.nc"), found)
    with pytest.raises(CfgfieldError, match=r"in the cell w=1e\+300"):
        sweep(PROBLEM, grid, d=6, on_failure="stop", **OPTIONS)
    with pytest.raises(ProblemError, match="on_failure must be one of"):
        sweep(PROBLEM, grid, d=6, on_failure="ignore", **OPTIONS)


def test_a_cell_too_large_is_recorded_too():
    """It cannot even be costed; with lower d beside it, the sweep goes on."""
    with pytest.warns(SweepWarning, match=r"1 of 2 cells failed.*use classes=\"lazy\""):
        found = sweep(PROBLEM, {"d": [6, 200]}, classes="explicit", **OPTIONS)
    assert found.m.sel(d=6).notnull().all() and found.m.sel(d=200).isnull().all()


class Struck(Executor):
    """Computes some cells where it is called; then the user strikes Ctrl-C."""

    def __init__(self, most: int) -> None:
        self.left = most

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        if args and isinstance(args[0], list):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= len(args[0])
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize("stored", [True, False])
def test_an_interrupt_says_how_far_it_was_and_the_same_call_goes_on(tmp_path, monkeypatch, stored):
    monkeypatch.setattr(resuming, "QUANTUM", 0.0)  # a cell at a time,
    monkeypatch.setattr(resuming, "MANY", 1)  # and its outcome before the next
    grid = {"w": [0.5, 1.0, 2.0], "sampler": ["sde", "ode"]}
    folder = tmp_path if stored else None
    how = "and kept; the same call" if stored else "but not kept; with a folder, the same call"
    with pytest.raises(KeyboardInterrupt, match=rf"^4 of 6 cells are done {how} goes on from there\.$"):
        sweep(PROBLEM, grid, d=6, folder=folder, executor=Struck(4), **OPTIONS)
    assert len(list(tmp_path.glob("cells/*"))) == (4 if stored else 0)
    whole = sweep(PROBLEM, grid, d=6, **OPTIONS)
    xarray.testing.assert_identical(sweep(PROBLEM, grid, d=6, folder=folder, **OPTIONS), whole)


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
    sweep(PROBLEM, {"w": [1.0, 2.0], "d": [6]}, **{**OPTIONS, "progress": True})
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"sweep: 2 cells to compute, about \S+ s on \d+ workers? \(\S+ s of processor\)\n"
        r"sweep: 2 of 2 cells, \S+ a second, \S+ s in all\n",
        err,
    )


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two"])
def test_a_wrong_number_of_threads_is_refused(threads):
    with pytest.raises(ProblemError, match=rf"threads must be a whole number.*; got {threads!r}"):
        sweep(PROBLEM, {"w": [1.0], "d": [6]}, threads=threads, **OPTIONS)


def test_a_cell_too_large_for_memory_is_refused_with_its_name():
    with pytest.raises(ProblemError, match=r"exp\(80\) classes.* use classes=\"lazy\" .*\(in the cell w=1\.0 d=200\)"):
        sweep(PROBLEM, {"w": [1.0], "d": [200]}, classes="explicit", **OPTIONS)


def test_manifest_states_the_grid(tmp_path):
    sweep(PROBLEM, {"w": [1.0], "d": [6]}, folder=tmp_path, **OPTIONS)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["origin"]["grid"] == {"w": [1.0], "d": [6]}
    assert "numpy" in manifest["origin"]
