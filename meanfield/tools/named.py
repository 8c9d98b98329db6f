"""`Named`: kinds of things that are known by a name, so that files can state them: growth laws, noise, schedules."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

from meanfield.errors import CfgfieldError, ProblemError, build, one_of, require


class Named:
    """Base of a kind. A class below it that has a `name` is known as soon as it exists, also one of the user's own.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> class Shape(Named, kind="shape"): ...
    >>> @dataclass(frozen=True)
    ... class Disc(Shape):
    ...     radius: float
    ...     name = "disc"
    >>> Shape.from_dict(Disc(2.0).to_dict()), Disc(2.0).to_dict()
    (Disc(radius=2.0), {'shape': 'disc', 'radius': 2.0})
    """

    name: ClassVar[str] = ""
    kind: ClassVar[str]
    error: ClassVar[type[CfgfieldError]]
    _known: ClassVar[dict[str, type["Named"]]]

    def __init_subclass__(cls, kind: str = "", error: type[CfgfieldError] = ProblemError) -> None:
        if kind:
            cls.kind, cls.error, cls._known = kind, error, {}
        elif cls.name:
            other = cls._known.setdefault(cls.name, cls)
            if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
                raise cls.error(
                    f"every {cls.kind} has a name of its own; {cls.name!r} is {other.__module__}.{other.__qualname__} "
                    "already. Choose another name."
                )
            cls._known[cls.name] = cls  # defined again, as in a notebook

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON or TOML; `from_dict` is the inverse."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {self.kind: self.name, **{k: plain(v) for k, v in values.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | str) -> Self:
        """Build from `to_dict` data, or from the name alone: parameters that are not given have their defaults.

        Raises
        ------
        An error of its kind that names an unknown name, or the keys that are unknown or missing.
        """
        require(isinstance(data, str | Mapping), f"a {cls.kind} is stated by a name or a table", data, error=cls.error)
        given = {cls.kind: data} if isinstance(data, str) else dict(data)
        name = one_of(cls.kind, given.pop(cls.kind, None), sorted(cls._known), error=cls.error)
        return build(cls._known[name], given, error=cls.error)


def plain(value: Any) -> Any:
    """A parameter as plain data."""
    if isinstance(value, Named):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value
