"""Sums over few classes, set at once instead of added up: every state is read once, every sum written once.

With few classes a score is memory, not arithmetic: the passes that scale, clear and add up cost more than the products.
Where all classes fit in one block none of them is needed, and the states of a few samples at a time stay in the cache
from the first product to the last,
    l_k = sum_j y_j delta_kj/D_j - half_k,   top = max l,   e_k = exp(l_k - top),
    total = sum e_k,   square = sum e_k^2,   shift = sum e_k delta_k,
or, where sums are not wanted, to the shift of the posterior, sum_k pi_k delta_k = shift/(total + exp(-top)): the target
has the logit 0. Nothing is left out.

* `set_sums`, for very few classes, where a product of matrices is too thin: they pass over one sample after the other.
* `set_sums_in_tiles`: library products of a tile of samples with all classes. The second product is written where the
  states of the tile lay, so a tile takes no more of the cache than its states.
"""

import numpy as np

from meanfield.tools.compiling import compiled
from simulate.scores.posterior import Sums
from simulate.scores.products import Scratch, exponentials, largest

FAST = {"reassoc", "contract", "nsz", "nnan"}
LN2 = np.log(2.0)


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
            logits[k] = np.exp(logits[k] - best) if logits[k] < best else 1  # the leading one costs nothing
            weight = logits[k]
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


@compiled(fastmath=FAST)
def set_sums_in_tiles(y, scale, delta, half, sums: Sums, normed, work: Scratch):  # pragma: no cover - compiled
    """As `set_sums`, but scale and half are in bits, log2(e) times what they are there; `work` is of a tile of samples
    and all classes."""
    top, total, square, shift = sums
    _, poly, bias, unit, logits, words, bits, powers, tile = work
    classes, dim = delta.shape
    for first in range(0, y.shape[0], tile.shape[0]):
        size = min(tile.shape[0], y.shape[0] - first)
        states = tile[:size]
        for i in range(size):
            for j in range(dim):
                states[i, j] = y[first + i, j] * scale[j]
        L = logits[: size * classes].reshape(size, classes)
        np.dot(states, delta.T, L)
        for i in range(size):
            row, s = L[i], first + i
            for k in range(classes):
                row[k] -= half[k]
            bits[0] = largest(words[i * classes : (i + 1) * classes])
            best = powers[0]
            total[s] = exponentials(row, best, poly, bias, unit, bits, powers)
            squares = row[0] - row[0]
            for k in range(classes):
                squares += row[k] * row[k]
            square[s], top[s] = squares, best * LN2
            if normed:
                bits[0] = 0
                powers[0] = 1.0 / (total[s] + np.exp2(-np.float64(best)))
                share = powers[0]
                for k in range(classes):
                    row[k] *= share
        np.dot(L, delta, states)
        for i in range(size):
            for j in range(dim):
                shift[first + i, j] = states[i, j]
