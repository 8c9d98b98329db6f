"""The step of `simulate.steps.stepping.advance` in place, in two compiled passes over a batch with the score between
them.

With few classes a step is a handful of products, and what it costs is memory: written in NumPy it takes some twenty
passes over arrays (samples, dim), most of them fresh ones. Here every number is read and written twice. `held` (the
shift, then the predicted force b^, then the shift again), `before` (b_- of the last step) and y are the whole state:

* `_predict`, with the symbols of `simulate.steps.integrators`:
      b = -w p,   b^ = b + rho (b - b_-),   y <- r^e y + c_0 b + c_1 (b^ - b) + noise,   held <- b^,   before <- b;
* `_correct`, from the sums Z = sum_k exp(l_k - top), S = sum_k delta_k exp(l_k - top) of the score at y, with a = S/Z:
      u = -f psi (w x a + b^)   with f and x of `simulate.steps.answering`,   y <- y + u,
      a' = a + u/(1 + D),   log-odds' = log-odds - (u/D).(a + a')/2,   held <- (1 - pi_1') a'       (`moved`).

Each sample is computed by itself, so its numbers do not depend on the batch. `advance` is the plain twin of this module
and serves what is not for here: weights that depend on the sample, and scores that give no sums.
"""

from typing import Any

import numpy as np

from meanfield.tools.compiling import compiled, inner
from simulate.scores.posterior import Posterior, Sums, odds_of, split
from simulate.steps.answering import solved
from simulate.steps.inplace_parts import SumScore, advance_by_parts
from simulate.steps.integrators import Step
from simulate.steps.parts import DECIDED
from simulate.steps.stepping import State

FAST = {"reassoc", "contract", "nsz"}


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
    each = np.empty((6, y.shape[1]))
    each[0], each[1], each[2], each[3] = step.decay, step.phi, step.ratio, step.psi
    each[4], each[5] = 1.0 / step.D_end, 1.0 / (1.0 + step.D_end)  # products are cheap, quotients are not
    _predict(y, held, before, noise, step.w_start, each)
    there = Posterior.empty(held)
    _correct(y, there, score.sums(y, step.D_end, full), step.w_end, each, step.resolved, step.answers, full)
    return State(y, there if step.resolved else None, before)


@compiled(fastmath=FAST)
def _predict(y, held, before, noise, w, each):  # pragma: no cover - compiled
    """All (samples, dim), but for the coefficients `each` (6, dim)."""
    decay, phi, ratio = each[0], each[1], each[2]
    for s in range(y.shape[0]):
        for j in range(y.shape[1]):
            b = -w * held[s, j]
            ahead = b + ratio[j] * (b - before[s, j])
            y[s, j] = decay[j] * y[s, j] + (1.0 - decay[j]) * b + phi[j] * (ahead - b) + noise[s, j]
            held[s, j] = ahead
            before[s, j] = b


@compiled(fastmath=FAST)
def _correct(y, there: Posterior, sums: Sums, w, each, move, answers, full):  # pragma: no cover - compiled
    """y (samples, dim); the coefficients `each` (6, dim); fills the posterior, whose shift is the predicted force."""
    held, log_odds, weight, participation, nearest, _, rest = there
    top, total, square, shift = sums
    psi, inverse_D, crowd = each[3], each[4], each[5]
    for s in range(y.shape[0]):
        some, odds = odds_of(top[s], total[s])
        nearest[s] = not some or top[s] < 0.0
        right, wrong = split(odds)
        inverse = 1.0 / total[s] if some else 1.0
        participation[s] = 1.0 / (right**2 + wrong**2 * square[s] * inverse**2) if full else np.nan
        share, force = 1.0, -w * wrong
        if answers and odds < DECIDED:
            share, force = _answer(shift[s], held[s], inverse, w, odds, wrong, each)
        change = 0.0  # u.(a + a')/D
        for j in range(y.shape[1]):
            mean = shift[s, j] * inverse
            u = share * psi[j] * (force * mean - held[s, j])
            y[s, j] += u
            later = mean + u * crowd[j]
            held[s, j] = later if move else mean
            change += u * inverse_D[j] * (mean + later)
        if move and some:
            odds -= 0.5 * change
            right, wrong = split(odds)
        for j in range(y.shape[1]):
            held[s, j] *= wrong
        log_odds[s] = odds if some else np.nan
        weight[s], rest[s] = right, wrong


@inner(fastmath=FAST, forceinline=True)
def _answer(shift, ahead, inverse, w, odds, wrong, each):  # pragma: no cover - compiled
    """f and -w x of `simulate.steps.answering` for one sample, of sums with this inverse of their total."""
    S1, S0, Q2, Q1, Q0 = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(each.shape[1]):  # shift may be wider
        own, other, part = each[3, j] * inverse * shift[j], each[3, j] * ahead[j], each[4, j] * each[5, j]
        S1 += own * inverse * shift[j] * each[4, j]
        S0 += own * ahead[j] * each[4, j]
        Q2 += own * own * part
        Q1 += own * other * part
        Q0 += other * other * part
    kappa = Q2 / S1 if S1 > 0.0 else 0.0
    x = solved(odds, wrong, w, S1, S0, Q2, Q1, Q0, kappa) if odds > -DECIDED else wrong
    return 1.0 / (1.0 + w * x * kappa), -w * x
