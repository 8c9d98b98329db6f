"""Thresholds and scores hold what they promise."""

import math

import numpy as np
import pytest
from scipy import special, stats

from validate.agreement.joint import hotelling, weighable
from validate.agreement.means import Mean, mean_of
from validate.agreement.statistics import combined, family_threshold, normal_score, two_sided, wilson
from validate.errors import ComparisonError


@pytest.mark.parametrize("dof", [3, 7, 23, 200])
@pytest.mark.parametrize("t", [0.1, 1.0, 3.0, 8.0])
def test_normal_score_has_the_tail_of_student(t, dof):
    assert two_sided(normal_score(t, 1.0, dof)) == pytest.approx(2 * stats.t.sf(t, dof), rel=1e-9)
    assert normal_score(-t, 1.0, dof) == -normal_score(t, 1.0, dof)


def test_normal_score_of_known_numbers():
    assert normal_score(0.0, 0.0) == 0.0
    assert normal_score(-1e-6, 0.0) == -math.inf
    assert math.isfinite(normal_score(1e9, 1.0, 23))
    with pytest.raises(ComparisonError, match=r"needs an error bar; got stderr = nan. Use at least 2 draws"):
        normal_score(1.0, math.nan)


@pytest.mark.parametrize("k", [1, 10, 300])
def test_family_threshold_is_sidak(k):
    z = family_threshold(k, 0.01)
    assert (1 - two_sided(z)) ** k == pytest.approx(0.99, rel=1e-9)


def test_three_sigma_on_200_points_is_a_false_alarm_in_42_percent():
    assert 1 - (1 - two_sided(3.0)) ** 200 == pytest.approx(0.42, abs=0.01)
    assert family_threshold(200, 0.42) == pytest.approx(3.0, abs=0.01)


def test_false_alarm_rate_with_few_draws():
    """Plain normal thresholds fail with 6 draws; the Student score keeps its level."""
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(20_000, 6))
    mean, stderr = draws.mean(axis=1), draws.std(axis=1, ddof=1) / math.sqrt(6)
    limit = family_threshold(1, 0.01)
    scores = np.array([normal_score(a, b, 5) for a, b in zip(mean, stderr, strict=True)])
    low, high = wilson(np.sum(np.abs(scores) > limit), len(scores), 0.001)
    assert low <= 0.01 <= high
    assert np.mean(np.abs(mean / stderr) > limit) > 0.03


def test_combined_degrees_of_freedom():
    assert combined([1.0, 0.0], [9.0, 3.0]) == (1.0, pytest.approx(9.0))
    assert combined([0.0, 0.0], [9.0, 3.0]) == (0.0, math.inf)
    stderr, dof = combined([1.0, 1.0], [9.0, 9.0])
    assert (stderr, dof) == (pytest.approx(math.sqrt(2)), pytest.approx(18.0))


@pytest.mark.parametrize("two", [False, True])
def test_hotelling_is_uniform_under_the_null_and_sees_a_common_drift(two):
    rng = np.random.default_rng(2)
    mixing = rng.normal(size=(4, 4))
    p = []
    for _ in range(2000):
        a = rng.normal(size=(16, 4)) @ mixing
        b = 0.5 * rng.normal(size=(30, 4)) @ mixing if two else None
        p.append(hotelling(a.mean(axis=0) - (b.mean(axis=0) if two else 0.0), a, b).p)
    assert stats.kstest(p, "uniform").pvalue > 0.001
    a = rng.normal(size=(16, 4)) + 1.2
    assert hotelling(a.mean(axis=0), a).p < 1e-3


def test_hotelling_matches_the_textbook_for_one_sample_without_skewness():
    rng = np.random.default_rng(3)
    half = rng.normal(size=(6, 3))
    a = np.concatenate([half, -half]) + 0.3  # no skewness in any direction
    mean = a.mean(axis=0)
    t2 = 12 * mean @ np.linalg.solve(np.cov(a, rowvar=False), mean)
    result = hotelling(mean, a)
    assert result.chi2 == pytest.approx(t2)
    assert result.p == pytest.approx(stats.f.sf(t2 * (12 - 3) / (3 * 11), 3, 9))


def skewed(rng, skewness, shape):
    """Draws of mean 0, variance 1 and a given skewness: gamma."""
    return (
        rng.normal(size=shape)
        if skewness == 0
        else (rng.gamma(4 / skewness**2, size=shape) * skewness / 2) - 2 / skewness
    )


LEVEL, TRIALS = 0.01, 6000
NOISE = math.sqrt(LEVEL / TRIALS)  # binomial error of a rate of false alarms


@pytest.mark.parametrize("skewness", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("n", [16, 24, 48])
def test_false_alarms_of_skewed_draws(n, skewness):
    """1 % is kept within 0.5 % up to a skewness of 1, within 1 % at 2, where Student's t has 2 to 4."""
    x = skewed(np.random.default_rng(n), skewness, (TRIALS, n))
    limit = family_threshold(1, LEVEL)
    means = [mean_of(draws) for draws in x]
    rate = np.mean([abs(m.z) > limit for m in means])
    assert abs(rate - LEVEL) < (0.005 if skewness <= 1 else 0.01) + 3 * NOISE
    plain = np.mean([abs(normal_score(m.value, m.stderr, m.dof)) > limit for m in means])
    if skewness == 2.0:  # negative control
        assert plain > LEVEL + 0.01 + 3 * NOISE if n < 48 else plain > LEVEL + 3 * NOISE
        assert plain > rate + 3 * NOISE


def test_false_alarms_of_a_difference_of_skewed_means():
    """Equal skewness and equal draws cancel in a difference; unequal ones do not, and are taken out as well."""
    rng = np.random.default_rng(5)
    pairs = [(mean_of(a), mean_of(b)) for a, b in zip(*(skewed(rng, 2.0, (TRIALS, n)) for n in (20, 200)), strict=True)]
    limit = family_threshold(1, LEVEL)
    assert np.mean([abs(a.minus(b).z) > limit for a, b in pairs]) < 0.02 + 3 * NOISE
    plain = [normal_score(*a.minus(b)[:3]) for a, b in pairs]
    assert np.mean(np.abs(plain) > limit) > 0.025  # negative control
    same = mean_of([0.0, 0.0, 0.0, 5.0]).minus(mean_of([1.0, 1.0, 1.0, 6.0]))
    assert same.skewness == 0.0 and same.value == -1.0


@pytest.mark.parametrize(("n", "k"), [(16, 2), (24, 3), (48, 5)])
def test_hotelling_keeps_its_level_for_skewed_draws(n, k):
    """As many quantities as the draws can weigh, mixed; negative control: T^2 without the correction at skewness 2."""
    assert k <= weighable(n)
    mixing = np.eye(k) + 0.5 * np.random.default_rng(0).normal(size=(k, k))
    rates = {}
    for skewness in (0.0, 1.0, 2.0):
        x = skewed(np.random.default_rng(n), skewness, (TRIALS, n, k)) @ mixing
        found = [hotelling(a.mean(axis=0), a) for a in x]
        rates[skewness] = np.mean([f.p < LEVEL for f in found])
        t2 = np.array([f.chi2 for f in found[:1500]])
        plain = np.mean(special.fdtrc(k, n - k, t2 * (n - k) / ((n - 1) * k)) < LEVEL)
    assert abs(rates[0.0] - LEVEL) < 0.005 + 3 * NOISE
    assert rates[1.0] < 0.015 + 3 * NOISE
    assert rates[2.0] < 0.03 + 3 * NOISE
    assert plain > 0.03 and plain > rates[2.0] + 0.01


@pytest.mark.parametrize(("n", "other", "k", "ratio"), [(16, 32, 5, 0.5), (16, 32, 4, 0.2), (8, 32, 2, 0.5)])
def test_hotelling_of_two_samples_of_unequal_covariance_keeps_its_level(n, other, k, ratio):
    """Normal draws, the reference with `ratio` of the standard error; negative control: Yao's degrees of freedom."""
    rng = np.random.default_rng(other)
    found, yao = [], []
    for _ in range(TRIALS):
        a, b = rng.normal(size=(n, k)), ratio * math.sqrt(other / n) * rng.normal(size=(other, k))
        delta = a.mean(axis=0) - b.mean(axis=0)
        centred = a - a.mean(axis=0), b - b.mean(axis=0)
        parts = [x.T @ x / (len(x) * (len(x) - 1)) for x in centred]
        result = hotelling(delta, a, b)  # p of T^2 with its degrees of freedom alone, by what is stated of them
        y = np.linalg.solve(parts[0] + parts[1], delta)
        nu = 1 / sum((y @ p @ y / result.chi2) ** 2 / (len(x) - 1) for p, x in zip(parts, (a, b), strict=True))
        found.append((result.chi2, result.nu))
        yao.append((result.chi2, nu))
    rate, wrong = (np.mean(tail(k, *np.array(x).T) < LEVEL) for x in (found, yao))
    assert abs(rate - LEVEL) < 0.0025 + 3 * NOISE
    assert wrong > rate + 2 * NOISE


def tail(k, t2, nu):
    """The probability that T^2 of k quantities with nu degrees of freedom exceeds t2."""
    return special.fdtrc(k, nu - k + 1, t2 * (nu - k + 1) / (nu * k))


@pytest.mark.parametrize("n", [24, 48])
def test_a_theory_two_per_cent_off_is_still_found(n):
    """A mean of 1.25 with an error of 0.4 % of it, skewed draws of either sign: as often as without the correction."""
    rng, limit = np.random.default_rng(n), family_threshold(1, LEVEL)
    for sign in (1.0, -1.0):
        x = 1.25 * (1.0 + 0.004 * math.sqrt(n) * sign * skewed(rng, 1.0, (500, n)))
        means = [mean_of(draws).minus(Mean(1.25 * 1.02)) for draws in x]
        found = np.mean([abs(m.z) > limit for m in means])
        assert found > 0.8
        assert found > np.mean([abs(normal_score(*m[:3])) > limit for m in means]) - 0.15


def test_hotelling_refuses_too_few_draws_and_dependent_quantities():
    rng = np.random.default_rng(4)
    with pytest.raises(ComparisonError, match=r"chi2 of 5 quantities needs at least 6 draws; got 4. Use fewer times"):
        hotelling(np.zeros(5), rng.normal(size=(4, 5)))
    a = rng.normal(size=(20, 1)) * np.ones(2)
    with pytest.raises(ComparisonError, match="not linearly dependent"):
        hotelling(a.mean(axis=0), a)
    with pytest.raises(ComparisonError, match="has no spread"):
        hotelling(np.zeros(1), np.ones((9, 1)))


def test_wilson_covers_and_keeps_its_width_at_the_ends():
    low, high = wilson(0, 20)
    assert low == 0.0
    assert 0.1 < high < 0.2
    rng = np.random.default_rng(5)
    hits = [w[0] <= 0.9 <= w[1] for w in (wilson(k, 200) for k in rng.binomial(200, 0.9, 4000))]
    assert 0.93 < np.mean(hits) < 0.97
    with pytest.raises(ComparisonError, match="successes must be"):
        wilson(21, 20)
