"""Data and drawing of the density-ratio figure, on small data."""

import numpy as np
import pytest

from meanfield import Continuum, DensityRatio, Exponential, Problem, ratio_limits
from validate.agreement.statistics import family_threshold
from validate.figures import density_ratio
from validate.figures.density_ratio import (
    distortion_over_sizes,
    limit_from_sizes,
    objective_on_a_line,
    weight_on_the_way,
)

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=DensityRatio(0.3, w_max=4.0))
SMALL = {"n_samples": 40, "n_disorder": 4, "n_steps": 30, "progress": False}


@pytest.fixture(scope="module")
def sizes():
    return distortion_over_sizes(PROBLEM, {"continuum": (Continuum(), (8, 16, 32))}, **{**SMALL, "n_steps": 80})


def test_the_drawing_of_small_data(sizes):
    weight = weight_on_the_way(PROBLEM, (10,), (40,), n_times=8, **SMALL)
    line = objective_on_a_line(points=61, fitted=6)
    figure, axes = density_ratio.draw(line, weight, sizes)
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in np.ravel(axes))
    figure.savefig("/dev/null", format="png")
    assert weight.sizes["time"] == 8 and np.all(np.diff(weight.D[0]) < 0)
    assert np.all(weight.D_fade > weight.D_speciation)


def test_the_objective_has_no_minimiser_where_it_says_so():
    line = objective_on_a_line(beta=0.4, points=81, fitted=12)
    none = line.beta_r >= 1.0
    assert 0 < none.sum() < 81 and np.array_equal(np.isnan(line.minimiser), none)
    assert float(line.error) < 1e-6


def test_the_distortion_over_sizes_is_that_of_the_theory(sizes):
    """Constant guidance beside it keeps its distortion, density-ratio guidance loses it; limits within their errors."""
    for sampler in ("ode", "sde"):
        fit, here = limit_from_sizes(sizes, "continuum", sampler), sizes.sel(sampler=sampler)
        assert float(here.shift_limit) == pytest.approx(ratio_limits(PROBLEM.guidance, float(sampler == "sde")).shift)
        assert abs(fit.intercept - float(here.shift_limit)) < family_threshold(2) * fit.error
        assert here.shift_theory[-1] < 0.6 * here.shift_theory[0]
        assert np.allclose(here.constant_shift_theory, here.constant_shift_theory[0])
        assert np.all(here.loss_theory < 0.2 * here.constant_loss_theory)
