"""NumPy: the samples x classes matrix written out, BLAS products, softmax in place."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np


class NumpySoftmax:
    """Guided sampling in plain NumPy, float32."""

    def __init__(self, means: np.ndarray) -> None:
        self.means = means.astype(np.float32)  # (classes, dim)
        self.half = 0.5 * np.sum(self.means**2, axis=1)  # (classes,)

    def samples(self, x: np.ndarray) -> np.ndarray:
        return x.astype(np.float32)

    def normals(self, shape: tuple[int, ...]) -> Callable[[], np.ndarray]:
        rng = np.random.default_rng()
        return lambda: rng.standard_normal(shape, dtype=np.float32)

    def posterior_mean(self, x: np.ndarray, D: float) -> np.ndarray:
        p = x @ self.means.T  # (samples, classes)
        p -= self.half
        p /= np.float32(D)
        p -= p.max(axis=1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=1, keepdims=True)
        return p @ self.means  # (samples, dim)

    def euler(self, x: np.ndarray, D: np.ndarray, w: float, eta: float, normals: Callable) -> np.ndarray:
        e = np.float32(0.5 * (1 + eta**2))
        for now, then in pairwise(D.astype(np.float32)):
            score = ((1 + w) * (self.means[0] - x) - w * (self.posterior_mean(x, now) - x)) / now
            x = x + e * (now - then) * score
            if eta:
                x += eta * np.sqrt(now - then) * normals()
        return x
