"""Errors that a user can act on: every message states the rule, the value that broke it, and the remedy.

This module holds no physics, so `simulate` and `validate` may import it too.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from numbers import Real
from typing import Any

import numpy as np

LONGEST = 1400  # characters of a message


class CfgfieldError(Exception):
    """Base of every error that the package raises on purpose: each says the rule, the value and the remedy.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> try:
    ...     Problem(classes=Exponential(alpha=0.4), sigma2=-1.0, guidance=1.0)
    ... except CfgfieldError as error:
    ...     print(error)
    sigma2 must be a number > 0 (finite); got -1.0.
    """

    def __init__(self, message: object = "") -> None:
        text = str(message)  # without its middle if a value in it is long
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST - 500]} ... {text[-400:]}")


class ProblemError(CfgfieldError, ValueError):
    """A parameter is out of range, of the wrong type, or not finite."""


class ScheduleError(CfgfieldError, ValueError):
    """A guidance schedule returned something that is not a finite number, raised, or does not fit the start."""


class ExportError(CfgfieldError, ValueError):
    """A schedule cannot be carried into a sampler: levels that cannot be read, or scales it would not apply."""


class ConvergenceError(CfgfieldError, RuntimeError):
    """A numerical solution did not reach its tolerance. Nothing is returned in its place."""


class NoMinimiserError(CfgfieldError, ValueError):
    """A training objective is unbounded below: its negative term outweighs the positive one somewhere."""


def checked(
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    infinite: bool = False,
    remedy: str = "",
    error: type[CfgfieldError] = ProblemError,
) -> float:
    """Return `value` as a float after checking its type and range, or raise `error`.

    Parameters
    ----------
    low, high : the closed range allowed; `open_low` excludes `low` itself.
    infinite : whether +inf is allowed.
    remedy : what the user should do instead; appended to the message.

    Examples
    --------
    >>> checked("sigma2", 0.25, low=0, open_low=True)
    0.25
    >>> checked("sigma2", 0, low=0, open_low=True)
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: sigma2 must be a number > 0 (finite); got 0.
    """
    x = _float(value)
    above = x > low if open_low else x >= low
    if not (above and x <= high and (infinite or math.isfinite(x))):
        limits = _limits(low, high, ">" if open_low else ">=")
        finite = "" if infinite or high < math.inf else " (finite)"
        raise error(f"{name} must be a number{limits}{finite}; got {short(value)}. {remedy}".strip())
    return x


def whole(
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    remedy: str = "",
    error: type[CfgfieldError] = ProblemError,
) -> int:
    """Return `value` as an int after checking that it is a whole number in the closed range, or raise `error`.

    Examples
    --------
    >>> whole("d", 16.0, low=1)
    16
    >>> whole("d", 0, low=1)
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: d must be a whole number >= 1; got 0.
    """
    x: Any = value if real(value) else math.nan
    if not (low <= x <= high and abs(x) < math.inf and x == math.floor(x)):
        raise error(f"{name} must be a whole number{_limits(low, high, '>=')}; got {short(value)}. {remedy}".strip())
    return int(x)


def _float(value: object) -> float:
    """A real number as a float; nan if it is none, or is larger than any float."""
    try:
        return float(value) if real(value) else math.nan  # type: ignore[arg-type]
    except OverflowError:
        return math.nan


def real(value: object) -> bool:
    """Whether this is a real number, but no bool; an array of no dimensions holds one."""
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "fiu"
    return isinstance(value, Real) and not isinstance(value, bool)


def _limits(low: float, high: float, sign: str) -> str:
    """A range in words, after "a number"."""
    lower = f" {sign} {low:g}" if low > -math.inf else ""
    return lower + (f"{' and' if lower else ''} <= {high:g}" if high < math.inf else "")


def short(value: object, width: int = 120) -> str:
    """`repr` of a value for a message, without the middle if it is longer than `width`; its type if it has none.

    Examples
    --------
    >>> short(list(range(1000)), width=40)
    '[0, 1, 2, 3, 4, 5, 6, ... 997, 998, 999]'
    """
    try:
        text = repr(value)
    except Exception:  # an int of more than 4300 digits, a list in too many lists, a class of the user's own
        text = f"<{type(value).__name__}>"
    return text if len(text) <= width else f"{text[: width - 19]} ... {text[-14:]}"


def one_of(
    name: str, value: Any, allowed: Collection[str], *, remedy: str = "", error: type[CfgfieldError] = ProblemError
) -> Any:
    """Return `value` if it is one of the words `allowed`, or raise `error`.

    Examples
    --------
    >>> one_of("sampler", "sed", ("sde", "ode"))
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: sampler must be one of ['sde', 'ode']; got 'sed'.
    """
    if not isinstance(value, str) or value not in allowed:
        raise error(f"{name} must be one of {list(allowed)}; got {short(value)}. {remedy}".strip())
    return value


def require(
    holds: object, rule: str, got: object, remedy: str = "", *, error: type[CfgfieldError] = ProblemError
) -> None:
    """Raise `error` unless a rule holds: the message states the rule, what was got instead, and the remedy.

    Examples
    --------
    >>> require(2 > 1, "two is more than one", 2)
    >>> require(3 < 2, "edges must increase", [3, 2], "Sort them.")
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: edges must increase; got [3, 2]. Sort them.
    """
    if not holds:
        raise error(f"{rule}; got {got if isinstance(got, str) else short(got)}. {remedy}".strip())


def array(values: Any, rule: str, *, error: type[CfgfieldError] = ProblemError) -> np.ndarray:
    """Values as an array of floats; `error` states the rule if they are no numbers in a regular array.

    Examples
    --------
    >>> array([1, 2], "t must be times")
    array([1., 2.])
    >>> array("now", "t must be times")
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: t must be times; got 'now'.
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError, RecursionError) as cause:
        raise error(f"{rule}; got {short(values)}.") from cause


def broadcast(rule: str, *values: Any, error: type[CfgfieldError] = ProblemError) -> list[np.ndarray]:
    """Arrays of floats of one shape; `error` states the rule if the shapes do not broadcast.

    Examples
    --------
    >>> broadcast("x and t must broadcast", [1.0, 2.0], 3.0)
    [array([1., 2.]), array([3., 3.])]
    >>> broadcast("x and t must broadcast", [1.0, 2.0], [1.0, 2.0, 3.0])
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: x and t must broadcast; got shapes (2,) and (3,).
    """
    arrays = [array(x, rule, error=error) for x in values]
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError as cause:
        raise error(f"{rule}; got shapes {' and '.join(str(x.shape) for x in arrays)}.") from cause


def settle(record: Any, **values: Any) -> None:
    """Set fields of a frozen dataclass while it is made: to what they are after a check."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def build(cls: Any, fields: Mapping[str, Any], error: type[CfgfieldError] = ProblemError) -> Any:
    """Build a dataclass from plain data (JSON, TOML), naming any key that it does not know, or lacks."""
    given = [f for f in dataclass_fields(cls) if f.init]
    unknown = sorted(set(fields) - {f.name for f in given}, key=str)
    needed = [f.name for f in given if f.default is MISSING and f.default_factory is MISSING]
    missing = sorted(set(needed) - set(fields))
    if unknown or missing:
        wrong = [f"{word}: {keys}" for word, keys in (("unknown", unknown), ("missing", missing)) if keys]
        raise error(f"{cls.__name__} takes the keys {[f.name for f in given]}; {', '.join(wrong)}.")
    return cls(**fields)
