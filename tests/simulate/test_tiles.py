"""The correction solved for by tiles: every sample satisfies its equation, with the bits it would have alone."""

import numba
import numpy as np
import pytest

from simulate.steps import tiles
from simulate.steps.parts import DECIDED
from simulate.steps.tiles import LANES, MOVING, ODDS, REST, ROWS, WEIGHT, F, L, X, set_sums, solve

PSI, D, DIM = 0.2, 1.5, 6
ONE, TWO = np.full(DIM, PSI / D), np.full(DIM, PSI**2 / (D * (1.0 + D)))
RESULTS = (F, X, ODDS, REST, WEIGHT)


@numba.njit
def fill(t, mean, ahead, answers):
    for i in range(LANES):
        set_sums(t, i, mean[i], ahead[i], 1.0, ONE, TWO, answers)


@numba.njit
def solved(t, w):
    solve(t, w)


def tile(answers=True) -> np.ndarray:
    """Samples of all log-odds from a crowd to a decided class, with forces from weak to strong."""
    rng, t = np.random.default_rng(0), np.zeros(ROWS * LANES)
    t[L : L + LANES] = np.linspace(-1.5, 1.5, LANES) * DECIDED * np.tile([0.05, 0.2, 1.0, 0.1], LANES // 4)
    t[X : X + LANES] = 1.0 / (1.0 + np.exp(t[L : L + LANES]))
    mean, ahead = rng.standard_normal((2, LANES, DIM)) * np.geomspace(0.1, 1.5, LANES)[::-1, None]
    fill(t, mean, ahead, answers)
    return t


def row(t, name):
    return t[name : name + LANES]


@pytest.mark.parametrize("w", [-0.5, 1.0, 8.0])
def test_every_open_sample_satisfies_its_equation(w):
    """x there, by the right-hand side, is x; what it was at the predicted state is the control."""
    t = tile()
    start, open_ = row(t, X).copy(), row(t, MOVING).copy() > 0.0
    assert np.array_equal(open_, np.abs(row(t, L)) < DECIDED) and open_.any() and not open_.all()
    solved(t, w)
    assert np.abs(row(t, REST) - row(t, X))[open_].max() < 1e-7
    assert np.abs(row(t, REST) - start)[open_].max() > 1e-2
    assert np.allclose(row(t, REST) + row(t, WEIGHT), 1.0, atol=1e-15)
    assert np.allclose(row(t, X)[~open_], start[~open_], rtol=1e-14)
    assert (row(t, F)[row(t, L) >= DECIDED] == 1.0).all() and (row(t, F)[row(t, L) <= -DECIDED] != 1.0).all()


def test_without_answers_the_force_is_what_it_was():
    t = tile(answers=False)
    start = row(t, X).copy()
    solved(t, 8.0)
    assert (row(t, F) == 1.0).all() and np.allclose(row(t, X), start, rtol=1e-14)


def test_a_sample_has_the_bits_that_it_has_alone(monkeypatch):
    """Its tile goes on for the others: after two iterations some are done, and some are not."""
    whole = tile()
    columns = whole.reshape(ROWS, LANES).copy()
    solved(whole, 8.0)
    found = np.array([row(whole, name) for name in RESULTS])
    for i in range(LANES):
        alone = np.zeros((ROWS, LANES))
        alone[:, (i + 5) % LANES] = columns[:, i]
        solved(alone.reshape(-1), 8.0)
        assert np.array_equal([row(alone.reshape(-1), name)[(i + 5) % LANES] for name in RESULTS], found[:, i])
    assert not np.array_equal(found, np.roll(found, 1, axis=1))  # control: a neighbour's answer
    monkeypatch.setattr(tiles, "ITERATIONS", 2)
    early = columns.reshape(-1)
    solve(early, 8.0)  # as Python
    open_ = np.abs(row(early, L)) < DECIDED
    assert row(early, MOVING)[open_].any() and not row(early, MOVING)[open_].all()
