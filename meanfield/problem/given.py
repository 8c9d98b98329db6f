"""The spectrum of given classes: what the mean-field theory needs to know of somebody's means and covariances.

The theory takes classes whose covariances all equal W and whose means are N(0, B), W and B diagonal in one basis
(sec. 6 of docs/theory.md). Of given classes W is the mean covariance and B the covariance of the means. The basis is
that of the aggregate U = W + B, and the spectrum is the diagonal of W and U in it. `off_diagonal` is what this leaves
out. P classes in d dimensions are solved at their own d: solve(Problem(classes=Fixed(P), spectrum=...), d=d).
"""

from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import ProblemError, require
from meanfield.problem.spectrum import Spectrum
from meanfield.tools.door import Numbers, door

VARIANCES = "State variances of the directions, (classes, dim), as np.stack([np.diag(v) for v in variances])."


class GivenSpectrum(NamedTuple):
    """Spectrum of given classes, one group for each direction.

    Attributes
    ----------
    spectrum : `Spectrum`, aggregate variance ascending.
    basis : (dim, dim) the directions as columns.
    centre : (dim,) mean of the class means; the theory's origin.
    off_diagonal : |off-diagonal part of W|/|W| in the basis (Frobenius norms): 0 if W and B commute.
    spread : relative standard deviation of single covariances about W (Frobenius norms): 0 if all are equal.
    """

    spectrum: Spectrum
    basis: np.ndarray
    centre: np.ndarray
    off_diagonal: float
    spread: float


@door()
def spectrum_of(means: Numbers, covariances: Numbers) -> GivenSpectrum:
    """Spectrum of classes N(means[k], covariances[k]) of equal weight.

    Parameters
    ----------
    means : (classes, dim), at least two. covariances : (classes, dim, dim), or one (dim, dim) for all.

    Raises
    ------
    ProblemError : shapes that do not fit, fewer than two classes, or a direction without variance.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = spectrum_of(rng.normal(size=(4000, 2)) * [1.0, 2.0], np.diag([0.25, 0.5]))
    >>> np.round(found.spectrum.c, 2), np.round(found.spectrum.u, 1), found.off_diagonal < 0.02
    (array([0.25, 0.5 ]), array([1.3, 4.5]), True)
    """
    means = np.asarray(means, float)
    if means.ndim != 2 or len(means) < 2 or not np.all(np.isfinite(means)):
        raise ProblemError(f"means must be finite, (classes, dim) with two classes or more; got shape {means.shape}.")
    dim = means.shape[1]
    single = covariances_of(covariances, *means.shape)
    W, centre = single.mean(axis=0), means.mean(axis=0)
    U = W + np.cov(means.T, bias=True).reshape(dim, dim)
    u, basis = np.linalg.eigh(U)
    rotated = basis.T @ W @ basis
    c = np.diagonal(rotated)
    if min(c.min(), (u - c).min()) <= 1e-12 * u.max():  # none, but for rounding
        i = int(np.argmin(np.minimum(c, u - c)))
        r = min(np.linalg.matrix_rank(means - centre), len(means) - 1)
        raise ProblemError(
            f"classes and their means must vary in every direction; in direction {i} they have variances {c[i]:.3g} "
            f"and {u[i] - c[i]:.3g}. These {len(means)} means vary in {r} of {dim} directions: keep those, "
            f"V = np.linalg.svd(means - means.mean(axis=0))[2][:{r}], means @ V.T and V @ covariances @ V.T, or those "
            "of them in which the classes vary."
        )
    spread = np.sqrt(np.mean(np.sum((single - W) ** 2, axis=(1, 2)))) / np.linalg.norm(W)
    off = np.linalg.norm(rotated - np.diag(c)) / np.linalg.norm(W)
    return GivenSpectrum(Spectrum(c.tolist(), u.tolist()), basis, centre, float(off), float(spread))


def covariances_of(covariances: Any, classes: int, dim: int) -> np.ndarray:
    """Covariances of all classes, (classes, dim, dim), from those or from one (dim, dim); ProblemError otherwise.

    They must be symmetric: a table of variances, (classes, dim) with as many classes as dimensions, is not.

    Examples
    --------
    >>> covariances_of([[0.25]], classes=3, dim=1).ravel()
    array([0.25, 0.25, 0.25])
    """
    given = np.asarray(covariances, float)
    fits = given.shape in ((dim, dim), (classes, dim, dim)) and np.all(np.isfinite(given))
    shapes = f"of shape ({classes}, {dim}, {dim}) or ({dim}, {dim})"
    require(fits, f"covariances must be finite, {shapes}", given.shape, VARIANCES)
    if np.abs(given - given.swapaxes(-1, -2)).max() > 1e-8 * np.abs(given).max():
        raise ProblemError(
            f"covariances must be symmetric; got one that is not, in shape {given.shape}. {VARIANCES} Where it is "
            "rounding, take (S + np.swapaxes(S, -1, -2))/2."
        )
    return np.broadcast_to(given, (classes, dim, dim))
