"""Problem files: a new one runs unchanged, what is wrong is named, and editors are told what the program takes."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import jsonschema
import pytest
from test_cli import CONFIG, call
from test_hostile_commands import TOML

from meanfield import Linear, Noise, Problem, Schedule
from meanfield.problem.growth import Growth
from validate.commands.problem_file import read_config
from validate.errors import ConfigError
from validate.problem_files.cells import own_groups
from validate.problem_files.checking import check_keys
from validate.problem_files.schema import json_schema
from validate.problem_files.tables import RUN_KEYS, TABLES, statable
from validate.problem_files.template import template

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "problem-files.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"`(\w+\.toml)`:\n\n```toml\n(.*?)^```", PAGE, re.S | re.M))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in (Growth, Schedule, Noise):  # without classes that other tests have defined
        own = {name: cls for name, cls in kind._known.items() if cls.__module__.startswith("meanfield.")}
        monkeypatch.setattr(kind, "_known", own)
    return tmp_path


def alternatives(text: str) -> list[str]:
    """Fields of the problem that are commented out, without the `# `."""
    return re.findall(r"^# (\w+ = .*)$", text.split("[run]")[0], re.M)


def with_line(text: str, line: str) -> str:
    """The file with one field stated otherwise, from a finite start, as most rules need one."""
    name = line.split(" = ")[0]
    replaced = {name, "sigma2"} if name == "spectrum" else {name}
    kept = [x for x in text.splitlines() if x.split(" = ")[0] not in (*replaced, "t_start")]
    start = 0.5 if "noise" in line else "inf" if "density-ratio" in line else 10.0
    return "\n".join([f"t_start = {start}", line, *kept])


def problem_of(text: str) -> Problem:
    data = tomllib.loads(text)
    check_keys(data, text, "a file")
    return Problem.from_dict({k: v for k, v in data.items() if k not in TABLES})


def test_every_alternative_of_a_new_file_can_be_used():
    text = template()
    lines = alternatives(text)
    assert len(lines) > 25
    for line in lines:
        assert problem_of(with_line(text, line)), line
    with pytest.raises(ValueError):  # negative control
        problem_of(with_line(text, 'guidance = {schedule = "ramp", early = 2.0}'))


def test_a_new_file_has_all_that_can_be_stated():
    text = template()
    for kind in (Growth, Schedule, Noise):
        names = {name for name, cls in statable(kind).items() if cls.__module__.startswith("meanfield")}
        missing = {n for n in names if f'{kind.kind} = "{n}"' not in text and f'= "{n}"' not in text}
        assert missing <= {"in-own-time"}  # how a schedule in own time is kept, no way to state one
    assert [k for k in RUN_KEYS if not re.search(rf"^(# )?{k} = ", text.split("[run]")[1], re.M)] == []


def test_a_class_of_ones_own_is_an_alternative(monkeypatch):
    monkeypatch.setattr(Schedule, "_known", dict(Schedule._known))
    assert "halved" not in template()

    @dataclass(frozen=True)
    class Halved(Linear):
        """Half of a line."""

        name: ClassVar[str] = "halved"

    assert 'guidance = {schedule = "halved", w0 = -0.5, omega = 0.2}' in template()
    assert "halved" in [one["title"] for one in json_schema()["$defs"]["guidance"]["anyOf"]]


def test_init_writes_a_file_that_runs_unchanged(folder):
    assert call("init", "problem.toml").exit_code == 0
    text = (folder / "problem.toml").read_text()
    assert text == template() + "\n" and "#:schema" not in text
    solved = call("solve", "problem.toml", "--json")
    assert json.loads(solved.stdout) == json.loads(call("solve", "--alpha", 0.4, "--w", 1, "--json").stdout)
    assert json.loads(call("solve", "--config", "problem.toml", "--json").stdout) == json.loads(solved.stdout)
    assert "12, 8 draws x 500 samples" in call("simulate", "problem.toml").stdout
    assert call("export", "problem.toml", "--levels", "3,1").exit_code == 0
    assert call("sampler", "problem.toml", "--sampler", "euler", "--steps", 4).exit_code == 0
    assert [g.sizes for g in own_groups(read_config("problem.toml").fields, read_config("problem.toml").groups)] == [
        (10, 12, 14)
    ]


def test_init_never_overwrites(folder):
    (folder / "problem.toml").write_text("mine")
    refused = call("init", "problem.toml", "--schema", "new.json")
    assert refused.exit_code == 2 and "the new file must not exist yet" in refused.stderr
    assert (folder / "problem.toml").read_text() == "mine" and not (folder / "new.json").exists()
    assert call("init", "problem.toml", "--force").exit_code == 0
    assert (folder / "problem.toml").read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [((), "init needs the name of the new file"), (("problem.json",), "ends in .toml; got 'problem.json'"),
     (("no/where.toml",), "the new file must lie in a folder"), (("a.toml", "--schema", "."), "--schema must")],
)  # fmt: skip
def test_init_says_what_it_needs(folder, words, message):
    result = call("init", *words)
    assert result.exit_code == 2 and message in result.stderr and list(folder.iterdir()) == []


def test_a_file_names_the_schema_that_lies_beside_it_and_no_other(folder):
    (folder / "other").mkdir()
    assert call("init", "a.toml", "--schema", "problem.schema.json").exit_code == 0
    assert (folder / "a.toml").read_text().startswith("#:schema ./problem.schema.json\n")
    assert call("init", "b.toml", "--schema", "other/s.json").exit_code == 0
    assert call("init", "--schema", "c.json").exit_code == 0
    assert "#:schema" not in (folder / "b.toml").read_text()
    texts = {(folder / name).read_text() for name in ("problem.schema.json", "other/s.json", "c.json")}
    assert {json.loads(text)["title"] for text in texts} == {"cfgfield problem file"} and len(texts) == 1


WRONG = [  # what is changed in CONFIG, and what must be said of it
    ("sigma2 = 0.25", "sigma = 0.25", "Line 2: sigma is no key there; did you mean sigma2?"),
    ("sigma2 = 0.25", "sigma2 = 0.25\nalpha = 0.4", "Line 3: alpha belongs into [classes]."),
    ("sigma2 = 0.25", "sigma2 = 0.25\nw = 2", "Line 3: w is stated as guidance = 2."),
    ("sigma2 = 0.25", "sigma2 = 0.25\neta = 0.5", "Line 3: eta is stated as sampler = 0.5."),
    ("sigma2 = 0.25", "sigma2 = 0.25\nn_sample = 3", "did you mean n_samples, which belongs into [run]?"),
    ("sigma2 = 0.25", "sigma2 = 0.25\nn_steps = 3", "Line 3: n_steps belongs into [run] or into [[group]]."),
    ("sigma2 = 0.25", "sigma2 = 0.25\nqwertz = 3", "Line 3: qwertz is no key of a problem file. Remove or rename it."),
    ("d = 8", "d = 8\nsigma2 = 1.0", "sigma2 belongs at the top of the file, before the first [table]."),
    ("d = 8", "dim = 8\nn_sample = 3", "Line 10: n_sample is no key there; did you mean n_samples?"),
    ('"exponential", alpha', '"exponential", gamma', 'gamma is a key of growth = "polynomial".'),
    ('"exponential", alpha', '"exponential", alfa', "did you mean alpha?"),
    ("guidance = 1.0", 'guidance = {schedule = "linear", w0 = 1, omga = 2}', "omga is no key there; did you mean om"),
    ("guidance = 1.0", 'guidance = {schedule = "free", b = {schedule = "linear", w = 1}}', "Linear takes the keys"),
    ("guidance = 1.0", 'noise = {noise = "vp-linear", beta = 1}', "did you mean beta_m"),
    ("sigma2 = 0.25", "spectrum = {c = [1.0], v = [2.0]}", "Spectrum takes the keys ['c', 'u', 'share']"),
    ("sigma2 = 0.25", "spectrum = {power_law = {modes = 9, groups = 3}}", "did you mean n_groups?"),
    ("[run]", "[[group]]\nsizes = [8]\nw = [1]\n[run]", "Line 10: w belongs into grid = {...}."),
    ("[run]", "[[group]]\nd = [8]\n[run]", "d belongs into sizes = [...] of its group."),
    ("[run]", "[[group]]\nsizes = [8]\nguidance = 1\n[run]", "guidance belongs into problem = {...}."),
    ("[run]", "[[group]]\nsizes = [8]\ngrid = {ww = [1]}\n[run]", "did you mean w?"),
    ("[run]", "[[group]]\nsizes = [8]\nproblem = {sigma = 1}\n[run]", "did you mean sigma2?"),
    ("[run]", "[runs]", "Line 8: runs is no key there; did you mean run?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_a_wrong_key_is_named_with_the_right_one(folder, old, new, message):
    (folder / "bad.toml").write_text(CONFIG.replace(old, new, 1))
    for command in ("solve", "simulate", "validate"):
        result = call(command, "bad.toml")
        assert result.exit_code == 2 and message in result.stderr, result.stderr
        assert " takes the keys [" in result.stderr and result.stderr.count("\n") == 1
    check_keys(tomllib.loads(CONFIG), CONFIG, "right")  # the control: nothing is said of a right file


def test_a_key_that_may_stand_in_two_lines_has_no_line():
    text = CONFIG + "speed = 1\n" + "[[group]]\nsizes = [1]\nspeed = 1\n"
    with pytest.raises(ConfigError, match=r"\[run\] takes .*Line 13: speed"):
        check_keys(tomllib.loads(text), text, "a file")
    text = CONFIG + 2 * "[[group]]\nsizes = [1]\nspeed = 1\n"
    with pytest.raises(ConfigError, match=r"\[\[group\]\] takes .*\. speed is no key"):
        check_keys(tomllib.loads(text), text, "a file")


def test_a_file_is_given_once(folder):
    (folder / "a.toml").write_text(CONFIG)
    result = call("solve", "a.toml", "--config", "a.toml")
    assert result.exit_code == 2 and "given once, in its place or by --config" in result.stderr


@pytest.mark.parametrize("name", BLOCKS)
def test_the_files_of_the_page_run(folder, name):
    (folder / name).write_text(BLOCKS[name])
    result = call("solve", name)
    assert result.exit_code == 0 and "Trajectory at d = inf" in result.stdout, result.stderr


VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def accepted(text: str) -> bool:
    return VALIDATOR.is_valid(tomllib.loads(text))


def test_the_schema_knows_every_file_of_docs_and_tests():
    VALIDATOR.check_schema(VALIDATOR.schema)
    assert {"problem.toml", "cells.toml"} <= set(BLOCKS)
    for text in (
        *BLOCKS.values(),
        CONFIG,
        TOML,
        template(),
        *(with_line(template(), x) for x in alternatives(template())),
    ):
        assert accepted(text), text


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new, _ in WRONG])
def test_the_schema_refuses_every_wrong_key(old, new):
    assert not accepted(CONFIG.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [('"ode"', '"odd"'), ("0.25", '"wide"'), ("alpha = 0.4", "prior = 0.4"), ("inf", '"now"'), ("d = 8", "d = 8.5"),
     ("d = 8", 'classes = "lasy"'), ("[run]", "[[group]]\nname = 'x'\n[run]"),
     ("guidance = 1.0", 'guidance = {schedule = "ramp", early = 1, late = 1, t_low = 1, t_high = 2, over = "x"}')],
)  # fmt: skip
def test_the_schema_refuses_wrong_values(old, new):
    assert accepted(CONFIG) and not accepted(CONFIG.replace(old, new, 1))
