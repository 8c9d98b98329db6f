"""The cells of an atlas of one's own: `[[group]]` tables of a problem file, in the words of `validate.regimes.groups`.

[[group]]
sizes = [8, 12, 16]                              # dimensions
n_samples = 100                                  # a draw, for all sizes, or a list with one for each
problem = {guidance = 2.0}                       # what differs from the problem at the top of the file
grid = {w = [0.5, 1.0], sampler = ["sde", "ode"]}  # a group for every combination
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from meanfield import CfgfieldError, Constant, Problem, solve
from meanfield.errors import require, short, whole
from validate.errors import ConfigError
from validate.regimes.groups import DRAWS, VANISHING, Group
from validate.regimes.judgement import EXPONENTS
from validate.regimes.trees import is_tree

GROUP_DEFAULTS: dict[str, Any] = {"n_samples": 100, "n_disorder": DRAWS, "n_steps": 100}
MOST = 10_000  # cells: a grid of more is a slip
LEADING = 0.005  # in an exponent: how far the mean field may be from its leading order where that is claimed


def own_groups(fields: Mapping[str, Any], tables: Any) -> tuple[Group, ...]:
    """The groups that a problem file states.

    Parameters
    ----------
    fields : of the problem at the top of the file, which all groups share. tables : the `[[group]]` tables.

    Raises
    ------
    ConfigError : no groups, two of one name, or what the atlas has no theory for.

    Examples
    --------
    >>> shared = {"sigma2": 0.25, "classes": {"growth": "exponential", "alpha": 0.4}}
    >>> for group in own_groups(shared, [{"sizes": [8, 12], "grid": {"w": [0.5, 1.0]}}]):
    ...     print(group.name, group.sizes, group.n_samples)
    alpha=0.4 w=0.5 sde (8, 12) (100, 100)
    alpha=0.4 w=1 sde (8, 12) (100, 100)
    """
    right = isinstance(tables, list) and bool(tables) and all(isinstance(t, Mapping) for t in tables)
    remedy = "Add one, such as [[group]] and, in the next line, sizes = [8, 12, 16]; cfgfield init writes one."
    require(right, "cells to validate are stated by [[group]] tables", _or_none(tables), remedy, error=ConfigError)
    found: list[Group] = []
    count = 0
    for table in tables:
        for group in _groups(fields, table):
            found.append(group)
            count += len(group.sizes)
            require(count <= MOST, f"a file states at most {MOST} cells", f"{count} or more", error=ConfigError)
    twice = sorted(name for name, n in Counter(group.name for group in found).items() if n > 1)
    require(not twice, "every group has a name of its own", short(twice), "Give each a name.", error=ConfigError)
    return tuple(found)


def _groups(fields: Mapping[str, Any], table: Mapping[str, Any]) -> Iterator[Group]:
    """The groups of one table: one, or one for every combination of its grid."""
    stated, grid, name = table.get("problem", {}), table.get("grid", {}), table.get("name")
    require(isinstance(stated, Mapping), "problem of a group must be a table", stated, error=ConfigError)
    lists = isinstance(grid, Mapping) and all(isinstance(x, list) and x for x in grid.values())
    require(lists, "grid of a group must be a table of lists", grid, "As in {w = [0.5, 1.0]}.", error=ConfigError)
    require(name is None or (isinstance(name, str) and name), "name of a group must be a word", name, error=ConfigError)
    base = _built({**_without(fields, stated), **stated})
    for values in product(*grid.values()):
        changes = dict(zip(grid, values, strict=True))
        problem = base.replace(**changes)
        said = " ".join([name, *(f"{k}={_brief(x)}" for k, x in changes.items())]) if name else _called(problem)
        try:
            _require_theory(problem)
            yield Group(said, problem, **_effort(table, problem))
        except CfgfieldError as cause:
            raise ConfigError(f"{cause} (in the group {short(said)})") from cause


def _without(fields: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """The shared fields, but for the variances where the group states its own."""
    own = {"sigma2", "spectrum"} & set(stated)
    return {key: x for key, x in fields.items() if not (own and key in ("sigma2", "spectrum"))}


def _built(fields: Mapping[str, Any]) -> Problem:
    remedy = "State it at the top of the file, or as problem = {classes = ...} of the group."
    require(
        "classes" in fields, "the problem of a group needs its number of classes", "none", remedy, error=ConfigError
    )
    return Problem.from_dict(fields)


def _effort(table: Mapping[str, Any], problem: Problem) -> dict[str, Any]:
    """Sizes, samples, draws, steps and claim of a group, checked; sizes ascending, as the profiles have them."""
    given: dict[str, Any] = {**GROUP_DEFAULTS, "sizes": None, **table}
    sizes, counts = given["sizes"], given["n_samples"]
    remedy = "Give sizes = [8, 12, 16]."
    require(
        isinstance(sizes, list) and sizes, "a group needs its dimensions", _or_none(sizes), remedy, error=ConfigError
    )
    counts = counts if isinstance(counts, list) else [counts] * len(sizes)
    rule = "n_samples must be a number, or a list with one for each of sizes"
    require(len(counts) == len(sizes), rule, f"{len(counts)} for {len(sizes)} sizes", error=ConfigError)
    cells = {whole("each of sizes", d, low=2, error=ConfigError): _count("n_samples", n, 2)
             for d, n in zip(sizes, counts, strict=True)}  # fmt: skip
    require(len(cells) == len(sizes), "sizes must differ from each other", sizes, error=ConfigError)
    ascending = tuple(sorted(cells))
    possible = _has_limit(problem, ascending)
    limit = table.get("limit", possible)
    rule = "limit must be true or false; true where theory has a claim about d = infinity at these sizes, (T12)"
    require(isinstance(limit, bool) and limit <= possible, rule, limit, "Leave it out.", error=ConfigError)
    return {
        "sizes": ascending,
        "n_samples": tuple(cells[d] for d in ascending),
        "n_disorder": _count("n_disorder", given["n_disorder"], 2),
        "n_steps": _count("n_steps", given["n_steps"], 1),
        "limit": limit,
    }


def _count(name: str, value: Any, low: int) -> int:
    return whole(name, value, low=low, error=ConfigError)


def _has_limit(problem: Problem, sizes: Sequence[int]) -> bool:
    """Whether there is a claim about d = infinity at these sizes.

    There is none for classes with many modes, too slow for a fit in 1/d; else there is one but where the distortion
    vanishes: its exponents are of leading order in alpha_d, for constant w >= 0 from t = infinity and equal weights,
    (T12). At sizes where the mean field has other ones it is no claim of theory.
    """
    if not isinstance(problem.classes, VANISHING):
        return not is_tree(problem)
    predicted = EXPONENTS.get(str(problem.sampler), {})
    constant = isinstance(problem.guidance, Constant) and problem.guidance.value >= 0.0
    if not (predicted and constant and math.isinf(problem.T) and problem.classes.equal and len(sizes) >= 3):
        return False
    most, least = (problem.classes.rate(d) for d in (min(sizes), max(sizes)))
    if not most > least > 0.0:
        return False
    ends = [solve(problem, d).final for d in (min(sizes), max(sizes))]
    for q, exponent in predicted.items():
        first, last = (abs((end.m if q == "m" else end.v / problem.sigma2) - 1.0) for end in ends)
        if min(first, last) == 0.0 or abs(math.log(first / last) / math.log(most / least) - exponent) > LEADING:
            return False
    return True


def _require_theory(problem: Problem) -> None:
    """Refuse what the atlas has no theory, or no particles, for at finite d."""
    problem.require_isotropic("the atlas", "Use cfgfield simulate, which compares one problem.")
    rule = "the atlas knows weights that are functions of t"
    remedy = "Use cfgfield simulate, which compares one problem."
    require(not problem.schedule.by_sample, rule, short(problem.guidance), remedy, error=ConfigError)
    rule = "particles of classes with many modes need a finite start"
    start = math.isfinite(problem.T) or not is_tree(problem)
    require(start, rule, "t_start = inf", "Give e.g. t_start = 1000.", error=ConfigError)


def _called(problem: Problem) -> str:
    """A name in the words of the profiles: alpha=0.4 w=1 ode."""
    law = [f"{k}={_brief(x)}" for k, x in problem.classes.to_dict().items() if k != "growth"]
    constant = isinstance(problem.guidance, Constant)
    weight = f"w={_brief(problem.guidance.value)}" if constant else problem.guidance.name
    sampler = problem.sampler if isinstance(problem.sampler, str) else f"eta={_brief(problem.sampler)}"
    start = [] if problem.t_start == float("inf") else [f"T={_brief(problem.t_start)}"]
    return " ".join([*(law or [problem.classes.name]), weight, sampler, *start])


def _brief(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) else short(value, 40).strip("'")


def _or_none(value: Any) -> Any:
    return "none" if value is None else value
