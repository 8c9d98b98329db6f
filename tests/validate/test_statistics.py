"""Thresholds and scores hold what they promise."""

import math

import numpy as np
import pytest
from scipy import stats

from validate.agreement.statistics import combined, family_threshold, hotelling, normal_score, two_sided, wilson
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


def test_hotelling_matches_the_textbook_for_one_sample():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(12, 3))
    mean = a.mean(axis=0)
    t2 = 12 * mean @ np.linalg.solve(np.cov(a, rowvar=False), mean)
    result = hotelling(mean, a)
    assert result.chi2 == pytest.approx(t2)
    assert result.p == pytest.approx(stats.f.sf(t2 * (12 - 3) / (3 * 11), 3, 9))


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
