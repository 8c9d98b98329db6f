"""Compiled trajectories of piecewise linear schedules: the rules of `theory.path` for every change of phase.

A schedule is a table of pieces: on (edges[i+1], edges[i]) in VE time, edges descending from the start to 0,
w(t) = w0[i] + omega[i] t. So constant, linear, interval, piecewise constant and tabulated schedules are exact. At an
edge the phase goes on and the rule of capture is asked again with the new weight, as in `solve`, which is the reference
and has everything else: alpha = 0, starts beyond speciation, schedules that are not piecewise linear.

What a trajectory remembers on its way, and what is known at its end, are the fields of a record (`bulk.RECORD`): the
argument `row`.
"""

import math

from meanfield.maps.compiled_steps import (
    CAPTURED,
    CROWD,
    GLASS,
    SLIDING,
    TARGET,
    Motion,
    Overlaps,
    Place,
    State,
    advantage,
    advantage_rate,
    capture_margin,
    crowd_advantage,
    exits,
    first_exit,
    information,
    lead,
    negative,
    second_moment,
    shrinkage,
    speciated,
    step,
    weight,
)
from meanfield.theory.integration import WATCH
from meanfield.theory.path import EDGE
from meanfield.theory.phases import LONGEST_WAIT, MANY, REARM
from meanfield.tools.compiling import compiled

EXACT, ASYMPTOTIC, APPROXIMATE = 0, 1, 2  # in the order of `bulk.STANDINGS`
MAX_STEPS = 200_000
SMALLEST_STEP = 1e-13
AFTER = 1e-3  # first step after a change of phase


@compiled(error_model="numpy")
def follow(edges, w0, omega, row):  # pragma: no cover - compiled
    """One trajectory, from (m, v) at t = edges[0]; `row.done` stays False if it must be left to `solve`."""
    D = row.sigma2 + edges[0]
    s, glass = State(row.m - 1.0, math.log(row.v / D), 0.0), information(D, row.m * row.m + row.v) > row.alpha
    at, h = Place(CROWD, -math.log(D), s, Overlaps(0.0, 0.0)), 0.01
    if glass or advantage(at.tau, s, row.alpha, row.prior) >= 0.0:
        return
    row.standing, row.margin, row.wait = EXACT, 1.0, REARM
    for i in range(len(w0)):
        end = -math.log(row.sigma2 + edges[i + 1])
        if end > at.tau:
            motion = Motion(row.alpha, row.prior, row.sigma2, row.eta, w0[i], omega[i])
            row.again = -math.inf
            if i > 0:
                at = _restart(at, motion, row)
            at, h = _piece(at, end, motion, max(h, 1e-3 * (end - at.tau)), row)
            if at.tau < end:
                return
    _conclude(at, row)


@compiled(error_model="numpy")
def _conclude(at, row):  # pragma: no cover - compiled
    """What the state at t = 0 says."""
    tau, s = -math.log(row.sigma2), at.s
    row.done, row.last, row.shift, row.ratio = True, at.phase, s.delta, math.exp(s.y)
    if at.phase == CAPTURED:
        row.separation = lead(tau, s, at.k, row.prior)
    elif row.alpha == math.inf:
        row.separation = crowd_advantage(row.sigma2, s.delta, s.y)
    else:
        row.separation = advantage(tau, s, row.alpha, row.prior)
    if not math.isnan(row.t_capture):
        row.standing = APPROXIMATE
    if row.standing == APPROXIMATE:
        row.margin = 0.0


@compiled(error_model="numpy")
def _piece(at, end, motion, h, row):  # pragma: no cover - compiled
    """Through the phases of one piece: the place and the step at its end; an earlier place if that failed."""
    before, waiting = negative(exits(at, motion)), False
    for _ in range(MAX_STEPS):
        row.passed[at.phase] = 1
        if at.tau >= end:
            break
        if at.phase == TARGET:
            at = _speciated(at, _desertion(at, end, motion), motion)
            if at.tau < end:
                at = _deserted(at, motion, row)
                before, h = negative(exits(at, motion)), AFTER
            continue
        if waiting and at.tau >= row.again:
            waiting = False
            if at.phase == GLASS:
                at = _rest(True, at, motion, row)
                h = AFTER if at.phase == CAPTURED else h
            before = negative(exits(at, motion))
            continue
        h = min(h, end - at.tau, row.again - at.tau if waiting else math.inf)
        new, error = step(at, h, motion)
        if not error <= 1.0:
            h *= max(0.2, 0.9 * error**-0.2) if error < math.inf else 0.1
            if h < SMALLEST_STEP:
                break
            continue
        after = exits(new, motion)
        if waiting:
            after = (after[0], after[1], -math.inf)
        which, width = first_exit(at, h, motion, before, after)
        _label(at, at.tau + width, before[1], after[1] if which < 0 else before[1], motion, row)
        if which < 0:
            tau = end if h >= end - at.tau else new.tau
            at, before = Place(new.phase, tau, new.s, new.k), negative(after)
            h *= min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
            continue
        at, _ = step(at, width, motion)
        if at.phase == CAPTURED and which == 1:
            waiting = _released(at.tau, row)
        at = _leave(at, which, motion, row)
        before, h = negative(exits(at, motion)), AFTER
    return at, h


# -- changes of phase, as in `path` -----------------------------------------------------------------------------------


@compiled(error_model="numpy")
def _leave(at, which, motion, row):  # pragma: no cover - compiled
    """Into the phase that follows exit number `which`."""
    if which == 0:
        resting = at.phase == CROWD or at.phase == GLASS
        if resting and not _keeps_all(motion) and advantage_rate(at.tau, at.s, motion, 0.0) < 0.0:
            return Place(SLIDING, at.tau, at.s, at.k)
        row.t_speciation = _time(at, motion)
        return Place(TARGET, at.tau, at.s, at.k)
    if at.phase == CROWD and math.isnan(row.t_condensation):
        row.t_condensation = _time(at, motion)
    glass = at.phase == CROWD or which == 2
    if at.phase == CAPTURED or at.phase == SLIDING:
        glass = _condensed(at, motion)
    return _rest(glass, at, motion, row)


@compiled(error_model="numpy")
def _rest(glass, at, motion, row):  # pragma: no cover - compiled
    """The rest has the weight: crowd, glass, or a class of the ground state that captures here (T7c)."""
    if not glass:
        return Place(CROWD, at.tau, at.s, at.k)
    if at.tau < row.again or capture_margin(at.tau, at.s, motion) < 0.0:
        return Place(GLASS, at.tau, at.s, at.k)
    D = math.exp(-at.tau)
    q = second_moment(D, at.s)
    c = shrinkage(q, D, motion.alpha)
    if math.isnan(row.t_capture):
        row.t_capture = _time(at, motion)
    row.entered, row.captures = at.tau, row.captures + 1
    overlaps = Overlaps(1.0 - c + c * c * q, c * (1.0 + at.s.delta))
    return Place(CAPTURED, at.tau, State(at.s.delta, at.s.y, c * q), overlaps)


@compiled(error_model="numpy")
def _restart(at, motion, row):  # pragma: no cover - compiled
    """The same phase goes on with the weight of the next piece."""
    if at.phase == GLASS:
        return _rest(True, at, motion, row)
    if at.phase == SLIDING and advantage_rate(at.tau, at.s, motion, weight(motion, at.tau)) <= 0.0:
        return _rest(_condensed(at, motion), at, motion, row)
    return at


@compiled(error_model="numpy")
def _speciated(at, tau, motion):  # pragma: no cover - compiled
    """The target has the weight from here to tau."""
    return Place(at.phase, tau, speciated(at.s, at.tau - tau, motion.eta), at.k)


@compiled(error_model="numpy")
def _desertion(at, end, motion):  # pragma: no cover - compiled
    """When the target loses the weight, looked for at a spacing of WATCH; `end` if it does not."""
    if _keeps_all(motion) or motion.alpha == math.inf:
        return end
    n = 1 + math.ceil((end - at.tau) / WATCH)
    low, kept = at.tau, _keeps(at, at.tau, motion)
    for i in range(1, n + 1):
        high = at.tau + (end - at.tau) * i / n
        keeps = _keeps(at, high, motion)
        if kept and not keeps:
            for _ in range(60):
                middle = 0.5 * (low + high)
                if _keeps(at, middle, motion):
                    low = middle
                else:
                    high = middle
            return high
        low, kept = high, keeps
    return end


@compiled(error_model="numpy")
def _keeps_all(motion):  # pragma: no cover - compiled
    """Whether the target, once it has the weight, is known to keep it: for eta <= 1 and equal weights."""
    return motion.eta <= 1.0 and motion.prior == 0.0


@compiled(error_model="numpy")
def _keeps(at, tau, motion):  # pragma: no cover - compiled
    """Whether the target, which has the weight from `at` on, has it at tau too."""
    return advantage(tau, speciated(at.s, at.tau - tau, motion.eta), motion.alpha, motion.prior) >= 0.0


@compiled(error_model="numpy")
def _deserted(at, motion, row):  # pragma: no cover - compiled
    """What follows the target: sliding if the rest pushes back, else the rest."""
    if advantage_rate(at.tau, at.s, motion, weight(motion, at.tau)) > 0.0:
        return Place(SLIDING, at.tau, at.s, at.k)
    return _rest(_condensed(at, motion), at, motion, row)


@compiled(error_model="numpy")
def _released(tau, row):  # pragma: no cover - compiled
    """Whether the next class that captures has to wait: longer each time the last was overtaken at once."""
    if tau - row.entered > REARM * 2.0 ** (row.captures // MANY):
        row.wait = REARM
        return False
    row.again = tau + row.wait
    row.wait = min(2.0 * row.wait, LONGEST_WAIT)
    return True


@compiled(error_model="numpy")
def _condensed(at, motion):  # pragma: no cover - compiled
    """Whether the rest is a glass; rounding at its edge counts as one."""
    D = math.exp(-at.tau)
    return information(D, second_moment(D, at.s)) > motion.alpha * EDGE


@compiled(error_model="numpy")
def _time(at, motion):  # pragma: no cover - compiled
    """VE time."""
    return max(math.exp(-at.tau) - motion.sigma2, 0.0)


@compiled(error_model="numpy")
def _label(at, end, before, after, motion, row):  # pragma: no cover - compiled
    """A step in the glass is approximate with w < 0, asymptotic with w > 0, exact at w = 0 throughout; a step of a
    crowd with w < 0 comes as near to the glass as K - alpha (before and after) says."""
    first, last = weight(motion, at.tau), weight(motion, end)
    if at.phase == GLASS and (first != 0.0 or last != 0.0):
        row.standing = max(row.standing, APPROXIMATE if min(first, last) < 0.0 else ASYMPTOTIC)
    elif at.phase == CROWD and motion.alpha < math.inf and min(first, last) < 0.0:
        row.margin = min(row.margin, -max(before, after) / motion.alpha)


@compiled(error_model="numpy")
def follow_all(edges, w0, omega, rows):  # pragma: no cover - compiled
    """`follow` for every row: edges (rows, pieces + 1), w0 and omega (rows, pieces)."""
    for i in range(len(rows)):
        follow(edges[i], w0[i], omega[i], rows[i])
