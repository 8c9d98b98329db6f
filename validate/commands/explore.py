"""The command `cfgfield explore`: the page with sliders of `validate/explorer`, in the browser."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from validate.commands.endings import guarded

PAGE = Path(__file__).parents[1] / "explorer" / "explorer.html"


@guarded
def explore(
    show: Annotated[bool, typer.Option("--print", help="Print where the page is, and open nothing.")] = False,
) -> None:
    """Open a page with sliders: what guidance does, solved as you move them (docs/explorer.md).

    It is a file of the installed package, and needs no network. Where there is no browser its place is printed.

    Example:  cfgfield explore
    """
    if show or not webbrowser.open(PAGE.as_uri()):
        typer.echo(PAGE)
