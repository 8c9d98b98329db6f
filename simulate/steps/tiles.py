"""The correction of `simulate.steps.answering` for a tile of samples, which are the lanes of the vectors.

What is known of a sample are numbers: its log-odds, sums over directions, bounds. Each is a row of `LANES` samples, and
every line below the same operation on all of them, without a branch. An iteration of Newton's method then costs some
nanoseconds a sample, where `math.exp` for one sample after the other took as long as all the rest of a step. The rows
are parts of one array: of several names no compiler could make vector instructions.

A sample that is close stays where it is, while others of its tile go on: its numbers are those it would have alone.

Once f and x are known, so are the log-odds at the corrected state, by the equation that they solve, before a direction
is looked at: L' = L* - u.(a* + a')/(2 D) is its right-hand side.
"""

import numpy as np

from meanfield.tools.compiling import inner
from simulate.elementary import FAST, take_both, take_pi
from simulate.steps.answering import CLOSE, FAR, ITERATIONS, LEAST, terms
from simulate.steps.parts import DECIDED

LANES = 32  # samples: their states stay in the nearest cache from the sums to the correction
ROWS = 15
L, X, S1, S0, Q2, Q1, Q0, KAPPA = (np.uintp(n * LANES) for n in range(8))  # given: x at y*, then where it is solved for
F, ODDS, LOW, HIGH, MOVING, REST, WEIGHT = (np.uintp(n * LANES) for n in range(8, ROWS))


@inner(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy", forceinline=True)
def set_sums(t, i, shift, ahead, inverse, one, two, answers):  # pragma: no cover - compiled
    """Sums over directions of sample i, and whether there is anything to solve for.

    a = inverse shift and b^ (dim,), `shift` may be wider; one = psi/D, two = psi^2/(D (1 + D)), (dim,) each."""
    s1, s0, q2, q1, q0 = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(len(one)):
        mean = shift[j] * inverse
        own, both, other = mean * mean, mean * ahead[j], ahead[j] * ahead[j]
        s1 += one[j] * own
        s0 += one[j] * both
        q2 += two[j] * own
        q1 += two[j] * both
        q0 += two[j] * other
    t[S1 + i], t[S0 + i], t[Q2 + i], t[Q1 + i], t[Q0 + i] = s1, s0, q2, q1, q0
    answers = answers and t[L + i] < DECIDED
    t[KAPPA + i] = q2 / s1 if answers and s1 > 0.0 else 0.0
    t[MOVING + i] = 1.0 if answers and t[L + i] > -DECIDED else 0.0


@inner(**FAST, forceinline=True)
def solve(t, w):  # pragma: no cover - compiled
    """x and f of `simulate.steps.answering.answer`, and L, 1 - pi_1 and pi_1 at the corrected state."""
    for i in range(LANES):
        t[ODDS + i], t[LOW + i], t[HIGH + i] = t[L + i], t[L + i] - FAR, t[L + i] + FAR
    for _ in range(ITERATIONS):
        moving = 0
        for i in range(LANES):
            odds = t[ODDS + i]
            _, gain, slope = _terms(t, i, w)
            miss, slope = t[L + i] + gain - odds, min(slope, -LEAST)
            low = odds if miss > 0.0 else t[LOW + i]
            high = odds if miss < 0.0 else t[HIGH + i]
            new = odds - miss / slope
            new = 0.5 * (low + high) if (new < low) | (new > high) else new
            new = new if t[MOVING + i] > 0.0 else odds
            far = abs(new - odds) > CLOSE
            t[ODDS + i], t[X + i], t[LOW + i], t[HIGH + i], t[MOVING + i] = new, new, low, high, 1.0 if far else 0.0
            moving += far
        take_pi(t[X : X + LANES])
        if moving == 0:
            break
    for i in range(LANES):
        t[F + i], gain, _ = _terms(t, i, w)
        t[ODDS + i] = t[REST + i] = t[L + i] + gain
    take_both(t[REST : REST + LANES], t[WEIGHT : WEIGHT + LANES])


@inner(**FAST, forceinline=True)
def _terms(t, i, w):  # pragma: no cover - compiled
    return terms(t[X + i], w, t[S1 + i], t[S0 + i], t[Q2 + i], t[Q1 + i], t[Q0 + i], t[KAPPA + i])
