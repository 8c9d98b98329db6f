"""Compiled trajectories of piecewise linear schedules: the rules of `path` for every change of phase.

A schedule is a table of pieces: on (edges[i+1], edges[i]) in VE time, edges descending from the start to 0,
w(t) = w0[i] + omega[i] t. So constant, linear, interval, piecewise constant and tabulated schedules are exact. At an
edge the phase goes on and the rule of capture is asked again with the new weight, as in `solve`, which is the reference
and has everything else: alpha = 0, starts beyond speciation, schedules that are not piecewise linear.
"""

import math

import numpy as np

from meanfield.maps.compiled_steps import (
    CAPTURED,
    CROWD,
    GLASS,
    SLIDING,
    TARGET,
    advantage,
    advantage_rate,
    capture_margin,
    exits,
    first_exit,
    information,
    negative,
    shrinkage,
    speciated,
    step,
)
from meanfield.theory.integration import WATCH
from meanfield.theory.phases import LONGEST_WAIT, MANY, REARM
from meanfield.tools.compiling import compiled

__all__ = ["COLUMNS", "follow", "follow_all"]

COLUMNS = ("shift", "ratio", "t_speciation", "t_condensation", "t_capture", "passed", "last", "separation", "standing",
           "margin")  # fmt: skip
EXACT, ASYMPTOTIC, APPROXIMATE = 0.0, 1.0, 2.0  # `standing`, as in Trajectory
MAX_STEPS = 200_000
# What a trajectory remembers: columns 2 to 5 and 8, 9 of its row, then the entry of the last capture, the number of
# captures, the time of the next one, and how long it waits if the last was overtaken at once
SPECIATION, CONDENSATION, CAPTURE, PASSED, STANDING, MARGIN = 2, 3, 4, 5, 8, 9
ENTERED, COUNT, AGAIN, WAIT, MEMORY = 10, 11, 12, 13, 14


@compiled(error_model="numpy")
def follow(alpha, sigma2, eta, edges, w0, omega, m, v, out):  # pragma: no cover - compiled
    """One trajectory from (m, v) at t = edges[0]; fills out by `COLUMNS`, nan if it must be left to `solve`.

    `t_speciation` is the last one, `t_condensation` and `t_capture` are the first, nan if there is none; `passed` has
    bit 2^i for phase i. `separation` is F at t = 0, over the class that captured if one has; in the continuum, where F
    is -inf, it is F + alpha of the crowd. `margin` is the least 1 - K/alpha while w < 0 acts on a crowd: how far a
    negative window stays from the glass.
    """
    note = np.empty(MEMORY)
    for i in range(MEMORY):
        note[i] = math.nan
        out[i % len(out)] = math.nan
    note[PASSED], note[STANDING], note[MARGIN], note[COUNT], note[WAIT] = 0.0, EXACT, 1.0, 0.0, REARM
    D = sigma2 + edges[0]
    tau, s, k = -math.log(D), (m - 1.0, math.log(v / D), 0.0), (0.0, 0.0)
    phase, h = GLASS if information(D, m * m + v) > alpha else CROWD, 0.01
    if phase == GLASS or advantage(tau, s[0], s[1], alpha) >= 0.0:
        return
    for i in range(len(w0)):
        end = -math.log(sigma2 + edges[i + 1])
        if end > tau:
            p = (alpha, sigma2, eta, w0[i], omega[i])
            note[AGAIN] = -math.inf
            if i > 0:
                phase, k, s = _restart(phase, tau, s, p, k, note)
            phase, tau, s, k, h = _piece(phase, tau, end, s, p, k, max(h, 1e-3 * (end - tau)), note)
            if tau < end:
                return
    last = -math.log(sigma2)
    for i in range(2, len(out)):
        out[i] = note[i]
    out[0], out[1], out[6], out[7] = s[0], math.exp(s[1]), phase, advantage(last, s[0], s[1], alpha)
    if phase == CAPTURED:
        out[7] = (1.0 + 2.0 * s[0] - 2.0 * s[2] + k[0]) / (2.0 * sigma2)
    elif alpha == math.inf:
        spread = -math.expm1(s[1]) + 2.0 * s[0]
        out[7] = 0.5 * (math.log1p(1.0 / sigma2) + spread / (1.0 + sigma2) - s[0] * s[0] / (sigma2 * (1.0 + sigma2)))
    if phase == CAPTURED or not math.isnan(note[CAPTURE]):
        out[8], out[9] = APPROXIMATE, 0.0
    elif out[8] == APPROXIMATE:
        out[9] = 0.0


@compiled(error_model="numpy")
def _piece(phase, tau, end, s, p, k, h, note):  # pragma: no cover - compiled
    """Through the phases of one piece: (phase, tau, state, k, step) at its end; at an earlier tau if that failed."""
    before, waiting = negative(exits(phase, tau, s, p, k)), False
    for _ in range(MAX_STEPS):
        note[PASSED] = float(int(note[PASSED]) | (1 << phase))
        if tau >= end:
            break
        if phase == TARGET:
            at = _desertion(tau, end, s, p)
            s, tau = speciated(s, tau - at, p[2]), at
            if tau < end:
                phase, k, s = _deserted(tau, s, p, k, note)
                before, h = negative(exits(phase, tau, s, p, k)), 1e-3
            continue
        if waiting and tau >= note[AGAIN]:
            waiting = False
            if phase == GLASS:
                phase, k, s = _rest(phase == GLASS, tau, s, p, k, note)
                h = 1e-3 if phase == CAPTURED else h
            before = negative(exits(phase, tau, s, p, k))
            continue
        h = min(h, end - tau, note[AGAIN] - tau if waiting else math.inf)
        new, error = step(phase, tau, h, s, p, k)
        if not error <= 1.0:
            h *= max(0.2, 0.9 * error**-0.2) if error < math.inf else 0.1
            if h < 1e-13:
                break
            continue
        after = exits(phase, tau + h, new, p, k)
        if waiting:
            after = (after[0], after[1], -math.inf)
        which, width = first_exit(phase, tau, h, s, p, k, before, after)
        _label(phase, tau, tau + width, before[1], after[1] if which < 0 else before[1], p, note)
        if which < 0:
            tau = end if h >= end - tau else tau + h
            s, before = new, negative(after)
            h *= min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
            continue
        s, _ = step(phase, tau, width, s, p, k)
        tau += width
        if phase == CAPTURED and which == 1:
            waiting = _released(tau, note)
        phase, k, s = _leave(phase, which, tau, s, p, k, note)
        before, h = negative(exits(phase, tau, s, p, k)), 1e-3
    return phase, tau, s, k, h


# -- changes of phase, as in `path` -----------------------------------------------------------------------------------


@compiled(error_model="numpy")
def _leave(phase, which, tau, s, p, k, note):  # pragma: no cover - compiled
    """The phase that follows exit number `which`, with the overlaps of a class that captures and the state."""
    if which == 0:
        if phase != SLIDING and phase != CAPTURED and p[2] > 1.0 and advantage_rate(tau, s, p, 0.0) < 0.0:
            return SLIDING, k, s
        note[SPECIATION] = max(math.exp(-tau) - p[1], 0.0)
        return TARGET, k, s
    if phase == CROWD and math.isnan(note[CONDENSATION]):
        note[CONDENSATION] = max(math.exp(-tau) - p[1], 0.0)
    glass = phase == CROWD or which == 2
    if phase == CAPTURED or phase == SLIDING:
        glass = _condensed(tau, s, p)
    return _rest(glass, tau, s, p, k, note)


@compiled(error_model="numpy")
def _rest(glass, tau, s, p, k, note):  # pragma: no cover - compiled
    """The rest has the weight: crowd, glass, or a class of the ground state that captures here (T7c)."""
    if not glass:
        return CROWD, k, s
    if tau < note[AGAIN] or capture_margin(tau, s, p) < 0.0:
        return GLASS, k, s
    D, m = math.exp(-tau), 1.0 + s[0]
    q = m * m + D * math.exp(s[1])
    c = shrinkage(q, D, p[0])
    if math.isnan(note[CAPTURE]):
        note[CAPTURE] = max(D - p[1], 0.0)
    note[ENTERED], note[COUNT] = tau, note[COUNT] + 1.0
    return CAPTURED, (1.0 - c + c * c * q, c * m), (s[0], s[1], c * q)


@compiled(error_model="numpy")
def _restart(phase, tau, s, p, k, note):  # pragma: no cover - compiled
    """The same phase goes on with the weight of the next piece."""
    if phase == GLASS:
        return _rest(phase == GLASS, tau, s, p, k, note)
    if phase == SLIDING and advantage_rate(tau, s, p, _weight(tau, p)) <= 0.0:
        return _rest(_condensed(tau, s, p), tau, s, p, k, note)
    return phase, k, s


@compiled(error_model="numpy")
def _desertion(tau, end, s, p):  # pragma: no cover - compiled
    """When the target loses the weight (never for eta <= 1), looked for at a spacing of WATCH; `end` if it does not."""
    if p[2] <= 1.0 or p[0] == math.inf:
        return end
    n = 1 + math.ceil((end - tau) / WATCH)
    low, kept = tau, advantage(tau, s[0], s[1], p[0]) >= 0.0
    for i in range(1, n + 1):
        high = tau + (end - tau) * i / n
        there = speciated(s, tau - high, p[2])
        keeps = advantage(high, there[0], there[1], p[0]) >= 0.0
        if kept and not keeps:
            for _ in range(60):
                middle = 0.5 * (low + high)
                there = speciated(s, tau - middle, p[2])
                if advantage(middle, there[0], there[1], p[0]) >= 0.0:
                    low = middle
                else:
                    high = middle
            return high
        low, kept = high, keeps
    return end


@compiled(error_model="numpy")
def _deserted(tau, s, p, k, note):  # pragma: no cover - compiled
    """What follows the target: sliding if the rest pushes back, else the rest."""
    if advantage_rate(tau, s, p, _weight(tau, p)) > 0.0:
        return SLIDING, k, s
    return _rest(_condensed(tau, s, p), tau, s, p, k, note)


@compiled(error_model="numpy")
def _released(tau, note):  # pragma: no cover - compiled
    """Whether the next class that captures has to wait: longer each time the last was overtaken at once."""
    if tau - note[ENTERED] > REARM * 2.0 ** (note[COUNT] // MANY):
        note[WAIT] = REARM
        return False
    note[AGAIN] = tau + note[WAIT]
    note[WAIT] = min(2.0 * note[WAIT], LONGEST_WAIT)
    return True


@compiled(error_model="numpy")
def _condensed(tau, s, p):  # pragma: no cover - compiled
    """Whether the rest is a glass; rounding at its edge counts as one."""
    D, m = math.exp(-tau), 1.0 + s[0]
    return information(D, m * m + D * math.exp(s[1])) > p[0] * (1.0 - 1e-12)


@compiled(error_model="numpy")
def _weight(tau, p):  # pragma: no cover - compiled
    return p[3] + p[4] * max(math.exp(-tau) - p[1], 0.0)


@compiled(error_model="numpy")
def _label(phase, tau, end, before, after, p, note):  # pragma: no cover - compiled
    """A step in the glass is approximate with w < 0, asymptotic with w > 0, exact at w = 0 throughout; a step of a
    crowd with w < 0 comes as near to the glass as K - alpha (before and after) says."""
    if phase != GLASS and (phase != CROWD or p[0] == math.inf):
        return
    first, last = _weight(tau, p), _weight(end, p)
    if phase == GLASS and (first != 0.0 or last != 0.0):
        note[STANDING] = max(note[STANDING], APPROXIMATE if min(first, last) < 0.0 else ASYMPTOTIC)
    elif phase == CROWD and min(first, last) < 0.0:
        note[MARGIN] = min(note[MARGIN], -max(before, after) / p[0])


@compiled(error_model="numpy")
def follow_all(parameters, edges, w0, omega, starts, out):  # pragma: no cover - compiled
    """`follow` for every row: parameters (rows, 3) of alpha, sigma2, eta; edges (rows, pieces + 1); w0 and omega (rows,
    pieces); starts (rows, 2) of m, v; out (rows, COLUMNS)."""
    for i in range(len(w0)):
        a, b = parameters[i], starts[i]
        follow(a[0], a[1], a[2], edges[i], w0[i], omega[i], b[0], b[1], out[i])
