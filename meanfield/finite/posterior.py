"""Compiled posterior of a sample of the quenched model: classes it sees one by one, those hidden by their average."""

import math

import numpy as np

from meanfield.finite import annealed
from meanfield.finite.ball import inner_product, log_hidden, means_outside, move
from meanfield.problem.growth import Rivals
from meanfield.tools.compiling import compiled


@compiled()
def row_of(populations, k):  # pragma: no cover - compiled
    """The rivals of population k."""
    return Rivals(populations[k, 0], populations[k, 1])


@compiled()
def posterior(y, at, held, populations, shift):  # pragma: no cover - compiled
    """Fill shift (d,) with sum_k pi_k (mu_k - mu_1); returns log-odds, log Z, sum_k pi_k^2 and the best wrong logit.

    Logits are relative to the target. `held` is a list over the populations, `at` the groups and their noise.
    """
    d, n_pop, n_act = len(y), len(held), 0
    for k in range(n_pop):
        n_act += len(held[k].near.half)
    best, weights, hidden, j = -math.inf, np.empty(n_act), np.full(n_pop, -math.inf), 0
    force, inverse = over_noise(y, at), 1.0 / at.D
    for k in range(n_pop):
        _, delta, half = held[k].near
        for c in range(len(half)):
            logit = inner_product(delta[c], force) + populations[k, 1]
            for g in range(len(inverse)):
                logit -= half[c, g] * inverse[g]
            best = max(best, logit)
            weights[j] = logit
            j += 1
    x = y.copy()
    move(x, at.sizes, 1.0)
    for k in range(n_pop):
        if held[k].near.ball.rho2 < math.inf:
            hidden[k] = log_hidden(y, x, at, 1.0, held[k].near.ball, row_of(populations, k))
            best = max(best, hidden[k])
    top, wrong, square, j = max(best, 0.0), 0.0, 0.0, 0
    shift[:] = 0.0
    for k in range(n_pop):
        ball, act, half = held[k].near
        for c in range(len(half)):
            if weights[j] > top - 40.0:
                p = math.exp(weights[j] - top)
                wrong += p
                square += p * p
                for i in range(d):
                    shift[i] += p * act[c, i]
            j += 1
        if hidden[k] > top - 40.0:
            p = math.exp(hidden[k] - top)
            wrong += p
            square += math.exp(min(log_hidden(y, x, at, 2.0, ball, row_of(populations, k)) - 2.0 * top, 0.0))
            add_hidden(x, at, ball, p, shift)
    own = math.exp(-top)
    total = own + wrong
    shift /= total
    log_odds = -top - math.log(wrong) if wrong > 0.0 else -best  # far behind the target: the best of them
    return log_odds, top + math.log(total), (own * own + square) / (total * total), best


@compiled()
def over_noise(y, at):  # pragma: no cover - compiled
    """y/D (d,)."""
    force, j = np.empty(len(y)), 0
    for g in range(len(at.sizes)):
        inverse = 1.0 / at.D[g]
        for i in range(j, j + at.sizes[g]):
            force[i] = y[i] * inverse
        j += at.sizes[g]
    return force


@compiled()
def add_hidden(x, at, ball, p, shift):  # pragma: no cover - compiled
    """Add p times the mean mu - mu_1 of the classes outside the ball to shift (d,)."""
    share, j = np.empty(len(at.sizes)), 0
    means_outside(x, at, ball, share)
    for g in range(len(share)):
        of_centre, of_x = p * (1.0 - share[g]), p * share[g] / (1.0 + at.D[g])
        for i in range(j, j + at.sizes[g]):
            shift[i] += of_centre * ball.centre[i] + of_x * x[i]
        j += at.sizes[g]
    move(shift, at.sizes, -p)


@compiled()
def bent(w, shift, at, power):  # pragma: no cover - compiled
    """The weight that acts where D (s_u - s_c) = shift (d,): `annealed.bent`."""
    if power == 0.0:
        return w
    total, j = 0.0, 0
    for g in range(len(at.sizes)):
        for i in range(j, j + at.sizes[g]):
            total += (shift[i] / at.D[g]) ** 2
        j += at.sizes[g]
    return annealed.bent(w, total, len(shift), power)
