"""Steps of a batch whose force is asked for as a function: where no posterior is known that could be moved.

dy = e (b - y) dtau + noise, b(y) any force (`simulate.steps.integrators`). Where steps are short enough the force at
the predicted state is taken for that at the corrected one, whose distance is O(h^3): order 3 for the ODE, weak order 2
for the SDE. Where they are not it is evaluated again.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from simulate.samples.batch import Batch
from simulate.steps.integrators import Step, correct, predict

INSIDE = 1e-9  # of a step: where schedules are read at its ends

Force = Callable[[np.ndarray, int, float, float], np.ndarray]
"""(y, n, w, inside) -> b at the n-th time; w seen from inside the step, `inside` that time less or more a little."""


class _State(NamedTuple):
    """Samples y; the force b there, None if not known, and its weight w; b where the last step began."""

    y: np.ndarray
    b: np.ndarray | None = None
    w: float = math.nan
    before: Any = 0.0


def driven(
    batch: Batch,
    start: np.ndarray,
    force: Force,
    times: list[float],
    *,
    restarts: bool = False,
    show: Callable[[int], Any] = lambda n: None,
    watch: Callable[[int, np.ndarray], Any] = lambda n, y: None,
) -> np.ndarray:
    """The samples at t = 0.

    Parameters
    ----------
    times : (steps + 1,) at which the force is asked for. restarts : whether it may jump where the schedule does, though
        the weight does not. show : called after every step. watch : with the state after every step.
    """

    def move(state: _State, n: int, step: Step, noise: Any) -> _State:
        y, b = state.y, state.b
        inside = INSIDE * (times[n] - times[n + 1])  # a rule's own coefficients may jump where the step begins or ends
        if b is None or step.w_start != state.w or (restarts and np.all(step.ratio == 0.0)):
            b = force(y, n, step.w_start, times[n] - inside)
        ahead = b + step.ratio * (b - state.before)
        predicted = predict(y, b, ahead, noise, step)
        there = force(predicted, n + 1, step.w_end, times[n + 1] + inside)
        after = correct(predicted, there - ahead, step)
        watch(n + 1, after)
        return _State(after, there if step.resolved else None, step.w_end, b)

    return batch.follow(_State(start), move, show).y
