"""`cfgfield validate`: run the atlas, judge it, and leave data, figure and a report page behind."""

import base64
import html
import math
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.agreement.statistics import family_threshold
from validate.regimes.groups import Group, groups
from validate.regimes.judgement import Judgement, Verdict, judge
from validate.regimes.measurement import measured
from validate.results.files import write_bytes, write_dataset
from validate.results.provenance import code_fingerprint, provenance
from validate.sweeps.executors import cluster

if TYPE_CHECKING:
    import xarray

COLUMNS = ("group", "d", "", "theory", "finite d", "particles", "stderr", "fit", "time step", "z", "ground", "verdict")


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
        table.add_row(*_texts(v, word, repeat=v.group != last), style=style)
        last = v.group
    console.print(table)
    console.print(verdict.summary, highlight=False)
    console.print(f"verdict: {'agree' if verdict else 'DISAGREE'}", style="bold", highlight=False)


def page(data: "xarray.Dataset", verdict: Judgement, figure: bytes, origin: dict[str, str]) -> str:
    """The report as one self-contained HTML page. Everything that is not ours is escaped."""
    rows = []
    for v in verdict.verdicts:
        word = verdict.word(v)
        kind = "bad" if word == "DISAGREES" else "good" if v.claimed else "none"
        rows.append(f'<tr class="{kind}">' + "".join(f"<td>{html.escape(t)}</td>" for t in _texts(v, word)) + "</tr>")
    head = "".join(f"<th>{html.escape(c)}</th>" for c in COLUMNS)
    facts = {**origin, **{k: str(data.attrs[k]) for k in ("profile", "seed") if k in data.attrs}}
    seconds = float(data["seconds"].sum())
    facts["cells"] = f"{data.sizes['cell']}, {seconds:.0f} s in all"
    table = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in sorted(facts.items()))
    return _PAGE.format(
        verdict="Theory and particles agree" if verdict else "Theory and particles disagree",
        kind="good" if verdict else "bad",
        summary=html.escape(verdict.summary),
        figure=base64.b64encode(figure).decode(),
        head=head,
        rows="\n".join(rows),
        facts=table,
        steps=html.escape(_steps(verdict)),
    )


def _write(out: Path, data: "xarray.Dataset", verdict: Judgement, level: float) -> None:
    from validate.regimes.picture import save

    write_dataset(data, out / "atlas.nc", overwrite=True)
    files = save(data, level)
    report = page(data, verdict, files["svg"], provenance()).encode()
    for name, content in (("summary.png", files["png"]), ("summary.pdf", files["pdf"]), ("report.html", report)):
        write_bytes(content, out / name, overwrite=True)


def _texts(v: Verdict, word: str, repeat: bool = True) -> list[str]:
    """One row of the table as text."""
    return [
        v.group if repeat else "",
        "∞" if math.isinf(v.d) else f"{v.d:g}",
        v.quantity,
        _number(v.theory),
        "" if math.isnan(v.finite_size) or v.finite_size == 0.0 else f"{v.finite_size:+.2g}",
        _number(v.particles),
        f"{v.stderr:.1g}",
        f"{v.fit_error:.1g}" if v.fit_error else "",
        f"{v.step:+.1g}" if abs(v.step) > 1e-12 else "",
        f"{v.z:+.2f}",
        v.ground,
        word,
    ]


def _number(x: float) -> str:
    return f"{x:.7g}" if abs(x - 1.0) < 1e-3 or abs(x - 0.25) < 1e-4 else f"{x:.5f}"


def _steps(verdict: Judgement) -> str:
    """Where the time-step error is not small, by name."""
    large = [v for v in verdict.claimed if abs(v.step) > max(v.stderr, v.fit_error) / 3.0]
    if not large:
        return "The time-step error is below a third of the other errors for every number tested."
    names = ", ".join(f"{v.group} {v.quantity}{'' if math.isinf(v.d) else f' (d = {v.d:g})'}" for v in large)
    return f"The time-step error exceeds a third of the other errors for: {names}. It never widens a tolerance."


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>cfgfield: theory against particles</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.5rem; }} h1.good::before {{ content: "\\2713  "; color: #009E73; }}
h1.bad::before {{ content: "\\2717  "; color: #D55E00; }}
img {{ width: 100%; }} table {{ border-collapse: collapse; font-size: 13px; }}
th {{ text-align: left; }} td, th {{ padding: 2px 9px; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }}
td:nth-child(n+4):nth-child(-n+10) {{ text-align: right; font-variant-numeric: tabular-nums; }}
table.facts td {{ text-align: left !important; white-space: normal; }}
tr.bad td {{ background: #fbe3d6; font-weight: 600; }} tr.none td {{ color: #888; }}
div.scroll {{ overflow-x: auto; }}
</style></head><body>
<h1 class="{kind}">{verdict}</h1>
<p>{summary}</p>
<p><img alt="Summary figure: distortion against dimension, variance against guidance, trajectories, z-scores"
src="data:image/svg+xml;base64,{figure}"></p>
<h2>Every number</h2>
<p>Columns: theory (mean field; for sub-exponential growth at the rate log(P)/d), the predicted finite-d effect where a
theory gives one, particles, their statistical error, the error of the form of a fit in 1/d or of a power law, the
time-step error (stated, never used), z, the ground of the claim, the verdict. Grey: shown without a claim. {steps}</p>
<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>
<h2>Provenance</h2>
<table class="facts">{facts}</table>
</body></html>
"""
