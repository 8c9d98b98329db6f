"""Compiled steps of the annealed model (T19), (Q5): a sample is five numbers for every group of directions (isotropic
classes are one group), and the cost depends on neither d nor P.

With y = x - mu_1, whitened: u is its component along mu_1 in the group, g the rest; u0 and h are those of the unguided
twin on the same noise. Across mu_1 the force is along g, so g and h matter only through |g|^2, g.h and |h|^2, and the
noise through two components in their plane and the squared length (chi-square, d - 3 degrees of freedom) of the rest.
With d directions and the noise D in a group, sums running over the groups,
    ell = sum [-(u^2 + |g|^2)/(2 D (1 + D)) + (2 u sqrt(d) + d)/(2(1 + D)) + (d/2) log(1 + 1/D)] - log(P - 1),
(plus the log of the target's weight over that of another class), pi = sigmoid(ell), the guided score is (b - y)/D,
b = -w (1 - pi) (x/(1 + D) - mu_1).

A sample is s (groups, 5), rows (u, u0, |g|^2, g.h, |h|^2).
"""

import math

import numpy as np

from meanfield.finite.sampling import (
    CONSTANT,
    KEEP,
    NOISE,
    OF_RATIO,
    PHI,
    ROOT,
    SD,
    SIZE,
    STRENGTH,
    W_END,
    W_START,
    Model,
)
from meanfield.tools.compiling import compiled, inner


@inner()
def sigmoid(x):  # pragma: no cover - compiled
    """1/(1 + exp(-x)) without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


@compiled(inline="always")
def of_sample(s, n, table):  # pragma: no cover - compiled
    """The part of the log-odds of target against averaged rest that differs among samples, at time n."""
    total = 0.0
    for g in range(len(s)):
        u, D = s[g, 0], table[n, g, NOISE]
        total += (u * table[n, g, ROOT] - (u * u + s[g, 2]) / (2.0 * D)) / (1.0 + D)
    return total


@inner()
def bent(w, square, d, power):  # pragma: no cover - compiled
    """The weight w r^power that acts where |s_c - s_u|^2 = square, r = |s_c - s_u|/sqrt(d); w if power is 0."""
    if power == 0.0:
        return w
    return w * math.sqrt(square / d) ** power if square > 0.0 else 0.0


@inner()
def bend(rest, s, n, table, power):  # pragma: no cover - compiled
    """The factor r^power of `bent` for a sample whose averaged classes have the weight `rest` = 1 - pi_1."""
    square = d = 0.0
    for g in range(len(s)):
        D = table[n, g, NOISE]
        share = rest / (D * (1.0 + D))
        square += share * share * ((s[g, 0] - D * table[n, g, ROOT]) ** 2 + s[g, 2])
        d += table[n, g, SIZE]
    return bent(1.0, square, d, power)


@inner()
def ratio_weight(log_odds, ratio):  # pragma: no cover - compiled
    """The weight beta r/(1 - beta r) at the log-odds against the average class, at most w_max (inf: no minimiser)."""
    rest = math.exp(min(-log_odds, 700.0))
    lost = ratio.beta * (ratio.share + (1.0 - ratio.share) * rest)  # beta r
    return min(lost / (1.0 - lost), ratio.w_max) if lost < 1.0 else ratio.w_max


@inner()
def start(rng, law, sizes, s):  # pragma: no cover - compiled
    """Fill s with a sample and its twin on the same normals."""
    m, v, m0, v0, _ = law
    for g in range(len(s)):
        along, across, root = rng.standard_normal(), rng.chisquare(sizes[g] - 1), math.sqrt(sizes[g])
        s[g, 0] = (m[g] - 1.0) * root + math.sqrt(v[g]) * along
        s[g, 1] = (m0[g] - 1.0) * root + math.sqrt(v0[g]) * along
        s[g, 2], s[g, 3], s[g, 4] = v[g] * across, math.sqrt(v[g] * v0[g]) * across, v0[g] * across


@compiled(inline="always")
def step(rng, s, n, table, line, power, ratio, room):  # pragma: no cover - compiled
    """One exponential Heun step of s from time n to n + 1; returns N of it (`meanfield.tools.resolution`).

    In every group b = -w (1 - pi_1) (x/(1 + D) - mu_1), and x/(1 + D) - mu_1 = (y - D mu_1)/(1 + D): across mu_1 it
    is b = k g. room (groups, 10) is to work in: the predictor, as in s; k and |g| at the start; the noise's components
    in the plane of g and h, and its squared length across mu_1. In 2 directions there is one across, in 3 two.
    """
    w0, w1 = line[n, W_START], line[n, W_END]
    tilt = of_sample(s, n, table)
    if ratio.beta > 0.0:
        w0 = ratio_weight(line[n, OF_RATIO] + tilt, ratio)
    pull = sigmoid(-(line[n, CONSTANT] + tilt))
    if power != 0.0:
        pull *= bend(pull, s, n, table, power)
    for g in range(len(s)):
        D, keep, size, d = table[n, g, NOISE], table[n, g, KEEP], table[n, g, SD], table[n, g, SIZE]
        along = first = second = rest = 0.0
        if size > 0.0:
            along, first = size * rng.standard_normal(), size * rng.standard_normal()
            second = size * rng.standard_normal() if d > 2.0 else 0.0
            rest = size * size * rng.chisquare(d - 3.0) if d > 3.0 else 0.0
        square = first * first + second * second + rest
        k, length = -w0 * pull / (1.0 + D), math.sqrt(s[g, 2])
        scale = keep + (1.0 - keep) * k  # predictor: g -> scale g + noise
        room[g, 0] = keep * s[g, 0] + (1.0 - keep) * k * (s[g, 0] - D * table[n, g, ROOT]) + along
        room[g, 1] = keep * s[g, 1] + along
        room[g, 2] = max(scale * scale * s[g, 2] + 2.0 * scale * length * first + square, 0.0)
        room[g, 5], room[g, 6], room[g, 7], room[g, 8], room[g, 9] = k, length, first, second, square
    tilt = of_sample(room, n + 1, table)
    if ratio.beta > 0.0:
        w1 = ratio_weight(line[n + 1, OF_RATIO] + tilt, ratio)
    after = sigmoid(-(line[n + 1, CONSTANT] + tilt))
    if power != 0.0:
        after *= bend(after, room, n + 1, table, power)
    for g in range(len(s)):
        correct(s, g, n, table, room, w1 * after)
    return line[n, STRENGTH] * (pull * w0 / line[n, W_START] if ratio.beta > 0.0 else pull)


@compiled(inline="always")
def correct(s, g, n, table, room, after):  # pragma: no cover - compiled
    """The corrector of `step` in group g, where b = -after (y - D mu_1)/(1 + D) at the end."""
    D, D_end, root = table[n, g, NOISE], table[n + 1, g, NOISE], table[n, g, ROOT]
    keep, phi = table[n, g, KEEP], table[n, g, PHI]
    k0, length, first, second, square = room[g, 5], room[g, 6], room[g, 7], room[g, 8], room[g, 9]
    gg, gh, hh, k1 = s[g, 2], s[g, 3], s[g, 4], -after / (1.0 + D_end)
    h1 = gh / length if length > 0.0 else 0.0  # h in the basis (g/|g|, and the rest of h)
    h2 = math.sqrt(max(hh - h1 * h1, 0.0))
    scale, grow = keep + (1.0 - keep) * k0, 1.0 + phi * k1  # g -> grow (scale g + noise) - phi k0 g = a g + grow noise
    a = grow * scale - phi * k0
    s[g, 0] = room[g, 0] + phi * (k1 * (room[g, 0] - D_end * root) - k0 * (s[g, 0] - D * root))
    s[g, 1] = room[g, 1]
    s[g, 2] = max(a * a * gg + 2.0 * a * grow * length * first + grow * grow * square, 0.0)
    s[g, 3] = a * keep * gh + a * length * first + grow * (keep * (h1 * first + h2 * second) + square)
    s[g, 4] = max(keep * keep * hh + 2.0 * keep * (h1 * first + h2 * second) + square, 0.0)


@inner()
def observe(s, ell, sizes, log_rivals, column):  # pragma: no cover - compiled
    """Observables of one sample of log-odds ell, in the order of `sampling.NAMES`, in column (observables,)."""
    weight, accuracy, participation, n = 0.0, 0.0, math.nan, len(s)
    if ell == math.inf:
        weight, accuracy, participation, ell = 1.0, 1.0, 1.0, math.nan
    elif ell == -math.inf:
        ell = math.nan
    else:
        weight, accuracy = sigmoid(ell), 1.0 if ell > 0.0 else 0.0
        own, rest = 2.0 * log_sigmoid(ell), 2.0 * log_sigmoid(-ell) - log_rivals
        top = max(own, rest)
        participation = math.exp(min(-top - math.log(math.exp(own - top) + math.exp(rest - top)), 700.0))
    for g in range(n):
        d, root = sizes[g], math.sqrt(sizes[g])
        m = 1.0 + s[g, 0] / root
        column[g], column[n + g], column[2 * n + g] = m, s[g, 2] / (d - 1), m * m + s[g, 2] / d
        column[3 * n + g], column[4 * n + g] = 1.0 + s[g, 1] / root, s[g, 4] / (d - 1)
    n *= 5
    column[n], column[n + 1], column[n + 2], column[n + 3] = weight, ell, participation, accuracy


@inner()
def add_to(column, out, j):  # pragma: no cover - compiled
    """Add column (observables,) to column j of out; an assignment to a slice would compile the words of its error."""
    for i in range(len(column)):
        out[i, j] += column[i]


@inner()
def log_sigmoid(x):  # pragma: no cover - compiled
    """log(1/(1 + exp(-x))) without overflow or cancellation."""
    return -math.log1p(math.exp(-x)) if x > 0.0 else x - math.log1p(math.exp(x))


@compiled()
def fill(rng, n_samples, model: Model, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times); returns the sum of their N^2."""
    table, line, slot, n_groups = model.table, model.line, model.grid.slot, len(model.sizes)
    power, ratio = model.power, model.ratio
    s, room = np.empty((n_groups, 5)), np.empty((n_groups, 10))
    column, squares = np.empty(out.shape[0]), 0.0
    for _ in range(n_samples):
        largest = 0.0
        start(rng, model.law, model.sizes, s)
        for n in range(len(table)):
            if slot[n] >= 0:
                observe(s, line[n, CONSTANT] + of_sample(s, n, table), model.sizes, model.rivals.log_count, column)
                add_to(column, out, slot[n])
            if n < len(table) - 1:
                largest = max(largest, step(rng, s, n, table, line, power, ratio, room))
        squares += largest * largest
    return squares
