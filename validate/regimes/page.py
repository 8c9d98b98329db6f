"""The report of an atlas as one page of HTML: what disagrees first, then every regime, folded; no server, no script."""

import base64
import html
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from validate.regimes.judgement import CLAIMS, Judgement, Verdict

if TYPE_CHECKING:
    import xarray

COLUMNS = (
    "group",
    "d",
    "of",
    "theory",
    "finite d",
    "particles",
    "stderr",
    "fit",
    "time step",
    "z",
    "ground",
    "verdict",
)
SYMBOLS = {
    "m": "overlap of the samples with the mean of their class, at t = 0: 1 is undistorted",
    "v": "variance of the samples per direction, at t = 0: sigma2 is undistorted, of a label of many modes that of its "
    "modes and sigma2",
    "sigma2": "variance of a class per direction; its mean has variance 1",
    "d": "dimension; \u221e: extrapolated to it",
    "P, alpha": "number of classes; alpha = log(P)/d",
    "w": "guidance weight; the guidance scale is 1 + w",
    "sde, ode": "reverse SDE and probability-flow ODE",
    "theory": "mean field at d = \u221e; for a sub-exponential number of classes at the rate log(P)/d",
    "finite d": "what the theory of many or few classes, else the quenched, else the annealed one at this d adds to it",
    "particles": "mean over independent draws of the class means, with exact scores",
    "stderr": "statistical error of the particles and of the theory's own samples",
    "fit": "error of the form of a fit in 1/d, or of a power law",
    "time step": "measured error of the particles' time step, of many modes along the ODE alone; stated, never used",
    "z": "(particles - theory - finite d)/error: of normal law with mean 0 and r.m.s. 1 if both are right",
    "ground": "on what the claim rests: exact at this d, quenched theory at equal d, theory of few "
    "classes at equal d, extrapolation, exponent of a decay",
    "exponent": "of the distortion as a power of log(P)/d",
}


def page(data: "xarray.Dataset", verdict: Judgement, figure: bytes, origin: dict[str, str]) -> str:
    """The report as one self-contained HTML page. Everything that is not ours is escaped."""
    facts = {**origin, **{k: str(data.attrs[k]) for k in ("profile", "seed") if k in data.attrs}}
    facts["cells"] = f"{data.sizes['cell']}, {float(data['seconds'].sum()):.0f} s in all"
    named = dict.fromkeys(v.group for v in verdict.verdicts)
    groups = {name: [v for v in verdict.verdicts if v.group == name] for name in named}
    worst = sorted(verdict.disagreements, key=lambda v: -abs(v.z))
    return _PAGE.format(
        verdict="Theory and particles agree" if verdict else "Theory and particles disagree",
        kind="good" if verdict else "bad",
        summary=html.escape(verdict.summary),
        first=f"<h2>What disagrees</h2>{_table(verdict, worst)}" if worst else "",
        figure=base64.b64encode(figure).decode(),
        grounds="".join(_choice("ground", i, ground) for i, ground in enumerate(("any ground", *CLAIMS))),
        filters="".join(f"body:has(#ground-{i}:checked) tr.row:not(.ground-{i}) {{ display: none; }}\n"
                        for i in range(1, len(CLAIMS) + 1)),
        groups="\n".join(_group(verdict, n, name, rows) for n, (name, rows) in enumerate(groups.items())),
        symbols="".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(x)}</dd>" for k, x in SYMBOLS.items()),
        facts="".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(x)}</td></tr>" for k, x in sorted(facts.items())),
        steps=html.escape(_steps(verdict)),
    )  # fmt: skip


def _group(verdict: Judgement, n: int, name: str, rows: Sequence[Verdict]) -> str:
    """One regime, folded unless something in it disagrees."""
    claimed = [v for v in rows if v.claimed]
    failed = [v for v in claimed if verdict.word(v) == "DISAGREES"]
    largest = max((abs(v.z) for v in claimed), default=math.nan)
    said = f"{len(claimed) - len(failed)} of {len(claimed)} agree, largest |z| {largest:.2f}" if claimed else "no claim"
    mark = "bad" if failed else "good" if claimed else "none"
    opened = " checked" if failed else ""
    return (
        f'<input type="checkbox" id="group-{n}" class="fold"{opened}><label for="group-{n}" class="{mark}">'
        f"{html.escape(name)} <small>{said}</small></label>{_table(verdict, rows)}"
    )


def _table(verdict: Judgement, rows: Iterable[Verdict]) -> str:
    head = "".join(f"<th>{html.escape(c)}</th>" for c in COLUMNS)
    body = "\n".join(_row(verdict, v) for v in rows)
    return f'<div class="scroll"><table class="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(verdict: Judgement, v: Verdict) -> str:
    word = verdict.word(v)
    kind = "bad" if word == "DISAGREES" else "good" if v.claimed else "none"
    ground = f"ground-{1 + CLAIMS.index(v.ground)}" if v.claimed else ""
    cells = zip(COLUMNS, texts(v, word), strict=True)
    inside = "".join(f'<td data-name="{html.escape(name)}">{html.escape(text)}</td>' for name, text in cells)
    return f'<tr class="row {kind} {ground}">{inside}</tr>'


def _choice(kind: str, i: int, label: str) -> str:
    checked = " checked" if i == 0 else ""
    return f'<label><input type="radio" name="{kind}" id="{kind}-{i}"{checked}>{html.escape(label)}</label> '


def texts(v: Verdict, word: str, repeat: bool = True) -> list[str]:
    """One row of a table as text, in the order of `COLUMNS`."""
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
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>cfgfield: theory against particles</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.5rem; }} h1.good::before {{ content: "\\2713  "; color: #009E73; }}
h1.bad::before {{ content: "\\2717  "; color: #D55E00; }}
img {{ width: 100%; }} table {{ border-collapse: collapse; font-size: 13px; }}
th {{ text-align: left; }} td, th {{ padding: 2px 9px; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }}
table.rows td:nth-child(n+4):nth-child(-n+10) {{ text-align: right; font-variant-numeric: tabular-nums; }}
table.facts td {{ white-space: normal; overflow-wrap: anywhere; }}
tr.bad td {{ background: #fbe3d6; font-weight: 600; }} tr.none td {{ color: #888; }}
div.scroll {{ overflow-x: auto; margin: 0 0 .6rem 1.4rem; }}
input.fold {{ margin-right: .5rem; }} input.fold + label {{ font-weight: 600; cursor: pointer; }}
input.fold + label small {{ font-weight: 400; color: #666; margin-left: .5rem; }}
input.fold + label::after {{ content: "\\A"; white-space: pre; }}
label.good::before {{ content: "\\2713 "; color: #009E73; }} label.bad::before {{ content: "\\2717 "; color: #D55E00; }}
label.none::before {{ content: "\\2013 "; color: #888; }}
input.fold:not(:checked) + label + div.scroll {{ display: none; }}
body:has(#unfold:checked) input.fold + label + div.scroll {{ display: block; }}
body:has(#claimed:checked) tr.none {{ display: none; }}
{filters}fieldset {{ border: 1px solid #ddd; margin: 0 0 .8rem; }}
fieldset label {{ margin-right: .9rem; white-space: nowrap; }}
dt {{ font-weight: 600; float: left; clear: left; width: 7rem; }} dd {{ margin-left: 7.5rem; }}
@media (max-width: 640px) {{
  div.scroll {{ margin-left: 0; }} table.rows thead {{ display: none; }}
  table.rows, table.rows tbody {{ display: block; }}
  table.rows tr {{ display: block; border-bottom: 2px solid #bbb; padding: .3rem 0; }}
  table.rows td {{ display: flex; justify-content: space-between; border: 0; white-space: normal; text-align: right; }}
  table.rows td::before {{ content: attr(data-name); color: #777; font-weight: 400; }}
  table.rows td:empty {{ display: none; }} table.rows tr.none {{ opacity: .75; }}
  dt {{ float: none; }} dd {{ margin-left: 1rem; }}
}}
</style></head><body>
<h1 class="{kind}">{verdict}</h1>
<p>{summary}</p>
{first}
<p><img alt="Summary figure: distortion against dimension, variance against guidance, trajectories, z-scores"
src="data:image/svg+xml;base64,{figure}"></p>
<h2>Every number, by regime</h2>
<fieldset><legend>Show</legend><label><input type="checkbox" id="unfold">all regimes unfolded</label>
<label><input type="checkbox" id="claimed">tested numbers only</label> {grounds}</fieldset>
{groups}
<p>Grey: shown without a claim. {steps}</p>
<h2>What the columns are</h2>
<dl>{symbols}</dl>
<h2>Provenance</h2>
<div class="scroll"><table class="facts">{facts}</table></div>
</body></html>
"""
