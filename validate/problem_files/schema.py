"""A JSON schema of problem files, for editors that complete and check TOML; read off dataclasses and signatures."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from meanfield import Problem, Spectrum, power_law
from meanfield.guidance.schedules import Schedule
from meanfield.problem.noise import Noise
from meanfield.tools.named import Named
from validate.problem_files.tables import (
    CHOICES,
    GRID_KEYS,
    GROUP_WORDS,
    KINDS,
    RUN_KEYS,
    described,
    headline,
    statable,
)
from validate.regimes.groups import Group

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN = {float: "number", int: "integer", str: "string", bool: "boolean"}
BY_NAME: dict[type, str] = {kind: field for field, kind in KINDS.items()}  # where definitions are


def json_schema() -> dict[str, Any]:
    """The schema of a problem file, plain data for JSON.

    Every table refuses keys that it does not know. Ranges are left to the program, which says more of them.

    Examples
    --------
    >>> made = json_schema()
    >>> sorted(made["properties"])[:3], made["properties"]["sampler"]["anyOf"][0]
    (['classes', 'group', 'guidance'], {'enum': ['sde', 'ode']})
    """
    problem = _problem()
    return {
        "$schema": DIALECT,
        "title": "cfgfield problem file",
        **_table({**problem, "run": _run(), "group": {"type": "array", "items": _group(problem)}}),
        "$defs": {**{field: _named(kind) for field, kind in KINDS.items()}, "spectrum": _spectrum()},
    }


def _problem() -> dict[str, Any]:
    """The fields of a problem; the start may be the word "inf", as in JSON, and noise a name alone."""
    found = _properties(Problem)
    start, noise = found["t_start"], found["noise"]
    found["t_start"] = {"anyOf": [{"type": start.pop("type")}, {"const": "inf"}], **start}
    noise.pop("anyOf")
    found["noise"] = {"anyOf": [{"enum": sorted(statable(Noise))}, _reference("noise")], **noise}
    return found


def _named(kind: type[Named]) -> dict[str, Any]:
    """Any thing of a kind: a table with its name and its parameters."""
    return {"anyOf": [_one(kind.kind, name, cls) for name, cls in statable(kind).items()]}


def _one(kind: str, name: str, cls: Any) -> dict[str, Any]:
    needed = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    table = _table({kind: {"const": name}, **_properties(cls)}, [kind, *needed])
    return {"title": name, "description": headline(cls), **table}


def _spectrum() -> dict[str, Any]:
    law = _table(_typed(power_law, described(power_law)))
    return {"anyOf": [_table(_properties(Spectrum), ["c", "u"]), _table({"power_law": law}, ["power_law"])]}


def _run() -> dict[str, Any]:
    from simulate import run
    from simulate.running.holding import WAYS

    found = {key: shape for key, shape in _typed(run, described(run)).items() if key in RUN_KEYS}
    found["classes"] = {"enum": list(WAYS), "description": found["classes"]["description"]}
    return _table(found)


def _group(problem: Mapping[str, Any]) -> dict[str, Any]:
    """A group of cells: one number of samples may stand for all sizes; the problem is what differs."""
    found = _properties(Group)
    samples = found["n_samples"]
    found["n_samples"] = {"anyOf": [{"type": "integer"}, {k: samples.pop(k) for k in ("type", "items")}], **samples}
    grid = _table({key: {"type": "array", "minItems": 1} for key in GRID_KEYS})
    for key, table in (("problem", _table(problem)), ("grid", grid)):
        found[key] = {**table, "description": GROUP_WORDS[key]}
    return _table(found, ["sizes"])


def _properties(cls: Any) -> dict[str, Any]:
    """The fields of a dataclass, each with its type and what is said of it."""
    return _typed(cls, described(cls), [f.name for f in fields(cls) if f.init])


def _typed(public: Any, said: Mapping[str, str], names: Sequence[str] | None = None) -> dict[str, Any]:
    hints = get_type_hints(public)
    chosen = names if names is not None else [name for name in hints if name != "return"]
    words = {name: {"description": said[name]} for name in chosen if name in said}
    return {name: {**_shape(name, hints[name]), **words.get(name, {})} for name in chosen}


def _shape(name: str, annotation: Any) -> dict[str, Any]:
    """The type that an annotation states; what takes anything takes a weight: a number, or a schedule."""
    origin, inside = get_origin(annotation), [a for a in get_args(annotation) if a is not NoneType]
    if annotation is str and name in CHOICES:
        return {"enum": list(CHOICES[name])}
    if annotation in PLAIN:
        return {"type": PLAIN[annotation]}
    if annotation is Any:
        return {"anyOf": [{"type": "number"}, _reference(BY_NAME[Schedule])]}
    if annotation in BY_NAME:
        return _reference(BY_NAME[annotation])
    if annotation is Spectrum:
        return _reference("spectrum")
    if origin in (Union, UnionType):
        shapes = [_shape(name, each) for each in inside]
        return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    if origin in (Sequence, tuple):
        return {"type": "array", "items": _shape(name, inside[0])}
    return {}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _table(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **needed, "additionalProperties": False}
