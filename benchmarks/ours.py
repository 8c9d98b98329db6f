"""The one place where the benchmarks touch what lies below `simulate.run`: a draw of the classes, and one score."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from simulate.randomness.streams import NoiseReader
from simulate.running.plan import default_batch
from simulate.scores.fast import FastScore
from simulate.scores.mixture import Held, draw_direct

__all__ = ["classes", "means", "noise", "order_parameters", "score", "start"]


def classes(P: int, d: int, seed: int = 0, draw: int = 0) -> Held:
    """The classes of one draw: those that `run(..., seed=seed)` sees where it simulates all d directions."""
    return draw_direct(d, P, seed, draw)


def means(mixture: Held) -> np.ndarray:
    """The same classes as a peer wants them: means (classes, dim), the target first, float32."""
    out = np.empty((len(mixture.delta) + 1, mixture.dim), np.float32)
    out[0] = mixture.target
    np.add(mixture.delta, out[0], out=out[1:])
    return out


def score(mixture: Held, samples: int) -> Callable[[np.ndarray, float], np.ndarray]:
    """The posterior mean minus mu_1 of y = x - mu_1 (samples, dim), batch by batch as in a run; in one array, valid
    until the next call."""
    width = min(default_batch(float(mixture.n_classes * mixture.dim), samples), samples)
    fast, out = FastScore(mixture, width), np.empty((samples, mixture.dim))

    def shift(y: np.ndarray, D: float) -> np.ndarray:
        for i in range(0, len(y), width):
            fast(y[i : i + width], D, out=out[i : i + width])
        return out[: len(y)]

    return shift


def start(d: int, samples: int, draw: int = 0) -> np.ndarray:
    """The start normals of a run's samples (samples, dim): x_T = sqrt(T) times these."""
    return NoiseReader(0, draw, range(samples), d).start()


def noise(d: int, samples: int, D: np.ndarray, refinement: int, draw: int = 0) -> tuple[np.ndarray, Iterator]:
    """Start normals, and those of each step down the grid D, of the Brownian path of a run.

    The run has `refinement` fine steps, log-uniform in D, to each of these: its fine normals xi_j, weighted by the
    root of the lengths of the fine steps, add up to a normal vector of the step.
    """
    reader = NoiseReader(0, draw, range(samples), d)
    return reader.start(), (reader.step(_weights(*pair, refinement)) for pair in pairwise(D))


def _weights(now: float, then: float, refinement: int) -> np.ndarray:
    lengths = -np.diff(now * (then / now) ** (np.arange(refinement + 1) / refinement))
    return np.sqrt(lengths / lengths.sum())


def order_parameters(y: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """m = x.mu_1/d and v = |x - m mu_1|^2/(d - 1), averaged over samples, from y = x - mu_1 (samples, dim)."""
    d = len(target)
    along = y @ target / d  # (samples,): m - 1
    return 1.0 + along.mean(), ((y * y).sum(axis=1) - d * along**2).mean() / (d - 1)
