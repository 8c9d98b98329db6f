"""Guidance in files: functions, which no file holds, by a table of their values and their source."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError, require, short
from meanfield.guidance.schedules import Custom, Schedule, as_schedule
from meanfield.tools.named import plain

SAMPLES = 256  # times at which a function is written down
LINES = 20  # of its source


@dataclass(frozen=True)
class Written(Schedule):
    """What a file has of a function: never a schedule again, since between its times nothing is known."""

    times: Any = ()
    values: Any = ()
    jumps: Any = ()
    source: str = ""
    name: ClassVar[str] = "function"

    def __post_init__(self) -> None:
        raise ScheduleError(
            f"a file has values of a function, not the function; this one was {short(self.source)}. Give it again, as "
            "guidance=..., which is checked against them, or take Tabulated(times, values) for an approximation."
        )


def stated(schedule: Schedule, top: float) -> dict[str, Any]:
    """`to_dict` of a schedule, with functions in it at times from 0 to `top`.

    Examples
    --------
    >>> found = stated(Custom(np.sqrt), 9.0)
    >>> found["schedule"], found["times"][-1], found["values"][-1]
    ('function', 9.0, 3.0)
    """
    if isinstance(schedule, Custom):
        times = np.append(0.0, np.geomspace(1e-6 * top, top, SAMPLES - 1))
        values = np.broadcast_to(np.asarray(schedule.w(times), float), times.shape)
        written = {"times": times.tolist(), "values": values.tolist(), "jumps": list(schedule.jumps)}
        return {"schedule": Written.name, **written, "source": _source(schedule.function)}
    inside = {f.name: getattr(schedule, f.name) for f in fields(schedule)}  # type: ignore[arg-type]
    if not any(isinstance(x, Schedule) for x in inside.values()):
        return schedule.to_dict()
    parts = {name: stated(x, top) if isinstance(x, Schedule) else plain(x) for name, x in inside.items()}
    return {schedule.kind: schedule.name, **parts}


def require_same(given: Mapping[str, Any], written: Any) -> None:
    """Raise ScheduleError unless guidance given for a file (by `stated`) has the values that the file has."""
    written = written if isinstance(written, Mapping) else as_schedule(written).to_dict()
    rule = "guidance must be what the file was made with"
    for key in {*given, *written} - {"source"}:
        a, b = given.get(key), written.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            require_same(a, b)
            continue
        numbers = isinstance(a, list) and isinstance(b, list) and len(a) == len(b)
        same = np.allclose(a, b, rtol=1e-9, atol=1e-12) if numbers else a == b  # type: ignore[arg-type]
        require(bool(same), rule, f"{key} = {short(a)}, not {short(b)}", error=ScheduleError)


def _source(function: Callable) -> str:
    """The code of a function, or its name where there is none, as of a ufunc."""
    try:
        return "\n".join(inspect.getsource(function).strip().split("\n")[:LINES])
    except (OSError, TypeError):
        return getattr(function, "__name__", type(function).__name__)  # no address: the same in every session
