"""Compiled trajectories of piecewise linear schedules: the rules of `theory.path` for every change of phase.

A schedule is a table of pieces: on (edges[i+1], edges[i]) in VE time, edges descending from the start to 0,
w(t) = w0[i] + omega[i] t. So constant, linear, interval, piecewise constant and tabulated schedules are exact. At an
edge the phase goes on and the rule of capture is asked again with the new weight, as in `solve`, which is the reference
and has everything else: alpha = 0, starts beyond speciation, schedules that are not piecewise linear.

A state that moves on is written into the array `spare`, which changes places with the old one.

What a trajectory remembers on its way, and what is known at its end, are the fields of a record (`bulk.RECORD`): the
argument `row`.
"""

import math

import numpy as np

from meanfield.maps.compiled_energies import (
    ABOVE,
    DELTA,
    M_K,
    N_K,
    O_K,
    SHARE,
    C,
    G,
    Motion,
    Q,
    Y,
    advantage,
    advantage_rate,
    crowd_advantage,
    kernel,
    lead,
    look,
    shrink,
    weight,
)
from meanfield.maps.compiled_steps import (
    CAPTURED,
    CROWD,
    GLASS,
    SLIDING,
    TARGET,
    Place,
    Work,
    begin,
    capture_margin,
    desertion,
    exits,
    first_exit,
    keeps_all,
    negative,
    proceed,
    speciated,
    step,
)
from meanfield.theory.path import EDGE
from meanfield.theory.phases import LONGEST_WAIT, MANY, REARM
from meanfield.tools.compiling import compiled

EXACT, ASYMPTOTIC, APPROXIMATE = 0, 1, 2  # in the order of `bulk.STANDINGS`
MAX_STEPS = 200_000
SMALLEST_STEP = 1e-13
AFTER = 1e-3  # first step after a change of phase


@compiled(error_model="numpy")
def follow_all(edges, w0, omega, groups, start, rows):  # pragma: no cover - compiled
    """`follow` for every row: edges (rows, pieces + 1), w0 and omega (rows, pieces), c, g and share of the groups
    (rows, 3, groups), m and v at the first edge (rows, 2, groups)."""
    n = groups.shape[2]
    work = Work(np.zeros((7, 3, n)), np.zeros((4, n)))
    first, spare, k, above = np.zeros((3, n)), np.zeros((3, n)), np.zeros((2, n)), np.zeros((3, n))
    for i in range(len(rows)):
        a = groups[i, ABOVE].min()
        for j in range(n):
            above[ABOVE, j], above[G, j], above[SHARE, j] = (
                groups[i, ABOVE, j] - a,
                groups[i, G, j],
                groups[i, SHARE, j],
            )
            first[DELTA, j] = start[i, 0, j] - 1.0
            first[Y, j] = math.log(start[i, 1, j] / ((groups[i, ABOVE, j] + edges[i, 0]) / groups[i, G, j]))
        motion = Motion(rows[i].alpha, rows[i].prior, a, above, rows[i].eta, 0.0, 0.0)
        at = Place(CROWD, -math.log(a + edges[i, 0]), first, k)
        _follow(edges[i], w0[i], omega[i], at, motion, spare, work, rows[i])


@kernel
def _follow(edges, w0, omega, at, motion, spare, work, row):  # pragma: no cover - compiled
    """One trajectory, from `at` at t = edges[0]; `row.done` stays False if it must be left to `solve`."""
    F, excess, _ = exits(at, motion, work.seen)
    if excess > 0.0 or F >= 0.0:
        return
    row.standing, row.margin, row.wait, h = EXACT, 1.0, REARM, 0.01
    for i in range(len(w0)):
        end = -math.log(motion.a + edges[i + 1])
        if end > at.tau:
            motion = Motion(motion.alpha, motion.prior, motion.a, motion.groups, motion.eta, w0[i], omega[i])
            row.again = -math.inf
            if i > 0:
                at = _restart(at, motion, work.seen, row)
            at, spare, h = _piece(at, end, motion, max(h, 1e-3 * (end - at.tau)), spare, work, row)
            if at.tau < end:
                return
    _conclude(at, motion, work.seen, row)


@kernel
def _conclude(at, motion, view, row):  # pragma: no cover - compiled
    """What the state at t = 0 says: m and v over all directions, in original coordinates."""
    s, groups = at.s, motion.groups
    signal, shift, noise, ratio = 0.0, 0.0, 0.0, 0.0
    for i in range(s.shape[1]):
        strength, width = groups[SHARE, i] * groups[G, i], groups[SHARE, i] * (groups[ABOVE, i] + motion.a)
        signal, shift = signal + strength, shift + strength * s[DELTA, i]
        noise, ratio = noise + width, ratio + width * math.exp(s[Y, i])
    row.done, row.last, row.shift, row.ratio = True, at.phase, shift / signal, ratio / noise
    K = look(at.tau, s, motion, view)
    if at.phase == CAPTURED:
        row.separation = lead(at.tau, s, at.k, motion)
    elif motion.alpha == math.inf:
        row.separation = crowd_advantage(s, motion, view)
    else:
        row.separation = advantage(shrink(K, motion, view), s, motion, view)
    if not math.isnan(row.t_capture):
        row.standing = APPROXIMATE
    if row.standing == APPROXIMATE:
        row.margin = 0.0


@kernel
def _piece(at, end, motion, h, spare, work, row):  # pragma: no cover - compiled
    """Through the phases of one piece: the place, the state that is free, and the step at its end; an earlier place if
    that failed."""
    before, waiting, fresh, view = negative(exits(at, motion, work.seen)), False, True, work.seen
    for _ in range(MAX_STEPS):
        row.passed[at.phase] = 1
        if at.tau >= end:
            break
        if at.phase == TARGET:
            tau = desertion(at, end, motion, spare, view)
            speciated(at, tau, motion, spare)
            at, spare = Place(at.phase, tau, spare, at.k), at.s
            if tau < end:
                at, fresh = _deserted(at, motion, view, row), True
                before, h = negative(exits(at, motion, view)), AFTER
            continue
        if waiting and at.tau >= row.again:
            waiting = False
            if at.phase == GLASS:
                at, fresh = _rest(True, at, motion, view, row), True
                h = AFTER if at.phase == CAPTURED else h
            before = negative(exits(at, motion, view))
            continue
        h = min(h, end - at.tau, row.again - at.tau if waiting else math.inf)
        if fresh:
            begin(at, motion, work)
            fresh = False
        error = step(at, h, motion, spare, work)
        if not error <= 1.0:
            h *= max(0.2, 0.9 * error**-0.2) if error < math.inf else 0.1
            if h < SMALLEST_STEP:
                break
            continue
        after = exits(Place(at.phase, at.tau + h, spare, at.k), motion, view)
        if waiting:
            after = (after[0], after[1], -math.inf)
        passed = (before[0] <= 0.0 < after[0]) or (before[1] <= 0.0 < after[1]) or (before[2] <= 0.0 < after[2])
        which, width = first_exit(at, h, motion, before, after, spare, work) if passed else (-1, h)
        _label(at, at.tau + width, before[1], before[1] if passed else after[1], motion, row)
        if not passed:
            at, spare = Place(at.phase, end if h >= end - at.tau else at.tau + h, spare, at.k), at.s
            before = negative(after)
            proceed(work)
            h *= min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
            continue
        step(at, width, motion, spare, work)
        at, spare, fresh = Place(at.phase, at.tau + width, spare, at.k), at.s, True
        if at.phase == CAPTURED and which == 1:
            waiting = _released(at.tau, row)
        at = _leave(at, which, motion, view, row)
        before, h = negative(exits(at, motion, view)), AFTER
    return at, spare, h


# -- changes of phase, as in `path` -----------------------------------------------------------------------------------


@kernel
def _leave(at, which, motion, view, row):  # pragma: no cover - compiled
    """Into the phase that follows exit number `which`."""
    if which == 0:
        resting = at.phase == CROWD or at.phase == GLASS
        if resting and not keeps_all(motion) and _advantage_rate(at, 0.0, motion, view) < 0.0:
            return Place(SLIDING, at.tau, at.s, at.k)
        row.t_speciation = _time(at, motion)
        return Place(TARGET, at.tau, at.s, at.k)
    if at.phase == CROWD and math.isnan(row.t_condensation):
        row.t_condensation = _time(at, motion)
    glass = at.phase == CROWD or which == 2
    if at.phase == CAPTURED or at.phase == SLIDING:
        glass = _condensed(at, motion, view)
    return _rest(glass, at, motion, view, row)


@kernel
def _rest(glass, at, motion, view, row):  # pragma: no cover - compiled
    """The rest has the weight: crowd, glass, or a class of the ground state that captures here (T7c)."""
    if not glass:
        return Place(CROWD, at.tau, at.s, at.k)
    beta = shrink(look(at.tau, at.s, motion, view), motion, view)
    if at.tau < row.again or capture_margin(at.tau, beta, motion) < 0.0:
        return Place(GLASS, at.tau, at.s, at.k)
    if math.isnan(row.t_capture):
        row.t_capture = _time(at, motion)
    row.entered, row.captures = at.tau, row.captures + 1
    for i in range(at.s.shape[1]):
        c, q = view[C, i], view[Q, i]
        at.s[M_K, i], at.k[N_K, i], at.k[O_K, i] = c * q, 1.0 - c + c * c * q, c * (1.0 + at.s[DELTA, i])
    return Place(CAPTURED, at.tau, at.s, at.k)


@kernel
def _restart(at, motion, view, row):  # pragma: no cover - compiled
    """The same phase goes on with the weight of the next piece."""
    if at.phase == GLASS:
        return _rest(True, at, motion, view, row)
    if at.phase == SLIDING and _advantage_rate(at, weight(motion, at.tau), motion, view) <= 0.0:
        return _rest(_condensed(at, motion, view), at, motion, view, row)
    return at


@kernel
def _deserted(at, motion, view, row):  # pragma: no cover - compiled
    """What follows the target: sliding if the rest pushes back, else the rest."""
    if _advantage_rate(at, weight(motion, at.tau), motion, view) > 0.0:
        return Place(SLIDING, at.tau, at.s, at.k)
    return _rest(_condensed(at, motion, view), at, motion, view, row)


@kernel
def _released(tau, row):  # pragma: no cover - compiled
    """Whether the next class that captures has to wait: longer each time the last was overtaken at once."""
    if tau - row.entered > REARM * 2.0 ** (row.captures // MANY):
        row.wait = REARM
        return False
    row.again = tau + row.wait
    row.wait = min(2.0 * row.wait, LONGEST_WAIT)
    return True


@kernel
def _advantage_rate(at, w, motion, view):  # pragma: no cover - compiled
    """`advantage_rate` at a place that nothing has looked at yet."""
    shrink(look(at.tau, at.s, motion, view), motion, view)
    return advantage_rate(at.tau, at.s, motion, w, view)


@kernel
def _condensed(at, motion, view):  # pragma: no cover - compiled
    """Whether the rest is a glass; rounding at its edge counts as one."""
    return look(at.tau, at.s, motion, view) > motion.alpha * EDGE


@kernel
def _time(at, motion):  # pragma: no cover - compiled
    """VE time."""
    return max(math.exp(-at.tau) - motion.a, 0.0)


@kernel
def _label(at, end, before, after, motion, row):  # pragma: no cover - compiled
    """A step in the glass is approximate with w < 0, asymptotic with w > 0, exact at w = 0 throughout; a step of a
    crowd with w < 0 comes as near to the glass as K - alpha (before and after) says."""
    first, last = weight(motion, at.tau), weight(motion, end)
    if at.phase == GLASS and (first != 0.0 or last != 0.0):
        row.standing = max(row.standing, APPROXIMATE if min(first, last) < 0.0 else ASYMPTOTIC)
    elif at.phase == CROWD and motion.alpha < math.inf and min(first, last) < 0.0:
        row.margin = min(row.margin, -max(before, after) / motion.alpha)
