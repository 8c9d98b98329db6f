"""The command line: results on stdout, one clean message for bad input, exit codes that can be relied on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import xarray
from typer.testing import CliRunner

from meanfield import Ensemble, Exponential, Problem, solve
from validate.cli import app
from validate.errors import Interrupted
from validate.regimes import report
from validate.regimes.judgement import Judgement, Verdict

CONFIG = """
sigma2 = 0.25
guidance = 1.0
sampler = "ode"
t_start = inf
classes = {growth = "exponential", alpha = 0.4}

[run]
d = 8
n_samples = 10
n_disorder = 3
n_steps = 10
"""


def call(*words: object):
    return CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "problem.toml"
    path.write_text(CONFIG)
    return path


def test_solve_from_flags_and_from_a_file(config, tmp_path):
    theory = solve(Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0, sampler="ode"))
    result = call("solve", "--alpha", 0.4, "--w", 1, "--sampler", "ode", "--json")
    assert result.exit_code == 0
    numbers = json.loads(result.stdout)
    assert numbers["m"] == theory.final.m
    assert numbers["standing"] == "exact"
    assert json.loads(call("solve", "--config", config, "--json").stdout) == numbers
    other = json.loads(call("solve", "--config", config, "--w", 2, "--json").stdout)
    assert other["problem"]["guidance"]["value"] == 2.0
    out = tmp_path / "theory.nc"
    assert call("solve", "--config", config, "--output", out).exit_code == 0
    with xarray.open_dataset(out) as saved:
        assert float(saved.m[-1]) == theory.final.m


def test_noise_and_times_of_its_own(config, tmp_path):
    flags = ("--w", 2, "--sampler", "ode", "--t-start", 0.9)
    result = call("solve", "--alpha", 0.4, *flags, "--noise", "rectified-flow", "--json")
    theory = solve(Problem(classes=Exponential(0.4), sigma2=0.25, guidance=2.0, sampler="ode", t_start=81.0))
    assert json.loads(result.stdout)["m"] == pytest.approx(theory.final.m, abs=1e-10)
    path = tmp_path / "edm.toml"
    text = CONFIG.replace(
        "guidance = 1.0", 'noise = {noise = "edm"}\nguidance = {schedule = "linear", w0 = 0, omega = 0.2}'
    )
    path.write_text(text.replace("inf", "9.0"))
    numbers = json.loads(call("solve", "--config", path, "--json").stdout)
    problem = Problem(
        classes=Exponential(0.4), sigma2=0.25, guidance=lambda t: 0.2 * t**0.5, sampler="ode", t_start=81.0
    )
    assert numbers["m"] == pytest.approx(solve(problem).final.m, abs=1e-9)
    assert call("simulate", "--config", path).exit_code == 0
    other = json.loads(call("solve", "--config", path, "--noise", "ve", "--json").stdout)  # flags win
    assert abs(other["m"] - numbers["m"]) > 1e-3


def test_json_is_strict_where_nothing_speciates():
    numbers = json.loads(call("solve", "--continuum", "--w", 1, "--json").stdout)
    assert numbers["t_speciation"] is None
    assert numbers["d"] == "inf"


def test_simulate(config, tmp_path):
    out = tmp_path / "run.nc"
    result = call("simulate", "--config", config, "--json", "--output", out)
    assert result.exit_code == 0, result.output
    numbers = json.loads(result.stdout)
    with xarray.open_dataset(out) as saved:
        data = Ensemble.from_dataset(saved.load())
    assert numbers["final"]["m"]["mean"] == data.final.m.mean
    text = call("simulate", "--config", config, "--seed", 3).stdout
    assert "verdict:" in text
    refused = call("simulate", "--config", config, "--tol", 1e-3)  # the file gives n_steps
    assert refused.exit_code == 2 and "give n_steps or tol" in refused.output
    chosen = call("simulate", "--alpha", 0.4, "--d", 6, "--n-samples", 20, "--n-disorder", 3, "--tol", 0.05, "--json")
    assert json.loads(chosen.stdout)["info"]["timestep_error"][0] < 0.05
    assert "3 draws x 10 samples" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("solve",), "a problem needs its number of classes; got none. Give one of --alpha"),
        (("solve", "--alpha", 0.4, "--n", 3), "must be given once"),
        (("solve", "--alpha", -1), "alpha must be a number > 0 (finite); got -1.0."),
        (("solve", "--alpha", 0.4, "--sampler", "odd"), 'sampler must be "sde", "ode" or a stochasticity'),
        (("solve", "--alpha", 0.4, "--sigma2", 0), "sigma2 must be a number > 0"),
        (
            ("solve", "--config", "nowhere.toml"),
            "--config must name a file that can be read; nowhere.toml: No such file",
        ),
        (
            ("solve", "--alpha", 0.4, "--noise", "vp"),
            "noise must be one of ['edm', 'ornstein-uhlenbeck', 'rectified-flow'",
        ),
        (("solve", "--alpha", 0.4, "--noise", "vp-linear", "--t-start", 2), "must lie between 0 and 1; got 2. Choose"),
        (("simulate", "--alpha", 0.4), "particles need a dimension; got none. Give --d 12"),
        (("simulate", "--alpha", 0.4, "--d", 1), "d must be a whole number >= 2"),
        (("simulate", "--alpha", 5, "--d", 40, "--classes", "explicit"), 'use classes="lazy"'),
        (("simulate", "--alpha", 0.4, "--d", 8, "--output", "no/folder/x.nc"), "--output must lie in a folder"),
        (("validate", "--profile", "fast"), "profile must be one of"),
        (("validate", "--level", 2), "level must be"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(words, message):
    result = call(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


def test_guidance_by_a_ratio_is_held_against_its_own_theory(tmp_path):
    path = tmp_path / "ratio.toml"
    ratio = CONFIG.replace("guidance = 1.0", 'guidance = {schedule = "density-ratio", beta = 0.3, w_max = 4.0}')
    path.write_text(ratio)
    result = call("simulate", "--config", path)
    assert result.exit_code == 0 and "no verdict: a verdict on fade needs classes in a continuum" in result.stdout
    continuum = tmp_path / "continuum.toml"
    continuum.write_text(ratio.replace('{growth = "exponential", alpha = 0.4}', '{growth = "continuum"}'))
    assert "asymptotic theory at d = 8 against particles" in call("simulate", "--config", continuum).stdout
    assert "Trajectory at d = 8: m(0) = 1.0" in call("solve", "--config", path, "--d", 8).stdout
    result = call("simulate", "--config", path, "--t-start", 1000)
    assert result.exit_code == 0 and "no theory beside: fade needs a start at t = infinity" in result.stdout
    path.write_text(ratio.replace("[run]", '[problem]\nguidance = {schedule = "density-ratio", beta = 0.1}\n[run]'))
    result = call("simulate", "--config", path)
    assert result.exit_code == 2 and "unknown: ['problem']" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONFIG + "speed = 3\n", "[run] takes the keys"),
        (CONFIG.replace("sigma2", "sigma"), "Problem takes the keys"),
        (CONFIG.replace("alpha = 0.4", "alpa = 0.4"), "takes the keys ['alpha', 'prior']; unknown: ['alpa']"),
        (CONFIG.replace("sigma2 = 0.25", 'sigma2 = "wide"'), "sigma2 must be a number or None; got 'wide' (str)."),
        (CONFIG.replace("d = 8", "d = 8.5"), "d must be a whole number >= 2"),
        (CONFIG.replace("d = 8", 'd = "8"'), "d must be a whole number; got '8' (str)."),
        ("run = 3\n" + CONFIG.split("[run]")[0], "run must be a table"),
        ("sigma2 = \n", "--config must be a TOML file"),
        ("[run]\nd = 8\n", "a problem needs its number of classes"),
        ('classes = {growth = "fixed", n = 3}\n', "a problem needs its class variance"),
        (CONFIG.replace('growth = "exponential"', 'growth = "fast"'), "growth must be one of"),
        (CONFIG.replace("guidance = 1.0", 'guidance = {schedule = "stairs"}'), "schedule must be one of"),
    ],
)
def test_a_bad_file_is_one_message_and_exit_code_2(tmp_path, text, message):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    result = call("simulate", "--config", path)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_validate_writes_everything_and_reports_agreement(tmp_path):
    out = tmp_path / "results"
    result = call("validate", "--only", "continuum w=1 ode", "--out", out)
    assert result.exit_code == 0, result.output
    assert "about" in result.stderr
    assert "6 agree, 0 disagree" in result.stdout
    assert {"atlas.nc", "summary.png", "summary.pdf", "report.html"} <= {p.name for p in out.iterdir()}


def test_validate_exit_code_1_on_disagreement(monkeypatch, tmp_path):
    bad = Verdict("g", 8.0, "m", "exact", 1.0, 0.0, 2.0, 0.1, 0.0, 0.0, 10.0)
    monkeypatch.setattr(report, "judge_and_report", lambda *a, **k: Judgement((bad,), 0.01, 3.0))
    assert call("validate", "--out", tmp_path).exit_code == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Interrupted("3 of 4 cells are done and kept.")])
def test_an_interrupt_is_clean(monkeypatch, tmp_path, stop):
    def interrupted(*args, **kwargs):
        raise stop

    monkeypatch.setattr(report, "judge_and_report", interrupted)
    result = call("validate", "--out", tmp_path)
    assert result.exit_code == 130
    assert result.stderr == f"interrupted; {str(stop) or 'files that were finished are kept.'}\n"


@pytest.mark.parametrize("command", ["solve", "simulate", "validate"])
def test_help_shows_an_example_that_runs(command):
    text = " ".join(call(command, "--help").stdout.split())
    assert f"Example: cfgfield {command} --" in text


def test_the_installed_command():
    done = subprocess.run(
        [sys.executable, "-m", "validate.cli", "solve", "--alpha", "0.4", "--w", "1"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "m(0) = 1.07555" in done.stdout
    assert done.stderr == ""
