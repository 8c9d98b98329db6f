"""What a sampler of few steps makes of mean and variance: its law, particles through the same code, continuous time.

In the continuum of classes the law of these samplers, which are linear in their vectors, holds at every d.
"""

from collections.abc import Sequence
from typing import Any

import xarray

from meanfield import OrnsteinUhlenbeck, Problem, solve
from meanfield.sampler.code import Sampler
from meanfield.sampler.levels import TRAINED, sd_sigmas
from meanfield.sampler.native import NATIVE
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler
from validate.figures.curves import about, in_units, limit_in_units, with_own_seed
from validate.results.tables import Show, tabulate

ETA = {"euler-ancestral": 1.0, "dpmpp-2m-sde": 1.0}  # of the continuous sampler; 0 for the others


def on_sd_levels(name: str, n_steps: int) -> Sampler:
    """A native sampler on the levels of Stable Diffusion, which starts at x = z as those of diffusers do.

    Examples
    --------
    >>> on_sd_levels("heun", 8).name
    'Heun, 8 steps'
    """
    return NATIVE[name](sd_sigmas(n_steps), start="vp")


def against_steps(
    problem: Problem, samplers: Sequence[str], steps: Sequence[int], points: Sequence[int], *, progress: Show = None,
    **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """m(0) and v(0)/sigma2 against the number of steps.

    Parameters
    ----------
    samplers : names in `meanfield.sampler.native.NATIVE`.
    steps, points : numbers of steps of the theory and of the particles.
    options : of `simulate.run_sampler`.

    Returns
    -------
    xarray.Dataset : theory `line_m`, `line_v` (sampler, steps), `alone_v` without guidance; particles `m`, `v`, with
        `_error` (sampler, point); `limit_m`, `limit_v` (sampler) of continuous time from the largest level.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
    >>> data = against_steps(problem, ["euler"], [20], [5], d=8, n_samples=4, n_disorder=2, progress=False)
    >>> data.line_v.values.round(5), data.limit_v.values.round(3)
    (array([[0.12432]]), array([0.202]))
    """

    def line(name: str, n: int) -> dict[str, Any]:
        law: Any = solve_sampler(problem, on_sd_levels(name, n))
        return limit_in_units(law, "line") | {"alone_v": law.unguided[1][-1] / problem.sigma2}

    def particles(name: str, n: int) -> dict[str, Any]:
        own = with_own_seed(options, name, n)
        return in_units(run_sampler(problem, on_sd_levels(name, n), progress=False, **own), error="_error")

    def limit(name: str) -> dict[str, Any]:
        noise = OrnsteinUhlenbeck()  # any process with a^2 + b^2 = 1
        start = float(noise.own_time(sd_sigmas(TRAINED)[0] ** 2))
        return limit_in_units(solve(problem.replace(noise=noise, t_start=start, sampler=ETA.get(name, 0.0))), "limit")

    return xarray.Dataset(
        {
            **tabulate({"sampler": samplers}, limit),
            **tabulate({"sampler": samplers, "steps": steps}, line),
            **tabulate({"sampler": samplers, "point": points}, particles, title="samplers", progress=progress),
        },
        coords={"sampler": list(samplers), "steps": list(steps), "point": list(points)},
        attrs=about(problem, options),
    )
