"""What a call must do with whatever it is given: return numbers, or refuse in the words of an error of the package."""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from calling import Call
from hostile import HOSTILE

import cfgfield as cf
from meanfield.theory.modes.trajectory import ModesState

LONGEST = 1500  # characters of a message
FUNCTIONS = {"progress", "conditional", "unconditional", "sampler"}  # what a user's own function raises is passed on


def complaint(call: Call, replaced: dict[str, str]) -> str:
    """What is wrong with the answer to a call, arguments of which are replaced by hostile values; "" for nothing."""
    arguments = {**call.arguments, **{name: HOSTILE[value]() for name, value in replaced.items()}}
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            result = call.function(**arguments)
        except cf.CfgfieldError as error:
            return f"{len(str(error))} characters" if len(str(error)) > LONGEST else ""
        except Exception as error:
            if any(name in FUNCTIONS and callable(arguments[name]) for name in replaced):
                return ""
            return f"{type(error).__name__}: {str(error)[:200]}"
    if isinstance(result, ModesState):
        result = result._replace(within=0.0)  # nan before a mode is chosen
    if is_dataclass(result) and not isinstance(result, cf.Comparison):  # one says nan for what was not asked
        result = [getattr(result, field.name) for field in fields(result)]
    if any(map(math.isnan, numbers(result))) and all(map(math.isfinite, numbers(list(arguments.values())))):
        return "nan of finite arguments"
    return ""


def numbers(item: Any) -> Iterator[float]:
    """The real numbers in a number, an array, or a list of them."""
    if isinstance(item, list | tuple):
        for each in item[:200]:  # of a list that holds itself the first level
            yield from numbers(each) if not isinstance(each, list) else ()
    elif isinstance(item, np.ndarray) and item.dtype.kind == "f":
        yield from map(float, item.flat)
    elif isinstance(item, float | np.floating):
        yield float(item)
