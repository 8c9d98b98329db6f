"""Logarithms and pi of many numbers at once, against extended precision, over the whole range."""

import numba
import numpy as np
import pytest

from simulate.elementary import take_both, take_log, take_pi

EPS = np.finfo(float).eps


@numba.njit
def pi(x):
    take_pi(x)


@numba.njit
def other(x):
    take_both(x.copy(), x)


@numba.njit
def one_of_both(x):
    take_both(x, x.copy())


@numba.njit
def log(x):
    take_log(x)


def errors(taken, x, exact):
    """Relative to the last place."""
    found = x.copy()
    taken(found)
    return float(np.max(np.abs(found - exact) / np.abs(exact)) / EPS)


@pytest.mark.parametrize("width", [1.0, 30.0, 700.0])
@pytest.mark.parametrize(("taken", "sign"), [(pi, 1.0), (one_of_both, 1.0), (other, -1.0)], ids=["pi", "one", "other"])
def test_pi_is_right_to_the_last_places_however_small(taken, sign, width):
    x = np.random.default_rng(0).uniform(-width, width, 20_000)
    exact = 1.0 / (1.0 + np.exp(sign * x.astype(np.longdouble)))
    assert errors(taken, x, exact) < 4.0
    assert errors(taken, x, exact * (1.0 + 8.0 * EPS)) > 4.0  # control: of the last places


def test_pi_has_the_limits_of_a_decided_sample():
    x = np.array([np.inf, 800.0, 0.0, -800.0, -np.inf])
    pi(x)
    assert (x[:2] < 1e-300).all() and x[2] == 0.5 and (x[3:] == 1.0).all()


@pytest.mark.parametrize(("low", "high"), [(1e-300, 1e300), (1.0, 1e6), (0.6, 1.6)])
def test_log_is_right_to_the_last_places(low, high):
    x = np.exp(np.random.default_rng(0).uniform(np.log(low), np.log(high), 20_000))
    exact = np.log(x.astype(np.longdouble))
    assert errors(log, x, exact) < 4.0
    assert errors(log, x, exact * (1.0 + 8.0 * EPS)) > 4.0  # control: of the last places
    one = np.ones(1)
    log(one)
    assert one[0] == 0.0
