"""What a batch of samples sees of the classes: sums over the wrong classes, and the posterior that they give.

Everything is normalised among the *wrong* classes first: log-odds and 1 - pi_1 keep full relative precision however
small either of pi_1, 1 - pi_1 is. Where no kernel is compiled, arrays may be those of any library (the array API).
"""

from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace

from meanfield.tools.compiling import compiled, inner
from simulate.elementary import take_both, take_log

LN2 = float(np.log(2.0))
TILE = 256  # samples at a time


def library(x: Any) -> Any:
    """The namespace of an array, with the names of the array API: NumPy's at once, since every step asks.

    Examples
    --------
    >>> library(np.ones(1)) is np
    True
    """
    return np if isinstance(x, np.ndarray) else array_namespace(x)


class Posterior(NamedTuple):
    """What a batch of samples (samples, dim) sees of the classes.

    Attributes
    ----------
    shift : sum_k pi_k delta_k (samples, dim).
    log_odds : log pi_1/(1 - pi_1) (samples,); nan without rivals (P = 1) and in the continuum.
    weight : pi_1 (samples,).
    participation : 1/sum_k pi_k^2 (samples,); nan in the continuum, nan unless `full` was asked for.
    nearest : whether the target is the most probable class (samples,).
    log_ratio : log p_t(x)/p_t(x|c) (samples,) in the continuum, if asked for; elsewhere it follows from the odds.
    wrong : 1 - pi_1 (samples,), where it was had along with the others; `rest` makes it where it was not.
    """

    shift: np.ndarray
    log_odds: np.ndarray
    weight: np.ndarray
    participation: np.ndarray
    nearest: np.ndarray
    log_ratio: np.ndarray | None = None
    wrong: Any = None

    @classmethod
    def empty(cls, shift: np.ndarray) -> "Posterior":
        """Arrays for compiled code to fill, beside this one (samples, dim)."""
        samples = len(shift)
        log_odds, weight, participation, wrong = np.empty((4, samples))
        return cls(shift, log_odds, weight, participation, np.empty(samples, bool), wrong=wrong)

    @property
    def rest(self) -> np.ndarray:
        """1 - pi_1 (samples,), to full relative precision where there are odds.

        Examples
        --------
        >>> one = np.ones(1)
        >>> Posterior(one[:, None], 50.0 * one, one, one, one > 0).rest    # pi_1 rounds to 1
        array([1.92874985e-22])
        """
        if self.wrong is not None:
            return self.wrong
        xp = library(self.log_odds)
        known = xp.isfinite(self.log_odds)  # not in the continuum, nor where no rival counts
        return xp.where(known, shares(self.log_odds)[1], 1.0 - self.weight)


def shares(log_odds: Any) -> tuple[Any, Any]:
    """pi_1 and 1 - pi_1 (samples,), each to full relative precision.

    Examples
    --------
    >>> shares(np.array([0.0, 800.0]))
    (array([0.5, 1. ]), array([0.5, 0. ]))
    """
    xp = library(log_odds)
    small = xp.exp(-xp.abs(log_odds))
    both = 1.0 + small
    more, less = 1.0 / both, small / both  # the larger of both, and the smaller
    ahead = log_odds > 0
    return xp.where(ahead, more, less), xp.where(ahead, less, more)


class Sums(NamedTuple):
    """Sums over wrong classes: top = max_k l_k, and of exp(l_k - top), its square, and delta_k exp(l_k - top).

    top, total, square (samples,), shift (samples, dim or more). `total` is 0 where no wrong class counts: none exists,
    or all were skipped as negligible. Running sums, of kernels, have their logits to base 2.
    """

    top: np.ndarray
    total: np.ndarray
    square: np.ndarray
    shift: np.ndarray

    @classmethod
    def zero(cls, samples: int, dim: int) -> "Sums":
        """Running sums before the first class."""
        return cls(np.full(samples, -1e300), np.zeros(samples), np.zeros(samples), np.zeros((samples, dim)))

    def clear(self) -> "Sums":
        """Set these arrays to the running sums before the first class."""
        self.top.fill(-1e300)
        for array in self[1:]:
            array.fill(0.0)
        return self

    def merged(self, other: "Sums") -> "Sums":
        """Running sums over both sets of classes."""
        top = np.maximum(self.top, other.top)
        mine, theirs = np.exp2(self.top - top), np.exp2(other.top - top)
        return Sums(
            top,
            self.total * mine + other.total * theirs,
            self.square * mine**2 + other.square * theirs**2,
            self.shift * mine[:, None] + other.shift * theirs[:, None],
        )

    def natural(self, samples: int) -> "Sums":
        """Running sums of the first samples, with their logits to base e."""
        return Sums(self.top[:samples] * LN2, self.total[:samples], self.square[:samples], self.shift[:samples])

    def posterior(self, dim: int, full: bool) -> Posterior:
        """The posterior in `dim` directions; `full` with the participation.

        Examples
        --------
        >>> one = Sums(np.zeros(1), np.ones(1), np.ones(1), np.ones((1, 2)))  # one rival, as likely as the target
        >>> one.posterior(2, full=True).weight, one.posterior(2, full=True).participation
        (array([0.5]), array([2.]))
        """
        top, total, square, shift = self
        xp = library(total)
        some = total > 0
        safe = xp.where(some, total, xp.ones_like(total))
        log_odds = xp.where(some, -(top + xp.log(safe)), xp.full_like(total, np.inf))  # (samples,)
        weight, wrong = shares(log_odds)
        unknown = xp.full_like(total, np.nan)
        participation = 1.0 / (weight**2 + wrong**2 * square / safe**2) if full else unknown
        shift = shift[:, :dim] * (wrong / safe)[:, None]  # (samples, dim)
        nearest = ~some | (top < 0.0)
        return Posterior(shift, xp.where(some, log_odds, unknown), weight, participation, nearest)

    def swift_posterior(self, shift: np.ndarray, normed: bool, full: bool) -> Posterior:
        """The same, compiled, with its shift in `shift` (samples, dim); where `normed` it is there already."""
        there = Posterior.empty(shift)
        _fill(self, there, normed, full)
        return there


@compiled(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")  # 1/0 is inf: no branch
def _fill(sums: Sums, there: Posterior, normed, full):  # pragma: no cover - compiled
    """`TILE` samples at a time, for the logarithms and pi of all of them to be had at once (`simulate.elementary`)."""
    top, total, square, raw = sums
    shift, log_odds, weight, participation, nearest, _, rest = there
    E = np.empty(2 * TILE)
    for first in range(0, len(total), TILE):
        size = min(TILE, len(total) - first)
        take_odds(top, total, first, E[:size])
        for i in range(size):
            log_odds[first + i] = E[i] if total[first + i] > 0.0 else np.nan
        take_both(E[:size], E[size : 2 * size])
        for i in range(size):
            s, some = first + i, total[first + i] > 0.0
            rest[s], weight[s] = E[i] if some else 0.0, E[size + i] if some else 1.0
            share = rest[s] / total[s] if some else 0.0
            nearest[s] = not some or top[s] < 0.0
            participation[s] = 1.0 / (weight[s] ** 2 + share**2 * square[s]) if full else np.nan
            if not normed:
                for j in range(shift.shape[1]):
                    shift[s, j] = share * raw[s, j]


@inner(forceinline=True)
def take_odds(top, total, first, E):  # pragma: no cover - compiled
    """Log-odds of the target for the samples from `first` on, as many as E (samples,) has room for; infinite where no
    wrong class counts."""
    for i in range(len(E)):
        E[i] = total[first + i] if total[first + i] > 0.0 else 1.0
    take_log(E)
    for i in range(len(E)):
        E[i] = -(top[first + i] + E[i]) if total[first + i] > 0.0 else np.inf
