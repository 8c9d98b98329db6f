"""How many modes a set of samples has lost: expectations over many sets, biases as they are stated, and refusals."""

import math

import numpy as np
import pytest

from meanfield import ProblemError
from simulate import count_modes

RNG = np.random.default_rng(0)
PI = RNG.dirichlet(np.full(20, 10.0))
P = RNG.dirichlet(np.full(20, 2.0))
DIVERGENCE, PAIRS = float((P * np.log(P / PI)).sum()), float((P**2 / PI).sum())


def repeated(n, sets=3000):
    """What is found of many sets of n samples of P where PI is expected."""
    rows = np.array([count_modes(RNG.choice(20, n, p=P), PI) for _ in range(sets)])
    return rows.T[2:]


def within(values, expected, sigma=4.0):
    return abs(values.mean() - expected) < sigma * values.std() / math.sqrt(len(values))


def test_pairs_have_no_bias_at_any_number_of_samples():
    for n in (3, 30):
        pairs = repeated(n)[2]
        assert within(pairs, PAIRS) and not within(pairs, 1.2 * PAIRS)


def test_the_divergence_is_right_with_many_samples_a_mode_and_too_large_with_few():
    many, few = repeated(2000, 400)[4], repeated(10, 400)[4]
    assert within(many, DIVERGENCE) and not within(many, DIVERGENCE + 19 / 4000)  # that is the bias taken off
    assert few.mean() > DIVERGENCE + 0.05


def test_errors_are_the_scatter_over_sets():
    _, _, pairs, pairs_stderr, K, K_stderr = repeated(200)
    assert np.sqrt((pairs_stderr**2).mean()) == pytest.approx(pairs.std(), rel=0.1)
    assert np.sqrt((K_stderr**2).mean()) == pytest.approx(K.std(), rel=0.1)


def test_distinct_by_chance_is_their_mean_and_only_for_the_weights_given():
    found = [count_modes(RNG.choice(20, 12, p=PI), PI) for _ in range(3000)]
    distinct = np.array([x.distinct for x in found])
    assert within(distinct, found[0].by_chance) and not within(distinct, count_modes([0] * 12, 20).by_chance)


def test_modes_in_any_order_and_weights_of_any_sum_are_one():
    modes = RNG.choice(20, 50, p=P)
    relabelled = RNG.permutation(20)
    again = count_modes(relabelled[modes], 7.0 * PI[np.argsort(relabelled)])
    assert again == pytest.approx(count_modes(modes, PI))
    assert count_modes(modes, 20) == pytest.approx(count_modes(modes, np.ones(20)))
    assert count_modes([0, 0], 1)[:5] == (2, 1, 1, 1.0, 1.0)


@pytest.mark.parametrize(
    ("modes", "weights", "words"),
    [
        ([0.5, 1.0], 3, "whole numbers"),
        ([0], 3, "two samples"),
        ([0, 3], 3, "numbered from 0 to 2"),
        ([0, 1], [1.0, 0.0], "above 0"),
        ([0, 1], [1e300, 1e-300], "above 0"),
        ([0, 1], 2.5, "must be whole"),
    ],
)
def test_what_is_refused_is_said(modes, weights, words):
    with pytest.raises(ProblemError, match=words):
        count_modes(modes, weights)
