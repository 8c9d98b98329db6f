"""The explorer: its mathematics, run in a browser, against `solve` and `solve_sampler`; its page and its command."""

import functools
import json
import math
import re
import shutil
import webbrowser
from collections import defaultdict
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from browser import document, in_a_browser
from typer.testing import CliRunner

from meanfield import (
    Constant,
    Continuum,
    Exponential,
    Interval,
    Linear,
    Problem,
    dpmpp_2m,
    early_high,
    euler,
    euler_ancestral,
    heun,
    karras_sigmas,
    sd_sigmas,
    solve,
    solve_sampler,
)
from validate.cli import app
from validate.drawing import COLOURS
from validate.figures.phases import PHASE

EXPLORER = Path(__file__).resolve().parents[2] / "validate" / "explorer"
COUNT, FEWER, BOUND = 500, 125, 1e-6  # cases; of a negative control
METHODS = {"ddim": euler, "ancestral": euler_ancestral, "heun": heun, "dpmpp": dpmpp_2m}


class Texts(HTMLParser):
    """The text in every element that has an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str | None]] = []
        self.texts: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "link", "input", "br"):
            self.open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data


def texts_of(page: str) -> dict[str, str]:
    return defaultdict(str, Texts(page).texts)


# -- the mathematics ---------------------------------------------------------------------------------------------------


def cases(count: int) -> Iterator[tuple[Problem, Any, dict[str, Any]]]:
    """Random problems and samplers over all that the sliders state, and each in the words of the page."""
    rng = np.random.default_rng(2026)
    for _ in range(count):
        kind = str(rng.choice(["constant", "linear", "interval", "switch"]))
        w, late, omega = rng.uniform(-1.0, 10.0), rng.uniform(-1.0, 2.0), rng.uniform(0.0, 1.0)
        low, high = sorted(10.0 ** rng.uniform(-2.0, 2.0, size=2))
        schedule, words = {
            "constant": (Constant(w), {"edges": [], "values": [w], "omega": 0.0}),
            "linear": (Linear(late, omega), {"edges": [], "values": [late], "omega": omega}),
            "interval": (Interval(w, low, high), {"edges": [low, high], "values": [0.0, w, 0.0], "omega": 0.0}),
            "switch": (early_high(w, high, late), {"edges": [high], "values": [late, w], "omega": 0.0}),
        }[kind]
        T = math.inf if kind != "linear" and rng.random() < 0.3 else 10.0 ** rng.uniform(-0.5, 4.0)
        alpha = math.inf if rng.random() < 0.15 else rng.uniform(0.05, 1.2)
        sigma2, eta = 10.0 ** rng.uniform(-1.7, 0.0), float(rng.choice([0.0, 1.0, rng.uniform()]))
        classes = Continuum() if math.isinf(alpha) else Exponential(alpha)
        problem = Problem(classes=classes, sigma2=sigma2, guidance=schedule, sampler=eta, t_start=T)
        method, steps, karras = str(rng.choice(list(METHODS))), int(rng.integers(2, 51)), bool(rng.random() < 0.5)
        top = float(10.0 ** rng.uniform(-0.2, 2.0))
        levels = karras_sigmas(steps, 0.03, top) if karras else sd_sigmas(steps)
        words |= {"sigma2": sigma2, "eta": eta, "method": method, "steps": steps, "top": top if karras else None}
        words |= {name: None if math.isinf(x) else x for name, x in (("alpha", alpha), ("T", T))}
        yield problem, METHODS[method](levels, start="ve" if karras else "vp"), words


PROGRAM = """<meta charset="utf-8"><script src="theory.js"></script><pre id="out"></pre><script>
const out = CASES.map((p) => {
  p = {...p, alpha: p.alpha ?? Infinity, T: p.T ?? Infinity};
  const {points, phases, tSpeciation, standing} = Theory.trajectory(p), end = points[points.length - 1];
  const levels = p.top ? Theory.karrasSigmas(p.steps, 0.03, p.top) : Theory.sdSigmas(p.steps);
  const variance = levels[0] ** 2 + (p.top ? 0 : 1);
  const law = Theory.samplerLaw(p, p.method, levels, variance);
  const alone = Theory.samplerLaw(p, p.method, levels, variance, true);
  const steps = [law.m, law.v, alone.m, alone.v];
  return {ends: [end.m, end.v, tSpeciation], phases, standing, steps, glass: law.glass};
});
document.getElementById("out").textContent = JSON.stringify(out);
</script>"""


def in_the_browser(folder: Path, theory: str, count: int = COUNT) -> list[dict[str, Any]]:
    """What the page's mathematics, its text given, makes of so many cases."""
    (folder / "theory.js").write_text(theory)
    (folder / "cases.html").write_text(PROGRAM.replace("CASES", json.dumps([words for _, _, words in cases(count)])))
    return json.loads(texts_of(document(folder / "cases.html"))["out"])


class Reference(NamedTuple):
    """What the package makes of a case: m, v and t of speciation; m and v of the sampler, and of it alone."""

    ends: list[float]
    phases: list[str]
    standing: str
    steps: list[float]
    glass: bool
    scale: float  # of v


@functools.cache
def references(count: int) -> list[Reference]:
    found = []
    for problem, sampler, _ in cases(count):
        theory, law = solve(problem), solve_sampler(problem, sampler)
        ends = [theory.final.m, theory.final.v, theory.t_speciation]
        steps = [law.final.m, law.final.v, law.unguided[0][-1], law.unguided[1][-1]]
        glass = "glass" in law.phase[:-1]
        found.append(Reference(ends, list(theory.phases), theory.standing, steps, glass, problem.sigma2))
    return found


def off(ours: list[float | None], theirs: list[float], scale: float) -> float:
    """The largest distance, of v in units of `scale`, beside 1 or a larger number; nan (null) is equal to nan alone."""
    largest = 0.0
    for i, (x, y) in enumerate(zip(ours, theirs, strict=True)):
        unit = scale if i in (1, 3) else 1.0
        if x is None or math.isnan(y):
            largest = max(largest, 0.0 if x is None and math.isnan(y) else math.inf)
        else:
            largest = max(largest, abs(x - y) / max(unit, abs(y)))
    return largest


def disagreements(results: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Cases in which the trajectory, or the law of the sampler, is another than the package's."""
    of_solve, of_sampler, count = [], [], len(results)
    for ours, theirs, (problem, sampler, _) in zip(results, references(count), cases(count), strict=True):
        if "captured" in theirs.phases:  # there the page stops, and says so
            same = ours["phases"] == theirs.phases[: theirs.phases.index("captured") + 1]
        else:
            same = ours["phases"] == theirs.phases and off(ours["ends"], theirs.ends, theirs.scale) <= BOUND
        if not same or ours["standing"] != theirs.standing:
            of_solve.append(f"{problem}: {ours} {theirs}")
        if off(ours["steps"], theirs.steps, theirs.scale) > BOUND or ours["glass"] != theirs.glass:
            of_sampler.append(f"{problem} {sampler.name}: {ours} {theirs}")
    return of_solve, of_sampler


@in_a_browser
def test_the_page_agrees_with_the_package_on_random_problems(tmp_path):
    """Glass included: only where a wrong class captures the page ends, and it must say so in the same cases."""
    of_solve, of_sampler = disagreements(in_the_browser(tmp_path, (EXPLORER / "theory.js").read_text()))
    assert not of_solve, "\n".join([f"{len(of_solve)} of {COUNT}", *of_solve[:5]])
    assert not of_sampler, "\n".join([f"{len(of_sampler)} of {COUNT}", *of_sampler[:5]])
    standings = [reference.standing for reference in references(COUNT)]
    assert all(standings.count(kind) >= 10 for kind in ("exact", "asymptotic", "approximate"))
    assert (
        sum("captured" in r.phases for r in references(COUNT)) >= 10 and sum(r.glass for r in references(COUNT)) >= 10
    )


@in_a_browser
@pytest.mark.parametrize(
    ("right", "wrong", "least"),
    [
        ("=> p.values[", "=> 1.01 * p.values[", (FEWER // 3, FEWER // 3)),  # w is 1 % off
        ("const glass = K > alpha * EDGE;", "const glass = false;", (8, 3)),  # (T2) where it does not hold
    ],
)
def test_wrong_mathematics_is_refused(tmp_path, right, wrong, least):
    """Negative controls: one term changed, and the same comparison finds it."""
    theory = (EXPLORER / "theory.js").read_text()
    assert theory.count(right) == 1
    found = disagreements(in_the_browser(tmp_path, theory.replace(right, wrong), FEWER))
    assert all(len(cases) >= bound for cases, bound in zip(found, least, strict=True)), [len(x) for x in found]


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(tmp_path):
    """A copy of the page, opened at an address: its texts by id."""
    copied = shutil.copytree(EXPLORER, tmp_path / "explorer")
    return lambda fragment: texts_of(document(copied / "explorer.html", fragment=fragment))


ADDRESSES = {
    "": "exact",
    "#w=2.5&sampler=sde&alpha=0.7&method=heun&steps=12": "exact",
    "#kind=linear&w0=-0.5&omega=2&T=10&many=continuum&sampler=sde&levels=karras": "exact",
    "#kind=interval&w=4&low=0.3&high=20&start=finite&T=500&method=dpmpp": "exact",
    "#kind=switch&w=5&at=6&late=-1&alpha=0.6&start=finite&T=1000&method=ancestral&levels=karras": "exact",
    "#alpha=0.7&w=5": "asymptotic",  # a glass
}


@in_a_browser
@pytest.mark.parametrize("address", ADDRESSES)
def test_the_page_shows_the_numbers_of_the_code_that_it_gives(page, address):
    """The code is run as it stands: what it prints of problem and sampler is what the sliders show."""
    shown, answers = page(address), []
    code = "\n".join(line for line in shown["python"].splitlines() if "quenched(" not in line)  # that takes long
    exec(compile(code, "the page", "exec"), {"print": answers.append})
    theory, law = answers
    assert theory.standing == ADDRESSES[address] and shown["standing"].startswith(theory.standing)
    glass = theory.standing != "exact" or "glass" in law.phase[:-1]
    assert ("quenched(problem" in shown["python"]) == ("ask quenched" in shown["advice"]) == glass
    for found, name in ((theory, ""), (law, "steps-")):
        ours = [float(shown[f"{name}{quantity}"]) for quantity in ("mean", "variance")]
        assert np.allclose(ours, [found.final.m, found.final.v / found.problem.sigma2], rtol=0, atol=5.1e-5)


@in_a_browser
def test_a_captured_sample_has_no_number(page):
    shown = page("#kind=switch&sampler=sde&alpha=0.6&w=5&late=-1&at=3&T=1000&start=finite")
    assert (shown["mean"], shown["variance"]) == ("–", "–")
    assert "captures" in shown["advice"] and shown["phases"] == "crowdcaptured"


@in_a_browser
def test_an_address_that_states_nonsense_is_the_nearest_that_can_be(page):
    nonsense = "#alpha=nan&w=1e999&sigma2=-3&kind=__proto__&sampler=constructor&steps=7.6&T=&time=2&x=%3Cscript%3E"
    assert page(nonsense)["python"] == page("#w=1&sigma2=0.02&steps=8")["python"]


def test_the_page_needs_nothing_from_elsewhere():
    files = {path.name: path.read_text() for path in EXPLORER.iterdir()}
    named = re.findall(r'(?:src|href)="([^"]*)"', files["explorer.html"])
    assert sorted(named) == sorted({"data:,", *files} - {"explorer.html"})
    assert not re.search(r"https?:|//\w|@import|url\(|fetch\(|import\(", "".join(files.values()).replace("//", "// "))


def lightness(colour):
    """Relative luminance of a colour; a contrast is the ratio of two, each with 0.05 added."""
    x = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return float(np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def test_the_page_has_the_colours_of_the_figures():
    style = (EXPLORER / "explorer.css").read_text()
    light, dark = (dict(re.findall(r"--(\w+): (#\w+)", part)) for part in style.split("@media")[:2])
    assert {name: light[name] for name in ("crowd", "glass", "target", "captured")}.items() <= PHASE.items()
    names = ("free", "guided", "sampled", "control")
    assert {light[name] for name in names} <= set(COLOURS)
    assert min(lightness(dark[name]) for name in names) > 3.0 * (lightness(dark["page"]) + 0.05) - 0.05 > 0.0


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "opens", "printed"), [([], True, False), ([], False, True), (["--print"], True, True)]
)
def test_the_command_opens_the_page_or_says_where_it_is(monkeypatch, words, opens, printed):
    asked = []
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or opens)
    result = CliRunner().invoke(app, ["explore", *words])
    assert result.exit_code == 0 and result.stdout == (f"{EXPLORER / 'explorer.html'}\n" if printed else "")
    assert asked == ([] if words else [(EXPLORER / "explorer.html").as_uri()])
