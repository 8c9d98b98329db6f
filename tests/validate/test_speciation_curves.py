"""Data and figure of speciation and collapse."""

import numpy as np
import pytest

from meanfield.errors import ProblemError
from validate.figures.speciation import clone_curves
from validate.speciation import collapse_curves, speciation_curves

SETTINGS = {"n_samples": 100, "n_draws": 16, "n_steps": 60, "threads": 1, "progress": False}


@pytest.fixture(scope="module")
def curves():
    speciation = speciation_curves((256, 16384), ratios=(0.8, 0.9, 1.0, 1.2), **SETTINGS)
    return speciation, collapse_curves(((16, 16384), (100, 14)), ratios=(0.5, 1.0, 2.0), **SETTINGS)


@pytest.mark.parametrize("which, tests", [(0, 8), (1, 6)])
def test_particles_follow_theory(curves, which, tests):
    from scipy.stats import t as student

    data, limit = curves[which], student.isf(0.5e-3 / tests, 15)
    for name in ("phi", "posterior"):
        seen = (data["theory"] < 0.995) & (data["theory"] > 0.01)  # beyond, a few samples differ: no error bar
        z = ((data[name] - data["theory"]) / data[f"{name}_stderr"]).where(seen)
        assert np.abs(z).max() < limit and seen.sum() >= tests - 2
    shifted = data["theory"].shift(ratio=1)  # negative control: the theory of another time
    assert np.abs((data["posterior"] - shifted) / data["posterior_stderr"]).max() > limit


def test_curves_of_all_d_cross_at_speciation_and_sharpen(curves):
    """All pass near phi(h = 1) = 0.7752 at s_S; with d the curve gets steeper there."""
    theory = curves[0]["theory"]
    assert np.allclose(theory.sel(ratio=1.0), 0.7752, atol=2e-3)
    assert theory.sel(d=16384, ratio=0.9) > theory.sel(d=256, ratio=0.9) + 0.02
    assert theory.sel(d=16384, ratio=1.2) < theory.sel(d=256, ratio=1.2) - 0.02


def test_figure_shows_every_curve(curves):
    figure, axes = clone_curves(*curves)
    assert len(axes) == 3
    labels = [text.get_text() for axis in axes for text in axis.get_legend().get_texts()]
    assert {"d = 256", "d = 16384", "n = 16, d = 16384", "n = 100, d = 14"} <= set(labels)
    again, mine = clone_curves(*curves, axes=axes)
    assert again is figure and mine is axes


def test_bad_input_is_refused():
    with pytest.raises(ProblemError, match="got"):
        speciation_curves((256,), ratios=(0.0, 1.0), **SETTINGS)
    with pytest.raises(ProblemError, match="got"):
        collapse_curves(((1, 16),), **SETTINGS)
