"""What the commands share: options, clean endings, checks of the output, JSON."""

import functools
import json
import math
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield.errors import CfgfieldError

__all__ = [
    "Alpha",
    "Config",
    "Count",
    "Endless",
    "Gamma",
    "Json",
    "Output",
    "Process",
    "Sampler",
    "Sigma2",
    "TStart",
    "Weight",
    "check_folder",
    "deliver",
    "guarded",
    "plain",
    "print_json",
]

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


def check_folder(output: Path | None) -> None:
    """Refuse an output that cannot be written before anything is computed for it."""
    from validate.errors import ConfigError

    if output is not None and not os.access(output.parent, os.W_OK):
        raise ConfigError(f"--output must lie in a folder that can be written; got {output}. Choose another folder.")


def deliver(result: Any, output: Path | None) -> None:
    if output is not None:
        from validate.results.files import write_dataset

        write_dataset(result.to_dataset(), output)
        typer.echo(f"wrote {output}", err=True)


def print_json(data: dict[str, Any]) -> None:
    typer.echo(json.dumps(plain(data), indent=1, allow_nan=False))


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
