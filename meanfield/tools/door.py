"""`door`: what a public function or class is given is checked against its annotations, where the user comes in.

An annotation says what kind of thing a parameter takes, and is the check. Ranges and shapes are checked by the body,
which knows them. A kind is taken as liberally as Python code takes it: any real number for a float (but no bool, and
nothing beyond the largest float), 16.0 for an int (the body wants it whole), any iterable for a sequence.
"""

import inspect
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

import numpy as np

from meanfield.errors import CfgfieldError, ProblemError, real, short

Public = TypeVar("Public", bound=Callable)
Numbers = Annotated[Any, "a number or an array of numbers"]  # of any shape, all real


class Kind(NamedTuple):
    """A kind of thing: whether a value is one, what it is called, and how one is made."""

    holds: Callable[[Any], bool]
    words: str
    remedy: str = ""


def door(error: type[CfgfieldError] = ProblemError, *, made_by: str = "") -> Callable[[Public], Public]:
    """Decorator of a public function, or of a class: of its constructor and of the public methods that it defines.

    Parameters
    ----------
    error : what a wrong type raises.
    made_by : what makes an object of the class, for the remedy; by default its name.

    Examples
    --------
    >>> @door()
    ... def area(radius: float, shape: str = "disc") -> float:
    ...     return 3.14 * radius**2
    >>> area(2), area.__name__
    (12.56, 'area')
    >>> area("abc")
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: radius must be a number; got 'abc' (str). See help(area).
    """

    def decorate(public: Public) -> Public:
        if not isinstance(public, type):
            return _guarded(public, error, public.__qualname__)
        public._made_by = made_by or public.__name__  # type: ignore[attr-defined]
        for name, member in list(vars(public).items()):
            inner = member.__func__ if isinstance(member, staticmethod) else member
            if inspect.isfunction(inner) and (name == "__init__" or not name.startswith("_")):
                guarded = _guarded(inner, error, public.__name__ if name == "__init__" else inner.__qualname__)
                setattr(public, name, staticmethod(guarded) if isinstance(member, staticmethod) else guarded)
        return public

    return decorate


def _guarded(function: Any, error: type[CfgfieldError], where: str) -> Any:
    """The function behind a check of its arguments. Annotations are read at the first call, when all names exist."""
    kinds: list[tuple[float, str, Kind]] | None = None

    @wraps(function)
    def entered(*args: Any, **kwargs: Any) -> Any:
        nonlocal kinds
        if kinds is None:
            kinds = _kinds(function)
        given = len(args)
        for place, name, kind in kinds:
            if place < given:
                value = args[place]  # type: ignore[call-overload]
            elif name in kwargs:
                value = kwargs[name]
            else:
                continue
            if not kind.holds(value):
                raise error(_refusal(name, kind, value, where))
        return function(*args, **kwargs)

    return entered


def _refusal(name: str, kind: Kind, value: Any, where: str) -> str:
    remedy = kind.remedy or f"See help({where})."
    return f"{name} must be {kind.words}; got {short(value)} ({type(value).__name__}). {remedy}"


def _kinds(function: Any) -> list[tuple[float, str, Kind]]:
    """Place among the arguments by position, name and kind of every parameter that does not take anything."""
    kinds = []
    for place, (name, p) in enumerate(inspect.signature(function).parameters.items()):
        kind = kind_of(_resolved(p.annotation, function))
        if p.default is None and kind is not None and not kind.holds(None):
            kind = _either([kind, KINDS[NoneType]])
        if kind is not None and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            kinds.append((math.inf if p.kind is p.KEYWORD_ONLY else place, name, kind))
    return kinds


def _resolved(annotation: Any, function: Any) -> Any:
    """An annotation that is a string evaluated; a library that is imported for type checking alone is loaded now."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, function.__globals__)
    except NameError as missing:
        library = str(missing.name)
        return eval(annotation, {**function.__globals__, library: import_module(library)})


def kind_of(annotation: Any) -> Kind | None:
    """The kind that an annotation states; None where anything will do.

    Examples
    --------
    >>> kind = kind_of(Sequence[float] | None)
    >>> kind.words, kind.holds([1, 2.5]), kind.holds(["a"]), kind.holds("12"), kind.holds(None)
    ('a list of numbers or None', True, False, False, True)
    """
    if annotation in (Any, object, inspect.Parameter.empty) or isinstance(annotation, TypeVar):
        return None
    if annotation in KINDS:
        return KINDS[annotation]
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _either([kind_of(each) for each in inside])
    if origin in (Sequence, tuple, list):
        if origin is tuple and inside[1:] != (...,):
            return _list_of(None)._replace(words="a pair" if len(inside) == 2 else "a list")
        return _list_of(kind_of(inside[0]))
    if origin in KINDS:
        return KINDS[origin]
    cls = origin or annotation
    makes = getattr(cls, "_made_by", "")
    article = "an" if cls.__name__[0] in "AEIOU" else "a"
    return Kind(lambda x: isinstance(x, cls), f"{article} {cls.__name__}", makes and f"Build one with {makes}(...).")


def _either(kinds: Sequence[Kind | None]) -> Kind | None:
    stated = [kind for kind in kinds if kind is not None]
    if len(stated) < len(kinds):
        return None
    words = " or ".join(dict.fromkeys(kind.words for kind in stated))
    return Kind(
        lambda x: any(kind.holds(x) for kind in stated), words, next((k.remedy for k in stated if k.remedy), "")
    )


def _list_of(item: Kind | None) -> Kind:
    """Iterables, but for words and mappings. An iterator can be read once, by the body: for numbers alone, which the
    body checks one by one."""

    quick = "fiu" if item in (KINDS[float], KINDS[int]) else ""  # kinds of arrays that hold nothing else

    def holds(x: Any) -> bool:
        if isinstance(x, np.ndarray):
            return x.ndim > 0 and (item is None or x.dtype.kind in quick or all(map(item.holds, x.flat)))
        if isinstance(x, str | bytes | Mapping) or not isinstance(x, Iterable):
            return False
        if isinstance(x, Collection):
            return item is None or all(map(item.holds, x))
        return item is None or bool(quick)

    if item is None:
        return Kind(holds, "a list")
    plural = {"a number": "numbers", "a whole number": "whole numbers", "a word": "words"}
    return Kind(holds, f"a list of {plural.get(item.words, item.words)}", item.remedy)


def _float(x: Any) -> bool:
    """A real number within the range of floats."""
    return isinstance(x, float) or (real(x) and _fits(x))


def _fits(x: Any) -> bool:
    try:
        np.asarray(x, dtype=float)
    except Exception:  # of NumPy, or of the type of x
        return False
    return True


def _numbers(x: Any) -> bool:
    """A real number or an array of them: what NumPy reads as floats, but no words and nothing complex."""
    if isinstance(x, float):
        return True
    if not isinstance(x, np.ndarray):
        try:
            x = np.asarray(x)
        except Exception:  # of NumPy, or of the type of x
            return False
    if x.dtype.kind == "O":
        return all(map(real, x.flat)) and _fits(x)
    return x.dtype.kind in "fiub"


def _yes_or_no(x: Any) -> bool:
    return isinstance(x, bool | np.bool_) or (real(x) and x in (0, 1))


KINDS: dict[Any, Kind] = {
    float: Kind(_float, "a number"),
    int: Kind(_float, "a whole number"),
    Numbers: Kind(_numbers, "a number or an array of numbers"),
    bool: Kind(_yes_or_no, "True or False"),
    str: Kind(lambda x: isinstance(x, str), "a word"),
    NoneType: Kind(lambda x: x is None, "None"),
    Mapping: Kind(lambda x: isinstance(x, Mapping), "a mapping, such as a dict"),
    Callable: Kind(callable, "a function"),
}
