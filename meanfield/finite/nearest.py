"""Compiled samples of the quenched model: the nearest wrong classes one by one, all others through their average.

A sample begins in the annealed model, while its own disorder cannot be felt. The hidden classes (all of them at first,
later those outside a ball around the sample) have a total weight whose relative variance is, for x independent of them,
    V = (P - 1) <exp(-|x - mu|^2/D) 1_outside> / Z^2       (sec. 7b of docs/theory.md),  Z the weight of all classes.
Guidance amplifies what they do: a force off by sqrt(V) moves x by w sqrt(V/(1 + D)) of its own width sqrt(D). The rule
is V (1 + w^2/(1 + D)) <= tolerance^2 at every step. Where it breaks, a ball is drawn around the sample, just large
enough to restore it with a factor 4 to spare. Classes that were seen in earlier balls are kept, and come back when a
later ball holds them. If P is small all classes are drawn at the start, and nothing is averaged.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.finite import annealed
from meanfield.finite.ball import (
    Ball,
    Drawn,
    Near,
    inner_product,
    log_average,
    log_hidden,
    log_spread,
    outside,
    renewed,
    split,
)
from meanfield.finite.sampling import Model
from meanfield.tools.compiling import compiled

SPARE = math.log(4.0)  # a fresh ball leaves a quarter of the variance that is allowed


class Held(NamedTuple):
    """What a sample knows of its disorder: the classes near it, all that are drawn, and the excess over the rule, a
    logarithm, that its ball left when it was new."""

    near: Near
    drawn: Drawn
    left: float


class Rule(NamedTuple):
    """The tolerance; the most proposals of a ball; how many rivals are all drawn at the start, -1 where none is."""

    tolerance: float
    most: int
    n_all: int


@compiled()
def posterior(y, D, near, rivals, shift):  # pragma: no cover - compiled
    """Fill shift (d,) with sum_k pi_k (mu_k - mu_1); returns log-odds, log Z, sum_k pi_k^2 and the best wrong logit.

    Logits are relative to the target.
    """
    ball, act, half = near
    d, root = len(y), math.sqrt(len(y))
    n_act, best, weights = len(half), -math.inf, np.empty(len(half))
    for k in range(n_act):
        weights[k] = (inner_product(act[k], y) - half[k]) / D + rivals.log_weight
        best = max(best, weights[k])
    hidden, x = -math.inf, y.copy()
    x[0] += root
    if ball.rho2 < math.inf:
        hidden = log_hidden(y, x, D, 1.0, ball, rivals)
        best = max(best, hidden)
    top, wrong, square = max(best, 0.0), 0.0, 0.0
    shift[:] = 0.0
    for k in range(n_act):
        if weights[k] > top - 40.0:
            p = math.exp(weights[k] - top)
            wrong += p
            square += p * p
            for i in range(d):
                shift[i] += p * act[k, i]
    if hidden > top - 40.0:
        p = math.exp(hidden - top)
        wrong += p
        square += math.exp(min(log_hidden(y, x, D, 2.0, ball, rivals) - 2.0 * top, 0.0))
        share = math.exp(outside(x, ball.centre, ball.rho2, D, d + 2) - outside(x, ball.centre, ball.rho2, D, d))
        for i in range(d):
            shift[i] += p * ((1.0 - share) * ball.centre[i] + share * x[i] / (1.0 + D))
        shift[0] -= p * root
    own = math.exp(-top)
    total = own + wrong
    shift /= total
    log_odds = -top - math.log(wrong) if wrong > 0.0 else -best  # far behind the target: the best of them
    return log_odds, top + math.log(total), (own * own + square) / (total * total), best


@compiled()
def looked(rng, y, D, w, power, least, held, rule, rivals, tries, shift):  # pragma: no cover - compiled
    """The posterior of a sample, from a fresh ball where the tolerance asks for one; fills shift (d,).

    w, power : of the guidance (`annealed.bent`). least : what the rule takes |w| for at least.
    tries : balls at most. The first is chosen by the average of classes that are then drawn; where few dominate that is
        far too much, and a larger ball is due: at the next of many small steps, or at once.

    Returns what `posterior` does; the weight that acts; what is held now; the excess over the rule, a logarithm.
    """
    (near, drawn, best_left), d = held, len(y)
    seen_by = posterior(y, D, near, rivals, shift)
    acting = annealed.bent(w, np.dot(shift, shift), D, d, power)
    felt = max(abs(acting), least)
    limit = 2.0 * math.log(rule.tolerance) - math.log1p(felt * felt / (1.0 + D))
    excess = over(y, D, seen_by, near, limit, rivals)
    allowed = max(best_left + SPARE, 0.0)  # a ball that could not be large enough is not renewed at once
    for _ in range(tries):
        if excess <= allowed:
            break
        near, drawn = renewed(rng, y, D, seen_by[1], limit - SPARE, drawn, rivals, rule.most)
        seen_by = posterior(y, D, near, rivals, shift)
        excess = over(y, D, seen_by, near, limit, rivals)
        best_left, allowed = excess, 0.0
        acting = annealed.bent(w, np.dot(shift, shift), D, d, power)
    return seen_by, acting, Held(near, drawn, best_left), excess


@compiled()
def over(y, D, seen_by, near, limit, rivals):  # pragma: no cover - compiled
    """log V less its limit; -inf if no class is hidden."""
    if near.ball.rho2 == math.inf:
        return -math.inf
    return log_spread(y, D, seen_by[1], near.ball, rivals) - limit


@compiled()
def explicit(rng, y, h, first, near, model, rule, out, about):  # pragma: no cover - compiled
    """Steps from grid.D[first] on with explicit classes; the ball is renewed where the tolerance asks for it.

    `about` is that of `fill`.
    """
    d, grid, rivals = len(y), model.grid, model.rivals
    held = Held(near, Drawn(np.empty((256, d)), 0, np.empty((8, d + 1)), 0), -math.inf)
    b0, b1, noise, column = np.empty(d), np.empty(d), np.zeros(d), np.empty(out.shape[0])
    for n in range(first, len(grid.D)):
        D, last = grid.D[n], n == len(grid.decay)
        w, w_end = (0.0, 0.0) if last else (grid.w_start[n], grid.w_end[n])
        n_balls = held.drawn.n_balls
        seen_by, w, held, excess = looked(rng, y, D, w, grid.power, 0.0, held, rule, rivals, 1, b0)
        near = held.near
        about[2] = max(about[2], excess)
        if held.drawn.n_balls > n_balls:
            about[0] += 1.0
            about[1] += len(near.half)
        if grid.slot[n] >= 0:
            observe(y, h, seen_by, column)
            out[:, grid.slot[n]] += column
        if last:
            return
        number = grid.strength[n] * annealed.sigmoid(-seen_by[0])
        about[4] = max(about[4], annealed.bent(number, np.dot(b0, b0), D, d, grid.power))
        keep, phi, size = grid.decay[n], grid.phi[n], grid.noise[n]
        for i in range(d):
            noise[i] = size * rng.standard_normal() if size > 0.0 else 0.0
            h[i] = keep * h[i] + noise[i]
            b0[i] *= -w
            y[i] = keep * y[i] + (1.0 - keep) * b0[i] + noise[i]
        if w != 0.0 or w_end != 0.0:
            posterior(y, grid.D[n + 1], near, rivals, b1)
            w_end = annealed.bent(w_end, np.dot(b1, b1), grid.D[n + 1], d, grid.power)
            for i in range(d):
                y[i] += phi * (-w_end * b1[i] - b0[i])


@compiled()
def observe(y, h, seen_by, column):  # pragma: no cover - compiled
    """Observables of one sample, in the order of `sampling.NAMES`."""
    log_odds, _, squares, best = seen_by
    d, root = len(y), math.sqrt(len(y))
    q, own = split(y, root)
    _, twin = split(h, root)
    column[0] = 1.0 + y[0] / root
    column[1] = (own - y[0] * y[0]) / (d - 1)
    column[2] = q / d
    column[3] = 1.0 + h[0] / root
    column[4] = (twin - h[0] * h[0]) / (d - 1)
    column[5] = annealed.sigmoid(log_odds)
    column[6] = log_odds
    column[7] = 1.0 / squares
    column[8] = 1.0 if best < 0.0 else 0.0


@compiled()
def start_all(rng, law, act, log_weight, y, h):  # pragma: no cover - compiled
    """Start of a sample whose P classes are all explicit; law = (m, v, m0, v0, w).

    From T = infinity the posterior mean to first order in 1/D is <delta> + C y/D, C the covariance of these P means:
    y = (m - 1) mu_1 - (w/P) sum_{k != 1} mu_k + sqrt(D) z + (sqrt(v) - sqrt(D)) C z; the twin is sqrt(D) z. The target
    counts as many times as it outweighs another class.
    """
    d, root = len(y), math.sqrt(len(y))
    m, v, m0, v0, w = law
    z = np.empty(d)
    for i in range(d):
        z[i] = rng.standard_normal()
    y[:], h[:] = math.sqrt(v0) * z, math.sqrt(v0) * z
    y[0] += (m - 1.0) * root
    h[0] += (m0 - 1.0) * root
    if v == v0 and w == 0.0:
        return
    count, mean, spread = len(act) + math.exp(-log_weight), np.zeros(d), np.zeros(d)
    for k in range(len(act)):
        along = 0.0
        for i in range(d):
            mean[i] += act[k, i] / count
            along += act[k, i] * z[i]
        for i in range(d):
            spread[i] += along * act[k, i] / count
    along = 0.0
    for i in range(d):
        along += mean[i] * z[i]
    for i in range(d):
        y[i] += (math.sqrt(v) - math.sqrt(v0)) * (spread[i] - mean[i] * along) - w * mean[i]
    y[0] -= w * len(act) / count * root  # sum mu_k = sum delta_k + (P - 1) mu_1


@compiled()
def fill(rng, n_samples, model: Model, rule: Rule, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times).

    Returns the number of balls, of the classes in them, the largest excess, a logarithm, over the rule, the sum of N^2,
    and N of the last sample (`meanfield.tools.resolution`).
    """
    d, about = model.d, np.array([0.0, 0.0, -math.inf, 0.0, 0.0])
    y, h = np.empty(d), np.empty(d)
    for _ in range(n_samples):
        about[4] = 0.0
        if rule.n_all >= 0:
            near = all_classes(rng, d, rule.n_all)
            start_all(rng, model.law, near.delta, model.rivals.log_weight, y, h)
            explicit(rng, y, h, 0, near, model, rule, out, about)
        else:
            first = averaged(rng, y, h, model, rule, out, about)
            if first >= 0:
                none = Near(Ball(y.copy(), 0.0), np.empty((0, d)), np.empty(0))
                explicit(rng, y, h, first, none, model, rule, out, about)
        about[3] += about[4] * about[4]
    return about


@compiled()
def all_classes(rng, d, n_all):  # pragma: no cover - compiled
    """All rivals of a sample, drawn at the start: none is hidden."""
    delta, half, root = np.empty((n_all, d)), np.zeros(n_all), math.sqrt(d)
    for k in range(n_all):
        for i in range(d):
            delta[k, i] = rng.standard_normal() - (root if i == 0 else 0.0)
            half[k] += 0.5 * delta[k, i] ** 2
    return Near(Ball(np.zeros(d), math.inf), delta, half)


@compiled()
def averaged(rng, y, h, model, rule, out, about):  # pragma: no cover - compiled
    """Steps of the annealed model as long as the rule allows, from the start.

    Fills y and h (d,) with the sample and its twin where it no longer does, and returns the step; -1 at the end.
    """
    d, grid, constant, rivals = model.d, model.grid, model.constant, model.rivals
    root, column, squared = math.sqrt(d), np.empty(out.shape[0]), rivals.log_count + 2.0 * rivals.log_weight
    s = annealed.start(rng, model.law, d)
    for n in range(len(grid.D)):
        D, w = grid.D[n], grid.w_start[min(n, len(grid.w_start) - 1)]
        own = s[0] * s[0] + s[2]
        if grid.power != 0.0:
            b, k, _ = annealed.force(s[0], s[2], D, 1.0, root, constant[n], 0.0)
            w = annealed.bent(w, b * b + k * k * s[2], D, d, grid.power)
        square = own + 2.0 * root * s[0] + d
        log_norm = -annealed.log_sigmoid(annealed.log_odds(s[0], s[2], D, root, constant[n]))
        spread = squared + log_average(square, 0.5 * D, d) + own / D - 2.0 * log_norm
        if spread + math.log1p(w * w / (1.0 + D)) > 2.0 * math.log(rule.tolerance):
            y[:], h[:] = 0.0, 0.0
            y[0], y[1], h[0], h[1] = s[0], math.sqrt(s[2]), s[1], s[3] / math.sqrt(s[2])
            h[2] = math.sqrt(max(s[4] - h[1] * h[1], 0.0))
            return n
        if grid.slot[n] >= 0:
            column[:] = 0.0
            annealed.observe(s, D, d, constant[n], rivals.log_count, column)
            out[:, grid.slot[n]] += column
        if n < len(grid.decay):
            s, number = annealed.step(rng, s, n, grid, d, root, constant)
            about[4] = max(about[4], number)
    return -1
