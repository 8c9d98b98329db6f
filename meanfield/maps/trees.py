"""`phase_diagram` of classes with many modes: which of the two transitions comes first, and what is lost."""

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.maps.boundaries import polylines
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.theory.modes.trajectory import ModesTrajectory
from meanfield.theory.solver import solve
from meanfield.tools.progress import Progress

if TYPE_CHECKING:
    import xarray

AXES = ("alpha_1", "alpha_2", "rho", "w", "sigma2", "eta")
NUMBERS = ("m", "v", "within", "m_B", "v_B", "K_div", "t_label", "t_mode")
BISECTIONS = 10  # of an edge of the grid: each is a `solve`


def tree_diagram(
    problem: Problem, x: tuple[str, np.ndarray], y: tuple[str, np.ndarray], d: float, progress: Any
) -> "xarray.Dataset":
    """The map over two checked axes, and the lines `line_order` and `line_known`."""
    import xarray

    names = (x[0], y[0])
    found = {name: np.full((len(y[1]), len(x[1])), np.nan) for name in NUMBERS}
    found |= {name: np.full((len(y[1]), len(x[1])), "", "<U11") for name in ("first", "standing")}
    with Progress(progress, len(x[1]) * len(y[1]), "phases of a tree") as show:
        for n, (j, i) in enumerate(itertools.product(range(len(y[1])), range(len(x[1])))):
            for name, value in _point(problem, names, (x[1][i], y[1][j]), d).items():
                found[name][j, i] = value
            show(n + 1)
    sides = {"order": ("first", "label"), "known": ("standing", "refused")}
    data = xarray.Dataset(
        {name: ((y[0], x[0]), values) for name, values in found.items()}, coords={x[0]: x[1], y[0]: y[1]}
    )
    for line, (name, inside) in sides.items():

        def side(a: np.ndarray, b: np.ndarray, show: Any, name: str = name, inside: str = inside) -> np.ndarray:
            rows = [_point(problem, names, at, d)[name] == inside for at in zip(a, b, strict=True)]
            show(len(rows))
            return np.array(rows)

        points = polylines(side, x[1], y[1], found[name] == inside, progress, BISECTIONS)
        data[f"line_{line}"] = ((f"point_{line}", "coordinate"), points)
    return data.assign_coords(coordinate=list(names)).assign_attrs(x=x[0], y=y[0], d=d)


def _point(problem: Problem, names: tuple[str, str], at: tuple[Any, ...], d: float) -> dict[str, Any]:
    """What `solve` finds at one point; only its standing where it refuses."""
    changes = dict(zip(names, map(float, at), strict=True))
    try:
        theory = cast(ModesTrajectory, cast(Any, solve(_varied(problem, changes), d)))
    except ConvergenceError:
        return {"first": "", "standing": "refused"}
    final, label, mode = theory.final, theory.t_label, theory.t_mode
    before = "label" if label >= mode or math.isnan(mode) else "mode"
    first = "neither" if math.isnan(label) and math.isnan(mode) else before
    values: list[Any] = [final.m, final.v, final.within, theory.m_B, theory.v_B, theory.K_div, label, mode]
    return {**dict(zip(NUMBERS, map(float, values), strict=True)), "first": first, "standing": theory.standing}


def _varied(problem: Problem, changes: dict[str, float]) -> Problem:
    """A problem with other numbers of its tree, or of its own."""
    law = problem.classes
    assert isinstance(law, Hierarchy)
    alpha = tuple(changes.pop(name, old) for name, old in zip(AXES[:2], law.alpha, strict=True))
    classes = dataclasses.replace(law, alpha=alpha, rho=changes.pop("rho", law.rho))
    return problem.replace(classes=classes, **changes)
