"""Compiled samples of a tree of modes at finite d, both levels by their nearest: (M17), (M18) of docs/modes-finite.md.

The modes of the target's superclass are a Poisson process about its centre A, as wrong classes are about 0: in units of
tau^(1/2), with the noise D/tau, they are the classes of `meanfield.finite.nearest`. A sample y is seen from the target
mode A + B_1 (label 2), or from a point as far from A where no mode lies (label 1). The other superclasses, each a crowd
N(A_a, (tau + D) I), are those classes too, in units of rho^(1/2) with the noise (tau + D)/rho, seen from A. Axis 0 is
along B_1, axis 1 along A.

With b and a the means of B - B_1 in the superclass, and of A_a - A among the others, by the weights, pi the weight of
the superclass, and own = 1 (label 1) or 0 (label 2),
    s_w = (F - y)/D,   F = own b + w [(own - pi) b + (1 - pi) ((x - A - a) D/(tau + D) - y)].
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.finite.annealed import add_to, log_sigmoid, sigmoid
from meanfield.finite.ball import Groups, inner_product
from meanfield.finite.beginning import begun
from meanfield.finite.nearest import ROOM, Rule, looked
from meanfield.finite.sampling import Grid
from meanfield.tools.compiling import compiled, inner

NAMES = ("m", "v", "q", "weight", "log_odds", "participation", "accuracy", "m_B", "v_B", "within")
LIGHT = 1e4  # log-weight of a mode over that of the point from which samples are seen where no mode lies


class Model(NamedTuple):
    """What the compiled code knows of a tree at dimension d.

    own : 1.0 if the class is a superclass, 0.0 if it is a mode. tau, rho : variances of both levels. log_modes : log of
    the number of modes of a superclass. modes, others : of the superclass, its modes without the target mode; and the
    other superclasses; populations of one row (log of their number, and of their weight over the target's). spread :
    standard deviation of the start N(0, v_T I).
    """

    sizes: np.ndarray
    own: float
    tau: float
    rho: float
    log_modes: float
    modes: np.ndarray
    others: np.ndarray
    spread: float
    grid: Grid


class Sight(NamedTuple):
    """What a sample sees: log-odds of its superclass; of its modes log Z over the target mode and the sum of squared
    weights (`posterior`); the excess over the rule, a logarithm."""

    log_odds: float
    log_norm: float
    square: float
    excess: float


@inner()
def look(rng, y, D, w, modes, others, model, rule, F, room):  # pragma: no cover - compiled
    """Fill F (d,) at the noise D and the weight w; room (2, d) is to work in. Returns what the sample sees.

    modes, others : what it holds of both levels, each a list of one.
    """
    d, tau, rho, root = len(y), model.tau, model.rho, math.sqrt(len(y))
    wide, scale, z, a = tau + D, math.sqrt(tau / rho), room[0], room[1]
    within = Groups(model.sizes, np.array([D / tau]))
    near, _, excess = looked(rng, y, within, w, 0.0, 0.0, modes, rule, model.modes, len(modes), F)
    for i in range(d):
        z[i] = scale * y[i]
    z[1], z[0] = scale * (y[0] + root), scale * y[1]  # here the first axis is along A
    among = Groups(model.sizes, np.array([wide / rho]))
    rest, _, more = looked(rng, z, among, w, 0.0, 0.0, others, rule, model.others, len(others), a)
    alone = (1.0 + math.exp(min(rest[0], 500.0))) / scale
    for i in range(d):
        a[i] *= alone  # their mean alone
    a[0], a[1] = a[1], a[0]
    crowd = model.log_modes + model.modes[0, 1] - 0.5 * rho * inner_product(z, z) / wide
    crowd -= 0.5 * d * math.log(wide / D)
    odds = rest[0] + near[1] - 0.5 * tau * inner_product(y, y) / D - crowd  # the superclass over its own average
    pi, shrink = sigmoid(odds), D / wide
    of_b, of_rest = model.own + w * (model.own - pi), w * (1.0 - pi)
    for i in range(d):
        F[i] = of_b * F[i] + of_rest * (shrink * (y[i] - a[i]) - y[i])
    F[0] += of_rest * shrink * root
    return Sight(odds, near[1], near[2], max(excess, more))


@compiled(inline="always")
def walk(rng, y, modes, others, model, rule, out, about):  # pragma: no cover - compiled
    """One sample y (d,) from the start to t = 0; adds its observables to out; `about` as in `fill`."""
    grid, d, largest, n_balls = model.grid, len(y), 0.0, 0
    F, after, room, column = np.empty(d), np.empty(d), np.empty((2, d)), np.empty(out.shape[0])
    still = Rule(rule.tolerance, 0, rule.n_all)  # draws no ball
    for n in range(len(grid.t)):
        last = n == len(grid.decay)
        w = 0.0 if last else grid.w_start[n]
        seen = look(rng, y, grid.D[n, 0], w, modes, others, model, rule, F, room)
        about[2] = max(about[2], seen.excess)
        near, drawn, _ = modes[0]
        if drawn.n_balls > n_balls:
            n_balls = drawn.n_balls
            about[0] += 1.0
            about[1] += len(near.half)
        if grid.slot[n] >= 0:
            observe(y, seen, near, model, column)
            add_to(column, out, grid.slot[n])
        if last:
            break
        largest = max(largest, grid.strength[n] * sigmoid(-seen.log_odds))
        keep, size = grid.decay[n, 0], grid.noise[n, 0] / math.sqrt(model.tau)
        for i in range(d):
            noise = size * rng.standard_normal() if size > 0.0 else 0.0
            y[i] = keep * y[i] + (1.0 - keep) * F[i] + noise
        look(rng, y, grid.D[n + 1, 0], grid.w_end[n], modes, others, model, still, after, room)
        for i in range(d):
            y[i] += grid.phi[n, 0] * (after[i] - F[i])
    about[3] += largest * largest


@inner()
def observe(y, seen, near, model, column):  # pragma: no cover - compiled
    """Observables of one sample, in the order of `NAMES`; those of its mode are nan while it sees none."""
    d, tau, label, odds = len(y), model.tau, model.rho * len(y), seen.log_odds
    root, reach = math.sqrt(d), math.sqrt(model.rho * d / tau)
    own = inner_product(y, y)
    square = tau * (own + 2.0 * (root * y[0] + reach * y[1]) + d) + label  # |x|^2
    m, length = 1.0 + y[1] / reach, label
    if model.own == 0.0:  # about A + B_1, whose square is d
        m, length = 1.0 + tau * (root * y[0] + reach * y[1]) / d, float(d)
        share = -seen.log_norm + log_sigmoid(odds)  # log of the weight of the mode
        odds = share - math.log(max(-math.expm1(share), 1e-300))
    column[0], column[1], column[2] = m, (square - m * m * length) / (d - 1), square / d
    column[3], column[4], column[5], column[6] = sigmoid(odds), odds, 1.0 / seen.square, 1.0 if odds > 0.0 else 0.0
    best, least = -1, own if model.own == 0.0 else math.inf
    for k in range(len(near.half)):
        distance = own - 2.0 * inner_product(near.delta[k], y) + 2.0 * near.half[k, 0]
        if distance < least:
            best, least = k, distance
    column[7:] = math.nan
    if least == math.inf:
        return
    along = across = length = 0.0  # of B - B_1 along A and B_1, and its square
    if best >= 0:
        along, across, length = near.delta[best, 1], near.delta[best, 0], 2.0 * near.half[best, 0]
    column[7] = along / reach
    column[8] = tau * (length + 2.0 * root * across + d - along * along) / (d - 1)
    column[9] = tau * least / d


@compiled()
def fill(rng, n_samples, model: Model, rule: Rule, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times).

    Returns the number of balls of modes, of the modes in them, the largest excess, a logarithm, over the rule, the sum
    of N^2 (`meanfield.tools.resolution`).
    """
    about, d = np.array([0.0, 0.0, -math.inf, 0.0]), model.sizes[0]
    y, spread = np.empty(d), model.spread / math.sqrt(model.tau)
    for _ in range(n_samples):
        for i in range(d):
            y[i] = spread * rng.standard_normal()
        y[0] -= math.sqrt(d)
        y[1] -= math.sqrt(model.rho * d / model.tau)
        modes = [begun(rng, y, model.sizes, rule.n_all[0], ROOM)]
        others = [begun(rng, y, model.sizes, rule.n_all[1], ROOM)]
        walk(rng, y, modes, others, model, rule, out, about)
    return about
