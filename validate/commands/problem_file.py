"""A problem and its run from a TOML file, from command-line flags, or both (flags win).

The file is `Problem.to_dict()`, a table for the run, and cells to validate (docs/problem-files.md):

    sigma2 = 0.25
    guidance = 1.0                  # or a table: {schedule = "linear", w0 = -0.5, omega = 2.0}
    sampler = "sde"                 # "ode", or a number: eta
    t_start = inf
    noise = "ve"                    # times are its own; or a table: {noise = "vp-linear", beta_max = 15.0}
    classes = {growth = "exponential", alpha = 0.4}                        # prior = -0.1: unequal weights
    spectrum = {c = [0.25, 0.25], u = [1.25, 4.25], share = [0.5, 0.5]}    # instead of sigma2; see docs/spectra.md

    [run]
    d = 16
    n_samples = 500
    n_disorder = 8
    classes = "auto"                # how they are held: "explicit", "streamed", "lazy", "span"; see docs/particles.md

    [[group]]                       # of `cfgfield validate`; see `validate.problem_files.cells`
    sizes = [8, 12, 16]
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from meanfield import CfgfieldError, Problem
from meanfield.errors import require, short
from validate.commands.reading import read_text
from validate.errors import ConfigError
from validate.plugins import load

if TYPE_CHECKING:
    from validate.regimes.groups import Group

FLAGS = "--alpha, --gamma, --n or --continuum"


class ProblemFile(NamedTuple):
    """What a file states, as plain data: fields of the problem, options of the run, groups of cells or None."""

    fields: dict[str, Any]
    run: dict[str, Any]
    groups: Any


def read_config(path: str | Path) -> ProblemFile:
    """A TOML file whose keys are all known; values are checked by what takes them."""
    import tomllib

    from validate.problem_files.checking import check_keys
    from validate.problem_files.tables import TABLES

    text = read_text(Path(path), "--config")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as cause:  # RecursionError: lists in lists in lists
        raise ConfigError(f"--config must be a TOML file; {path}: {cause}.") from cause
    run = data.get("run", {})
    if not isinstance(run, Mapping):
        raise ConfigError(f"run must be a table, [run] in TOML; got {short(run)} in {path}.")
    check_keys(data, text, path)
    fields = {key: value for key, value in data.items() if key not in TABLES}
    return ProblemFile(fields, dict(run), data.get("group"))


def file_of(file: Path | None, config: Path | None) -> Path | None:
    """The file that a command was given, in its place or by --config; only one."""
    if file is not None and config is not None:
        raise ConfigError(f"a problem file is given once, in its place or by --config; got {file} and {config}.")
    return config if file is None else file


def read_groups(path: Path) -> "tuple[Group, ...]":
    """The cells to validate that a file states.

    Raises
    ------
    ConfigError, ProblemError, ScheduleError : no groups, or values that cannot be used, with the name of the file.
    """
    from validate.problem_files.cells import own_groups

    stated = read_config(path)
    try:
        return own_groups(stated.fields, stated.groups)
    except CfgfieldError as cause:
        raise type(cause)(f"{cause} (in {path})") from cause


def state(flags: Mapping[str, Any], run_flags: Mapping[str, Any] | None = None) -> tuple[Problem, dict[str, Any]]:
    """The problem and the run options that a file (`config`) and flags state together, with the schedules and noise
    processes of `plugin` known. A flag that is None or False was not given.

    Examples
    --------
    >>> state({"alpha": 0.4, "w": 1.0, "sampler": "0.5"}, {"d": 8})[0].eta
    0.5
    """
    given = {k: v for k, v in flags.items() if v is not None and v is not False}
    load(given.pop("plugin", ()))
    config = file_of(given.pop("file", None), given.pop("config", None))
    fields, options, _ = read_config(config) if config is not None else ({"sigma2": 0.25}, {}, None)
    growth = [k for k in ("alpha", "gamma", "n", "continuum") if k in given]
    if len(growth) > 1:
        raise ConfigError(f"the number of classes must be given once, by one of {FLAGS}; got {growth}.")
    if growth:
        fields["classes"] = _GROWTH[growth[0]](given.pop(growth[0]))
    weights = {key: given.pop(key) for key in ("prior", "factor") if key in given}
    if weights:
        law: Any = fields.get("classes")
        rule = "--prior and --factor weigh the target among classes that are counted"
        require(isinstance(law, Mapping), rule, law, f"Give one of {FLAGS}, or --config.", error=ConfigError)
        fields["classes"] = {**law, **weights}
    if "classes" not in fields:
        raise ConfigError(f"a problem needs its number of classes; got none. Give one of {FLAGS}, or --config.")
    if "w" in given:
        fields["guidance"] = given.pop("w")
    if "rule" in given:
        fields["guidance"] = rule_fields(given.pop("rule"), fields.get("guidance", 1.0))
    if "sampler" in given:
        given["sampler"] = number_or_word(given["sampler"])
    fields.update(given)
    if not {"sigma2", "spectrum"} & set(fields) and not set(fields) - {f.name for f in dataclasses.fields(Problem)}:
        raise ConfigError(
            "a problem needs its class variance; got none. Add sigma2 = 0.25 to the file, or --sigma2 0.25."
        )
    try:
        problem = Problem.from_dict(fields)
    except CfgfieldError as cause:
        raise type(cause)(f"{cause} (in {config})" if config is not None else str(cause)) from cause
    options.update({k: v for k, v in (run_flags or {}).items() if v is not None})
    return problem, options


_GROWTH = {
    "alpha": lambda x: {"growth": "exponential", "alpha": x},
    "gamma": lambda x: {"growth": "polynomial", "gamma": x},
    "n": lambda x: {"growth": "fixed", "n": x},
    "continuum": lambda x: {"growth": "continuum"},
}


def rule_fields(text: str, amplitude: Any) -> dict[str, Any]:
    """A rule as in a file, from its name and its parameters.

    Examples
    --------
    >>> rule_fields("rescale,phi=0.5,prediction=v", 2.0)
    {'schedule': 'rescale', 'phi': 0.5, 'prediction': 'v', 'guidance': 2.0}
    """
    name, *settings = text.split(",")
    pairs = [setting.partition("=") for setting in settings]
    if not all(key and equals for key, equals, _ in pairs):
        raise ConfigError(f"--rule must be NAME,KEY=VALUE,..., such as rescale,phi=0.5; got {text!r}.")
    values = {key: number_or_word(value) for key, _, value in pairs}
    if "guidance" in values or "schedule" in values:
        raise ConfigError(f"the amplitude of a rule is --w, and its name comes first; got {text!r}.")
    return {"schedule": name, **values, "guidance": amplitude}


def number_or_word(text: str) -> str | float:
    """A word of the command line, as a number if it is one.

    Examples
    --------
    >>> number_or_word("0.5"), number_or_word("ode")
    (0.5, 'ode')
    """
    try:
        return float(text)
    except ValueError:
        return text
