"""The spectrum of given classes: recovered where the theory's assumptions hold, measured departures where not."""

import numpy as np
import pytest

from meanfield import Exponential, Fixed, Problem, Spectrum, solve, spectrum_of
from meanfield.errors import ProblemError
from simulate import run

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


DIRECTIONS = np.linspace(0.5, 2.0, 20)  # variances of the means
TEN = Problem(classes=Fixed(10), spectrum=Spectrum(np.full(20, 0.25), 0.25 + DIRECTIONS), guidance=1.0, t_start=np.inf)


def test_a_fixed_number_of_classes_at_infinite_d_is_warned_of():
    """Ten classes in twenty directions came out as "exact" and undistorted. What the warning names solves them."""
    with pytest.warns(UserWarning, match=r"solve\(problem, d=20\)") as said:
        assert solve(TEN).final.m == 1.0
    assert len(said) == 1
    theory = solve(TEN, d=20)  # and no warning, which would raise
    assert theory.standing == "asymptotic" and theory.final.m > 1.01
    as_rate = solve(TEN.replace(classes=Exponential(np.log(10) / 20)))
    assert theory.final.m == pytest.approx(as_rate.final.m, rel=1e-9)
    assert solve(TEN.replace(classes=Fixed(1))).final.m == 1.0  # no rival at any d: nothing to warn of
    solve(TEN.replace(classes=Exponential(0.2)))


def test_single_directions_are_the_limit_of_groups():
    """Twenty groups of one direction at d = 20 solve as the same groups do at d = 40 with a rate as large; particles
    of pairs of directions are near, at m = 1.0221(2) to a correction of order 1/d."""
    double = solve(TEN.replace(classes=Fixed(100)), d=40)
    single = solve(TEN, d=20)
    assert np.allclose(single.final.m_group, double.final.m_group, rtol=1e-9)
    pairs = Spectrum(np.full(10, 0.25), 0.25 + DIRECTIONS.reshape(10, 2).mean(axis=1))
    data = run(TEN.replace(spectrum=pairs), d=20, n_samples=200, n_disorder=24, n_steps=40, progress=False)
    assert abs(data.final.m_paired.mean - single.final.m) < 0.5 * (single.final.m - 1.0)
    with pytest.raises(ProblemError, match=r"at least 1 direction; .*Take d >= 20"):
        solve(TEN, d=15)
    with pytest.raises(ProblemError, match="at least 2 directions"):
        run(TEN, d=20, n_samples=4, n_disorder=2)
