"""The command line: `cfgfield solve | simulate | design | export | validate`.

Exit codes: 0 done (and, for validate, everything agrees), 1 theory and particles disagree, 2 bad input, 130 interrupt.
"""

import functools
import json
import math
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield.errors import CfgfieldError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Classifier-free guidance in Gaussian mixtures: mean-field theory, particles, and whether they agree.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Config = Annotated[Path | None, typer.Option(help="TOML file that states the problem; flags override it.")]
Alpha = Annotated[float | None, typer.Option(help="exp(alpha d) classes.")]
Gamma = Annotated[float | None, typer.Option(help="d^gamma classes.")]
Count = Annotated[int | None, typer.Option(help="This number of classes at every d.")]
Endless = Annotated[bool, typer.Option("--continuum", help="Infinitely many classes.")]
Sigma2 = Annotated[float | None, typer.Option(help="Class variance (default 0.25).")]
Weight = Annotated[float | None, typer.Option(help="Constant guidance w; 0 is unguided (default 0).")]
Sampler = Annotated[str | None, typer.Option(help='"sde" (default), "ode", or the stochasticity eta.')]
TStart = Annotated[float | None, typer.Option(help="Start time, in the own time of the noise (default infinity).")]
Process = Annotated[
    str | None, typer.Option(help='Noise process: "ve" (default), "edm", "vp-linear", ... (docs/noise.md).')
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Output = Annotated[Path | None, typer.Option(help="Write the whole result to this netCDF file.")]


def guarded(command):
    """Turn errors on purpose into one clean message and exit code 2, an interrupt into exit code 130."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except CfgfieldError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("interrupted; finished cells are kept, and the same command goes on from there.", err=True)
            raise typer.Exit(130) from None

    return run


@app.command()
@guarded
def solve(
    alpha: Alpha = None,
    gamma: Gamma = None,
    n: Count = None,
    continuum: Endless = False,
    sigma2: Sigma2 = None,
    w: Weight = None,
    sampler: Sampler = None,
    t_start: TStart = None,
    noise: Process = None,
    config: Config = None,
    d: Annotated[float, typer.Option(help="Dimension; a finite d replaces alpha by log(P)/d.")] = math.inf,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Solve the mean-field theory.

    Example:  cfgfield solve --alpha 0.4 --w 1 --sampler sde
    """
    from meanfield import solve as solve_theory
    from validate.config import state

    flags = {"alpha": alpha, "gamma": gamma, "n": n, "continuum": continuum, "sigma2": sigma2, "w": w}
    problem, _ = state(config, {**flags, "sampler": sampler, "t_start": t_start, "noise": noise}, {})
    theory = solve_theory(problem, d)
    _deliver(theory, output)
    if as_json:
        f = theory.final
        numbers = {"m": f.m, "v": f.v, "q": f.q, "F": f.F, "t_speciation": theory.t_speciation, "phase": str(f.phase)}
        events = [e._asdict() for e in theory.events]
        _print_json({"problem": problem.to_dict(), "d": d, **numbers, "standing": theory.standing, "events": events})
    else:
        typer.echo(repr(theory))


@app.command()
@guarded
def simulate(
    alpha: Alpha = None,
    gamma: Gamma = None,
    n: Count = None,
    continuum: Endless = False,
    sigma2: Sigma2 = None,
    w: Weight = None,
    sampler: Sampler = None,
    t_start: TStart = None,
    noise: Process = None,
    config: Config = None,
    d: Annotated[int | None, typer.Option(help="Dimension.")] = None,
    n_samples: Annotated[int | None, typer.Option(help="Samples a draw (default 500).")] = None,
    n_disorder: Annotated[int | None, typer.Option(help="Independent draws of the class means (default 8).")] = None,
    n_steps: Annotated[int | None, typer.Option(help="Time steps (default 100).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed (default 0).")] = None,
    classes: Annotated[str | None, typer.Option(help="explicit, streamed, lazy or span (default: auto).")] = None,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Run particles with exact scores, and compare them with the theory.

    Example:  cfgfield simulate --alpha 0.4 --w 1 --sampler sde --d 12 --n-samples 200
    """
    from simulate import run
    from validate.comparison import compare
    from validate.config import state
    from validate.errors import ConfigError
    from validate.sweeps import theory_of

    flags = {"alpha": alpha, "gamma": gamma, "n": n, "continuum": continuum, "sigma2": sigma2, "w": w}
    run_flags = {"d": d, "n_samples": n_samples, "n_disorder": n_disorder, "n_steps": n_steps, "seed": seed,
                 "classes": classes}  # fmt: skip
    problem, options = state(config, {**flags, "sampler": sampler, "t_start": t_start, "noise": noise}, run_flags)
    if "d" not in options:
        raise ConfigError("particles need a dimension; got none. Give --d 12, or d = 12 under [run] in the file.")
    _check_folder(output)
    data = run(problem, **{"n_samples": 500, "n_disorder": 8, **options})
    _deliver(data, output)
    final = {
        name: {"mean": o.mean.tolist(), "stderr": o.stderr.tolist()}  # numbers, or lists by group
        for name, o in ((n, getattr(data.final, n)) for n in data.draws)
    }
    if as_json:
        _print_json({"problem": problem.to_dict(), "d": data.d, "final": final, "info": dict(data.info)})
        return
    typer.echo(repr(data))
    if data.n_draws > 1:
        typer.echo(str(compare(theory_of(data.problem, data.d), data)))


@app.command()
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
) -> None:
    """Print the guidance scale 1 + w of every step of a sampler (docs/real-samplers.md).

    Example:  cfgfield export design.json --levels 14.6,7.1,3.3,1.4,0.5,0.1 --data-scale 0.9 --format sdcpp
    """
    from validate.errors import ConfigError
    from validate.exporting import FORMATS, scales_of

    if form not in FORMATS:
        raise ConfigError(f"--format must be one of {', '.join(FORMATS)}; got {form!r}.")
    _check_folder(output)
    text = FORMATS[form](scales_of(schedule, levels, kind, t_max, shift=shift, data_scale=data_scale, rule=rule))
    if output is None:
        typer.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
        typer.echo(f"wrote {output}", err=True)


@app.command()
@guarded
def design(
    alpha: Alpha = None,
    gamma: Gamma = None,
    n: Count = None,
    continuum: Endless = False,
    sigma2: Sigma2 = None,
    sampler: Sampler = None,
    t_start: TStart = None,
    noise: Process = None,
    config: Config = None,
    w_min: Annotated[float, typer.Option(help="Lower bound on w, below 0.")] = -1.0,
    w_max: Annotated[float, typer.Option(help="Upper bound on w.")] = 5.0,
    keep: Annotated[float, typer.Option(help="Ratio v(0)/sigma2 to keep.")] = 1.0,
    maximise: Annotated[str, typer.Option(help='"mean" or "separation".')] = "mean",
    mean: Annotated[float | None, typer.Option(help="Reach this m(0) with the least w_max instead.")] = None,
    slope: Annotated[float, typer.Option(help="Bound on |dw/dlog D|: ramps instead of jumps.")] = math.inf,
    approximate: Annotated[bool, typer.Option("--approximate", help="Allow w < 0 in the glass (capture).")] = False,
    d: Annotated[float, typer.Option(help="Dimension; a finite d replaces alpha by log(P)/d.")] = math.inf,
    as_json: Json = False,
    schedule: Annotated[Path | None, typer.Option(help="Write the schedule and its predictions to this JSON.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the design to this .png, .pdf or .svg.")] = None,
) -> None:
    """Design a guidance schedule that keeps the variance, next to constant guidance.

    Example:  cfgfield design --continuum --sampler ode --t-start 1000 --schedule design.json --picture design.png
    """
    from meanfield import design as make
    from validate.config import state
    from validate.designs import check_picture, portrait, write_picture

    for path in (schedule, picture):
        _check_folder(path)
    check_picture(picture)
    flags = {"alpha": alpha, "gamma": gamma, "n": n, "continuum": continuum, "sigma2": sigma2, "w": 0.0}
    problem, _ = state(config, {**flags, "sampler": sampler, "t_start": t_start, "noise": noise}, {})
    made = make(
        problem, w_min=w_min, w_max=w_max, keep=keep, maximise=maximise, mean=mean, slope=slope,
        approximate=approximate, d=d,
    )  # fmt: skip
    if schedule is not None:
        schedule.write_text(json.dumps(_plain(made.to_dict()), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        typer.echo(f"wrote {schedule}", err=True)
    if picture is not None:
        write_picture(portrait(made), picture)
        typer.echo(f"wrote {picture}", err=True)
    if as_json:
        _print_json(made.to_dict())
    else:
        typer.echo(str(made))


@app.command()
@guarded
def validate(
    profile: Annotated[
        str, typer.Option(help="quick (minutes), standard (one to two hours) or full (half a day).")
    ] = "quick",
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
    seed: Annotated[int, typer.Option(help="Seed of all cells.")] = 0,
    level: Annotated[float, typer.Option(help="Probability of any false alarm in the table.")] = 0.01,
    only: Annotated[str, typer.Option(help="Only the groups whose name contains this text.")] = "",
    scheduler: Annotated[
        str | None, typer.Option(help="Compute on this Dask cluster: tcp://host:8786 (docs/sweeps.md).")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of this machine; on a cluster, of each cell.")] = None,
) -> None:
    """Compare theory and particles over the atlas of regimes; write data, figure and report.

    Example:  cfgfield validate --profile quick --out results
    """
    from validate.report import judge_and_report

    if not judge_and_report(profile, out, seed=seed, level=level, only=only, scheduler=scheduler, threads=threads):
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the console command."""
    app(prog_name="cfgfield")


def _check_folder(output: Path | None) -> None:
    """Refuse an output that cannot be written before anything is computed for it."""
    from validate.errors import ConfigError

    if output is not None and not os.access(output.parent, os.W_OK):
        raise ConfigError(f"--output must lie in a folder that can be written; got {output}. Choose another folder.")


def _deliver(result: Any, output: Path | None) -> None:
    if output is not None:
        from validate.files import write_dataset

        write_dataset(result.to_dataset(), output)
        typer.echo(f"wrote {output}", err=True)


def _print_json(data: dict[str, Any]) -> None:
    typer.echo(json.dumps(_plain(data), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    """Plain data for strict JSON: nan becomes null, infinities words."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


if __name__ == "__main__":
    main()
