"""Compiled start of a sample of the quenched model: what it holds of its disorder at first, and where it begins."""

import math

import numpy as np

from meanfield.finite.ball import Ball, Drawn, Held, Near
from meanfield.tools.compiling import compiled


@compiled()
def start_all(rng, law, held, populations, y, h):  # pragma: no cover - compiled
    """Start of a sample whose P classes are all explicit, or hidden from the start; law = (m, v, m0, v0, w).

    From T = infinity the posterior mean to first order in 1/D is <delta> + C y/D, C the covariance of these P means by
    their weights: y = (m - 1) mu_1 - w sum_{k != 1} share_k mu_k + sqrt(D) z + (sqrt(v) - sqrt(D)) C z; the twin is
    sqrt(D) z. Of hidden classes <delta> is -mu_1, <delta delta^T> is 1 + mu_1 mu_1^T.
    """
    d, root = len(y), math.sqrt(len(y))
    m, v, m0, v0, w = law
    z = np.empty(d)
    for i in range(d):
        z[i] = rng.standard_normal()
    y[:], h[:] = math.sqrt(v0) * z, math.sqrt(v0) * z
    y[0] += (m - 1.0) * root
    h[0] += (m0 - 1.0) * root
    if v == v0 and w == 0.0:
        return
    mean, spread, others, mass = np.zeros(d), np.zeros(d), 0.0, 0.0  # mass: log of all weights over the target's
    for k in range(len(held)):
        mass = np.logaddexp(mass, populations[k, 0] + populations[k, 1])
    for k in range(len(held)):
        ball, act, _ = held[k].near
        if ball.rho2 < math.inf:
            share = math.exp(populations[k, 0] + populations[k, 1] - mass)
            mean[0] -= share * root
            spread += share * z
            spread[0] += share * d * z[0]
            others += share
            continue
        count = math.exp(mass - populations[k, 1])  # of all classes, as so many of this weight
        for c in range(len(act)):
            along = 0.0
            for i in range(d):
                mean[i] += act[c, i] / count
                along += act[c, i] * z[i]
            for i in range(d):
                spread[i] += along * act[c, i] / count
        others += len(act) / count
    along = 0.0
    for i in range(d):
        along += mean[i] * z[i]
    for i in range(d):
        y[i] += (math.sqrt(v) - math.sqrt(v0)) * (spread[i] - mean[i] * along) - w * mean[i]
    y[0] -= w * others * root  # sum mu_k = sum delta_k + (P - 1) mu_1


@compiled()
def begun(rng, y, n_all):  # pragma: no cover - compiled
    """What a sample y (d,) holds of a population at first: all of it, or nothing."""
    d = len(y)
    near = all_classes(rng, d, n_all) if n_all >= 0 else Near(Ball(y.copy(), 0.0), np.empty((0, d)), np.empty(0))
    return Held(near, Drawn(np.empty((256, d)), 0, np.empty((8, d + 1)), 0), -math.inf)


@compiled()
def all_classes(rng, d, n_all):  # pragma: no cover - compiled
    """All rivals of a sample, drawn at the start: none is hidden."""
    delta, half, root = np.empty((n_all, d)), np.zeros(n_all), math.sqrt(d)
    for k in range(n_all):
        for i in range(d):
            delta[k, i] = rng.standard_normal() - (root if i == 0 else 0.0)
            half[k] += 0.5 * delta[k, i] ** 2
    return Near(Ball(np.zeros(d), math.inf), delta, half)
