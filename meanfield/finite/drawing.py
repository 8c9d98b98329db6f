"""Compiled drawing of balls: how large one must be, and the classes in it from their exact law (`ball`)."""

import math

import numpy as np

from meanfield.finite.ball import (
    FIRST,
    Ball,
    Drawn,
    Near,
    distance2,
    fill_squares,
    kernel,
    log_average,
    log_hidden,
    move,
    radius2,
    squares,
)
from meanfield.tools.compiling import compiled, inner


@kernel
def ground(square, metric, sizes, log_rare):  # pragma: no cover - compiled
    """D at whose noises D/a_i the dominating classes are exp(-log_rare) rare among the N(0, I): d K = log_rare > 0,
    (S3), for |x|_i^2 = square."""
    low, high = math.log(1e-12), math.log(1e12)
    for _ in range(60):
        middle = 0.5 * (low + high)
        cost = 0.0
        for g in range(len(sizes)):
            D = math.exp(middle) / metric[g]
            cost += 0.5 * (sizes[g] * (math.log1p(1.0 / D) - 1.0 / (1.0 + D)) + square[g] / (1.0 + D) ** 2)
        if cost > log_rare:
            low = middle
        else:
            high = middle
    return math.exp(high)


@compiled(inline="always")
def choose(y, at, log_norm, limit, most, rivals):  # pragma: no cover - compiled
    """Noise D and the smallest ball around y that leaves log V below `limit`.

    It has at most `most` proposals; D and rho^2 are inf where nearly all classes would be needed: then all are drawn.
    """
    d, x, metric = len(y), y.copy(), at.D[0] / at.D
    move(x, at.sizes, 1.0)
    square = squares(x, at.sizes)
    proposals, inner, rho2, left = FIRST, 0.0, 0.0, math.inf
    while True:
        inner = ground(square, metric, at.sizes, max(rivals.log_count - math.log(proposals), 1e-9 * d))
        rho2 = radius2(square, inner, metric, at.sizes)
        left = log_hidden(y, x, at, 2.0, Ball(x, metric, rho2), rivals) - 2.0 * log_norm
        if left <= limit:
            break
        proposals *= 2.0
        if math.log(proposals) > rivals.log_count:
            inner, rho2 = math.inf, math.inf  # all that are left
            break
        if proposals > most:
            break
    return inner, Ball(x, metric, rho2)


@kernel
def copied(x, there):  # pragma: no cover - compiled
    """Copy x into `there`; an assignment to a slice would compile the words of its error."""
    for i in range(len(x)):
        there[i] = x[i]


@inner()
def grown(rows, needed):  # pragma: no cover - compiled
    """`rows` with room for `needed` of them; those there are kept."""
    if needed <= len(rows):
        return rows
    more = np.empty((max(needed, 2 * len(rows)), rows.shape[1]))
    for n in range(len(rows)):
        copied(rows[n], more[n])
    return more


@kernel
def seen(mu, drawn, sizes):  # pragma: no cover - compiled
    """Whether mu lies in one of the balls drawn so far."""
    d = len(mu)
    for b in range(drawn.n_balls):
        row = drawn.balls[b]
        if distance2(mu, row[:d], row[d:-1], sizes) <= row[-1]:
            return True
    return False


@compiled(inline="always")
def draw(rng, ball, inner, log_rivals, drawn, sizes):  # pragma: no cover - compiled
    """Draw the wrong means in the ball that lie in none of the earlier ones; returns all that are drawn by then.

    inner is the D at whose noises D/a_i rho^2 is typical; both inf stand for all the classes.
    """
    everything = ball.rho2 == math.inf
    d, log_mean, shrink, spread = len(ball.centre), log_rivals, np.zeros(len(sizes)), np.ones(len(sizes))
    if not everything:
        square = squares(ball.centre, sizes)
        for g in range(len(sizes)):
            D = inner / ball.metric[g]
            log_mean += log_average(square[g], D, sizes[g])
            shrink[g], spread[g] = 1.0 / (1.0 + D), math.sqrt(D / (1.0 + D))
        log_mean += ball.rho2 / (2.0 * inner)
    count = rng.poisson(math.exp(log_mean))
    mu, store, n_stored = np.empty(d), drawn.means, drawn.n_means
    for _ in range(count):
        r2 = propose(rng, ball, shrink, spread, sizes, mu)
        if not everything and (r2 > ball.rho2 or rng.standard_exponential() < (ball.rho2 - r2) / (2.0 * inner)):
            continue
        if seen(mu, drawn, sizes):
            continue
        store = grown(store, n_stored + 1)
        copied(mu, store[n_stored])
        n_stored += 1
    return Drawn(store, n_stored, drawn.balls, drawn.n_balls)


@kernel
def propose(rng, ball, shrink, spread, sizes, mu):  # pragma: no cover - compiled
    """Fill mu (d,) with N(shrink centre, spread^2 I) in each group; returns r^2."""
    r2, j = 0.0, 0
    for g in range(len(sizes)):
        square = 0.0
        for i in range(j, j + sizes[g]):
            mu[i] = shrink[g] * ball.centre[i] + spread[g] * rng.standard_normal()
            square += (mu[i] - ball.centre[i]) ** 2
        r2 += ball.metric[g] * square
        j += sizes[g]
    return r2


@inner()
def inside(ball, drawn, sizes):  # pragma: no cover - compiled
    """The means drawn so far that lie in the ball."""
    n, d = drawn.n_means, drawn.means.shape[1]
    act, half = np.empty((n, d)), np.empty((n, len(sizes)))
    n_act = fill_inside(ball, drawn, sizes, act, half)
    return Near(ball, act[:n_act], half[:n_act])


@kernel
def fill_inside(ball, drawn, sizes, act, half):  # pragma: no cover - compiled
    """Fill the first of act (means, d) and half (means, groups) as in `Near`; returns how many are in the ball."""
    n_act = 0
    for k in range(drawn.n_means):
        if distance2(drawn.means[k], ball.centre, ball.metric, sizes) <= ball.rho2:
            for i in range(act.shape[1]):
                act[n_act, i] = drawn.means[k, i]
            move(act[n_act], sizes, -1.0)
            fill_squares(act[n_act], sizes, 0.5, half[n_act])
            n_act += 1
    return n_act


@compiled(inline="always")
def renewed(rng, y, at, log_norm, limit, drawn, rivals, most):  # pragma: no cover - compiled
    """The classes in a fresh ball around y that leaves log V below `limit`, and all that are drawn by then."""
    d = len(y)
    inner, ball = choose(y, at, log_norm, limit, most, rivals)
    drawn = draw(rng, ball, inner, rivals.log_count, drawn, at.sizes)
    balls, n = grown(drawn.balls, drawn.n_balls + 1), drawn.n_balls
    copied(ball.centre, balls[n, :d])
    copied(ball.metric, balls[n, d:-1])
    balls[n, -1] = ball.rho2
    drawn = Drawn(drawn.means, drawn.n_means, balls, n + 1)
    return inside(ball, drawn, at.sizes), drawn
