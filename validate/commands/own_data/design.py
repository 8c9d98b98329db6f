"""`cfgfield data --design`: the schedule of a class of a table, tuned by particles, ranked, and ready to export."""

import csv
import io
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield import Schedule
from meanfield.errors import short
from meanfield.tools.seals import sealed_json
from validate.commands.options import plain, to_json
from validate.commands.problem_file import number_or_word, rule_fields
from validate.errors import ConfigError
from validate.results.files import write_bytes
from validate.results.pictures import painted

NAMES = {
    "report": "report.html", "figure": "design.png", "table": "ranking.csv", "schedule": "schedule.json",
    "numbers": "design.nc", "mixture": "mixture.npz",
}  # fmt: skip


def design_options(
    design: Annotated[
        bool, typer.Option("--design", help="Design a schedule for --target, instead of predicting what --w does.")
    ] = False,
    w_max: Annotated[float | None, typer.Option(help="With --design: the early weight (default 6).")] = None,
    w_min: Annotated[
        float | None, typer.Option(help="With --design: the most negative late weight (default -1).")
    ] = None,
    keep: Annotated[
        float | None, typer.Option(help="With --design: trace to keep, over that without guidance (default 1).")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="With --design: of the trace (default 0.01).")] = None,
    shift: Annotated[
        float | None, typer.Option(help="With --design: shift of the mean to reach with the least early weight.")
    ] = None,
    equal: Annotated[
        str | None, typer.Option(help='With --design: what rivals have in common, "shift" (default) or "accuracy".')
    ] = None,
    no_theory: Annotated[
        bool, typer.Option("--no-theory", help="With --design: leave out what the mean field designs; much faster.")
    ] = False,
) -> None:
    """The options of a design. Only the signature is used: `takes` hands them on."""


def require_design(asked: Mapping[str, Any], target: str | None, predicting: Mapping[str, Any]) -> None:
    """Refuse options of a design without `--design`, and those of a prediction with it."""
    given = [name for name, value in asked.items() if name != "design" and value not in (None, False)]
    if not asked["design"]:
        if given:
            raise ConfigError(f"{_flags(given)} go with --design; got no --design. Add it, or leave them out.")
        return
    if target is None:
        raise ConfigError("a design is for one class; got no --target. Give --target LABEL.")
    odd = [name for name, value in predicting.items() if value is not None]
    if odd:
        raise ConfigError(f"{_flags(odd)} go without --design, which makes the weight: give --w-max instead.")


def designed(
    mixture: Any, target: Hashable, asked: Mapping[str, Any], rule: str | None, sampler: str, sizes: Mapping[str, Any]
) -> Any:
    """A `MixtureDesign`; of a rule, its amplitude."""
    eta = number_or_word(sampler)
    if isinstance(eta, str) and eta not in ("ode", "sde"):
        raise ConfigError(
            f'--design takes the sampler "ode", "sde" or a number eta; got {sampler!r}. Design for "ode": its schedule '
            "goes into any sampler by cfgfield export."
        )
    options = {name: asked[name] for name in ("w_max", "w_min", "keep", "tolerance", "shift", "equal")}
    options = {name: value for name, value in options.items() if value is not None}
    guidance = None if rule is None else Schedule.from_dict(rule_fields(rule, 1.0))
    theory = not asked["no_theory"]
    return mixture.design(target, guidance=guidance, sampler=eta, theory=theory, **options, **sizes)


def write_schedule(found: Any, files: Mapping[str, Path], force: bool) -> None:
    """The schedule for `cfgfield export`, the ranking and the figure."""
    content = {
        "schedule": f"{to_json(sealed_json(plain(found.schedule.to_dict())))}\n".encode(),
        "table": ranking(found).encode(),
        "figure": painted(found.plot()[0], ".png"),
    }
    for name, what in content.items():
        write_bytes(what, files[name], overwrite=force)


def ranking(found: Any) -> str:
    """The candidates, the best first, as CSV: every number with its standard error."""
    from validate.tuning.page import SHOWN, said

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["candidate", *(x for name in SHOWN for x in (name, f"{name}_stderr")), "modes_lost", "schedule"])
    for name in found.candidates:
        numbers = [x for column in SHOWN for x in found.estimate(column, name)]
        table.writerow([name, *numbers, len(found.lost(name)), said(found.of(name))])
    return text.getvalue()


def _flags(names: list[str]) -> str:
    return short([f"--{name.replace('_', '-')}" for name in names], 120)
