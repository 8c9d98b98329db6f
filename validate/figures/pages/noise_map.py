"""Noise processes side by side: where speciation lies in the own time of each, and what their start laws change."""

import json
import math
from collections.abc import Sequence

import numpy as np
import xarray

from meanfield import EDM, VE, Noise, OrnsteinUhlenbeck, Problem, ProblemError, RectifiedFlow, VPCosine, VPLinear, solve
from meanfield.errors import checked
from validate.drawing import SAMPLER, canvas, lettered, shades
from validate.results.tables import tabulate

PROCESSES = (VE(), EDM(), OrnsteinUhlenbeck(), VPLinear(), VPCosine(), RectifiedFlow())


def noise_map(
    problem: Problem, t_top: float = 6400.0, processes: Sequence[Noise] = PROCESSES, n_points: int = 61
) -> xarray.Dataset:
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

    def end(sampler, process, t):
        return _end(base.replace(sampler=sampler, noise=process, t_start=float(process.own_time(t))))

    def endless(sampler):
        return {f"{name}_inf": value for name, value in _end(base.replace(sampler=sampler)).items()}

    return xarray.Dataset(
        {
            "share": (("noise", "point"), share),
            "t": (("noise", "point"), np.stack(maps)),
            "s_top": ("noise", s_top),
            "s_speciation": ("noise", [float(p.own_time(t_s)) if below else math.nan for p in processes]),
            **tabulate({"sampler": samplers, "start": starts.values(), "T": T}, end),
            **tabulate({"sampler": samplers}, endless),
        },
        coords={"noise": [p.name for p in processes], "sampler": samplers, "start": list(starts), "T": T},
        attrs={"problem": json.dumps(base.to_dict()), "t_speciation": float(t_s), "t_top": t_top},
    )


def _end(problem: Problem) -> dict[str, float]:
    final = solve(problem).final
    return {"m": float(final.m), "v_ratio": float(final.v) / problem.sigma2}


NAMES = {
    "ve": "VE, s = variance",
    "edm": "EDM, s = sigma",
    "ornstein-uhlenbeck": "Ornstein-Uhlenbeck",
    "vp-linear": "VP, linear beta",
    "vp-cosine": "VP, cosine",
    "rectified-flow": "rectified flow",
}


def draw(data: xarray.Dataset, axes=None):
    """Left: VE time against own time, speciation marked. Right: v(0)/sigma2 against the start time, by start law.

    Parameters
    ----------
    data : result of `noise_map`.
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.1), 2) as (figure, axes):
        _map(axes[0], data)
        _starts(axes[1], data)
        lettered(axes, "speciation in own time", "what the start leaves")
    return figure, axes


def _map(axis, data: xarray.Dataset) -> None:
    t_s = data.attrs["t_speciation"]
    for i, name in enumerate(data["noise"].values):
        row, colour = data.sel(noise=name), shades(data.sizes["noise"])[i]
        axis.plot(row["share"][1:], row["t"][1:], color=colour, lw=1.4)
        axis.plot(
            row["s_speciation"] / row["s_top"], t_s, "osD^vP"[i % 6], color=colour, mec="white", mew=0.5,
            ms=7, zorder=4, clip_on=False, label=f"{NAMES.get(name, name)}: s = {float(row['s_speciation']):.3g}",
        )  # fmt: skip
    axis.axhline(t_s, color="0.6", lw=0.8, ls=":", zorder=0)
    top = data.attrs["t_top"]
    axis.set(yscale="log", xlim=(-0.02, 1.02), ylim=(1e-3, 2.0 * top))
    axis.set(xlabel=f"own time s, as a share of its value at t = {top:g}", ylabel="VE time t = (b/a)²")
    axis.legend(title="speciation at", loc="lower right", handletextpad=0.3)


def _starts(axis, data: xarray.Dataset) -> None:
    for sampler in map(str, data["sampler"].values):
        colour = SAMPLER[sampler].colour
        axis.axhline(float(data["v_ratio_inf"].sel(sampler=sampler)), color=colour, lw=0.8, ls=":")
        for style, start in zip(("-", "--"), data["start"].values, strict=True):
            curve = data["v_ratio"].sel(sampler=sampler, start=start)
            axis.plot(data["T"], curve, style, color=colour, label=f"{sampler.upper()}, {start}")
    axis.plot([], [], ":", color="0.5", lw=0.8, label="from T = ∞")
    axis.set(xscale="log")
    axis.set(xlabel="VE time T of the start", ylabel="variance ratio v(0)/σ²")
    axis.legend(loc="best")
