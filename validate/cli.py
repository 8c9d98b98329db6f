"""The command line: `cfgfield init | solve | simulate | data | sampler | design | export | cells | validate | figures`
and `cfgfield explore`.

How a command ends, with which exit code, is in `validate.commands.endings`.
"""

import math
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import meanfield
from meanfield.errors import short
from meanfield.tools.files import check_output
from validate.commands.cells import cells
from validate.commands.endings import CODES, DISAGREE, FAILURE, guarded
from validate.commands.explore import explore
from validate.commands.options import (
    Config,
    Force,
    Json,
    Output,
    Plugins,
    check_outputs,
    deliver,
    print_json,
    takes_a_problem,
    to_json,
    write,
)
from validate.commands.own_data.data import data
from validate.commands.problem_file import file_of, read_groups, state
from validate.commands.sampler import sampler
from validate.commands.schedules import design, export
from validate.errors import ComparisonError, ConfigError
from validate.plugins import load

app = typer.Typer(
    help="Classifier-free guidance in Gaussian mixtures: mean-field theory, particles, and whether they agree.",
    epilog=CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("cfgfield"))
        raise typer.Exit


@app.callback()
def every(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


@app.command()
@guarded
def init(
    file: Annotated[Path | None, typer.Argument(metavar="[PROBLEM.toml]", help="The new file.")] = None,
    schema: Annotated[
        Path | None, typer.Option(help="Write a JSON schema for editors to this file, beside PROBLEM.toml or alone.")
    ] = None,
    force: Force = False,
    plugin: Plugins = None,
) -> None:
    """Write a problem file: every field, with its default and its alternatives (docs/problem-files.md).

    Example:  cfgfield init problem.toml
    """
    from validate.problem_files.schema import json_schema
    from validate.problem_files.template import template

    if file is None and schema is None:
        raise ConfigError("init needs the name of the new file; got none. Give problem.toml.")
    if file is not None and file.suffix != ".toml":
        raise ConfigError(f"the name of a problem file ends in .toml; got {short(str(file))}. Rename it.")
    load(plugin or ())
    if file is not None:
        check_output(file, overwrite=force, name="the new file", error=ConfigError)
    check_outputs(force, schema=schema)
    named = ""
    if schema is not None:
        write(to_json(json_schema()), schema, force)
        named = schema.name
    if file is not None:
        beside = schema is not None and schema.resolve().parent == file.resolve().parent
        write(template(named if beside else ""), file, force)


@app.command()
@guarded
@takes_a_problem()
def solve(
    flags: Mapping[str, Any],
    d: Annotated[float, typer.Option(help="Dimension; a finite d replaces alpha by log(P)/d.")] = math.inf,
    as_json: Json = False,
    output: Output = None,
    force: Force = False,
) -> None:
    """Solve the mean-field theory.

    Example:  cfgfield solve --alpha 0.4 --w 1 --sampler sde
    """
    check_outputs(force, output=output)
    problem, _ = state(flags)
    theory = meanfield.fade(problem, d).trajectory if problem.guidance.by_ratio else meanfield.solve(problem, d)
    if as_json:
        f = theory.final
        numbers = {name: getattr(f, name) for name in ("m", "v", "q", "F")}
        numbers |= {"t_speciation": theory.t_speciation, "phase": str(f.phase)}
        numbers |= {"m_2": f.m_2} if problem.guidance.second else {}  # type: ignore[attr-defined]
        events = [e._asdict() for e in theory.events]
        print_json({"problem": problem.to_dict(), "d": d, **numbers, "standing": theory.standing, "events": events})
    else:
        typer.echo(repr(theory))
    deliver(theory, output, force)


@app.command()
@guarded
@takes_a_problem()
def simulate(
    flags: Mapping[str, Any],
    d: Annotated[int | None, typer.Option(help="Dimension.")] = None,
    n_samples: Annotated[int | None, typer.Option(help="Samples a draw (default 500).")] = None,
    n_disorder: Annotated[int | None, typer.Option(help="Independent draws of the class means (default 8).")] = None,
    n_steps: Annotated[int | None, typer.Option(help="Time steps (default 100).")] = None,
    tol: Annotated[float | None, typer.Option(help="Instead of --n-steps: largest time-step error of m and v.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed (default 0).")] = None,
    classes: Annotated[str | None, typer.Option(help="explicit, streamed, lazy or span (default: auto).")] = None,
    as_json: Json = False,
    output: Output = None,
    force: Force = False,
) -> None:
    """Run particles with exact scores, and compare them with the theory.

    Example:  cfgfield simulate --alpha 0.4 --w 1 --sampler sde --d 12 --n-samples 200
    """
    from simulate import run  # brings numba
    from validate.problem_files.tables import RUN_DEFAULTS

    run_flags = {"d": d, "n_samples": n_samples, "n_disorder": n_disorder, "n_steps": n_steps, "seed": seed,
                 "classes": classes, "tol": tol}  # fmt: skip
    problem, options = state(flags, run_flags)
    if "d" not in options:
        raise ConfigError("particles need a dimension; got none. Give --d 12, or d = 12 under [run] in the file.")
    check_outputs(force, output=output)
    data = run(problem, **{**RUN_DEFAULTS, **options})
    final = {
        name: {"mean": o.mean.tolist(), "stderr": o.stderr.tolist()}  # numbers, or lists by group
        for name, o in ((n, getattr(data.final, n)) for n in data.draws)
    }
    if as_json:
        print_json({"problem": problem.to_dict(), "d": data.d, "final": final, "info": dict(data.info)})
    else:
        typer.echo(repr(data))
        if data.n_draws > 1:
            typer.echo(_verdict(data))
    deliver(data, output, force)


def _verdict(data) -> str:
    """Theory against particles, or why the problem has no theory: its particles are a result of their own."""
    from validate.agreement.comparison import compare  # brings SciPy, as does the solver
    from validate.sweeps.grid_cell import theory_of

    try:
        theory = theory_of(data.problem, data.d)
    except (meanfield.ProblemError, meanfield.ScheduleError) as cause:
        return f"no theory beside: {cause}"
    try:
        return str(compare(theory, data))
    except ComparisonError as cause:
        return f"no verdict: {cause}"


@app.command()
@guarded
def validate(
    file: Annotated[
        Path | None, typer.Argument(metavar="[PROBLEM.toml]", help="Cells of your own, its [[group]] tables.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="quick (default, minutes), standard (one to two hours) or full (half a day).")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
    seed: Annotated[int, typer.Option(help="Seed of all cells.")] = 0,
    level: Annotated[float, typer.Option(help="Probability of any false alarm in the table.")] = 0.01,
    only: Annotated[str, typer.Option(help="Only the groups whose name contains this text.")] = "",
    scheduler: Annotated[
        str | None, typer.Option(help="Compute on this Dask cluster: tcp://host:8786 (docs/sweeps.md).")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of this machine; on a cluster, of each cell.")] = None,
    config: Config = None,
    plugin: Plugins = None,
) -> None:
    """Compare theory and particles over the atlas of regimes, or over your own; write data, figure and report.

    Example:  cfgfield validate --profile quick --out results
    """
    from validate.regimes.report import judge_and_report

    load(plugin or ())
    own = file_of(file, config)
    options: dict[str, Any] = {"only": only, "scheduler": scheduler, "threads": threads}
    if own is not None and profile is not None:
        raise ConfigError(
            f"the cells are those of a profile, or of a file; got {short(profile)} and {short(str(own))}."
        )
    options["own"] = None if own is None else read_groups(own)
    if not judge_and_report("quick" if profile is None else profile, out, seed=seed, level=level, **options):
        raise typer.Exit(DISAGREE)


@app.command()
@guarded
def figures(
    only: Annotated[list[str] | None, typer.Option(help="Only this figure; may be given several times.")] = None,
    profile: Annotated[str, typer.Option(help="quick (minutes in all), standard or full.")] = "quick",
    out: Annotated[Path, typer.Option(help="Folder of figures and data.")] = Path("figures"),
    width: Annotated[str, typer.Option(help="page (7 inches), or column (3.4 inches).")] = "page",
    force: Annotated[bool, typer.Option("--force", help="Compute again, over data of other parameters too.")] = False,
    plugin: Plugins = None,
) -> None:
    """Make the figures of the paper: PDF, PNG, data and where they come from.

    Example:  cfgfield figures --only plane --only phases --out figures
    """
    from validate.gallery import make_figures

    load(plugin or ())
    made = make_figures(only or (), profile, out, force=force, width=width)
    typer.echo(f"{len(made)} figures in {out}/; all captions in {out}/README.md")


app.command()(cells)
app.command()(data)
app.command()(sampler)
app.command()(export)
app.command()(design)
app.command()(explore)


def main() -> None:
    """Entry point of the console command."""
    try:
        guarded(app)(prog_name="cfgfield")  # help and usage are printed too
    except Exception:
        traceback.print_exc()
        sys.exit(FAILURE)


if __name__ == "__main__":
    main()
