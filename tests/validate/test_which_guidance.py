"""Rules of guidance at equal terms: they are met, particles agree, and the front is that of all members."""

import math

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Problem, Rescale, dpmpp_2m, sd_sigmas, solve
from meanfield.theory.measures import distortion
from validate.agreement.statistics import family_threshold, normal_score
from validate.figures import which_guidance
from validate.figures.which_guidance import RULES, SCHEDULES, equal_terms, gain, guided_to, rule_fronts

ODE = Problem(classes=Continuum(), sigma2=0.25, sampler="ode", t_start=1000.0)
FEW = ODE.replace(classes=Exponential(0.4))
SMALL = {"d": 64, "n_samples": 32, "n_disorder": 12, "n_steps": 24}


@pytest.fixture(scope="module")
def data():
    return equal_terms(
        ODE, ["CFG", "rescaled, eps"], ["constant", "early", "designed"], term="shift", value=0.25, **SMALL
    )


def scores(data, factor=1.0):
    """Particles less the theory, v of it times a factor, in standard errors."""
    found = []
    for q, times in (("m", 1.0), ("v", factor)):
        off = (data[q] - times * data[f"line_{q}"]).values.ravel()
        found += [normal_score(*pair, 11.0) for pair in zip(off, data[f"{q}_error"].values.ravel(), strict=True)]
    return np.array(found)


def test_particles_have_the_law_of_the_theory_and_not_one_five_per_cent_off(data):
    assert np.abs(scores(data)).max() < family_threshold(12)
    assert np.abs(scores(data, 1.05)).max() > family_threshold(12)


def test_all_have_the_shift_and_keep_the_more_the_better_their_schedule(data):
    assert data.line_m.values == pytest.approx(1.25, abs=1e-5)
    kept = data.line_v.sel(rule="CFG")
    assert kept.values == pytest.approx([0.3216, 0.910, 1.0], abs=1e-3)
    assert np.all(np.diff(data.line_v.values, axis=1) > 0.0)
    rescaled = float(data.strength.sel(rule="rescaled, eps", schedule="constant"))
    assert solve(ODE.replace(guidance=Rescale(rescaled))).final.m == pytest.approx(1.25, abs=1e-5)


@pytest.mark.parametrize("problem", [ODE, FEW], ids=["continuum", "alpha"])
def test_an_equal_separation_is_that_of_the_log_odds(problem):
    _, guided = guided_to(problem, "CFG", "constant", "separation", 0.08)
    final, undistorted = solve(guided).final, solve(problem.replace(t_start=math.inf)).final
    assert gain(problem, float(final.m), float(final.v)) == pytest.approx(0.08, abs=1e-6)
    if problem is FEW:  # F of the theory, which is not finite in the continuum
        assert final.F - undistorted.F == pytest.approx(0.08, abs=1e-6)


def test_a_rule_that_shifts_no_mean_is_not_made_to():
    assert guided_to(ODE, "APG", "constant", "shift", 0.25) is None
    assert guided_to(ODE, "APG", "constant", "separation", 0.08) is not None


@pytest.mark.parametrize("sampler", [None, dpmpp_2m(sd_sigmas(10), start="vp")], ids=["time", "steps"])
def test_fronts_of_rules(sampler):
    data = rule_fronts(ODE, ["CFG", "TCFG"], list(SCHEDULES), n=3, sampler=sampler)
    kept = data.kept.values.ravel().round(6)
    for goal in ("shift", "separation"):
        more, chosen = data[goal].values.ravel(), data.on_front.sel(goal=goal).values.ravel()
        for i in range(len(kept)):
            beaten = np.any((kept >= kept[i]) & (more >= more[i]) & ((kept > kept[i]) | (more > more[i])))
            assert chosen[i] == (not beaten)
        assert 0 < chosen.sum() < len(chosen)
    if sampler is None:
        known = distortion(solve(ODE.replace(guidance=SCHEDULES["constant"](0.05))))
        first = data.isel(rule=0, schedule=0, member=0)
        assert (float(first.kl), float(first.w2)) == pytest.approx((known.kl, known.w2), rel=1e-6)
        assert float(first.kept) == pytest.approx(known.variance_ratio, rel=1e-9)
    else:
        assert data.attrs["sampler"] == "DPM++ 2M, 10 steps"


def test_no_guidance_separates_more_than_the_variance_that_is_left_allows():
    """At v = r sigma2, infinitely many classes: by (sigma2 + 1 - r)/(2 (1 + sigma2)) at most, at m = 1 + sigma2."""
    r, m = np.linspace(0.05, 2.0, 14), np.linspace(0.5, 2.0, 31)
    found = np.array([[gain(ODE, x, 0.25 * y) for x in m] for y in r])
    bound = (0.25 + 1.0 - r) / 2.5
    assert np.all(found <= bound[:, None] + 1e-12)
    assert found[:, np.argmin(np.abs(m - 1.25))] == pytest.approx(bound, abs=1e-12)
    data = rule_fronts(ODE, ["CFG", "TCFG"], ["constant"], n=6)
    left = (1.25 - data.kept - 2.5 * data.separation).values  # these lose variance
    assert np.all(left > -1e-9) and left.min() < 0.02  # constant CFG comes near


def test_drawing_and_caption(data):
    missing = data.copy(deep=True)
    missing.line_v.loc[{"rule": "CFG"}] = np.nan
    figure, axes = which_guidance.draw([("one", data), ("two", missing)])
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert labels == {"constant w", "early only", "designed window"}
    assert [text.get_text() for text in axes.flat[1].texts] == ["does not get there"]
    figure.savefig("/dev/null", format="png")
    caption = which_guidance.FIGURE.caption({"shift": data})
    assert "sigma2 = 0.25" in caption and "constant 0.32" in caption


def test_every_rule_has_an_amplitude_and_every_schedule_a_strength():
    for make in RULES.values():
        assert ODE.replace(guidance=make(0.5)).amplitude(1.0) == 0.5
    for make in SCHEDULES.values():
        assert ODE.replace(guidance=make(2.0)).amplitude(40.0) >= 0.0
