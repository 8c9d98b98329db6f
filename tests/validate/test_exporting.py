"""`cfgfield export`: schedules from files to the scales of a sampler."""

import json
import math

import pytest
from typer.testing import CliRunner

from meanfield import Continuum, Interval, Linear, Problem
from meanfield.export.scales import Scales
from validate.cli import app

LEVELS = "9,3,1,0.5,0"
WINDOW = Linear(-1.0, 0.25)


def export(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


@pytest.fixture
def window(tmp_path):
    path = tmp_path / "window.json"
    path.write_text(json.dumps(WINDOW.to_dict()))
    return path


def test_csv_and_json_are_those_of_for_timesteps(window, tmp_path):
    expected = WINDOW.for_timesteps(sigmas=[9.0, 3.0, 1.0, 0.5, 0.0], data_scale=2.0)
    assert export(window, "--levels", LEVELS, "--data-scale", 2).output.strip() == expected.to_csv()
    out = tmp_path / "scales.json"
    result = export(window, "--levels", LEVELS, "--data-scale", 2, "--format", "json", "--output", out)
    assert result.exit_code == 0 and Scales.from_json(out) == expected


def test_levels_from_a_file_and_other_kinds(window, tmp_path):
    levels = tmp_path / "levels.json"
    levels.write_text("[0.75, 0.5]")
    result = export(window, "--levels", levels, "--kind", "flow_sigmas", "--format", "sdcpp")
    assert result.output.strip() == "guidance_schedule=0.25x1+2.25x2"
    edm = export(window, "--levels", "3,1", "--kind", "edm", "--format", "sdcpp")
    assert edm.output == result.output
    shifted = export(window, "--levels", "0.5,0.25", "--kind", "flow_sigmas", "--shift", 3, "--format", "sdcpp")
    assert shifted.output == result.output


@pytest.mark.parametrize("nested", [False, True])
def test_the_start_of_a_problem_bounds_the_levels(tmp_path, nested):
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Linear(0.0, 0.5), noise="edm", t_start=4.0)
    path = tmp_path / "problem.json"
    path.write_text(json.dumps({"problem": problem.to_dict()} if nested else problem.to_dict()))
    result = export(path, "--levels", "8,4,2", "--format", "json")
    assert list(Scales.from_json(result.output)) == [3.0, 3.0, 2.0]  # w = sigma/2 up to sigma = 4
    endless = problem.replace(guidance=Interval(1.0, 1.0, 3.0), t_start=math.inf)
    path.write_text(json.dumps(endless.to_dict()).replace("Infinity", '"inf"'))
    assert list(Scales.from_json(export(path, "--levels", "8,2", "--format", "json").output)) == [1.0, 2.0]


def test_a_problem_in_toml(tmp_path):
    path = tmp_path / "problem.toml"
    path.write_text('sigma2 = 0.25\nguidance = {schedule = "linear", w0 = -1.0, omega = 0.25}\nt_start = 16.0\n'
                    'classes = {growth = "continuum"}\n')  # fmt: skip
    assert "4.0" in export(path, "--levels", "5,1").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--levels", "3,4"], "must fall"),
        (["--levels", "3,x"], "numbers, or a file"),
        (["--levels", "nowhere.txt"], "file of numbers"),
        (["--levels", "3", "--kind", "vp"], "--kind must be"),
        (["--levels", "3", "--format", "xml"], "--format must be"),
        (["--levels", "3", "--rule", "end"], "rule must be"),
        (["--levels", "1,0.5", "--kind", "flow_sigmas"], "t_max"),
        (["--levels", "3", "--output", "nowhere/scales.csv"], "--output must lie"),
    ],
)
def test_bad_input_ends_with_two_and_one_message(window, arguments, message):
    result = export(window, *arguments)
    assert result.exit_code == 2 and message in result.stderr.replace("\n", " ")


def test_files_that_hold_no_schedule(tmp_path):
    path = tmp_path / "other.json"
    assert "can be read" in export(path, "--levels", "3").stderr
    for text, message in (
        ("{", "JSON"),
        ("[1]", "must hold"),
        ('{"a": 1}', "must hold"),
        ('{"schedule": "x"}', "one of"),
    ):
        path.write_text(text)
        result = export(path, "--levels", "3")
        assert result.exit_code == 2 and message in result.stderr
