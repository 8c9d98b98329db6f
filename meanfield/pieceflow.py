"""Compiled trajectories of piecewise linear schedules: the equations and phases of `fastflow`, piece after piece.

A schedule is a table of pieces: on (edges[i+1], edges[i]) in VE time, edges descending from the start to 0,
w(t) = w0[i] + omega[i] t. So piecewise constant, tabulated, interval and linear schedules are exact. At an edge the
phase goes on and the rule of capture is asked again with the new weight, as in `solve`, which is the reference. Only
the chain of captures that may follow a release is left out: it is approximate, and no design rests on it.
For eta <= 1 (no sliding), or any eta in the continuum (alpha = inf), where the rest is always a crowd.
"""

import math

import numba
import numpy as np

from meanfield.fastflow import (
    CAPTURED,
    CROWD,
    GLASS,
    TARGET,
    _enter,
    _first_exit,
    _negative,
    advantage,
    exits,
    information,
    step,
)

__all__ = ["COLUMNS", "follow", "follow_all"]

COLUMNS = ("shift", "ratio", "separation", "t_speciation", "t_capture", "standing", "last", "margin")
EXACT, ASYMPTOTIC, APPROXIMATE = 0.0, 1.0, 2.0  # `standing`, as in Trajectory
MAX_STEPS = 200_000


@numba.njit(nogil=True, cache=True)
def follow(alpha, sigma2, eta, edges, w0, omega, m, v, out):  # pragma: no cover - compiled
    """One trajectory from (m, v) at t = edges[0]; fills out by `COLUMNS`, nan if it must be left to `solve`.

    `separation` is F of (T5) at t = 0; in the continuum, where F is -inf, it is F + alpha of the crowd. `margin` is the
    least 1 - K/alpha while w < 0 acts on a crowd: how far a negative window stays from the glass.
    """
    out[:] = math.nan
    events = np.full(7, math.nan)  # as `fastflow.flow` notes them
    D = sigma2 + edges[0]
    tau, s, k, captures = -math.log(D), (m - 1.0, math.log(v / D), 0.0), (0.0, 0.0), True
    phase = GLASS if information(D, m * m + v) > alpha else CROWD
    if phase == GLASS or advantage(tau, s[0], s[1], alpha) >= 0.0:
        return
    h, standing, margin = 0.01, EXACT, 1.0
    for i in range(len(w0)):
        if phase == TARGET:
            break
        p = (alpha, sigma2, eta, w0[i], omega[i])
        end = -math.log(sigma2 + edges[i + 1])
        captures = True
        if phase == GLASS and exits(phase, tau, s, p, k, captures)[2] > 0.0:
            phase, k, s = _enter(phase, 2, tau, s, p, k, captures, events)
        before = _negative(exits(phase, tau, s, p, k, captures))
        h = max(h, 1e-3 * (end - tau))
        for _ in range(MAX_STEPS):
            if phase == TARGET or tau >= end:
                break
            h = min(h, end - tau)
            new, error = step(phase, tau, h, s, p, k)
            if not error <= 1.0:
                h *= max(0.2, 0.9 * error**-0.2) if error < math.inf else 0.1
                if h < 1e-13:
                    return
                continue
            after = exits(phase, tau + h, new, p, k, captures)
            which, width = _first_exit(phase, tau, h, s, p, k, captures, before, after)
            if phase == GLASS:
                standing = max(standing, _label(tau, tau + width, p))
            elif phase == CROWD and alpha < math.inf and _label(tau, tau + width, p) == APPROXIMATE:
                margin = min(margin, -max(before[1], after[1] if which < 0 else before[1]) / alpha)
            if which < 0:
                tau = end if h >= end - tau else tau + h
                s, before = new, _negative(after)
                h *= min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
                continue
            s, _ = step(phase, tau, width, s, p, k)
            tau += width
            captures = captures and not (phase == CAPTURED and which == 1)  # no chain after a release
            phase, k, s = _enter(phase, which, tau, s, p, k, captures, events)
            h, before = 1e-3, (-math.inf, -math.inf, -math.inf)
            if phase != TARGET:
                before = _negative(exits(phase, tau, s, p, k, captures))
        if phase != TARGET and tau < end:
            return
        if phase == CAPTURED:
            standing = APPROXIMATE
    if phase == TARGET:  # (T10)
        e, fall = 0.5 * (1.0 + eta * eta), tau + math.log(sigma2)
        s = (s[0] * math.exp(e * fall), math.log1p(math.expm1(s[1]) * math.exp(eta * eta * fall)), 0.0)
    last = -math.log(sigma2)
    out[0], out[1], out[2] = s[0], math.exp(s[1]), advantage(last, s[0], s[1], alpha)
    if alpha == math.inf:
        spread = -math.expm1(s[1]) + 2.0 * s[0]
        out[2] = 0.5 * (math.log1p(1.0 / sigma2) + spread / (1.0 + sigma2) - s[0] * s[0] / (sigma2 * (1.0 + sigma2)))
    standing = APPROXIMATE if not math.isnan(events[4]) else standing
    out[3], out[4], out[5], out[6] = events[2], events[4], standing, phase
    out[7] = 0.0 if standing == APPROXIMATE else margin


@numba.njit(nogil=True, cache=True)
def _label(tau, end, p):  # pragma: no cover - compiled
    """A step in the glass: approximate with w < 0, asymptotic with w > 0, exact at w = 0 throughout."""
    first = p[3] + p[4] * max(math.exp(-tau) - p[1], 0.0)
    last = p[3] + p[4] * max(math.exp(-end) - p[1], 0.0)
    if min(first, last) < 0.0:
        return APPROXIMATE
    return ASYMPTOTIC if max(first, last) > 0.0 else EXACT


@numba.njit(nogil=True, cache=True)
def follow_all(alpha, sigma2, eta, edges, w0, omega, starts, out):  # pragma: no cover - compiled
    """`follow` for every row: edges (rows, pieces + 1), w0 and omega (rows, pieces), starts (rows, 2) -> (rows, 8)."""
    for i in range(len(w0)):
        follow(alpha, sigma2, eta, edges[i], w0[i], omega[i], starts[i, 0], starts[i, 1], out[i])
