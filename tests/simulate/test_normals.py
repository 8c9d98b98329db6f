"""The generator by address: known answers, exact inverses, moments, distribution and independence, with controls."""

import math
import zlib

import numpy as np
import pytest
from scipy import stats

from simulate.randomness.normals import LANES, LARGEST, _box_muller, _philox, make_key, normals
from simulate.randomness.streams import MEANS, NoiseReader
from simulate.scores.mixture import draw_direct, draw_target, fill_classes

KNOWN = [  # counter, key, answer: the vectors published with Random123 for philox4x32, 10 rounds
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
LEVEL = 1e-3  # of each check of chance; seeds are fixed


def words(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], dtype=np.uint32)


def philox(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """One block by the compiled code, all lanes alike."""
    c = np.repeat(counter[:, None], LANES, axis=1)
    _philox(c[0], c[1], c[2], c[3], key[0], key[1])
    assert (c == c[:, :1]).all()
    return c[:, 0]


def twin(key: np.ndarray, index: int, block: int, step: int) -> np.ndarray:
    """Four normals by plain Python integers and double precision."""
    c = [index, block, step & 0xFFFFFFFF, step >> 32]
    k = [int(key[0]), int(key[1])]
    for _ in range(10):
        p, q = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(q >> 32) ^ c[1] ^ k[0], q & 0xFFFFFFFF, (p >> 32) ^ c[3] ^ k[1], p & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    z = []
    for a, b in (c[:2], c[2:]):
        r = math.sqrt(-2.0 * math.log(((a >> 1) + 0.5) / 2**31))
        inside = ((b & 0x3FFFFFFF) ^ 0x20000000) - 0x20000000  # the lowest 30 bits, signed
        angle = math.pi / 2 * (inside / 2**30 + 2 * (b >> 31) + (b >> 30 & 1))
        z += [r * math.cos(angle), r * math.sin(angle)]
    return np.array(z)


def correlations(z: np.ndarray) -> np.ndarray:
    """z-scores of correlations and of correlations of squares, over all pairs of columns of (numbers, columns)."""
    n = len(z)
    a, b = z.T @ z / math.sqrt(n), (z**2 - 1).T @ (z**2 - 1) / (2 * math.sqrt(n))
    upper = np.triu_indices(z.shape[1], 1)
    return np.concatenate([a[upper], b[upper]])


def bound(checks: int) -> float:
    return float(stats.norm.isf(LEVEL / (2 * checks)))


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_vectors(counter, key, answer):
    assert np.array_equal(philox(words(counter), words(key)), words(answer))
    assert not np.array_equal(philox(words(counter) ^ 1, words(key)), words(answer))


def test_normals_are_those_of_the_twin_in_plain_python():
    key, dim = make_key(3, 1, 4), 11
    for step in (0, 5, 2**32 - 1, 2**32, 2**63 + 5):
        z = normals(key, range(2**32 - 300, 2**32), dim, step)
        for i in (0, 7, 299):
            expected = np.concatenate([twin(key, 2**32 - 300 + i, b, step) for b in range(3)])[:dim]
            assert np.abs(z[i] - expected).max() < 2e-6


def test_bits_are_the_same_on_every_processor():
    """Taken with vectors of AVX-512, of AVX2 and without either; fused products would change them."""
    assert zlib.crc32(normals(make_key(0, 1, 0), range(1000), 7, step=3).tobytes()) == 477912448


def test_extreme_words():
    """The largest normal, the smallest, and no quadrant without its numbers."""
    u32 = np.uint32
    for top, quarter in ((x, y) for x in (0, 1) for y in (0, 1)):
        b = u32(top << 31 | quarter << 30)
        angle = math.pi * (top + quarter / 2)
        pair = _box_muller(u32(0), b)
        assert np.allclose(pair, LARGEST * np.array([math.cos(angle), math.sin(angle)]), rtol=0, atol=1e-5)
        assert _box_muller(u32(2**32 - 1), b) == (0.0, 0.0)
    assert math.hypot(*_box_muller(u32(0), u32(12345678))) <= LARGEST * (1 + 1e-6)


def test_a_number_depends_on_its_address_alone():
    key = make_key(0, 1, 2)
    whole = normals(key, range(1000), 10, 7)
    for part, dim in ((range(0, 1000), 3), (range(17, 18), 10), (range(999, 1000), 1), (range(500, 777), 9)):
        assert np.array_equal(normals(key, part, dim, 7), whole[part.start : part.stop, :dim])
    others = [make_key(1, 1, 2), make_key(0, 0, 2), make_key(0, 1, 3), make_key(2**70, 1, 2)]
    for other in [normals(k, range(1000), 10, 7) for k in others] + [normals(key, range(1000), 10, 8)]:
        assert not np.isin(other, whole).mean() > 0.05


def test_moments_and_distribution():
    z = normals(make_key(0, 1, 0), range(250_000), 8).ravel().astype(np.float64)
    orders = np.arange(1, 9)
    moments = stats.norm.moment
    score = [(np.mean(z**k) - moments(k)) / math.sqrt((moments(2 * k) - moments(k) ** 2) / len(z)) for k in orders]
    assert np.abs(score).max() < bound(len(orders))
    assert stats.kstest(z, "norm").pvalue > LEVEL
    assert np.abs(z).max() < LARGEST
    for edge in (3.0, 4.0, 4.5):  # the tail
        mean = len(z) * 2 * stats.norm.sf(edge)
        assert abs(np.sum(np.abs(z) > edge) - mean) < bound(3) * math.sqrt(mean)


@pytest.mark.parametrize("wrong", [lambda z: 1.002 * z, lambda z: z + 0.002, lambda z: np.round(z, 1)])
def test_distribution_check_sees_wrong_normals(wrong):
    """Negative control: 0.2 % of scale or of shift, or a coarse grid."""
    z = normals(make_key(0, 1, 0), range(250_000), 8).ravel().astype(np.float64)
    score = [(np.mean(wrong(z)) - 0) * math.sqrt(len(z)), (np.mean(wrong(z) ** 2) - 1) * math.sqrt(len(z) / 2)]
    assert stats.kstest(wrong(z), "norm").pvalue < LEVEL or np.abs(score).max() > bound(8)


def test_neighbours_are_independent():
    """Across coordinates, indices, steps, draws and roles: correlations of numbers and of their squares."""
    n, key = 200_000, make_key(0, 1, 0)
    sets = {
        "coordinates": normals(key, range(n), 9),
        "indices": normals(key, range(8 * n), 1).reshape(n, 8),
        "steps": np.hstack([normals(key, range(n), 1, step) for step in (0, 1, 2, 2**32, 2**32 + 1)]),
        "keys": np.hstack([normals(make_key(s, r, k), range(n), 1) for s in (0, 1) for r in (0, 1) for k in (0, 1)]),
    }
    scores = {name: np.abs(correlations(z.astype(np.float64))) for name, z in sets.items()}
    checks = sum(len(s) for s in scores.values())
    assert {name: s.max() for name, s in scores.items() if s.max() > bound(checks)} == {}


def test_independence_check_sees_a_shared_radius():
    """Negative control: 2 % of one number in another; a common scale, 10 % up or down, which only squares show."""
    z = normals(make_key(0, 1, 0), range(200_000), 4).astype(np.float64)
    mixed = np.column_stack([z[:, 0], 0.99 * z[:, 1] + 0.02 * z[:, 0]])
    assert np.abs(correlations(mixed)).max() > bound(2)
    shared = z[:, :2] * (1 + 0.1 * np.sign(z[:, 2:3]))
    assert np.abs(correlations(shared)).max() > bound(2)


def test_noise_of_a_sample_does_not_depend_on_its_batch():
    weights = np.array([0.3, 0.7])
    batch, alone = NoiseReader(0, 0, range(100), 5), NoiseReader(0, 0, range(42, 43), 5)
    assert np.array_equal(batch.start()[42:43], alone.start())
    for _ in range(3):
        assert np.array_equal(batch.step(weights)[42:43], alone.step(weights))
    coarse, fine = NoiseReader(0, 1, range(4), 5), NoiseReader(0, 1, range(4), 5)
    assert np.array_equal(coarse.step(weights), 0.3 * fine.step(np.ones(1)) + 0.7 * fine.step(np.ones(1)))
    directions = np.linspace(1, 2, 5)[None]
    assert np.array_equal(batch.step(directions)[42:43], alone.step(np.ones(1)) * directions)


@pytest.mark.parametrize("counts", [None, (4, 5)])
def test_classes_can_be_drawn_in_any_pieces(counts):
    mixture = draw_direct(d=9, n_classes=5000, seed=1, draw=2, counts=counts)
    assert np.array_equal(draw_target(9, 1, 2, counts), mixture.target)
    for first, size in ((0, 1), (1000, 700), (4998, 1)):
        piece = np.empty((size, 9), np.float32)
        fill_classes(piece, first, mixture.target, make_key(1, MEANS, 2))
        assert np.array_equal(piece, mixture.delta[first : first + size])
    z = (mixture.delta + mixture.target).ravel()
    assert abs(z.mean()) < 4 / math.sqrt(z.size) and abs(z.var() - 1) < 4 * math.sqrt(2 / z.size)
