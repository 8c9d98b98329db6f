"""The phases that a guided trajectory passes, each with its own equation of motion and its own exits.

Time runs as tau = -log D, upwards. A point is (tau, delta, y) with delta = m - 1 and y = log(v/D); in these (T7) reads

    d delta/d tau = e [ W (1 - c) - (1 + W c) delta ],      d y/d tau = -2 e W c + eta^2 (exp(-y) - 1),

where W is the guidance weight that acts and c = 1/(1 + D') describes the rest (see `freeenergy`). Exits of a phase are
functions that change sign upwards when it ends.

- crowd, glass: the rest has the weight, W = w(t).
- target: the target has the weight, W = 0; solved in closed form (T10).
- sliding (eta > 1 only): both have weight; W in [0, w] keeps F = 0 (Filippov).
- captured [approximate]: one wrong class has the weight since W < 0 drew x to it in the glass (T7c, T7d).
"""

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from meanfield.theory.energies import advantage, crowd_advantage, ground_state, information, shrinkage

__all__ = ["Captured", "Phase", "Point", "Rest", "Setting", "Sliding", "Target", "drift"]


class Point(NamedTuple):
    """A place on a trajectory: tau = -log D, delta = m - 1, y = log(v/D)."""

    tau: float
    delta: float
    y: float

    @property
    def D(self) -> float:
        return math.exp(-self.tau)

    @property
    def m(self) -> float:
        return 1.0 + self.delta

    @property
    def v(self) -> float:
        return math.exp(self.y - self.tau)

    @property
    def q(self) -> float:
        return self.m**2 + self.v


class Setting(NamedTuple):
    """What the phases need of a problem on one smooth piece of its schedule."""

    alpha: float
    eta: float
    w: Callable[..., Any]  # guidance weight as a function of tau, or its factor if it depends on the sample
    exponent: float = 0.0  # of |s_c - s_u|/d^(1/2) in the weight (`meanfield.guidance.by_norm`)

    @property
    def e(self) -> float:
        return 0.5 * (1.0 + self.eta**2)

    def D(self, tau: np.ndarray) -> np.ndarray:
        """Variance of a noised class, (..., 1): one group of directions."""
        return np.exp(-tau)[..., None]

    def clock(self, tau: np.ndarray) -> np.ndarray:
        """The group's time runs as tau does, (..., 1)."""
        return np.ones((*tau.shape, 1))

    def weight(self, p: Point, c: float) -> float:
        """Weight that acts where the rest, described by c = 1/(1 + D'), has the weight."""
        if not self.exponent:
            return self.w(p.tau)
        condensed = max((1.0 - c) - p.D * c, 0.0)  # (1 - c) Y, with Y = 1 - D/D' on average; 0 in the crowd
        square = (1.0 - c * p.m) ** 2 + c * c * p.v + condensed
        return self.w(p.tau) * (math.sqrt(square) / p.D) ** self.exponent

    def weight_captured(self, tau: float, n_k: float, o_k: float) -> float:
        """Weight that acts where a wrong class has the weight."""
        if not self.exponent:
            return self.w(tau)
        return self.w(tau) * (math.sqrt(1.0 - 2.0 * o_k + n_k) * math.exp(tau)) ** self.exponent


def drift(s: Setting, delta: float, y: float, W: float, c: float) -> tuple[float, float]:
    """(T7) in (delta, y): the rates d delta/d tau and d y/d tau."""
    return s.e * (W * (1.0 - c) - (1.0 + W * c) * delta), -2.0 * s.e * W * c + _relaxation(s.eta, y)


def advantage_rate(s: Setting, p: Point, W: float) -> float:
    """dF/dtau along the field with weight W: it says on which side of F = 0 a trajectory goes on."""
    c = _c(s, p)
    d_delta, d_y = drift(s, p.delta, p.y, W, c)
    d_q = 2.0 * p.m * d_delta + p.v * (d_y - 1.0)
    return (d_delta - 0.5 * c * d_q - 0.5 * (p.q * c * (2.0 - c) - 2.0 * p.m + c)) / p.D


def capture_margin(s: Setting, p: Point) -> float:
    """(T7c): -W (1 + eta^2) - eta^2 D/D', positive where the dominating wrong class captures the sample."""
    D_prime = ground_state(p.q, p.D, s.alpha)
    W, ratio = s.weight(p, 1.0 / (1.0 + D_prime)), p.D / D_prime
    margin = -W * (1.0 + s.eta**2) - ratio * s.eta**2
    return margin if W < 0.0 else min(margin, -1e-300)  # strictly negative: W >= 0 never captures


# Where (T7c) begins to hold inside a glass, the class that captures may be overtaken at once; later ones are not. The
# glass goes on for REARM in tau before the next try, twice as long after each failure; captures that hold then last
# longer and longer. What counts as "at once" is REARM too, twice as long after every MANY captures.
REARM, LONGEST_WAIT, MANY = 1e-3, 0.1, 20


class Phase:
    """Base: a phase entered at `entry`; subclasses give the state vector, its rates, its exits and how to read it."""

    name: ClassVar[str]
    n: ClassVar[int] = 1  # delta and y each
    linear = False

    def __init__(self, s: Setting, entry: Point) -> None:
        self.s, self.entry = s, entry

    def initial(self) -> list[float]:
        return [self.entry.delta, self.entry.y]

    def point(self, tau: float, state: np.ndarray) -> Point:
        return Point(tau, float(state[0]), float(state[1]))

    def rates(self, tau: float, state: np.ndarray) -> tuple[float, ...]:
        raise NotImplementedError

    def exits(self) -> list[Callable[[float, np.ndarray], float]]:
        raise NotImplementedError

    def F(self, tau: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Advantage of the target over the rest (T5) at many times; states has shape (variables, times)."""
        D = np.exp(-tau)
        c = shrinkage((1.0 + states[0]) ** 2 + D * np.exp(states[1]), D, self.s.alpha)
        return advantage(D, states[0], states[1], c, self.s.alpha)


class Rest(Phase):
    """Crowd or glass: guidance acts with its full weight. Exits: speciation; change of crowd and glass; capture.

    A captured class that is overtaken at once by fresh ones leaves a glass that does not `capture` for a while (REARM).
    """

    def __init__(self, s: Setting, entry: Point, glass: bool, captures: bool = True) -> None:
        super().__init__(s, entry)
        self.captures = captures
        self.glass, self.name = glass, "glass" if glass else "crowd"  # type: ignore[misc]

    def rates(self, tau, state):
        p = Point(tau, state[0], state[1])
        c = _c(self.s, p) if self.glass else 1.0 / (1.0 + p.D)
        return drift(self.s, p.delta, p.y, self.s.weight(p, c), c)

    def exits(self):
        sign = -1.0 if self.glass else 1.0

        def speciation(tau, state):
            return _F(self.s, Point(tau, state[0], state[1]))

        def condensation(tau, state):
            p = Point(tau, state[0], state[1])
            return sign * (float(information(p.D, p.q)) - self.s.alpha)

        def capture(tau, state):
            return capture_margin(self.s, Point(tau, state[0], state[1]))

        return [speciation, condensation, capture] if self.glass and self.captures else [speciation, condensation]

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Whether the equations are linear with known coefficients, so that `quadrature` solves them."""
        return not self.glass and not self.s.exponent

    def crowd_exits(self, tau: np.ndarray, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """`exits` of a crowd at many times, (2, times); delta and y are (times, 1)."""
        D, alpha, delta, y = np.exp(-tau), self.s.alpha, delta[:, 0], y[:, 0]
        condensation = information(D, (1.0 + delta) ** 2 + D * np.exp(y)) - alpha
        return np.array([crowd_advantage(D, delta, y, alpha), condensation])


class Target(Phase):
    """The target has the weight: guidance does nothing, and (T10) holds: delta ~ D^e, v/D - 1 ~ D^(eta^2)."""

    name = "target"

    def solution(self, tau):
        """(delta, y) at times tau, shape (2, times)."""
        fall, y_s, eta2 = self.entry.tau - np.asarray(tau, float), self.entry.y, self.s.eta**2
        if y_s > -1.0:
            y = np.log1p(math.expm1(y_s) * np.exp(eta2 * fall))
        else:  # v far below D: the same, without the cancellation at u = 0 (u may even underflow at eta = 0)
            y = np.log(np.exp(eta2 * fall) - np.expm1(eta2 * fall) * math.exp(-y_s)) + y_s if eta2 else y_s + 0.0 * fall
        return np.array([self.entry.delta * np.exp(self.s.e * fall), y])

    def desertion(self, tau: float) -> float:
        """Positive once the rest has more weight than the target; for eta <= 1 this never happens (sec. 3)."""
        delta, y = self.solution(tau)
        return -_F(self.s, Point(tau, float(delta), float(y)))


class Sliding(Phase):
    """eta > 1: both sides of F = 0 push towards it, and the weight in [0, w] that keeps F = 0 acts."""

    name = "sliding"

    def weight(self, p: Point) -> float:
        w = self.s.weight(p, _c(self.s, p))
        speciated, guided = advantage_rate(self.s, p, 0.0), advantage_rate(self.s, p, w)
        return w * speciated / (speciated - guided)

    def rates(self, tau, state):
        p = Point(tau, state[0], state[1])
        return drift(self.s, p.delta, p.y, self.weight(p), _c(self.s, p))

    def exits(self):
        def speciation(tau, state):
            return advantage_rate(self.s, Point(tau, state[0], state[1]), 0.0)

        def despeciation(tau, state):
            p = Point(tau, state[0], state[1])
            return -advantage_rate(self.s, p, self.s.weight(p, _c(self.s, p)))

        return [speciation, despeciation]


class Captured(Phase):
    """One wrong class k has the weight (T7d): overlaps m_k = x.mu_k/d (moving), n_k = |mu_k|^2/d, o_k = mu_k.mu_1/d.

    The equation of q becomes one of y: dy/dtau = eta^2 (exp(-y) - 1) - 2 e W (m_k - m o_k)/v. Exits: the target wins;
    the crowd or a fresh ground state overtakes the class (release).
    """

    name = "captured"

    def __init__(self, s: Setting, entry: Point, m_k: float, n_k: float, o_k: float) -> None:
        super().__init__(s, entry)
        self.m_k, self.n_k, self.o_k = m_k, n_k, o_k

    @classmethod
    def at(cls, s: Setting, entry: Point) -> "Captured":
        """Capture by a class of the ground state at the entry point."""
        c = _c(s, entry)
        return cls(s, entry, c * entry.q, (1.0 - c) + c * c * entry.q, c * entry.m)

    def resumed(self, s: Setting, p: Point, state: np.ndarray) -> "Captured":
        """The same class goes on from a state, with another piece of the schedule."""
        return Captured(s, p, float(state[2]), self.n_k, self.o_k)

    def initial(self):
        return [self.entry.delta, self.entry.y, self.m_k]

    def rates(self, tau, state):
        s, (delta, y, m_k) = self.s, state
        W, m, v = s.weight_captured(tau, self.n_k, self.o_k), 1.0 + delta, math.exp(y - tau)
        return (
            s.e * (W * (1.0 - self.o_k) - delta),
            _relaxation(s.eta, y) - 2.0 * s.e * W * (m_k - m * self.o_k) / v,
            s.e * ((1.0 + W) * self.o_k - m_k - W * self.n_k),
        )

    def exits(self):
        def speciation(tau, state):
            return 1.0 + 2.0 * state[0] - 2.0 * state[2] + self.n_k

        def release(tau, state):
            p = Point(tau, state[0], state[1])
            fresh = 2.0 * p.D * _F(self.s, p)  # 2 D (phi_1 - phi_rest)
            return speciation(tau, state) - fresh  # 2 D (phi_rest - phi_k)

        return [speciation, release]

    def F(self, tau, states):
        return (1.0 + 2.0 * states[0] - 2.0 * states[2] + self.n_k) / (2.0 * np.exp(-tau))


def _relaxation(eta: float, y: float) -> float:
    """eta^2 (exp(-y) - 1), the pull of v towards D; at eta = 0 there is none, and exp(-y) may overflow."""
    return eta**2 * math.expm1(-y) if eta else 0.0


def _c(s: Setting, p: Point) -> float:
    return 1.0 / (1.0 + ground_state(p.q, p.D, s.alpha))


def _F(s: Setting, p: Point) -> float:
    return float(advantage(p.D, p.delta, p.y, _c(s, p), s.alpha))
