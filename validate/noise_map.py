"""Noise processes side by side: where speciation lies in the own time of each, and what their start laws change."""

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from meanfield import EDM, VE, Noise, OrnsteinUhlenbeck, Problem, RectifiedFlow, VPCosine, VPLinear, solve
from meanfield.errors import ProblemError, checked

if TYPE_CHECKING:
    import xarray

__all__ = ["PROCESSES", "noise_map"]

PROCESSES = (VE(), EDM(), OrnsteinUhlenbeck(), VPLinear(), VPCosine(), RectifiedFlow())


def noise_map(
    problem: Problem, t_top: float = 6400.0, processes: Sequence[Noise] = PROCESSES, n_points: int = 61
) -> "xarray.Dataset":
    """The map s -> t of every process, speciation in its own time, and end points by start time and start law.

    Parameters
    ----------
    problem : constant guidance; its noise and start are not looked at.
    t_top : VE time up to which the map is shown; 6400 is sigma = 80, where EDM samplers start.
    processes : which ones.
    n_points : points of the map, and start times T between 1 and t_top.

    Returns
    -------
    xarray.Dataset : `share` = s/s(t_top) and `t` over (noise, point), `s_top`, `s_speciation` (nan if it does not
        happen below t_top) over noise; `m` and `v_ratio` = v(0)/sigma2 over (sampler, start, T), where start is
        "v(T) = T" or "v(T) = T + 1", and `m_inf`, `v_ratio_inf` over sampler; the problem in attrs.

    Raises
    ------
    ProblemError : guidance is not constant, or t_top is out of range.

    Examples
    --------
    >>> from meanfield import Exponential
    >>> data = noise_map(Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0), n_points=5)
    >>> data.s_speciation.sel(noise="rectified-flow").item() > 0.58
    True
    """
    import xarray

    problem.require_isotropic("noise_map", "Call solve for each process.")
    if math.isinf(problem.schedule.constant_above) or problem.schedule.breakpoints:
        raise ProblemError(f"noise_map needs constant guidance, the same in any time; got {problem.guidance!r}.")
    t_top = checked("t_top", t_top, low=1, high=min(p.t_last for p in processes), open_low=True)
    base = problem.replace(noise=VE(), t_start=math.inf)
    t_s = solve(base).t_speciation
    below = t_s <= t_top  # false where it is nan
    s_top = np.array([float(p.own_time(t_top)) for p in processes])
    maps = [p.ve_time(np.linspace(0.0, s, n_points)) for p, s in zip(processes, s_top, strict=True)]
    share = np.broadcast_to(np.linspace(0.0, 1.0, n_points), (len(processes), n_points))
    T = np.geomspace(1.0, t_top, n_points)
    starts = {"v(T) = T": VE(), "v(T) = T + 1": OrnsteinUhlenbeck()}
    samplers = ["sde", "ode"]
    endless = np.array([_end(base.replace(sampler=sampler)) for sampler in samplers])
    ends = np.array(
        [
            [
                [_end(base.replace(sampler=sampler, noise=process, t_start=float(process.own_time(t)))) for t in T]
                for process in starts.values()
            ]
            for sampler in samplers
        ]
    )
    by_start = ("sampler", "start", "T")
    return xarray.Dataset(
        {
            "share": (("noise", "point"), share),
            "t": (
                ("noise", "point"),
                np.stack(maps),
            ),
            "s_top": ("noise", s_top),
            "s_speciation": ("noise", [float(p.own_time(t_s)) if below else math.nan for p in processes]),
            "m": (by_start, ends[..., 0]),
            "v_ratio": (by_start, ends[..., 1]),
            "m_inf": ("sampler", endless[:, 0]),
            "v_ratio_inf": ("sampler", endless[:, 1]),
        },
        coords={"noise": [p.name for p in processes], "sampler": samplers, "start": list(starts), "T": T},
        attrs={"problem": json.dumps(base.to_dict()), "t_speciation": float(t_s), "t_top": t_top},
    )


def _end(problem: Problem) -> tuple[float, float]:
    final = solve(problem).final
    return float(final.m), float(final.v) / problem.sigma2
