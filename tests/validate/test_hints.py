"""`compare` says what a disagreement looks like: which number of the problem would explain it, if one alone does."""

import math
from dataclasses import replace

import pytest
from judged import CONTINUUM, ODE, curve
from validation_cases import PROBLEM, labelled, particles

from meanfield import DensityRatio, Interval, Spectrum, quenched, solve
from simulate import run, timestep_error
from validate import compare
from validate.agreement.hints import hints_of


@pytest.fixture(scope="module")
def at_d():
    """Theory at the d of the particles."""
    return quenched(ODE, 14, n_samples=2400, n_draws=48, n_steps=60)


OFF = [({"w": 1.1}, 1.1), ({"w": 0.9}, 0.9), ({"sigma2": 0.275}, 0.275), ({"sigma2": 0.225}, 0.225)]
OFF += [({"t_start": 22.0}, 22.0), ({"t_start": 17.0}, 17.0)]


@pytest.mark.parametrize(("change", "true"), OFF, ids=str)
def test_the_hint_names_what_is_off(change, true):
    """Particles of another problem than they say: what differs is named, its value found to 3 %."""
    data = labelled(particles(CONTINUUM.replace(**change), d=8, n_steps=100, n_disorder=96, seed=5), CONTINUUM)
    verdict = compare(solve(CONTINUUM), data)
    assert not verdict
    (hint,) = hints_of(verdict)
    assert hint.name == next(iter(change)) and hint.fitted == pytest.approx(true, rel=0.03)
    assert f"hint: as if {hint.name} were {hint.fitted:.3g} instead of " in str(verdict)


@pytest.mark.parametrize("change", [{"w": 1.1}, {"sigma2": 0.225}, {"t_start": 17.0}], ids=str)
def test_the_hint_finds_back_what_was_assumed(exact, change):
    """Here the theory is off and the particles' own problem is not; a user's theory is no different."""
    other = CONTINUUM.replace(**change)
    (name,) = change
    true = {"w": 1.0, "sigma2": 0.25, "t_start": 20.0}[name]
    (hint,) = hints_of(compare(solve(other), exact, assume=change))
    assert hint.name == name and hint.fitted == pytest.approx(true, rel=0.03)
    (hint,) = hints_of(compare(curve(other), exact, times=[10.0, 2.0, 0.0]))
    assert hint.name == name and (hint.fitted - true) * (true - change[name]) > 0.0  # the other way


def test_alpha_is_told_from_w_and_sigma2(at_d):
    """alpha 10 % off moves what happens at speciation: nothing before, and w would have."""
    for alpha in (0.44, 0.36):
        data = labelled(
            run(ODE.replace(alpha=alpha), d=14, n_samples=150, n_disorder=24, n_steps=60, progress=False), ODE
        )
        verdict = compare(at_d, data)
        assert not verdict
        found = {hint.name: hint.fitted for hint in hints_of(verdict)}
        assert found["alpha"] == pytest.approx(alpha, rel=0.05)
        assert set(found) <= {"alpha", "eta"}  # which do the same
        assert "while the target takes over" in str(verdict) or "after the target has taken over" in str(verdict)


def test_w_is_told_from_alpha(at_d):
    data = run(ODE.replace(w=1.1), d=14, n_samples=150, n_disorder=24, n_steps=60, progress=False)
    verdict = compare(at_d, labelled(data, ODE))
    (hint,) = hints_of(verdict)
    assert hint.name == "w" and hint.fitted == pytest.approx(1.1, rel=0.03)
    assert "before the target has weight: w, the start and sigma2 act there, alpha does not" in str(verdict)


def test_there_is_no_hint_where_none_is_clear(exact, data):
    assert not any("hint" in line for line in compare(solve(CONTINUUM), exact).explanation)  # agreement
    rows = compare(solve(CONTINUUM), exact).rows
    neither = {row.t: (1.02, 1.3) for row in rows}  # no problem at all
    verdict = compare(neither, exact)
    assert not verdict and "first disagreement: m at t = " in str(verdict) and "hint" not in str(verdict)
    little = compare((curve()(0.0)[0] + 4.5 * rows[-2].stderr, curve()(0.0)[1]), exact)  # many numbers would do
    assert not little and not hints_of(little)
    bare = compare(solve(PROBLEM), data)  # finite d comes first
    assert not bare and "finite d is not in this theory: take quenched(problem, 10)" in str(bare)
    assert "hint" not in str(bare)


def test_a_coarse_time_step_comes_first():
    """Four steps look like a start that is off, unless their error is known."""
    ode = CONTINUUM.replace(sampler="ode")
    data = particles(ode, d=8, n_steps=4)
    known = timestep_error(ode, d=8, n_samples=100, n_disorder=4, n_steps=4, progress=False)
    verdict = compare(solve(ode), data, timestep=known)
    assert not verdict and "the time step comes first" in str(verdict) and "hint" not in str(verdict)


def test_a_disagreement_of_all_together_says_so(exact):
    verdict = compare(solve(CONTINUUM), exact)
    together = replace(verdict, chi2=verdict.chi2._replace(p=1e-6))
    assert not together and "no number disagrees by itself, all together do (chi2)" in str(together)


def test_every_disagreement_can_be_printed():
    """Schedules, rules and weights of the sample, with a spectrum, by other noise."""
    window = CONTINUUM.replace(guidance=Interval(1.0, 0.2, 0.8), noise="vp-cosine", t_start=0.9)
    spectrum = CONTINUUM.replace(spectrum=Spectrum([0.1, 0.5], [1.1, 3.0], [0.25, 0.75]))
    for p in (window, spectrum, CONTINUUM.replace(guidance=DensityRatio(0.2, w_max=3.0), t_start=math.inf)):
        verdict = compare((3.0, 3.0), particles(p, d=8, n_samples=20, n_disorder=8))
        assert "first disagreement: m at t = 0" in str(verdict) and verdict.explanation
