"""Every key of a problem file is known where it stands, or named with the nearest right one, or with its place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from meanfield import Noise, Schedule, Spectrum, power_law
from meanfield.errors import short
from meanfield.problem.varying import INSIDE
from meanfield.tools.named import Named
from validate.errors import ConfigError
from validate.problem_files.tables import (
    GRID_KEYS,
    GROUP_KEYS,
    KINDS,
    PROBLEM_KEYS,
    RUN_KEYS,
    TABLES,
    keys_of,
    parameters_of,
)

ALIKE = 0.6  # of two words, from 0 to 1: less is another word
SHOWN = 4  # unknown keys that get advice each
TOP = (*PROBLEM_KEYS, *TABLES)
HEADER = re.compile(r"\s*\[+\s*([^\[\]]*?)\s*\]+\s*(?:#.*)?$")

Place = tuple[str, Mapping[str, Any], Sequence[str]]  # its name in messages, the table, the keys that it takes


def check_keys(data: Mapping[str, Any], text: str, path: str | Path) -> None:
    """Refuse unknown keys and keys in the wrong table.

    Parameters
    ----------
    data, text : the file as plain data, and as it is written: for the number of the line.

    Raises
    ------
    ConfigError : the keys that a table takes, those that it does not know, and what was meant.

    Examples
    --------
    >>> check_keys({"sigma": 0.25}, "sigma = 0.25", "my.toml")
    Traceback (most recent call last):
    ...
    validate.errors.ConfigError: Problem takes the keys ['classes', 'sigma2', 'guidance', 'sampler', 't_start', \
'spectrum', 'noise', 'run', 'group']; unknown: ['sigma'] in my.toml. Line 1: sigma is no key there; did you mean sigma2?
    """
    for name, table, known in _places(data):
        unknown = sorted(set(table) - set(known), key=str)
        if unknown:
            advice = " ".join(_advice(key, name, table, known, _line(key, name, text)) for key in unknown[:SHOWN])
            keys = list(known[1:] if _kind(known) else known)
            raise ConfigError(f"{name} takes the keys {keys}; unknown: {short(unknown)} in {path}. {advice}")


def _places(data: Mapping[str, Any]) -> Iterator[Place]:
    """All tables of a file that are tables, and whose keys can be known."""
    yield "Problem", data, TOP
    yield from _inside(data)
    if isinstance(data.get("run"), Mapping):
        yield "[run]", data["run"], RUN_KEYS
    groups = data.get("group")
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, Mapping):
            yield "[[group]]", group, GROUP_KEYS
            if isinstance(group.get("problem"), Mapping):
                yield "the problem of a group", group["problem"], PROBLEM_KEYS
                yield from _inside(group["problem"])
            if isinstance(group.get("grid"), Mapping):
                yield "the grid of a group", group["grid"], GRID_KEYS


def _inside(problem: Mapping[str, Any]) -> Iterator[Place]:
    """The tables that fields of a problem are."""
    for field, kind in KINDS.items():
        yield from _named(kind, problem.get(field))
    spectrum = problem.get("spectrum")
    if isinstance(spectrum, Mapping):
        by_law = "power_law" in spectrum
        yield "Spectrum", spectrum, ("power_law",) if by_law else keys_of(Spectrum)
        if by_law and isinstance(spectrum["power_law"], Mapping):
            yield "power_law", spectrum["power_law"], list(parameters_of(power_law))


def _named(kind: type[Named], value: Any) -> Iterator[Place]:
    """A table that states a thing by name, if the name is known, and the tables of that sort in it."""
    name = value.get(kind.kind) if isinstance(value, Mapping) else None
    if not isinstance(name, str) or name not in kind._known:
        return
    yield kind._known[name].__name__, value, (kind.kind, *keys_of(kind._known[name]))
    for inner in value.values():
        for other in (Schedule, Noise):
            if isinstance(inner, Mapping) and other.kind in inner:
                yield from _named(other, inner)


def _advice(key: str, name: str, table: Mapping[str, Any], known: Sequence[str], line: int | None) -> str:
    """What was meant by an unknown key: another place, another spelling, or nothing that is known."""
    said, where, homes = short(key)[1:-1], f"Line {line}: " if line else "", _homes()
    if place := _in_a_group(key, name):
        return f"{where}{said} belongs {place}."
    for field, names in INSIDE.items():  # words of flags, and of `Problem.replace`
        if key in names and field in known and key not in homes.get(f"into [{field}]", ()):
            return f"{where}{said} is stated as {field} = {short(table[key], 40)}."
    if laws := _laws(key, known):
        return f"{where}{said} is a key of {' or '.join(laws)}."
    if _kind(known) and (near := _nearest(str(key)[:80], known, {})):
        return f"{where}{said} is no key there; did you mean {near}?"
    if places := [place for place, keys in homes.items() if key in keys]:
        return f"{where}{said} belongs {' or '.join(places)}."
    if near := _nearest(str(key)[:80], known, homes):
        return f"{where}{said} is no key there; did you mean {near}?"
    return f"{where}{said} is no key of a problem file. Remove or rename it."


def _in_a_group(key: str, name: str) -> str:
    """Where in a group a key belongs that is set in a wrong table of it."""
    if name not in ("[[group]]", "the grid of a group"):
        return ""
    if key == "d":
        return "into sizes = [...] of its group"
    if name == "[[group]]" and key in (*PROBLEM_KEYS, *GRID_KEYS):
        return "into problem = {...}" if key in PROBLEM_KEYS else "into grid = {...}"
    return "into its group" if key in GROUP_KEYS else ""


def _laws(key: str, known: Sequence[str]) -> list[str]:
    """The other things of the kind of a table that have a key."""
    kind = _kind(known)
    return [f'{kind.kind} = "{name}"' for name, cls in kind._known.items() if key in keys_of(cls)] if kind else []


def _kind(known: Sequence[str]) -> type[Named] | None:
    """The kind of thing that a table of these keys states by name."""
    return next((kind for kind in KINDS.values() if kind.kind == known[0]), None)


def _nearest(key: str, known: Sequence[str], homes: Mapping[str, Sequence[str]]) -> str:
    """The key spelt most like this one: of the table itself, or of another with its place; "" if none is."""
    words = [(word, "") for word in known] + [(word, place) for place, keys in homes.items() for word in keys]
    alike = [SequenceMatcher(None, key, word).ratio() for word, _ in words]
    word, place = words[alike.index(max(alike))]  # the first of the best: the table itself comes first
    return "" if max(alike) < ALIKE else f"{word}, which belongs {place}" if place else word


def _homes() -> dict[str, tuple[str, ...]]:
    """Places of a file and all keys that they may take."""
    named = {
        f"into [{field}]": tuple({k for cls in kind._known.values() for k in keys_of(cls)})
        for field, kind in KINDS.items()
    }
    top = "at the top of the file, before the first [table]"
    return {
        top: PROBLEM_KEYS,
        **named,
        "into [spectrum]": keys_of(Spectrum),
        "into [run]": RUN_KEYS,
        "into [[group]]": GROUP_KEYS,
    }


def _line(key: str, name: str, text: str) -> int | None:
    """The line where a key is set, if one alone fits: at the start of a line of that table, or anywhere."""
    sets = re.compile(rf"""(?<![\w.-])["']?{re.escape(str(key))}["']?\s*=(?!=)""")
    table = {"Problem": "", "[run]": "run", "[[group]]": "group"}.get(name)
    header, there, anywhere = "", [], []
    for number, line in enumerate(text.splitlines(), 1):
        if stated := HEADER.match(line):
            header = stated[1]
            if header.split(".")[-1] == key:
                anywhere.append(number)
        elif sets.search(line.split("#")[0]):
            anywhere.append(number)
            if header == table and sets.match(line.lstrip()):
                there.append(number)
    return next((lines[0] for lines in (there, anywhere) if len(lines) == 1), None)
