"""The equations of `phases`, compiled: rates, exits and one step of a trajectory, for maps of 10^4 to 10^6 problems.

(T7), (T10), (T7c), (T7d) in the same variables (tau = -log D, delta = m - 1, y = log(v/D)), by an embedded Runge-Kutta
pair of order 5(4) (Dormand and Prince); the moment of a change of phase is bisected on the length of the step. On one
piece of a schedule w(t) = w0 + omega t. `pieceflow` follows whole trajectories with it; tests hold it to `solve`.
"""

import math

import numpy as np

from meanfield.tools.compiling import compiled

__all__ = [
    "CAPTURED",
    "CROWD",
    "GLASS",
    "SLIDING",
    "TARGET",
    "advantage",
    "advantage_rate",
    "capture_margin",
    "exits",
    "first_exit",
    "information",
    "negative",
    "series",
    "shrinkage",
    "speciated",
    "starts",
    "step",
]

CROWD, GLASS, TARGET, CAPTURED, SLIDING = 0, 1, 2, 3, 4
RTOL, ATOL = 1e-10, 1e-13

# Dormand-Prince 5(4): stages, and the difference of the two solutions
C2, C3, C4, C5 = 0.2, 0.3, 0.8, 8 / 9
A31, A32 = 3 / 40, 9 / 40
A41, A42, A43 = 44 / 45, -56 / 15, 32 / 9
A51, A52, A53, A54 = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
A61, A62, A63, A64, A65 = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
B1, B3, B4, B5, B6 = 35 / 384, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
E1, E3, E4, E5, E6, E7 = 71 / 57600, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40


@compiled(error_model="numpy")
def information(D, q):  # pragma: no cover - compiled
    """K of (T3)."""
    return 0.5 * (math.log1p(1.0 / D) - 1.0 / (1.0 + D) + q / (1.0 + D) ** 2)


@compiled(error_model="numpy")
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


@compiled(error_model="numpy")
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


@compiled(error_model="numpy")
def advantage_rate(tau, s, p, w):  # pragma: no cover - compiled
    """dF/dtau along the field with weight w: on which side of F = 0 a trajectory goes on."""
    alpha, _, eta, _, _ = p
    e, D, m = 0.5 * (1.0 + eta * eta), math.exp(-tau), 1.0 + s[0]
    v = D * math.exp(s[1])
    q = m * m + v
    c = shrinkage(q, D, alpha)
    d_delta = e * (w * (1.0 - c) - (1.0 + w * c) * s[0])
    d_y = -2.0 * e * w * c + eta * eta * math.expm1(-s[1])
    d_q = 2.0 * m * d_delta + v * (d_y - 1.0)
    return (d_delta - 0.5 * c * d_q - 0.5 * (q * c * (2.0 - c) - 2.0 * m + c)) / D


@compiled(error_model="numpy")
def speciated(s, fall, eta):  # pragma: no cover - compiled
    """(T10): the state after tau has grown by -fall in the target phase, in the form that loses no digits."""
    eta2, y = eta * eta, s[1]
    if y > -1.0:
        y = math.log1p(math.expm1(y) * math.exp(eta2 * fall))
    elif eta2 > 0.0:
        y += math.log(math.exp(eta2 * fall) - math.expm1(eta2 * fall) * math.exp(-y))
    return s[0] * math.exp(0.5 * (1.0 + eta2) * fall), y, 0.0


@compiled(error_model="numpy")
def rates(phase, tau, s, p, k):  # pragma: no cover - compiled
    """d(delta, y, m_k)/dtau; p = (alpha, sigma2, eta, w0, omega), k = (n_k, o_k) of the class that captured."""
    alpha, sigma2, eta, w0, omega = p
    s0, s1, s2 = s
    e, D, m = 0.5 * (1.0 + eta * eta), math.exp(-tau), 1.0 + s0
    w = w0 + omega * max(D - sigma2, 0.0)
    relax = eta * eta * math.expm1(-s1) if eta > 0.0 else 0.0
    if phase == SLIDING:
        own = advantage_rate(tau, s, p, 0.0)
        w *= own / (own - advantage_rate(tau, s, p, w))
    if phase == CAPTURED:
        pull = relax - 2.0 * e * w * (s2 - m * k[1]) / (D * math.exp(s1))
        return e * (w * (1.0 - k[1]) - s0), pull, e * ((1.0 + w) * k[1] - s2 - w * k[0])
    c = 1.0 / (1.0 + D) if phase == CROWD else shrinkage(m * m + D * math.exp(s1), D, alpha)
    return e * (w * (1.0 - c) - (1.0 + w * c) * s0), -2.0 * e * w * c + relax, 0.0


@compiled(error_model="numpy")
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


@compiled(error_model="numpy")
def _add3(s, h, weights, stages):  # pragma: no cover - compiled
    a, b, c = s
    for i in range(len(weights)):
        a += h * weights[i] * stages[i][0]
        b += h * weights[i] * stages[i][1]
        c += h * weights[i] * stages[i][2]
    return a, b, c


@compiled(error_model="numpy")
def exits(phase, tau, s, p, k):  # pragma: no cover - compiled
    """What turns positive where the phase ends: (speciation, change of crowd and glass or release, capture); for
    sliding (speciation, despeciation)."""
    alpha, sigma2, _, w0, omega = p
    if phase == SLIDING:
        w = w0 + omega * max(math.exp(-tau) - sigma2, 0.0)
        return advantage_rate(tau, s, p, 0.0), -advantage_rate(tau, s, p, w), -math.inf
    F = advantage(tau, s[0], s[1], alpha)
    D, m = math.exp(-tau), 1.0 + s[0]
    if phase == CAPTURED:
        own = 1.0 + 2.0 * s[0] - 2.0 * s[2] + k[0]
        return own, own - 2.0 * D * F, -math.inf
    q = m * m + D * math.exp(s[1])
    excess = information(D, q) - alpha
    if phase == CROWD:
        return F, excess, -math.inf
    return F, -excess, capture_margin(tau, s, p)


@compiled(error_model="numpy")
def capture_margin(tau, s, p):  # pragma: no cover - compiled
    """(T7c), positive where the dominating wrong class captures; -inf for w >= 0."""
    alpha, sigma2, eta, w0, omega = p
    D, m = math.exp(-tau), 1.0 + s[0]
    w = w0 + omega * max(D - sigma2, 0.0)
    if w >= 0.0:
        return -math.inf
    c = shrinkage(m * m + D * math.exp(s[1]), D, alpha)
    return -w * (1.0 + eta * eta) - eta * eta * D * c / (1.0 - c)


@compiled(error_model="numpy")
def first_exit(phase, tau, h, s, p, k, before, after):  # pragma: no cover - compiled
    """Which exit turns positive first within the step, and after how long; (-1, h) if none does."""
    which, width = -1, h
    for i in range(3):
        if not (before[i] <= 0.0 and after[i] > 0.0):
            continue
        low, high = 0.0, h
        for _ in range(60):
            middle = 0.5 * (low + high)
            there, _ = step(phase, tau, middle, s, p, k)
            if exits(phase, tau + middle, there, p, k)[i] > 0.0:
                high = middle
            else:
                low = middle
            if high - low < 1e-15 * max(1.0, abs(tau)):
                break
        if which < 0 or high < width:
            which, width = i, high
    return which, width


@compiled(error_model="numpy")
def negative(x):  # pragma: no cover - compiled
    """Exits after a change of phase or a step: rounding must not make them positive already."""
    return min(x[0], 0.0), min(x[1], 0.0), min(x[2], 0.0)


@compiled(error_model="numpy")
def series(a, b, x):  # pragma: no cover - compiled
    """2F1(-a, 1; 1 + b; x) for a x well below 1, as in `Problem.start`."""
    total = term = 1.0
    for n in range(60):
        term *= (n - a) / (n + 1.0 + b) * x
        total += term
        if abs(term) < 1e-17 * abs(total):
            break
    return total


@compiled(error_model="numpy")
def starts(parameters, w, largest, above):  # pragma: no cover - compiled
    """Rows (t, m, v) of `Problem.start` at T = infinity for rows of parameters (alpha, sigma2, eta).

    w and `largest` (points,) are the weight at large t and the largest one, `above` the time from which w is constant.
    """
    out = np.empty((len(parameters), 3))
    for i in range(len(parameters)):
        alpha, sigma2, eta = parameters[i]
        t = max(100.0 * (1.0 + largest[i]) / min(alpha, 1.0), 100.0 * sigma2, 10.0 * above)
        e, D = 0.5 * (1.0 + eta * eta), sigma2 + t
        x = 1.0 / (1.0 + D)
        out[i] = t, (1.0 + w[i]) * series(e * w[i], e, x), D * series(2.0 * e * w[i], eta * eta, x)
    return out
