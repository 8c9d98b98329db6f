"""The spectrum of given classes: recovered where the theory's assumptions hold, measured departures where not."""

import numpy as np
import pytest

from meanfield import Exponential, Problem, solve, spectrum_of
from meanfield.errors import ProblemError

RNG = np.random.default_rng(11)
ROTATION = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
G, C = np.array([0.5, 1.0, 2.0, 4.0]), np.array([0.1, 0.3, 0.2, 0.5])
MEANS = (RNG.normal(size=(20_000, 4)) * np.sqrt(G)) @ ROTATION.T + 3.0
W = ROTATION @ np.diag(C) @ ROTATION.T


def test_the_spectrum_is_recovered_in_a_rotated_frame():
    found = spectrum_of(MEANS, W)
    assert np.allclose(found.spectrum.c, C, rtol=0.02) and np.allclose(found.spectrum.g, G, rtol=0.05)
    assert found.off_diagonal < 0.02 and found.spread < 1e-9 and np.allclose(found.centre, 3.0, atol=0.1)
    assert np.allclose(np.abs(found.basis.T @ ROTATION), np.eye(4), atol=0.05)


def test_departures_from_the_assumptions_are_measured():
    turned = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    assert spectrum_of(MEANS, turned @ np.diag(C) @ turned.T).off_diagonal > 0.2  # W and B do not commute
    scale = RNG.uniform(0.5, 1.5, len(MEANS))
    assert abs(spectrum_of(MEANS, scale[:, None, None] * W).spread - 1 / np.sqrt(12)) < 0.01


def test_the_theory_takes_it():
    found = spectrum_of(MEANS[:500], W)
    theory = solve(Problem(classes=Exponential(np.log(500) / 4), spectrum=found.spectrum, guidance=1.0))
    assert theory.final.m_group.shape == (4,) and np.all(theory.final.m_group > 1.0)


@pytest.mark.parametrize(
    "means, covariances, match",
    [
        (np.ones((1, 3)), np.eye(3), "two classes or more"),
        (np.ones((5, 3)), np.eye(2), "of shape"),
        (np.ones((5, 3)) * np.arange(5)[:, None], np.eye(3), "vary in every direction"),
    ],
)
def test_bad_classes_are_refused(means, covariances, match):
    with pytest.raises(ProblemError, match=match):
        spectrum_of(means, covariances)
