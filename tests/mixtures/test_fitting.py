"""`Mixture.fit` without other libraries: laws of what is fitted, and data that cannot be."""

import numpy as np
import pytest

from meanfield import ProblemError
from simulate import DataWarning, Mixture

RNG = np.random.default_rng(4)
X = np.concatenate(
    [RNG.normal(size=(300, 3)) * [1.0, 0.5, 2.0], 3.0 + RNG.normal(size=(100, 3)) @ RNG.normal(size=(3, 3))]
)
Y = ["a"] * 300 + ["b"] * 100


@pytest.mark.parametrize("kind", ["full", "low-rank", "diag", "spherical", "tied"])
def test_what_is_fitted(kind):
    mixture = Mixture.fit(X, Y, covariance=kind, rank=1)
    parts = X[:300], X[300:]
    S = [np.cov(part.T) for part in parts]
    assert mixture.classes == ("a", "b") and mixture.weights.tolist() == [0.75, 0.25]
    assert np.allclose(mixture.means, [part.mean(axis=0) for part in parts])
    for k, label in enumerate(mixture.classes):
        values, axes = np.linalg.eigh(S[k])
        expected = {
            "full": S[k],
            "diag": np.diag(np.diagonal(S[k])),
            "spherical": np.trace(S[k]) / 3 * np.eye(3),
            "tied": (299 * S[0] + 99 * S[1]) / 398,
            "low-rank": values[:2].mean() * np.eye(3)
            + (values[2] - values[:2].mean()) * np.outer(axes[:, 2], axes[:, 2]),
        }
        assert np.allclose(mixture.covariance(label), expected[kind])
        assert not np.allclose(mixture.covariance(label), 1.01 * expected[kind])


def test_labels_are_numbers_or_words():
    for labels in (np.repeat([3, 7], [300, 100]), np.repeat(["3", "7"], [300, 100]), [3.0] * 300 + [7.0] * 100):
        mixture = Mixture.fit(X, labels, covariance="diag")
        assert mixture.classes == tuple(np.asarray(labels)[[0, -1]].tolist())
        assert mixture.prior(mixture.classes[1]) == 0.25
    with pytest.raises(ProblemError, match=r"one of the classes \['3', '7'\]; got 3"):
        Mixture.fit(X, np.repeat(["3", "7"], [300, 100]), covariance="diag").score(3)


def test_a_floor_raises_small_variances():
    flat = X * [1.0, 1.0, 0.0] + [0.0, 0.0, 1.0]
    with pytest.warns(DataWarning, match=r"1 of 3 features never vary \(\[2\]\)"):
        mixture = Mixture.fit(flat, Y, covariance="diag", floor=0.01)
    assert np.isclose(mixture.covariance("a")[2, 2], 0.01 * flat.var(axis=0).mean())
    assert np.isclose(mixture.covariance("a")[0, 0], flat[:300, 0].var(ddof=1))


BAD = {
    "length": (
        lambda: Mixture.fit(X, Y[:-1], covariance="diag"),
        "of the 400 rows of X; got 399 labels",
    ),
    "nan": (
        lambda: Mixture.fit(np.where(np.arange(1200).reshape(400, 3) == 7, np.nan, X), Y),
        r"nan or inf in 1 rows.*\[2\]",
    ),
    "units": (
        lambda: Mixture.fit(X * 1e200, Y),
        r"X must be within -1e\+100 and 1e\+100; got .*e\+20\d. Take other units",
    ),
    "shape": (lambda: Mixture.fit(X[:, 0], Y), "shape"),
    "words": (lambda: Mixture.fit([["x"]], [0]), "X must be"),
    "one sample": (lambda: Mixture.fit(X[:301], Y[:301], covariance="diag"), "class 'b' needs 2 samples.*tied"),
    "few": (lambda: Mixture.fit(X[298:303], Y[298:303], covariance="full"), "needs 4 samples for a full.*shrunk"),
    "few tied": (lambda: Mixture.fit(X[299:302], Y[299:302], covariance="tied"), "needs 5 samples"),
    "kind": (lambda: Mixture.fit(X, Y, covariance="round"), "covariance must be one of"),
    "components": (lambda: Mixture.fit(X, Y, covariance="diag", components=0), "components must be"),
    "unknown": (lambda: Mixture.fit(X, Y, covariance="diag", components={"c": 2}), "components must be of the classes"),
    "no label": (lambda: Mixture.fit(X, [None, *Y[1:]], covariance="diag"), "labels must be numbers or words"),
    "nan label": (lambda: Mixture.fit(X, [np.nan] * 400, covariance="diag"), "labels must be numbers or words"),
    "floor": (lambda: Mixture.fit(X, Y, covariance="diag", floor=2.0), "floor must be"),
    "not fitted": (lambda: Mixture.from_sklearn(object()), "fitted GaussianMixture has"),
}


@pytest.mark.parametrize("name", BAD)
def test_data_that_cannot_be_fitted_are_refused(name):
    call, words = BAD[name]
    with pytest.raises(ProblemError, match=words):
        call()


def test_a_class_without_variance_is_refused():
    still = np.concatenate([X[:300], np.tile(X[300], (100, 1))])
    with (
        pytest.warns(DataWarning, match="99 of 400 rows repeat"),
        pytest.raises(ProblemError, match="class 'b' must vary"),
    ):
        Mixture.fit(still, Y, covariance="diag")


def test_repeated_rows_are_named():
    with pytest.warns(DataWarning, match="1 of 401 rows repeat another"):
        Mixture.fit(np.concatenate([X, X[:1]]), [*Y, "a"], covariance="diag")
