"""The report of a design for a class: one HTML file without a network, in the form of the report of a prediction."""

from pathlib import Path
from typing import TYPE_CHECKING

from meanfield.guidance.schedules import Constant, Interval, Piecewise, Schedule
from validate.data.page import document, embedded, row, table
from validate.results.files import write_bytes

if TYPE_CHECKING:
    from validate.tuning.result import MixtureDesign

SHOWN = ("shift", "trace_ratio", "accuracy", "log_posterior", "energy", "w2", "vendi")
_NOTE = """<p>The best first: what loses no samples to other classes, then what keeps the trace, then the energy
distance from the class. In brackets: the standard error of the last digits. All numbers are of random numbers that
tuned nothing. The shift is that of the mean along the class, over its distance from the centre; the trace is guided
over unguided. Times are variances of the noise, in the units of the data squared.</p>"""


def write(found: "MixtureDesign", path: str | Path, overwrite: bool) -> None:
    """See `MixtureDesign.report`."""
    write_bytes(page(found).encode(), path, overwrite=overwrite)


def page(found: "MixtureDesign") -> str:
    """The whole file."""
    heads = ["", *(name.replace("_", " ") for name in SHOWN), "modes lost"]
    rows = [row(heads, "th")]
    for name in found.candidates:
        rows.append(row([name, *(found.text(x, name) for x in SHOWN), str(len(found.lost(name)) or "")]))
    schedules = [row([name, said(found.of(name))]) for name in found.candidates]
    schedules += [row([name, f"left out: {why}"]) for name, why in found.left_out.items()]
    about = {k: v for k, v in found.dataset.attrs.items() if k not in ("window", "shift")}
    return document(
        f"A schedule for class {found.target}", found.head, found.warnings,
        embedded(found.plot()[0], "Shift of the mean against the trace that is kept", "single"),
        f"<h2>Ranking at equal {about['equal']}</h2>\n{_NOTE}\n{table(rows)}\n<h2>Schedules</h2>\n{table(schedules)}",
        about,
    )  # fmt: skip


def said(schedule: Schedule) -> str:
    """A schedule in words.

    Examples
    --------
    >>> said(Piecewise([2.0], [-0.25, 6.0])), said(Constant(1.5)), said(Interval(6.0, 0.5, 10.0))
    ('w = 6 above t = 2, -0.25 below', 'w = 1.5 throughout', 'w = 6 from t = 0.5 to 10, 0 elsewhere')
    """
    if isinstance(schedule, Constant):
        return f"w = {schedule.value:.4g} throughout"
    if isinstance(schedule, Interval):
        return f"w = {schedule.value:.4g} from t = {schedule.t_low:.4g} to {schedule.t_high:.4g}, 0 elsewhere"
    if isinstance(schedule, Piecewise) and len(schedule.edges) == 1:
        (t,), (late, early) = schedule.edges, schedule.values
        return f"w = {early:.4g} above t = {t:.4g}, {late:.4g} below"
    return repr(schedule)
