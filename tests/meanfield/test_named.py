"""Things that files know by name: no two of a kind share one, a class may be defined again, keys are named."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from meanfield import Constant, Exponential, Noise, Problem, ProblemError, Schedule, ScheduleError


def define(base: type, name: str, qualname: str) -> type:
    """A class of a plugin: its module is run again and again in a notebook."""
    return type(qualname, (base,), {"name": name, "__qualname__": qualname, "__module__": "plugin"})


@pytest.mark.parametrize(
    ("base", "taken", "error"), [(Schedule, "constant", ScheduleError), (Noise, "ve", ProblemError)]
)
def test_a_name_that_is_taken_is_refused(base, taken, error):
    known = dict(base._known)
    with pytest.raises(error, match=f"'{taken}' is meanfield.* already. Choose another name"):
        define(base, taken, "Mine")
    assert base._known == known


def test_a_class_that_is_defined_again_takes_the_place_of_the_old_one():
    try:
        define(Schedule, "again", "Again")
        second = define(Schedule, "again", "Again")
        assert Schedule._known["again"] is second
    finally:
        Schedule._known.pop("again", None)


def test_kinds_do_not_share_names():
    @dataclass(frozen=True)
    class Quadratic(Noise):
        name: ClassVar[str] = "constant"

    try:
        assert Schedule.from_dict(Constant(2.0).to_dict()) == Constant(2.0)
    finally:
        del Noise._known["constant"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"schedule": "linear", "w0": 1.0}, r"Linear takes the keys \['w0', 'omega'\]; missing: \['omega'\]"),
        ({"schedule": "constant", "valeu": 1.0}, r"unknown: \['valeu'\], missing: \['value'\]"),
        ({"schedule": ["constant"]}, "schedule must be one of"),
        ({"schedule": "constant", 3: 4, "x": 5}, r"unknown: \[3, 'x'\]"),
        (3, "a schedule is stated by a name or a table; got 3"),
    ],
)
def test_wrong_keys_are_named(data, message):
    with pytest.raises(ScheduleError, match=message):
        Schedule.from_dict(data)
    assert Problem.from_dict({"classes": {"growth": "exponential", "alpha": 0.4}, "sigma2": 1}).classes == Exponential(
        0.4
    )
