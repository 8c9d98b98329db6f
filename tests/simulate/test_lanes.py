"""Few classes in few directions, samples as lanes: against the plain twin at every remainder, and sample by sample."""

from dataclasses import replace

import numpy as np
import pytest

from simulate.scores.fast import FastScore, _ByLanes, make_few
from simulate.scores.lanes import TILE
from simulate.scores.mixture import draw_direct
from simulate.scores.reference import ReferenceScore

SAMPLES = 2 * TILE + 21
FIELDS = ("shift", "log_odds", "weight", "participation", "rest")


def setting(n_classes, d, n, D):
    """A mixture, and samples near its target and near its rivals."""
    mixture = draw_direct(d=d, n_classes=n_classes, seed=4, draw=0)
    assert isinstance(make_few(mixture.delta), _ByLanes)
    noise = np.random.default_rng(0).standard_normal((n, d))
    return mixture, np.sqrt(D) * noise + np.linspace(0.0, 1.0, n)[:, None] * mixture.delta[-1]


@pytest.mark.parametrize("n_classes", [3, 18, 120])
@pytest.mark.parametrize("d", [2, 3, 17, 64])
@pytest.mark.parametrize("n", [1, 7, SAMPLES])
def test_lanes_at_every_remainder(n_classes, d, n):
    """Sums and posterior; negative control: one class less."""
    for D in (0.1, float(d)):
        mixture, y = setting(n_classes, d, n, D)
        score, exact = FastScore(mixture, n), ReferenceScore(mixture)(y, D, full=True)
        for found in (score(y, D, full=True), score.sums(y, D, full=True).posterior(d, full=True)):
            for name in FIELDS:
                assert np.allclose(getattr(found, name), getattr(exact, name), rtol=2e-4, atol=2e-5), name
    less = ReferenceScore(replace(mixture, delta=mixture.delta[1:], n_classes=n_classes - 1))(y, D)
    assert not np.allclose(score(y, D).shift, less.shift, atol=2e-5)


def test_a_sample_has_the_same_bits_in_any_lane():
    mixture, y = setting(40, 9, SAMPLES, 4.0)
    score = FastScore(mixture, SAMPLES)
    whole, alone = score(y, 4.0).shift, np.vstack([score(y[i : i + 1], 4.0).shift for i in range(SAMPLES)])
    assert np.array_equal(whole, alone)
    assert not np.array_equal(whole, np.roll(alone, 1, axis=0))  # control: a neighbour's answer
