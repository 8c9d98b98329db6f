"""A schedule at the steps of real samplers: its scales step by step, and the variance that a number of steps keeps.

Everything in VE form y = x/a, where DDIM, Euler in sigma and Euler of a flow are one first-order method,

    y' = y + (sigma' - sigma) eps,

and DPM++ 2M is y' = (sigma'/sigma) y + (1 - sigma'/sigma) X, with X the denoised y extrapolated from the last two steps
to the middle of the step in log(sigma). Scores are those of the continuum: y is linear in its start, so that two
samples give m and v exactly.
"""

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import xarray

from meanfield import Constant, Continuum, Problem, ProblemError, Schedule, solve
from meanfield.errors import whole
from validate.drawing import canvas, lettered, shades
from validate.results.tables import tabulate

SIGMA_MIN = 0.03  # of Stable Diffusion, nearly


def _karras(n: int, top: float) -> dict:
    return {"sigmas": np.linspace(top ** (1 / 7), SIGMA_MIN ** (1 / 7), n) ** 7}


def _timesteps(n: int, top: float) -> dict:
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return {"betas": betas, "timesteps": np.rint(np.linspace(999, 0, n))}


def _flow(n: int, top: float) -> dict:
    return {"flow_sigmas": np.linspace(1.0, 1.0 / n, n), "shift": 3.0}


LEVELS: dict[str, Callable[[int, float], dict]] = {
    "Karras sigmas": _karras,
    "VP timesteps": _timesteps,
    "flow, shift 3": _flow,
}
METHODS = {"first order, start": (1, "start"), "first order, mean": (1, "mean"), "DPM++ 2M, start": (2, "start")}


def sampler_steps(
    problem: Problem, steps: Sequence[int] = (10, 14, 20, 28, 40, 57, 80, 113, 160), n_shown: int = 30
) -> xarray.Dataset:
    """Scales of a problem's schedule at `n_shown` steps of three samplers, and what numbers of steps make of m and v.

    Parameters
    ----------
    problem : continuum, ODE, with a finite start; its schedule is what is carried into the samplers.
    steps : numbers of steps, on Karras levels from the start to sigma = 0.03.
    n_shown : steps whose scales are shown.

    Returns
    -------
    xarray.Dataset : `scale` and `t` over (levels, step); `m_error` = m(0) minus theory and `v_ratio` = v(0) over
        theory, over (sampler, guidance, n), where guidance is "schedule" or "unguided"; the problem in attrs.

    Raises
    ------
    ProblemError : the scores of the problem are not linear (no continuum), not the ODE, or T is infinite.

    Examples
    --------
    >>> from meanfield import Linear
    >>> window = Problem(classes=Continuum(), sigma2=0.25, guidance=Linear(-0.5, 0.1), sampler="ode", t_start=100.0)
    >>> data = sampler_steps(window, steps=[40, 80], n_shown=5)
    >>> bool(abs(data.v_ratio.sel(sampler="DPM++ 2M, start", guidance="schedule", n=80) - 1.0) < 0.05)
    True
    """
    problem.require_isotropic("sampler_steps", "State sigma2 instead of a spectrum.")
    if not isinstance(problem.classes, Continuum) or problem.eta != 0.0 or math.isinf(problem.T):
        raise ProblemError(
            f"sampler_steps needs the continuum, the ODE and a finite start; got {problem!r}. "
            'State classes=Continuum(), sampler="ode", t_start=200.'
        )
    counts = [whole("steps", n, low=2) for n in steps]
    schedules = {"schedule": problem.schedule, "unguided": Constant(0.0)}
    top = math.sqrt(problem.T)
    theories = {
        name: solve(problem.replace(guidance=schedule, noise="ve", t_start=problem.T)).final
        for name, schedule in schedules.items()
    }

    def scales(make):
        shown = problem.schedule.for_timesteps(**make(n_shown, top), t_max=problem.T)
        return {"scale": ("step", shown.scales), "t": ("step", shown.t)}

    def end(method, guidance, n):
        m, v = integrate(schedules[guidance], _karras(n, top)["sigmas"], problem.sigma2, *method)
        return {"m_error": m - theories[guidance].m, "v_ratio": v / theories[guidance].v}

    return xarray.Dataset(
        {
            **tabulate({"levels": LEVELS.values()}, scales),
            **tabulate({"sampler": METHODS.values(), "guidance": schedules, "n": counts}, end),
        },
        coords={
            "levels": list(LEVELS), "step": np.arange(n_shown), "sampler": list(METHODS), "guidance": list(schedules),
            "n": counts,
        },
        attrs={"problem": json.dumps(problem.to_dict())},
    )  # fmt: skip


def integrate(schedule: Schedule, sigmas: np.ndarray, sigma2: float, order: int, rule: str) -> tuple[float, float]:
    """m(0) and v(0) of a first-order sampler, or of DPM++ 2M, from N(0, sigma^2) at the first of the levels.

    Examples
    --------
    >>> m, v = integrate(Constant(0.0), np.geomspace(30.0, 1e-3, 400), 0.25, order=2, rule="start")
    >>> print(f"{m:.2f} {v:.3f}")
    0.98 0.250
    """
    scales = schedule.for_timesteps(sigmas=sigmas, rule=rule).scales
    y, before = sigmas[0] * np.array([1.0, -1.0]), None
    for i, sigma in enumerate(sigmas):
        after = sigmas[i + 1] if i + 1 < sigmas.size else 0.0
        cond, uncond = (y - 1.0) / (sigma2 + sigma**2), y / (1.0 + sigma2 + sigma**2)
        denoised = y - sigma**2 * (uncond + scales[i] * (cond - uncond))
        aim = denoised
        if order == 2 and before is not None and after > 0.0:
            r = math.log(sigmas[i - 1] / sigma) / math.log(sigma / after)
            aim = denoised + (denoised - before) / (2.0 * r)
        y, before = (after / sigma) * y + (1.0 - after / sigma) * aim, denoised
    return float(y.mean()), float(0.5 * (y[0] - y[1])) ** 2


def draw(data: xarray.Dataset, axes=None):
    """Left: guidance scale at every step, by sampler. Right: v(0) over theory against the number of steps.

    Parameters
    ----------
    data : result of `sampler_steps`.
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.1), 2) as (figure, axes):
        _scales(axes[0], data)
        _kept(axes[1], data)
        lettered(axes, "one window, three samplers", "what the steps keep")
    return figure, axes


def _scales(axis, data: xarray.Dataset) -> None:
    axis.axhline(1.0, color="0.6", lw=0.8, ls=":", zorder=0)
    axis.axhline(0.0, color="0.6", lw=0.8, ls=":", zorder=0)
    for i, name in enumerate(data["levels"].values):
        row = data["scale"].sel(levels=name)
        axis.plot(
            data["step"] + 1,
            row,
            "osD"[i % 3],
            ls="-",
            lw=0.9,
            ms=3.2,
            color=shades(data.sizes["levels"])[i],
            label=name,
        )
    end = float(data["step"][-1]) + 1.0
    axis.text(end, 1.0, "unguided ", ha="right", va="bottom", fontsize=6.5, color="0.35")
    axis.text(0.6, 0.0, " unconditional", ha="left", va="bottom", fontsize=6.5, color="0.35")
    axis.set(xlabel="step", ylabel="guidance scale 1 + w")
    axis.legend(loc="center left", handlelength=1.5)


def _kept(axis, data: xarray.Dataset) -> None:
    axis.axhline(1.0, color="0.6", lw=0.8, ls=":", zorder=0)
    for i, name in enumerate(data["sampler"].values):
        for guidance, style in (("schedule", "-"), ("unguided", "--")):
            if guidance == "unguided" and str(name).endswith("mean"):
                continue  # without guidance both rules are one
            curve = data["v_ratio"].sel(sampler=name, guidance=guidance)
            axis.plot(
                data["n"],
                curve,
                style,
                color=shades(data.sizes["sampler"])[i],
                label=str(name) if style == "-" else None,
            )
    axis.plot([], [], "--", color="0.5", label="unguided")
    axis.set(xscale="log", xlabel="number of steps", ylabel="v(0), share of theory")
    ticks = [n for n in (10, 20, 40, 80, 160) if data["n"].min() <= n <= data["n"].max()]
    axis.set_xticks(ticks, [str(n) for n in ticks])
    axis.set_xticks([], minor=True)
    axis.legend(loc="lower right")
