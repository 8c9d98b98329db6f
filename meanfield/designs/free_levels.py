"""Designs with many free levels: what no pattern of switches is assumed for.

w is constant on pieces equally spaced in log D, every level free between the bounds, found by sequential quadratic
programming from several starts. It serves two ends: to keep the variance of *every* direction of a spectrum, which
takes as many conditions as there are groups, and as evidence that a pattern of switches is optimal where that is not
proved.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.errors import ProblemError
from meanfield.guidance.schedules import Schedule
from meanfield.maps.bulk import Responses, Table, Values

STEP = 1e-5  # of the finite differences, well above the noise of the trajectories (1e-10)


class FreeLevels(NamedTuple):
    """Levels early first on pieces with these VE edges (descending, start and 0 included), and what they do."""

    edges: np.ndarray
    levels: np.ndarray
    values: Values
    schedule: Schedule


def best_levels(
    respond: Responses,
    bounds: tuple[float, float],
    *,
    n: int = 32,
    keep: float = 1.0,
    each: bool = False,
    objective: str = "shift",
    starts: int = 2,
) -> FreeLevels:
    """Levels that maximise the objective at v(0)/sigma2 = keep, in every group of directions if `each`.

    Parameters
    ----------
    respond : the problem; compiled ones only (isotropic, or a spectrum in the continuum).
    bounds : (w_min, w_max).
    n : pieces.
    objective : "shift" or "separation".
    starts : early-high starts with the switch at different places.

    Raises
    ------
    ProblemError : the constraints were met from no start.
    """
    problem = respond.problem
    low = problem.sigma2 if problem.spectrum is None else problem.least_variance
    top = min(respond.start, 1e4 * max(1.0, problem.largest_variance))
    s = np.linspace(math.log(low + top), math.log(low), n + 1)
    edges = np.maximum(np.exp(s) - low, 0.0)
    edges[0], edges[-1] = respond.start, 0.0
    found: list[tuple[float, np.ndarray]] = []
    for k in range(1, starts + 1):
        start = np.where(np.arange(n) < n * k / (starts + 1), *bounds[::-1])
        x = _climb(respond, edges, start, bounds, keep, each, objective)
        values = _values(respond, edges, x[None])
        if np.max(np.abs(_excess(values, keep, each))) < 1e-7:
            found.append((float(getattr(values, objective)[0]), x))
    if not found:
        what = "every direction's variance" if each else "the variance"
        raise ProblemError(
            f"no schedule of {n} pieces within {bounds[0]:g} <= w <= {bounds[1]:g} was found that keeps {what} at "
            f"{keep:g} of the class's. Widen the bounds."
        )
    levels = max(found, key=lambda f: f[0])[1]
    table = Table.steps(edges, levels[None])
    return FreeLevels(edges, levels, respond(table), table.schedule())


def _values(respond: Responses, edges: np.ndarray, rows: np.ndarray) -> Values:
    return respond(Table.steps(edges, rows))


def _excess(values: Values, keep: float, each: bool) -> np.ndarray:
    """Constraints that must be 0, shape (rows, constraints)."""
    return np.log(values.by_group / keep) if each else np.log(values.ratio / keep)[:, None]


def _climb(respond, edges, start, bounds, keep, each, objective) -> np.ndarray:
    from scipy.optimize import minimize

    def with_slopes(x: np.ndarray) -> tuple[Values, np.ndarray]:
        steps = np.where(x + STEP <= bounds[1], STEP, -STEP)
        return _values(respond, edges, np.vstack([x, x + np.diag(steps)])), steps

    def goal(x: np.ndarray) -> tuple[float, np.ndarray]:
        values, steps = with_slopes(x)
        f = -getattr(values, objective)
        return float(f[0]), (f[1:] - f[0]) / steps

    def slopes(x: np.ndarray) -> np.ndarray:
        values, steps = with_slopes(x)
        c = _excess(values, keep, each)
        return ((c[1:] - c[0]) / steps[:, None]).T

    kept = {"type": "eq", "fun": lambda x: _excess(_values(respond, edges, x[None]), keep, each)[0], "jac": slopes}
    options = {"maxiter": 100, "ftol": 1e-10}
    result = minimize(
        goal, start, jac=True, bounds=[bounds] * len(start), constraints=[kept], method="SLSQP", options=options
    )  # fmt: skip
    return np.clip(result.x, *bounds)
