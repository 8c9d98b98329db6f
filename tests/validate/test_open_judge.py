"""`compare` judges anybody's theory, and that of another problem on purpose."""

import math
from dataclasses import replace

import numpy as np
import pytest
from judged import CONTINUUM, curve
from validation_cases import PROBLEM, particles

from meanfield import Continuum, Fixed, Problem, Spectrum, many_classes, reduced, solve
from meanfield.sampler.levels import sd_sigmas
from meanfield.sampler.native import euler
from simulate import run
from simulate.sampled.runner import run_sampler
from validate import Comparison, ComparisonError, compare
from validate.agreement.statistics import normal_score, two_sided

# a theory of the user's own


def points(t, problem=CONTINUUM):
    return {x: curve(problem)(x) for x in t.tolist()}


def columns(t, problem=CONTINUUM):
    m, v = np.transpose([curve(problem)(x) for x in t])
    return {"t": t, "m": m, "v": v}


FORMS = {
    "function": lambda t, p: curve(p),
    "points": lambda t, p: points(t, p),
    "columns": lambda t, p: columns(t, p),
    "the end": lambda t, p: curve(p)(0.0),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_right_theory_agrees_and_of_a_wrong_one_does_not(exact, form):
    theirs = compare(solve(CONTINUUM), exact, times=[0.0] if form == "the end" else None)
    t = np.array(sorted({row.t for row in theirs.rows}))
    mine = compare(FORMS[form](t, CONTINUUM), exact, name="mine")
    assert mine and mine.rows == theirs.rows and mine.chi2 == theirs.chi2
    assert str(mine).startswith("user's theory 'mine' against") and mine.theory.standing == "stated"
    assert not compare(FORMS[form](t, CONTINUUM.replace(w=1.1)), exact, name="w = 1.1")


def test_the_theory_of_many_classes_states_the_end(exact):
    found = many_classes(exact.problem.replace(t_start=math.inf, classes=Fixed(10**6)), 4)
    theirs, mine = compare(found, exact), compare((found.m, found.v), exact)
    assert theirs.rows == mine.rows and {row.t for row in mine.rows} == {0.0}
    with pytest.raises(ComparisonError, match=r"order 1/P is enough; got variance=.*Take quenched"):
        compare(many_classes(exact.problem.replace(t_start=math.inf, classes=Fixed(10)), 4), exact)


def test_a_function_has_its_own_name(exact):
    def of_last_week(t):
        return curve()(t)

    assert "user's theory 'of_last_week' against" in str(compare(of_last_week, exact))
    assert compare(of_last_week, exact, times=[0.0]).rows[0].t == 0.0
    assert "mine, exact theory, at d = infinity" in str(compare(solve(CONTINUUM), exact, name="mine")).replace("'", "")


def test_errors_that_are_stated_enter_z(exact):
    """The score is that of the difference over both errors in quadrature (Welch); without the error it disagrees."""
    m, v = curve()(0.0)
    bare = compare((m, v), exact).rows[0]
    off = m + 8.0 * bare.stderr
    error = 6.0 * bare.stderr
    assert not compare((off, v), exact)
    verdict = compare((off, v, error, 0.0), exact)
    row = verdict.rows[0]
    assert verdict and row.stderr == pytest.approx(math.hypot(bare.stderr, error), rel=1e-12)
    dof = (exact.n_draws - 1) * 37.0**2  # Welch: (s^2 + e^2)^2 / (s^4/(n - 1)), e = 6 s
    assert row.z == pytest.approx(normal_score(row.particles - off, row.stderr, dof), abs=0.05)
    assert verdict.chi2 is None and "no chi2: how the stated errors are correlated is not known" in str(verdict)
    assert not compare((off + 12 * error, v, error, 0.0), exact)
    table = columns(np.array([0.0, exact.t[20]])) | {"m_error": [0.0, error], "v_error": [0.0, 0.0]}
    assert [r.stderr > 5.0 * bare.stderr for r in compare(table, exact).rows] == [True, False, False, False]


def test_a_stated_theory_takes_the_effect_of_finite_d(data):
    theory, effect = solve(PROBLEM), reduced(PROBLEM, data.d, n_samples=4000, n_draws=16, n_times=len(data.t))
    theirs = compare(theory, data, finite_size=effect)
    assert compare(curve(PROBLEM), data, finite_size=effect).rows == theirs.rows
    assert theirs.rows[-1].finite_size != 0.0


def test_a_table_is_read_at_its_own_times():
    """Unguided particles, whose v is D: between records too, unless these are too few to tell."""
    unguided = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0)
    times = [8.0, 1.0, 0.1]
    data = particles(unguided, n_steps=60)
    assert not {*times} & {*data.t}
    right = compare({t: (1.0, 0.25 + t) for t in times}, data)
    assert right and [row.t for row in right.rows[::2]] == times
    assert not any("records" in note for note in right.notes)
    assert not compare({t: (1.0, 1.1 * (0.25 + t)) for t in times}, data)
    guided = run(CONTINUUM, d=64, n_samples=400, n_disorder=24, n_steps=60, n_times=5, progress=False)
    few = compare(points(np.array([5.0])), guided)
    assert any("half of the records would say something else at t = 5; raise n_times" in note for note in few.notes)
    bare = particles(unguided, n_steps=60, n_times=2)
    assert any("too few records" in n for n in compare({1.0: (1.0, 1.25)}, bare).notes)


def test_a_stated_theory_of_groups_is_of_all_directions():
    p = CONTINUUM.replace(spectrum=Spectrum([0.1, 0.5], [1.1, 3.0], [0.25, 0.75]))
    data = particles(p, d=8)
    theory = solve(data.problem)
    verdict = compare(lambda t: (float(theory.at(t).m), float(theory.at(t).v)), data)
    assert {row.quantity for row in verdict.rows} == {"m", "v"} and verdict
    assert not compare(lambda t: (float(theory.at(t).m), 1.1 * float(theory.at(t).v)), data)


def test_of_a_samplers_code_the_end_is_judged():
    p = CONTINUUM.replace(t_start=math.inf)
    data = run_sampler(p, euler(sd_sigmas(6)), d=20, n_samples=16, n_disorder=16, progress=False)
    m, v = (float(getattr(data.final, f"{q}_paired").mean) for q in "mv")
    for theory in ((m, v), lambda t: (m, v), {0.0: (m, v)}):
        verdict = compare(theory, data)
        assert [row.t for row in verdict.rows] == [0.0, 0.0]
        assert [row.particles for row in verdict.rows] == pytest.approx([m, v], rel=1e-12)
    assert not compare((1.1 * m, v), data)
    with pytest.raises(ComparisonError, match=r"stated theory is that of the end, t = 0; got t = \[1.0\]"):
        compare({1.0: (m, v)}, data)
    with pytest.raises(ComparisonError, match=r"that of the end"):
        compare(lambda t: (m, v), data, times=[3.0])


def _raises(t):
    raise KeyError("no such time")


REFUSED = [
    ((1.0,), r"gives finite \(m, v\) or \(m, v, m_error, v_error\).*got \(1.0,\) at t = 0. Give \(m, v\)"),
    ((1.0, 0.2, 0.1), "gives finite"),
    ((1.0, math.nan), "gives finite"),
    ((1.0, -0.2), "v > 0"),
    ((1.0, 0.2, -0.1, 0.1), "errors >= 0"),
    ({}, "VE times t >= 0, each once; got"),
    ({-1.0: (1.0, 0.2)}, "VE times t >= 0, each once"),
    ({"t": [0.0, 0.0], "m": [1.0, 1.0], "v": [0.2, 0.2]}, "each once"),
    ({"t": [0.0], "m": [1.0]}, r"columns of a stated theory are t, m, v, .*got \['t', 'm'\]. Give"),
    ({"t": [0.0], "m": [1.0], "v": [0.2], "w": [1.0]}, "columns of a stated theory are"),
    ({"t": [0.0], "m": [1.0], "v": [0.2], "m_error": [0.1]}, "columns of a stated theory are"),
    ({"t": [0.0, 1.0], "m": [1.0], "v": [0.2]}, r"lists of one length; got shapes \[\(2,\), \(1,\), \(1,\)\]"),
    ({"t": 0.0, "m": 1.0, "v": 0.2}, "lists of one length"),
    ({0.0: "abc"}, "gives finite .* got 'abc'"),
    ({1e9: (1.0, 0.2)}, "times must lie within the record"),
    (_raises, r"returns \(m, v\); at t = .* it raised KeyError: .*no such time.* Ask for `times`"),
    (lambda t: 1.0, "gives finite"),
    ("mine", "theory must be a Trajectory or .*a function.*got 'mine'"),
    (PROBLEM, "theory must be a Trajectory"),
]


@pytest.mark.parametrize(("theory", "match"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_theory_is_refused_in_words(exact, theory, match):
    with pytest.raises(ComparisonError, match=match):
        compare(theory, exact)


def test_a_table_takes_no_times(exact):
    with pytest.raises(ComparisonError, match=r"a table has times of its own; got times=\[0.0\]"):
        compare((1.0, 0.2), exact, times=[0.0])


# another problem on purpose


def test_a_theory_of_another_problem_is_taken_when_it_is_said(exact):
    other = CONTINUUM.replace(w=1.1)
    with pytest.raises(ComparisonError, match=r"of one problem; these differ in guidance.*say assume=theory.problem"):
        compare(solve(other), exact)
    for assume in ({"w": 1.1}, other):
        verdict = compare(solve(other), exact, assume=assume)
        assert not verdict and verdict.differs == (("guidance", "Constant(value=1.1)", "Constant(value=1.0)"),)
        assert "theory of another problem: guidance: Constant(value=1.1) (particles: Constant(value=1.0))" in str(
            verdict
        )
    same = compare(solve(CONTINUUM), exact, assume={"w": 1.0})
    assert same and not same.differs and same.rows == compare(solve(CONTINUUM), exact).rows
    _, axes = verdict.plot()
    assert "theory of guidance: Constant(value=1.1)" in axes[0].get_title(loc="left").replace("\n", " ")


def test_what_is_assumed_must_be_what_was_solved(exact):
    with pytest.raises(
        ComparisonError, match=r"of the problem that is assumed; these differ in sigma2: 0\.25 and 0\.3"
    ):
        compare(solve(CONTINUUM), exact, assume={"sigma2": 0.3})
    with pytest.raises(ComparisonError, match=r'assume names what it changes, such as \{"alpha": 0.44\}; got \{1: 2\}'):
        compare(solve(CONTINUUM), exact, assume={1: 2})
    with pytest.raises(ComparisonError, match="assume must be a Problem or a mapping"):
        compare(solve(CONTINUUM), exact, assume=[1])


def test_an_assumed_start_below_the_records_is_compared_below_it(exact):
    late = CONTINUUM.replace(t_start=3.0)
    verdict = compare(solve(late), exact, assume=late)
    assert verdict.rows and max(row.t for row in verdict.rows) <= 3.0
    with pytest.raises(ComparisonError, match=r"below the start of the theory, t = 3; got \[10.0, 0.0\]"):
        compare(solve(late), exact, assume=late, times=[10.0, 0.0])


def test_the_effect_of_finite_d_is_that_of_the_assumed_problem(data):
    other = PROBLEM.replace(alpha=0.44)
    effect = reduced(other, data.d, n_samples=4000, n_draws=16, n_times=len(data.t))
    row = compare(solve(other), data, assume={"alpha": 0.44}, finite_size=effect).rows[-2]
    assert row.predicted == pytest.approx(float(effect.final.m_paired.mean), abs=1e-12)
    with pytest.raises(ComparisonError, match=r"of one problem; these differ in classes"):
        compare(solve(PROBLEM), data, finite_size=effect)


# in words


def test_both_estimates_of_the_end_are_named(exact):
    text, end = str(compare(solve(CONTINUUM), exact)), exact.final
    for name, m in (("paired, judged", end.m_paired), ("plain         ", end.m)):
        assert f"{name} m(0) = {m.mean:.6g} +- {m.stderr:.2g}, v(0) = " in text
    assert "plain, judged  m(0)" in str(compare(solve(CONTINUUM), exact, estimator="plain"))


def test_every_p_value_has_its_threshold_and_z_its_moments(exact):
    verdict = compare(solve(CONTINUUM), exact)
    tests = len(verdict.rows) + 1
    assert verdict.p_allowed == pytest.approx(1.0 - 0.99 ** (1.0 / tests), rel=1e-9)
    (line,) = [x for x in str(verdict).splitlines() if "p = " in x]
    assert line.endswith(f"p allowed: {verdict.p_allowed:.2g}")
    z = np.array(verdict.z)
    assert f"z: mean {z.mean():+.2f}, r.m.s. {math.sqrt((z**2).mean()):.2f} (expected 0 and 1" in str(verdict)


def with_z(verdict: Comparison, *z: float) -> Comparison:
    return replace(verdict, rows=tuple(r._replace(z=x) for r, x in zip(verdict.rows, z, strict=True)), chi2=None)


def test_why_a_small_p_value_agrees(exact):
    """p = 0.005 is one of six: as small a one comes in 1 - (1 - p)^6 of all comparisons."""
    verdict = compare(solve(CONTINUUM), exact)
    assert not verdict.explanation
    z = 2.8
    small = with_z(verdict, 0.5, -1.0, 0.2, z, 1.0, 0.3)
    p, row = two_sided(z), small.rows[3]
    share = 100 * (1 - (1 - p) ** 6)
    assert small
    (why,) = small.explanation
    assert why.startswith(
        f"p = {p:.2g} of v at t = {row.t:.4g} is below 0.01 and agrees: the least of 6 is as small in "
    )
    assert f"{share:.2g} % of all" in why and why in str(small)
    assert not with_z(verdict, 0.5, -1.0, 0.2, 2.5, 1.0, 0.3).explanation  # p = 0.012
    large = with_z(verdict, 0.5, -1.0, 0.2, 4.0, 1.0, 0.3)
    assert not large and "and agrees" not in str(large)


def test_the_figure_draws_a_stated_theory(exact):
    for theory, count in ((curve(), 5), (points(exact.t[[10, 20, 32]]), 3)):
        verdict = compare(theory, exact, name="mine")
        _, axes = verdict.plot()
        x, y = axes[0].lines[0].get_data()
        assert len(x) >= count and y == pytest.approx([curve()(t)[0] for t in x - 0.25], abs=1e-9)
        assert axes[0].get_title(loc="left").startswith("user's theory 'mine'")
