"""What a mixture is stated by, checked: variances, covariances, weights and labels of its components."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, array, require, short
from meanfield.problem.given import covariances_of
from simulate.mixtures.components import Components
from simulate.mixtures.diagonal import Diagonal, Rotated
from simulate.mixtures.low_rank import LowRank


def of_variances(means: np.ndarray, variances: Any) -> Components:
    """Components of a number, one variance each, or one a direction."""
    n, dim = means.shape
    given = array(variances, "variances must be numbers")
    shaped = given.reshape(-1, 1) if given.ndim < 2 else given
    fits = shaped.ndim == 2 and shaped.shape[0] in (1, n) and shaped.shape[1] in (1, dim)
    require(fits, f"variances must be a number, or of shape ({n},), ({n}, {dim}) or (1, {dim})", given.shape)
    return Diagonal(means, positive("variances", shaped, shaped.shape, "a table"))


def of_covariances(means: np.ndarray, covariances: Any) -> Components:
    """Components of full covariances, their own or one for all."""
    shared = np.ndim(covariances) == 2
    given = covariances_of(covariances, *means.shape)
    for k, S in enumerate(given[:1] if shared else given):
        least = np.linalg.eigvalsh(S)[0]
        if least <= 0.0:
            raise ProblemError(
                f"covariances must be positive definite; that of component {k} has the eigenvalue {least:.3g}. Add a "
                "small multiple of the identity, leave out directions without variance, or fit with "
                'covariance="shrunk".'
            )
    return Rotated.of(means, given[0]) if shared else LowRank.of(means, given)


def positive(name: str, values: Any, shape: tuple[int, ...], words: str) -> np.ndarray:
    given = array(values, f"{name} must be numbers")
    require(given.shape in ((), shape), f"{name} must be a number or of shape {shape}, {words}", given.shape)
    fits = bool(np.isfinite(given).all() and (given > 0.0).all())
    require(fits, f"{name} must be finite and > 0", f"the least {np.min(given):.3g}", "Leave out constant directions.")
    return np.broadcast_to(given, shape).astype(float)


def stated_weights(weights: Any, n: int) -> np.ndarray:
    given = np.ones(n) if weights is None else array(weights, "weights must be numbers")
    fits = given.shape == (n,) and bool(np.isfinite(given).all() and (given >= 0.0).all() and given.sum() > 0.0)
    require(fits, f"weights must be {n} finite numbers >= 0, one of every component", short(given.tolist()))
    return given / given.sum()


def stated_labels(labels: Any, n: int) -> tuple[Hashable, ...]:
    """Plain numbers or words, one of every component."""
    found = list(range(n)) if labels is None else plain_labels(labels)
    require(len(found) == n, f"labels must be {n}, one of every component", f"{len(found)} labels")
    return tuple(found)


def plain_labels(labels: Any) -> list[Hashable]:
    """Labels as Python's own numbers and words.

    Examples
    --------
    >>> plain_labels(np.array([1, 2])), plain_labels(["cat"])
    ([1, 2], ['cat'])
    """
    found = [x.item() if isinstance(x, np.generic) else x for x in labels]
    odd = [x for x in found if not isinstance(x, str | int) and not (isinstance(x, float) and np.isfinite(x))]
    require(not odd, "labels must be numbers or words", short(odd[:3]), "Leave out what has none.")
    return found
