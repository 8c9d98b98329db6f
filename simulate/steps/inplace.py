"""The step of `simulate.steps.stepping.advance` in place, in two compiled passes over a batch with the score between
them.

With few classes a step is a handful of products, and what it costs is memory: written in NumPy it takes some twenty
passes over arrays (samples, dim), most of them fresh ones. Here every number is written twice. `held` (the shift, then
the predicted force b^, then the shift again), `before` (b_- of the last step) and y are the whole state:

* `_predict`, with the symbols of `simulate.steps.integrators`:
      b = -w p,   b^ = b + rho (b - b_-),   y <- r^e y + c_0 b + c_1 (b^ - b) + noise,   held <- b^,   before <- b;
* `_correct`, from the sums Z = sum_k exp(l_k - top), S = sum_k delta_k exp(l_k - top) of the score at y, with a = S/Z:
      u = -f psi (w x a + b^),   y <- y + u,   held <- (1 - pi_1') (a + u/(1 + D))       (`moved`),
  with f, x and the log-odds at y + u of a tile of samples (`simulate.steps.tiles`), which are had first.

Each sample is computed by itself, so its numbers do not depend on the batch. `advance` is the plain twin of this module
and serves what is not for here: weights that depend on the sample, and scores that give no sums.
"""

import math
from typing import Any

import numpy as np

from meanfield.tools.compiling import compiled
from simulate.elementary import take_pi
from simulate.scores.posterior import Posterior, Sums, take_odds
from simulate.steps.inplace_parts import FAST, SumScore, advance_by_parts
from simulate.steps.integrators import Step
from simulate.steps.stepping import State
from simulate.steps.tiles import LANES, ODDS, REST, ROWS, WEIGHT, F, L, X, set_sums, solve

WIDE = 128  # numbers of a row, at most, where several samples make one


def advance_in_place(state: State, D: Any, noise: np.ndarray, step: Step, score: SumScore, full: bool = False) -> State:
    """The state one step later, as `simulate.steps.stepping.advance` gives it for weights that are the same for all
    samples.

    The arrays of `state` are overwritten and belong to the result. noise (samples, dim).

    Examples
    --------
    >>> from meanfield import Fixed, Problem
    >>> from simulate.steps.integrators import make_steps
    >>> from simulate.scores.fast import FastScore
    >>> from simulate.scores.mixture import draw_direct
    >>> from simulate.steps.guidance_force import make_pull
    >>> from simulate.steps.stepping import advance
    >>> problem = Problem(classes=Fixed(50), sigma2=0.25, guidance=1.0, t_start=5.0)
    >>> steps = make_steps(problem, np.array([5.0, 4.0]))
    >>> score = FastScore(draw_direct(8, 50, seed=0, draw=0), samples=3)
    >>> y, noise, D = np.ones((3, 8)), np.zeros((3, 8)), steps.variance(0)
    >>> plain = advance(State(y), D, noise, steps.step(0), score, make_pull(problem, 8, 50))
    >>> swift = advance_in_place(State(y.copy()), D, noise, steps.step(0), score)
    >>> bool(np.allclose(swift.y, plain.y)), bool(np.allclose(swift.posterior.shift, plain.posterior.shift))
    (True, True)
    """
    y = state.y
    if step.w_start == 0.0 and step.w_end == 0.0:
        y *= step.decay
        y += noise
        return State(y)
    posterior = state.posterior or score(y, D)
    if step.parts is not None:
        return advance_by_parts(step.parts, state, posterior, step, score, full)
    held = posterior.shift
    before = state.before if isinstance(state.before, np.ndarray) else np.zeros_like(y)
    samples, dim = y.shape
    several = _abreast(samples, dim) if all(x.flags.c_contiguous for x in (y, held, before)) else 1
    line, answer = np.empty((3, several, dim)), np.empty((4, dim))
    line[0], line[1], line[2] = step.decay, step.phi, step.ratio
    rows = (x.reshape(samples // several, several * dim) for x in (y, held, before, noise))  # views
    _predict(*rows, step.w_start, line.reshape(3, -1))
    psi, crowd = step.psi, 1.0 / (1.0 + step.D_end)  # products are cheap, quotients are not
    answer[0], answer[1], answer[2], answer[3] = psi, crowd, psi / step.D_end, psi * psi * crowd / step.D_end
    there = Posterior.empty(held)
    _correct(y, there, score.sums(y, step.D_end, full), step.w_end, answer, step.answers, full)
    return State(y, there if step.resolved else None, before)


def _abreast(samples: int, dim: int) -> int:
    """How many samples make one row of `_predict`: rows of few directions leave nothing to vector instructions.

    Examples
    --------
    >>> _abreast(1024, 2), _abreast(1000, 3), _abreast(7, 3), _abreast(1024, 100)
    (64, 8, 1, 1)
    """
    return math.gcd(samples, 1 << max(WIDE // dim, 1).bit_length() - 1)


@compiled(**FAST)
def _predict(y, held, before, noise, w, each):  # pragma: no cover - compiled
    """All (rows, numbers), but for the coefficients `each` (3, numbers)."""
    decay, phi, ratio = each[0], each[1], each[2]
    for s in range(y.shape[0]):
        for j in range(y.shape[1]):
            b = -w * held[s, j]
            ahead = b + ratio[j] * (b - before[s, j])
            y[s, j] = decay[j] * y[s, j] + (1.0 - decay[j]) * b + phi[j] * (ahead - b) + noise[s, j]
            held[s, j] = ahead
            before[s, j] = b


@compiled(**FAST)
def _correct(y, there: Posterior, sums: Sums, w, each, answers, full):  # pragma: no cover - compiled
    """y (samples, dim); the coefficients `each` (4, dim); fills the posterior, whose shift is the predicted force."""
    held, log_odds, weight, participation, nearest, _, rest = there
    top, total, square, shift = sums
    psi, crowd, one, two = each[0], each[1], each[2], each[3]
    t = np.zeros(ROWS * LANES)
    for first in range(0, len(y), LANES):
        size = min(LANES, len(y) - first)
        take_odds(top, total, first, t[L : L + size])
        for i in range(LANES):
            t[X + i] = t[L + i]
        take_pi(t[X : X + LANES])
        for i in range(size):
            s, wrong, some = first + i, t[X + i], total[first + i] > 0.0
            inverse = 1.0 / total[s] if some else 1.0
            nearest[s] = not some or top[s] < 0.0
            participation[s] = 1.0 / ((1.0 - wrong) ** 2 + wrong**2 * square[s] * inverse**2) if full else np.nan
            set_sums(t, i, shift[s], held[s], inverse, one, two, answers)
        solve(t, w)
        for i in range(size):
            s, some = first + i, total[first + i] > 0.0
            inverse = 1.0 / total[s] if some else 1.0
            log_odds[s], weight[s], rest[s] = t[ODDS + i] if some else np.nan, t[WEIGHT + i], t[REST + i]
            share, force, wrong = t[F + i], -w * t[X + i], t[REST + i]
            for j in range(y.shape[1]):
                mean = shift[s, j] * inverse
                u = share * psi[j] * (force * mean - held[s, j])
                y[s, j] += u
                held[s, j] = wrong * (mean + u * crowd[j])
