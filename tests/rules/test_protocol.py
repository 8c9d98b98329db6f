"""One protocol: a rule of ten lines, from outside of the package, is taken wherever guidance is."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from meanfield import (
    ByGroup,
    Composed,
    Constant,
    Continuum,
    CustomRule,
    Exponential,
    Fixed,
    Free,
    Interval,
    Negative,
    PowerLaw,
    Problem,
    Projected,
    Rescale,
    Rule,
    Schedule,
    ScheduleError,
    Spectrum,
    Tangential,
    WeakModel,
    ZeroStar,
    euler,
    heun,
    karras_sigmas,
    quenched,
    reduced,
    sd_sigmas,
    solve,
    solve_sampler,
)
from simulate import run, run_sampler
from validate import compare, sweep
from validate.cli import app

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, sampler="ode", t_start=1000.0)
COMPETING = PROBLEM.replace(classes=Exponential(0.4))
GROUPS = Spectrum(c=[0.2, 0.5], u=[1.2, 4.5])
LIBRARY = [
    Rescale(1.0),
    Rescale(1.0, phi=0.5, prediction="x0"),
    Rescale(1.0, prediction="v"),
    Projected(1.0, eta=0.2, threshold=0.5),
    Projected(1.0, prediction="eps", base="uncond"),
    ZeroStar(1.0),
    Tangential(1.0),
    WeakModel(1.0, delta=0.3),
    Free(1.0, b=-0.9),
    Negative(1.0),
    Composed(1.0, w_2=0.4),
    Rescale(Interval(2.0, 0.3, 3.0)),
]


def cfg(x, cond, uncond, t, w):
    return cond + w * (cond - uncond)


def state(law):
    return float(law.final.m), float(law.final.v) / law.problem.sigma2


# --- classifier-free guidance, written as a rule, is classifier-free guidance ---------------------------------------


@pytest.mark.parametrize("classes", [Continuum(), Exponential(0.4), Exponential(0.7), Fixed(5)])
@pytest.mark.parametrize("sampler", ["ode", "sde", 1.5])
@pytest.mark.parametrize("w", [0.5, Interval(3.0, 0.2, 5.0)])
def test_solve(classes, sampler, w):
    known = PROBLEM.replace(classes=classes, sampler=sampler, guidance=w)
    ruled = solve(known.replace(guidance=CustomRule(cfg, w)))
    assert state(ruled) == pytest.approx(state(solve(known)), rel=2e-6)
    assert [e.kind for e in ruled.events] == [e.kind for e in solve(known).events]


def test_solve_with_groups_of_directions():
    known = Problem(classes=Exponential(0.4), spectrum=GROUPS, guidance=1.0, sampler="ode", t_start=1000.0)
    for rule in (CustomRule(cfg), ByGroup(1.0, factors=[1.0, 1.0])):
        final = solve(known.replace(guidance=rule)).final
        assert final.m_group == pytest.approx(solve(known).final.m_group, rel=1e-6)
        assert final.v_group == pytest.approx(solve(known).final.v_group, rel=1e-6)


@pytest.mark.parametrize("problem", [PROBLEM, COMPETING], ids=["continuum", "competing"])
def test_code_of_samplers_and_particles(problem):
    """The same samples to rounding, in all that runs on batches."""
    ruled, code = problem.replace(guidance=CustomRule(cfg)), euler(sd_sigmas(8), start="vp")
    law, same = solve_sampler(problem, code), solve_sampler(ruled, code)
    assert same.m == pytest.approx(law.m, abs=1e-9)
    assert same.v == pytest.approx(law.v, rel=1e-8)
    options = {"d": 10, "n_samples": 8, "n_disorder": 2, "dtype": "float64", "progress": False}
    one, other = run_sampler(problem, code, **options), run_sampler(ruled, code, **options)
    assert other.draws["m"] == pytest.approx(one.draws["m"], rel=1e-9)
    for theory in ("reduced", "quenched"):
        sizes = {"d": 10, "theory": theory, "n_samples": 20, "n_draws": 2, "progress": False}
        one, other = solve_sampler(problem, code, **sizes), solve_sampler(ruled, code, **sizes)
        assert other.draws["m"] == pytest.approx(one.draws["m"], rel=1e-9)


@pytest.mark.parametrize("rule", LIBRARY, ids=repr)
def test_continuous_time_is_the_limit_of_steps(rule):
    """Two derivations: the equations of motion, and one vector through 250 steps of Heun."""
    problem = PROBLEM.replace(guidance=rule)
    fine = solve_sampler(problem, heun(karras_sigmas(250, 1e-3, 1000.0**0.5)))
    jumps = isinstance(rule.guidance, Interval)  # a step across an edge is of first order
    assert state(fine) == pytest.approx(state(solve(problem)), abs=5e-3 if jumps else 1e-3)
    assert state(solve_sampler(problem, euler(sd_sigmas(12), start="vp"))) != pytest.approx(state(fine), abs=2e-3)


def test_groups_have_factors_of_their_own():
    groups = Problem(classes=Continuum(), spectrum=GROUPS, sampler="ode", t_start=1000.0)
    both = solve(groups.replace(guidance=ByGroup(1.0, factors=[0.5, 2.0]))).final
    weak, strong = (solve(groups.replace(guidance=w)).final for w in (0.5, 2.0))
    assert both.m_group == pytest.approx([weak.m_group[0], strong.m_group[1]], rel=1e-6)
    assert both.v_group == pytest.approx([weak.v_group[0], strong.v_group[1]], rel=1e-6)
    data = run(
        groups.replace(guidance=ByGroup(1.0, factors=[0.5, 2.0])),
        d=40,
        n_samples=20,
        n_disorder=8,
        n_steps=60,
        progress=False,
    )
    found = data.draws["m_group"][:, -1]
    assert np.all(np.abs(found.mean(axis=0) - both.m_group) < 5 * found.std(axis=0, ddof=1) / 8**0.5 + 0.005)


# --- a rule of one's own, from outside ------------------------------------------------------------------------------

OWN = """
from dataclasses import dataclass
from typing import Any

from meanfield import Rule
from meanfield.rules.base import norm


@dataclass(frozen=True)
class Clipped(Rule):
    guidance: Any = 1.0
    most: float = 0.5
    name = "clipped-in-a-test"

    def guided(self, x, cond, uncond, t, w):
        difference = cond - uncond
        return cond + w * difference / (1.0 + norm(difference) / self.most)
"""


def test_everything_takes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_rule.py").write_text(OWN)
    words = ["--continuum", "--t-start", "1000", "--w", "1", "--rule", "clipped-in-a-test,most=0.4", "--json",
             "--plugin", "own_rule.py"]  # fmt: skip
    done = CliRunner().invoke(app, ["solve", "--sampler", "ode", *words])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    rule = Schedule.from_dict({"schedule": "clipped-in-a-test", "guidance": 1.0, "most": 0.4})
    assert Schedule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    theory = solve(PROBLEM.replace(guidance=rule))
    assert json.dumps(shown).count(str(float(theory.final.m))[:8])
    assert state(theory)[1] > state(solve(PROBLEM))[1] + 0.05  # it is another rule
    own = [word for word in words if word not in ("--t-start", "1000")]
    ruled = CliRunner().invoke(app, ["sampler", "--sampler", "euler", "--steps", "8", *own])
    assert ruled.exit_code == 0, ruled.output

    sizes = {"n_steps": 40, "progress": False}
    data = run(theory.problem, d=200, n_samples=16, n_disorder=16, **sizes)
    assert compare(theory, data, times=[0.0])
    other = solve(PROBLEM.replace(guidance=replace(rule, most=0.5)))  # the control: its parameter a quarter off
    assert not compare(other, replace(data, problem=other.problem), times=[0.0])
    rival = COMPETING.replace(guidance=rule)
    found = run(rival, d=10, n_samples=40, n_disorder=16, **sizes)
    assert compare(quenched(rival, 10, n_samples=320, n_draws=16, **sizes), found, times=[0.0])
    assert reduced(rival, 10, n_samples=64, n_draws=4, **sizes).final.m.mean > 1.0
    grid = sweep(rival, {"guidance": [rule, 1.0], "d": [6]}, n_samples=8, n_disorder=4, n_steps=40, progress=False)
    assert grid.theory_v[0].values[..., -1] > grid.theory_v[1].values[..., -1]


@pytest.mark.parametrize("rule", LIBRARY, ids=repr)
def test_files_keep_it(rule):
    problem = PROBLEM.replace(guidance=rule)
    again = Problem.from_dict(json.loads(json.dumps(problem.to_dict())))
    assert again == problem
    assert state(solve(again)) == state(solve(problem))


def test_amplitudes_are_functions_of_the_own_time():
    ve = PROBLEM.replace(guidance=Rescale(Interval(2.0, 0.25, 9.0)))
    edm = PROBLEM.replace(noise="edm", t_start=1000.0**0.5, guidance=Rescale(Interval(2.0, 0.5, 3.0)))
    assert state(solve(edm)) == pytest.approx(state(solve(ve)), rel=1e-9)


# --- what is no rule ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bad(Rule):
    function: Any
    guidance: Any = 1.0
    name = "bad-in-a-test"

    def guided(self, x, cond, uncond, t, w):
        return self.function(x, cond, uncond, t, w)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x, c, u, t, w: c * np.nan, "must return finite numbers"),
        (lambda x, c, u, t, w: c[..., :1], "must return the shape of x"),
        (lambda x, c, u, t, w: 1.0, "must return the shape of x"),
        (lambda x, c, u, t, w: np.clip(c + w * (c - u), -0.3, 0.3), "single directions"),
        (lambda x, c, u, t, w: c + w * (c - u) * (x > 0), "single directions"),
        (lambda x, c, u, t, w: c + w * (c - u) / np.linalg.norm(c), "every sample by itself"),
        (lambda x, c, u, t, w: c + (c - u) / np.linalg.norm(c - u, axis=-1, keepdims=True), "finite numbers"),
        (lambda x, c, u, t: c, "must take"),
        (lambda x, c, u, t, w: c.nothing, "AttributeError"),
        (lambda x, c, u, t, w: None, "must return"),
        (lambda x, c, u, t, w: "x", "must"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_rules_are_refused(function, says):
    with pytest.raises(ScheduleError, match=says):
        CustomRule(function)
    with pytest.raises(ScheduleError, match=says):
        Bad(function)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rescale(1.0, phi=1.2), "phi"),
        (lambda: Rescale(1.0, prediction="z"), "prediction must be one of"),
        (lambda: Rescale(PowerLaw(1.0, 0.5)), "function of t"),
        (lambda: Projected(1.0, threshold=0.0), "threshold"),
        (lambda: Projected(1.0, prediction="noise"), "prediction"),
        (lambda: Projected(1.0, base="u"), "base"),
        (lambda: WeakModel(1.0, delta=0.0), "delta"),
        (lambda: Free(1.0, b="x"), "number"),
        (lambda: ByGroup(1.0, factors=[]), "factors"),
        (lambda: CustomRule(3), "function"),
        (lambda: PROBLEM.replace(guidance=ByGroup(1.0, factors=[1.0, 2.0])), "for each of the 1 groups"),
        (lambda: solve(PROBLEM.replace(guidance=Rescale(1.0), t_start=np.inf)), "t_start"),
        (lambda: Rescale(1.0).w(1.0), "no weight"),
        (lambda: run(PROBLEM.replace(guidance=Rescale(1.0)), d=8, n_samples=2, n_disorder=2, tol=0.01), "no tol"),
    ],
)
def test_bad_parameters_are_refused(make, says):
    with pytest.raises((ScheduleError, ValueError), match=says):
        make()


def test_a_rule_is_a_schedule_of_amplitudes():
    rule = Rescale(Constant(2.0))
    assert rule.amplitude(np.array([1.0, 2.0])).tolist() == [2.0, 2.0]
    assert rule.by_sample


@pytest.mark.parametrize("door", [solve, reduced, quenched, run], ids=["solve", "reduced", "quenched", "run"])
def test_a_rule_needs_a_finite_start_at_every_door(door):
    size = {} if door is solve else {"d": 8} | ({"n_samples": 8, "n_disorder": 2} if door is run else {})
    with pytest.raises(ScheduleError, match=r"start at t = infinity needs .* Give a finite t_start"):
        door(Problem(classes=Exponential(0.4), sigma2=0.25, guidance=Rescale(1.0)), **size)
