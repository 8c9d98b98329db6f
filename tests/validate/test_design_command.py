"""`cfgfield design`: schedule file, picture, numbers next to constant guidance, and requests that have no answer."""

import json

import pytest
from typer.testing import CliRunner

from meanfield import Problem, solve
from validate.cli import app

WORDS = ("design", "--continuum", "--sampler", "ode", "--t-start", 1000, "--maximise", "separation")


def call(*words: object):
    return CliRunner().invoke(app, [str(w) for w in words])


def test_design_writes_a_schedule_and_a_picture(tmp_path):
    file, picture = tmp_path / "design.json", tmp_path / "design.png"
    result = call(*WORDS, "--schedule", file, "--picture", picture)
    assert result.exit_code == 0, result.output
    assert "same mean" in result.stdout
    assert "(w_max)" in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    data = json.loads(file.read_text())
    final = solve(Problem.from_dict(data["problem"])).final  # the file states the whole problem with its schedule
    assert final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
    assert final.m == pytest.approx(1.25, abs=1e-6)
    same = data["constant_same_mean"]
    constant = solve(Problem.from_dict(data["problem"]).replace(guidance=same["w"])).final
    assert constant.m == pytest.approx(final.m, abs=1e-7)
    assert constant.v / 0.25 == pytest.approx(same["v_ratio"], rel=1e-7)
    assert same["v_ratio"] < 0.8
    assert data.pop("sha256")
    assert json.loads(call(*WORDS, "--json").stdout) == data


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("design", "--continuum", "--w-min", 0), "w_min must be negative"),
        (("design", "--continuum", "--mean", 1.3), "below 1 + sigma2"),
        (("design", "--continuum", "--picture", "x.gif"), "a picture must end in"),
        (("design", "--continuum", "--schedule", "no/folder/x.json"), "must lie in a folder"),
        (("design",), "number of classes"),
    ],
)
def test_bad_requests_say_why(words, says):
    result = call(*words)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())
