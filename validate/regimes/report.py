"""`cfgfield validate`: run the atlas, judge it, and leave data, figure and a report page behind."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.agreement.statistics import family_threshold
from validate.regimes.groups import Group, groups
from validate.regimes.judgement import Judgement, judge
from validate.regimes.measurement import measured
from validate.regimes.page import COLUMNS, page, texts
from validate.results.files import write_bytes, write_dataset
from validate.results.provenance import code_fingerprint, provenance
from validate.sweeps.executors import cluster

if TYPE_CHECKING:
    import xarray


def judge_and_report(
    profile: str,
    out: str | Path,
    *,
    own: tuple[Group, ...] | None = None,
    seed: int = 0,
    level: float = 0.01,
    only: str = "",
    scheduler: str | None = None,
    threads: int | None = None,
) -> Judgement:
    """Run (or resume) an atlas and write `atlas.nc`, `summary.png`, `summary.pdf` and `report.html` into `out`.

    Finished cells are kept in `out/cells-...`, one folder for each profile, seed and state of the code, so a changed
    code never meets the cells of another. `own` groups take the place of a profile's, and are called "own". `scheduler`
    is the address of a Dask cluster that computes the cells; without it, `threads` of this machine do (default: all).
    """
    from rich.console import Console

    family_threshold(1, level)  # a wrong level is refused before minutes are spent
    notes, out = Console(stderr=True, markup=False), Path(out)
    began = time.perf_counter()
    profile, known = (profile, groups(profile)) if own is None else ("own", own)
    folder = out / f"cells-{profile}-{seed}-{code_fingerprint()}"
    options: dict[str, Any] = {"folder": folder, "seed": seed, "only": only}
    with cluster(scheduler) if scheduler else nullcontext() as executor:
        data = measured(profile, known, executor=executor, threads=threads, progress=True, **options)
    verdict = judge(data, level)
    print_table(verdict)
    _write(out, data, verdict, level)
    seconds = time.perf_counter() - began
    notes.print(f"{out}/: atlas.nc, summary.png, summary.pdf, report.html ({seconds:.0f} s)", highlight=False)
    return verdict


def print_table(verdict: Judgement) -> None:
    """Every number of the atlas on the terminal, then the summary."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=150)  # a log file or a pipe: no narrower than the table
    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    for column in table.columns[3:10]:
        column.justify = "right"
    last = None
    for v in verdict.verdicts:
        if last not in (None, v.group):
            table.add_section()
        word = verdict.word(v)
        style = "bold red" if word == "DISAGREES" else "" if v.claimed else "dim"
        table.add_row(*texts(v, word, repeat=v.group != last), style=style)
        last = v.group
    console.print(table)
    console.print(verdict.summary, highlight=False)
    console.print(f"verdict: {'agree' if verdict else 'DISAGREE'}", style="bold", highlight=False)


def _write(out: Path, data: "xarray.Dataset", verdict: Judgement, level: float) -> None:
    from validate.regimes.picture import save

    write_dataset(data, out / "atlas.nc", overwrite=True)
    files = save(data, level)
    report = page(data, verdict, files["svg"], provenance()).encode()
    for name, content in (("summary.png", files["png"]), ("summary.pdf", files["pdf"]), ("report.html", report)):
        write_bytes(content, out / name, overwrite=True)
