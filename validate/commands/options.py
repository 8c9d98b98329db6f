"""What the commands share: options, checks of the output, JSON."""

import functools
import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield.tools.files import check_output
from validate.errors import ConfigError
from validate.results.files import write_bytes, write_dataset

Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin", metavar="FILE_OR_MODULE", help="Code of one's own: schedules, noise, figures (docs/extend.md)."
    ),
]
ProblemArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[PROBLEM.toml]", help="File that states the problem (cfgfield init); flags override it."),
]
Config = Annotated[Path | None, typer.Option(help="The same file, given as an option.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Output = Annotated[Path | None, typer.Option(help="Write the whole result to this netCDF file.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def _problem(
    file: ProblemArgument = None,
    alpha: Annotated[float | None, typer.Option(help="exp(alpha d) classes.")] = None,
    gamma: Annotated[float | None, typer.Option(help="d^gamma classes.")] = None,
    n: Annotated[int | None, typer.Option(help="This number of classes at every d.")] = None,
    continuum: Annotated[bool, typer.Option("--continuum", help="Infinitely many classes.")] = False,
    prior: Annotated[
        float | None, typer.Option(help="With --alpha: the target has exp(prior d) times the weight of another class.")
    ] = None,
    factor: Annotated[
        float | None, typer.Option(help="With --gamma or --n: the target has this times the weight of another class.")
    ] = None,
    sigma2: Annotated[float | None, typer.Option(help="Class variance (default 0.25).")] = None,
    w: Annotated[float | None, typer.Option(help="Constant guidance w; 0 is unguided (default 0).")] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,KEY=VALUE,...", help="Rule of guidance of amplitude --w: rescale,phi=0.5 (docs/rules.md)."
        ),
    ] = None,
    sampler: Annotated[str | None, typer.Option(help='"sde" (default), "ode", or the stochasticity eta.')] = None,
    t_start: Annotated[
        float | None, typer.Option(help="Start time, in the own time of the noise (default infinity).")
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help='Noise process: "ve" (default), "edm", "vp-linear", ... (docs/noise.md).')
    ] = None,
    config: Config = None,
    plugin: Plugins = None,
) -> None:
    """The options that state a problem. Only the signature is used: `takes_a_problem` hands it on."""


def takes(slot: str, options: Callable, *without: str) -> Callable[[Callable], Callable]:
    """A command whose parameter `slot` is a mapping of the options of another signature, but for those in `without`.

    Typer reads options from signatures. The command's own has `slot`; the one that Typer sees has the options there.

    Examples
    --------
    >>> def shared(w: float = 1.0, rule: str = ""): ...
    >>> @takes("given", shared, "rule")
    ... def weight(given, twice: bool = False):
    ...     return 2 * given["w"] if twice else given["w"]
    >>> str(inspect.signature(weight)), weight(w=3.0, twice=True)
    ('(w: float = 1.0, twice: bool = False)', 6.0)
    """
    stated = [p for name, p in inspect.signature(options).parameters.items() if name not in without]

    def decorate(command: Callable) -> Callable:
        placed: list[inspect.Parameter] = []
        for name, own in inspect.signature(command).parameters.items():
            placed += [p.replace(kind=own.kind) for p in stated] if name == slot else [own]

        @functools.wraps(command)
        def run(**given):
            return command(**{slot: {p.name: given.pop(p.name) for p in stated}}, **given)

        run.__signature__ = inspect.Signature(placed)  # type: ignore[attr-defined]
        return run

    return decorate


def takes_a_problem(*without: str) -> Callable[[Callable], Callable]:
    """A command whose parameter `flags` is a mapping of the options of `_problem`, but for those in `without`.

    Examples
    --------
    >>> @takes_a_problem("noise", "plugin")
    ... def weight(flags, twice: bool = False):
    ...     return 2 * flags["w"] if twice else flags["w"]
    >>> " ".join(inspect.signature(weight).parameters)
    'file alpha gamma n continuum prior factor sigma2 w rule sampler t_start config twice'
    """
    return takes("flags", _problem, *without)


def check_outputs(force: bool, **outputs: Path | None) -> None:
    """Refuse files that cannot be written, by the names of their options, before anything is computed for them."""
    for name, path in outputs.items():
        if path is not None:
            check_output(path, overwrite=force, name=f"--{name}", error=ConfigError)


def deliver(result: Any, output: Path | None, force: bool) -> None:
    """Write a whole result, if there is a file for it."""
    if output is not None:
        write_dataset(result.to_dataset(), output, overwrite=force)
        typer.echo(f"wrote {output}", err=True)


def write(content: str | bytes, output: Path, force: bool) -> None:
    """Write a text or a picture, and say so beside what is printed."""
    write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode(), output, overwrite=force)
    typer.echo(f"wrote {output}", err=True)


def print_json(data: dict[str, Any]) -> None:
    typer.echo(to_json(data))


def to_json(data: dict[str, Any]) -> str:
    return json.dumps(plain(data), indent=1, allow_nan=False)


def plain(value: Any) -> Any:
    """Plain data for strict JSON: nan becomes null, infinities words."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value
