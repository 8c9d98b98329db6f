"""The command `cfgfield sampler`: the law of the sampler one really runs, and its particles."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from meanfield import Problem
from validate.commands.endings import guarded
from validate.commands.exporting import read_numbers
from validate.commands.options import (
    Force,
    Json,
    Output,
    check_outputs,
    deliver,
    print_json,
    takes_a_problem,
    write,
)
from validate.commands.problem_file import state
from validate.commands.sampler_choice import Choice, chosen
from validate.errors import ConfigError
from validate.results.pictures import check_picture, painted

ROWS = 26  # of the table over calls
LATENT = 4 * 64 * 64  # dimensions of a latent of Stable Diffusion


@guarded
@takes_a_problem("sampler", "t_start")
def sampler(
    flags: Mapping[str, Any],
    name: Annotated[
        str | None,
        typer.Option(
            "--sampler", help="euler, heun, dpmpp-2m, unipc, euler-ancestral, dpmpp-2m-sde, or module:function."
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Class of diffusers, such as DPMSolverMultistepScheduler.")
    ] = None,
    guider: Annotated[
        str | None, typer.Option(help="Class of diffusers.guiders, such as AdaptiveProjectedGuidance; with --scale.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Number of steps.")] = None,
    levels: Annotated[
        str | None, typer.Option(help="leading (default), trailing, linspace: of Stable Diffusion's levels; or karras.")
    ] = None,
    scale: Annotated[float | None, typer.Option(help="Guidance scale 1 + w, instead of --w.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="scheduler.NAME=VALUE or guider.NAME=VALUE; may be repeated."),
    ] = None,
    shape: Annotated[str | None, typer.Option(help='Of one sample, "4,64,64", for code that looks at entries.')] = None,
    d: Annotated[float, typer.Option(help="Dimension; finite: the theory of --theory.")] = math.inf,
    theory: Annotated[
        str | None, typer.Option(help="mean-field, reduced or quenched (default: mean-field; reduced at finite d).")
    ] = None,
    particles: Annotated[
        tuple[int, int, int] | None,
        typer.Option(metavar="D SAMPLES DRAWS", help="Run particles through the same code, and compare."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of particles and of theories at finite d.")] = 0,
    as_json: Json = False,
    output: Output = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the law to this .png, .pdf or .svg.")] = None,
    force: Force = False,
) -> None:
    """Solve the sampler one really runs: its law at every call of the model (docs/sampler.md).

    Example:  cfgfield sampler --continuum --sampler dpmpp-2m --steps 20 --levels karras --scale 2 --picture law.png
    """
    from meanfield.vector.law import SamplerLaw
    from meanfield.vector.solver import solve_sampler

    check_picture(picture)
    check_outputs(force, output=output, picture=picture)
    problem = _problem(flags, scale, guider)
    run = chosen(Choice(name, scheduler, guider, steps, levels, scale, settings or ()))
    real = None if shape is None else tuple(int(n) for n in read_numbers(shape))
    found: Any = solve_sampler(problem, run, d=d, theory=theory, shape=real, seed=seed)
    is_law = isinstance(found, SamplerLaw)
    if picture is not None and not is_law:
        raise ConfigError("--picture draws the mean-field law; got a theory at finite d. Leave --d or --picture out.")
    reach = math.prod(real) if real else particles[0] if particles else LATENT
    if as_json:
        print_json({"problem": problem.to_dict(), **(numbers(found) if is_law else ends(found))})
    else:
        typer.echo(f"{found!r}\n{table(found, reach, own_guidance=guider is not None)}" if is_law else repr(found))
    if particles is not None:
        typer.echo(_compared(problem, run, particles, real, theory, seed), err=as_json)
    deliver(found, output, force)
    if picture is not None:
        from validate.figures.samplers.portrait import draw_sampler, sampler_portrait

        write(painted(draw_sampler(sampler_portrait(found, reach))[0], picture.suffix), picture, force)


def _problem(flags: Mapping[str, Any], scale: float | None, guider: str | None) -> Problem:
    """The problem, with the guidance of --scale; a guider has its own."""
    if flags["w"] is not None and (scale is not None or guider is not None):
        raise ConfigError("guidance must be stated once: by --w, or --scale = 1 + w; a guider has its own --scale.")
    if scale is not None and guider is None:
        return state({**flags, "w": scale - 1.0})[0]
    return state(flags)[0]


def table(law: Any, d: int, *, own_guidance: bool = False) -> str:
    """The law call by call: level, weight, mean, variance over its undistorted value, phase, distance from F = 0 at d.

    A sampler with guidance of its own has no weight of the problem's.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> from meanfield.sampler.native import euler
    >>> from meanfield.vector.solver import solve_sampler
    >>> print(table(solve_sampler(Problem(classes=Continuum(), sigma2=0.25, guidance=1.0), euler([9.0, 1.0, 0.0])), 64))
      call      sigma        w          m  v/(sigma2+t)   phase  |F|/spread at d = 64
         1          9        1     0.0000        0.9969   crowd                   inf
         2          1        1     1.7723        0.6884   crowd                   inf
       end          0              1.3243        0.0833   crowd                   inf
    """
    heads = f"{'call':>6}{'sigma':>11}{'w':>9}{'m':>11}{'v/(sigma2+t)':>14}{'phase':>8}  |F|/spread at d = {d}"
    ratio, distance, last = law.v / (law.problem.sigma2 + law.t), law.distance(d), law.n_calls
    rows = []
    for i in _shown(last):
        call, w = ("end", "") if i == last else (str(i + 1), "-" if own_guidance else f"{law.w[i]:.4g}")
        numbers_ = f"{call:>6}{law.t[i] ** 0.5:>11.4g}{w:>9}{law.m[i]:>11.4f}{ratio[i]:>14.4f}"
        rows.append(f"{numbers_}{law.phase[i]:>8}{distance[i]:>{len(heads) - 59}.3g}")
    return "\n".join([heads, *rows])


def _shown(last: int) -> list[int]:
    """Rows of a table of last + 1: all, or evenly chosen ones with both ends."""
    return sorted({round(i) for i in np.linspace(0, last, min(last + 1, ROWS))})


def numbers(law: Any) -> dict[str, Any]:
    """A law as plain data for JSON."""
    names: tuple[str, ...] = ("t", "m", "v", "F", "w", "phase")
    m_alone, v_alone = (float(x[-1]) for x in law.unguided)
    end = {"m": float(law.final.m), "v": float(law.final.v), "m_alone": m_alone, "v_alone": v_alone}
    if law.problem.guidance.second:
        names, end["m_2"] = (*names, "m_2"), float(law.final.m_2)
    about = {"sampler": law.sampler, "standing": law.standing, "why": law.why, "d_trusted": law.d_trusted}
    return {**about, "final": end, "calls": {name: getattr(law, name).tolist() for name in names}}


def ends(data: Any) -> dict[str, Any]:
    """The end of an ensemble as plain data for JSON."""
    found = {name: getattr(data.final, name) for name in ("m", "v", *(["m_2"] if "m_2" in data.draws else []))}
    final = {name: {"mean": o.mean, "stderr": o.stderr} for name, o in found.items()}
    return {"sampler": data.info["sampler"], "d": data.d, "final": final, "info": dict(data.info)}


def _compared(problem: Problem, run: Any, size: tuple[int, int, int], shape: Any, theory: str | None, seed: int) -> str:
    """Particles through the same code, held against a theory at their own d."""
    from meanfield.vector.solver import solve_sampler
    from simulate.sampled.runner import run_sampler  # brings numba
    from validate.agreement.comparison import compare

    d, n_samples, n_disorder = size
    if shape is not None and math.prod(shape) != d:
        raise ConfigError(f"--particles and --shape must have one dimension; got {d} and {math.prod(shape)}.")
    where: dict[str, Any] = {"d": d} if shape is None else {"shape": shape}
    data = run_sampler(problem, run, **where, n_samples=n_samples, n_disorder=n_disorder, seed=seed)
    if data.n_draws < 2:
        return repr(data)
    averaged = problem.classes.log_count(d) in (0.0, math.inf)  # then averaged classes are no approximation
    kind = theory if theory in ("reduced", "quenched") else "reduced" if averaged else "quenched"
    size_of_theory: dict[str, Any] = {} if kind == "reduced" else {"n_samples": max(2 * n_samples * n_disorder, 1000)}
    at_d: Any = solve_sampler(problem, run, d=d, theory=kind, shape=shape, seed=seed + 1, **size_of_theory)
    return f"{data!r}\n{compare(at_d, data)}"
