"""The two kernels of the fast score against each other and against the plain twin, at every shape a block can have."""

from dataclasses import replace

import numpy as np
import pytest

from simulate.scores import fast as kernels
from simulate.scores.fast import FastScore
from simulate.scores.mixture import Held, draw_direct
from simulate.scores.posterior import TILE, Posterior, Sums
from simulate.scores.reference import ReferenceScore


def spread(mixture, D, n, seed=1):
    """Samples whose posterior is spread over many classes when D is of the order of the dimension."""
    return np.sqrt(D) * np.random.default_rng(seed).standard_normal((n, mixture.dim))


def far(fast, slow, size) -> float:
    """Largest error of anything a posterior holds, relative to its scale."""
    return max(
        np.abs(fast.shift - slow.shift).max() / size,
        np.abs(fast.participation / slow.participation - 1).max() / 20,
        np.abs(fast.log_odds - slow.log_odds).max() / (1 + np.abs(slow.log_odds).max()),
    )


@pytest.mark.parametrize("n_classes", [2, 3, 18, 257, 513, 1500])
@pytest.mark.parametrize("d", [2, 3, 4, 17, 64])
@pytest.mark.parametrize("n", [1, 4, 7])
def test_fused_kernel_at_every_remainder(monkeypatch, n_classes, d, n):
    monkeypatch.setattr(kernels, "make_few", lambda delta: None)  # no classes are too few
    mixture = draw_direct(d=d, n_classes=n_classes, seed=0, draw=0)
    y = spread(mixture, d, n)
    size = np.abs(mixture.delta).max()
    slow = ReferenceScore(mixture)(y, float(d), True)
    assert far(FastScore(mixture, n)(y, float(d), True), slow, size) < 2e-6
    missing = Held(mixture.target, mixture.delta[1:], mixture.n_classes)  # control: one class short is noticed
    if n_classes > 2:
        assert far(FastScore(missing, n)(y, float(d), True), slow, size) > 2e-6


@pytest.mark.parametrize("D", [0.25, 24.0, 1e6])
def test_the_two_kernels_agree(monkeypatch, D):
    mixture = draw_direct(d=24, n_classes=5000, seed=0, draw=0)
    y = spread(mixture, D, 64)
    fused = FastScore(mixture, 64)(y, D, True)
    monkeypatch.setattr(kernels, "FEW", 1)
    plain = FastScore(mixture, 64)(y, D, True)
    assert not np.array_equal(fused.shift, plain.shift)  # they are two computations
    assert np.abs(fused.shift - plain.shift).max() < 5e-6 * np.abs(mixture.delta).max()


def test_samples_do_not_depend_on_their_neighbours_in_the_batch():
    mixture = draw_direct(d=10, n_classes=3000, seed=0, draw=0)
    y = spread(mixture, 1.0, 37)
    score = FastScore(mixture, 37)
    whole, alone = score(y, 1.0), np.vstack([score(y[i : i + 1], 1.0).shift for i in range(37)])
    assert np.array_equal(whole.shift, alone)
    assert not np.array_equal(whole.shift, np.roll(alone, 1, axis=0))  # control: a neighbour's answer


def test_neighbours_decide_what_is_cut_but_not_the_result(monkeypatch):
    """The cut goes by the farthest sample of a batch: without it the others lose more classes, but none that counts."""
    mixture, D = draw_direct(d=24, n_classes=20_000, seed=0, draw=0), 0.05
    rivals = mixture.delta[np.argsort(mixture.half_norms)[:32]]
    y = near_target(mixture, D) + 0.5 * rivals  # each between the target and one of its nearest rivals
    y[0] *= 3.0

    def kept(part):
        return (mixture.half_norms / (D * np.log(2.0)) <= kernels.cut_off(part, D, 19_999, 1e-7, False).limit).sum()

    assert kept(y[1:]) < 0.9 * kept(y)
    assert by_neighbours(mixture, y, D) < 1e-6
    true_cut = kernels.cut_off  # control: half the distance is too near
    monkeypatch.setattr(kernels, "cut_off", lambda *a: (c := true_cut(*a))._replace(limit=0.25 * c.limit))
    assert by_neighbours(mixture, y, D) > 1e-2


def by_neighbours(mixture, y, D):
    """Largest change of a shift, relative to the class distances, when the first sample leaves the batch."""
    score = FastScore(mixture, len(y))
    change = score(y, D).shift[1:] - score(y[1:], D).shift
    return np.abs(change).max() / np.linalg.norm(mixture.delta, axis=1).max()


def test_float32_keeps_its_precision_with_a_million_classes():
    """Partial sums of a block are float32, sums over blocks float64; float32 all through would be off by 1e-3."""
    mixture = draw_direct(d=16, n_classes=10**6, seed=0, draw=0)
    y = spread(mixture, 16.0, 1)
    fast, slow = FastScore(mixture, 1)(y, 16.0, True), ReferenceScore(mixture)(y, 16.0, True)
    assert far(fast, slow, 1.0) < 2e-6
    assert far(summed_in_turn(mixture, y, 16.0, np.float64), slow, 1.0) < 2e-6
    assert far(summed_in_turn(mixture, y, 16.0, np.float32), slow, 1.0) > 2e-6  # control: float32 sums throughout


def summed_in_turn(mixture, y, D, dtype):
    """The posterior from float32 weights added up one by one in `dtype`, exact otherwise."""
    logits = (y @ mixture.delta.T.astype(float) - mixture.half_norms) / D  # (samples, classes)
    top = logits.max(axis=1)
    weights = np.exp(logits - top[:, None]).astype(np.float32)

    def total(terms):  # cumsum adds in order, sum in pairs
        return np.cumsum(terms, axis=-1, dtype=dtype)[..., -1].astype(float)

    shift = np.stack([total(weights * column) for column in mixture.delta.T], axis=1)  # (samples, dim)
    return Sums(top, total(weights), total(weights * weights), shift).posterior(shift.shape[1], True)


def near_target(mixture, D, n=32):
    return np.sqrt(D) * np.random.default_rng(3).standard_normal((n, mixture.dim))


@pytest.mark.parametrize(("d", "dtype"), [(24, "float32"), (24, "float64"), (300, "float32")])
@pytest.mark.parametrize("D", [0.02, 0.3, 1.0])
def test_no_more_than_the_stated_mass_is_left_out(d, dtype, D):
    mixture = draw_direct(d=d, n_classes=20_000, seed=0, draw=0)
    y = near_target(mixture, D)
    y[::2] += 0.5 * mixture.delta[: len(y[::2])]  # half of the samples between two classes
    everything = FastScore(mixture, len(y), dtype=dtype, negligible=0.0)(y, D)
    size = np.linalg.norm(mixture.delta, axis=1).max()
    for mass in (1e-7, 1e-3):
        part = FastScore(mixture, len(y), dtype=dtype, negligible=mass)(y, D)
        assert np.linalg.norm(part.shift - everything.shift, axis=1).max() < size * (mass + 2e-7)


def test_a_large_mass_left_out_changes_the_result():
    mixture = draw_direct(d=24, n_classes=20_000, seed=0, draw=0)
    y = near_target(mixture, 1.0)
    shift = {mass: FastScore(mixture, len(y), negligible=mass)(y, 1.0).shift for mass in (0.0, 1e-7, 1e3)}
    size = np.abs(shift[0.0]).max()
    assert np.abs(shift[1e-7] - shift[0.0]).max() < 1e-5 * size < np.abs(shift[1e3] - shift[0.0]).max()


def test_distant_classes_are_not_even_looked_at():
    """Near the target at low noise no rival is within reach: the cut holds for single classes, by their distance."""
    mixture = draw_direct(d=24, n_classes=20_000, seed=0, draw=0)
    D = 0.15
    y = near_target(mixture, D)
    cut = kernels.cut_off(y, D, len(mixture.delta), 1e-7, False)
    kept = mixture.half_norms / (D * np.log(2.0)) <= cut.limit
    assert 0 < kept.mean() < 0.5
    logits = (y @ mixture.delta.T.astype(float) - mixture.half_norms) / D  # (samples, classes)
    assert np.exp(logits[:, ~kept]).sum(axis=1).max() < 1e-7
    assert kernels.cut_off(y, D, len(mixture.delta), 1e-7, True).limit == np.inf  # observables: odds among all rivals


def test_a_spectrum_is_cut_by_its_own_distances():
    mixture = draw_direct(d=24, n_classes=5000, seed=0, draw=0, counts=(8, 16))
    D = np.repeat([0.03, 0.6], (8, 16))
    y = np.sqrt(D) * np.random.default_rng(0).standard_normal((16, 24))
    cut = kernels.cut_off(y, D, len(mixture.delta), 1e-7, False)
    half = (0.5 * mixture.delta.astype(float) ** 2) @ (1.0 / D)
    dropped = half / np.log(2.0) > cut.limit
    logits = (y / D) @ mixture.delta.T.astype(float) - half
    assert 0 < dropped.mean() < 1 and np.exp(logits[:, dropped]).sum(axis=1).max() < 1e-7


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 6, 17, 20])
@pytest.mark.parametrize("D", [0.05, 30.0])
def test_few_classes_one_by_one_and_by_fours(dtype, n_classes, D):
    """Sums and posterior of `simulate.scores.few`; negative control: one class less."""
    tol = {"float32": 2e-5, "float64": 1e-12}[dtype]
    mixture = draw_direct(d=70, n_classes=n_classes, seed=2, draw=0)
    y = np.random.default_rng(3).standard_normal((9, 70)) + np.linspace(0, 1, 9)[:, None] * mixture.delta[-1]
    fast, exact = FastScore(mixture, samples=9, dtype=dtype), ReferenceScore(mixture)(y, D, full=True)
    out = np.empty_like(y)
    given = fast(y, D, full=True, out=out)
    assert given.shift is out
    for found in (given, fast(y, D, full=True), fast.sums(y, D, full=True).posterior(70, full=True)):
        for name in ("shift", "log_odds", "weight", "participation"):
            assert np.allclose(getattr(found, name), getattr(exact, name), rtol=10 * tol, atol=tol), name
    assert np.array_equal(fast(y, D, full=True).nearest, exact.nearest)
    less = FastScore(replace(mixture, delta=mixture.delta[:-1], n_classes=n_classes - 1), samples=9, dtype=dtype)
    assert n_classes == 2 or not np.allclose(less(y, D).shift, exact.shift, atol=1e-3)


def test_a_tile_of_posteriors_is_the_plain_one_with_and_without_rivals():
    """Log-odds from -1000 to 1000, and samples for which no rival counts; negative control: other sums."""
    rng = np.random.default_rng(3)
    n = 2 * TILE + 5
    total = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(1.0, 50.0, n))
    sums = Sums(rng.uniform(-1000.0, 1000.0, n) * rng.random(n) ** 4, total, total**2 / 2, rng.standard_normal((n, 3)))
    plain = sums.posterior(3, full=True)
    found = sums.swift_posterior(np.empty((n, 3)), normed=False, full=True)
    for name in Posterior._fields[:5]:
        assert np.allclose(getattr(found, name), getattr(plain, name), rtol=1e-12, atol=1e-300, equal_nan=True), name
    none = total == 0.0
    assert none.any() and np.isnan(found.log_odds[none]).all() and not found.rest[none].any()
    assert (found.weight[none] == 1.0).all() and not found.shift[none].any()
    other = sums._replace(top=sums.top * (1.0 + 1e-9)).posterior(3, full=True)
    assert not np.allclose(found.log_odds, other.log_odds, rtol=1e-12, equal_nan=True)
