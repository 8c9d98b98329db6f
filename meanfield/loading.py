"""`late`: the public names of a package that are loaded when they are first used.

A package states them once, by imports that are executed by none but read by all: type checkers, editors, documentation.

    if TYPE_CHECKING:
        from package.module import verb

    late(__name__)

So `package.verb` is there, while its module, and the libraries that this needs, are loaded when it is first asked for
(PEP 562), as any submodule is. `dir(package)` lists the public names, `__all__`.
"""

import re
import sys
from importlib import import_module
from importlib.util import find_spec
from linecache import getlines
from textwrap import dedent
from typing import Any

IMPORT = re.compile(r"^from (\w[\w.]*) import (?:\(([^)]*)\)|(.+))$", re.MULTILINE)
NAME = re.compile(r"(\w+|\*)(?: as \w+)?")
STATED = re.compile(r"^if TYPE_CHECKING:\n((?:(?:    .*)?\n)+)", re.MULTILINE)


def late(package: str) -> None:
    """Give a package, or a module, the names that its block `if TYPE_CHECKING` imports; `__name__` says which one.

    Examples
    --------
    >>> import simulate
    >>> simulate.run is import_module("simulate.running.runner").run
    True
    >>> simulate.walk
    Traceback (most recent call last):
    ...
    AttributeError: module 'simulate' has no attribute 'walk'
    """
    module = sys.modules[package]
    source = "".join(getlines(str(module.__file__), vars(module)))  # of a script or an archive, too
    places: dict[str, str] = {}  # of each name, the module that has it
    for place, names in handed_on(source):
        places |= dict.fromkeys(import_module(place).__all__ if names == ["*"] else names, place)

    def load(name: str) -> Any:
        place, inside = places.get(name, package), f"{package}.{name}"
        if place != package:
            value = getattr(import_module(place), name)
        elif "__path__" in vars(module) and not name.startswith("__") and find_spec(inside):
            value = import_module(inside)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
        setattr(module, name, value)
        return value

    module.__getattr__ = load  # type: ignore[method-assign]
    module.__dir__ = lambda: sorted(module.__all__)  # type: ignore[method-assign]


def imported(text: str) -> list[tuple[str, list[str]]]:
    """What the text of a module imports from where as it is loaded, read off its lines: to parse takes far longer.

    Examples
    --------
    >>> imported("from os import (\\n    path,\\n    sep as s,  # one of two\\n)\\nfrom math import *\\n")
    [('os', ['path', 'sep']), ('math', ['*'])]
    """
    lines = IMPORT.findall(re.sub(r"#.*", "", text))
    return [(place, NAME.findall(several or one)) for place, several, one in lines]


def handed_on(text: str) -> list[tuple[str, list[str]]]:
    """As `imported`, what it hands on late; nothing if it only names types."""
    return imported("\n".join(map(dedent, STATED.findall(text)))) if "\nlate(__name__)" in text else []
