"""Compiled steps of the annealed model (T19): a sample is five numbers, and the cost depends on neither d nor P.

With y = x - mu_1: u is its component along mu_1, g the rest; u0 and h are those of the unguided twin on the same noise.
Across mu_1 the force is along g, so g and h matter only through |g|^2, g.h and |h|^2, and the noise through two
components in their plane and the squared length (chi-square, d - 3 degrees of freedom) of the rest. With
    ell = -(u^2 + G)/(2 D (1 + D)) + (2 u sqrt(d) + d)/(2(1 + D)) + (d/2) log(1 + 1/D) - log(P - 1), pi = sigmoid(ell),
(plus the log of the target's weight over that of another class)
the guided score is (b - y)/D, b = -w (1 - pi) (x/(1 + D) - mu_1).
"""

import math

import numpy as np

from meanfield.finite.sampling import Model
from meanfield.tools.compiling import compiled


@compiled()
def sigmoid(x):  # pragma: no cover - compiled
    """1/(1 + exp(-x)) without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


@compiled()
def log_odds(u, gg, D, root, constant):  # pragma: no cover - compiled
    """Log-odds of the target against the averaged rest; root = sqrt(d)."""
    return constant + (u * root - (u * u + gg) / (2.0 * D)) / (1.0 + D)


@compiled()
def bent(w, square, D, d, power):  # pragma: no cover - compiled
    """The weight w r^power that acts where |D (s_c - s_u)|^2 = square, r = |s_c - s_u|/sqrt(d); w if power is 0."""
    if power == 0.0:
        return w
    return w * (math.sqrt(square / d) / D) ** power if square > 0.0 else 0.0


@compiled()
def ratio_weight(u, gg, D, n, root, ratio):  # pragma: no cover - compiled
    """The weight beta r/(1 - beta r) of a sample, at most w_max (inf: no minimiser there)."""
    rest = math.exp(min(-log_odds(u, gg, D, root, ratio.constant[n]), 700.0))
    lost = ratio.beta * (ratio.share + (1.0 - ratio.share) * rest)  # beta r
    return min(lost / (1.0 - lost), ratio.w_max) if lost < 1.0 else ratio.w_max


@compiled()
def force(u, gg, D, w, root, constant, power):  # pragma: no cover - compiled
    """b along mu_1, the factor k of b = k g across it, and -k (1 + D)/w: 1 - pi_1, bent."""
    share = sigmoid(-log_odds(u, gg, D, root, constant)) / (1.0 + D)
    share *= bent(1.0, share * share * ((u - D * root) ** 2 + gg), D, root * root, power)
    k = -w * share
    return k * (u - D * root), k, share * (1.0 + D)  # x/(1 + D) - mu_1 = (y - D mu_1)/(1 + D)


@compiled()
def start(rng, law, d):  # pragma: no cover - compiled
    """(u, u0, |g|^2, g.h, |h|^2) of a sample and of its twin on the same normals."""
    m, v, m0, v0, _ = law
    along, across, root = rng.standard_normal(), rng.chisquare(d - 1), math.sqrt(d)
    u = (m - 1.0) * root + math.sqrt(v) * along
    u0 = (m0 - 1.0) * root + math.sqrt(v0) * along
    return u, u0, v * across, math.sqrt(v * v0) * across, v0 * across


@compiled(inline="always")
def step(rng, s, n, grid, d, root, constant):  # pragma: no cover - compiled
    """One exponential Heun step from grid.D[n] to grid.D[n + 1], and N of it (`meanfield.tools.resolution`)."""
    u, u0, gg, gh, hh = s
    keep, phi, size = grid.decay[n], grid.phi[n], grid.noise[n]
    along = first = second = rest = 0.0
    if size > 0.0:
        along, first, second = (
            size * rng.standard_normal(),
            size * rng.standard_normal(),
            size * rng.standard_normal(),
        )
        rest = size * size * rng.chisquare(d - 3)
    square = first * first + second * second + rest  # |noise across|^2
    g = math.sqrt(gg)
    h1 = gh / g if g > 0.0 else 0.0  # h in the basis (g/|g|, and the rest of h)
    h2 = math.sqrt(max(hh - h1 * h1, 0.0))
    w0, w1 = grid.w_start[n], grid.w_end[n]
    if grid.ratio.beta > 0.0:
        w0 = ratio_weight(u, gg, grid.D[n], n, root, grid.ratio)
    b0, k0, pull = force(u, gg, grid.D[n], w0, root, constant[n], grid.power)
    u1 = keep * u + (1.0 - keep) * b0 + along
    scale = keep + (1.0 - keep) * k0  # predictor: g -> scale g + noise
    gg1 = max(scale * scale * gg + 2.0 * scale * g * first + square, 0.0)
    if grid.ratio.beta > 0.0:
        w1 = ratio_weight(u1, gg1, grid.D[n + 1], n + 1, root, grid.ratio)
        pull *= w0 / grid.w_start[n]
    b1, k1, _ = force(u1, gg1, grid.D[n + 1], w1, root, constant[n + 1], grid.power)
    grow = 1.0 + phi * k1  # corrector: g -> grow (scale g + noise) - phi k0 g = a g + grow noise
    a = grow * scale - phi * k0
    gg1 = a * a * gg + 2.0 * a * grow * g * first + grow * grow * square
    gh1 = a * keep * gh + a * g * first + grow * (keep * (h1 * first + h2 * second) + square)
    hh1 = keep * keep * hh + 2.0 * keep * (h1 * first + h2 * second) + square
    after = u1 + phi * (b1 - b0), keep * u0 + along, max(gg1, 0.0), gh1, max(hh1, 0.0)
    return after, grid.strength[n] * pull


@compiled()
def observe(s, D, d, constant, log_rivals, out):  # pragma: no cover - compiled
    """Add the observables of one sample, in the order of `sampling.NAMES`, to out (observables,)."""
    u, u0, gg, _gh, hh = s
    root = math.sqrt(d)
    m = 1.0 + u / root
    ell = log_odds(u, gg, D, root, constant)
    weight, accuracy, participation = 0.0, 0.0, math.nan
    if ell == math.inf:
        weight, accuracy, participation, ell = 1.0, 1.0, 1.0, math.nan
    elif ell == -math.inf:
        ell = math.nan
    else:
        weight, accuracy = sigmoid(ell), 1.0 if ell > 0.0 else 0.0
        own, rest = 2.0 * log_sigmoid(ell), 2.0 * log_sigmoid(-ell) - log_rivals
        top = max(own, rest)
        participation = math.exp(min(-top - math.log(math.exp(own - top) + math.exp(rest - top)), 700.0))
    out[0] += m
    out[1] += gg / (d - 1)
    out[2] += m * m + gg / d
    out[3] += 1.0 + u0 / root
    out[4] += hh / (d - 1)
    out[5] += weight
    out[6] += ell
    out[7] += participation
    out[8] += accuracy


@compiled()
def log_sigmoid(x):  # pragma: no cover - compiled
    """log(1/(1 + exp(-x))) without overflow or cancellation."""
    return -math.log1p(math.exp(-x)) if x > 0.0 else x - math.log1p(math.exp(x))


@compiled()
def fill(rng, n_samples, model: Model, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times); returns the sum of their N^2."""
    d, grid, constant = model.d, model.grid, model.constant
    column, root, squares = np.empty(out.shape[0]), math.sqrt(d), 0.0
    for _ in range(n_samples):
        s, largest = start(rng, model.law, d), 0.0
        for n in range(len(grid.D)):
            if grid.slot[n] >= 0:
                column[:] = 0.0
                observe(s, grid.D[n], d, constant[n], model.rivals.log_count, column)
                out[:, grid.slot[n]] += column
            if n < len(grid.decay):
                s, number = step(rng, s, n, grid, d, root, constant)
                largest = max(largest, number)
        squares += largest * largest
    return squares
