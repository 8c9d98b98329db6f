"""The step of `simulate.steps.parts` in place, as `simulate.steps.inplace` does the other: two compiled passes over a
batch with the score between them.

The state is y, the shifts p = (1 - pi_1) a at this time and the two before, and of each the log-odds L with
1/(1 - pi_1) = 1 + exp L. A pass first makes of a sample's log-odds, at both points of Gauss, one coefficient for each
shift,
    C_i = sum_g weight_g share_gi pi(-L_g)/pi(-L_i),     pi(L) = 1/(1 + exp(-L)),     int b dq = sum_i C_i p_i,
and then goes once through its directions. It takes `TILE` samples at a time, for pi of all of them to be had at once
(`simulate.elementary`). The shift moved to the corrected state is written over the oldest, which is one variable
with it: of two names for one array no compiler could make vector instructions.
"""

from typing import Any, Protocol

import numpy as np

from meanfield.tools.compiling import compiled
from simulate.elementary import take_both, take_pi
from simulate.scores.posterior import TILE, Posterior, Sums, take_odds
from simulate.scores.reference import Score
from simulate.steps.integrators import Step
from simulate.steps.parts import DECIDED, Parts
from simulate.steps.stepping import State

FAST: dict[str, Any] = {"fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}  # 1/0 is inf: no branch


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
    odds, rest = posterior.log_odds, posterior.rest
    _predict(y, p0, p1, p2, odds, rest, L0, L1, L2, step.decay, parts.weights, parts.ahead, before)
    there = Posterior.empty(p2)
    sums, D = score.sums(y, step.D_end, full), step.D_end
    _correct(y, p0, p1, L0, L1, L2, there, sums, D, parts.weights, parts.through, before, full)
    return State(y, there if step.resolved else None, (now, (L1, p1)))


@compiled(**FAST)
def _predict(y, p0, p1, p2, log_odds, rest, L0, L1, L2, decay, weights, shares, before):  # pragma: no cover - compiled
    """y and the shifts (samples, dim), log-odds and 1 - pi_1 (samples,). L with 1 + exp L (2, samples): fills the
    newest, and the coefficients `before` (samples, 3)."""
    E = np.empty(2 * TILE)
    for first in range(0, len(y), TILE):
        size = min(TILE, len(y) - first)
        for i in range(size):
            s = first + i
            L0[0, s] = np.inf if np.isnan(log_odds[s]) else log_odds[s]  # no rival counts
            L0[1, s] = 1.0 / rest[s]
            for g in range(2):
                E[g * TILE + i] = shares[g, 0] * L0[0, s] + shares[g, 1] * L1[0, s] + shares[g, 2] * L2[0, s]
        take_pi(E)
        for i in range(size):
            s = first + i
            c0, c1, c2 = 0.0, 0.0, 0.0
            if max(L0[0, s], L1[0, s], L2[0, s]) > DECIDED:
                c0 = weights[0] + weights[1]
            else:
                for g in range(2):
                    force = weights[g] * E[g * TILE + i]
                    c0 += force * shares[g, 0]
                    c1 += force * shares[g, 1]
                    c2 += force * shares[g, 2]
                c0 *= L0[1, s]
                c1 *= L1[1, s]
                c2 *= L2[1, s]
            before[s, 0], before[s, 1], before[s, 2] = c0, c1, c2
            for j in range(y.shape[1]):
                y[s, j] = decay * y[s, j] + c0 * p0[s, j] + c1 * p1[s, j] + c2 * p2[s, j]


@compiled(**FAST)
def _correct(
    y, p0, p1, L0, L1, L2, there: Posterior, sums: Sums, D, weights, shares, before, full
):  # pragma: no cover - compiled  # fmt: skip
    """Corrects y and fills the posterior `there`, whose shift is the oldest one until then."""
    held, log_odds, weight, participation, nearest, _, rest = there
    top, total, square, shift = sums
    inverse_D, share = 1.0 / D, 1.0 / (1.0 + D)
    E = np.empty(3 * TILE)
    for first in range(0, len(y), TILE):
        size = min(TILE, len(y) - first)
        take_odds(top, total, first, E[:size])
        for i in range(size):
            s, odds = first + i, E[i]
            for g in range(2):
                at = shares[g, 0] * odds + shares[g, 1] * L0[0, s] + shares[g, 2] * L1[0, s] + shares[g, 3] * L2[0, s]
                E[g * TILE + i] = at
            log_odds[s] = E[2 * TILE + i] = odds
        take_pi(E)
        for i in range(size):
            s, some, wrong = first + i, total[first + i] > 0.0, E[2 * TILE + i]
            odds, inverse = log_odds[s], 1.0 / total[s] if some else 1.0
            nearest[s] = not some or top[s] < 0.0
            participation[s] = 1.0 / ((1.0 - wrong) ** 2 + wrong**2 * square[s] * inverse**2) if full else np.nan
            c, c0, c1, c2 = 0.0, 0.0, 0.0, 0.0  # of a there, and of the shifts
            if max(L0[0, s], L1[0, s], L2[0, s]) > DECIDED or not some:
                c = (weights[0] + weights[1]) * wrong
            else:
                for g in range(2):
                    force = weights[g] * E[g * TILE + i]
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
                held[s, j] = later
                change += u * inverse_D * (mean + later)
            E[i] = log_odds[s] = odds - 0.5 * change
        take_both(E[:TILE], E[TILE : 2 * TILE])
        for i in range(size):
            s = first + i
            rest[s], weight[s] = E[i], E[TILE + i]
            if not total[s] > 0.0:
                log_odds[s] = np.nan
            for j in range(y.shape[1]):
                held[s, j] *= E[i]
