"""A theory of the user's own: numbers that are stated, wherever they come from.

    theory(t) -> (m, v)                                a function of one VE time
    {t: (m, v), ...}                                   points by VE time
    {"t": [...], "m": [...], "v": [...]}               the same by columns, "m_error" and "v_error" perhaps beside
    (m, v)                                             the end, t = 0, alone; `many_classes` states it, too

Wherever (m, v) stands (m, v, m_error, v_error) may stand: standard errors of the theory itself, independent of the
particles; they enter z. m and v are those over all directions, so with a spectrum the groups are not judged.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from meanfield import Problem
from meanfield.errors import array, require, short
from meanfield.exact.crossover import ManyClasses
from validate.errors import ComparisonError

COLUMNS = ("m", "v", "m_error", "v_error")
RULE = "a stated theory gives finite (m, v) or (m, v, m_error, v_error), v > 0 and errors >= 0"
FORMS = "Give (m, v), {t: (m, v)}, {'t': ..., 'm': ..., 'v': ...} or a function t -> (m, v)."


class StatedState(NamedTuple):
    """m, v and their errors at some times, each of the shape of t."""

    t: np.ndarray
    m: np.ndarray
    v: np.ndarray
    m_error: np.ndarray
    v_error: np.ndarray


@dataclass(frozen=True)
class Stated:
    """A stated theory of a problem; `t` are its own times, decreasing, None of a function, which has all."""

    problem: Problem
    name: str
    t: np.ndarray | None
    read: Callable[[float], tuple[float, ...]]  # VE time -> m, v, m_error, v_error
    d: ClassVar[float] = math.inf  # as far as anybody knows: `finite_size` may be added
    standing: ClassVar[str] = "stated"

    def at(self, t: Any) -> StatedState:
        """What is stated at VE times t, an array of one dimension."""
        return StatedState(np.asarray(t, float), *np.transpose([self.read(float(x)) for x in t]))


def stated(given: Any, problem: Problem, name: str | None) -> Stated:
    """What a user gave, as a theory.

    Raises
    ------
    ComparisonError : no numbers, other keys, `many_classes` of too few; a function raises that when it is read.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> p = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
    >>> mine = stated({0.0: (1.2, 0.1), 3.0: (1.7, 2.4)}, p, "mine")
    >>> mine.t, mine.at([0.0]).v
    (array([3., 0.]), array([0.1]))
    """
    if callable(given):
        own = getattr(given, "__name__", type(given).__name__)
        return Stated(problem, name or str(own), None, _guarded(given))
    if isinstance(given, ManyClasses):
        rule = "the theory of many classes is compared where its order 1/P is enough"
        require(given.enough, rule, f"variance={given.variance:.3g}", "Take quenched.", error=ComparisonError)
        given = given.m, given.v
    if not isinstance(given, Mapping):
        given = {0.0: given}
    points = _of_columns(given) if any(isinstance(key, str) for key in given) else list(given.items())
    t = array([time for time, _ in points], "times of a stated theory must be numbers", error=ComparisonError)
    good = t.ndim == 1 and t.size and np.all(t >= 0) and np.all(np.isfinite(t)) and len(set(t)) == len(t)
    require(good, "a stated theory has VE times t >= 0, each once", t.tolist(), FORMS, error=ComparisonError)
    table = {time: _checked(numbers, time) for time, (_, numbers) in zip(t.tolist(), points, strict=True)}
    return Stated(problem, name or "numbers", np.sort(t)[::-1], table.__getitem__)


def errors_of(theory: Any, keys: Sequence[tuple[str, int]], t: np.ndarray) -> list[float]:
    """Standard errors of a theory's numbers (quantity, record) at t that were stated; 0 for any other theory."""
    if not isinstance(theory, Stated):
        return [0.0] * len(keys)
    at = theory.at(t)
    return [float(getattr(at, f"{q}_error")[j]) for j, (q, _) in enumerate(keys)]


def _of_columns(given: Mapping[Any, Any]) -> list[tuple[float, np.ndarray]]:
    """Columns by name as points: time, numbers."""
    names = ["t", *COLUMNS] if {"m_error", "v_error"} & set(given) else ["t", "m", "v"]
    rule, got = "columns of a stated theory are t, m, v, and perhaps m_error and v_error", short(list(given))
    require(set(names) == set(given), rule, got, FORMS, error=ComparisonError)
    columns = [array(given[name], f"{name} must be numbers", error=ComparisonError) for name in names]
    shapes = [x.shape for x in columns]
    same = len(set(shapes)) == 1 and len(shapes[0]) == 1
    require(same, "columns of a stated theory are lists of one length", f"shapes {shapes}", error=ComparisonError)
    return list(zip(columns[0].tolist(), np.transpose(columns[1:]), strict=True))


def _guarded(function: Callable) -> Callable[[float], tuple[float, ...]]:
    """The user's function: whatever it raises is reported with the time."""

    def read(t: float) -> tuple[float, ...]:
        try:
            numbers = function(t)
        except Exception as cause:
            raise ComparisonError(
                f"a stated theory is a function of one VE time t that returns (m, v); at t = {t:g} it raised "
                f"{type(cause).__name__}: {short(str(cause))}. Ask for `times` at which it is defined."
            ) from cause
        return _checked(numbers, t)

    return read


def _checked(numbers: Any, t: float) -> tuple[float, ...]:
    """m, v and their errors, which are 0 where none are given."""
    x = array(numbers, RULE, error=ComparisonError)
    good = x.shape in ((2,), (4,)) and np.isfinite(x).all() and x[1] > 0.0 and np.all(x[2:] >= 0.0)
    require(good, RULE, f"{short(numbers)} at t = {t:g}", FORMS, error=ComparisonError)
    return (*x.tolist(), *([0.0] * (4 - x.size)))
