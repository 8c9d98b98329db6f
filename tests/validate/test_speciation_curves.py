"""Data and figure of speciation and collapse."""

import numpy as np
import pytest

from meanfield.errors import ProblemError
from validate.errors import ComparisonError
from validate.figures.speciation import collapse_curves, draw, measured_time, speciation_curves

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


def test_excess_entropy_follows_theory(curves):
    from scipy.stats import t as student

    data = curves[1]
    limit = student.isf(0.5e-3 / data["excess"].size, 15)
    z = (data["excess"] - data["excess_theory"]) / data["excess_stderr"]
    wrong = (data["excess"] - data["excess_theory"] * 1.2) / data["excess_stderr"]
    assert np.abs(z).max() < limit < np.abs(wrong).max()
    assert (data["excess_line"] < 0).all()


def test_figure_shows_every_curve(curves):
    figure, axes = draw(*curves)
    assert np.shape(axes) == (2, 2)
    labels = [text.get_text() for axis in np.ravel(axes) for text in axis.get_legend().get_texts()]
    assert {"d = 256", "d = 16384", "n = 16, d = 16384", "n = 100, d = 14"} <= set(labels)
    again, mine = draw(*curves, axes=axes)
    assert again is figure and mine is axes


def test_measured_time_is_the_speciation_time():
    from meanfield import speciation_time
    from simulate import clones

    settings = {**SETTINGS, "n_samples": 1000, "n_steps": 150}
    data = clones(32.0, 1024 * np.geomspace(0.6, 1.8, 5), sigma2=0.25, **settings)
    truth = speciation_time(1024.25, 0.25).t
    for name in ("phi", "posterior"):
        t, error = measured_time(data, 0.77520, name)
        assert abs(t - truth) < 4 * error < 0.1 * truth
        assert abs(t - 1.2 * truth) > 4 * error
    for level in (0.4, 0.999, 1.5):
        with pytest.raises(ComparisonError, match="got"):
            measured_time(data, level)


def test_bad_input_is_refused():
    with pytest.raises(ProblemError, match="got"):
        speciation_curves((256,), ratios=(0.0, 1.0), **SETTINGS)
    with pytest.raises(ProblemError, match="got"):
        collapse_curves(((1, 16),), **SETTINGS)
