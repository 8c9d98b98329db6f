"""What the rules of guidance do to a class at one scale, against the number of steps: theory, and particles."""

from collections.abc import Sequence
from typing import Any

import xarray

from meanfield import Problem
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler
from validate.figures.curves import about, in_units, limit_in_units, with_own_seed
from validate.figures.guidance_rules.rules import ddim_with
from validate.results.tables import Show, tabulate


def rules_against_steps(
    problem: Problem, rules: Sequence[str], steps: Sequence[int], points: Sequence[int], *, scale: float,
    shape: tuple[int, ...] = (4, 32, 32), progress: Show = None, **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """m(0) and v(0)/sigma2 of DDIM under rules of guidance.

    Parameters
    ----------
    problem : its own guidance is not looked at.
    rules : names in `RULES`.
    steps, points : numbers of steps of the theory and of the particles.
    scale : 1 + w of all rules.
    shape : of a sample; norms and thresholds depend on it.
    options : of `simulate.run_sampler`.

    Returns
    -------
    xarray.Dataset : theory `line_m`, `line_v` (rule, steps); particles `m`, `v` with `_error` (rule, point).

    Examples
    --------
    >>> from meanfield import Continuum
    >>> problem, few = Problem(classes=Continuum(), sigma2=0.25), {"n_samples": 2, "n_disorder": 2, "progress": False}
    >>> data = rules_against_steps(problem, ["TCFG"], [30], [5], scale=3.0, **few)
    >>> data.line_m.values.round(4), data.line_v.values.round(4)
    (array([[1.2435]]), array([[0.129]]))
    """

    def line(rule: str, n: int) -> dict[str, Any]:
        return limit_in_units(solve_sampler(problem, ddim_with(rule, n, scale), shape=shape), "line")

    def particles(rule: str, n: int) -> dict[str, Any]:
        own = with_own_seed(options, rule, n)
        return in_units(
            run_sampler(problem, ddim_with(rule, n, scale), shape=shape, progress=False, **own), error="_error"
        )

    return xarray.Dataset(
        {
            **tabulate({"rule": rules, "steps": steps}, line),
            **tabulate({"rule": rules, "point": points}, particles, title="rules of guidance", progress=progress),
        },
        coords={"rule": list(rules), "steps": list(steps), "point": list(points)},
        attrs=about(problem, options) | {"scale": scale, "shape": list(shape)},
    )
