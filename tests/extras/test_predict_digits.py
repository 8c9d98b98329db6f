"""`predict` on scikit-learn's digits: the numbers of docs/learned-score.md, and the warning that theory needs."""

import numpy as np
import pytest
from sklearn.datasets import load_digits as raw_digits

from meanfield import from_diffusers
from simulate import Mixture
from simulate.learned import load_digits
from validate import predict
from validate.figures.digits.levels import mean_field_level

T_START = 6400.0  # as on the page


@pytest.fixture(scope="module")
def found():
    mixture = Mixture(*load_digits().moments())
    return predict(mixture, guidance=2.0, n_samples=400, n_steps=60, t_start=T_START, progress=False)


def test_ten_gaussians_grow_where_the_mean_field_shrinks(found):
    """Average class, w = 2, ODE: trace 1.129(4) and shift 0.396(2); the mean field has 0.837 and 0.546."""
    for name, page, error in (("trace_ratio", 1.129, 0.004), ("shift", 0.396, 0.002)):
        value, stderr = found.estimate(name)
        assert abs(value - page) < 3.0 * np.hypot(stderr, error) and stderr < 0.005
    assert abs(found.theory("trace_ratio") - 0.837) < 5e-4 and abs(found.theory("shift") - 0.546) < 5e-4
    assert abs(found.estimate("trace_ratio").value - 1.0) > 10.0 * found.estimate("trace_ratio").stderr


def test_the_mean_field_is_that_of_the_figure(found):
    level = mean_field_level(("ode",)).sel(sampler="ode", schedule="constant")
    assert np.allclose(found.dataset.theory_trace_ratio, level.trace_guided, rtol=1e-9)
    assert np.allclose(found.dataset.theory_shift, level["shift"], atol=1e-6)  # the page's origin is the mean of all


def test_on_digits_it_warns(found):
    first, *others = found.warnings
    assert "has the sign of the change of variance wrong" in first and "shrinks (trace x 0.837)" in first
    text = " ".join(others)
    assert "one covariance for all classes" in text and "there are 10" in text and "at most 9 of 64" in text
    equal = Mixture(load_digits().moments()[0], load_digits().moments()[1].mean(axis=0))  # control: of equal shapes
    text = " ".join(predict(equal, 3, 2.0, n_samples=160, n_steps=60, progress=False).warnings)
    assert "one covariance" not in text and "sign of the change" not in text


def test_features_and_labels_are_enough():
    X, y = raw_digits(return_X_y=True)
    mixture = Mixture.fit(X[:, X.std(axis=0) > 0], y)
    one = predict(mixture, y[3], 2.0, n_samples=160, n_steps=60, progress=False)  # a label of NumPy's
    assert one.target == 3 and one.estimate("shift").value > 10.0 * one.estimate("shift").stderr
    assert one.dataset.shift_feature.size == mixture.dim == 61


def test_a_scheduler_of_diffusers_is_a_sampler(quiet):
    import diffusers

    mixture = Mixture(np.random.default_rng(0).normal(size=(5, 8)), variances=0.2)
    code = from_diffusers(diffusers.DDIMScheduler(timestep_spacing="trailing", clip_sample=False), 200)
    found, own = (predict(mixture, 0, 1.5, sampler=s, n_samples=800, progress=False) for s in (code, "ode"))
    for name in ("shift", "trace_ratio"):
        a, b = found.estimate(name), own.estimate(name)
        assert abs(a.value - b.value) < 4.0 * np.hypot(a.stderr, b.stderr) + 0.05 * b.value
    weaker = predict(mixture, 0, 1.05, sampler=code, n_samples=800, progress=False).estimate("shift")  # control
    assert abs(weaker.value - own.estimate("shift").value) > 0.08 * own.estimate("shift").value
