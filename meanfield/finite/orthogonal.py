"""Compiled steps of the theory of few classes (F1)-(F3) of docs/theory.md: a sample is P numbers, whatever d is.

With few classes the choice falls at D ~ d/log P, where the means are orthogonal to leading order. In units of sqrt(d)
a sample is y = x - mu_1 in the span of the P means, coordinate 0 along mu_1, and with kappa = D/d, a_k = mu_k - mu_1,
    dy = e (b - y) dtau + eta sqrt(kappa) dB,    b = -w sum_k pi_k a_k,    log(pi_k/pi_1) = (a_k.y - |a_k|^2/2)/kappa.
What guidance does to the mean and the variance is summed from its force, not read off y, which would be noisier:
    dM = e (b_0 - M) dtau,    dS_i = 2e (b_i y_i - S_i) dtau,    m = 1 + M,    v = D + d/(d - 1) sum_{i > 0} S_i.
Samples come in pairs of opposite normals. The correction of order 1/d is half the change of M and S by a Gram matrix
I + s and by I - s, s that of random means in FAR P + LEAST dimensions, on the same normals.
"""

import math

import numpy as np

from meanfield.finite.ball import inner_product, square_of
from meanfield.finite.drawing import copied
from meanfield.finite.sampling import Model
from meanfield.tools.compiling import compiled, inner

FAR, LEAST = 8, 96  # dimensions in which the correction is measured: FAR a class, and LEAST
DECIDED = 1e-12  # weight of all rivals below which they are left out
ROWS = 4  # of what is recorded of the weights


@inner(fastmath=True, forceinline=True)
def weights(y, a, half, kappa, p):  # pragma: no cover - compiled
    """pi_k of all classes into p (P,); returns the weight of all rivals, and lambda of `walk`."""
    P, top, inverse, drawn = len(p), 0.0, 1.0 / kappa, len(a) > 1
    for k in range(1, P):
        along = y[k] - y[0]
        if drawn:
            along = 0.0
            for i in range(k + 1):
                along += a[k, i] * y[i]
        p[k] = (along - half[k]) * inverse
        top = max(top, p[k])
    p[0], rivals = math.exp(-top), 0.0
    for k in range(1, P):
        p[k] = math.exp(p[k] - top) if p[k] > top - 50.0 else 0.0
        rivals += p[k]
    inverse, squares = 1.0 / (p[0] + rivals), 0.0
    for k in range(P):
        p[k] *= inverse
        squares += p[k] * p[k]
    return rivals * inverse, min(inverse, 1.0 - squares)


@inner(fastmath=True, forceinline=True)
def force(w, p, rivals, a, b):  # pragma: no cover - compiled
    """b = -w sum_k pi_k a_k into b (P,)."""
    drawn = len(a) > 1
    for i in range(len(p)):
        b[i] = 0.0 if drawn else -w * p[i]
    if not drawn:
        b[0] = w * rivals
        return
    for k in range(1, len(p)):
        if p[k] > 1e-14:
            for i in range(k + 1):
                b[i] -= w * p[k] * a[k, i]


@inner()
def spread(law, D, d, z, a, y, total):  # pragma: no cover - compiled
    """Start from T = infinity, y as in `meanfield.finite.beginning`; and what (M, S_0, sum_{i > 0} S_i) are there."""
    P, root, drawn = len(y), math.sqrt(D / d), len(a) > 1
    change = (math.sqrt(law.v / D) - 1.0) * d / P  # of the width, by unit of sum_k a_k a_k^T - P mean mean^T
    mean, wide = np.zeros(P), np.zeros(P)
    for k in range(1, P):
        if drawn:
            for i in range(k + 1):
                mean[i] += a[k, i] / P
                wide[i] += a[k, i] ** 2
        else:
            mean[k], wide[k] = 1.0 / P, 1.0
    if not drawn:
        mean[0], wide[0] = 1.0 / P - 1.0, P - 1.0
    along = inner_product(mean, z)
    for i in range(P):
        y[i] = z[i] - change * P * along * mean[i]
    for k in range(1, P):
        if drawn:
            part = change * inner_product(a[k, : k + 1], z)
            for i in range(k + 1):
                y[i] += part * a[k, i]
        else:
            y[k] += change * (z[k] - z[0])
            y[0] -= change * (z[k] - z[0])
    total[0], total[2] = -law.w * mean[0], 0.0
    for i in range(P):
        y[i] = root * y[i] - law.w * mean[i]
        moved = (law.w * mean[i]) ** 2 + 2.0 * change * (wide[i] - P * mean[i] ** 2) * D / d
        if i == 0:
            total[1] = moved
        else:
            total[2] += moved


@inner()
def walk(z, noise, model, a, half, work, out, seen):  # pragma: no cover - compiled
    """One sample from its start to t = 0: M and S into out (3, times), weights into seen (ROWS, times); returns its N
    (`meanfield.tools.resolution`), here e w h lambda/kappa, lambda a bound on the slope of the force in the logits:
    min(max_k pi_k, 1 - sum_k pi_k^2). work (6, P) is scratch."""
    P, d, grid, state, first, second = len(z), float(model.d), model.grid, np.empty(3), np.empty(3), np.empty(3)
    y, after, p, q, b, b1 = work[0], work[1], work[2], work[3], work[4], work[5]
    spread(model.law, grid.D[0], d, z, a, y, state)
    (rivals, slope), largest, last, known = weights(y, a, half, grid.D[0] / d, p), 0.0, len(grid.decay), True
    for n in range(last + 1):
        if grid.slot[n] >= 0:
            if not known:
                rivals, slope = weights(y, a, half, grid.D[n] / d, p)
            copied(state, out[:, grid.slot[n]])
            record(p, rivals, seen[:, grid.slot[n]])
        if n == last:
            break
        keep, kappa, size = grid.decay[n], grid.D[n + 1] / d, grid.noise[n] / math.sqrt(d)
        squared, rate = keep * keep, -math.log(keep)
        known = rivals >= DECIDED
        if not known:  # nothing acts on it any more
            for i in range(P):
                y[i] = keep * y[i] + size * noise[n, i]
            state[0], state[1], state[2] = keep * state[0], squared * state[1], squared * state[2]
            continue
        w0, w1 = grid.w_start[n], grid.w_end[n]
        phi, phi2 = 1.0 - (1.0 - keep) / rate, 1.0 - (1.0 - squared) / (2.0 * rate)
        largest = max(largest, rate * slope * max(abs(w0), abs(w1)) / kappa)
        force(w0, p, rivals, a, b)
        sources(b, y, first)
        for i in range(P):
            after[i] = keep * y[i] + size * noise[n, i] + (1.0 - keep) * b[i]
        rest, _ = weights(after, a, half, kappa, q)
        force(w1, q, rest, a, b1)
        for i in range(P):
            y[i] = after[i] + phi * (b1[i] - b[i])
        rivals, slope = weights(y, a, half, kappa, p)
        force(w1, p, rivals, a, b1)
        sources(b1, y, second)
        state[0] = keep * state[0] + (1.0 - keep) * first[0] + phi * (second[0] - first[0])
        for i in range(1, 3):
            state[i] = squared * state[i] + (1.0 - squared) * first[i] + phi2 * (second[i] - first[i])
    return largest


@inner(fastmath=True)
def sources(b, y, out):  # pragma: no cover - compiled
    """What drives (M, S_0, sum_{i > 0} S_i)."""
    out[0], out[1], out[2] = b[0], b[0] * y[0], 0.0
    for i in range(1, len(y)):
        out[2] += b[i] * y[i]


@inner()
def record(p, rivals, seen):  # pragma: no cover - compiled
    """pi_1, the log-odds, the participation, and whether the target has the largest weight."""
    squares = 0.0
    for k in range(len(p)):
        squares += p[k] * p[k]
    seen[0], seen[1], seen[2] = p[0], math.log(max(p[0], 1e-300)) - math.log(max(rivals, 1e-300)), 1.0 / squares
    seen[3] = 1.0 if p[0] >= p.max() else 0.0


@inner()
def means(P, sign, normals, a, half):  # pragma: no cover - compiled
    """Rows mu_k - mu_1 in units of sqrt(d), lower triangular, whose Gram matrix is I + sign s to first order."""
    far = float(FAR * P + LEAST)
    for k in range(1, P):
        for i in range(k):
            a[k, i] = sign * normals[k, i] / math.sqrt(far)
        a[k, k] = math.sqrt(max(1.0 - k / far + sign * normals[k, k] * math.sqrt(2.0 / far), 1e-3))
        a[k, 0] -= 1.0
        half[k] = 0.5 * square_of(a[k], 0, k + 1)
    return far


@compiled()
def fill(rng, n_samples, model: Model, corrected, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times), the first `corrected` of them with
    the correction; returns the sum of their N^2."""
    P, d, grid, n_times = round(model.number), float(model.d), model.grid, out.shape[1]
    none, half, size = np.empty((1, 1)), np.ones(P), P if corrected > 0 else 1
    a, own, normals = np.zeros((size, size)), np.zeros(P), np.zeros((size, size))
    z, noise = np.empty(P), np.empty((len(grid.decay), P))
    base, other, total = np.empty((3, n_times)), np.empty((3, n_times)), np.zeros((3, n_times))
    seen, work, squares = np.empty((ROWS, n_times)), np.empty((6, P)), 0.0
    for sample in range(n_samples):
        if sample % 2 == 0:
            for k in range(P):
                z[k] = rng.standard_normal()
            if grid.noise.any():
                for n in range(len(noise)):
                    for k in range(P):
                        noise[n, k] = rng.standard_normal()
            else:
                noise[:] = 0.0
        else:
            z *= -1.0
            noise *= -1.0
        largest = walk(z, noise, model, none, half, work, base, seen)
        squares += largest * largest
        total += base
        for i in range(ROWS):
            for slot in range(n_times):
                out[5 + i, slot] += seen[i, slot]
        if sample >= corrected:
            continue
        for k in range(1, P):
            for i in range(k + 1):
                normals[k, i] = rng.standard_normal()
        for sign in (1.0, -1.0):
            far = means(P, sign, normals, a, own)
            walk(z, noise, model, a, own, work, other, seen)
            total += (other - base) * (0.5 * far / d * n_samples / corrected)
    law(model, total, n_samples, out)
    return squares


@inner()
def law(model, total, n_samples, out):  # pragma: no cover - compiled
    """m, v, q and those of the unguided twin, whose law is known, from the sums of M and S."""
    d, grid = float(model.d), model.grid
    for n in range(len(grid.D)):
        slot = grid.slot[n]
        if slot >= 0:
            D = grid.D[n]
            out[0, slot] += n_samples + total[0, slot]
            out[1, slot] += n_samples * D + total[2, slot] * d / (d - 1.0)
            out[2, slot] += n_samples * (1.0 + D) + 2.0 * total[0, slot] + total[1, slot] + total[2, slot]
            out[3, slot] += n_samples
            out[4, slot] += n_samples * D
