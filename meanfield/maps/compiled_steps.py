"""The equations of `theory.motion`, compiled: rates, exits and one step of a trajectory.

For maps of 10^4 to 10^6 problems: (T7), (T10), (T7c), (T7d), with a spectrum (S6)-(S9), in the same variables (tau =
-log(a + t), delta = m - 1, y = log(v/D)), by an embedded Runge-Kutta pair of order 5(4) (Dormand and Prince); the
moment of a change of phase is a root in the length of the step. `compiled_trajectory` follows whole trajectories with
it; tests hold it to `solve`.

Nothing is allocated here: a state is written into the array that the caller gives.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from meanfield.maps.compiled_energies import (
    ABOVE,
    DELTA,
    M_K,
    N_K,
    O_K,
    C,
    G,
    Y,
    advantage,
    advantage_rate,
    keeps,
    kernel,
    lead,
    look,
    shrink,
    weight,
)
from meanfield.theory.integration import WATCH

CROWD, GLASS, TARGET, CAPTURED, SLIDING = 0, 1, 2, 3, 4  # in the order of `bulk.PHASES`
RTOL, ATOL = 1e-10, 1e-13

# Dormand-Prince 5(4): when the stages are, what they are made of (the last is the new state), the difference of the two
# solutions
TIMES = np.array([0.0, 0.2, 0.3, 0.8, 8 / 9, 1.0, 1.0])
MADE = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.2, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0],
        [44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])


class Place(NamedTuple):
    """Where a trajectory is: its phase and time, the state (3, groups), and the overlaps n_k, o_k (2, groups)."""

    phase: int
    tau: float
    s: Any
    k: Any


class Work(NamedTuple):
    """Room for the numbers of one step: the rates at its stages (7, 3, groups), a view (4, groups)."""

    stages: Any
    seen: Any


@kernel
def rows_of(phase):  # pragma: no cover - compiled
    """How many rows of a state move."""
    return 3 if phase == CAPTURED else 2


@kernel
def rates(phase, tau, s, k, motion, view, out):  # pragma: no cover - compiled
    """d(delta, y, m_k)/dtau into out (3, groups)."""
    eta2, falling, w = motion.eta * motion.eta, math.exp(-tau), weight(motion, tau)
    e = 0.5 * (1.0 + eta2)
    if phase == GLASS or phase == SLIDING:
        shrink(look(tau, s, motion, view), motion, view)
    if phase == SLIDING:
        own = advantage_rate(tau, s, motion, 0.0, view)
        w *= own / (own - advantage_rate(tau, s, motion, w, view))
    for i in range(s.shape[1]):
        total, delta, y = motion.groups[ABOVE, i] + falling, s[DELTA, i], s[Y, i]
        clock = falling / total
        relax = eta2 * math.expm1(-y) if eta2 > 0.0 else 0.0
        if phase == CAPTURED:
            o_k, m_k = k[O_K, i], s[M_K, i]
            v = total / motion.groups[G, i] * math.exp(y)
            out[DELTA, i] = clock * e * (w * (1.0 - o_k) - delta)
            out[Y, i] = clock * (relax - 2.0 * e * w * (m_k - (1.0 + delta) * o_k) / v)
            out[M_K, i] = clock * e * ((1.0 + w) * o_k - m_k - w * k[N_K, i])
        else:
            c = motion.groups[G, i] / (motion.groups[G, i] + total) if phase == CROWD else view[C, i]
            out[DELTA, i] = clock * e * (w * (1.0 - c) - (1.0 + w * c) * delta)
            out[Y, i] = clock * (relax - 2.0 * e * w * c)


@kernel
def begin(at, motion, work):  # pragma: no cover - compiled
    """The rates at a place, from which `step` goes on."""
    rates(at.phase, at.tau, at.s, at.k, motion, work.seen, work.stages[0])


@kernel
def proceed(work):  # pragma: no cover - compiled
    """Begin where the last step went: its last stage is there."""
    for j in range(work.stages.shape[1]):
        for i in range(work.stages.shape[2]):
            work.stages[0, j, i] = work.stages[6, j, i]


@kernel
def step(at, h, motion, out, work):  # pragma: no cover - compiled
    """One Dormand-Prince step, after `begin` or `proceed`: the new state in out, and its error over the tolerance."""
    phase, tau, s, k = at
    f, groups, rows = work.stages, s.shape[1], rows_of(at.phase)
    for stage in range(1, 7):
        for j in range(rows):
            for i in range(groups):
                x = 0.0
                for n in range(stage):
                    x += MADE[stage, n] * f[n, j, i]
                out[j, i] = s[j, i] + h * x
        rates(phase, tau + TIMES[stage] * h, out, k, motion, work.seen, f[stage])
    worst = 0.0
    for j in range(rows):
        for i in range(groups):
            error = 0.0
            for n in range(7):
                error += ERROR[n] * f[n, j, i]
            if math.isnan(error):
                return math.nan
            worst = max(worst, abs(h * error) / (ATOL + RTOL * max(abs(s[j, i]), abs(out[j, i]))))
    return worst


@kernel
def speciated(at, tau, motion, out):  # pragma: no cover - compiled
    """(T10): the state at tau of a place in the target phase, into out, in the form that loses no digits."""
    eta2, now, then = motion.eta * motion.eta, math.exp(-at.tau), math.exp(-tau)
    for i in range(out.shape[1]):
        y, above = at.s[Y, i], motion.groups[ABOVE, i]
        fall = math.log((above + then) / (above + now)) if above > 0.0 else at.tau - tau
        out[DELTA, i] = at.s[DELTA, i] * math.exp(0.5 * (1.0 + eta2) * fall)
        if y > -1.0:
            y = math.log1p(math.expm1(y) * math.exp(eta2 * fall))
        elif eta2 > 0.0:
            y += math.log(math.exp(eta2 * fall) - math.expm1(eta2 * fall) * math.exp(-y))
        out[Y, i] = y


@kernel
def desertion(at, end, motion, spare, view):  # pragma: no cover - compiled
    """When the target loses the weight, looked for at a spacing of WATCH; `end` if it does not."""
    if keeps_all(motion) or motion.alpha == math.inf:
        return end
    n = 1 + math.ceil((end - at.tau) / WATCH)
    low, kept = at.tau, _keeps(at, at.tau, motion, spare, view)
    for i in range(1, n + 1):
        high = at.tau + (end - at.tau) * i / n
        still = _keeps(at, high, motion, spare, view)
        if kept and not still:
            for _ in range(60):
                middle = 0.5 * (low + high)
                if _keeps(at, middle, motion, spare, view):
                    low = middle
                else:
                    high = middle
            return high
        low, kept = high, still
    return end


@kernel
def keeps_all(motion):  # pragma: no cover - compiled
    """Whether the target, once it has the weight, is known to keep it: for one group, eta <= 1 and equal weights."""
    return motion.groups.shape[1] == 1 and motion.eta <= 1.0 and motion.prior == 0.0


@kernel
def _keeps(at, tau, motion, spare, view):  # pragma: no cover - compiled
    """Whether the target, which has the weight from `at` on, has it at tau too."""
    speciated(at, tau, motion, spare)
    return keeps(tau, spare, motion, view)


@kernel
def exits(at, motion, view):  # pragma: no cover - compiled
    """What turns positive where the phase ends: (speciation, change of crowd and glass or release, capture); for
    sliding (speciation, despeciation)."""
    phase, tau, s, k = at
    K = look(tau, s, motion, view)
    beta = shrink(K, motion, view)
    if phase == SLIDING:
        guided = advantage_rate(tau, s, motion, weight(motion, tau), view)
        return advantage_rate(tau, s, motion, 0.0, view), -guided, -math.inf
    F = advantage(beta, s, motion, view)
    if phase == CAPTURED:
        own = lead(tau, s, k, motion)
        return own, own - F, -math.inf
    if phase == CROWD:
        return F, K - motion.alpha, -math.inf
    return F, motion.alpha - K, capture_margin(tau, beta, motion)


@kernel
def capture_margin(tau, beta, motion):  # pragma: no cover - compiled
    """(T7c), (S8), positive where the dominating wrong class captures; -inf for w >= 0."""
    w, eta2 = weight(motion, tau), motion.eta * motion.eta
    return -math.inf if w >= 0.0 else -w * (1.0 + eta2) - eta2 * beta


@kernel
def first_exit(at, h, motion, before, after, spare, work):  # pragma: no cover - compiled
    """Which exit turns positive first within the step, and after how long; (-1, h) if none does."""
    which, width = -1, h
    for i in range(3):
        if before[i] <= 0.0 and after[i] > 0.0:
            found = _root(at, h, motion, i, before[i], after[i], spare, work)
            if which < 0 or found < width:
                which, width = i, found
    return which, width


@kernel
def _root(at, h, motion, i, below, beyond, spare, work):  # pragma: no cover - compiled
    """Length of the step at which exit i turns positive: false position (Illinois), every third time bisection."""
    low, high, side, small = 0.0, h, 0, 1e-14 * (beyond - below)
    for n in range(180):
        x = 0.5 * (low + high)
        if n % 3 < 2 and below < 0.0:
            x = low + (high - low) * below / (below - beyond)
        step(at, x, motion, spare, work)
        value = exits(Place(at.phase, at.tau + x, spare, at.k), motion, work.seen)[i]
        if abs(value) < small:
            return x
        if value > 0.0:
            high, beyond = x, value
            below *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            low, below = x, value
            beyond *= 0.5 if side < 0 else 1.0
            side = -1
        if high - low < 1e-15 * max(1.0, abs(at.tau)):
            break
    return high


@kernel
def negative(x):  # pragma: no cover - compiled
    """Exits after a change of phase or a step: rounding must not make them positive already."""
    return min(x[0], 0.0), min(x[1], 0.0), min(x[2], 0.0)
