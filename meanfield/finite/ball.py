"""Compiled tools of the quenched model: the classes near a sample drawn from their exact law, the others averaged.

The wrong means are a Poisson process of intensity (P - 1) N(mu; 0, I). Points in disjoint regions are independent, so
those in a ball can be drawn without the others. With r^2 = |mu - c|^2 around the centre c,
    N(mu; 0, I) = Z_D N(mu; c/(1 + D), D/(1 + D) I) exp(r^2/(2D)),     Z_D = (D/(1 + D))^{d/2} exp(-|c|^2/(2(1 + D))),
hence in r <= rho the process is dominated by (P - 1) Z_D exp(rho^2/(2D)) N(mu; c/(1 + D), D/(1 + D) I): propose from
that, and keep with probability exp((r^2 - rho^2)/(2D)). Exact for any D; efficient where rho^2 is the typical r^2.

Weights exp(-|x - mu|^2/(2D)) of the classes outside the ball are averaged. Tilted by them the mean mu is
N(x/(1 + D), s^2 I), s^2 = D/(1 + D), so with a = x/(1 + D) - c the share outside and the mean there are
    S_d = Pr[s^2 chi'^2_d(|a|^2/s^2) > rho^2],       <(mu - c) 1_outside> = a S_{d+2}.
`rivals` are those of `meanfield.finite.sampling`: their number, and the weight of each over the target's.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.tools.compiling import compiled

FIRST = 32.0  # proposals of the smallest ball


class Ball(NamedTuple):
    """Outside it classes are hidden; rho2 = inf if none is."""

    centre: np.ndarray
    rho2: float


class Near(NamedTuple):
    """The classes that a sample sees: the ball, mu_k - mu_1 (classes, d), and half their squared lengths (classes,)."""

    ball: Ball
    delta: np.ndarray
    half: np.ndarray


class Drawn(NamedTuple):
    """The means drawn so far, the first n_means rows (d,); the balls they were drawn in, rows (centre, rho^2)."""

    means: np.ndarray
    n_means: int
    balls: np.ndarray
    n_balls: int


class Held(NamedTuple):
    """What a sample knows of the disorder of one population: the classes near it, all that are drawn, and the excess
    over the rule, a logarithm, that its ball left when it was new."""

    near: Near
    drawn: Drawn
    left: float


@compiled(fastmath={"reassoc", "contract"})
def inner_product(a, b):  # pragma: no cover - compiled
    """a.b; sums may be reordered, so that they run on vector registers."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled()
def split(y, root):  # pragma: no cover - compiled
    """|x|^2 and |x - mu_1|^2 of a sample y = x - mu_1."""
    own = 0.0
    for i in range(len(y)):
        own += y[i] * y[i]
    return own + 2.0 * root * y[0] + root * root, own


@compiled()
def log_average(square, D, d):  # pragma: no cover - compiled
    """log <exp(-|x - mu|^2/(2D))> over mu ~ N(0, I), for |x|^2 = square."""
    return -0.5 * d * math.log1p(1.0 / D) - square / (2.0 * (1.0 + D))


@compiled()
def radius2(square, D, d):  # pragma: no cover - compiled
    """Typical |mu - x|^2 of the classes that dominate at noise D."""
    return square * (D / (1.0 + D)) ** 2 + d * D / (1.0 + D)


@compiled()
def log_tail(z):  # pragma: no cover - compiled
    """log Pr[normal > z]; beyond z = 30 by its asymptote."""
    if z > 30.0:
        return -0.5 * z * z - math.log(z) - 0.5 * math.log(2.0 * math.pi)
    return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))


@compiled()
def normal_score(x, k, shift):  # pragma: no cover - compiled
    """z with Pr[chi'^2_k(shift) > x] = Pr[normal > z], by Sankaran's approximation."""
    a, b = k + shift, k + 2.0 * shift
    h = 1.0 - 2.0 * a * (k + 3.0 * shift) / (3.0 * b * b)
    p = b / (a * a)
    m = (h - 1.0) * (1.0 - 3.0 * h)
    centre = 1.0 + h * p * (h - 1.0 - 0.5 * (2.0 - h) * m * p)
    return ((x / a) ** h - centre) / (h * math.sqrt(2.0 * p) * (1.0 + 0.5 * m * p))


@compiled()
def outside(x, centre, rho2, D, k):  # pragma: no cover - compiled
    """log of S_k: the share outside the ball of the classes that dominate at noise D, by tilted law in k dimensions."""
    s2, square = D / (1.0 + D), 0.0
    for i in range(len(x)):
        square += (x[i] / (1.0 + D) - centre[i]) ** 2
    return log_tail(normal_score(rho2 / s2, k, square / s2))


@compiled()
def log_hidden(y, x, D, power, ball, rivals):  # pragma: no cover - compiled
    """log of the average of sum_k (weight of k/weight of the target)^power over the hidden classes, power 1 or 2."""
    d, (square, own) = len(y), split(y, math.sqrt(len(y)))
    number = rivals.log_count + power * rivals.log_weight
    everything = number + log_average(square, D / power, d) + own * power / (2.0 * D)
    return everything + outside(x, ball.centre, ball.rho2, D / power, d)


@compiled()
def log_spread(y, D, log_norm, ball, rivals):  # pragma: no cover - compiled
    """log V, the relative variance of the hidden classes (`meanfield.finite.nearest`)."""
    x = y.copy()
    x[0] += math.sqrt(len(y))
    return log_hidden(y, x, D, 2.0, ball, rivals) - 2.0 * log_norm


@compiled()
def ground(square, d, rate):  # pragma: no cover - compiled
    """D' at which the dominating classes are exp(-d rate) rare among the N(0, I): K(D', |x|^2/d) = rate > 0."""
    low, high, q = math.log(1e-12), math.log(1e12), square / d
    for _ in range(60):
        middle = 0.5 * (low + high)
        D = math.exp(middle)
        if 0.5 * (math.log1p(1.0 / D) - 1.0 / (1.0 + D) + q / (1.0 + D) ** 2) > rate:
            low = middle
        else:
            high = middle
    return math.exp(high)


@compiled()
def choose(y, D, log_norm, limit, most, rivals):  # pragma: no cover - compiled
    """Noise and rho^2 of the smallest ball around y that leaves log V below `limit`.

    It has at most `most` proposals; both are inf where nearly all classes would be needed: then all are drawn.
    """
    d, root = len(y), math.sqrt(len(y))
    x = y.copy()
    x[0] += root
    square, _ = split(y, root)
    proposals, inner, rho2, left = FIRST, 0.0, 0.0, math.inf
    while True:
        inner = ground(square, d, max((rivals.log_count - math.log(proposals)) / d, 1e-9))
        rho2 = radius2(square, inner, d)
        left = log_hidden(y, x, D, 2.0, Ball(x, rho2), rivals) - 2.0 * log_norm
        if left <= limit:
            return inner, rho2
        proposals *= 2.0
        if math.log(proposals) > rivals.log_count:
            return math.inf, math.inf  # all that are left
        if proposals > most:
            return inner, rho2


@compiled()
def grown(rows, needed):  # pragma: no cover - compiled
    """`rows` with room for `needed` of them; those there are kept."""
    if needed <= len(rows):
        return rows
    more = np.empty((max(needed, 2 * len(rows)), rows.shape[1]))
    more[: len(rows)] = rows
    return more


@compiled()
def seen(mu, balls, n_balls):  # pragma: no cover - compiled
    """Whether mu lies in one of the first `n_balls` rows (centre, rho^2) of balls."""
    d = len(mu)
    for b in range(n_balls):
        distance2 = 0.0
        for i in range(d):
            distance2 += (mu[i] - balls[b, i]) ** 2
        if distance2 <= balls[b, d]:
            return True
    return False


@compiled()
def draw(rng, centre, rho2, D, log_rivals, balls, n_balls, store, n_stored):  # pragma: no cover - compiled
    """Draw the wrong means within rho of the centre that lie in none of the earlier balls.

    D is the noise at which rho^2 is typical; both inf stand for all the classes. The means are appended to store
    (rows, d), which is returned with its new length.
    """
    d, square, log_mean, shrink, spread = len(centre), 0.0, log_rivals, 0.0, 1.0
    if rho2 < math.inf:
        for i in range(d):
            square += centre[i] ** 2
        log_mean += log_average(square, D, d) + rho2 / (2.0 * D)
        shrink, spread = 1.0 / (1.0 + D), math.sqrt(D / (1.0 + D))
    count = rng.poisson(math.exp(log_mean))
    mu = np.empty(d)
    for _ in range(count):
        r2 = 0.0
        for i in range(d):
            mu[i] = shrink * centre[i] + spread * rng.standard_normal()
            r2 += (mu[i] - centre[i]) ** 2
        if rho2 < math.inf and (r2 > rho2 or rng.standard_exponential() < (rho2 - r2) / (2.0 * D)):
            continue
        if seen(mu, balls, n_balls):
            continue
        store = grown(store, n_stored + 1)
        store[n_stored] = mu
        n_stored += 1
    return store, n_stored


@compiled()
def inside(ball, drawn, root):  # pragma: no cover - compiled
    """The means drawn so far that lie in the ball."""
    n_act, d = 0, drawn.means.shape[1]
    act, half = np.empty((drawn.n_means, d)), np.zeros(drawn.n_means)
    for k in range(drawn.n_means):
        r2 = 0.0
        for i in range(d):
            r2 += (drawn.means[k, i] - ball.centre[i]) ** 2
        if r2 > ball.rho2:
            continue
        act[n_act] = drawn.means[k]
        act[n_act, 0] -= root
        for i in range(d):
            half[n_act] += 0.5 * act[n_act, i] ** 2
        n_act += 1
    return Near(ball, act[:n_act], half[:n_act])


@compiled()
def renewed(rng, y, D, log_norm, limit, drawn, rivals, most):  # pragma: no cover - compiled
    """The classes in a fresh ball around y that leaves log V below `limit`, and all that are drawn by then."""
    root = math.sqrt(len(y))
    centre = y.copy()
    centre[0] += root
    inner, rho2 = choose(y, D, log_norm, limit, most, rivals)
    count = rivals.log_count
    means, n_means = draw(rng, centre, rho2, inner, count, drawn.balls, drawn.n_balls, drawn.means, drawn.n_means)
    balls, n = grown(drawn.balls, drawn.n_balls + 1), drawn.n_balls
    balls[n, : len(y)], balls[n, len(y)] = centre, rho2
    drawn = Drawn(means, n_means, balls, n + 1)
    return inside(Ball(centre, rho2), drawn, root), drawn
