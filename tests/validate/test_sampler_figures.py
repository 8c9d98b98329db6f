"""Figures of samplers, of rules of guidance and of CFG++: known numbers, theory against particles, drawings."""

import numpy as np
import pytest
from drawn_words import words

from meanfield import Continuum, Exponential, Problem
from meanfield.vector.solver import solve_sampler
from validate.agreement.statistics import family_threshold, normal_score
from validate.figures import cfg_plus_plus, guidance_rules, samplers
from validate.figures.cfg_plus_plus import cfg_at, effective_scale, even_levels
from validate.figures.guidance_rules import RULES, ddim_with
from validate.figures.samplers import on_sd_levels

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
SMALL = {"n_samples": 60, "n_disorder": 12, "progress": False}


@pytest.fixture(scope="module")
def data():
    names = ["euler", "dpmpp-2m", "euler-ancestral"]
    return {
        "samplers": samplers.against_steps(PROBLEM, names, [6, 20], [6, 20], d=32, **SMALL),
        "rules": guidance_rules.rules_against_steps(
            PROBLEM, ["CFG", "TCFG"], [6], [6], scale=3.0, shape=(2, 16, 16), **SMALL | {"n_samples": 4}
        ),
        "plus": cfg_plus_plus.plus_plus_against_steps(PROBLEM, [0.3, 0.6], [6, 20], [6, 20], d=32, **SMALL),
    }


def scores(data, factor=1.0):
    """Particles less the theory (v of it times a factor) in standard errors, all points of a figure."""
    found = []
    for q, times in (("m", 1.0), ("v", factor)):
        line = data[f"line_{q}"].sel(steps=data.point.values).values * times
        pairs = zip((data[q].values - line).ravel(), data[f"{q}_error"].values.ravel(), strict=True)
        found += [normal_score(*pair, SMALL["n_disorder"] - 1.0) for pair in pairs]
    return np.array(found)


@pytest.mark.parametrize("figure", ["samplers", "rules", "plus"])
def test_particles_agree_with_the_theory_and_not_with_one_five_percent_off(data, figure):
    z = scores(data[figure])
    assert np.abs(z).max() < family_threshold(len(z))
    assert np.abs(scores(data[figure], 1.05)).max() > family_threshold(len(z))


@pytest.mark.parametrize(
    ("rule", "m", "v", "m_few", "v_few"),
    [
        ("CFG", 1.3476, 0.0231, 1.3279, 0.4758),
        ("rescale 0.7", 1.4401, 0.1301, 1.3197, 0.6657),
        ("APG, eta 0", 1.5823, 0.1025, 1.3223, 0.5068),
        ("APG, momentum", 1.4235, 2.0115, 1.2099, 0.9509),
        ("CFG-Zero*", 1.3861, 0.0299, 1.2832, 0.6078),
        ("TCFG", 1.2435, 0.1290, 1.1939, 0.5546),
    ],
)
def test_rules_have_the_law_of_the_guiders_of_diffusers(rule, m, v, m_few, v_few):
    """Scale 3, DDIM, 30 steps: found with the guider classes of diffusers 0.42, continuum and alpha = 0.4."""
    for classes, expected in ((Continuum(), (m, v)), (Exponential(0.4), (m_few, v_few))):
        end = solve_sampler(PROBLEM.replace(classes=classes), ddim_with(rule, 30, 3.0), shape=(4, 32, 32)).final
        assert (end.m, end.v / 0.25) == pytest.approx(expected, abs=6e-5)


def test_every_rule_returns_two_equal_predictions_unchanged():
    """But for the first step of CFG-Zero*."""
    e = np.random.default_rng(0).standard_normal((3, 4, 8, 8))
    for name, rule in RULES.items():
        memory: dict = {}
        rule(e, e, 3.0, memory)
        assert np.allclose(rule(e, e, 3.0, memory), e, rtol=1e-12), name


def test_tangential_guidance_is_that_of_the_singular_vectors():
    c, u = np.random.default_rng(1).standard_normal((2, 1, 50))
    first = np.linalg.svd(np.stack([c[0], u[0]]), full_matrices=False)[2][0]
    assert np.allclose(RULES["TCFG"](c, u, 1.0, {}), c) and np.allclose(
        RULES["TCFG"](c, u, 0.0, {})[0], u @ first * first
    )


@pytest.mark.parametrize("n", [10, 20, 50])
def test_cfg_plus_plus_is_cfg_of_another_scale(n):
    levels = even_levels(n)
    scales = effective_scale(levels, 0.6)
    for problem in (PROBLEM, PROBLEM.replace(classes=Exponential(0.4))):
        one = solve_sampler(problem, cfg_plus_plus.cfg_plus_plus(levels, 0.6))
        same, other = (solve_sampler(problem, cfg_at(levels, (scales * k).tolist())) for k in (1.0, 1.01))
        assert np.allclose(one.m, same.m, atol=1e-12) and np.allclose(one.v, same.v, rtol=1e-9)
        assert abs(other.final.v / same.final.v - 1.0) > 1e-3


def test_cfg_plus_plus_of_more_steps_acts_as_a_larger_scale():
    found = []
    for n in (10, 20, 50):
        levels = even_levels(n)
        law = solve_sampler(PROBLEM, cfg_plus_plus.cfg_plus_plus(levels, 0.6))
        found.append((effective_scale(levels, 0.6)[0], law.m[-2], law.v[-2] / 0.25))  # at the last level, 0.03
    expected = [(1.20, 1.080, 0.494), (2.15, 1.329, 0.112), (5.04, 1.359, 0.0008)]
    assert np.allclose(found, expected, atol=5e-3) and np.allclose(
        np.array(found)[:, 1:], np.array(expected)[:, 1:], atol=6e-4
    )


def test_the_limit_is_that_of_many_steps(data):
    """Heun's 1000 steps on the trained levels end in a step from sigma = 0.03, which is all that is left."""
    limit = data["samplers"].sel(sampler="euler")

    def distance(n):
        end = solve_sampler(PROBLEM, on_sd_levels("heun", n)).final
        return np.hypot(end.m - float(limit.limit_m), end.v / 0.25 - float(limit.limit_v))

    assert distance(1000) < 2e-3 < 0.01 < distance(20)


def test_drawings(data):
    drawn = [samplers.draw(data["samplers"]), guidance_rules.draw(data["rules"]), cfg_plus_plus.draw(data["plus"])]
    for figure, axes in drawn:
        assert all(axis.get_title(loc="left") for axis in np.ravel(axes))
        assert any(axis.get_xlabel() == "number of steps" for axis in np.ravel(axes))
        figure.savefig("/dev/null", format="png")
    _, axes = drawn[0]
    labels = words(axes)
    assert {"DDIM (Euler)", "DPM++ 2M", "Euler ancestral", "continuous time"} <= labels


@pytest.mark.parametrize("room", [samplers, guidance_rules, cfg_plus_plus])
def test_captions_state_their_numbers(room, data):
    key = {samplers: "steps", guidance_rules: "rules", cfg_plus_plus: "steps"}[room]
    small = {samplers: "samplers", guidance_rules: "rules", cfg_plus_plus: "plus"}[room]
    part = data[small]
    if room is not samplers:
        part = part.isel(steps=[0] * 3).assign_coords(steps=[10, 20, 50])
    assert r"$\sigma^2 = 0.25$" in room.FIGURE.caption({key: part})
