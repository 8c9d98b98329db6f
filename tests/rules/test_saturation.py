"""Length and tails of the samples of projected guidance beside CFG: what its benefit is, and what it is not."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from meanfield import (
    Continuum,
    CustomRule,
    Exponential,
    Interval,
    Problem,
    Projected,
    euler,
    sd_sigmas,
    solve,
    solve_sampler,
)
from meanfield.sampler.continuous import Integrator
from meanfield.theory.motion import Groups, Point
from meanfield.theory.push import push_of_rule
from meanfield.tools.roots import brentq
from simulate import run_sampler

SIGMA2, T = 0.25, 1000.0


def problem(guidance, sampler="ode", classes=None):
    return Problem(
        classes=Continuum() if classes is None else classes,
        sigma2=SIGMA2,
        guidance=guidance,
        sampler=sampler,
        t_start=T,
    )


def law(guidance, sampler="ode", classes=None):
    """m(0), v(0)/sigma2 and |x0|^2/d."""
    found = solve(problem(guidance, sampler, classes)).final
    m, v = float(found.m), float(found.v)
    return m, v / SIGMA2, m * m + v


def weight_of_equal_mean(sampler):
    m = law(Projected(1.0), sampler)[0]
    return brentq(lambda w: law(w, sampler)[0] - m, 1e-3, 3.0, xtol=1e-10)


# -- when it loses more variance than CFG at equal w -------------------------------------------------------------------


def test_its_variance_falls_faster_exactly_where_the_difference_has_a_part_along_the_prediction():
    rng = np.random.default_rng(2)
    signs = []
    for t, m, excess in zip(*(rng.uniform(*ends, 60) for ends in ((0.05, 9), (0, 4), (-2, 1))), strict=True):
        groups = Groups(SIGMA2)
        p = Point(groups, groups.tau(t), m - 1.0, excess)
        more = push_of_rule(Projected(1.0), p, 1.0, p.c, 0.0).b - p.c
        x, mu = np.array([p.m, np.sqrt(p.v)]), np.array([1.0, 0.0])
        signs.append((more > 0.0, (mu - p.c * x) @ (t * mu + SIGMA2 * x) > 0.0))
    signs = np.array(signs)
    assert np.all(signs[:, 0] == signs[:, 1])
    assert 5 < signs[:, 0].sum() < 55  # both happen


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize("classes", [Continuum(), Exponential(0.4)], ids=repr)
def test_at_equal_weight_it_loses_more_and_is_shorter(sampler, classes):
    for w in (0.1, 1.0, 3.0):
        cfg, projected = law(w, sampler, classes), law(Projected(w), sampler, classes)
        assert projected[1] < cfg[1]
        assert projected[2] < cfg[2]


@pytest.mark.parametrize(("sampler", "kept", "cfg"), [("ode", 0.1425, 0.8728), ("sde", 0.3846, 0.7837)])
def test_at_equal_mean_it_loses_far_more(sampler, kept, cfg):
    w = weight_of_equal_mean(sampler)
    assert law(Projected(1.0), sampler)[1] == pytest.approx(kept, abs=1e-4)
    assert law(w, sampler)[1] == pytest.approx(cfg, abs=1e-4)


# -- what it keeps: the length, (P8) -----------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [Continuum(), Exponential(0.4), Exponential(0.7)], ids=repr)
@pytest.mark.parametrize("rule", [Projected(1.0), Projected(8.0, threshold=0.3), Projected(Interval(4.0, 0.3, 3.0))])
def test_with_the_sde_the_length_is_that_of_no_guidance(rule, classes):
    kept = law(0.0, "sde")[2]
    assert kept == pytest.approx(1.0 + SIGMA2, abs=1e-3)
    assert law(rule, "sde", classes)[2] == pytest.approx(kept, abs=1e-8)
    for other in (rule.guidance, Projected(rule.guidance, 0.1, rule.threshold)):
        assert abs(law(other, "sde", classes)[2] - kept) > 1e-4, "negative control"


def test_with_the_ode_it_is_no_longer_than_without_guidance():
    assert all(law(Projected(w))[2] < law(0.0)[2] < law(w)[2] for w in (0.1, 1.0, 3.0, 8.0))


# -- particles ---------------------------------------------------------------------------------------------------------

D, SAMPLES, DRAWS = 1024, 16, 8
SHARE = 0.99  # of the entries |x_i| below the quantile; entries of x are N(0, m^2 + v)


def measured(guidance, sampler):
    """|x0|^2/d and the quantile of |entries|, by draw."""
    p, seen = problem(guidance, sampler), []
    steps = Integrator(p, 100)

    def code(model, noise):
        seen.append(np.array(steps(model, noise)))
        return seen[-1]

    data = run_sampler(p, code, d=D, n_samples=SAMPLES, n_disorder=DRAWS, threads=1)
    x = np.array([found for found in seen if found.shape == (SAMPLES, D)][::2])  # every other one is an unguided twin
    lengths = np.mean(x**2, axis=(1, 2))
    assert lengths == pytest.approx(data.draws["q"][:, -1], rel=2e-3)
    return lengths, np.quantile(np.abs(x), SHARE, axis=(1, 2))


def z_scores(found, length):
    expected = length, stats.norm.isf(0.5 * (1.0 - SHARE)) * np.sqrt(length)
    return [(x.mean() - y) / (x.std(ddof=1) / np.sqrt(DRAWS)) for x, y in zip(found, expected, strict=True)]


def test_length_and_tails_of_particles():
    scores, off = [], []
    for sampler in ("ode", "sde"):
        for guidance in (1.0, Projected(1.0), weight_of_equal_mean(sampler)):
            found = measured(guidance, sampler)
            scores += z_scores(found, law(guidance, sampler)[2])
            off += z_scores(found, 1.1 * law(guidance, sampler)[2])
    limit = stats.t.isf(0.005 / len(scores), DRAWS - 1)
    assert np.max(np.abs(scores)) < limit
    assert np.sum(np.abs(off) > limit) >= 6, "negative control"


# -- the formulation of a pipeline -------------------------------------------------------------------------------------


def on_noise(x, cond, uncond, t, w):
    """uncond + (1 + w) P (c - u) on predictions of the noise, P across c: the guider of diffusers by default."""
    c, u = x - cond, x - uncond
    difference = c - u
    part = (difference * c).sum(-1, keepdims=True) / (c * c).sum(-1, keepdims=True)
    return x - (u + (1.0 + w) * (difference - part * c))


@pytest.mark.parametrize("prediction", ["x0", "eps", "v"])
def test_what_is_projected_and_where_it_starts(prediction):
    """The table of docs/rules.md."""
    lines = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8").splitlines()
    row = next(line for line in lines if line.startswith(f"| `{prediction}` | ") and line.count(",") == 4)
    stated = [tuple(map(float, cell.split(","))) for cell in row.split("|")[2:-1]]
    for (m, v), (base, w) in zip(stated, [(b, w) for b in ("cond", "uncond") for w in (1.0, 3.0)], strict=True):
        found = law(Projected(w, prediction=prediction, base=base))
        assert found[0] == pytest.approx(m, abs=5.1e-3) and found[1] == pytest.approx(v, abs=5.1e-4)


def test_projecting_the_noise_from_u_breaks_the_loss_of_variance():
    """(vii) of docs/rules.md: without any amplitude, ODE and SDE; from c eps fails from finite T only, v not at all."""
    for prediction, ode, sde in (("eps", 5.27, 5.01), ("v", 4.18, 4.25)):
        rule = Projected(0.0, prediction=prediction, base="uncond")
        assert (law(rule)[1], law(rule, "sde")[1]) == pytest.approx((ode, sde), abs=6e-3)
        assert rule.shrinks(SIGMA2, 0.0) is False
        assert Projected(0.0, 1.0, prediction=prediction, base="uncond").shrinks(SIGMA2, 0.0) is True  # CFG
        of_c = Projected(Interval(40.0, 5.0, 900.0), prediction=prediction)
        assert law(of_c)[1] < law(0.0)[1] and of_c.shrinks(SIGMA2, 0.0) is (prediction == "v")


def test_the_default_of_diffusers_on_predictions_of_the_noise_is_another_rule():
    """Longer samples than CFG, where the rule of the paper has shorter ones."""
    assert law(CustomRule(on_noise, 1.0)) == pytest.approx((1.5569, 1.0340, 2.6825), abs=1e-4)
    assert law(Projected(1.0))[2] < law(1.0)[2] < law(CustomRule(on_noise, 1.0))[2]
    rule = Projected(1.0, prediction="eps", base="uncond")
    assert law(rule) == pytest.approx(law(CustomRule(on_noise, 1.0)), rel=1e-12)
    rng = np.random.default_rng(3)
    for t in (0.01, 1.0, 400.0):
        x, cond, uncond = rng.standard_normal((3, 20, 8))
        by_hand = on_noise(x, cond, uncond, t, 1.7)
        assert rule.guided(x, cond, uncond, t, 1.7) == pytest.approx(by_hand, rel=1e-12, abs=1e-12)
        for other in (Projected(1.7, prediction="v", base="uncond"), Projected(1.7, prediction="eps")):
            assert np.abs(other.guided(x, cond, uncond, t, 1.7) - by_hand).max() > 0.01, "negative control"
    steps = euler(sd_sigmas(30), start="vp")
    found = solve_sampler(problem(CustomRule(on_noise, 2.0)), steps).final
    assert (found.m, found.v / SIGMA2) == pytest.approx((1.5823, 0.1025), abs=1e-4)  # docs/sampler.md
