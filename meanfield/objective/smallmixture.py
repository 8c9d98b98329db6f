"""A small mixture of given Gaussian classes, exactly: densities, scores and quadrature nodes at noise time t.

Class k is N(mu_k, c_k I_n) with weight 1/P; noised, N(mu_k, D_k I_n), D_k = c_k + t. One class is the target c:

    log r = log p_t(x) - log p_t(x|c),    s_c = (mu_c - x)/D_c,    s_u = sum_k pi_k(x) (mu_k - x)/D_k.

For checks of identities in one or two dimensions (`meanfield.objective.contrastive`); class variances may differ, so
that r may be bounded. Particles have scores of their own (`simulate.scores.reference`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from meanfield.errors import ProblemError, array, checked, require, settle, short, whole

LARGEST = 2_000_000  # nodes


class Fields(NamedTuple):
    """What is known at points x (points, n): s_c and s_u (points, n), log p_t(x|c) and log r (points,)."""

    x: np.ndarray
    s_c: np.ndarray
    s_u: np.ndarray
    log_target: np.ndarray
    log_ratio: np.ndarray


class Pairs(NamedTuple):
    """Quadrature of clean and noised points: x (points, n), the direction (x_0 - x)/t, weights that sum to 1."""

    x: np.ndarray
    direction: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class SmallMixture:
    """Classes N(means[k], variances[k] I) of equal weight.

    Parameters
    ----------
    means : (classes, n), or (classes,) in one dimension.
    variances : one > 0 for every class, or one for all.
    target : index of the target.

    Examples
    --------
    >>> mixture = SmallMixture([1.0, -1.0], 0.25)
    >>> at = mixture.fields([[0.0]], t=0.75)
    >>> at.s_c.tolist(), at.s_u.tolist(), at.log_ratio.tolist()
    ([[1.0]], [[0.0]], [0.0])
    """

    means: Sequence
    variances: Sequence[float] | float
    target: int = 0

    def __post_init__(self) -> None:
        means = np.asarray(self.means, float)
        means = means[:, None] if means.ndim == 1 else means
        if means.ndim != 2 or not means.size or not np.all(np.isfinite(means)):
            raise ProblemError(f"means must be finite, (classes, dimensions); got shape {np.shape(self.means)}.")
        c = np.asarray(self.variances, float)
        if c.shape not in ((), (len(means),)) or not np.all(np.isfinite(c) & (c > 0)):
            raise ProblemError(f"variances must be > 0, one or one a class ({len(means)}); got {self.variances!r}.")
        target = whole("target", self.target, low=0, high=len(means) - 1)
        settle(self, means=means, variances=np.broadcast_to(c, (len(means),)), target=target)

    @property
    def dim(self) -> int:
        """n."""
        return self.means.shape[1]  # type: ignore[attr-defined]

    def fields(self, x, t: float) -> Fields:
        """Scores and densities at points x (points, n), VE time t > 0."""
        x = finite("x", x, (None, self.dim))
        D = np.asarray(self.variances) + checked("t", t, low=0, open_low=True)  # (classes,)
        away = np.asarray(self.means) - x[:, None, :]  # (points, classes, n)
        log_p = -0.5 * np.sum(away**2, axis=2) / D - 0.5 * self.dim * np.log(2.0 * np.pi * D)
        log_all = logsumexp(log_p, axis=1)  # (points,)
        each = away / D[:, None]
        s_u = np.einsum("sk,skn->sn", np.exp(log_p - log_all[:, None]), each)
        own = log_p[:, self.target]
        return Fields(x, each[:, self.target], s_u, own, log_all - np.log(len(D)) - own)

    def pairs(self, t: float, order: int, *, aggregate: bool) -> Pairs:
        """Gauss-Hermite nodes of x_0 (of the target, or of all classes) and of the noise, x = x_0 + t^(1/2) z.

        `order` nodes in each of the 2n coordinates.
        """
        t = checked("t", t, low=0, open_low=True)
        order = whole("order", order, low=2, high=200)
        kinds = range(len(np.asarray(self.means))) if aggregate else [self.target]
        rule = f"{len(kinds)} order^{2 * self.dim} nodes must be at most {LARGEST}"
        require(len(kinds) * order ** (2 * self.dim) <= LARGEST, rule, f"order={order}", "Lower it.")
        z, w = np.polynomial.hermite_e.hermegauss(order)
        grid = np.stack(np.meshgrid(*[z] * (2 * self.dim), indexing="ij"), axis=-1).reshape(-1, 2 * self.dim)
        weight = np.prod(np.stack(np.meshgrid(*[w / w.sum()] * (2 * self.dim), indexing="ij")), axis=0).ravel()
        noise = np.sqrt(t) * grid[:, self.dim :]
        clean = [self.means[k] + np.sqrt(self.variances[k]) * grid[:, : self.dim] for k in kinds]  # type: ignore[index]
        return Pairs(
            np.concatenate([c + noise for c in clean]),
            np.concatenate([-noise / t] * len(kinds)),
            np.concatenate([weight / len(kinds)] * len(kinds)),
        )


def finite(name: str, value: object, shape: tuple[int | None, ...]) -> np.ndarray:
    """An array of finite numbers of that shape (None: any length >= 1), or ProblemError.

    Examples
    --------
    >>> finite("x", [0.0, 1.0], (None, 1))
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: x must be finite numbers of shape (any, 1); got shape (2,).
    """
    wanted = ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "")
    rule = f"{name} must be finite numbers of shape ({wanted})"
    x = array(value, rule)
    fits = x.ndim == len(shape) and all(k > 0 and n in (None, k) for n, k in zip(shape, x.shape, strict=True))
    require(fits, rule, f"shape {x.shape}")
    if not np.all(np.isfinite(x)):
        raise ProblemError(f"{rule}; got {short(x[~np.isfinite(x)][0])} among them.")
    return x
