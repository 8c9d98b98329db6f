"""Following one phase: LSODA with exits as roots of its dense output, and the search for a root of a closed form.

For the phases that no quadrature solves (glass, captured, sliding, weights that depend on the sample), and the twin in
the tests of the one that `crowd` does.

An exit is a function that turns positive where a phase ends. It is looked at after every step, and the root is then
bracketed on the dense output of that step, so an event is as accurate as the integration itself.
"""

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.theory.phases import Phase, Target
from meanfield.tools.roots import brentq

if TYPE_CHECKING:
    from scipy.integrate import OdeSolution

RTOL, ATOL = 3e-13, 1e-14
MOST_STEPS = 200_000  # of a phase: three times what the stiffest need; beyond, LSODA creeps, or stands
WATCH = 0.02  # spacing in tau at which F is looked at after speciation


def integrate(phase: Phase, tau: float, stop: float) -> tuple["OdeSolution", float, int | None]:
    """LSODA from tau to `stop`, or to the first exit that turns positive: solution, end, number of the exit.

    An exit may start at zero (it is where the phase was entered), so rounding there does not count.
    """
    from scipy.integrate import LSODA, OdeSolution

    times, pieces = [tau], []
    try:
        with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
            warnings.simplefilter("error")
            solver = LSODA(phase.rates, tau, phase.initial(), stop, rtol=RTOL, atol=ATOL)
            before = [min(x, 0.0) for x in phase.exits(tau, solver.y)]
            steps = 0
            while solver.status == "running":
                if (steps := steps + 1) > MOST_STEPS:
                    raise ConvergenceError(
                        failure(phase, tau, f"{MOST_STEPS} steps lead to D = {math.exp(-solver.t):g}")
                    )
                message = solver.step()
                if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
                    raise ConvergenceError(failure(phase, tau, message or "the solution is not finite"))
                dense, after = solver.dense_output(), phase.exits(solver.t, solver.y)
                passed = [i for i, (x, y) in enumerate(zip(before, after, strict=True)) if x <= 0.0 < y]
                roots = [(_root(phase, i, dense, times[-1], solver.t, before[i]), i) for i in passed]
                end, which = min(roots) if roots else (solver.t, None)
                if end > times[-1]:
                    times.append(end)
                    pieces.append(dense)
                if roots:
                    return OdeSolution(times, pieces) if pieces else None, end, which  # type: ignore[return-value]
                before = list(after)
    except (ArithmeticError, UserWarning) as cause:
        raise ConvergenceError(failure(phase, tau, str(cause))) from cause
    return OdeSolution(times, pieces), stop, None


def _root(phase: Phase, which: int, dense: Callable, low: float, high: float, before: float) -> float:
    """Where an exit, `before` at low, turns positive between low and high along the dense output of one step."""

    def exit_(tau: float) -> float:
        return phase.exits(tau, dense(tau))[which]

    return low if before == 0.0 or exit_(low) >= 0.0 else brentq(exit_, low, high, xtol=1e-15)


def failure(phase: Phase, tau: float, why: str) -> str:
    """The message of a phase that could not be solved to its end."""
    return (
        f"the mean-field equations must have a finite solution; in the {phase.name} phase entered at "
        f"D = {math.exp(-tau):g} the integrator reports: {why}. Weaker guidance or a schedule bounded below helps."
    )


def first_desertion(target: Target, tau: float, stop: float) -> float | None:
    """First time in (tau, stop) at which the target loses the weight."""

    def desertion(x: float) -> float:
        return -target.point(x, target.solution(x)).F

    grid = np.linspace(tau, stop, 2 + math.ceil((stop - tau) / WATCH))
    values = -target.F(grid, target.solution(grid))
    up = np.flatnonzero((values[:-1] <= 0.0) & (values[1:] > 0.0))
    if not up.size:
        return None
    low, high = float(grid[up[0]]), float(grid[up[0] + 1])
    return low if desertion(low) >= 0.0 else brentq(desertion, low, high, xtol=1e-15)
