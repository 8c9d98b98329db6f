"""What a problem file may hold: its tables and their keys, read off the code that takes them.

The fields of a `Problem` are at the top, before the first table. `[run]` are options of `simulate.run`, each
`[[group]]` is a `Group` of cells that `cfgfield validate` compares.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints

from meanfield import Noise, Problem, Schedule
from meanfield.guidance.ramps import CLOCKS, SHAPES
from meanfield.guidance.stated import Written
from meanfield.problem.growth import Growth
from meanfield.problem.statement import SAMPLERS
from meanfield.problem.varying import PARAMETERS
from meanfield.rules.predictions import PREDICTIONS
from meanfield.rules.projected import BASES
from meanfield.tools.named import Named
from validate.regimes.groups import Group

KINDS: dict[str, type[Named]] = {"classes": Growth, "guidance": Schedule, "noise": Noise}  # fields stated by a name
CHOICES = {"sampler": tuple(SAMPLERS), "shape": SHAPES, "over": CLOCKS, "prediction": PREDICTIONS, "base": BASES}
RUN_KEYS = ("d", "n_samples", "n_disorder", "n_steps", "n_times", "seed", "classes", "tol")
RUN_DEFAULTS = {"n_samples": 500, "n_disorder": 8}  # of the command; the others are those of `simulate.run`


def keys_of(cls: Any) -> tuple[str, ...]:
    """The fields of a dataclass that a file may state."""
    return tuple(f.name for f in fields(cls) if f.init)


def parameters_of(function: Any) -> dict[str, inspect.Parameter]:
    """The parameters of a function, as a file may state them."""
    return dict(inspect.signature(function).parameters)


PROBLEM_KEYS = keys_of(Problem)
GROUP_KEYS = (*keys_of(Group), "grid")
GRID_KEYS = tuple(k for k in (*PROBLEM_KEYS, *PARAMETERS) if k not in ("classes", "spectrum"))
TABLES = ("run", "group")
GROUP_WORDS = {  # what a file says in the place of a whole problem
    "problem": "what differs from the problem at the top of the file.",
    "grid": "lists of values, of fields of a problem or of parameters inside of them; every combination is a group.",
}


def statable(kind: type[Named]) -> dict[str, Any]:
    """The named classes of a kind that plain data can state, by name: none that takes a function.

    Examples
    --------
    >>> sorted(statable(Growth)), "custom-rule" in statable(Schedule)
    (['continuum', 'exponential', 'fixed', 'hierarchy', 'polynomial', 'populations'], False)
    """
    known = {name: cls for name, cls in kind._known.items() if cls is not Written}
    return {name: cls for name, cls in known.items() if Callable not in get_type_hints(cls).values()}


def described(public: Any) -> dict[str, str]:
    """What the docstring of a class or function says of each of its parameters, or of its attributes.

    Examples
    --------
    >>> from meanfield import Rescale
    >>> described(Rescale)["phi"]
    'from 0 (no rescaling) to 1.'
    """
    section = re.search(r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", inspect.getdoc(public) or "", _ALL)
    text = re.sub(r"\s*\n\s+", " ", section[1]) if section else ""
    parts = re.split(r"(?:^|(?<=\. ))(\w+(?:, \w+)*) : ", text, flags=re.M)[1:]
    return {
        name: what.strip() for names, what in zip(parts[::2], parts[1::2], strict=True) for name in names.split(", ")
    }


def headline(cls: Any) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(cls) or "").splitlines()[0]


_ALL = re.S | re.M
