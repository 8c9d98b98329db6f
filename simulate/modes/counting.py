"""Which modes samples have ended in, and how many modes are lost: (M4) of docs/modes.md from particles."""

import math

import numpy as np

BLOCK = 2**22  # numbers held at a time


def nearest(y: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Index of the mode nearest to each sample; y (samples, d) and B (modes, d) from the same origin."""
    lengths = 0.5 * np.einsum("kd,kd->k", B, B)
    step = max(BLOCK // len(B), 1)
    found = [np.argmax(y[i : i + step] @ B.T - lengths, axis=1) for i in range(0, len(y), step)]
    return np.concatenate(found)


def distinct_by_chance(n_samples: int, n_modes: int) -> float:
    """Expected number of distinct modes among samples that find every mode equally often.

    Examples
    --------
    >>> distinct_by_chance(2, 2), round(distinct_by_chance(100, 10**6), 3)
    (1.5, 99.995)
    """
    return float(-n_modes * np.expm1(n_samples * math.log1p(-1.0 / n_modes))) if n_modes > 1 else 1.0


def collisions(modes: np.ndarray) -> float:
    """Share of the pairs of samples that are in one mode: unbiased for sum_k p_k^2, p_k the share of mode k."""
    counts = np.unique(modes, return_counts=True)[1].astype(float)
    n = len(modes)
    return float((counts * (counts - 1.0)).sum() / (n * (n - 1.0)))
