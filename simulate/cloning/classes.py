"""What walkers are told of the classes, in any form: equal widths and weights, a `simulate.Mixture`, or a spectrum.

The score is s = (b - y)/D, D = c + t. Classes of one width c = sigma2 have b = sum_k pi_k mu_k in the frame of class 1,
y = x - mu_1. Of a mixture c is the least variance, b = y + D s and y = x.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from simulate.mixtures.mixture import Mixture
from simulate.scores.fast import FastScore
from simulate.scores.mixture import Held

WEIGHTS = 2**21  # weights held at a time

Look = Callable[..., tuple[np.ndarray, Any]]
"""(y, D, full) -> b (walkers, dim), and sum_k pi_k^2 (walkers,) if `full`."""


class Classes(Protocol):
    """The protocol."""

    @property
    def dim(self) -> int:
        """Coordinates of y."""
        ...

    @property
    def n_weights(self) -> int:
        """Numbers that the weights of one state take."""
        ...

    @property
    def chance(self) -> float:
        """sum_k p_k^2, phi before anything is decided."""
        ...

    @property
    def entropy(self) -> float:
        """-sum_k p_k log p_k, in nats."""
        ...

    def look(self, samples: int, dtype: str, check: Callable[[], Any]) -> Look:
        """What up to `samples` walkers see, for one thread; `check` interrupts."""
        ...

    def states(self, D: float, samples: int, rng: np.random.Generator) -> np.ndarray:
        """Exact states of the forward process, (samples, dim)."""
        ...

    def log_posterior(self, y: np.ndarray, D: np.ndarray) -> np.ndarray:
        """log pi_k + a number (..., classes) at y (..., dim) and D (...), in float64."""
        ...

    def overlaps(self, pi: np.ndarray, other: np.ndarray) -> np.ndarray:
        """By group of directions, of the mean of the classes at weights pi with that at others (n, classes): (n,
        groups)."""
        ...


class Ungrouped:
    """Classes of which no directions are told apart."""

    def overlaps(self, pi: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.empty((len(pi), 0))


@dataclass(frozen=True)
class Equal(Ungrouped):
    """Classes of one width and equal weights."""

    mixture: Held

    @property
    def dim(self) -> int:
        return self.mixture.dim

    @property
    def n_weights(self) -> int:
        return int(self.mixture.n_classes)

    @property
    def chance(self) -> float:
        return 1.0 / self.n_weights

    @property
    def entropy(self) -> float:
        return float(np.log(self.n_weights))

    def look(self, samples: int, dtype: str, check: Callable[[], Any]) -> Look:
        score = FastScore(self.mixture, samples, dtype=dtype, check=check)

        def look(y: np.ndarray, D: float, full: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
            seen = score(y, D, full=full)
            return seen.shift, 1.0 / seen.participation if full else None

        return look

    def states(self, D: float, samples: int, rng: np.random.Generator) -> np.ndarray:
        classes = rng.integers(self.n_weights, size=samples)
        y = np.sqrt(D) * rng.standard_normal((samples, self.dim))
        rivals = classes > 0  # class 1 is the origin
        y[rivals] += self.mixture.delta[classes[rivals] - 1]
        return y

    def log_posterior(self, y: np.ndarray, D: np.ndarray) -> np.ndarray:
        logits = np.zeros((*y.shape[:-1], self.n_weights))  # class 1 has 0
        logits[..., 1:] = (y @ self.mixture.delta.T.astype(np.float64) - self.mixture.half_norms) / D[..., None]
        return logits


@dataclass(frozen=True, eq=False)
class Given(Ungrouped):
    """The classes of a `simulate.Mixture`: any covariances and weights, many components in a class."""

    mixture: Mixture

    @property
    def dim(self) -> int:
        return self.mixture.dim

    @property
    def n_weights(self) -> int:
        return len(self.mixture.means)

    @property
    def chance(self) -> float:
        return float(np.sum(self._priors**2))

    @property
    def entropy(self) -> float:
        return float(-np.sum(self._priors * np.log(self._priors)))

    @cached_property
    def least(self) -> float:
        """The variance c."""
        return self.mixture.components.least(self.mixture.members())

    def look(self, samples: int, dtype: str, check: Callable[[], Any]) -> Look:
        rows = max(1, WEIGHTS // self.n_weights)

        def look(y: np.ndarray, D: float, full: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
            check()
            b = y + D * self.mixture.look(y, self._time(D)).score
            if not full:
                return b, None
            squares = [normalised(self._logs(y[i : i + rows], self._time(D))) for i in range(0, len(y), rows)]
            return b, np.concatenate([np.einsum("sk,sk->s", pi, pi) for pi, _ in squares] or [np.empty(0)])

        return look

    def states(self, D: float, samples: int, rng: np.random.Generator) -> np.ndarray:
        m = self.mixture
        chosen = rng.choice(len(m.weights), samples, p=m.weights)
        z, noise = rng.standard_normal((2, samples, self.dim))
        return m.components.place(chosen, z) + np.sqrt(self._time(D)) * noise

    def log_posterior(self, y: np.ndarray, D: np.ndarray) -> np.ndarray:
        flat, at = y.reshape(-1, self.dim), np.ravel(D)
        logs = np.empty((len(flat), len(self.mixture.classes)))
        for each in np.unique(at):
            rows = at == each
            logs[rows] = self._logs(flat[rows], self._time(each))
        return logs.reshape(*y.shape[:-1], -1)

    def _time(self, D: float) -> float:
        return max(float(D) - self.least, 0.0)

    @property
    def _priors(self) -> np.ndarray:
        return np.array([self.mixture.prior(label) for label in self.mixture.classes])

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Components, class by class, and where each class begins."""
        members = [self.mixture.members(label) for label in self.mixture.classes]
        return np.concatenate(members), np.cumsum([0] + [len(m) for m in members[:-1]])

    def _logs(self, y: np.ndarray, t: float) -> np.ndarray:
        """log p_k p_t(y | k), (samples, classes)."""
        order, begins = self._order
        logs = self.mixture.components.logs(y, t, order) + self.mixture.log_weights[order]
        return logs if len(begins) == len(order) else np.logaddexp.reduceat(logs, begins, axis=1)


@dataclass(frozen=True, eq=False)
class Grouped(Given):
    """One component a class, directions in groups: `counts` of them, with class means of variance g."""

    counts: tuple[int, ...]
    g: np.ndarray

    def overlaps(self, pi: np.ndarray, other: np.ndarray) -> np.ndarray:
        counts = np.array(self.counts)
        product = (pi @ self.mixture.means) * (other @ self.mixture.means)
        return np.add.reduceat(product, np.cumsum(counts) - counts, axis=1) / (counts * self.g)


def normalised(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """pi_k and log pi_k of their logarithms up to a number, along the last axis.

    Examples
    --------
    >>> normalised(np.log([[1.0, 3.0]]) - 1000.0)[0]
    array([[0.25, 0.75]])
    """
    logs = logs - logs.max(axis=-1, keepdims=True)
    pi = np.exp(logs)
    total = pi.sum(axis=-1, keepdims=True)
    return pi / total, logs - np.log(total)
