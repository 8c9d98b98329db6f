"""Compiled tools of the quenched model: the classes near a sample drawn from their exact law, the others averaged.

In whitened coordinates every group of directions has its noise D_i (isotropic classes are one group). The wrong means
are a Poisson process of intensity (P - 1) N(mu; 0, I). Points in disjoint regions are independent, so those near
a centre c can be drawn without the others. Near is what has weight: a *ball* is r^2 <= rho^2 in the metric
    r^2 = sum_i a_i |mu - c|_i^2,     a_i = D_1/D_i of the noise at which it is drawn, and at the noises D_i = D/a_i
    N(mu; 0, I) = prod_i Z_i N(mu_i; c_i/(1 + D_i), D_i/(1 + D_i) I) exp(r^2/(2D)),
    Z_i = (D_i/(1 + D_i))^{d_i/2} exp(-|c|_i^2/(2(1 + D_i))),
hence in r <= rho the process is dominated by (P - 1) exp(rho^2/(2D)) prod_i Z_i N(...): propose from that, keep with
probability exp((r^2 - rho^2)/(2D)). Exact for any D; efficient where rho^2 is the typical r^2.

Weights exp(-sum_i |x - mu|_i^2/(2D_i)) of the classes outside the ball are averaged. Tilted by them the mean mu is
N(x/(1 + D_i), s_i^2 I), s_i^2 = D_i/(1 + D_i), so with b = x/(1 + D) - c the share outside and the mean there are
    S = Pr[sum_i a_i s_i^2 chi'^2_{d_i}(|b|_i^2/s_i^2) > rho^2],       <(mu - c)_i 1_outside> = b_i S_{d_i + 2}.
`rivals` are those of `meanfield.finite.sampling`: their number, and the weight of each over the target's. In each group
the first axis is along mu_1.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.tools.compiling import compiled, inner

FIRST = 32.0  # proposals of the smallest ball

# Arrays are lent from caller to kernel, which allocates none: no one counts who holds them, which takes longer than the
# sums where few classes are near. `summed` may reorder its sums, so that they run on vector registers.
kernel, summed = inner(_nrt=False), inner(fastmath={"reassoc", "contract"}, _nrt=False)


class Groups(NamedTuple):
    """Directions in each group, and the noise D of each, (groups,)."""

    sizes: np.ndarray
    D: np.ndarray


class Ball(NamedTuple):
    """Outside it classes are hidden; rho2 = inf if none is. metric (groups,): a_i."""

    centre: np.ndarray
    metric: np.ndarray
    rho2: float


class Near(NamedTuple):
    """The classes that a sample sees: the ball; mu_k - mu_1 (classes, d), and half their squared lengths by group
    (classes, groups)."""

    ball: Ball
    delta: np.ndarray
    half: np.ndarray


class Drawn(NamedTuple):
    """The means drawn so far, the first n_means rows (d,); the balls they were drawn in, rows (centre, metric,
    rho^2)."""

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


@summed
def inner_product(a, b):  # pragma: no cover - compiled
    """a.b, in any order."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@summed
def square_of(x, begin, end):  # pragma: no cover - compiled
    """Sum of squares of the entries from `begin` to `end`, in any order."""
    total = 0.0
    for i in range(begin, end):
        total += x[i] * x[i]
    return total


@summed
def square_between(x, shrink, centre, begin, end):  # pragma: no cover - compiled
    """The same of shrink x - centre."""
    total = 0.0
    for i in range(begin, end):
        total += (shrink * x[i] - centre[i]) ** 2
    return total


@kernel
def smallest(x):  # pragma: no cover - compiled
    """The least of the entries; numpy's own takes longer to compile."""
    least = math.inf
    for i in range(len(x)):
        least = min(least, x[i])
    return least


@kernel
def distance2(mu, centre, metric, sizes):  # pragma: no cover - compiled
    """r^2 = sum_i a_i |mu - c|_i^2."""
    total, j = 0.0, 0
    for g in range(len(sizes)):
        total += metric[g] * square_between(mu, 1.0, centre, j, j + sizes[g])
        j += sizes[g]
    return total


@compiled()
def squares(x, sizes):  # pragma: no cover - compiled
    """|x|_i^2, (groups,)."""
    found = np.empty(len(sizes))
    fill_squares(x, sizes, 1.0, found)
    return found


@kernel
def fill_squares(x, sizes, factor, found):  # pragma: no cover - compiled
    """Fill found (groups,) with factor times |x|_i^2."""
    j = 0
    for g in range(len(sizes)):
        found[g] = factor * square_of(x, j, j + sizes[g])
        j += sizes[g]


@kernel
def move(y, sizes, step):  # pragma: no cover - compiled
    """Add step times mu_1 to y (d,): x = y + mu_1."""
    j = 0
    for g in range(len(sizes)):
        y[j] += step * math.sqrt(sizes[g])
        j += sizes[g]


@kernel
def log_average(square, D, d):  # pragma: no cover - compiled
    """log <exp(-|x - mu|^2/(2D))> over mu ~ N(0, I) in the d directions of a group, for |x|^2 = square."""
    return -0.5 * d * math.log1p(1.0 / D) - square / (2.0 * (1.0 + D))


@kernel
def radius2(square, inner, metric, sizes):  # pragma: no cover - compiled
    """Typical r^2 around x, |x|_i^2 = square (groups,), of the classes that dominate at the noises inner/a_i."""
    total = 0.0
    for g in range(len(sizes)):
        D = inner / metric[g]
        total += metric[g] * (square[g] * (D / (1.0 + D)) ** 2 + sizes[g] * D / (1.0 + D))
    return total


@kernel
def log_tail(z):  # pragma: no cover - compiled
    """log Pr[normal > z]; beyond z = 30 by its asymptote."""
    if z > 30.0:
        return -0.5 * z * z - math.log(z) - 0.5 * math.log(2.0 * math.pi)
    return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))


@kernel
def normal_score(x, a, b, c):  # pragma: no cover - compiled
    """z with Pr[Q > x] = Pr[normal > z], by Sankaran's approximation; Q = sum s chi'^2_k(shift), and a, b, c are the
    sums of s^n (k + n shift), n = 1, 2, 3: its cumulants over 1, 2, 8."""
    h = 1.0 - 2.0 * a * c / (3.0 * b * b)
    p = b / (a * a)
    m = (h - 1.0) * (1.0 - 3.0 * h)
    centre = 1.0 + h * p * (h - 1.0 - 0.5 * (2.0 - h) * m * p)
    return ((x / a) ** h - centre) / (h * math.sqrt(2.0 * p) * (1.0 + 0.5 * m * p))


@kernel
def cumulants(x, at, power, ball):  # pragma: no cover - compiled
    """a, b, c of `normal_score` for r^2 of the classes that dominate at the noises D/power."""
    a = b = c = 0.0
    j = 0
    for g in range(len(at.sizes)):
        D, k = at.D[g] / power, at.sizes[g]
        s2 = D / (1.0 + D)
        scale, shift = ball.metric[g] * s2, square_between(x, 1.0 / (1.0 + D), ball.centre, j, j + k) / s2
        a += scale * (k + shift)
        b += scale**2 * (k + 2.0 * shift)
        c += scale**3 * (k + 3.0 * shift)
        j += k
    return a, b, c


@kernel
def outside(x, at, power, ball):  # pragma: no cover - compiled
    """log of S: the share outside the ball of the classes that dominate at the noises D/power, by tilted law."""
    a, b, c = cumulants(x, at, power, ball)
    return log_tail(normal_score(ball.rho2, a, b, c))


@kernel
def means_outside(x, at, ball, share):  # pragma: no cover - compiled
    """Fill share (groups,) with S_{d_i + 2}/S: the mean mu - c of the classes outside is b_i times that."""
    a, b, c = cumulants(x, at, 1.0, ball)
    everything = log_tail(normal_score(ball.rho2, a, b, c))
    for g in range(len(share)):
        scale = ball.metric[g] * at.D[g] / (1.0 + at.D[g])
        more = normal_score(ball.rho2, a + 2.0 * scale, b + 2.0 * scale**2, c + 2.0 * scale**3)
        share[g] = math.exp(log_tail(more) - everything)


@kernel
def log_hidden(y, x, at, power, ball, rivals):  # pragma: no cover - compiled
    """log of the average of sum_k (weight of k/weight of the target)^power over the hidden classes, power 1 or 2."""
    everything, j = rivals.log_count + power * rivals.log_weight, 0
    for g in range(len(at.sizes)):
        square, own = square_of(x, j, j + at.sizes[g]), square_of(y, j, j + at.sizes[g])
        everything += log_average(square, at.D[g] / power, at.sizes[g]) + own * power / (2.0 * at.D[g])
        j += at.sizes[g]
    return everything + outside(x, at, power, ball)


@inner()
def log_spread(y, at, log_norm, ball, rivals):  # pragma: no cover - compiled
    """log V, the relative variance of the hidden classes (`meanfield.finite.nearest`)."""
    x = y.copy()
    move(x, at.sizes, 1.0)
    return log_hidden(y, x, at, 2.0, ball, rivals) - 2.0 * log_norm
