"""Rules with a second condition are taken wherever guidance is; class 2 is class 2 of the draw."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from meanfield import (
    Composed,
    Continuum,
    Ensemble,
    Exponential,
    Fixed,
    Interval,
    Negative,
    PowerLaw,
    Problem,
    ProblemError,
    Rule,
    ScheduleError,
    Spectrum,
    design,
    euler,
    quenched,
    reduced,
    sd_sigmas,
    solve,
    solve_sampler,
)
from simulate import run, run_sampler, sample_scores
from simulate.scores.mixture import draw_direct, draw_second
from validate import compare, sweep
from validate.cli import app

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=Negative(1.0), sampler="ode", t_start=1000.0)
COMPETING = PROBLEM.replace(classes=Exponential(0.4))
RULES = [Negative(1.0), Composed(1.0, w_2=0.4)]
SIZES = {"n_steps": 40, "progress": False}


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_results_have_the_second_overlap(rule):
    p = COMPETING.replace(guidance=rule)
    again = Problem.from_dict(json.loads(json.dumps(p.to_dict())))
    assert again == p
    theory = solve(again)
    assert f"m_2(0) = {theory.final.m_2:.6g}" in repr(theory)
    saved = theory.to_dataset()
    assert saved.m_2.values == pytest.approx(theory.at(theory.t).m_2)
    assert "m_2" in saved.to_dataframe()
    assert theory.final.q == pytest.approx(theory.final.m**2 + theory.final.m_2**2 + theory.final.v)
    data = run(p, d=12, n_samples=6, n_disorder=3, **SIZES)
    assert "m_2(0)" in repr(data) and "m_2_paired" in repr(data.final)
    kept = Ensemble.from_dataset(data.to_dataset())
    assert np.array_equal(kept.draws["m_2"], data.draws["m_2"])
    law = solve_sampler(p, euler(sd_sigmas(12), start="vp"))
    assert "m_2(0)" in repr(law) and law.to_dataset().m_2.values[-1] == law.final.m_2
    assert law.final.q == pytest.approx(law.final.m**2 + law.final.m_2**2 + law.final.v)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_compare_judges_the_second_overlap(rule):
    p = PROBLEM.replace(guidance=rule)
    data = run(p, d=400, n_samples=16, n_disorder=24, **SIZES)
    assert compare(solve(p), data, times=[0.0])
    assert "m_2" in str(compare(solve(p), data, times=[0.0]))
    weaker = replace(rule, guidance=0.9) if rule == Negative(1.0) else Composed(1.0, w_2=0.36)
    wrong = [weaker] + [Negative(-1.0)] * (rule == Negative(1.0)) + [Composed(1.0, -0.4)] * (rule != Negative(1.0))
    for other in wrong:  # the controls: 10 % off, and the wrong sign
        q = p.replace(guidance=other)
        assert not compare(solve(q), replace(data, problem=q), times=[0.0])


@pytest.mark.parametrize("theory", [quenched, reduced])
def test_theories_at_finite_d(theory):
    found = theory(PROBLEM, 16, n_samples=400, n_draws=16, **SIZES)
    exact = solve(PROBLEM).final
    for name in ("m", "m_2"):
        mean = getattr(found.final, f"{name}_paired")
        assert abs(mean.mean - getattr(exact, name)) < 5 * mean.stderr
    assert found.final.v_paired.mean == pytest.approx(exact.v, rel=1e-9)


@pytest.mark.parametrize("classes", [Continuum(), Exponential(0.4)], ids=repr)
def test_class_2_is_that_of_the_draw_however_classes_are_held(classes):
    mixture = draw_direct(8, 50, seed=3, draw=5)
    assert np.array_equal(draw_second(mixture.target, 3, 5), mixture.target + mixture.delta[0])
    p = COMPETING.replace(classes=classes, guidance=Composed(1.0, w_2=0.6))
    code, sizes = euler(sd_sigmas(10), start="vp"), {"d": 10, "n_samples": 9, "n_disorder": 2, "progress": False}
    ways = [{}] if classes == Continuum() else [{}, {"classes": "streamed"}, {"classes": "reference"}]
    every = [run_sampler(p, code, **sizes, **way, threads=n) for way in ways for n in (1, 2)]
    for other in every[1:]:
        for name in ("m", "m_2", "v"):
            assert other.draws[name] == pytest.approx(every[0].draws[name], abs=1e-5)
    if classes != Continuum():
        assert np.isfinite(run_sampler(p, code, **sizes, classes="lazy").draws["m_2"]).all()


def test_the_posterior_knows_class_2():
    """Two classes draw samples to the middle, half of them on either side; unless class 2 counts, m(0) would be 0."""
    p = PROBLEM.replace(classes=Fixed(2), guidance=Composed(1.0, w_2=1.0), sampler="sde")
    data = run(p, d=30, n_samples=32, n_disorder=16, **SIZES).final
    for theory in (quenched, reduced):
        found = theory(p, 30, n_samples=320, n_draws=16, **SIZES).final
        for name in ("m", "m_2", "v", "participation", "accuracy"):
            one, other = getattr(data, name), getattr(found, name)
            assert abs(one.mean - other.mean) < 5 * np.hypot(one.stderr, other.stderr)
        assert found.m.mean == pytest.approx(0.5, abs=0.05)
        assert found.accuracy.mean == pytest.approx(0.5, abs=0.2)


def test_with_groups_of_directions():
    two = Spectrum(c=[0.2, 0.5], u=[1.2, 4.5])
    p = Problem(classes=Continuum(), spectrum=two, guidance=Composed(1.0, w_2=0.4), sampler="ode", t_start=1000.0)
    data = run(p, d=200, n_samples=16, n_disorder=16, **SIZES)
    found = compare(solve(p), data, times=[0.0])
    assert found and "m_2[1]" in str(found)
    with pytest.raises(ProblemError, match="three directions in every group"):
        run(p, d=4, n_samples=2, n_disorder=2, **SIZES)


def test_the_shell_and_sweeps(tmp_path):
    words = ["--continuum", "--sampler", "ode", "--t-start", "1000", "--w", "1", "--json"]
    for rule, same in (("negative", Negative(1.0)), ("composed,w_2=0.4", Composed(1.0, w_2=0.4))):
        done = CliRunner().invoke(app, ["solve", *words, "--rule", rule])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["m_2"] == pytest.approx(float(solve(PROBLEM.replace(guidance=same)).final.m_2))
        ran = CliRunner().invoke(app, ["simulate", *words, "--rule", rule, "--d", "8", "--n-samples", "4",
                                       "--n-disorder", "2", "--n-steps", "10"])  # fmt: skip
        assert "m_2" in json.loads(ran.stdout)["final"], ran.output
    grid = sweep(COMPETING, {"guidance": RULES, "d": [6]}, n_samples=8, n_disorder=4, n_steps=20, progress=False)
    assert grid.theory_v[0].values[..., -1] > grid.theory_v[1].values[..., -1]


OWN = """
from dataclasses import dataclass
from typing import Any

from meanfield import Rule


@dataclass(frozen=True)
class Mixed(Rule):
    guidance: Any = 1.0
    share: float = 0.5
    name = "mixed-in-a-test"
    second = True

    def guided(self, x, cond, uncond, t, w, second):
        return cond + w * (cond - self.share * uncond - (1.0 - self.share) * second)
"""


def test_a_rule_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_pair.py").write_text(OWN)
    words = ["--continuum", "--sampler", "ode", "--t-start", "1000", "--w", "1", "--json", "--plugin", "own_pair.py"]
    done = CliRunner().invoke(app, ["solve", *words, "--rule", "mixed-in-a-test,share=0.25"])
    assert done.exit_code == 0, done.output
    same = solve(PROBLEM.replace(guidance=Composed(1.0, w_2=-0.75))).final
    assert json.loads(done.stdout)["m_2"] == pytest.approx(float(same.m_2), abs=1e-7)
    assert json.loads(done.stdout)["m"] == pytest.approx(float(same.m), abs=1e-7)


@dataclass(frozen=True)
class Bad(Rule):
    function: Any
    guidance: Any = 1.0
    name = "bad-pair-in-a-test"
    second = True

    def guided(self, x, cond, uncond, t, w, second):
        return self.function(cond, second)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Bad(lambda c, n: c + np.clip(n, -0.3, 0.3)), "single directions"),
        (lambda: Bad(lambda c, n: c + n / np.linalg.norm(n)), "every sample by itself"),
        (lambda: Bad(lambda c, n: n[..., :1]), "the shape of x"),
        (lambda: Bad(lambda c, n: n * np.nan), "finite numbers"),
        (lambda: Bad(lambda c: c), r"\(x, cond, uncond, t, w, second\)"),
        (lambda: Composed(1.0, w_2=PowerLaw(1.0, 0.5)), "w_2 must be a function of t"),
        (lambda: Composed(1.0, w_2="x"), "number"),
        (lambda: Negative(PowerLaw(1.0, 0.5)), "function of t"),
        (lambda: PROBLEM.replace(classes=Fixed(1)), "needs a second class"),
        (lambda: run(PROBLEM.replace(classes=Exponential(0.01)), d=6, n_samples=2, n_disorder=2), "second class"),
        (lambda: quenched(PROBLEM.replace(classes=Exponential(0.01)), 6, n_samples=2, n_draws=2), "second class"),
        (lambda: run(PROBLEM, d=2, n_samples=2, n_disorder=2), "three directions"),
        (lambda: solve(PROBLEM.replace(t_start=np.inf)), "t_start"),
        (lambda: design(PROBLEM), "demand of its own"),
    ],
)
def test_bad_input_is_refused(make, says):
    with pytest.raises((ScheduleError, ProblemError), match=says):
        make()


# -- given scores ------------------------------------------------------------------------------------------------------

MEANS = np.array([[1.0, -1.0], [0.5, 2.0]])


def score_of(mean, variance=0.25):
    return lambda x, t: (mean - x) / (variance + t)


def never(x, t):
    raise AssertionError("a negative prompt has no unconditional score")


def test_given_scores():
    one, two = (score_of(mean) for mean in MEANS)
    wide, left = score_of(0.0, 1.25), 1 - np.sqrt(0.25 / 1000.25)
    x = sample_scores(PROBLEM, one, never, 2, second=two, n_samples=4000)
    error = 5 * np.sqrt(0.25 / 4000)
    assert np.abs(x.mean(axis=0) - (2 * MEANS[0] - MEANS[1]) * left).max() < error
    assert np.abs(x.mean(axis=0) - (2 * MEANS[0] + MEANS[1]) * left).max() > error, "negative control"
    assert x.var(axis=0) == pytest.approx(0.25 * np.ones(2), rel=0.1)
    rule = Composed(Interval(1.0, 0.1, 50.0), w_2=0.4)
    y = sample_scores(PROBLEM.replace(guidance=rule), one, wide, 2, second=two, n_samples=4000)
    final = solve(PROBLEM.replace(guidance=rule)).final
    assert np.abs(y.mean(axis=0) - final.m * MEANS[0] - final.m_2 * MEANS[1]).max() < error
    assert y.var(axis=0) == pytest.approx(final.v * np.ones(2), rel=0.1)


def test_a_second_score_is_asked_for_where_it_is_taken_and_nowhere_else():
    one, two = (score_of(mean) for mean in MEANS)
    with pytest.raises(ProblemError, match="takes a score of a second condition"):
        sample_scores(PROBLEM, one, never, 2, n_samples=2)
    with pytest.raises(ProblemError, match="takes no score of a second condition"):
        sample_scores(PROBLEM.replace(guidance=1.0), one, two, 2, second=two, n_samples=2)
