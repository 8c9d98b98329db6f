"""Two laws of speciation by particles: (1/2) log d where means differ, (1/4) log d where covariances do."""

import numpy as np
import pytest
from scipy.stats import t as student

from meanfield.errors import CfgfieldError
from validate.figures.speciation import speciation_times

LAW = {"means": 0.5, "covariances": 0.25}
SETTINGS = {"n_samples": 100, "n_draws": 16, "threads": 1, "progress": False}
LIMIT = float(student.isf(0.5e-3, 15))  # once in a thousand, errors from 16 draws


def check(data, law):
    for by in data["by"].values:
        slope, error, exact = (float(data[n].sel(by=by)) for n in ("slope", "slope_stderr", "slope_exact"))
        assert abs(slope - exact) < LIMIT * error
        assert abs(slope - law) < LIMIT * error + abs(exact - law)  # what is left of small d, known in closed form
        other = 0.75 - law
        assert abs(slope - other) > 10.0 * error and abs(exact - law) < 0.05 * law  # negative control
    z = (data["s"] - data["s_exact"]) / data["s_stderr"]
    assert np.abs(z).max() < student.isf(0.5e-3 / z.size, 15)


@pytest.mark.parametrize("differ", LAW)
def test_slopes_of_the_two_laws_in_few_dimensions(differ):
    check(speciation_times(differ, (16, 64, 256), n_steps=80, **SETTINGS | {"n_samples": 60}), LAW[differ])


@pytest.mark.slow
@pytest.mark.parametrize("differ", LAW)
def test_slopes_of_the_two_laws_up_to_4096_dimensions(differ):
    data = speciation_times(differ, n_steps=150, **SETTINGS)
    assert data.sizes["d"] == 5 and int(data["d"].max()) == 4096
    check(data, LAW[differ])


def test_what_differs_must_be_known():
    with pytest.raises(CfgfieldError, match=r"differ must be one of \['means', 'covariances'\]; got 'weights'"):
        speciation_times("weights")
