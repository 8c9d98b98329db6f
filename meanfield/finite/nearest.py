"""Compiled samples of the quenched model: the nearest wrong classes one by one, all others through their average.

A sample begins in the annealed model, while its own disorder cannot be felt. The hidden classes (all of them at first,
later those outside a ball around the sample) have a total weight whose relative variance is, for x independent of them,
    V = (P - 1) <exp(-|x - mu|^2/D) 1_outside> / Z^2       (sec. 7b of docs/theory.md),  Z the weight of all classes.
Guidance amplifies what they do: a force off by sqrt(V) moves x by w sqrt(V/(1 + D)) of its own width sqrt(D). The rule
is V (1 + w^2/(1 + D)) <= tolerance^2 at every step. Where it breaks, a ball is drawn around the sample, just large
enough to restore it with a factor 4 to spare. Classes that were seen in earlier balls are kept, and come back when a
later ball holds them. If P is small all classes are drawn at the start, and nothing is averaged.

Populations of classes of unequal weights (`populations`, rows of log number and log-weight over the target's) have
balls of their own, each with its part of the tolerance: the few common classes that dominate first are farther away.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.finite import annealed
from meanfield.finite.ball import (
    Held,
    inner_product,
    log_average,
    log_hidden,
    log_spread,
    outside,
    renewed,
    split,
)
from meanfield.finite.beginning import begun, start_all
from meanfield.finite.sampling import Model
from meanfield.problem.growth import Rivals
from meanfield.tools.compiling import compiled

SPARE = math.log(4.0)  # a fresh ball leaves a quarter of the variance that is allowed


class Rule(NamedTuple):
    """The tolerance; the most proposals of a ball; of each population (populations,) how many rivals are all drawn at
    the start, -1 where none is."""

    tolerance: float
    most: int
    n_all: np.ndarray


@compiled()
def row_of(populations, k):  # pragma: no cover - compiled
    """The rivals of population k."""
    return Rivals(populations[k, 0], populations[k, 1])


@compiled()
def posterior(y, D, held, populations, shift):  # pragma: no cover - compiled
    """Fill shift (d,) with sum_k pi_k (mu_k - mu_1); returns log-odds, log Z, sum_k pi_k^2 and the best wrong logit.

    Logits are relative to the target. `held` is a list over the populations.
    """
    d, root, n_pop, n_act = len(y), math.sqrt(len(y)), len(held), 0
    for k in range(n_pop):
        n_act += len(held[k].near.half)
    best, weights, hidden, j = -math.inf, np.empty(n_act), np.full(n_pop, -math.inf), 0
    for k in range(n_pop):
        near = held[k].near
        for i in range(len(near.half)):
            weights[j] = (inner_product(near.delta[i], y) - near.half[i]) / D + populations[k, 1]
            best = max(best, weights[j])
            j += 1
    x = y.copy()
    x[0] += root
    for k in range(n_pop):
        if held[k].near.ball.rho2 < math.inf:
            hidden[k] = log_hidden(y, x, D, 1.0, held[k].near.ball, row_of(populations, k))
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
            square += math.exp(min(log_hidden(y, x, D, 2.0, ball, row_of(populations, k)) - 2.0 * top, 0.0))
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
def looked(rng, y, D, w, power, least, held, rule, populations, tries, shift):  # pragma: no cover - compiled
    """The posterior of a sample, from fresh balls where the tolerance asks for them; fills shift (d,), renews `held`.

    w, power : of the guidance (`annealed.bent`). least : what the rule takes |w| for at least.
    tries : balls of a population at most. The first is chosen by the average of classes that are then drawn; where few
        dominate that is far too much, and a larger ball is due: at the next of many small steps, or at once.

    Returns what `posterior` does; the weight that acts; the largest excess over the rule, a logarithm.
    """
    d, n_pop = len(y), len(held)
    excess, allowed, fresh = np.empty(n_pop), np.empty(n_pop), np.zeros(n_pop, np.bool_)
    seen_by = posterior(y, D, held, populations, shift)
    acting = annealed.bent(w, np.dot(shift, shift), D, d, power)
    felt = max(abs(acting), least)
    limit = 2.0 * math.log(rule.tolerance) - math.log1p(felt * felt / (1.0 + D)) - math.log(n_pop)
    for k in range(n_pop):
        excess[k] = over(y, D, seen_by, held[k].near, limit, row_of(populations, k))
        allowed[k] = max(held[k].left + SPARE, 0.0)  # a ball that could not be large enough is not renewed at once
    for _ in range(tries):
        if np.all(excess <= allowed):
            break
        for k in range(n_pop):
            fresh[k] = excess[k] > allowed[k]
            if fresh[k]:
                drawn, rivals = held[k].drawn, row_of(populations, k)
                near, drawn = renewed(rng, y, D, seen_by[1], limit - SPARE, drawn, rivals, rule.most)
                held[k] = Held(near, drawn, held[k].left)
        seen_by = posterior(y, D, held, populations, shift)
        for k in range(n_pop):
            excess[k] = over(y, D, seen_by, held[k].near, limit, row_of(populations, k))
            if fresh[k]:
                held[k], allowed[k] = Held(held[k].near, held[k].drawn, excess[k]), 0.0
        acting = annealed.bent(w, np.dot(shift, shift), D, d, power)
    return seen_by, acting, excess.max()


@compiled()
def looked_at_one(rng, y, D, w, power, least, held, rule, rivals, tries, shift):  # pragma: no cover - compiled
    """`looked` of a sample of one population, for callers outside: what is held now comes after the weight."""
    every, populations = [held], np.array([[rivals.log_count, rivals.log_weight]])
    seen_by, acting, excess = looked(rng, y, D, w, power, least, every, rule, populations, tries, shift)
    return seen_by, acting, every[0], excess


@compiled()
def over(y, D, seen_by, near, limit, rivals):  # pragma: no cover - compiled
    """log V less its limit; -inf if no class is hidden."""
    if near.ball.rho2 == math.inf:
        return -math.inf
    return log_spread(y, D, seen_by[1], near.ball, rivals) - limit


@compiled()
def explicit(rng, y, h, first, held, model, rule, out, about):  # pragma: no cover - compiled
    """Steps from grid.D[first] on with explicit classes; balls are renewed where the tolerance asks for it.

    `about` is that of `fill`.
    """
    d, grid, populations, n_pop = len(y), model.grid, model.populations, len(held)
    n_balls = np.zeros(n_pop, np.int64)
    b0, b1, noise, column = np.empty(d), np.empty(d), np.zeros(d), np.empty(out.shape[0])
    for n in range(first, len(grid.D)):
        D, last = grid.D[n], n == len(grid.decay)
        w, w_end = (0.0, 0.0) if last else (grid.w_start[n], grid.w_end[n])
        seen_by, w, excess = looked(rng, y, D, w, grid.power, 0.0, held, rule, populations, n_pop, b0)
        about[2] = max(about[2], excess)
        for k in range(n_pop):
            if held[k].drawn.n_balls > n_balls[k]:
                n_balls[k] = held[k].drawn.n_balls
                about[0] += 1.0
                about[1] += len(held[k].near.half)
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
            posterior(y, grid.D[n + 1], held, populations, b1)
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
def fill(rng, n_samples, model: Model, rule: Rule, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times).

    Returns the number of balls, of the classes in them, the largest excess, a logarithm, over the rule, the sum of N^2,
    and N of the last sample (`meanfield.tools.resolution`).
    """
    d, about = model.d, np.array([0.0, 0.0, -math.inf, 0.0, 0.0])
    y, h = np.empty(d), np.empty(d)
    for _ in range(n_samples):
        about[4] = 0.0
        if np.any(rule.n_all >= 0):
            held = [begun(rng, y, n_all) for n_all in rule.n_all]
            start_all(rng, model.law, held, model.populations, y, h)
            explicit(rng, y, h, 0, held, model, rule, out, about)
        else:
            first = averaged(rng, y, h, model, rule, out, about)
            if first >= 0:
                held = [begun(rng, y, n_all) for n_all in rule.n_all]
                explicit(rng, y, h, first, held, model, rule, out, about)
        about[3] += about[4] * about[4]
    return about


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
