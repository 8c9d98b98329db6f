"""Exponents of (T12) and (T13): theory, annealed model and particles, over two decades and more."""

import numpy as np
import pytest
from drawn_words import words

from meanfield import Fixed, Polynomial
from validate.agreement.statistics import exponent
from validate.errors import ComparisonError
from validate.figures.pages import scaling as figure
from validate.figures.pages.scaling import small_rate_scaling, strong_guidance_scaling

PREDICTED = {("sde", "shift"): 1.0, ("sde", "loss"): 2.0, ("ode", "shift"): 0.5, ("ode", "loss"): 1.0}


def test_exponent_recovers_a_power_and_its_error():
    rng = np.random.default_rng(5)
    x = np.geomspace(1, 1e3, 7)
    scores = []
    for _ in range(300):
        y = 2.0 * x**1.5
        error = y * np.geomspace(0.01, 0.05, 7)
        p, e = exponent(x, y + error * rng.standard_normal(7), error)
        scores.append((p - 1.5) / e)
    assert abs(np.mean(scores)) < 0.25 and 0.85 < np.std(scores) < 1.15
    with pytest.raises(ComparisonError, match="two points"):
        exponent([1.0, 2.0, 3.0], [1.0, -1.0, 0.1], [0.1, 0.1, 0.1])
    for x, y, error in (
        ([1.0, 2.0], [1.0], None),
        ([-1.0, 2.0], [1.0, 2.0], None),
        ([1.0, 2.0], [1.0, 2.0], [0.0, 0.0]),
    ):
        with pytest.raises(ComparisonError, match="must be"):
            exponent(x, y, error)


@pytest.fixture(scope="module")
def falling():
    return small_rate_scaling(Polynomial(2.0), (10**4, 10**5, 10**6, 10**7), n_samples=4000, progress=False)


@pytest.fixture(scope="module")
def fixed():
    sizes = (10**3, 10**4, 10**5)
    return small_rate_scaling(Fixed(16), sizes, n_samples=2000, n_steps=100, particles=(100, 10), progress=False)


@pytest.mark.parametrize(("sampler", "quantity"), list(PREDICTED))
def test_exponents_of_falling_rate(falling, fixed, sampler, quantity):
    """(T12) within 5 % over 2.7 decades of alpha (P = d^2) and 2 (P = 16); the next exponent in line is far off."""
    assert falling["alpha"].values[0] / falling["alpha"].values[-1] > 100
    predicted = PREDICTED[sampler, quantity]
    at = falling.sel(sampler=sampler, quantity=quantity)
    found = [exponent(falling["alpha"], at["theory"])[0]]
    found.append(exponent(falling["alpha"], at["reduced"], at["reduced_stderr"])[0])
    if (sampler, quantity) != ("sde", "loss"):  # of relative size 1e-9 there: not resolved by particles
        at = fixed.sel(sampler=sampler, quantity=quantity)
        found.append(exponent(fixed["alpha"], at["particles"], at["particles_stderr"])[0])
    assert np.abs(np.array(found) / predicted - 1).max() < 0.05, found
    assert all(abs(p / other - 1) > 0.05 for p in found for other in set(PREDICTED.values()) - {predicted})


def test_exponents_of_strong_guidance(tmp_path, falling, fixed):
    """(T13): t_s ~ w and loss ~ 1/w below alpha = 1/2, a constant loss above, and neither at 1/2."""
    data = strong_guidance_scaling((0.3, 0.5, 0.7), np.geomspace(1e2, 1e4, 5), n_samples=500, progress=False)
    w, below, at, above = data["w"], *(data.sel(alpha=a) for a in (0.3, 0.5, 0.7))
    assert exponent(w, below["t_speciation"])[0] == pytest.approx(1, rel=0.05)
    assert exponent(w, below["loss"])[0] == pytest.approx(-1, rel=0.05)
    assert exponent(w, data["reduced_loss"], data["reduced_loss_stderr"])[0] == pytest.approx(-1, rel=0.05)
    assert abs(exponent(w, above["loss"])[0]) < 0.001
    assert -0.95 < exponent(w, at["loss"])[0] < -0.6
    fig, axes = figure.draw(falling, fixed, data)
    fig.savefig(tmp_path / "scaling.png")
    assert all(any(name in word for word in words(axis)) for axis in axes[:2] for name in ("SDE", "ODE"))
    assert not any("ODE" in word for word in words(axes[2]))
