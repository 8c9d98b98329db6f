"""Compiled start of a sample of the quenched model: what it holds of its disorder at first, and where it begins."""

import math

import numpy as np

from meanfield.finite.ball import Ball, Drawn, Held, Near, fill_squares, inner_product, move
from meanfield.tools.compiling import compiled, inner


@inner()
def start_all(rng, law, held, populations, sizes, y, h):  # pragma: no cover - compiled
    """Start of a sample whose P classes are all explicit, or hidden from the start; law = (m, v, m0, v0, w) by group.

    From T = infinity the posterior mean to first order in 1/D is <delta> + C y/D, C the covariance of these P means by
    their weights: y = (m - 1) mu_1 - w sum_{k != 1} share_k mu_k + sqrt(D) z + C (sqrt(v) - sqrt(D)) z; the twin is
    sqrt(D) z. Of hidden classes <delta> is -mu_1, <delta delta^T> is 1 + mu_1 mu_1^T.
    """
    d, j = len(y), 0
    m, v, m0, v0, w = law
    bent, target = np.empty(d), np.zeros(d)
    move(target, sizes, 1.0)
    for g in range(len(sizes)):
        for i in range(j, j + sizes[g]):
            z = rng.standard_normal()
            y[i] = h[i] = math.sqrt(v0[g]) * z
            bent[i] = (math.sqrt(v[g]) - math.sqrt(v0[g])) * z
        y[j] += (m[g] - 1.0) * target[j]
        h[j] += (m0[g] - 1.0) * target[j]
        j += sizes[g]
    alike = w == 0.0
    for g in range(len(sizes)):
        alike = alike and v[g] == v0[g]
    if alike:
        return
    mean, spread, others, mass = np.zeros(d), np.zeros(d), 0.0, 0.0  # mass: log of all weights over the target's
    for k in range(len(held)):
        mass = np.logaddexp(mass, populations[k, 0] + populations[k, 1])
    for k in range(len(held)):
        ball, act, _ = held[k].near
        if ball.rho2 < math.inf:
            share = math.exp(populations[k, 0] + populations[k, 1] - mass)
            along = inner_product(target, bent)
            for i in range(d):
                mean[i] -= share * target[i]
                spread[i] += share * (bent[i] + along * target[i])
            others += share
            continue
        count = math.exp(mass - populations[k, 1])  # of all classes, as so many of this weight
        for c in range(len(act)):
            along = inner_product(bent, act[c])
            for i in range(d):
                mean[i] += act[c, i] / count
                spread[i] += along * act[c, i] / count
        others += len(act) / count
    along = inner_product(mean, bent)
    for i in range(d):  # sum mu_k = sum delta_k + (P - 1) mu_1
        y[i] += spread[i] - mean[i] * along - w * (mean[i] + others * target[i])


@compiled()
def begun(rng, y, sizes, n_all, room):  # pragma: no cover - compiled
    """What a sample y (d,) holds of a population at first: all of it (n_all classes), or nothing (-1), with room for
    some classes to be drawn."""
    d, n_groups = len(y), len(sizes)
    near = Near(Ball(y.copy(), np.ones(n_groups), 0.0), np.empty((0, d)), np.empty((0, n_groups)))
    if n_all >= 0:
        near = all_classes(rng, d, sizes, n_all)
    return Held(near, Drawn(np.empty((room, d)), 0, np.empty((2, d + n_groups + 1)), 0), -math.inf)


@inner()
def all_classes(rng, d, sizes, n_all):  # pragma: no cover - compiled
    """All rivals of a sample, drawn at the start: none is hidden."""
    delta, half = np.empty((n_all, d)), np.empty((n_all, len(sizes)))
    for k in range(n_all):
        for i in range(d):
            delta[k, i] = rng.standard_normal()
        move(delta[k], sizes, -1.0)
        fill_squares(delta[k], sizes, 0.5, half[k])
    return Near(Ball(np.zeros(d), np.ones(len(sizes)), math.inf), delta, half)
