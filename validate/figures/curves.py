"""What the figures of the distortion share: what they read off particles, and how they draw it.

Theory on fine grids, particles at a few points, always as mean and standard error over draws. How classes are held
(in memory, lazily, in their span) is left to `simulate.run`. Lines are theory, markers particles; the same sampler has
the same marker everywhere.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.problem.growth import Exponential, Fixed, Growth, Polynomial
from meanfield.problem.statement import Problem
from validate.drawing import COLOURS
from validate.results.provenance import versions

__all__ = [
    "DASHES",
    "LOSS",
    "RATIO",
    "SAMPLERS",
    "SHIFT",
    "Show",
    "about",
    "colour",
    "final_values",
    "marks_over",
    "name_of",
    "paired",
    "pretty",
]

SAMPLERS = ("sde", "ode")


Show = bool | Callable[[int, int], Any] | None


def paired(data: Ensemble) -> tuple[np.ndarray, ...]:
    """m, its error, v, its error at the recorded times: paired estimates."""
    return data.m_paired.mean, data.m_paired.stderr, data.v_paired.mean, data.v_paired.stderr


def final_values(data: Ensemble) -> tuple[float, ...]:
    """m(0) - 1, its error, v(0)/sigma2, its error: paired estimates."""
    m, m_error, v, v_error = (float(x[-1]) for x in paired(data))
    return m - 1.0, m_error, v / data.problem.sigma2, v_error / data.problem.sigma2


def marks_over(dims: tuple[str, ...], mark: np.ndarray) -> dict[str, tuple]:
    """Variables over `dims` of an array (..., 4) of `final_values`."""
    names = ("shift", "shift_error", "v_ratio", "v_ratio_error")
    return {name: (dims, mark[..., i]) for i, name in enumerate(names)}


def name_of(growth: Growth) -> str:
    """A growth law as figures call it."""
    if isinstance(growth, Exponential):
        return f"alpha = {growth.alpha:g}"
    if isinstance(growth, Polynomial):
        return f"P = d^{growth.gamma:g}"
    return f"P = {growth.n}" if isinstance(growth, Fixed) else "continuum"


def about(problem: Problem, options: dict[str, Any]) -> dict[str, Any]:
    about = {"problem": json.dumps(problem.to_dict()), "sigma2": problem.sigma2, "seed": options.get("seed", 0)}
    return {**about, "options": json.dumps(options), **versions()}


SHIFT, RATIO = r"mean shift $m(0) - 1$", r"variance $v(0)/\sigma^2$"


LOSS = r"lost variance $1 - v(0)/\sigma^2$"


DASHES = {"sde": "-", "ode": "--"}


def colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def pretty(growth: str) -> str:
    """The name of a growth law as mathematics."""
    if growth.startswith("alpha"):
        return rf"$\alpha$ = {growth.split('= ')[1]}"
    return f"$P = d^{{{growth.split('^')[1]}}}$" if "^" in growth else growth
