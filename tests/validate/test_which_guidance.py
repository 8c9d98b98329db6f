"""Rules of guidance at equal terms: they are met, particles agree, and the front is that of all members."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from meanfield import (
    Continuum,
    Exponential,
    Piecewise,
    Problem,
    Rescale,
    dpmpp_2m,
    euler,
    sd_sigmas,
    solve,
    solve_sampler,
)
from meanfield.theory.measures import distortion
from meanfield.tools.roots import brentq
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


LEVELS = sd_sigmas(20, "trailing")
CODES = {"DPM++ 2M": dpmpp_2m(LEVELS, start="vp"), "DDIM": euler(LEVELS, start="vp")}
PAGE = (Path(__file__).parents[2] / "docs" / "which-guidance.md").read_text(encoding="utf-8")


def row(name):
    """The cells of a row of the page."""
    name = re.sub(r"alpha = [\d.]+", r"$\\\g<0>$", name)
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def first_half(rule, code, mean):
    """v(0)/sigma2 and the one scale in the first ten steps that has a mean."""
    end = LEVELS[9] * LEVELS[10]

    def law(w):
        return solve_sampler(ODE.replace(guidance=RULES[rule](Piecewise([end], [0.0, w]))), code).final

    w = brentq(lambda w: law(w).m - mean, 0.2, 8.0, xtol=1e-8)
    return law(w).v / 0.25, w


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize(
    ("rule", "column"), [("CFG", 0), pytest.param("rescaled, eps", 3, marks=pytest.mark.slow)], ids=["CFG", "eps"]
)
def test_the_table_of_equal_shift_in_steps(name, rule, column):
    stated = [tuple(map(float, re.findall(r"\d\.\d+", cell))) for cell in row(name)[column : column + 3]]
    data = equal_terms(ODE, [rule], ["constant", "designed"], term="shift", value=0.25, sampler=CODES[name])
    assert data.line_m.values == pytest.approx(1.25, abs=1e-5)
    kept, w = data.line_v.values[0], data.strength.values[0]
    found = [(kept[0], w[0]), first_half(rule, CODES[name], 1.25), (kept[1], w[1])]
    assert np.ravel(found) == pytest.approx(np.ravel(stated), abs=6e-4)
    assert found[0][0] + 0.2 < found[1][0] < found[2][0] - 0.2
    assert equal_terms(ODE, [rule], ["constant"], term="shift", value=0.26, sampler=CODES[name]).line_v[0, 0] < kept[0]


FRONTS = {  # problem, code
    "ODE, many classes": (ODE, None),
    "SDE, alpha = 0.4": (FEW.replace(sampler="sde"), None),
    "SDE, alpha = 0.7": (ODE.replace(classes=Exponential(0.7), sampler="sde"), None),
    "DPM++ 2M, 20 steps, alpha = 0.4": (FEW, CODES["DPM++ 2M"]),
    "DPM++ 2M, 20 steps, alpha = 0.7": (ODE.replace(classes=Exponential(0.7)), CODES["DPM++ 2M"]),
    "DDIM, 20 steps, alpha = 0.4": (FEW, CODES["DDIM"]),
    "DDIM, 20 steps, alpha = 0.7": (ODE.replace(classes=Exponential(0.7)), CODES["DDIM"]),
}
ORDER = ("CFG", "rescaled, eps", "rescaled, v", "rescaled, x0", "CFG-Zero*", "TCFG")
QUICK = {("ODE, many classes", "CFG"), ("ODE, many classes", "TCFG"), ("SDE, alpha = 0.4", "TCFG")}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        pytest.param(name, rule, marks=[] if (name, rule) in QUICK else pytest.mark.slow)
        for name in FRONTS
        for rule in ORDER
    ],
)
def test_the_table_of_largest_shifts(name, rule):
    problem, code = FRONTS[name]
    found = rule_fronts(problem, [rule], ["designed"], n=1, sampler=code).isel(schedule=0, member=0, rule=0)
    assert float(found["shift"]) == pytest.approx(float(row(name)[ORDER.index(rule)]), abs=6e-4)
    assert float(found["kept"]) == pytest.approx(1.0, abs=1e-6)


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
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(labels) == ["constant", "designed", "early"]
    assert [[text.get_text() for text in axis.texts] for axis in axes.flat] == [[], ["does not get there"]]
    figure.savefig("/dev/null", format="png")
    caption = which_guidance.FIGURE.caption({"shift": data})
    assert r"$\sigma^2 = 0.25$" in caption and "constant 0.32" in caption


def test_every_rule_has_an_amplitude_and_every_schedule_a_strength():
    for make in RULES.values():
        assert ODE.replace(guidance=make(0.5)).amplitude(1.0) == 0.5
    for make in SCHEDULES.values():
        assert ODE.replace(guidance=make(2.0)).amplitude(40.0) >= 0.0
