"""Measures of samples: closed forms, unbiased where laws are equal, errors that are the scatter, bad input."""

import math

import numpy as np
import pytest

from simulate.randomness.streams import resampling_counts
from validate import ComparisonError, family_threshold
from validate.data.measures import (
    coverage,
    energy_distance,
    mean_shift,
    recall,
    trace_ratio,
    vendi,
    vendi_score,
)

RNG = np.random.default_rng(11)


def counts(n, seed=0, resamples=200):
    return resampling_counts(n, resamples, seed)


def test_energy_distance_of_two_normals_is_its_closed_form():
    """E|N(a, s^2)| in one dimension, written out; 1000 independent pairs of samples, 60 of them bootstrapped."""
    n, a = 150, 0.8

    def folded(a, s):
        return s * math.sqrt(2 / math.pi) * math.exp(-(a**2) / (2 * s**2)) + a * math.erf(a / (s * math.sqrt(2)))

    exact = 2 * folded(a, math.sqrt(2)) - 2 * folded(0, math.sqrt(2))
    found = []
    for i in range(1000):
        draws = counts(n, 2 * i, 200 if i < 60 else 2), counts(n, 2 * i + 1, 200 if i < 60 else 2)
        found.append(energy_distance(RNG.normal(size=(n, 1)) + a, RNG.normal(size=(n, 1)), *draws))
    values, errors = np.array(found).T
    stderr = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - exact) < family_threshold(1) * stderr
    assert abs(values.mean() - 1.1 * exact) > family_threshold(1) * stderr  # negative control
    assert 0.8 < np.mean(errors[:60]) / values.std(ddof=1) < 1.25  # the bootstrap is the scatter


def test_energy_distance_of_equal_laws_scatters_around_zero():
    values = [
        energy_distance(RNG.normal(size=(40, 5)), RNG.normal(size=(50, 5)), counts(40), counts(50)).value
        for _ in range(200)
    ]
    z = np.mean(values) / (np.std(values, ddof=1) / math.sqrt(len(values)))
    assert abs(z) < family_threshold(1) and min(values) < 0.0


@pytest.mark.parametrize("paired", [True, False])
def test_the_trace_ratio_and_its_error(paired):
    """x is twice its twin plus a little noise: a ratio near 4.04, and pairs know it much better."""
    ratios, errors = [], []
    for i in range(100):
        twin = RNG.normal(size=(120, 6))
        x = 2.0 * twin + 0.2 * RNG.normal(size=twin.shape)
        found = trace_ratio(x, twin if paired else 6.0, counts(120, i, 100))
        ratios.append(found.value)
        errors.append(found.stderr)
    z = (np.mean(ratios) - 4.04) / (np.std(ratios, ddof=1) / 10.0)
    assert abs(z) < family_threshold(1)
    assert 0.8 < np.mean(errors) / np.std(ratios, ddof=1) < 1.25
    assert (np.mean(errors) < 0.05) == paired  # negative control: unpaired errors are an order larger


def test_the_shift_of_the_mean():
    x, direction = RNG.normal([0.3, 0.0, 9.0], size=(4000, 3)), np.array([2.0, 0.0, 0.0])
    found = mean_shift(x, np.zeros(3), direction)
    assert abs(found.value - 0.15) < 4 * found.stderr and abs(found.stderr / (0.5 / 4000**0.5) - 1) < 0.1
    assert mean_shift(x + direction, x, direction) == pytest.approx((1.0, 0.0), abs=1e-12)  # twins


def test_vendi_counts_what_differs():
    groups = 1000.0 * np.repeat(np.eye(5), [4] * 5, axis=0)
    assert vendi_score(groups, 1.0) == pytest.approx(5.0)
    assert (
        vendi_score(groups, 1e9) == pytest.approx(1.0) and vendi_score(groups + RNG.normal(size=(20, 5)), 0.01) > 19.9
    )
    x = RNG.normal(size=(120, 10))
    wide, narrow = (vendi(a * x, math.sqrt(5.0), 40) for a in (1.0, 0.7))
    assert wide.value > narrow.value + 3 * math.hypot(wide.stderr, narrow.stderr)
    assert math.isnan(vendi(x, 1.0, 100).stderr)


def test_coverage_and_recall_count_the_modes_that_are_found():
    """Ten far modes of twelve images in a plane each: both are the share that samples are drawn from."""

    def near(modes, n, width):
        centres = np.repeat(100.0 * np.eye(12)[:modes], n, axis=0)
        centres[:, 10:] += width * RNG.normal(size=(modes * n, 2))
        return centres

    real = near(10, 12, 1.0)
    for modes in (10, 7, 1):
        x = near(modes, 400, 1.0)
        assert abs(coverage(x, real) - modes / 10) < 0.05 and abs(recall(x, real) - modes / 10) < 0.05
    one = near(1, 400, 0.01)  # one image again and again: no mode's spread is recalled
    assert recall(one, real) < 0.02
    blurred = near(10, 400, 30.0)  # bad samples: recall does not see it
    assert recall(blurred, real) > 0.95 and coverage(blurred, real) < 0.9
    with pytest.raises(ComparisonError, match="k must be a whole number >= 1 and <= 119"):
        coverage(one, real, k=120)


def test_bad_samples_are_refused():
    with pytest.raises(ComparisonError, match="samples must be finite"):
        mean_shift(np.full((3, 2), np.nan), np.zeros(2), np.ones(2))
    with pytest.raises(ComparisonError, match="at least two; got shape"):
        vendi_score(np.ones((1, 2)), 1.0)
    with pytest.raises(ComparisonError, match="bandwidth"):
        vendi_score(np.ones((3, 2)), 0.0)
    with pytest.raises(ComparisonError, match="batch must be a whole number >= 2 and <= 3"):
        vendi(np.ones((3, 2)), 1.0, 4)
