"""CFG++ (arXiv:2406.08070): guidance that renoises with the unconditional prediction, and the CFG that it is.

With x_hat = y - sigma (eps_u + lambda (eps_c - eps_u)) a step of CFG++ is y' = x_hat + sigma' eps_u, or

    y' = y + (sigma' - sigma) eps_u - lambda sigma (eps_c - eps_u):

DDIM with classifier-free guidance of scale s, y' = y + (sigma' - sigma) (eps_u + s (eps_c - eps_u)), where

    (V11)  s = lambda/(1 - sigma'/sigma).

The ratio sigma'/sigma tends to 1 as steps grow, so s grows like their number, and at the last step, to 0, s = lambda.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray

from meanfield import Problem
from meanfield.sampler.code import Sampler
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler
from validate.figures.curves import about, in_units, limit_in_units, with_own_seed
from validate.results.tables import Show, tabulate

HIGHEST, LOWEST = 15.0, 0.03


def even_levels(n_steps: int) -> np.ndarray:
    """n levels at a fixed ratio from 15 to 0.03, and 0.

    Examples
    --------
    >>> even_levels(3).round(3)
    array([15.   ,  0.671,  0.03 ,  0.   ])
    """
    return np.append(np.geomspace(HIGHEST, LOWEST, n_steps), 0.0)


def effective_scale(levels: np.ndarray, strength: float) -> np.ndarray:
    """(V11) at every step.

    Examples
    --------
    >>> effective_scale(even_levels(20), 0.6).round(2)[[0, -2, -1]]
    array([2.15, 2.15, 0.6 ])
    """
    return strength / (1.0 - levels[1:] / levels[:-1])


def cfg_plus_plus(levels: np.ndarray, strength: float) -> Sampler:
    """DDIM with CFG++ of strength lambda.

    Examples
    --------
    >>> cfg_plus_plus(even_levels(20), 0.6).name
    'CFG++, lambda = 0.6, 20 steps'
    """

    def sampler(model: Any, noise: Callable[[], Any]) -> Any:
        x = levels[0] * noise()
        for s, after in pairwise(levels):
            eps = model.uncond.eps(x, s)
            x = x - s * (eps + strength * (model.cond.eps(x, s) - eps)) + after * eps
        return x

    sampler.name = f"CFG++, lambda = {strength:g}, {len(levels) - 1} steps"  # type: ignore[attr-defined]
    return sampler


def cfg_at(levels: np.ndarray, scales: Sequence[float]) -> Sampler:
    """DDIM with classifier-free guidance of a scale for each step."""

    def sampler(model: Any, noise: Callable[[], Any]) -> Any:
        x = levels[0] * noise()
        for (s, after), scale in zip(pairwise(levels), scales, strict=True):
            eps = model.uncond.eps(x, s)
            x = x + (after - s) * (eps + scale * (model.cond.eps(x, s) - eps))
        return x

    sampler.name = f"CFG, {len(levels) - 1} steps"  # type: ignore[attr-defined]
    return sampler


def plus_plus_against_steps(
    problem: Problem, strengths: Sequence[float], steps: Sequence[int], points: Sequence[int], *, progress: Show = None,
    **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """CFG++ against the number of steps: its effective scale, m(0), v(0)/sigma2.

    Parameters
    ----------
    problem : its own guidance is not looked at.
    strengths : lambda.
    steps, points : numbers of steps, two or more, of the theory and of the particles.
    options : of `simulate.run_sampler`.

    Returns
    -------
    xarray.Dataset : over (strength, steps) `scale`, and of the theory `line_m`, `line_v`; over (strength, point)
        `same_m`, `same_v` of the theory of `cfg_at` that scale, and `m`, `v` of particles with `_error`.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> problem, few = Problem(classes=Continuum(), sigma2=0.25), {"n_samples": 2, "n_disorder": 2, "progress": False}
    >>> data = plus_plus_against_steps(problem, [0.6], [10, 20, 50], [5], d=8, **few)
    >>> data.scale.values.round(2), data.line_m.values.round(3)
    (array([[1.2 , 2.15, 5.04]]), array([[1.08 , 1.328, 1.358]]))
    """

    def line(strength: float, n: int) -> dict[str, Any]:
        levels = even_levels(n)
        law = solve_sampler(problem, cfg_plus_plus(levels, strength))
        return {"scale": effective_scale(levels, strength)[0], **limit_in_units(law, "line")}

    def particles(strength: float, n: int) -> dict[str, Any]:
        levels = even_levels(n)
        same = solve_sampler(problem, cfg_at(levels, effective_scale(levels, strength).tolist()))
        own = with_own_seed(options, strength, n)
        data = run_sampler(problem, cfg_plus_plus(levels, strength), progress=False, **own)
        return {**limit_in_units(same, "same"), **in_units(data, error="_error")}

    return xarray.Dataset(
        {
            **tabulate({"strength": strengths, "steps": steps}, line),
            **tabulate({"strength": strengths, "point": points}, particles, title="CFG++", progress=progress),
        },
        coords={"strength": list(strengths), "steps": list(steps), "point": list(points)},
        attrs=about(problem, options),
    )
