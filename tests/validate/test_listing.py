"""Cells of a folder are listed: done, failed with reasons, parts, damaged; sweeps grow and are drawn."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner
from workers_cases import failing_cells

from meanfield import Exponential, Problem
from meanfield.errors import ProblemError
from validate import sweep
from validate.cli import app
from validate.errors import StoreError, SweepWarning
from validate.sweeps.listing import listed
from validate.sweeps.picture import draw

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
OPTIONS = {"d": 6, "n_samples": 10, "n_disorder": 4, "n_steps": 8, "n_times": 3, "threads": 1, "progress": False}


def states(folder):
    return sorted((cell.state, cell.label) for cell in listed(folder))


def test_a_folder_says_what_it_holds_and_grows(tmp_path):
    with pytest.warns(SweepWarning):
        sweep(PROBLEM, {"w": [0.5, 1e300]}, folder=tmp_path, **OPTIONS)
    found = {cell.label: cell for cell in listed(tmp_path)}
    assert {label: cell.state for label, cell in found.items()} == {"w=0.5": "done", "w=1e+300": "failed"}
    assert "in the cell w=1e+300" in found["w=1e+300"].reason and found["w=0.5"].seconds > 0.0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cells").glob("*.npz")}
    sweep(PROBLEM, {"w": [0.5, 1.0], "sampler": ["sde", "ode"]}, folder=tmp_path, **OPTIONS)
    assert len([state for state, _ in states(tmp_path) if state == "done"]) == 4
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cells").glob("*.npz")}
    assert before.items() <= after.items()  # what was done is not done again


def test_a_cell_that_succeeds_at_last_is_failed_no_more(tmp_path):
    with failing_cells(), pytest.raises(ProblemError, match="not today"):
        sweep(PROBLEM, {"w": [0.5]}, folder=tmp_path, **OPTIONS)
    assert states(tmp_path) == [("failed", "w=0.5")]
    sweep(PROBLEM, {"w": [0.5]}, folder=tmp_path, **OPTIONS)
    assert states(tmp_path) == [("done", "w=0.5")]


def test_damage_and_parts_are_seen_and_nothing_is_changed(tmp_path):
    sweep(PROBLEM, {"w": [0.5, 1.0]}, folder=tmp_path, **OPTIONS)
    one, other = sorted((tmp_path / "cells").glob("*.npz"))
    one.write_bytes(one.read_bytes()[:-7])
    other.rename(other.with_name(f"{other.stem}-0-4.npz"))
    content = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [cell.state for cell in listed(tmp_path)] == ["damaged", "part"]
    flipped = bytearray(content[other.with_name(f"{other.stem}-0-4.npz")])
    flipped[100] ^= 1
    (tmp_path / "cells" / "flipped.npz").write_bytes(flipped)
    found = {cell.key: cell for cell in listed(tmp_path)}["flipped"]
    assert found.state == "damaged" and "checksum is wrong" in found.reason
    (tmp_path / "cells" / "flipped.npz").unlink()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == content


def test_the_command_prints_them(tmp_path):
    with pytest.warns(SweepWarning):
        sweep(PROBLEM, {"w": [0.5, 1e300]}, folder=tmp_path / "cells here", **OPTIONS)
    said = CliRunner().invoke(app, ["cells", str(tmp_path / "cells here")])
    assert said.exit_code == 0 and "1 done, 1 failed" in said.stdout and "tries failed ones again" in said.stdout
    plain = CliRunner().invoke(app, ["cells", str(tmp_path / "cells here"), "--json"])
    assert [cell["state"] for cell in json.loads(plain.stdout)["cells"]] == ["failed", "done"]
    above = CliRunner().invoke(app, ["cells", str(tmp_path)])
    assert above.stdout == said.stdout
    none = CliRunner().invoke(app, ["cells", str(tmp_path / "nothing")])
    assert none.exit_code != 0
    with pytest.raises(StoreError, match=r"no manifest\.json"):
        listed(tmp_path / "nothing")


def test_a_sweep_is_drawn():
    data = sweep(PROBLEM, {"w": [0.5, 1.0, 2.0], "sampler": ["sde", "ode"]}, **OPTIONS)
    _, axis = draw(data, "v")
    lines = [line.get_ydata() for line in axis.lines]
    wanted = data.theory_v.isel(time=-1).sel(sampler="ode").values
    assert any(np.array_equal(line, wanted) for line in lines)
    shown = data.v.isel(time=-1).mean("draw").sel(sampler="sde").values
    assert any(np.array_equal(line, shown) for line in lines)
    assert {text.get_text() for text in axis.get_legend().get_texts()} == {"sampler = sde", "sampler = ode"}
    with pytest.raises(ProblemError, match="numbers"):
        draw(data, "v", x="sampler")
    with pytest.raises(ProblemError, match="quantity"):
        draw(data, "q2")
