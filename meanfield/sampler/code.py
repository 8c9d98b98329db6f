"""Running a sampler's code: a function f(model, noise) that returns its last vector, checked on the way and at the end.

All randomness goes through `noise()`: fresh standard normals of the sampler's shape, the start included.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.errors import CfgfieldError, ConvergenceError, ProblemError, require, short
from meanfield.problem.statement import Problem
from meanfield.sampler.arrays import given, taken
from meanfield.sampler.model import LARGEST, Model, Space

Sampler = Callable[[Model, Callable[[], Any]], Any]  # (model, noise) -> x


class Ran:
    """What a run of a sampler's code left: `x` (samples, directions), `times` (calls,) VE times of its model calls, and
    whether it guides by itself, by the unconditional prediction."""

    def __init__(self, x: np.ndarray, times: list[float], guides: bool) -> None:
        self.x, self.times, self.guides = x, np.array(times), guides


def run_code(
    problem: Problem,
    sampler: Sampler,
    space: Space,
    draw: Callable[[], np.ndarray],
    xp: Any = None,
) -> Ran:
    """Run a sampler's code in a space; `draw` gives its normals (samples, directions).

    Raises
    ------
    ProblemError : code that is no function, never calls the model, or returns something else than its vector.
    ConvergenceError : a result that is not finite.
    """
    require(callable(sampler), "a sampler must be a function of (model, noise)", short(sampler))
    xp = getattr(sampler, "xp", np) if xp is None else xp
    model = Model(problem, space)

    def noise(*shape: Any, **options: Any) -> Any:
        if shape or options:
            raise ProblemError(f"noise() takes no arguments, it knows the shape of x; got {short((shape, options))}.")
        return given(draw(), space.shape, xp=xp)

    try:
        returned = sampler(model, noise)
    except CfgfieldError:
        raise
    except Exception as error:  # the sampler is the user's code: its error is theirs, and they want its traceback
        error.add_note(f"raised in the sampler's own code, after {len(model.times)} calls of the model")
        raise
    require(model.times, "a sampler must call its model", "no call", "Predictions are model.eps(x, s), model.denoised.")
    x = taken(returned, space.shape, "what a sampler returns")
    if not np.abs(x).max() < LARGEST:  # nan is not
        raise ConvergenceError("what a sampler returns must be finite; it is not. Less guidance, or more steps.")
    return Ran(x, model.times, 1 in model.asked)


def name_of(sampler: Any) -> str:
    """What a sampler is called: its `name`, or that of its function."""
    return getattr(sampler, "name", None) or getattr(sampler, "__name__", None) or type(sampler).__name__
