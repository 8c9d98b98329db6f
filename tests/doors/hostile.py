"""Values of the wrong type, out of every range, malformed: what a public name must refuse in words, or take."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

import cfgfield as cf


class NoRepr:
    """An object that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def endless() -> list:
    """A list that holds itself."""
    itself: list[Any] = []
    itself.append(itself)
    return itself


def deep(levels: int = 3000) -> list:
    """Lists in lists, deeper than Python's stack."""
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


# Each is made anew for every call: a generator is used up, and a list may be changed.
HOSTILE: dict[str, Callable[[], Any]] = {
    **{repr(x): (lambda x=x: x) for x in (None, True, False, 0, 1, -1, 2, 7, 1.5, -0.5, 1e308, -1e308, 5e-324, 1j)},
    **{repr(x): (lambda x=x: x) for x in (float("nan"), float("inf"), -float("inf"), "", "abc", "1.0", b"abc", ...)},
    **{repr(x): (lambda x=x: x) for x in (int, (), [], {}, [[]], ["a"], [None], [1.0, "a"], [1.0, [2.0]], [1j], [0.0])},
    **{repr(x): (lambda x=x: x) for x in ({"a": 1}, {1: 2}, {1.0, 2.0}, range(3), Decimal("1.5"), Fraction(1, 2))},
    "10**400": lambda: 10**400,
    "-10**400": lambda: -(10**400),
    "10**5000": lambda: 10**5000,
    "[10**400]": lambda: [10**400],
    "a long word": lambda: "x" * 5000,
    "a word with a null": lambda: "a\0b",
    "a long list": lambda: [0.123456789] * 150,
    "no array elements": lambda: np.array([]),
    "array of nan": lambda: np.array([np.nan, 1.0]),
    "array of inf": lambda: np.array([np.inf, 1.0]),
    "negative array": lambda: np.array([-1.0, -2.0]),
    "huge array": lambda: np.array([1e308, 1e300]),
    "matrix": lambda: np.ones((2, 3)),
    "tensor": lambda: np.ones((2, 2, 2)),
    "array of no dimensions": lambda: np.array(1.5),
    "array of words": lambda: np.array(["a", "b"]),
    "array of objects": lambda: np.array([None, "a"], dtype=object),
    "complex array": lambda: np.array([1j, 2.0]),
    "array of times": lambda: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "np.float32": lambda: np.float32(1.5),
    "np.int64": lambda: np.int64(2),
    "np.bool_": lambda: np.bool_(True),
    "object": object,
    "no repr": NoRepr,
    "date": lambda: date(2020, 1, 1),
    "function of nothing": lambda: lambda: 1.0,
    "function to a word": lambda: lambda *args: "abc",
    "generator": lambda: (x for x in (1.0, 2.0)),
    "itself": endless,
    "deep": deep,
    "problem": lambda: cf.Problem(classes=cf.Fixed(2), sigma2=0.5),
    "schedule": lambda: cf.Interval(2.0, 0.5, 1.0),
    "growth": lambda: cf.Polynomial(1.0),
    "noise": cf.RectifiedFlow,
    "spectrum": lambda: cf.Spectrum(c=[0.25], u=[1.25]),
    "class on the line": lambda: cf.Normal(3.0),
}
