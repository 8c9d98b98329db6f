"""From features and labels, or from a fitted scikit-learn mixture, to a `Mixture`.

What is fitted is scikit-learn's: Ledoit-Wolf or OAS shrinkage, and Gaussian mixtures within a class. Nothing is dropped
or mended in silence: what the data cannot give is an error with its remedy, what is doubtful a `DataWarning`.
"""

import importlib
import warnings
from collections.abc import Hashable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from meanfield.errors import CfgfieldError, array, checked, one_of, require, short, whole
from meanfield.tools.door import Numbers, door
from simulate.mixtures.components import Components
from simulate.mixtures.diagonal import Diagonal, Rotated
from simulate.mixtures.low_rank import LowRank
from simulate.mixtures.mixture import Mixture
from simulate.mixtures.stating import plain_labels

KINDS = ("shrunk", "full", "low-rank", "diag", "spherical", "tied")
SHRINKAGES = {"ledoit-wolf": "ledoit_wolf", "oas": "oas"}
LARGEST = 1e100  # of a feature: its square is finite, too
NONE = 1e-12  # of the mean variance of the data: below, a variance is none


class DataWarning(UserWarning):
    """Data that are fitted as they are, but are doubtful: repeated rows, features that never vary.

    Examples
    --------
    >>> issubclass(DataWarning, UserWarning)
    True
    """


class MissingLibraryError(CfgfieldError, ImportError):
    """scikit-learn is not installed."""


@door()
def fit(
    X: Numbers,
    y: Sequence[Any],
    *,
    covariance: str = "shrunk",
    shrinkage: str = "ledoit-wolf",
    components: int | Mapping = 1,
    rank: int = 10,
    floor: float = 0.0,
    seed: int = 0,
) -> Mixture:
    """Fit one or more Gaussians to every class; weights are the shares of the classes.

    Parameters
    ----------
    X : (samples, features), finite. y : (samples,) labels, numbers or words.
    covariance : of every component: "shrunk" (scikit-learn's `shrinkage` "ledoit-wolf" or "oas"; needs no more samples
        than features), "full", "low-rank" (`rank` leading directions and one variance for the rest: probabilistic
        PCA), "diag", "spherical", or "tied" (one full covariance for all components, within classes).
    components : Gaussians in every class; or a mapping from labels to numbers, 1 where it has none. They are found by
        scikit-learn's GaussianMixture.
    floor : variances below this share of the mean variance of the data are raised to it, from 0 to 1.
    seed : of the search for components.

    Raises
    ------
    ProblemError : labels of another length, values that are not finite, a class with too few samples for its
        covariance, or without variance in a direction.
    MissingLibraryError : "shrunk" and several components need scikit-learn.

    Warns
    -----
    DataWarning : repeated rows; features that are constant in all of the data.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0.0, 1.0, (300, 2)), rng.normal(4.0, 0.5, (100, 2))])
    >>> Mixture.fit(X, ["wide"] * 300 + ["narrow"] * 100, covariance="spherical")
    Mixture(2 classes, 2 components, 2 dimensions: wide 0.75, narrow 0.25)
    """
    one_of("covariance", covariance, KINDS)
    one_of("shrinkage", shrinkage, tuple(SHRINKAGES))
    X, labels = _data(X, y)
    floor = checked("floor", floor, low=0, high=1)
    rank = whole("rank", rank, low=0)
    classes = list(dict.fromkeys(labels))
    counts = _component_counts(components, classes)
    index = np.array([classes.index(x) for x in labels])
    groups, of_group = [], []
    for k, label in enumerate(classes):
        for rows in _split(X[index == k], counts[label], label, covariance, seed):
            groups.append(rows)
            of_group.append(label)
    scale = float(X.var(axis=0).mean())
    form = _form(groups, of_group, covariance, SHRINKAGES[shrinkage], rank, floor * scale, NONE * scale)
    return Mixture.of_components(form, np.array([len(rows) for rows in groups], float), of_group)


def from_sklearn(fitted: Any, labels: Sequence[Any] | None = None) -> Mixture:
    """See `Mixture.from_sklearn`."""
    needed = ("means_", "covariances_", "weights_", "covariance_type")
    missing = [name for name in needed if not hasattr(fitted, name)]
    require(not missing, "a fitted GaussianMixture has " + ", ".join(needed), fitted, "Call its fit(X) first.")
    means, S = np.asarray(fitted.means_, float), np.asarray(fitted.covariances_, float)
    kind = one_of("covariance_type", fitted.covariance_type, ("full", "tied", "diag", "spherical"))
    given: dict[str, Any] = {"covariances": S} if kind in ("full", "tied") else {"variances": S}
    return Mixture(means, **given, weights=fitted.weights_, labels=labels)


def _data(X: Any, y: Any) -> tuple[np.ndarray, list[Hashable]]:
    """Features (samples, features) and plain labels, checked."""
    X = array(X, "X must be an array of numbers")
    require(X.ndim == 2 and X.size > 0, "X must have the shape (samples, features)", f"shape {X.shape}")
    bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
    require(
        not len(bad), "X must be finite", f"nan or inf in {len(bad)} rows, the first {bad[:3].tolist()}",
        "Leave these rows out, or fill them in.",
    )  # fmt: skip
    most = float(np.abs(X).max())
    require(most <= LARGEST, f"X must be within -{LARGEST:g} and {LARGEST:g}", f"{most:.3g}", "Take other units.")
    labels = plain_labels(np.asarray(y, object).ravel())
    require(len(labels) == len(X), f"y must have one label for each of the {len(X)} rows of X", f"{len(labels)} labels")
    _warn_of_doubts(X, labels)
    return X, labels


def _warn_of_doubts(X: np.ndarray, labels: list[Hashable]) -> None:
    constant = np.flatnonzero(X.max(axis=0) == X.min(axis=0))
    repeated = len(X) - len(np.unique(X, axis=0))
    doubts = []
    if len(constant):
        doubts.append(
            f"{len(constant)} of {X.shape[1]} features never vary ({short(constant[:5].tolist())}): shrinkage or a "
            "floor gives them a variance that the data do not have. Leave them out: X[:, X.std(axis=0) > 0]"
        )
    if repeated:
        doubts.append(
            f"{repeated} of {len(X)} rows repeat another: they count as independent samples. If they are not, leave "
            "them out: np.unique(X, axis=0, return_index=True)"
        )
    for doubt in doubts:
        warnings.warn(doubt + ".", DataWarning, stacklevel=7)


def _component_counts(components: Any, classes: list[Hashable]) -> dict[Hashable, int]:
    if not isinstance(components, Mapping):
        n = whole("components", components, low=1)
        return dict.fromkeys(classes, n)
    unknown = [x for x in components if x not in classes]
    require(not unknown, f"components must be of the classes {short(classes)}", short(unknown))
    return {x: whole(f"components of class {x!r}", components.get(x, 1), low=1) for x in classes}


def _split(rows: np.ndarray, n: int, label: Hashable, covariance: str, seed: int) -> list[np.ndarray]:
    """The samples of each component of a class: those to which it is the most probable."""
    if n == 1:
        return [rows]
    require(len(rows) >= 2 * n, f"class {label!r} needs {2 * n} samples for {n} components", len(rows), "Take fewer.")
    kind = covariance if covariance in ("full", "tied", "diag", "spherical") else "diag"
    mixtures = sklearn_module("sklearn.mixture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged to its own tolerance; the split is what counts
        found = mixtures.GaussianMixture(n, covariance_type=kind, random_state=seed, n_init=3).fit_predict(rows)
    return [rows[found == k] for k in range(n) if np.any(found == k)]


def _form(
    groups: list[np.ndarray], labels: list[Hashable], kind: str, shrinkage: str, rank: int, floor: float, none: float
) -> Components:
    """The components of groups of samples."""
    means = np.array([rows.mean(axis=0) for rows in groups])
    n, dim = sum(map(len, groups)), means.shape[1]
    if kind == "tied":
        off = np.concatenate([rows - mean for rows, mean in zip(groups, means, strict=True)])
        enough = n - len(groups) >= dim
        require(enough or floor > 0.0, f"a tied covariance needs {dim + len(groups)} samples", n, _remedy(kind))
        values, basis = np.linalg.eigh(off.T @ off / max(n - len(groups), 1))
        return Rotated.along(means, _floored(values, floor, none, "the data", kind), basis)
    for rows, label in zip(groups, labels, strict=True):
        least = dim + 1 if kind == "full" and not floor else 2
        rule = f"class {label!r} needs {least} samples for a {kind} covariance" + " in every component" * (
            labels.count(label) > 1
        )
        require(len(rows) >= least, rule, len(rows), _remedy(kind, one=len(rows) < 2))
    if kind in ("diag", "spherical"):
        variances = np.array([rows.var(axis=0, ddof=1) for rows in groups])
        if kind == "spherical":
            variances = variances.mean(axis=1, keepdims=True)
        pairs = zip(variances, labels, strict=True)
        return Diagonal(means, np.array([_floored(v, floor, none, f"class {x!r}", kind) for v, x in pairs]))
    if kind == "low-rank":
        return _low_rank(groups, means, labels, rank, floor, none)
    forms = []
    for rows, label in zip(groups, labels, strict=True):
        off = rows - rows.mean(axis=0)
        S = off.T @ off / (len(rows) - 1) if kind == "full" else _shrunk(rows, shrinkage)
        values, vectors = np.linalg.eigh(S)
        values = _floored(values, floor, none, f"class {label!r}", kind)
        forms.append((values[0], values - values[0], vectors.T))
    return LowRank(means, *(np.array(x) for x in zip(*forms, strict=True)))


def _low_rank(
    groups: list[np.ndarray], means: np.ndarray, labels: list[Hashable], rank: int, floor: float, none: float
) -> LowRank:
    """Probabilistic PCA of every group: the leading directions, and the mean of the remaining variances."""
    dim, forms = means.shape[1], []
    rank = min(rank, dim - 1, min(len(rows) - 2 for rows in groups) if min(map(len, groups)) > 2 else 0)
    for rows, mean, label in zip(groups, means, labels, strict=True):
        off = (rows - mean) / np.sqrt(len(rows) - 1)
        _, roots, axes = np.linalg.svd(off, full_matrices=False)
        values = roots[:rank] ** 2
        ridge = _floored(
            np.array([(np.sum(roots**2) - values.sum()) / (dim - rank)]), floor, none, f"class {label!r}", "low-rank"
        )[0]
        forms.append((ridge, np.maximum(values - ridge, 0.0), axes[:rank]))
    return LowRank(means, *(np.array(x) for x in zip(*forms, strict=True)))


def _shrunk(rows: np.ndarray, shrinkage: str) -> np.ndarray:
    return getattr(sklearn_module("sklearn.covariance"), shrinkage)(rows)[0]


def _floored(values: np.ndarray, floor: float, none: float, where: str, kind: str) -> np.ndarray:
    """Variances raised to the floor; an error where there is none."""
    raised = np.maximum(values, floor)
    lost = int(np.sum(raised <= none))
    require(
        not lost, f"{where} must vary in every direction", f"{lost} of {len(values)} without variance", _remedy(kind)
    )
    return raised


def _remedy(kind: str, one: bool = False) -> str:
    if one:
        return 'Leave this class out, join it to another, or take covariance="tied".'
    shrunk = "" if kind == "shrunk" else 'Take covariance="shrunk", or '
    return f"{shrunk or 'Take '}floor=1e-3, or leave out features that do not vary within the class."


def sklearn_module(name: str) -> Any:
    """A module of scikit-learn, such as "sklearn.covariance"; MissingLibraryError without it."""
    if find_spec("sklearn") is None:
        raise MissingLibraryError(
            "shrunk covariances and several components in a class need scikit-learn, which is not installed. "
            'pip install scikit-learn, or take covariance="diag", "spherical", "low-rank", "full" or "tied" and '
            "components=1."
        )
    return importlib.import_module(name)
