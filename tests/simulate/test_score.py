"""The fast score against its plain twin and against the definition; weights that saturate or vanish."""

import numpy as np
import pytest

from simulate.scores.fast import FastScore
from simulate.scores.mixture import Held, draw_direct
from simulate.scores.reference import ContinuumScore, ReferenceScore

TOLERANCE = {"float32": 2e-6, "float64": 1e-13}  # relative to the size of the shift


def samples(mixture, D, n=40, seed=1):
    """Points as the sampler meets them: between the centre of all classes and the target."""
    rng = np.random.default_rng(seed)
    d = mixture.dim
    return np.sqrt(D) * rng.standard_normal((n, d)) - np.linspace(0, 1, n)[:, None] * mixture.target


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("D", [0.25, 1.0, 5.0, 1e4])
def test_fast_score_equals_the_reference(dtype, D):
    mixture = draw_direct(d=18, n_classes=3001, seed=0, draw=0)
    y = samples(mixture, D)
    fast, slow = FastScore(mixture, len(y), dtype=dtype)(y, D, True), ReferenceScore(mixture)(y, D, True)
    scale = TOLERANCE[dtype]
    size = np.abs(mixture.delta).max()
    assert np.abs(fast.shift - slow.shift).max() < scale * size
    assert np.abs(fast.log_odds - slow.log_odds).max() < scale * (1 + np.abs(y @ mixture.delta.T).max() / D)
    assert np.abs(fast.participation / slow.participation - 1).max() < 20 * scale
    assert np.abs(fast.weight - slow.weight).max() < 10 * scale
    assert np.array_equal(fast.nearest, slow.nearest)


def test_reference_is_the_softmax_of_the_definition():
    mixture = draw_direct(d=6, n_classes=50, seed=3, draw=1)
    D, y = 0.8, samples(draw_direct(d=6, n_classes=50, seed=3, draw=1), 0.8)
    means = np.vstack([mixture.target, mixture.target + mixture.delta])
    x = mixture.target + y
    p = np.exp(-((x[:, None] - means) ** 2).sum(axis=2) / (2 * D))
    p /= p.sum(axis=1, keepdims=True)
    posterior = ReferenceScore(mixture)(y, D, True)
    assert np.allclose(posterior.shift, p @ means - mixture.target, atol=1e-12)
    assert np.allclose(posterior.weight, p[:, 0], atol=1e-12)
    assert np.allclose(posterior.log_odds, np.log(p[:, 0] / p[:, 1:].sum(axis=1)), atol=1e-9)
    assert np.allclose(posterior.participation, 1 / (p**2).sum(axis=1), rtol=1e-10)
    assert np.array_equal(posterior.nearest, p.argmax(axis=1) == 0)


@pytest.mark.parametrize("block", [1, 7, 100, 512, 10_000])
def test_block_size_does_not_matter(block):
    mixture = draw_direct(d=10, n_classes=1234, seed=0, draw=0)
    y = samples(mixture, 2.0)
    reference = FastScore(mixture, len(y), block=333, dtype="float64")(y, 2.0, True)
    other = FastScore(mixture, len(y), block=block, dtype="float64")(y, 2.0, True)
    assert np.allclose(other.shift, reference.shift, rtol=0, atol=1e-12)
    assert np.allclose(other.log_odds, reference.log_odds, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernel_continues_over_superblocks(monkeypatch, dtype):
    mixture = draw_direct(d=5, n_classes=5000, seed=0, draw=0)
    y = samples(mixture, 1.0)
    whole = FastScore(mixture, len(y), block=64, dtype=dtype)(y, 1.0, True)
    monkeypatch.setattr("simulate.scores.fast.SUPER", 1024)
    calls: list[int] = []
    pieces = FastScore(mixture, len(y), block=64, dtype=dtype, check=lambda: calls.append(1))(y, 1.0, True)
    assert np.array_equal(whole.shift, pieces.shift) and len(calls) == 5


def test_skipped_classes_do_not_change_the_force():
    """Without `full`, classes 60 bits below the target are left out; the force changes below that level."""
    mixture = draw_direct(d=20, n_classes=3000, seed=0, draw=0)
    y = samples(mixture, 0.25)
    score = FastScore(mixture, len(y), dtype="float64")
    assert np.abs(score(y, 0.25).shift - score(y, 0.25, True).shift).max() < 1e-12


def test_odds_keep_their_precision_where_weights_saturate():
    mixture = draw_direct(d=400, n_classes=300, seed=0, draw=0)
    posterior = FastScore(mixture, 1)(np.zeros((1, 400)), 0.05, True)
    assert posterior.weight[0] == 1.0 and posterior.log_odds[0] > 3000
    far = FastScore(mixture, 1)(mixture.delta[:1].astype(float), 0.05, True)
    assert far.log_odds[0] < -3000 and not far.nearest[0]
    assert np.allclose(far.shift, mixture.delta[:1], rtol=1e-6)


def test_target_alone_and_continuum():
    alone = Held(np.array([2.0, 0.0]), np.zeros((0, 2), np.float32), 1)
    for score in (ReferenceScore(alone), FastScore(alone, 3)):
        posterior = score(np.ones((3, 2)), 1.0, True)
        assert (posterior.weight == 1).all() and (posterior.shift == 0).all() and posterior.nearest.all()
        assert (posterior.participation == 1).all() and np.isnan(posterior.log_odds).all()
    posterior = ContinuumScore(alone.target)(np.ones((3, 2)), 1.0)
    assert np.allclose(posterior.shift, np.array([3.0, 1.0]) / 2 - np.array([2.0, 0.0]))
    assert (posterior.weight == 0).all() and not posterior.nearest.any()
