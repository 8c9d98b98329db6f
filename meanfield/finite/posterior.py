"""Compiled posterior of a sample of the quenched model: classes it sees one by one, those hidden by their average."""

import math

import numpy as np

from meanfield.finite import annealed
from meanfield.finite.ball import inner_product, kernel, log_hidden, means_outside, move
from meanfield.problem.growth import Rivals
from meanfield.tools.compiling import inner

FAR = 40.0  # classes by so much behind the best, in logits, are left out


@kernel
def row_of(populations, k):  # pragma: no cover - compiled
    """The rivals of population k."""
    return Rivals(populations[k, 0], populations[k, 1])


@inner()
def posterior(y, at, held, populations, shift):  # pragma: no cover - compiled
    """Fill shift (d,) with sum_k pi_k (mu_k - mu_1); returns log-odds, log Z, sum_k pi_k^2 and the best wrong logit.

    Logits are relative to the target. `held` is a list over the populations, `at` the groups and their noise.
    """
    n_pop, n_act, share = len(held), 0, np.empty(len(at.sizes))
    for k in range(n_pop):
        n_act += len(held[k].near.half)
    best, weights, hidden, j = -math.inf, np.empty(n_act), np.empty(n_pop), 0
    x, force, inverse = y.copy(), y.copy(), 1.0 / at.D
    move(x, at.sizes, 1.0)
    divide(force, at)
    for k in range(n_pop):
        near = held[k].near
        best = max(best, fill_logits(near, force, inverse, populations[k, 1], weights[j:]))
        j += len(near.half)
    for k in range(n_pop):
        hidden[k] = -math.inf
        if held[k].near.ball.rho2 < math.inf:
            hidden[k] = log_hidden(y, x, at, 1.0, held[k].near.ball, row_of(populations, k))
            best = max(best, hidden[k])
    top, wrong, square, j = max(best, 0.0), 0.0, 0.0, 0
    shift[:] = 0.0
    for k in range(n_pop):
        near = held[k].near
        seen, seen_square = add_seen(near, weights[j:], top, shift)
        wrong += seen
        square += seen_square
        j += len(near.half)
        if hidden[k] > top - FAR:
            p, ball = math.exp(hidden[k] - top), near.ball
            wrong += p
            square += math.exp(min(log_hidden(y, x, at, 2.0, ball, row_of(populations, k)) - 2.0 * top, 0.0))
            add_hidden(x, at, ball, p, share, shift)
    own = math.exp(-top)
    total = own + wrong
    shift /= total
    log_odds = -top - math.log(wrong) if wrong > 0.0 else -best  # far behind the target: the best of them
    return log_odds, top + math.log(total), (own * own + square) / (total * total), best


@kernel
def divide(y, at):  # pragma: no cover - compiled
    """y (d,) becomes y/D."""
    j = 0
    for g in range(len(at.sizes)):
        inverse = 1.0 / at.D[g]
        for i in range(j, j + at.sizes[g]):
            y[i] *= inverse
        j += at.sizes[g]


@kernel
def fill_logits(near, force, inverse, log_weight, logits):  # pragma: no cover - compiled
    """Fill the first of `logits` with those of the classes near; returns the best. force: y/D, inverse: 1/D."""
    best = -math.inf
    for c in range(len(near.half)):
        logits[c] = inner_product(near.delta[c], force) + log_weight - inner_product(near.half[c], inverse)
        best = max(best, logits[c])
    return best


@kernel
def add_seen(near, logits, top, shift):  # pragma: no cover - compiled
    """Add p_k (mu_k - mu_1) of the classes near to shift (d,), p_k = exp(logit - top); returns their p and p^2."""
    wrong = square = 0.0
    for c in range(len(near.half)):
        if logits[c] > top - FAR:
            p = math.exp(logits[c] - top)
            wrong += p
            square += p * p
            for i in range(len(shift)):
                shift[i] += p * near.delta[c, i]
    return wrong, square


@kernel
def add_hidden(x, at, ball, p, share, shift):  # pragma: no cover - compiled
    """Add p times the mean mu - mu_1 of the classes outside the ball to shift (d,); share (groups,) is to work in."""
    j = 0
    means_outside(x, at, ball, share)
    for g in range(len(share)):
        of_centre, of_x = p * (1.0 - share[g]), p * share[g] / (1.0 + at.D[g])
        for i in range(j, j + at.sizes[g]):
            shift[i] += of_centre * ball.centre[i] + of_x * x[i]
        j += at.sizes[g]
    move(shift, at.sizes, -p)


@kernel
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
