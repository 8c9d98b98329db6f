"""A new problem file: every field with its default, and all alternatives as comments, read off the code.

What is said of a field is what its docstring says. Each alternative is built before it is written, so that all of them
can be used as they stand.
"""

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import meanfield
from meanfield import Constant, Exponential, Noise, Problem, Schedule, ScheduleError, Spectrum, power_law
from meanfield.tools.named import Named
from validate.problem_files.cells import GROUP_DEFAULTS
from validate.problem_files.tables import (
    GROUP_KEYS,
    GROUP_WORDS,
    KINDS,
    RUN_DEFAULTS,
    RUN_KEYS,
    described,
    headline,
    parameters_of,
    statable,
)
from validate.regimes.groups import Group

STATED = {"classes": Exponential(0.4), "sigma2": 0.25, "guidance": 1.0}  # the problem of the file, else defaults
SPECTRA = (Spectrum(c=[0.25, 0.25], u=[1.25, 4.25]).to_dict(),)
SIZES, D = [10, 12, 14], 12
EXAMPLES: dict[str, Any] = {  # of parameters without a default
    "alpha": 0.4, "gamma": 0.5, "n": 100, "value": 1.0, "w0": -0.5, "omega": 0.2, "t_low": 0.5, "t_high": 5.0,
    "edges": [3.0], "values": [-0.5, 2.0], "times": [0.5, 5.0], "guidance": 1.0, "beta": 0.3, "early": 2.0, "late": 0.5,
    "floor": 0.8, "edge": 0.0, "peak": 2.0, "t_peak": 2.0, "size": 2.0, "rate": 3.0,
}  # fmt: skip
OF_ONE: dict[str, Any] = {
    "populations": {"alpha": [0.3, 0.8]},
    "hierarchy": {"alpha": [0.1, 0.3], "rho": 0.7},
}  # of the parameters of one class
HEAD = """\
A problem and its run, for cfgfield solve, simulate, sampler, design, export and validate; flags override the file.
A field behind "# " is an alternative, or a default: to use it remove the "# ", and the line that it replaces."""


def template(schema: str = "") -> str:
    """The text of a new problem file.

    Parameters
    ----------
    schema : name of the schema that editors find beside it (`validate.problem_files.schema`); none by default.

    Examples
    --------
    >>> import tomllib
    >>> Problem.from_dict({k: v for k, v in tomllib.loads(template()).items() if k not in ("run", "group")}).sigma2
    0.25
    """
    lines = [f"#:schema ./{schema}"] if schema else []
    lines += [f"# {line}" for line in HEAD.splitlines()]
    for part in (_problem(), _run(), _group()):
        lines += part
    return "\n".join(lines)


def _problem() -> Iterator[str]:
    said = described(Problem)
    for field in fields(Problem):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        value = STATED.get(field.name, default)
        yield ""
        unlike = field.name in STATED and default not in (None, MISSING)
        yield from _said(
            field.name, said[field.name] + (f" Default: {inline(_table(default, True))}." if unlike else "")
        )
        if value is not None:  # of what is None there are alternatives
            yield f"{field.name} = {inline(_table(value))}"
        if field.name in KINDS:
            yield from _alternatives(field.name, value)
        elif field.name == "spectrum":
            law = {k: p.default for k, p in parameters_of(power_law).items() if p.default is not None}
            yield from (f"# spectrum = {inline(s)}" for s in (*SPECTRA, {"power_law": law}))


def _alternatives(field: str, used: Any) -> Iterator[str]:
    """All other things of a kind that a file can state, each with what it is."""
    for cls in statable(KINDS[field]).values():
        if cls is type(used) or not _public(cls):
            continue
        needed = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
        examples = EXAMPLES | OF_ONE.get(cls.name, {})
        if set(needed) <= set(examples):
            made = cls(**{name: examples[name] for name in needed})
            note = " Needs a finite t_start." if isinstance(made, Schedule) and not _starts_anywhere(made) else ""
            yield from (f"#   {line}" for line in _wrapped(headline(cls) + note))
            yield f"# {field} = {inline(_table(made))}"


def _public(cls: type[Named]) -> bool:
    """Whether a class is a user's own, or one that the package offers."""
    return cls.__name__ in meanfield.__all__ or not cls.__module__.startswith("meanfield.")


def _starts_anywhere(guidance: Schedule) -> bool:
    try:
        Problem(classes=Exponential(0.4), sigma2=0.25, guidance=guidance).require_start()
    except ScheduleError:
        return False
    return True


def _run() -> Iterator[str]:
    """The options of `simulate.run`; those that a file does not need are comments."""
    from simulate import run

    yield from ("", "# Particles: the options of cfgfield simulate, which sets them beside the theory at d = infinity.")
    yield "[run]"
    stated = {"d": D, "seed": 0, **RUN_DEFAULTS}
    defaults = {key: parameters_of(run)[key].default for key in RUN_KEYS} | {"tol": 1e-3, "n_steps": 100}
    for key, comment in _once(described(run), RUN_KEYS):
        yield from comment
        yield f"{key} = {inline(stated[key])}" if key in stated else f"# {key} = {inline(defaults[key])}"


def _group() -> Iterator[str]:
    """The cells of `cfgfield validate`."""
    title = (
        "# Cells that cfgfield validate compares: the problem at several dimensions. More [[group]] tables may follow."
    )
    yield from ("", title, "[[group]]")
    stated = {"name": "first", "sizes": SIZES, **GROUP_DEFAULTS}
    examples: dict[str, Any] = {
        "limit": True,
        "problem": {"guidance": 2.0},
        "grid": {"w": [0.5, 1.0], "sampler": ["sde", "ode"]},
    }
    for key, comment in _once({**described(Group), **GROUP_WORDS}, GROUP_KEYS):
        yield from comment
        yield f"{key} = {inline(stated[key])}" if key in stated else f"# {key} = {inline(examples[key])}"


def _once(said: Mapping[str, str], keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Keys and what they are; what several share is said of the first."""
    for key in keys:
        sharing = [other for other in keys if said[other] == said[key]]
        yield key, _said(", ".join(sharing), said[key]) if key == sharing[0] else []


def _said(name: str, what: str) -> list[str]:
    """What a field is, in a sentence or two, as comments."""
    short = what if len(what) <= 240 else what[: what.find(". ", 60) + 1] or what
    return [f"# {line}" for line in _wrapped(f"{name}: {short}")]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 116, break_long_words=False, break_on_hyphens=False)


def _table(value: Any, inner: bool = False) -> Any:
    """A named thing as what states it in a file: a table with all its defaults, or less where less will do."""
    if not isinstance(value, Named):
        return value
    if inner and isinstance(value, Constant):
        return value.value
    inside = {f.name: _table(getattr(value, f.name), True) for f in fields(value)}  # type: ignore[arg-type]
    if isinstance(value, Noise) and not inside:
        return value.name
    return {value.kind: value.name, **{k: x for k, x in inside.items() if x is not None}}


def inline(value: Any) -> str:
    """A value as TOML on one line.

    Examples
    --------
    >>> inline({"schedule": "piecewise", "edges": (3.0,), "on": True, "t": math.inf})
    '{schedule = "piecewise", edges = [3.0], on = true, t = inf}'
    """
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {inline(x)}' for key, x in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, float):
        return "inf" if math.isinf(value) else repr(float(value))
    return json.dumps(value)
