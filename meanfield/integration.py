"""Following one phase: LSODA with exits as roots of its dense output, and the search for a root of a closed form.

An exit is a function that turns positive where a phase ends. It is looked at after every step, and the root is then
bracketed on the dense output of that step, so an event is as accurate as the integration itself.
"""

import math
import warnings
from collections.abc import Callable

import numpy as np
from scipy.integrate import LSODA, OdeSolution
from scipy.optimize import brentq

from meanfield.errors import ConvergenceError
from meanfield.phases import Phase, Target

__all__ = ["first_desertion", "integrate"]

RTOL, ATOL = 3e-13, 1e-14


def integrate(phase: Phase, tau: float, stop: float) -> tuple[OdeSolution, float, int | None]:
    """LSODA from tau to `stop`, or to the first exit that turns positive: solution, end, number of the exit.

    An exit may start at zero (it is where the phase was entered), so rounding there does not count.
    """
    exits = phase.exits()
    times, pieces = [tau], []
    try:
        with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
            warnings.simplefilter("error")
            solver = LSODA(phase.rates, tau, phase.initial(), stop, rtol=RTOL, atol=ATOL)
            before = [min(f(tau, solver.y), 0.0) for f in exits]
            while solver.status == "running":
                message = solver.step()
                if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
                    raise ConvergenceError(_failure(phase, tau, message or "the solution is not finite"))
                dense, after = solver.dense_output(), [f(solver.t, solver.y) for f in exits]
                roots = [
                    (_root(f, dense, times[-1], solver.t), i)
                    for i, f in enumerate(exits)
                    if before[i] <= 0.0 < after[i]
                ]
                end, which = min(roots) if roots else (solver.t, None)
                if end > times[-1]:
                    times.append(end)
                    pieces.append(dense)
                if roots:
                    return OdeSolution(times, pieces) if pieces else None, end, which  # type: ignore[return-value]
                before = after
    except (ArithmeticError, UserWarning) as cause:
        raise ConvergenceError(_failure(phase, tau, str(cause))) from cause
    return OdeSolution(times, pieces), stop, None


def _root(f: Callable, dense: Callable, low: float, high: float) -> float:
    """Where f turns positive between low and high along the dense output of one step."""
    if f(low, dense(low)) >= 0.0:
        return low
    return brentq(lambda x: f(x, dense(x)), low, high, xtol=1e-15)


def _failure(phase: Phase, tau: float, why: str) -> str:
    return (
        f"the mean-field equations must have a finite solution; in the {phase.name} phase entered at "
        f"D = {math.exp(-tau):g} the integrator reports: {why}. Weaker guidance or a schedule bounded below helps."
    )


def first_desertion(phase: Target, tau: float, stop: float, points: int = 4001) -> float | None:
    """First time in (tau, stop) at which the target loses the weight; proved never to happen for eta <= 1."""
    if phase.s.eta <= 1.0 or phase.s.alpha == -math.inf:
        return None
    grid = np.linspace(tau, stop, points)
    values = np.array([phase.desertion(x) for x in grid])
    up = np.flatnonzero((values[:-1] <= 0.0) & (values[1:] > 0.0))
    return brentq(phase.desertion, grid[up[0]], grid[up[0] + 1], xtol=1e-15) if up.size else None
