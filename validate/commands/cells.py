"""The command that lists the cells of a folder: `cfgfield cells`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from validate.commands.endings import guarded
from validate.commands.options import Json, print_json

if TYPE_CHECKING:
    from validate.sweeps.listing import Listed


@guarded
def cells(
    folder: Annotated[Path, typer.Argument(help="Folder of a sweep, or of cfgfield validate.")],
    as_json: Json = False,
) -> None:
    """List the cells that a folder keeps: done, failed with reasons, cost, draws.

    Example:  cfgfield cells sweep-folder
    """
    from validate.sweeps.listing import listed

    found = listed(folder)
    if as_json:
        print_json({"cells": [cell._asdict() for cell in found]})
        return
    for cell in found:
        cost = f"{cell.seconds:9.2f} s" if cell.seconds == cell.seconds else f"{'':9s}  "
        draws = f"  {cell.draws:5d} draws" if cell.draws is not None else ""
        typer.echo(f"{cell.state:8s}{cost}{draws}  {cell.label or cell.key}")
        if cell.reason:
            typer.echo(f"{'':21s}{cell.reason}")
    typer.echo(_summary(found))


def _summary(found: "list[Listed]") -> str:
    from validate.sweeps.progress_table import duration

    counts = {state: sum(cell.state == state for cell in found) for state in ("done", "failed", "part", "damaged")}
    spent = sum(cell.seconds for cell in found if cell.seconds == cell.seconds)
    parts = [f"{n} {state}" for state, n in counts.items() if n or state == "done"]
    again = " The same call of the sweep tries failed ones again." if counts["failed"] else ""
    return f"{', '.join(parts)}; {duration(spent)} of work.{again}"
