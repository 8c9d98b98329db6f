"""The equations of `theory.motion`, compiled: rates, exits and one step of a trajectory of isotropic classes.

For maps of 10^4 to 10^6 problems: (T7), (T10), (T7c), (T7d) in the same variables (tau = -log D, delta = m - 1,
y = log(v/D)), by an embedded Runge-Kutta pair of order 5(4) (Dormand and Prince); the moment of a change of phase is
bisected on the length of the step. `compiled_trajectory` follows whole trajectories with it; tests hold it to `solve`.
"""

import math
from typing import NamedTuple

from meanfield.tools.compiling import compiled

CROWD, GLASS, TARGET, CAPTURED, SLIDING = 0, 1, 2, 3, 4  # in the order of `bulk.PHASES`
RTOL, ATOL = 1e-10, 1e-13

# Dormand-Prince 5(4): stages, and the difference of the two solutions
C2, C3, C4, C5 = 0.2, 0.3, 0.8, 8 / 9
A31, A32 = 3 / 40, 9 / 40
A41, A42, A43 = 44 / 45, -56 / 15, 32 / 9
A51, A52, A53, A54 = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
A61, A62, A63, A64, A65 = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
B1, B3, B4, B5, B6 = 35 / 384, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
E1, E3, E4, E5, E6, E7 = 71 / 57600, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40


class Motion(NamedTuple):
    """A problem on one piece of its schedule, on which w = w0 + omega t."""

    alpha: float
    prior: float
    sigma2: float
    eta: float
    w0: float
    omega: float


class State(NamedTuple):
    """delta = m - 1, y = log(v/D), and the overlap m_k with the class that captured."""

    delta: float
    y: float
    m_k: float


class Overlaps(NamedTuple):
    """n_k = |mu_k|^2/d and o_k = mu_k.mu_1/d of the class that captured."""

    n_k: float
    o_k: float


class Place(NamedTuple):
    """Where a trajectory is: its phase, tau = -log D, the state, and the class that captured, if one has."""

    phase: int
    tau: float
    s: State
    k: Overlaps


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
def weight(motion, tau):  # pragma: no cover - compiled
    """w at tau."""
    return motion.w0 + motion.omega * max(math.exp(-tau) - motion.sigma2, 0.0)


@compiled(error_model="numpy")
def second_moment(D, s):  # pragma: no cover - compiled
    """q = m^2 + v."""
    m = 1.0 + s.delta
    return m * m + D * math.exp(s.y)


@compiled(error_model="numpy")
def crowd_advantage(D, delta, y):  # pragma: no cover - compiled
    """F + alpha of (T5) where the rest is a crowd."""
    spread = -math.expm1(y) + 2.0 * delta
    return 0.5 * (math.log1p(1.0 / D) + spread / (1.0 + D) - delta * delta / (D * (1.0 + D)))


@compiled(error_model="numpy")
def advantage(tau, s, alpha, prior):  # pragma: no cover - compiled
    """F of (T5), (T20)."""
    D = math.exp(-tau)
    q = second_moment(D, s)
    if information(D, q) <= alpha:
        return crowd_advantage(D, s.delta, s.y) - (alpha - prior)
    c = shrinkage(q, D, alpha)
    return (2.0 * (1.0 + s.delta) - c - q * c * (2.0 - c)) / (2.0 * D) + prior


@compiled(error_model="numpy")
def lead(tau, s, k, prior):  # pragma: no cover - compiled
    """phi_1 + lambda - phi_k: what the target has over the class that captured."""
    return (1.0 + 2.0 * s.delta - 2.0 * s.m_k + k.n_k) / (2.0 * math.exp(-tau)) + prior


@compiled(error_model="numpy")
def advantage_rate(tau, s, motion, w):  # pragma: no cover - compiled
    """dF/dtau along the field with weight w: on which side of F = 0 a trajectory goes on."""
    D, m, eta2 = math.exp(-tau), 1.0 + s.delta, motion.eta * motion.eta
    v = D * math.exp(s.y)
    e, q = 0.5 * (1.0 + eta2), m * m + v
    c = shrinkage(q, D, motion.alpha)
    d_delta = e * (w * (1.0 - c) - (1.0 + w * c) * s.delta)
    d_y = -2.0 * e * w * c + eta2 * math.expm1(-s.y)
    d_q = 2.0 * m * d_delta + v * (d_y - 1.0)
    return (d_delta - 0.5 * c * d_q - 0.5 * (q * c * (2.0 - c) - 2.0 * m + c)) / D


@compiled(error_model="numpy")
def speciated(s, fall, eta):  # pragma: no cover - compiled
    """(T10): the state after tau has grown by -fall in the target phase, in the form that loses no digits."""
    eta2, y = eta * eta, s.y
    if y > -1.0:
        y = math.log1p(math.expm1(y) * math.exp(eta2 * fall))
    elif eta2 > 0.0:
        y += math.log(math.exp(eta2 * fall) - math.expm1(eta2 * fall) * math.exp(-y))
    return State(s.delta * math.exp(0.5 * (1.0 + eta2) * fall), y, 0.0)


@compiled(error_model="numpy")
def rates(phase, tau, s, k, motion):  # pragma: no cover - compiled
    """d(delta, y, m_k)/dtau."""
    eta2, D, m = motion.eta * motion.eta, math.exp(-tau), 1.0 + s.delta
    e, w = 0.5 * (1.0 + eta2), weight(motion, tau)
    relax = eta2 * math.expm1(-s.y) if eta2 > 0.0 else 0.0
    if phase == CAPTURED:
        pull = relax - 2.0 * e * w * (s.m_k - m * k.o_k) / (D * math.exp(s.y))
        return State(e * (w * (1.0 - k.o_k) - s.delta), pull, e * ((1.0 + w) * k.o_k - s.m_k - w * k.n_k))
    if phase == SLIDING:
        own = advantage_rate(tau, s, motion, 0.0)
        w *= own / (own - advantage_rate(tau, s, motion, w))
    c = 1.0 / (1.0 + D) if phase == CROWD else shrinkage(second_moment(D, s), D, motion.alpha)
    return State(e * (w * (1.0 - c) - (1.0 + w * c) * s.delta), -2.0 * e * w * c + relax, 0.0)


@compiled(error_model="numpy")
def step(at, h, motion):  # pragma: no cover - compiled
    """One Dormand-Prince step: the new place and its error relative to the tolerance."""
    phase, tau, s, k = at
    f1 = rates(phase, tau, s, k, motion)
    f2 = rates(phase, tau + C2 * h, _add3(s, h, (C2,), (f1,)), k, motion)
    f3 = rates(phase, tau + C3 * h, _add3(s, h, (A31, A32), (f1, f2)), k, motion)
    f4 = rates(phase, tau + C4 * h, _add3(s, h, (A41, A42, A43), (f1, f2, f3)), k, motion)
    f5 = rates(phase, tau + C5 * h, _add3(s, h, (A51, A52, A53, A54), (f1, f2, f3, f4)), k, motion)
    f6 = rates(phase, tau + h, _add3(s, h, (A61, A62, A63, A64, A65), (f1, f2, f3, f4, f5)), k, motion)
    new = _add3(s, h, (B1, B3, B4, B5, B6), (f1, f3, f4, f5, f6))
    f7 = rates(phase, tau + h, new, k, motion)
    error = _add3(State(0.0, 0.0, 0.0), h, (E1, E3, E4, E5, E6, E7), (f1, f3, f4, f5, f6, f7))
    worst = 0.0
    for i in range(3):
        worst = max(worst, abs(error[i]) / (ATOL + RTOL * max(abs(s[i]), abs(new[i]))))
    return Place(phase, tau + h, new, k), worst


@compiled(error_model="numpy")
def _add3(s, h, weights, stages):  # pragma: no cover - compiled
    delta, y, m_k = s
    for i in range(len(weights)):
        delta += h * weights[i] * stages[i].delta
        y += h * weights[i] * stages[i].y
        m_k += h * weights[i] * stages[i].m_k
    return State(delta, y, m_k)


@compiled(error_model="numpy")
def exits(at, motion):  # pragma: no cover - compiled
    """What turns positive where the phase ends: (speciation, change of crowd and glass or release, capture); for
    sliding (speciation, despeciation)."""
    phase, tau, s, k = at
    if phase == SLIDING:
        guided = advantage_rate(tau, s, motion, weight(motion, tau))
        return advantage_rate(tau, s, motion, 0.0), -guided, -math.inf
    F = advantage(tau, s, motion.alpha, motion.prior)
    if phase == CAPTURED:
        own = lead(tau, s, k, motion.prior)
        return own, own - F, -math.inf
    D = math.exp(-tau)
    excess = information(D, second_moment(D, s)) - motion.alpha
    if phase == CROWD:
        return F, excess, -math.inf
    return F, -excess, capture_margin(tau, s, motion)


@compiled(error_model="numpy")
def capture_margin(tau, s, motion):  # pragma: no cover - compiled
    """(T7c), positive where the dominating wrong class captures; -inf for w >= 0."""
    w = weight(motion, tau)
    if w >= 0.0:
        return -math.inf
    D, eta2 = math.exp(-tau), motion.eta * motion.eta
    c = shrinkage(second_moment(D, s), D, motion.alpha)
    return -w * (1.0 + eta2) - eta2 * D * c / (1.0 - c)


@compiled(error_model="numpy")
def first_exit(at, h, motion, before, after):  # pragma: no cover - compiled
    """Which exit turns positive first within the step, and after how long; (-1, h) if none does."""
    which, width = -1, h
    for i in range(3):
        if not (before[i] <= 0.0 and after[i] > 0.0):
            continue
        low, high = 0.0, h
        for _ in range(60):
            middle = 0.5 * (low + high)
            there, _ = step(at, middle, motion)
            if exits(there, motion)[i] > 0.0:
                high = middle
            else:
                low = middle
            if high - low < 1e-15 * max(1.0, abs(at.tau)):
                break
        if which < 0 or high < width:
            which, width = i, high
    return which, width


@compiled(error_model="numpy")
def negative(x):  # pragma: no cover - compiled
    """Exits after a change of phase or a step: rounding must not make them positive already."""
    return min(x[0], 0.0), min(x[1], 0.0), min(x[2], 0.0)
