"""The step of `simulate.steps.parts` in place, as `simulate.steps.inplace` does the other: two compiled passes over a
batch with the score between them.

The state is y, the shifts p = (1 - pi_1) a at this time and the two before, and of each the log-odds L with
1/(1 - pi_1) = 1 + exp L. A pass first makes of a sample's log-odds, at both points of Gauss, one coefficient for each
shift,
    C_i = sum_g weight_g share_gi pi(-L_g)/pi(-L_i),     pi(L) = 1/(1 + exp(-L)),     int b dq = sum_i C_i p_i,
and then goes once through its directions. The shift moved to the corrected state is written over the oldest, which is
one variable with it: of two names for one array no compiler could make vector instructions.
"""

from typing import Any, Protocol

import numpy as np

from meanfield.tools.compiling import compiled
from simulate.scores.posterior import Posterior, Sums, odds_of, split
from simulate.scores.reference import Score
from simulate.steps.integrators import Step
from simulate.steps.parts import DECIDED, Parts
from simulate.steps.stepping import State

FAST = {"reassoc", "contract", "nsz"}


class SumScore(Score, Protocol):
    """A score that can also give its sums over the wrong classes, valid until the next call."""

    def sums(self, y: np.ndarray, D: Any, full: bool = False) -> Sums: ...


def past(shifts: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """`State.before` of a batch that has been nowhere: two values without a share, of shifts 0 (2, samples, dim)."""
    return tuple((np.zeros((2, len(shift))), shift) for shift in shifts)


def advance_by_parts(
    parts: Parts, state: State, posterior: Posterior, step: Step, score: SumScore, full: bool
) -> State:
    """The state one step later, as `simulate.steps.stepping.advance` gives it; it takes the arrays of `state`."""
    y, samples = state.y, len(state.y)
    now = L0, p0 = np.empty((2, samples)), posterior.shift
    (L1, p1), (L2, p2) = state.before if isinstance(state.before, tuple) else past(np.zeros((2, *y.shape)))
    before = np.empty((samples, 3))
    _predict(y, p0, p1, p2, posterior.log_odds, L0, L1, L2, step.decay, parts.weights, parts.ahead, before)
    log_odds, weight, participation = np.empty((3, samples))
    there = Posterior(p2, log_odds, weight, participation, np.empty(samples, bool))
    sums, D = score.sums(y, step.D_end, full), step.D_end
    _correct(y, p0, p1, L0, L1, L2, there, sums, D, parts.weights, parts.through, before, step.resolved, full)
    return State(y, there if step.resolved else None, (now, (L1, p1)))


@compiled(fastmath=FAST)
def _predict(y, p0, p1, p2, log_odds, L0, L1, L2, decay, weights, shares, before):  # pragma: no cover - compiled
    """y and the shifts (samples, dim), log-odds (samples,). L with 1 + exp L (2, samples): fills the newest, and the
    coefficients `before` (samples, 3)."""
    for s in range(y.shape[0]):
        L0[0, s] = np.inf if np.isnan(log_odds[s]) else log_odds[s]  # no rival counts
        L0[1, s] = 1.0 + np.exp(L0[0, s])
        c0, c1, c2 = 0.0, 0.0, 0.0
        if max(L0[0, s], L1[0, s], L2[0, s]) > DECIDED:
            c0 = weights[0] + weights[1]
        else:
            for g in range(2):
                odds = shares[g, 0] * L0[0, s] + shares[g, 1] * L1[0, s] + shares[g, 2] * L2[0, s]
                force = weights[g] / (1.0 + np.exp(odds))
                c0 += force * shares[g, 0]
                c1 += force * shares[g, 1]
                c2 += force * shares[g, 2]
            c0 *= L0[1, s]
            c1 *= L1[1, s]
            c2 *= L2[1, s]
        before[s, 0], before[s, 1], before[s, 2] = c0, c1, c2
        for j in range(y.shape[1]):
            y[s, j] = decay * y[s, j] + c0 * p0[s, j] + c1 * p1[s, j] + c2 * p2[s, j]


@compiled(fastmath=FAST)
def _correct(
    y, p0, p1, L0, L1, L2, there: Posterior, sums: Sums, D, weights, shares, before, move, full
):  # pragma: no cover - compiled  # fmt: skip
    """Corrects y and fills the posterior `there`, whose shift is the oldest one until then."""
    held, log_odds, weight, participation, nearest, _ = there
    top, total, square, shift = sums
    inverse_D, share = 1.0 / D, 1.0 / (1.0 + D)
    for s in range(y.shape[0]):
        some, odds = odds_of(top[s], total[s])
        nearest[s] = not some or top[s] < 0.0
        decided = max(L0[0, s], L1[0, s], L2[0, s]) > DECIDED or not some
        right, wrong = split(odds) if full or decided or not move else (0.0, 0.0)  # else from the odds moved, below
        inverse = 1.0 / total[s] if some else 1.0
        participation[s] = 1.0 / (right**2 + wrong**2 * square[s] * inverse**2) if full else np.nan
        c, c0, c1, c2 = 0.0, 0.0, 0.0, 0.0  # of a there, and of the shifts
        if decided:
            c = (weights[0] + weights[1]) * wrong
        else:
            for g in range(2):
                at = shares[g, 0] * odds + shares[g, 1] * L0[0, s] + shares[g, 2] * L1[0, s] + shares[g, 3] * L2[0, s]
                force = weights[g] / (1.0 + np.exp(at))
                c += force * shares[g, 0]
                c0 += force * shares[g, 1]
                c1 += force * shares[g, 2]
                c2 += force * shares[g, 3]
            c0 *= L0[1, s]
            c1 *= L1[1, s]
            c2 *= L2[1, s]
        c0, c1, c2 = c0 - before[s, 0], c1 - before[s, 1], c2 - before[s, 2]
        change = 0.0  # u.(a + a')/D
        for j in range(y.shape[1]):
            mean = shift[s, j] * inverse
            u = c * mean + c0 * p0[s, j] + c1 * p1[s, j] + c2 * held[s, j]
            y[s, j] += u
            later = mean + u * share
            held[s, j] = later if move else mean
            change += u * inverse_D * (mean + later)
        if move and some:
            odds -= 0.5 * change
            right, wrong = split(odds)
        for j in range(y.shape[1]):
            held[s, j] *= wrong
        log_odds[s] = odds if some else np.nan
        weight[s] = right
