"""Compiled mean-field trajectories for maps of 10^4 to 10^6 problems: (T7), (T10), (T7c), (T7d) as in `phases`.

The same equations as `meanfield.dynamics` in the same variables (tau = -log D, delta = m - 1, y = log(v/D)), by an
embedded Runge-Kutta pair of order 5(4) (Dormand and Prince) with the solver's rule for every change of phase; the
moment of a change is bisected on the length of the step. For w(t) = w0 + omega t, eta <= 1 (no sliding) and alpha > 0.
Tests hold it to `solve`, which is the reference and has everything else.
"""

import math

import numba
import numpy as np

from meanfield.phases import LONGEST_WAIT, MANY, REARM

__all__ = ["CAPTURED", "CROWD", "GLASS", "TARGET", "flow", "flow_all", "starts"]

CROWD, GLASS, TARGET, CAPTURED = 0, 1, 2, 3
RTOL, ATOL, MAX_STEPS = 1e-10, 1e-13, 200_000

# Dormand-Prince 5(4): stages, and the difference of the two solutions
C2, C3, C4, C5 = 0.2, 0.3, 0.8, 8 / 9
A31, A32 = 3 / 40, 9 / 40
A41, A42, A43 = 44 / 45, -56 / 15, 32 / 9
A51, A52, A53, A54 = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
A61, A62, A63, A64, A65 = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
B1, B3, B4, B5, B6 = 35 / 384, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
E1, E3, E4, E5, E6, E7 = 71 / 57600, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40


@numba.njit(nogil=True, cache=True)
def information(D, q):  # pragma: no cover - compiled
    """K of (T3)."""
    return 0.5 * (math.log1p(1.0 / D) - 1.0 / (1.0 + D) + q / (1.0 + D) ** 2)


@numba.njit(nogil=True, cache=True)
def shrinkage(q, D, alpha):  # pragma: no cover - compiled
    """c = 1/(1 + D'): D' = D in the crowd, K(D', q) = alpha in the glass, by safeguarded Newton steps in log D'."""
    if information(D, q) <= alpha:
        return 1.0 / (1.0 + D)
    low, high = math.log(D), math.log(max(1.001 * math.sqrt((0.5 + q) / (2.0 * alpha)), D)) + 1e-9
    x = low
    for _ in range(200):
        Dp = math.exp(x)
        value = information(Dp, q) - alpha
        if value > 0.0:
            low = x
        else:
            high = x
        slope = -0.5 * (1.0 / (1.0 + Dp) ** 2 + 2.0 * q * Dp / (1.0 + Dp) ** 3)  # dK/dlog D'
        step = -value / slope
        if abs(step) < 1e-14 * max(1.0, abs(x)):
            break
        x = x + step if low < x + step < high else 0.5 * (low + high)
    return 1.0 / (1.0 + math.exp(x))


@numba.njit(nogil=True, cache=True)
def advantage(tau, delta, y, alpha):  # pragma: no cover - compiled
    """F of (T5)."""
    if alpha == math.inf:
        return -math.inf
    D, m, u = math.exp(-tau), 1.0 + delta, math.exp(y)
    q = m * m + D * u
    if information(D, q) <= alpha:
        spread = -math.expm1(y) + 2.0 * delta
        return -alpha + 0.5 * (math.log1p(1.0 / D) + spread / (1.0 + D) - delta * delta / (D * (1.0 + D)))
    c = shrinkage(q, D, alpha)
    return (2.0 * m - c - q * c * (2.0 - c)) / (2.0 * D)


@numba.njit(nogil=True, cache=True)
def rates(phase, tau, s, p, k):  # pragma: no cover - compiled
    """d(delta, y, m_k)/dtau; p = (alpha, sigma2, eta, w0, omega), k = (n_k, o_k) of the class that captured."""
    alpha, sigma2, eta, w0, omega = p
    s0, s1, s2 = s
    e, D, m = 0.5 * (1.0 + eta * eta), math.exp(-tau), 1.0 + s0
    w = w0 + omega * max(D - sigma2, 0.0)
    relax = eta * eta * math.expm1(-s1) if eta > 0.0 else 0.0
    if phase == CAPTURED:
        pull = relax - 2.0 * e * w * (s2 - m * k[1]) / (D * math.exp(s1))
        return e * (w * (1.0 - k[1]) - s0), pull, e * ((1.0 + w) * k[1] - s2 - w * k[0])
    c = shrinkage(m * m + D * math.exp(s1), D, alpha) if phase == GLASS else 1.0 / (1.0 + D)
    return e * (w * (1.0 - c) - (1.0 + w * c) * s0), -2.0 * e * w * c + relax, 0.0


@numba.njit(nogil=True, cache=True)
def step(phase, tau, h, s, p, k):  # pragma: no cover - compiled
    """One Dormand-Prince step: the new state and its error relative to the tolerance."""
    f1 = rates(phase, tau, s, p, k)
    f2 = rates(phase, tau + C2 * h, _add3(s, h, (C2,), (f1,)), p, k)
    f3 = rates(phase, tau + C3 * h, _add3(s, h, (A31, A32), (f1, f2)), p, k)
    f4 = rates(phase, tau + C4 * h, _add3(s, h, (A41, A42, A43), (f1, f2, f3)), p, k)
    f5 = rates(phase, tau + C5 * h, _add3(s, h, (A51, A52, A53, A54), (f1, f2, f3, f4)), p, k)
    f6 = rates(phase, tau + h, _add3(s, h, (A61, A62, A63, A64, A65), (f1, f2, f3, f4, f5)), p, k)
    new = _add3(s, h, (B1, B3, B4, B5, B6), (f1, f3, f4, f5, f6))
    f7 = rates(phase, tau + h, new, p, k)
    error = _add3((0.0, 0.0, 0.0), h, (E1, E3, E4, E5, E6, E7), (f1, f3, f4, f5, f6, f7))
    worst = 0.0
    for i in range(3):
        worst = max(worst, abs(error[i]) / (ATOL + RTOL * max(abs(s[i]), abs(new[i]))))
    return new, worst


@numba.njit(nogil=True, cache=True)
def _add3(s, h, weights, stages):  # pragma: no cover - compiled
    a, b, c = s
    for i in range(len(weights)):
        a += h * weights[i] * stages[i][0]
        b += h * weights[i] * stages[i][1]
        c += h * weights[i] * stages[i][2]
    return a, b, c


@numba.njit(nogil=True, cache=True)
def exits(phase, tau, s, p, k, captures):  # pragma: no cover - compiled
    """What turns positive where the phase ends: (speciation, change of crowd and glass or release, capture)."""
    alpha, sigma2, eta, w0, omega = p
    F = advantage(tau, s[0], s[1], alpha)
    D, m = math.exp(-tau), 1.0 + s[0]
    if phase == CAPTURED:
        own = 1.0 + 2.0 * s[0] - 2.0 * s[2] + k[0]
        return own, own - 2.0 * D * F, -math.inf
    q = m * m + D * math.exp(s[1])
    excess = information(D, q) - alpha
    if phase == CROWD:
        return F, excess, -math.inf
    w, margin = w0 + omega * max(D - sigma2, 0.0), -math.inf
    if captures and w < 0.0:
        c = shrinkage(q, D, alpha)
        margin = -w * (1.0 + eta * eta) - eta * eta * D * c / (1.0 - c)
    return F, -excess, margin


@numba.njit(nogil=True, cache=True)
def flow(p, start, out):  # pragma: no cover - compiled
    """One trajectory from start = (t, m, v), p = (alpha, sigma2, eta, w0, omega).

    Fills out = (m(0) - 1, v(0)/sigma2, t of the last speciation, of the first condensation and capture, phases passed
    as bits 2^phase, last phase); returns False if it must be left to `solve`.
    """
    alpha, sigma2, eta = p[0], p[1], p[2]
    out[:] = math.nan
    out[5] = 0.0
    end = -math.log(sigma2)
    D = sigma2 + start[0]
    tau, s, k, captures = -math.log(D), (start[1] - 1.0, math.log(start[2] / D), 0.0), (0.0, 0.0), True
    phase = GLASS if information(D, start[1] ** 2 + start[2]) > alpha else CROWD
    if phase == GLASS or advantage(tau, s[0], s[1], alpha) >= 0.0:
        return False
    h, before = 0.01, exits(phase, tau, s, p, k, captures)
    rearm, wait, entered, count = math.inf, REARM, tau, 0  # of captures that are overtaken at once
    for _ in range(MAX_STEPS):
        out[5] = float(int(out[5]) | (1 << phase))
        out[6] = phase
        if phase == TARGET:
            e, fall = 0.5 * (1.0 + eta * eta), tau - end  # (T10)
            out[0] = s[0] * math.exp(e * fall)
            out[1] = math.exp(math.log1p(math.expm1(s[1]) * math.exp(eta * eta * fall)))
            return True
        if tau >= end:
            out[0], out[1] = s[0], math.exp(s[1])
            return True
        if tau >= rearm:
            captures, rearm = True, math.inf
            before = exits(phase, tau, s, p, k, captures)
            if phase == GLASS and before[2] > 0.0:
                k, s = _captured(tau, s, p, out)
                phase, entered, count = CAPTURED, tau, count + 1
                before, h = _negative(exits(phase, tau, s, p, k, captures)), 1e-3
                continue
        h = min(h, end - tau, rearm - tau)
        new, error = step(phase, tau, h, s, p, k)
        if not error <= 1.0:
            h *= max(0.2, 0.9 * error**-0.2) if error < math.inf else 0.1
            if h < 1e-13:
                return False
            continue
        after = exits(phase, tau + h, new, p, k, captures)
        which, width = _first_exit(phase, tau, h, s, p, k, captures, before, after)
        if which < 0:
            tau, s, before = tau + h, new, _negative(after)
            h *= min(5.0, 0.9 * max(error, 1e-10) ** -0.2)
            continue
        s, _ = step(phase, tau, width, s, p, k)
        tau += width
        if phase == CAPTURED and which == 1:
            at_once = tau - entered <= REARM * 2.0 ** (count // MANY)
            if at_once:
                captures, rearm = False, tau + wait
            wait = min(2.0 * wait, LONGEST_WAIT) if at_once else REARM
        phase, k, s = _enter(phase, which, tau, s, p, k, captures, out)
        before, h = (-math.inf, -math.inf, -math.inf), 1e-3
        if phase == CAPTURED:
            entered, count = tau, count + 1
        if phase != TARGET:
            before = _negative(exits(phase, tau, s, p, k, captures))
    return False


@numba.njit(nogil=True, cache=True)
def _first_exit(phase, tau, h, s, p, k, captures, before, after):  # pragma: no cover - compiled
    """Which exit turns positive first within the step, and after how long; (-1, h) if none does."""
    which, width = -1, h
    for i in range(3):
        if not (before[i] <= 0.0 and after[i] > 0.0):
            continue
        low, high = 0.0, h
        for _ in range(60):
            middle = 0.5 * (low + high)
            there, _ = step(phase, tau, middle, s, p, k)
            if exits(phase, tau + middle, there, p, k, captures)[i] > 0.0:
                high = middle
            else:
                low = middle
            if high - low < 1e-15 * max(1.0, abs(tau)):
                break
        if which < 0 or high < width:
            which, width = i, high
    return which, width


@numba.njit(nogil=True, cache=True)
def _enter(phase, which, tau, s, p, k, captures, out):  # pragma: no cover - compiled
    """The phase that follows, with its overlaps; notes the time in `out`."""
    alpha, sigma2 = p[0], p[1]
    D, m = math.exp(-tau), 1.0 + s[0]
    q, t = m * m + D * math.exp(s[1]), max(D - sigma2, 0.0)
    if which == 0:
        out[2] = t
        return TARGET, k, s
    if phase == CROWD and math.isnan(out[3]):
        out[3] = t
    glass = phase == CROWD
    if phase == CAPTURED:
        glass = information(D, q) > alpha * (1.0 - 1e-12)
    if which == 2 and phase == GLASS:
        k, s = _captured(tau, s, p, out)
        return CAPTURED, k, s
    if not glass:
        return CROWD, k, s
    if exits(GLASS, tau, s, p, k, captures)[2] > 0.0:
        k, s = _captured(tau, s, p, out)
        return CAPTURED, k, s
    return GLASS, k, s


@numba.njit(nogil=True, cache=True)
def _captured(tau, s, p, out):  # pragma: no cover - compiled
    """Overlaps of a class of the ground state that captures here: (n_k, o_k) and the state with m_k; notes the time."""
    D, m = math.exp(-tau), 1.0 + s[0]
    q = m * m + D * math.exp(s[1])
    c = shrinkage(q, D, p[0])
    if math.isnan(out[4]):
        out[4] = max(D - p[1], 0.0)
    return (1.0 - c + c * c * q, c * m), (s[0], s[1], c * q)


@numba.njit(nogil=True, cache=True)
def _negative(x):  # pragma: no cover - compiled
    """Exits after a change of phase or a step: rounding must not make them positive already."""
    return min(x[0], 0.0), min(x[1], 0.0), min(x[2], 0.0)


@numba.njit(nogil=True, cache=True)
def flow_all(parameters, starts, out, done):  # pragma: no cover - compiled
    """`flow` for every row of parameters (points, 5) and starts (points, 3): out (points, 7), done (points,)."""
    for i in range(len(parameters)):
        a, b = parameters[i], starts[i]
        done[i] = flow((a[0], a[1], a[2], a[3], a[4]), (b[0], b[1], b[2]), out[i])


@numba.njit(nogil=True, cache=True)
def series(a, b, x):  # pragma: no cover - compiled
    """2F1(-a, 1; 1 + b; x) for a x well below 1, as in `Problem.start`."""
    total = term = 1.0
    for n in range(60):
        term *= (n - a) / (n + 1.0 + b) * x
        total += term
        if abs(term) < 1e-17 * abs(total):
            break
    return total


@numba.njit(nogil=True, cache=True)
def starts(parameters, T, v_T):  # pragma: no cover - compiled
    """Rows (t, m, v) of `Problem.start` for rows of parameters (alpha, sigma2, eta, w0, omega)."""
    out = np.empty((len(parameters), 3))
    for i in range(len(parameters)):
        alpha, sigma2, eta, w, _ = parameters[i]
        if T < math.inf:
            out[i] = T, 0.0, v_T
            continue
        t = max(100.0 * (1.0 + abs(w)) / min(alpha, 1.0), 100.0 * sigma2)
        e, D = 0.5 * (1.0 + eta * eta), sigma2 + t
        x = 1.0 / (1.0 + D)
        out[i] = t, (1.0 + w) * series(e * w, e, x), D * series(2.0 * e * w, eta * eta, x)
    return out
