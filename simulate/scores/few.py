"""Sums over very few classes, one sample after the other: every state is read once, every sum written once.

With few classes a score is memory, not arithmetic: a product of samples and classes is too thin for library products,
and the passes that scale, clear and add up cost more than it. Here a sample's row stays in the nearest cache while all
classes pass over it:
    l_k = sum_j y_j delta_kj/D_j - half_k,   top = max l,   e_k = exp(l_k - top),
    total = sum e_k,   square = sum e_k^2,   shift = sum e_k delta_k.
Nothing is left out. The other kernels add to running sums; this one sets them, or where they are not wanted writes the
posterior's shift at once, sum_k pi_k delta_k = shift/(total + exp(-top)): the target has the logit 0.
"""

import numpy as np

from meanfield.tools.compiling import compiled
from simulate.scores.posterior import Sums

FAST = {"reassoc", "contract", "nsz", "nnan"}


@compiled(fastmath=FAST)
def set_sums(y, scale, delta, half, sums: Sums, normed, row, logits):  # pragma: no cover - compiled
    """y (samples, dim) float64; scale (dim,), 1/D; of the type of the products delta (classes, dim), half (classes,)
    and the work space, row (dim,), logits (classes,). With `normed` shift is that of the posterior."""
    top, total, square, shift = sums
    classes, dim = delta.shape
    for s in range(y.shape[0]):
        for j in range(dim):
            row[j] = y[s, j] * scale[j]
        for k in range(classes):
            dot = row[0] - row[0]
            for j in range(dim):
                dot += row[j] * delta[k, j]
            logits[k] = dot
        best = logits[0] - half[0]
        for k in range(classes):
            logits[k] -= half[k]
            best = max(best, logits[k])
        total[s] = square[s] = 0.0
        for k in range(classes):
            weight = np.exp(logits[k] - best)
            logits[k] = weight
            total[s] += weight
            square[s] += weight * weight
        top[s] = best
        if normed:
            target = 1.0 / (total[s] + np.exp(-np.float64(best)))
            for k in range(classes):
                logits[k] *= target
        row[:] = 0
        for k in range(classes):
            weight = logits[k]
            for j in range(dim):
                row[j] += weight * delta[k, j]
        for j in range(dim):
            shift[s, j] = row[j]
