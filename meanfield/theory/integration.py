"""Following one phase: LSODA with exits as roots of its dense output, and the search for a root of a closed form.

For the phases that no quadrature solves (glass, captured, sliding, weights that depend on the sample), and the twin in
the tests of the one that `quadrature` does.

An exit is a function that turns positive where a phase ends. It is looked at after every step, and the root is then
bracketed on the dense output of that step, so an event is as accurate as the integration itself.
"""

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.theory.phases import Phase
from meanfield.tools.roots import brentq

if TYPE_CHECKING:
    from scipy.integrate import OdeSolution

__all__ = ["failure", "first_desertion", "integrate"]

RTOL, ATOL = 3e-13, 1e-14
WATCH = 0.02  # spacing in tau at which F is looked at after speciation


def integrate(phase: Phase, tau: float, stop: float) -> tuple["OdeSolution", float, int | None]:
    """LSODA from tau to `stop`, or to the first exit that turns positive: solution, end, number of the exit.

    An exit may start at zero (it is where the phase was entered), so rounding there does not count.
    """
    from scipy.integrate import LSODA, OdeSolution

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
                    raise ConvergenceError(failure(phase, tau, message or "the solution is not finite"))
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
        raise ConvergenceError(failure(phase, tau, str(cause))) from cause
    return OdeSolution(times, pieces), stop, None


def _root(f: Callable, dense: Callable, low: float, high: float) -> float:
    """Where f turns positive between low and high along the dense output of one step."""
    if f(low, dense(low)) >= 0.0:
        return low
    return brentq(lambda x: f(x, dense(x)), low, high, xtol=1e-15)


def failure(phase: Phase, tau: float, why: str) -> str:
    """The message of a phase that could not be solved to its end."""
    return (
        f"the mean-field equations must have a finite solution; in the {phase.name} phase entered at "
        f"D = {math.exp(-tau):g} the integrator reports: {why}. Weaker guidance or a schedule bounded below helps."
    )


def first_desertion(phase: Any, tau: float, stop: float) -> float | None:
    """First time in (tau, stop) at which the target loses the weight."""
    grid = np.linspace(tau, stop, 2 + math.ceil((stop - tau) / WATCH))
    values = -phase.F(grid, phase.solution(grid))
    up = np.flatnonzero((values[:-1] <= 0.0) & (values[1:] > 0.0))
    if not up.size:
        return None
    low, high = grid[up[0]], grid[up[0] + 1]
    return low if phase.desertion(low) >= 0.0 else brentq(phase.desertion, low, high, xtol=1e-15)
