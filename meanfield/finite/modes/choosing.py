"""Compiled samples of a tree of modes at finite d, (M6) to (M8) of docs/modes.md: the nearest modes one by one.

The modes of the target's superclass are a Poisson process about its centre A, as wrong classes are about 0: in units of
tau^(1/2), where a mode is N(A; 0, I) and the noise D/tau, they are the classes of `meanfield.finite.nearest`. A sample
y is seen from the target mode A + B_1 (label 2), or from a point as far from A where no mode lies (label 1). Axis 0 is
along B_1, axis 1 along A. All other superclasses are their average density N(0, (1 + D) I).

With b the mean of B - B_1 by the weights of the modes, pi that of the superclass, and own = 1 (label 1) or 0 (label 2),
    s_w = (F - y)/D,   F = own b + w [(own - pi) b + (1 - pi) (x D/(1 + D) - y)].
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.finite.annealed import log_sigmoid, sigmoid
from meanfield.finite.ball import Groups, inner_product, kernel
from meanfield.finite.beginning import begun
from meanfield.finite.nearest import ROOM, Rule, looked_at_one
from meanfield.finite.posterior import posterior
from meanfield.finite.sampling import Grid
from meanfield.problem.growth import Rivals
from meanfield.tools.compiling import compiled

NAMES = ("m", "v", "q", "weight", "log_odds", "participation", "accuracy", "m_B", "v_B", "within")
LIGHT = 1e4  # log-weight of a mode over that of the point from which samples are seen where no mode lies


class Model(NamedTuple):
    """What the compiled code knows of a tree at dimension d.

    own : 1.0 if the class is a superclass, 0.0 if it is a mode. tau : variance of the modes. reach : |A|/tau^(1/2).
    log_others : log of the number of all modes of other superclasses. modes : those of the superclass, without the
    target mode. spread : standard deviation of the start N(0, v_T I) over tau^(1/2).
    """

    sizes: np.ndarray
    own: float
    tau: float
    reach: float
    log_others: float
    modes: Rivals
    spread: float
    grid: Grid


@kernel
def square_of_x(y, model):  # pragma: no cover - compiled
    """|x|^2/tau of a sample y."""
    d = len(y)
    return inner_product(y, y) + 2.0 * (math.sqrt(d) * y[0] + model.reach * y[1]) + d + model.reach**2


@kernel
def lead(y, D, log_norm, model):  # pragma: no cover - compiled
    """Log-odds of the superclass against all others; log_norm: of all its modes over the target mode (`posterior`)."""
    own = log_norm - model.modes.log_weight - 0.5 * model.tau * inner_product(y, y) / D
    return own + 0.5 * len(y) * math.log1p(1.0 / D) + 0.5 * model.tau * square_of_x(y, model) / (1.0 + D) - model.log_others


@kernel
def fill_force(y, D, w, pi, model, b):  # pragma: no cover - compiled
    """b (d,), the mean of B - B_1, becomes F."""
    shrink, of_b, of_rest = D / (1.0 + D), model.own + w * (model.own - pi), w * (1.0 - pi)
    for i in range(len(y)):
        b[i] = of_b * b[i] + of_rest * (shrink - 1.0) * y[i]
    b[0] += of_rest * shrink * math.sqrt(len(y))
    b[1] += of_rest * shrink * model.reach


@compiled()
def walk(rng, y, held, model, rule, out, about):  # pragma: no cover - compiled
    """One sample y (d,) from the start to t = 0; adds its observables to out; `about` as in `fill`."""
    grid, d, rivals = model.grid, len(y), model.modes
    F, after, column = np.empty(d), np.empty(d), np.empty(out.shape[0])
    populations, n_balls, largest = np.array([[rivals.log_count, rivals.log_weight]]), 0, 0.0
    for n in range(len(grid.t)):
        D, last = grid.D[n, 0], n == len(grid.decay)
        at, w = Groups(model.sizes, grid.D[n] / model.tau), 0.0 if last else grid.w_start[n]
        seen_by, _, held, excess = looked_at_one(rng, y, at, w, 0.0, 0.0, held, rule, rivals, 1, F)
        about[2] = max(about[2], excess)
        if held.drawn.n_balls > n_balls:
            n_balls = held.drawn.n_balls
            about[0] += 1.0
            about[1] += len(held.near.half)
        odds = lead(y, D, seen_by[1], model)
        if grid.slot[n] >= 0:
            observe(y, odds, seen_by, held.near, model, column)
            out[:, grid.slot[n]] += column
        if last:
            break
        pi = sigmoid(odds)
        largest = max(largest, grid.strength[n] * (1.0 - pi))
        fill_force(y, D, w, pi, model, F)
        keep, size = grid.decay[n, 0], grid.noise[n, 0] / math.sqrt(model.tau)
        for i in range(d):
            noise = size * rng.standard_normal() if size > 0.0 else 0.0
            y[i] = keep * y[i] + (1.0 - keep) * F[i] + noise
        D = grid.D[n + 1, 0]
        seen_by = posterior(y, Groups(model.sizes, grid.D[n + 1] / model.tau), [held], populations, after)
        fill_force(y, D, grid.w_end[n], sigmoid(lead(y, D, seen_by[1], model)), model, after)
        for i in range(d):
            y[i] += grid.phi[n, 0] * (after[i] - F[i])
    about[3] += largest * largest


@compiled()
def observe(y, odds, seen_by, near, model, column):  # pragma: no cover - compiled
    """Observables of one sample, in the order of `NAMES`; those of its mode are nan while it sees none."""
    d, tau, reach, root = len(y), model.tau, model.reach, math.sqrt(len(y))
    square, A2 = tau * square_of_x(y, model), tau * model.reach**2
    m, length = 1.0 + y[1] / reach, A2
    if model.own == 0.0:  # about A + B_1, whose square is d
        m, length = (A2 + tau * d + tau * (root * y[0] + reach * y[1])) / d, float(d)
        share = -seen_by[1] + log_sigmoid(odds)  # log of the weight of the mode
        odds = share - math.log(max(-math.expm1(share), 1e-300))
    column[0], column[1], column[2] = m, (square - m * m * length) / (d - 1), square / d
    column[3], column[4], column[5], column[6] = sigmoid(odds), odds, 1.0 / seen_by[2], 1.0 if odds > 0.0 else 0.0
    best, least = -1, inner_product(y, y) if model.own == 0.0 else math.inf
    for k in range(len(near.half)):
        distance = inner_product(y, y) - 2.0 * inner_product(near.delta[k], y) + 2.0 * near.half[k].sum()
        if distance < least:
            best, least = k, distance
    column[7:] = math.nan
    if least < math.inf:
        along, across = (near.delta[best, 1], near.delta[best, 0]) if best >= 0 else (0.0, 0.0)
        own = 2.0 * near.half[best].sum() if best >= 0 else 0.0
        m_B = along / reach
        column[7], column[8] = m_B, (tau * (own + 2.0 * root * across + d) - m_B * m_B * A2) / (d - 1)
        column[9] = tau * least / d


@compiled()
def fill(rng, n_samples, model: Model, rule: Rule, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times).

    Returns the number of balls, of the modes in them, the largest excess, a logarithm, over the rule, the sum of N^2.
    """
    about, d = np.array([0.0, 0.0, -math.inf, 0.0]), model.sizes[0]
    y = np.empty(d)
    for _ in range(n_samples):
        for i in range(d):
            y[i] = model.spread * rng.standard_normal()
        y[0] -= math.sqrt(d)
        y[1] -= model.reach
        walk(rng, y, begun(rng, y, model.sizes, rule.n_all[0], ROOM), model, rule, out, about)
    return about
