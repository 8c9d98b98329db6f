"""Schedules from files, and their scales at the levels of a sampler: what `cfgfield export` reads and makes."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meanfield import CfgfieldError, Problem, Schedule, for_timesteps
from meanfield.errors import short
from meanfield.export.scales import Scales
from meanfield.tools.seals import unsealed_json
from validate.commands.problem_file import state
from validate.commands.reading import read_text
from validate.errors import ConfigError

FORMATS: dict[str, Callable[[Scales], str]] = {"csv": Scales.to_csv, "json": Scales.to_json, "sdcpp": Scales.to_sdcpp}


def read_schedule(path: Path) -> tuple[Schedule, float]:
    """The schedule of VE time in a file, and the VE time at which its theory starts (infinite if it states none).

    The file is a problem in TOML, as for `cfgfield solve --config`, or JSON: a problem, a design, or a schedule alone
    (`to_dict` of each; a schedule alone is one of VE time).
    """
    if path.suffix == ".toml":
        problem, _ = state({"config": path})
        return problem.schedule, problem.T
    text = read_text(path, "the schedule")
    try:
        data = json.loads(text)
        data = _numbered(unsealed_json(data)[0] if isinstance(data, dict) else data)
    except (ValueError, RecursionError) as cause:  # RecursionError: lists in lists in lists
        raise ConfigError(f"a schedule file is JSON, or TOML if its name ends in .toml; {path}: {cause}.") from cause
    found = data.get("problem", data) if isinstance(data, dict) else None
    if isinstance(found, dict) and "classes" in found:
        problem = Problem.from_dict(found)
        return problem.schedule, problem.T
    if isinstance(found, dict) and "schedule" in found:
        return Schedule.from_dict(found), math.inf
    raise ConfigError(
        f'{path} must hold a schedule ("schedule": its name), a problem or a design; got {short(data, 80)}.'
    )


def read_numbers(text: str) -> list[float]:
    """Numbers separated by commas or white space, given as they are or in a file (a JSON list will do).

    Examples
    --------
    >>> read_numbers("14.6, 3, 0.5")
    [14.6, 3.0, 0.5]
    """
    try:
        return _parsed(text)
    except ValueError:
        content = read_text(Path(text), "--levels must be numbers, or a file of numbers: it")
    try:
        return _parsed(content)
    except ValueError as cause:
        raise ConfigError(f"--levels must be numbers, or a file of numbers; {short(text)}: {cause}.") from cause


def _parsed(text: str) -> list[float]:
    return [float(word) for word in text.strip().strip("[]").replace(",", " ").split()]


def scales_of(path: Path, levels: str, kind: str, t_max: float | None, **options: Any) -> Scales:
    """The scales of a schedule file at a sampler's levels; `t_max` is by default the start of the file's problem."""
    schedule, start = read_schedule(path)
    numbers = read_numbers(levels)
    if kind in ("sigmas", "flow_sigmas"):
        stated: dict[str, Any] = {kind: numbers}
    else:
        stated = {"noise": kind, "timesteps": numbers}
    try:
        return for_timesteps(schedule, **stated, t_max=start if t_max is None else t_max, **options)
    except CfgfieldError as error:
        if "noise must be one of" in str(error):
            raise ConfigError(f'--kind must be "sigmas", "flow_sigmas" or a noise process: {error}') from error
        raise


def _numbered(data: Any) -> Any:
    """Strict JSON has words for infinities."""
    if isinstance(data, dict):
        return {key: _numbered(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_numbered(value) for value in data]
    return float(data) if data in ("inf", "-inf") else data
