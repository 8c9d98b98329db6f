"""`compare` tells agreement from disagreement, at its stated false-alarm rate, through the path users call.

The finite-d effect of a problem is computed once for all theories that are held against its particles.
"""

import dataclasses
import math
from functools import cache, partial

import numpy as np
import pytest
from validation_cases import PROBLEM, labelled, particles, synthetic

from meanfield import Continuum, DensityRatio, Exponential, Fixed, Problem, Tabulated, fade, few_classes, reduced, solve
from meanfield.finite import few
from simulate import run, timestep_error
from validate import compare
from validate.agreement import comparison
from validate.agreement.comparison import REDUCED
from validate.agreement.estimates import draws_at
from validate.agreement.statistics import wilson
from validate.errors import ComparisonError

CONTINUUM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)


@pytest.fixture(scope="module", autouse=True)
def once():
    """`reduced` of what it is a function of, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "reduced", cache(comparison.reduced))
        yield


@pytest.fixture(scope="module")
def exact():
    """Particles of a problem that is solvable at every d, both samplers."""
    return {s: particles(CONTINUUM.replace(sampler=s), d=8, n_steps=150) for s in ("sde", "ode")}


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_agreement_where_the_theory_is_exact(exact, sampler):
    assert compare(solve(CONTINUUM.replace(sampler=sampler)), exact[sampler])


@pytest.mark.parametrize(
    "wrong",
    [
        {"guidance": 1.1},
        {"guidance": 0.9},
        {"sigma2": 0.125},
        {"sigma2": 0.5},
        {"sampler": math.sqrt(0.5)},
        {"sampler": math.sqrt(2.0)},
    ],
    ids=str,
)
def test_negative_controls_fail(exact, wrong):
    """w off by 10 %, class variance or noise variance off by a factor 2: the same call must say no."""
    problem = CONTINUUM.replace(**wrong)
    verdict = compare(solve(problem), labelled(exact["sde"], problem))
    assert not verdict
    assert "DISAGREES" in str(verdict)


@pytest.mark.parametrize(
    "wrong", [{"guidance": 1.1}, {"classes": Exponential(alpha=0.44)}, {"sampler": math.sqrt(2.0)}], ids=str
)
def test_negative_controls_against_an_ensemble_fail(wrong):
    """The finite-d theory as prediction: an ensemble against an ensemble of a slightly different problem."""
    right = reduced(PROBLEM, 60, n_samples=24_000, n_draws=30, n_steps=60, seed=2)
    same = reduced(PROBLEM, 60, n_samples=19_200, n_draws=24, n_steps=60, seed=3)
    assert compare(right, same)
    other = reduced(PROBLEM.replace(**wrong), 60, n_samples=19_200, n_draws=24, n_steps=60, seed=3)
    assert not compare(right, labelled(other, PROBLEM))


def test_plain_estimator_where_guidance_does_nothing():
    """w = 0, and a target without rivals: both twins coincide, so the paired estimate would always agree."""
    for problem in (PROBLEM.replace(guidance=0.0), PROBLEM.replace(classes=Fixed(1))):
        data = particles(problem)
        verdict = compare(solve(problem), data)
        assert verdict
        assert any("estimator: plain" in note for note in verdict.notes)
        assert all(row.stderr > 0 for row in verdict.rows)
        wrong = problem.replace(sigma2=0.5)
        assert not compare(solve(wrong), labelled(data, wrong))


def test_finite_size_is_its_own_column(data):
    theory = solve(PROBLEM)
    bare, full = compare(theory, data), compare(theory, data, finite_size="reduced")
    assert not bare  # d = 10 is not infinite, and the particles resolve it
    assert all(math.isnan(row.finite_size) for row in bare.rows)
    annealed = comparison.reduced(PROBLEM, data.d, n_times=len(data.t), **REDUCED)
    assert [row.theory for row in full.rows] == [row.theory for row in bare.rows]
    assert full.rows[-2].predicted == pytest.approx(float(annealed.final.m_paired.mean), abs=1e-12)
    assert full.rows[-2].stderr > bare.rows[-2].stderr  # the error of the finite-d effect counts
    assert compare(theory, data, finite_size=annealed).rows == full.rows


def test_particles_agree_with_themselves_as_a_theory(data):
    other = particles(seed=2)
    assert compare(other, data)
    assert compare(other, data, estimator="plain", times=[0.0, 1.0])


def test_a_theory_of_other_records_is_read_between_them():
    """v between records of another grid: unguided particles, whose v is D at every time."""
    data = particles(PROBLEM.replace(guidance=0.0), n_samples=4, n_disorder=4, n_steps=50)
    other = particles(PROBLEM.replace(guidance=0.0), n_samples=4, n_disorder=4, n_steps=60)
    keys, t = [("v", i) for i in range(3)], data.t[[5, 14, 23]]
    assert np.abs(other.t[:, None] / t - 1.0).min() > 0.01  # no record is near
    D = PROBLEM.sigma2 + t
    assert np.abs(draws_at(other, keys, t, "paired") / D - 1.0).max() < 1e-10
    straight = np.interp(np.log(D), np.log(other.D[::-1]), other.D[::-1])
    assert np.abs(straight / D - 1.0).max() > 1e-3  # what a straight line would give


@pytest.mark.parametrize("n_draws", [8, 24])
def test_false_alarm_rate_and_power(n_draws):
    """300 true statements at level 0.1: the rate of rejection is compatible with at most 0.1, and not far below."""
    theory, t = solve(PROBLEM), np.array([20.0, 3.0, 1.0, 0.0])
    rng = np.random.default_rng(n_draws)
    alarms = sum(
        not compare(theory, synthetic(rng, theory, t, n_draws), level=0.1, estimator="plain") for _ in range(300)
    )
    low, high = wilson(alarms, 300, 0.01)
    assert low <= 0.1
    assert high >= 0.05
    missed = sum(
        bool(compare(theory, synthetic(rng, theory, t, n_draws, shift=8.0), level=0.1, estimator="plain"))
        for _ in range(50)
    )
    assert missed <= 1


def test_time_step_error_is_stated_and_never_widens(data):
    coarse = particles(CONTINUUM, d=8, n_steps=6)
    error = timestep_error(CONTINUUM, d=8, n_samples=100, n_disorder=4, n_steps=6, progress=False)
    theory = solve(CONTINUUM)
    bare, stated = compare(theory, coarse), compare(theory, coarse, timestep=error)
    assert bare.rows == stated.rows
    assert bool(bare) == bool(stated)
    assert stated.timestep == (("m", error.m, error.m_stderr), ("v", error.v, error.v_stderr))
    assert "raise n_steps" in str(stated)


def test_times_and_chi2_follow_the_draws(data):
    assert [row.t for row in compare(solve(PROBLEM), data, times=[0.0]).rows] == [0.0, 0.0]
    few = particles(n_disorder=3)
    verdict = compare(solve(PROBLEM), few, times=list(few.t[-4:]))
    assert verdict.chi2 is None
    assert "no chi2: 3 draws weigh no two numbers together. Use 16 draws or more" in str(verdict)
    full = compare(solve(PROBLEM), data, times=list(data.t[-4:]))
    assert full.chi2.k == 3 and "chi2 of the last 3 of 8 numbers: 24 draws weigh no more" in str(full)
    assert compare(solve(PROBLEM), data, times=[0.0]).chi2.k == 2


def test_another_problem_or_dimension_is_refused(data):
    with pytest.raises(
        ComparisonError, match=r"must be of one problem; these differ in sigma2: 0.3 and 0.25. Solve the one"
    ):
        compare(solve(PROBLEM.replace(sigma2=0.3)), data)
    with pytest.raises(ComparisonError, match=r"got d = 12 and particles at d = 10. Use solve\(problem, d=10\)"):
        compare(solve(PROBLEM, 12), data)
    with pytest.raises(ComparisonError, match=r"at least 2 draws for an error bar; got 1. Raise n_disorder"):
        compare(solve(PROBLEM), particles(n_disorder=1, n_samples=4))
    with pytest.raises(ComparisonError, match=r"0 <= t <= .*; got \[1000000000.0\]"):
        compare(solve(PROBLEM), data, times=[1e9])
    with pytest.raises(ComparisonError, match='finite_size must be None, "reduced" or an Ensemble'):
        compare(solve(PROBLEM), data, finite_size="large")
    with pytest.raises(ComparisonError, match="a theory at d = infinity; got a theory at d = 10"):
        compare(solve(PROBLEM, 10), data, finite_size="reduced")
    with pytest.raises(ComparisonError, match=r"estimator must be one of \['paired', 'plain'\]"):
        compare(solve(PROBLEM), data, estimator="median")


RATIO = Problem(classes=Continuum(), sigma2=0.6, guidance=DensityRatio(0.2, w_max=3.0), sampler="sde")


def test_the_finite_d_effect_does_not_mend_a_wrong_theory(data):
    off = dataclasses.replace(solve(PROBLEM.replace(guidance=1.1)), problem=PROBLEM)
    right, wrong = (compare(theory, data, finite_size="reduced") for theory in (solve(PROBLEM), off))
    assert [r.finite_size for r in wrong.rows] == pytest.approx([r.finite_size for r in right.rows], abs=1e-12)
    last = [verdict.rows[-2] for verdict in (right, wrong)]
    assert last[1].predicted - last[0].predicted == pytest.approx(off.final.m - solve(PROBLEM).final.m, abs=1e-12)


def test_what_fade_leaves_out_is_added_and_stated():
    """Particles resolve the order 1/d: it has its column, and two theories slightly off still fail."""
    data = run(RATIO, d=24, n_samples=1000, n_disorder=40, n_steps=120, progress=False)
    theory = fade(RATIO, 24)
    verdict = compare(theory, data)
    assert verdict and "the order 1/d that fade leaves out" in str(verdict)
    m, v = verdict.rows[-2:]
    bare = [abs(row.particles - row.theory) / row.stderr for row in (m, v)]
    assert max(bare) > verdict.threshold  # what fade alone would be told
    exact = comparison.reduced(RATIO, 24, n_times=len(data.t), **REDUCED)
    assert m.finite_size == pytest.approx(float(exact.final.m_paired.mean) - theory.trajectory.final.m, abs=1e-9)
    assert compare(theory, data, finite_size=exact)
    for wrong in (DensityRatio(0.23, w_max=3.0), DensityRatio(0.18, w_max=3.0)):
        off = fade(RATIO.replace(guidance=wrong), 24).trajectory
        assert not compare(dataclasses.replace(off, problem=RATIO), data)


def test_guidance_by_a_ratio_is_compared_with_fade():
    """Negative control: the theory of a beta a third off; another guidance is refused in few words."""
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=DensityRatio(0.3), sampler="ode")
    data = run(p, d=64, n_samples=200, n_disorder=16, n_steps=100, progress=False)
    theory = fade(p, 64)
    assert compare(theory, data, times=[0.0]) and compare(theory.trajectory, data, times=[0.0])
    off = fade(p.replace(guidance=DensityRatio(0.4)), 64).trajectory
    assert not compare(dataclasses.replace(off, problem=p), data, times=[0.0])
    table = p.replace(guidance=Tabulated(theory.t.tolist(), theory.weight.tolist()))
    with pytest.raises(ComparisonError, match="differ in guidance: Tabulated") as caught:
        compare(solve(table, 64), data)
    assert len(str(caught.value)) < 400


def test_fade_is_not_judged_where_what_it_leaves_out_is_not_known(monkeypatch):
    drawn = RATIO.replace(classes=Exponential(0.4))
    with pytest.raises(ComparisonError, match=r"a continuum and d >= 4.*got Exponential\(alpha=0.4\) at d = 8"):
        compare(fade(drawn, 8), particles(drawn, d=8, n_disorder=2, n_samples=10))
    with pytest.raises(ComparisonError, match="at d = 3"):
        compare(fade(RATIO, 3), particles(RATIO, d=3, n_disorder=2, n_samples=10))
    wall = RATIO.replace(guidance=DensityRatio(0.2))  # 50,000 samples of the SDE: some steps get beyond it
    with pytest.raises(ComparisonError, match=r"could not be computed: .* beta r < 1 .* w_max"):
        compare(fade(wall, 24), labelled(particles(RATIO, d=24, n_disorder=2, n_samples=10), wall))
    monkeypatch.setitem(REDUCED, "n_samples", 5000)
    near = RATIO.replace(guidance=DensityRatio(0.2, w_max=1e4))  # weights that its steps do not resolve
    with pytest.raises(ComparisonError, match=r"could not be computed: time steps must resolve the guidance"):
        compare(fade(near, 24), labelled(particles(RATIO, d=24, n_disorder=2, n_samples=10), near))


def test_plot_draws_without_simulating(data):
    verdict = compare(solve(PROBLEM), data)
    figure, axes = verdict.plot()
    assert len(axes) == 3
    assert figure is axes[0].figure


def test_verdict_is_frozen(data):
    with pytest.raises(dataclasses.FrozenInstanceError):
        compare(solve(PROBLEM), data).level = 0.5


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_few_classes_are_the_finite_d_effect_of_a_number_that_is_sub_exponential(sampler, monkeypatch):
    """`solve` at d = infinity knows no distortion here; nor does it agree by the rate log(P)/d, or by another P, w."""
    theory = cache(partial(few_classes, n_samples=4000, n_steps=240, progress=False))  # errors below the particles'
    monkeypatch.setattr(few, "few_classes", lambda problem, d, n_steps, progress: theory(problem, d))
    problem = Problem(classes=Fixed(10), sigma2=0.25, guidance=1.0, sampler=sampler)
    data = run(problem, d=200, n_samples=60, n_disorder=60, n_steps=60, seed=7, progress=False)
    right = compare(solve(problem), data)
    assert right and any("few_classes" in note for note in right.notes)
    final = {row.quantity: row for row in right.rows if row.t == 0.0}
    assert final["m"].theory == 1.0 and final["m"].finite_size > 0.0
    assert theory(problem, 200).final.m.stderr < 0.5 * final["m"].stderr
    assert compare(theory(problem, 200), data)
    assert not compare(solve(problem, 200), data)
    for change in ({"n": 8}, {"w": 1.2}):
        other = problem.replace(**change)
        assert not compare(theory(other, 200), data, assume=other)
    assert not compare(reduced(problem, 200), data)
