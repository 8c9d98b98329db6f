"""Chi-square numbers by address have the law, and depend on nothing but their address."""

import numpy as np
import pytest
from scipy import stats

from simulate.randomness.chi_squares import chi_squares
from simulate.randomness.normals import make_key


@pytest.mark.parametrize("freedom", [1, 2, 3, 17, 1000])
def test_the_law(freedom):
    """Kolmogorov-Smirnov; negative control: a twentieth more degrees, or one more."""
    found = chi_squares(make_key(4, 2, freedom), range(40_000), freedom, step=1)
    assert stats.kstest(found, stats.chi2(freedom).cdf).pvalue > 1e-3
    assert stats.kstest(found, stats.chi2(freedom + max(1, freedom // 20)).cdf).pvalue < 1e-6


def test_numbers_are_those_of_their_address():
    key = make_key(0, 2, 0)
    all_, part = (chi_squares(key, samples, 5, step=2) for samples in (range(50), range(20, 30)))
    assert np.array_equal(all_[20:30], part)
    for other in (chi_squares(key, range(50), 5, step=3), chi_squares(make_key(0, 2, 1), range(50), 5, step=2)):
        assert abs(np.corrcoef(all_, other)[0, 1]) < 0.5 and not np.isin(other, all_).any()
