"""Compiled samples of the quenched model: the nearest wrong classes one by one, all others through their average.

A sample begins in the annealed model, while its own disorder cannot be felt. The hidden classes (all of them at first,
later those outside a ball around the sample) have a total weight whose relative variance is, for x independent of them,
    V = (P - 1) <exp(-|x - mu|^2/D) 1_outside> / Z^2       (sec. 7b of docs/theory.md),  Z the weight of all classes.
Guidance amplifies what they do: a force off by sqrt(V) moves x by w sqrt(V/(1 + D)) of its own width sqrt(D). The rule
is V (1 + w^2/(1 + D)) <= tolerance^2 at every step, with the smallest D of all groups of directions. Where it
breaks, a ball is drawn around the sample, just large enough to restore it with a factor 4 to spare. Classes that were
seen in earlier balls are kept, and come back when a later ball holds them. If P is small all classes are drawn at the
start, and nothing is averaged.

Populations of classes of unequal weights (`populations`, rows of log number and log-weight over the target's) have
balls of their own, each with its part of the tolerance: the few common classes that dominate first are farther away.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.finite import annealed
from meanfield.finite.ball import (
    Groups,
    Held,
    kernel,
    log_average,
    log_spread,
    smallest,
    squares,
)
from meanfield.finite.beginning import begun, start_all
from meanfield.finite.drawing import renewed
from meanfield.finite.posterior import bent, posterior, row_of
from meanfield.finite.sampling import CONSTANT, KEEP, NOISE, PHI, ROOT, SD, SIZE, W_START, Model
from meanfield.tools.compiling import compiled, inner

ROOM = 256  # classes that a sample has room for at first
SPARE = math.log(4.0)  # a fresh ball leaves a quarter of the variance that is allowed


class Rule(NamedTuple):
    """The tolerance; the most proposals of a ball, 0 where none is to be drawn; of each population (populations,) how
    many rivals are all drawn at the start, -1 where none is."""

    tolerance: float
    most: int
    n_all: np.ndarray


@inner()
def looked(rng, y, at, w, power, least, held, rule, populations, tries, shift):  # pragma: no cover - compiled
    """The posterior of a sample, from fresh balls where the tolerance asks for them; fills shift (d,), renews `held`.

    w, power : of the guidance (`annealed.bent`). least : what the rule takes |w| for at least.
    tries : balls of a population at most. The first is chosen by the average of classes that are then drawn; where few
        dominate that is far too much, and a larger ball is due: at the next of many small steps, or at once.

    Returns what `posterior` does; the weight that acts; the largest excess over the rule, a logarithm.
    """
    n_pop = len(held)
    excess, allowed, fresh = np.empty(n_pop), np.empty(n_pop), np.zeros(n_pop, np.bool_)
    seen_by = posterior(y, at, held, populations, shift)
    acting = bent(w, shift, at, power)
    if rule.most == 0:
        return seen_by, acting, -math.inf
    felt = max(abs(acting), least)
    limit = 2.0 * math.log(rule.tolerance) - math.log1p(felt * felt / (1.0 + smallest(at.D))) - math.log(n_pop)
    for k in range(n_pop):
        excess[k] = over(y, at, seen_by, held[k].near, limit, row_of(populations, k))
        allowed[k] = max(held[k].left + SPARE, 0.0)  # a ball that could not be large enough is not renewed at once
    for _ in range(tries):
        due = False
        for k in range(n_pop):
            fresh[k] = excess[k] > allowed[k]
            if fresh[k]:
                due = True
                drawn, rivals = held[k].drawn, row_of(populations, k)
                near, drawn = renewed(rng, y, at, seen_by[1], limit - SPARE, drawn, rivals, rule.most)
                held[k] = Held(near, drawn, held[k].left)
        if not due:
            break
        seen_by = posterior(y, at, held, populations, shift)
        for k in range(n_pop):
            excess[k] = over(y, at, seen_by, held[k].near, limit, row_of(populations, k))
            if fresh[k]:
                held[k], allowed[k] = Held(held[k].near, held[k].drawn, excess[k]), 0.0
        acting = bent(w, shift, at, power)
    largest = -math.inf
    for k in range(n_pop):
        largest = max(largest, excess[k])
    return seen_by, acting, largest


@compiled()
def looked_at_one(rng, y, at, w, power, least, held, rule, rivals, tries, shift):  # pragma: no cover - compiled
    """`looked` of a sample of one population, for callers outside: what is held now comes after the weight."""
    every, populations = [held], np.array([[rivals.log_count, rivals.log_weight]])
    seen_by, acting, excess = looked(rng, y, at, w, power, least, every, rule, populations, tries, shift)
    return seen_by, acting, every[0], excess


@inner()
def over(y, at, seen_by, near, limit, rivals):  # pragma: no cover - compiled
    """log V less its limit; -inf if no class is hidden."""
    if near.ball.rho2 == math.inf:
        return -math.inf
    return log_spread(y, at, seen_by[1], near.ball, rivals) - limit


@compiled(inline="always")
def explicit(rng, y, h, first, held, model, rule, out, about):  # pragma: no cover - compiled
    """Steps from grid.D[first] on with explicit classes; balls are renewed where the tolerance asks for it.

    `about` is that of `fill`.
    """
    d, grid, populations, n_pop = len(y), model.grid, model.populations, len(held)
    n_balls = np.zeros(n_pop, np.int64)
    b0, b1, column = np.empty(d), np.empty(d), np.empty(out.shape[0])
    following = Groups(model.sizes, grid.D[first])
    for n in range(first, len(grid.D)):
        at, last = following, n == len(grid.decay)
        w, w_end = (0.0, 0.0) if last else (grid.w_start[n], grid.w_end[n])
        seen_by, w, excess = looked(rng, y, at, w, model.power, 0.0, held, rule, populations, n_pop, b0)
        about[2] = max(about[2], excess)
        for k in range(n_pop):
            near, drawn, _ = held[k]
            if drawn.n_balls > n_balls[k]:
                n_balls[k] = drawn.n_balls
                about[0] += 1.0
                about[1] += len(near.half)
        if grid.slot[n] >= 0:
            observe(y, h, model.sizes, seen_by, column)
            annealed.add_to(column, out, grid.slot[n])
        if last:
            return
        number = grid.strength[n] * annealed.sigmoid(-seen_by[0])
        about[4] = max(about[4], bent(number, b0, at, model.power))
        predict(rng, y, h, w, b0, n, model.table, model.sizes)
        following = Groups(model.sizes, grid.D[n + 1])
        if w != 0.0 or w_end != 0.0:
            posterior(y, following, held, populations, b1)
            w_end = bent(w_end, b1, following, model.power)
            correct(y, w, b0, w_end, b1, n, model.table, model.sizes)


@kernel
def predict(rng, y, h, w, shift, n, table, sizes):  # pragma: no cover - compiled
    """The predictor of step n from y with b = -w shift, and the whole step of the twin h, on the same noise."""
    j = 0
    for g in range(len(sizes)):
        keep, size = table[n, g, KEEP], table[n, g, SD]
        for i in range(j, j + sizes[g]):
            noise = size * rng.standard_normal() if size > 0.0 else 0.0
            h[i] = keep * h[i] + noise
            y[i] = keep * y[i] - (1.0 - keep) * w * shift[i] + noise
        j += sizes[g]


@kernel
def correct(y, w, shift, w_end, shift_end, n, table, sizes):  # pragma: no cover - compiled
    """Add phi times the change of b = -w shift in step n to y."""
    j = 0
    for g in range(len(sizes)):
        phi = table[n, g, PHI]
        for i in range(j, j + sizes[g]):
            y[i] += phi * (w * shift[i] - w_end * shift_end[i])
        j += sizes[g]


@inner()
def observe(y, h, sizes, seen_by, column):  # pragma: no cover - compiled
    """Observables of one sample, in the order of `sampling.NAMES`."""
    log_odds, _, square, best = seen_by
    own, twin, j, n = squares(y, sizes), squares(h, sizes), 0, len(sizes)
    for g in range(n):
        d, along, along_twin = sizes[g], y[j], h[j]
        root = math.sqrt(d)
        column[g] = 1.0 + along / root
        column[n + g] = (own[g] - along * along) / (d - 1)
        column[2 * n + g] = (own[g] + 2.0 * root * along) / d + 1.0
        column[3 * n + g] = 1.0 + along_twin / root
        column[4 * n + g] = (twin[g] - along_twin * along_twin) / (d - 1)
        j += d
    column[5 * n] = annealed.sigmoid(log_odds)
    column[5 * n + 1] = log_odds
    column[5 * n + 2] = 1.0 / square
    column[5 * n + 3] = 1.0 if best < 0.0 else 0.0


@compiled()
def fill(rng, n_samples, model: Model, rule: Rule, out):  # pragma: no cover - compiled
    """Add up the observables of `n_samples` samples in out (observables, times).

    Returns the number of balls, of the classes in them, the largest excess, a logarithm, over the rule, the sum of N^2,
    and N of the last sample (`meanfield.tools.resolution`).
    """
    about, d = np.array([0.0, 0.0, -math.inf, 0.0, 0.0]), model.d
    y, h = np.empty(d), np.empty(d)
    for _ in range(n_samples):
        about[4] = 0.0
        given = False
        for n_all in rule.n_all:
            given = given or n_all >= 0
        first = np.int64(0)
        if given:
            y[:] = 0.0  # where a ball of no classes lies
        else:
            first = averaged(rng, y, h, model, rule, out, about)
        if first >= 0:
            held = [begun(rng, y, model.sizes, n_all, ROOM) for n_all in rule.n_all]
            if given:
                start_all(rng, model.law, held, model.populations, model.sizes, y, h)
            explicit(rng, y, h, first, held, model, rule, out, about)  # one call: each would be compiled for itself
        about[3] += about[4] * about[4]
    return about


@compiled(inline="always")
def averaged(rng, y, h, model, rule, out, about):  # pragma: no cover - compiled
    """Steps of the annealed model as long as the rule allows, from the start.

    Fills y and h (d,) with the sample and its twin where it no longer does, and returns the step; -1 at the end.
    """
    table, line, slot, n_groups = model.table, model.line, model.grid.slot, len(model.sizes)
    s, room, column = np.empty((n_groups, 5)), np.empty((n_groups, 10)), np.empty(out.shape[0])
    annealed.start(rng, model.law, model.sizes, s)
    for n in range(len(table)):
        ell, w = line[n, CONSTANT] + annealed.of_sample(s, n, table), line[n, W_START]
        if model.power != 0.0:
            w *= annealed.bend(annealed.sigmoid(-ell), s, n, table, model.power)
        spread = fluctuation(s, ell, table[n], model.rivals)
        if spread + math.log1p(w * w / (1.0 + smallest(table[n, :, NOISE]))) > 2.0 * math.log(rule.tolerance):
            spelt_out(s, model.sizes, y, h)
            return n
        if slot[n] >= 0:
            annealed.observe(s, ell, model.sizes, model.rivals.log_count, column)
            annealed.add_to(column, out, slot[n])
        if n < len(table) - 1:
            about[4] = max(about[4], annealed.step(rng, s, n, table, line, model.power, model.ratio, room))
    return -1


@kernel
def fluctuation(s, ell, now, rivals):  # pragma: no cover - compiled
    """log V of a sample of the annealed model, of log-odds ell, all of whose classes are hidden; `now` is the row of
    `Model.table`."""
    total = rivals.log_count + 2.0 * rivals.log_weight + 2.0 * annealed.log_sigmoid(ell)
    for g in range(len(s)):
        own, D, d = s[g, 0] * s[g, 0] + s[g, 2], now[g, NOISE], now[g, SIZE]
        total += log_average(own + 2.0 * now[g, ROOT] * s[g, 0] + d, 0.5 * D, d) + own / D
    return total


@inner()
def spelt_out(s, sizes, y, h):  # pragma: no cover - compiled
    """Fill y and h (d,) with a sample of the annealed model and its twin: of each group, at most three axes."""
    y[:], h[:], j = 0.0, 0.0, 0
    for g in range(len(sizes)):
        u, u0, gg, gh, hh = s[g]
        across = math.sqrt(gg)
        y[j], y[j + 1], h[j] = u, across, u0
        h[j + 1] = gh / across if across > 0.0 else 0.0  # beyond doubles where steps are far too long
        if sizes[g] > 2:
            h[j + 2] = math.sqrt(max(hh - h[j + 1] ** 2, 0.0))
        j += sizes[g]
