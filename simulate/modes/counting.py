"""Which modes samples have ended in, and how many modes are lost: (M4) and (M6) of docs/modes-finite.md from particles.

Mode k has weight pi_k, and a share p_k of the samples. Lost is what tells p from pi:

    K = sum_k p_k log(p_k/pi_k),        K_2 = log sum_k p_k^2/pi_k >= K,

0 where every mode comes as often as it should; K = log 2 where half of all, of equal weight, never comes.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import array, checked, require, short
from meanfield.tools.door import Numbers, door

BLOCK = 2**22  # numbers held at a time


class ModesCount(NamedTuple):
    """What `count_modes` finds, with standard errors over samples (jackknife).

    `distinct` is the number of modes with a sample, `by_chance` its expectation where nothing is lost. `pairs`
    estimates exp(K_2), `K` the divergence in nats; `pairs_stderr` is nan for two samples.
    """

    n_samples: int
    n_modes: int
    distinct: int
    by_chance: float
    pairs: float
    pairs_stderr: float
    K: float
    K_stderr: float


@door()
def count_modes(modes: Sequence[int], weights: Numbers) -> ModesCount:
    """How many modes a set of independent samples has lost, from the mode of each, with known bias.

    `pairs` = sum_k n_k (n_k - 1)/(pi_k n (n - 1)) has no bias for exp(K_2) = sum_k p_k^2/pi_k, at any number of
    samples; its logarithm is low by half the squared relative error. Its error is small from about n = (number of
    modes)^(1/2) samples on. `K` is that of the shares n_k/n, less (distinct - 1)/(2 n): what is left of its bias falls
    as 1/n^2, but needs several samples a mode: with fewer it counts as lost what was not yet seen, log(modes/n) and
    more. `distinct` falls short of `by_chance` for both reasons.

    Parameters
    ----------
    modes : (samples,) whole numbers from 0 to (number of modes) - 1, as `Mixture.modes` gives them; at least two.
    weights : (modes,) > 0, the share of each where nothing is lost, their sum is made 1; or the number of modes, of
        equal weight.

    Returns
    -------
    ModesCount : numbers of samples and modes, `distinct`, `by_chance`, `pairs` and `K`, with errors.

    Raises
    ------
    ProblemError : indices out of range, weights that are not above 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = count_modes(rng.integers(0, 50, 4000), 100)          # half of the modes never come
    >>> round(found.K, 2), round(found.pairs, 1), found.distinct
    (0.69, 2.0, 50)
    >>> thin = count_modes(rng.integers(0, 10**4, 1000), 10**4)      # a sample for ten modes, all come: pairs know it
    >>> abs(thin.pairs - 1.0) < 3 * thin.pairs_stderr, thin.K > 1.0
    (True, True)
    """
    found = array(modes, "modes must be whole numbers")
    whole = found.ndim == 1 and len(found) > 1 and bool(np.all(found == np.floor(found)))
    require(whole, "modes must be whole numbers, of two samples or more", short(modes))
    pi = _shares(weights)
    inside = bool(found.min() >= 0 and found.max() < len(pi))
    require(inside, f"modes are numbered from 0 to {len(pi) - 1}", f"{found.min():g} to {found.max():g}")
    n, counts = len(found), np.bincount(found.astype(int), minlength=len(pi))
    seen = counts > 0
    m, p = counts[seen].astype(float), pi[seen]
    pairs = (m * (m - 1.0) / p).sum()
    without_one = (pairs - 2.0 * (m - 1.0) / p) / ((n - 1.0) * (n - 2.0)) if n > 2 else np.full(len(m), np.nan)
    logs = (m * np.log(m / p)).sum()
    fewer = np.maximum(m - 1.0, 1.0)
    less = logs - m * np.log(m / p) + (m - 1.0) * np.log(fewer / p)
    K_without_one = _divergence(less, n - 1.0, len(m) - (m == 1.0))
    K = float(_divergence(logs, n, len(m)))
    by_chance = float(-np.expm1(n * np.log1p(-np.minimum(pi, 1.0 - 1e-16))).sum())
    return ModesCount(
        n, len(pi), len(m), by_chance, float(pairs / (n * (n - 1.0))), _jackknife(without_one, m), K,
        _jackknife(K_without_one, m),
    )  # fmt: skip


def _divergence(logs: Any, n: float, distinct: Any) -> Any:
    """K of the shares, less its first bias; `logs` is sum_k n_k log(n_k/pi_k)."""
    return logs / n - math.log(n) - (distinct - 1.0) / (2.0 * n)


def _jackknife(without_one: np.ndarray, counts: np.ndarray) -> float:
    """Standard error from what is found without one sample of each mode, which `counts` samples share."""
    n = counts.sum()
    mean = (counts * without_one).sum() / n
    return float(np.sqrt((n - 1.0) / n * (counts * (without_one - mean) ** 2).sum()))


def _shares(weights: Any) -> np.ndarray:
    """Weights of modes whose sum is 1, of their number or of what is given."""
    pi = array(weights, "weights must be numbers, or the number of modes")
    if pi.ndim == 0:
        n = checked("the number of modes", float(pi), low=1, high=1e9)
        require(n == math.floor(n), "the number of modes must be whole", n)
        return np.full(int(n), 1.0 / n)
    row = pi.ndim == 1 and len(pi) > 0 and bool(np.all(np.isfinite(pi) & (pi > 0.0)))
    shares = pi / pi.max() / (pi / pi.max()).sum() if row else pi
    require(row and shares.min() > 0.0, "weights of modes must be finite and above 0, in one row", short(weights))
    return shares


def nearest(y: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Index of the mode nearest to each sample; y (samples, d) and B (modes, d) from the same origin."""
    lengths = 0.5 * np.einsum("kd,kd->k", B, B)
    step = max(BLOCK // len(B), 1)
    found = [np.argmax(y[i : i + step] @ B.T - lengths, axis=1) for i in range(0, len(y), step)]
    return np.concatenate(found)
