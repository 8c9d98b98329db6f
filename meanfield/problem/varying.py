"""Variants of a problem: its fields, and the parameters inside of them under their own names.

`Problem.replace`, `curves`, `phase_diagram` and `sweep` all take these names.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ProblemError, require, short
from meanfield.guidance.schedules import Constant, Linear, Schedule, as_schedule
from meanfield.problem.growth import LAWS, varied

if TYPE_CHECKING:
    from meanfield.problem.statement import Problem

LINE = ("w0", "omega")
INSIDE = {  # field -> parameters inside of it
    "classes": (*LAWS, "prior", "factor"),
    "guidance": ("w", *LINE),
    "sampler": ("eta",),
}
PARAMETERS = tuple(name for names in INSIDE.values() for name in names)
CLASHES = (
    ("classes", *LAWS), ("classes", "prior"), ("classes", "factor"),
    ("guidance", "w"), *((name, other) for name in LINE for other in ("guidance", "w")),
    ("sampler", "eta"),
)  # fmt: skip


def require_distinct(names: Collection[str], rule: str) -> None:
    """Raise ProblemError where two of the names would set the same thing, such as guidance and w."""
    for clash in CLASHES:
        found = [name for name in names if name in clash]
        require(len(found) < 2, f"{rule} only one of {list(clash)}", found)


def fields_of(problem: "Problem", changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of fields and of parameters inside of them, as changes of fields alone.

    alpha, gamma or n (which set the law of equal weights, if `classes` has no such parameter), prior, factor: of
    `classes`. w: constant guidance, or the constant amplitude of a rule; w0, omega: of guidance w0 + omega t. eta: the
    stochasticity of `sampler`.
    """
    require_distinct(changes, "a variant of a problem is given")
    found = {name: value for name, value in changes.items() if name not in PARAMETERS}
    law = {name: changes[name] for name in INSIDE["classes"] if name in changes}
    line = {name: changes[name] for name in LINE if name in changes}
    if law:
        found["classes"] = varied(problem.classes, law)
    if line:
        found["guidance"] = Linear(**{**line_of(problem.guidance), **line})
    if "w" in changes:
        found["guidance"] = with_weight(problem.guidance, changes["w"])
    if "eta" in changes:
        found["sampler"] = changes["eta"]
    return found


def with_weight(guidance: Schedule, weight: Any) -> Any:
    """Another weight w(t) or, where the guidance is a rule, another amplitude of that rule."""
    return replace(guidance, guidance=as_schedule(weight)) if guidance.by_rule else weight  # type: ignore[type-var]


def line_of(guidance: Schedule) -> dict[str, float]:
    """w0 and omega of guidance w0 + omega t."""
    if isinstance(guidance, Linear):
        return {"w0": guidance.w0, "omega": guidance.omega}
    if isinstance(guidance, Constant):
        return {"w0": guidance.value, "omega": 0.0}
    raise ProblemError(f"w0 or omega replaces guidance w0 + omega t; got {short(guidance)}. Give Constant or Linear.")


def labels(values: Sequence[Any]) -> list[Any]:
    """Values as coordinates of an axis: numbers as they are, words too, laws and schedules by their repr."""
    plain = [v if isinstance(v, str) or _number(v) else repr(v) for v in values]
    return [str(v) for v in plain] if any(isinstance(v, str) for v in plain) else [np.asarray(v).item() for v in plain]


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
