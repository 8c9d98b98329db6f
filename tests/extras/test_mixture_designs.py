"""Schedules designed for classes of real data: the mean field keeps nothing there, the tuned window the trace."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from simulate import Mixture, sample_mixture


def fitted(load) -> Mixture:
    X, y = load(return_X_y=True)
    varies = X.std(axis=0) > 0
    X = X[:, varies]
    scale = 16.0 if load is load_digits else X.std(axis=0)
    return Mixture.fit((X - X.mean(axis=0)) / scale, y)


@pytest.mark.parametrize(("load", "target"), [(load_wine, 0), (load_wine, 1), (load_breast_cancer, 0)])
@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_the_trace_is_kept_within_one_percent(load, target, sampler):
    mixture = fitted(load)
    made = mixture.design(target, sampler=sampler, theory=False, progress=False)
    assert made.kept, repr(made)
    ratio, error = made.estimate("trace_ratio", "constant")
    if target == 0:  # of wine's class 1 constant guidance keeps the trace too, and is ranked first
        assert ratio < 0.98 - 2.0 * error, "negative control"


@pytest.mark.parametrize("target", [0, 1])
def test_on_digits_the_design_of_the_mean_field_keeps_nothing_and_the_tuned_window_the_trace(target):
    """It promises 1.000: class 0 shrinks, class 1 becomes twice as wide."""
    mixture = fitted(load_digits)
    made = mixture.design(target, progress=False)
    assert made.kept, repr(made)
    theory, error = made.estimate("trace_ratio", "mean field")
    assert abs(theory - 1.0) > 0.01 + 3.0 * error
    assert theory < 1.0 if target == 0 else theory > 1.5
    assert any("promised" in line for line in made.warnings)
    twins = [
        sample_mixture(mixture.problem(target, w), mixture, target=target, n_samples=2000, n_steps=60, seed=9)
        for w in (made.schedule, 0.0)
    ]
    guided, free = (np.trace(np.cov(x.T)) for x in twins)
    assert guided / free == pytest.approx(1.0, abs=0.015)
