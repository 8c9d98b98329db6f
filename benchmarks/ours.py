"""The one place where the benchmarks touch what lies below `simulate.run`: a draw of the classes, and one score."""

from collections.abc import Callable

import numpy as np

from simulate.kernels import FastScore
from simulate.mixture import Mixture, draw_direct

__all__ = ["BATCH", "classes", "means", "score"]

BATCH = 128  # samples per call of the score: the default of `simulate.run`


def classes(P: int, d: int, seed: int = 0) -> Mixture:
    """The classes of draw 0: those that `run(..., seed=seed)` sees where it simulates all d directions."""
    return draw_direct(d, P, seed, 0)


def means(mixture: Mixture) -> np.ndarray:
    """The same classes as a peer wants them: means (classes, dim), the target first, float32."""
    out = np.empty((len(mixture.delta) + 1, mixture.dim), np.float32)
    out[0] = mixture.target
    np.add(mixture.delta, out[0], out=out[1:])
    return out


def score(mixture: Mixture, samples: int) -> Callable[[np.ndarray, float], np.ndarray]:
    """The posterior mean minus mu_1 of y = x - mu_1 (samples, dim), computed batch by batch as a run does."""
    width = min(BATCH, samples)
    fast = FastScore(mixture, width)

    def shift(y: np.ndarray, D: float) -> np.ndarray:
        return np.concatenate([fast(y[i : i + width], D).shift for i in range(0, len(y), width)])

    return shift
