"""Whatever is typed at the command line: an answer, or one message and an exit code that says who is to act."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import validate.regimes.report as report
from meanfield import ConvergenceError, ProblemError
from validate import ExecutorError, StoreError
from validate.cli import app, main
from validate.data import page

ROOT = Path(__file__).resolve().parents[2]

HOSTILE = (
    "", "nan", "inf", "-1", "0", "1e308", "-1e308", "5e-324", "1e5", 400 * "9", 5000 * "9", "true", "[1, 2]", "∞",
    "../../x", "/dev/zero", "/proc/self/mem", "/", 5000 * "x", "a\0b",
)  # fmt: skip
BASE = {
    "init": ["new.toml", "--force"],
    "solve": ["--alpha", "0.4"],
    "simulate": ["--alpha", "0.4", "--d", "4", "--n-samples", "4", "--n-disorder", "2", "--n-steps", "4"],
    "data": [
        "both.npz",
        "--covariance",
        "diag",
        "--target",
        "0",
        "--n-samples",
        "32",
        "--n-batches",
        "4",
        "--n-steps",
        "16",
        "--out",
        "results",
    ],
    "design": ["--continuum", "--sampler", "ode", "--t-start", "100"],  # the fastest
    "sampler": ["--alpha", "0.4", "--steps", "4"],
    "cells": ["sweep"],
    "explore": ["--print"],
    "export": ["schedule.json", "--levels", "3,1,0.1"],
    "validate": ["--profile", "none", "--out", "results"],
    "figures": ["--only", "none", "--out", "figures"],
}
DESIGN = ("--w-max", "--w-min", "--keep", "--tolerance", "--shift", "--equal")
ROUGH = ["--design", "--no-theory", "--n-samples", "160", "--tolerance", "0.1"]
MORE = {("data", option): ROUGH for option in DESIGN}  # where it counts
VALUED = [
    (name, option.opts[0])
    for name, command in typer.main.get_command(app).commands.items()
    for option in command.params
    if option.param_type_name == "option" and not option.is_flag
]


def call(*words: str):
    return CliRunner().invoke(app, list(words))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder in a folder, so that what climbs out of it is seen."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "schedule.json").write_text('{"schedule": "constant", "value": 1.0}')
    np.savez(inner / "both.npz", X=np.random.default_rng(0).normal(size=(20, 2)), y=np.repeat([0, 1], 10))
    monkeypatch.chdir(inner)
    return inner


@pytest.mark.parametrize(("name", "option"), VALUED)
def test_no_value_of_an_option_ends_in_a_traceback(name, option, tmp_path, monkeypatch):
    words = list(BASE[name])
    if (name, option) == ("data", "--out"):  # it takes most values: its figures, the same for all, are drawn elsewhere
        monkeypatch.setattr(page, "painted", lambda figure, form: b"<svg/>")
    if (name, option) in MORE:
        for taken in ("--n-samples", "--n-batches"):
            del words[words.index(taken) : words.index(taken) + 2]
        words += MORE[name, option]
    for taken in {option, "--alpha" if option in ("--gamma", "--n") else option} & set(words):
        del words[words.index(taken) : words.index(taken) + 2]
    for value in HOSTILE:
        if (name, option) in (("validate", "--profile"), ("figures", "--only")) and value == "":
            continue  # all of them
        result = call(name, *words, option, value)
        case = f"{option} {value[:40]!r}: {result.exception!r}"
        assert result.exit_code in (0, 2, 3) and len(result.stderr) < 1500, case
        assert result.exception is None or isinstance(result.exception, SystemExit), case
        assert result.exit_code or "nan" not in result.stdout, case
    if option not in ("--output", "--schema", "--schedule", "--picture", "--out"):
        assert [p.name for p in tmp_path.iterdir()] == ["a"], "something was written outside"


@pytest.mark.parametrize(
    ("error", "code"),
    [(ProblemError("p"), 2), (ConvergenceError("c"), 3), (ExecutorError("e"), 3), (StoreError("s"), 3),
     (OSError(28, "No space left on device"), 3), (MemoryError(), 3), (KeyboardInterrupt(), 130)],
)  # fmt: skip
def test_the_exit_code_says_who_is_to_act(monkeypatch, error, code):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(report, "judge_and_report", fail)
    result = call("validate")
    assert result.exit_code == code and result.stderr.count("\n") == 1 and isinstance(result.exception, SystemExit)


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(report, "judge_and_report", lambda *_, **__: {}["fault"])
    assert isinstance(call("validate").exception, KeyError)


def test_a_fault_of_the_program_is_no_disagreement(monkeypatch, capsys):
    monkeypatch.setattr(report, "judge_and_report", lambda *_, **__: {}["fault"])
    monkeypatch.setattr(sys, "argv", ["cfgfield", "validate"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 3 and "KeyError: 'fault'" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("solve --alpha 0.4 >/dev/full", 3, "error: files and output must be readable and writable"),
        ("--help >/dev/full", 3, "error: files and output must be readable and writable"),
        ("solve --alpha 0.4 >&-", 0, ""),  # closed on purpose
        ("solve --alpha 0.4 --sampler 1e5 2>/dev/full", 2, ""),
    ],
)
def test_output_that_goes_nowhere_is_no_traceback(line, code, said):
    done = subprocess.run(
        f"{sys.executable} -m validate.cli {line}", shell=True, cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == code and done.stderr.startswith(said) and done.stderr.count("\n") == bool(said)


def test_a_reader_that_has_left_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "validate.cli", "solve", "--alpha", "0.4"]
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_exit_codes_are_in_the_help():
    text = " ".join(call("--help").stdout.split())
    assert all(word in text for word in ("Exit codes: 0 done", "1 they disagree", "2 the options", "3 what was asked"))


TOML = 'sigma2 = 0.25\nguidance = 1.0\nclasses = {growth = "exponential", alpha = 0.4}\n'


def test_a_byte_order_mark_is_read_over(folder):
    (folder / "plain.toml").write_text(TOML, encoding="utf-8")
    (folder / "marked.toml").write_text(TOML, encoding="utf-8-sig")
    plain, marked = (call("solve", "--json", "--config", f"{name}.toml") for name in ("plain", "marked"))
    assert plain.exit_code == 0 and json.loads(plain.stdout) == json.loads(marked.stdout)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TOML.encode("utf-16"), "--config must be text in UTF-8"),
        (b"\xef\xbb\xbf" + 2**24 * b"#", "--config must name a file of at most 16 MiB"),
        (b"a = " + 10**5 * b"[", "--config must be a TOML file"),
        (b"a = " + 10**5 * b"9", "--config must be a TOML file"),
        (TOML.replace("0.25", "[0.25]").encode(), "sigma2 must be a number or None; got [0.25] (list)"),
        (TOML.replace('"exponential"', '["exponential"]').encode(), "growth must be one of"),
        (TOML.replace("1.0", "[1.0]").encode(), ""),
        ((TOML + 'sampler = ["sde"]').encode(), "sampler"),
        ((TOML + 'noise = ["ve"]').encode(), "noise"),
        ((TOML + "[run]\nd = [8]\n").encode(), "d must be a whole number"),
        ((TOML + '[run]\nd = 8\nclasses = ["lazy"]\n').encode(), "classes must be a word; got ['lazy'] (list)"),
        ((TOML + f"[run]\nd = {400 * '9'}\n").encode(), "d must be a whole number"),
    ],
)
def test_a_hostile_file_is_one_message_and_exit_code_2(folder, content, message):
    (folder / "bad.toml").write_bytes(content)
    result = call("simulate", "--config", "bad.toml", *([] if b"[run]" in content else ["--d", "8"]))
    assert result.exit_code == 2, repr(result.exception)
    assert message in result.stderr and len(result.stderr) < 1500


@pytest.mark.parametrize("name", ["/dev/full", "/dev/zero", "pipe", "."])
def test_what_is_no_regular_file_is_never_opened(folder, name):
    os.mkfifo(folder / "pipe")
    for words in ("solve --config {}", "export {} --levels 1", "export schedule.json --levels {}"):
        result = call(*words.format(name).split())
        assert result.exit_code == 2 and "must name a regular file" in result.stderr.replace("it must", "must")


def test_only_names_groups_and_never_a_folder(folder, tmp_path):
    for only in ("typo", "../../x", "/tmp"):
        result = call("validate", "--only", only, "--out", "results")
        assert result.exit_code == 2 and "only must be part of the name of a group" in result.stderr
        assert sorted(p.name for p in folder.iterdir()) == ["both.npz", "schedule.json"]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


FIELDS = {  # one field of a right problem, by values that it must not have
    "0.25": ("[1]", "'x'", "nan", "-1", "1e308", 400 * "9", "true", "2020-01-01", "{}"),
    "1.0": (
        "[1]",
        "'x'",
        "nan",
        "inf",
        400 * "9",
        "true",
        "{schedule = ['linear']}",
        "{schedule = 'linear', w0 = [1]}",
    ),
    "0.4": ("[1]", "'x'", "nan", "0", 400 * "9", "true"),
    '{growth = "exponential", alpha = 0.4}': ("[]", "1", "'exponential'", "{}", "{growth = 1}", "{growth = 'fixed'}"),
}
ADDED = ("t_start = [1]", "sampler = [1]", f"sampler = {400 * '9'}", "noise = 1", "spectrum = {c = 1}",
         "spectrum = 'x'", "x = 1", "run = 1", "[run]\nx = 1", "sigma2 = 1")  # fmt: skip
TOMLS = [TOML.replace(old, new, 1) for old, values in FIELDS.items() for new in values] + [TOML + a for a in ADDED]
JSONS = (
    "", "{", "[]", "null", "1", '"x"', 9**5 * "[", "{}", '{"schedule": ["constant"]}', '{"schedule": "nope"}',
    '{"classes": 1}', '{"problem": {"classes": {"growth": "x"}}}', '{"schedule": "piecewise", "edges": [2, 1]}',
    *(f'{{"schedule": "constant", "value": {v}}}' for v in ("[1]", "null", "NaN", "1e999", 400 * "9", 5000 * "9")),
)  # fmt: skip


@pytest.mark.parametrize(("content", "name"), [*((t, "f.toml") for t in TOMLS), *((j, "f.json") for j in JSONS)])
def test_a_file_with_a_wrong_value_is_one_message_and_exit_code_2(folder, content, name):
    (folder / name).write_text(content)
    commands = ["export f.json --levels 3,1"]
    if content not in ("1", "[]"):  # these are levels
        commands.append("export schedule.json --levels f.json")
    if name == "f.toml":
        commands = ["solve --config f.toml", "simulate --config f.toml --d 8", "export f.toml --levels 3,1"]
    for command in commands:
        result = call(*command.split())
        case = f"{command}: {result.exception!r}"
        assert result.exit_code == 2 and isinstance(result.exception, SystemExit), case
        assert result.stderr.startswith("error: ") and len(result.stderr) < 1500, case


CELLS = ("group = 1", "group = [1]", "[group]", "[[group]]\nx = 1", "[[group]]\nsizes = []", "[[group]]\nsizes = [inf]",
         f"[[group]]\nsizes = [{400 * '9'}]\nn_samples = 'x'", "[[group]]\nsizes = [8]\ngrid = {w = [[1]]}",
         "[[group]]\nsizes = [8]\ngrid = {noise = [1]}", "[[group]]\nsizes = [8]\nproblem = {classes = 1}",
         "[[group]]\nsizes = [8]\nn_disorder = true",
         f"[[group]]\nsizes = [8]\ngrid = {{w = [{'1, ' * 10001}]}}")  # fmt: skip


@pytest.mark.parametrize("cells", CELLS)
def test_cells_of_a_hostile_file_are_one_message_and_exit_code_2(folder, cells):
    (folder / "cells.toml").write_text(TOML + cells)
    result = call("validate", "cells.toml", "--out", "results")
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.stderr.startswith("error: ") and len(result.stderr) < 1500 and not (folder / "results").exists()
