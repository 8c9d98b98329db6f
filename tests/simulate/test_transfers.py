"""What is said to the compiler directly: a square of numbers changes rows for columns, and rows are asked for ahead."""

import numba
import numpy as np
import pytest

from simulate.transfers import LINES, SIDE, fetch_four, fetch_part, transpose_square

ROW = 21  # numbers from one row to the next, no multiple of a vector


@numba.njit
def transposed(source, o, target, p):
    transpose_square(source, np.uintp(o), target, np.uintp(p), np.uintp(ROW))


@numba.njit
def total(array, ahead):
    """The sum of all numbers, read while others are asked for."""
    out = 0.0
    for s in range(array.shape[0]):
        fetch_four(array, s + ahead)
        fetch_part(array, np.uintp(min(s + ahead, array.shape[0] - 1)), np.uintp(0))
        for j in range(array.shape[1]):
            out += array[s, j]
    return out


@numba.njit
def total_alone(array, ahead):
    out = 0.0
    for s in range(ahead - ahead, array.shape[0]):
        for j in range(array.shape[1]):
            out += array[s, j]
    return out


@pytest.mark.parametrize(("o", "p"), [(0, 0), (5, 0), (0, 7), (5, 7)])
def test_a_square_is_transposed_and_nothing_beside_it_is_touched(o, p):
    source, before = np.random.default_rng(0).standard_normal((2, SIDE, ROW)).astype(np.float32)
    target = before.copy()
    transposed(source.ravel(), o, target.ravel(), p)
    assert np.array_equal(target[:, p : p + SIDE], source[:, o : o + SIDE].T)
    assert not np.array_equal(target[:, p : p + SIDE], source[:, o : o + SIDE])  # control: a mere copy
    target[:, p : p + SIDE] = before[:, p : p + SIDE]
    assert np.array_equal(target, before)


@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (40, 8 * LINES + 5)])
@pytest.mark.parametrize("ahead", [0, 4, 1000])
def test_asking_ahead_changes_no_number_even_where_there_is_nothing(shape, ahead):
    array = np.random.default_rng(1).standard_normal(shape)
    for given in (array, np.asfortranarray(array), array[::-1]):  # of any layout
        assert total(given, ahead) == total_alone(given, ahead)


def test_asking_ahead_is_an_instruction():
    array = np.ones((8, 8))
    total(array, 1), total_alone(array, 1)
    with_hints, without = ("".join(f.inspect_llvm().values()) for f in (total, total_alone))
    assert "@llvm.prefetch" in with_hints
    assert "@llvm.prefetch" not in without  # control
