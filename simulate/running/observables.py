"""Order parameters of sec. 1 of docs/theory.md, summed over a batch of samples on the fly: states are never kept.

With y = x - mu_1 and |mu_1|^2 = d:  m = x.mu_1/d = 1 + y.mu_1/d,  q = |x|^2/d = (|y|^2 + 2 y.mu_1)/d + 1,
v = |x - m mu_1|^2/(d - 1) = (|y|^2 - d (m - 1)^2)/(d - 1). `outside` is |y|^2 in directions that are not simulated.

With a spectrum (docs/spectra.md) the same is taken for every group of directions in whitened coordinates, m_i, v_i and
q_i with |mu_1|^2 = d_i there, unbiased at every d_i >= 2; m, v and q then are those of original coordinates,
    m = sum_i d_i g_i m_i / sum_i d_i g_i,     v = sum_i d_i g_i v_i / d,     q = sum_i d_i g_i q_i / d.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.problem.spectrum import Spectrum
from simulate.scores.posterior import Posterior

NAMES = ("m", "v", "q", "m_twin", "v_twin", "weight", "log_odds", "participation", "accuracy")
BY_GROUP = ("m_group", "v_group", "m_group_twin", "v_group_twin")
BY_RATIO = ("w",)  # where guidance follows a ratio of densities: the mean weight


def count(groups: int, by_ratio: bool) -> int:
    """Number of observables of a run."""
    return len(NAMES) + len(BY_GROUP) * groups + by_ratio


class Observer:
    """Sums over a batch of every observable, shape (size,): `NAMES`, then `BY_GROUP` if there is a spectrum, then
    `BY_RATIO` if there is a function `weigh` of the posterior that gives each sample's weight (samples,).
    """

    def __init__(
        self,
        target: np.ndarray,
        d: int,
        counts: tuple[int, ...] | None = None,
        spectrum: Spectrum | None = None,
        weigh: Callable[[Posterior], np.ndarray] | None = None,
    ) -> None:
        self._weigh = weigh
        self._target, self._d, self._grouped = target, d, counts is not None
        self._counts = np.array([len(target)] if counts is None else counts)
        self._first = np.cumsum(self._counts) - self._counts
        self._weight = self._counts * (1.0 if spectrum is None else spectrum.g)  # d_i g_i
        self.size = count(len(counts or ()), weigh is not None)

    def __call__(self, y: np.ndarray, twin: np.ndarray, outside: np.ndarray, posterior: Posterior) -> np.ndarray:
        p = posterior
        seen = [p.weight, p.log_odds, p.participation, p.nearest, *([self._weigh(p)] if self._weigh else [])]
        posteriors = [float(x.sum()) for x in seen]
        if not self._grouped:
            guided, unguided = (_order_parameters(x, outside, self._target, self._d) for x in (y, twin))
            return np.array([*guided, *unguided[:2], *posteriors])
        guided, unguided = self._by_group(y), self._by_group(twin)
        (m, v, q), (m_twin, v_twin, _) = self._overall(*guided), self._overall(*unguided)
        overall = np.array([m, v, q, m_twin, v_twin]).sum(axis=1)
        groups = (values.sum(axis=0) for values in (*guided[:2], *unguided[:2]))
        return np.concatenate([overall, posteriors, *groups])

    def each(self, y: np.ndarray, outside: np.ndarray) -> np.ndarray:
        """m and v of every sample, (2, samples)."""
        if self._grouped:
            return np.array(self._overall(*self._by_group(y))[:2])
        along = y @ self._target / self._d
        square = np.einsum("sd,sd->s", y, y) + outside
        return np.array(_of_sums(along, along**2, square, self._d)[:2])

    def _by_group(self, y: np.ndarray):
        """m, v, q of every group, (samples, groups) each."""
        n = self._counts
        along = np.add.reduceat(y * self._target, self._first, axis=1) / n  # (samples, groups): m - 1
        square = np.add.reduceat(y * y, self._first, axis=1)
        return _of_sums(along, along**2, square, n)

    def _overall(self, m: np.ndarray, v: np.ndarray, q: np.ndarray):
        """Those of all directions, in original coordinates."""
        weight = self._weight
        return m @ weight / weight.sum(), v @ weight / self._d, q @ weight / self._d


def unpack(draws: np.ndarray, groups: int, ratio: bool = False) -> dict[str, np.ndarray]:
    """Averages (draws, observables, times) by name: (draws, times), and (draws, times, groups) for `BY_GROUP`."""
    names = NAMES + BY_RATIO if ratio else NAMES
    named = {name: np.ascontiguousarray(draws[:, i]) for i, name in enumerate(names)}
    for i, name in enumerate(BY_GROUP if groups else ()):
        begin = len(NAMES) + i * groups
        named[name] = np.ascontiguousarray(np.moveaxis(draws[:, begin : begin + groups], 1, 2))
    return named


def _order_parameters(y: np.ndarray, outside: np.ndarray, target: np.ndarray, d: int):
    """m, v, q summed over the batch."""
    along = y @ target / d  # (samples,)
    return _of_sums(along.sum(), along @ along, np.vdot(y, y) + outside.sum(), d, len(y))


def _of_sums(along: Any, along2: Any, square: Any, d: Any, samples: int = 1) -> tuple[Any, Any, Any]:
    """m, v, q of one sample from y.mu_1/d, its square, and |y|^2, or their sums from sums over so many."""
    return samples + along, (square - d * along2) / (d - 1), square / d + 2.0 * along + samples
