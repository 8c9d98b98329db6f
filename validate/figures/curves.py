"""What the figures of the distortion share: what they read off particles, and how they draw it.

Theory on fine grids, particles at a few points, always as mean and standard error over draws. How classes are held
(in memory, lazily, in their span) is left to `simulate.run`. Lines are theory, markers particles; the same sampler has
the same marker everywhere.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from meanfield import Ensemble, Exponential, Fixed, Polynomial, Populations, Problem
from meanfield.problem.growth import Growth
from validate.drawing import shades
from validate.results.provenance import options_json, versions
from validate.sweeps.grid_cell import cell_seed

SAMPLERS = ("sde", "ode")
SHIFT, RATIO = r"mean shift $m(0) - 1$", r"variance $v(0)/\sigma^2$"
LOSS = r"lost variance $1 - v(0)/\sigma^2$"


def final_distortion(data: Ensemble) -> dict[str, Any]:
    """m(0) - 1 and v(0)/sigma2 of particles with their errors: paired estimates."""
    m, v, sigma2 = data.final.m_paired, data.final.v_paired, data.problem.sigma2
    return {
        "shift": m.mean - 1.0,
        "shift_error": m.stderr,
        "v_ratio": v.mean / sigma2,
        "v_ratio_error": v.stderr / sigma2,
    }


def distortion_of(theory: Any, kind: str) -> dict[str, Any]:
    """The same of a theory, under the name of what it is drawn as: a line, a limit."""
    final = theory.final
    return {f"{kind}_shift": final.m - 1.0, f"{kind}_v_ratio": final.v / theory.problem.sigma2}


def in_units(data: Ensemble, paired: bool = False, error: str = "_stderr") -> dict[str, Any]:
    """m(0) and v(0)/sigma2 of particles or of a finite-d theory, with their errors; paired with the twin or plain."""
    found: dict[str, Any] = {}
    for q, unit in (("m", 1.0), ("v", data.problem.sigma2)):
        estimate = getattr(data.final, f"{q}_paired" if paired else q)
        found |= {q: estimate.mean / unit, f"{q}{error}": estimate.stderr / unit}
    return found


def limit_in_units(theory: Any, kind: str) -> dict[str, Any]:
    """m(0) and v(0)/sigma2 of the mean field, under the name of what it is drawn as."""
    return {f"{kind}_m": theory.final.m, f"{kind}_v": theory.final.v / theory.problem.sigma2}


def name_of(growth: Growth) -> str:
    """A growth law as figures call it."""
    if isinstance(growth, Populations):
        alpha, prior = (", ".join(f"{x:g}" for x in values) for values in (growth.alpha, growth.prior))  # type: ignore[union-attr]
        return f"alpha = ({alpha})" + ("" if growth.equal else f", lambda = ({prior})")
    if isinstance(growth, Exponential):
        return f"alpha = {growth.alpha:g}" + (f", lambda = {growth.prior:g}" if growth.prior else "")
    weight = "" if growth.equal else f", weight {math.exp(growth.log_prior(1.0)):g}"
    if isinstance(growth, Polynomial):
        return f"P = d^{growth.gamma:g}{weight}"
    return f"P = {growth.n}{weight}" if isinstance(growth, Fixed) else "continuum"


def with_own_seed(options: dict[str, Any], *point: Any) -> dict[str, Any]:
    """Options of a run with a seed of this point of a figure, so that errors of points are independent."""
    return {**options, "seed": cell_seed(options.get("seed", 0), list(point))}


def about(problem: Problem, options: dict[str, Any]) -> dict[str, Any]:
    """What stands behind a figure, as attributes of its data."""
    about = {"problem": json.dumps(problem.to_dict()), "sigma2": problem.sigma2, "seed": options.get("seed", 0)}
    return {**about, "options": options_json(options), **versions()}


def stated(options: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The options that decide the numbers of a study, and the versions that found them, as attributes of its data."""
    return {**{name: options[name] for name in names}, "versions": json.dumps(versions())}


def colour(k: int) -> str:
    """Of the k-th law of growth: laws are ordered by their number of classes."""
    return shades(max(4, k + 1))[k]


def pretty(growth: str) -> str:
    """The name of a growth law as mathematics."""
    if growth.startswith("alpha"):
        return growth.replace("alpha", r"$\alpha$").replace("lambda", r"$\lambda$")
    law, *weight = growth.split(", ")
    law = f"$P = d^{{{law.split('^')[1]}}}$" if "^" in law else law
    return ", ".join([law, *weight])
