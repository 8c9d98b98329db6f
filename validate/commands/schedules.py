"""The commands about schedules: `cfgfield export` and `cfgfield design`."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import meanfield
from meanfield.tools.seals import sealed_json
from validate.commands.endings import guarded
from validate.commands.exporting import FORMATS, scales_of
from validate.commands.options import (
    Force,
    Json,
    Plugins,
    check_outputs,
    plain,
    print_json,
    takes_a_problem,
    to_json,
    write,
)
from validate.commands.problem_file import state
from validate.errors import ConfigError
from validate.plugins import load
from validate.results.pictures import check_picture, painted


@guarded
def export(
    schedule: Annotated[Path, typer.Argument(help="JSON of a schedule, a design or a problem; or a TOML problem.")],
    levels: Annotated[str, typer.Option(help='Noise levels, first step first: "14.6,7.1,...", or a file of them.')],
    kind: Annotated[
        str, typer.Option(help='"sigmas" (VE form), "flow_sigmas", or a noise process for levels in its own time.')
    ] = "sigmas",
    shift: Annotated[float, typer.Option(help="Shift of flow_sigmas that are not yet shifted.")] = 1.0,
    data_scale: Annotated[float, typer.Option(help="Standard deviation of class means in the sampler's units.")] = 1.0,
    rule: Annotated[str, typer.Option(help='"start", or "mean" over the step (first-order samplers).')] = "start",
    t_max: Annotated[float | None, typer.Option(help="Read levels above this VE time there (default: start).")] = None,
    form: Annotated[str, typer.Option("--format", help='"csv", "json" or "sdcpp" (stable-diffusion.cpp).')] = "csv",
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")] = None,
    force: Force = False,
    plugin: Plugins = None,
) -> None:
    """Print the guidance scale 1 + w of every step of a sampler (docs/real-samplers.md).

    Example:  cfgfield export design.json --levels 14.6,7.1,3.3,1.4,0.5,0.1 --data-scale 0.9 --format sdcpp
    """
    if form not in FORMATS:
        raise ConfigError(f"--format must be one of {', '.join(FORMATS)}; got {form!r}.")
    check_outputs(force, output=output)
    load(plugin or ())
    text = FORMATS[form](scales_of(schedule, levels, kind, t_max, shift=shift, data_scale=data_scale, rule=rule))
    if output is None:
        typer.echo(text)
    else:
        write(text, output, force)


@guarded
@takes_a_problem("w", "rule")
def design(
    flags: Mapping[str, Any],
    w_min: Annotated[float, typer.Option(help="Lower bound on w, below 0.")] = -1.0,
    w_max: Annotated[float, typer.Option(help="Upper bound on w.")] = 5.0,
    keep: Annotated[float, typer.Option(help="Share of v(0)/sigma2 to keep at least; 1 keeps all.")] = 1.0,
    maximise: Annotated[str, typer.Option(help='"mean" or "separation".')] = "mean",
    mean: Annotated[float | None, typer.Option(help="Reach this m(0) with the least w_max instead.")] = None,
    slope: Annotated[float, typer.Option(help="Bound on |dw/dlog D|: ramps instead of jumps.")] = math.inf,
    approximate: Annotated[bool, typer.Option("--approximate", help="Allow w < 0 in the glass (capture).")] = False,
    d: Annotated[float, typer.Option(help="Dimension; a finite d replaces alpha by log(P)/d.")] = math.inf,
    as_json: Json = False,
    schedule: Annotated[Path | None, typer.Option(help="Write the schedule and its predictions to this JSON.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the design to this .png, .pdf or .svg.")] = None,
    force: Force = False,
) -> None:
    """Design a guidance schedule that keeps the variance, next to constant guidance.

    Example:  cfgfield design --continuum --sampler ode --t-start 1000 --schedule design.json --picture design.png
    """
    from validate.figures.design.portrait import draw_portrait, portrait

    check_picture(picture)
    check_outputs(force, schedule=schedule, picture=picture)
    problem, _ = state({**flags, "w": 0.0})
    made = meanfield.design(
        problem, w_min=w_min, w_max=w_max, keep=keep, maximise=maximise, mean=mean, slope=slope,
        approximate=approximate, d=d,
    )  # fmt: skip
    if as_json:
        print_json(made.to_dict())
    else:
        typer.echo(str(made))
    if schedule is not None:
        write(to_json(sealed_json(plain(made.to_dict()))), schedule, force)
    if picture is not None:
        write(painted(draw_portrait(portrait(made))[0], picture.suffix), picture, force)
