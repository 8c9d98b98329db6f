"""What a call is, and which methods of a class need one."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

PROTOCOL = {
    "guided",
    "other",
    "apply",
    "linear",
    "shrinks",
    "combined",
    "felt",
}  # of a rule, which the package calls on arrays


class Call(NamedTuple):
    """What is called, and its arguments by name."""

    function: Callable
    arguments: dict[str, Any]


def methods(cls: type) -> list[str]:
    """The public methods that a class defines itself and that take something."""
    found = []
    for name, member in vars(cls).items():
        inner = member.__func__ if isinstance(member, staticmethod) else member
        takes = inspect.isfunction(inner) and set(inspect.signature(inner).parameters) - {"self"}
        if takes and not name.startswith("_") and name not in PROTOCOL:
            found.append(name)
    return found


def times(name: str, item: Any, t: Any = (0.5, 1.0), **more: Any) -> dict[str, Call]:
    """The methods `w`, `amplitude`, ... of an object that take a time."""
    return {f"{name}.{method}": Call(getattr(item, method), {"t": list(t)}) for method in more.pop("of")}
