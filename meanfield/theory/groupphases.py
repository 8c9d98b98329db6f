"""The phases of a trajectory with a spectrum, each with its equation of motion and its exits (docs/spectra.md).

The twin of `phases` for many groups. With tau_i = -log D_i, every group i obeys

    (S6)  d delta_i/d tau_i = e [ W (1 - c_i) - (1 + W c_i) delta_i ],
          d y_i/d tau_i = -2 e W c_i + eta^2 (exp(-y_i) - 1).

Groups feel each other through the phase alone (W = w or 0), and in the glass through the common temperature in c_i.

- crowd, glass: the rest has the weight, W = w(t);
- target: it has the weight, W = 0, closed form;
- sliding: on F = 0 both sides push towards it, and W between 0 and w keeps F = 0;
- captured [approximate]: one wrong class has the weight (S8, S9).
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from meanfield.theory.groupenergy import Energies, GroupPoint, Groups

__all__ = ["Captured", "GroupPhase", "Rest", "Setting", "Sliding", "Target", "advantage_rate", "capture_margin"]


class Setting(NamedTuple):
    """What the phases need of a problem on one smooth piece of its schedule."""

    groups: Groups
    eta: float
    w: Callable[..., Any]  # guidance weight as a function of tau

    @property
    def e(self) -> float:
        return 0.5 * (1.0 + self.eta**2)

    def energies(self, p: GroupPoint) -> Energies:
        return self.groups.energies(p)

    def D(self, tau: np.ndarray) -> np.ndarray:
        return self.groups.D(tau)

    def clock(self, tau: np.ndarray) -> np.ndarray:
        return self.groups.clock(tau)


def drift(s: Setting, delta: np.ndarray, y: np.ndarray, W: float, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S6): rates of delta_i and y_i per unit of tau_i."""
    return s.e * (W * (1.0 - c) - (1.0 + W * c) * delta), -2.0 * s.e * W * c + _relaxation(s.eta, y)


def advantage_rate(s: Setting, p: GroupPoint, W: float) -> float:
    """dF/dtau along the field with weight W (S7)."""
    g, D, c = s.groups, s.groups.D(p.tau), s.energies(p).c
    m, v = 1.0 + p.delta, D * np.exp(p.y)
    d_delta, d_y = drift(s, p.delta, p.y, W, c)
    d_q = 2.0 * m * d_delta + v * (d_y - 1.0)
    rate = (d_delta - 0.5 * c * d_q - 0.5 * ((m * m + v) * c * (2.0 - c) - 2.0 * m + c)) / D
    return float(g.r @ (g.clock(p.tau) * rate))


def capture_margin(s: Setting, p: GroupPoint) -> float:
    """(S8): -W (1 + eta^2) - eta^2 beta, positive where the dominating wrong class captures the sample."""
    W = s.w(p.tau)
    margin = -W * (1.0 + s.eta**2) - s.energies(p).beta * s.eta**2
    return margin if W < 0.0 else min(margin, -1e-300)  # W >= 0 never captures


class GroupPhase:
    """Base: a phase entered at `entry`. The state vector begins with delta (groups) and y (groups)."""

    name: ClassVar[str]
    linear = False

    def __init__(self, s: Setting, entry: GroupPoint) -> None:
        self.s, self.entry, self.n = s, entry, len(entry.delta)

    def initial(self) -> np.ndarray:
        return np.concatenate([self.entry.delta, self.entry.y])

    def point(self, tau: float, state: np.ndarray) -> GroupPoint:
        return GroupPoint(tau, state[: self.n], state[self.n : 2 * self.n])

    def rates(self, tau: float, state: np.ndarray) -> np.ndarray:
        p = self.point(tau, state)
        d_delta, d_y = drift(self.s, p.delta, p.y, *self.force(p))
        clock = self.s.groups.clock(tau)
        return np.concatenate([clock * d_delta, clock * d_y])

    def force(self, p: GroupPoint) -> tuple[float, np.ndarray]:
        """Effective weight W, and c_i."""
        raise NotImplementedError

    def exits(self) -> list[Callable[[float, np.ndarray], float]]:
        raise NotImplementedError

    def F(self, tau: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Advantage of the target over the rest at many times; states (variables, times)."""
        return self.s.groups.many(tau, states[: self.n], states[self.n : 2 * self.n])


class Rest(GroupPhase):
    """Crowd or glass: guidance acts. Exits: speciation; change of crowd and glass; capture (not after a release)."""

    def __init__(self, s: Setting, entry: GroupPoint, glass: bool, captures: bool = True) -> None:
        super().__init__(s, entry)
        self.glass, self.captures = glass, captures
        self.name = "glass" if glass else "crowd"  # type: ignore[misc]

    def force(self, p):
        c = self.s.energies(p).c if self.glass else 1.0 / (1.0 + self.s.groups.D(p.tau))
        return self.s.w(p.tau), c

    def exits(self):
        sign = -1.0 if self.glass else 1.0

        def speciation(tau, state):
            return self.s.energies(self.point(tau, state)).F

        def condensation(tau, state):
            return sign * (self.s.energies(self.point(tau, state)).K - self.s.groups.alpha)

        def capture(tau, state):
            return capture_margin(self.s, self.point(tau, state))

        return [speciation, condensation, capture] if self.glass and self.captures else [speciation, condensation]

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Whether the equations are linear with known coefficients, so that `quadrature` solves them."""
        return not self.glass

    def crowd_exits(self, tau: np.ndarray, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """`exits` of a crowd at many times, (2, times); delta and y are (times, groups)."""
        F, K = self.s.groups.crowd(self.s.D(tau), delta, y)
        return np.array([F, K - self.s.groups.alpha])


class Target(GroupPhase):
    """The target has the weight: delta_i ~ D_i^e and v_i/D_i - 1 ~ D_i^(eta^2), (T10) in every direction."""

    name = "target"

    def solution(self, tau):
        """(delta, y) at times tau, shape (2 groups, times)."""
        g, eta2 = self.s.groups, self.s.eta**2
        fall = np.log(g.D(np.atleast_1d(tau)) / g.D(self.entry.tau)).T  # (groups, times), <= 0
        y = self.entry.y[:, None]
        gentle = np.log1p(np.expm1(np.maximum(y, -1.0)) * np.exp(eta2 * fall))
        low = np.log(np.exp(eta2 * fall) - np.expm1(eta2 * fall) * np.exp(-np.minimum(y, -1.0))) + y if eta2 else y
        out = np.concatenate([self.entry.delta[:, None] * np.exp(self.s.e * fall), np.where(y > -1.0, gentle, low)])
        return out.reshape(2 * self.n, *np.shape(tau))

    def desertion(self, tau: float) -> float:
        """Positive once the rest has more weight than the target."""
        return -self.s.energies(self.point(tau, self.solution(tau))).F


class Sliding(GroupPhase):
    """Both sides of F = 0 push towards it, and the weight between 0 and w that keeps F = 0 acts (Filippov)."""

    name = "sliding"

    def force(self, p):
        w = self.s.w(p.tau)
        speciated, guided = advantage_rate(self.s, p, 0.0), advantage_rate(self.s, p, w)
        return w * speciated / (speciated - guided), self.s.energies(p).c

    def exits(self):
        def speciation(tau, state):
            return advantage_rate(self.s, self.point(tau, state), 0.0)

        def despeciation(tau, state):
            return -advantage_rate(self.s, self.point(tau, state), self.s.w(tau))

        return [speciation, despeciation]


class Captured(GroupPhase):
    """One wrong class k has the weight (S9), with overlaps m_k (moving, third part of the state), n_k, o_k by group."""

    name = "captured"

    def __init__(self, s: Setting, entry: GroupPoint, m_k: np.ndarray, n_k: np.ndarray, o_k: np.ndarray) -> None:
        super().__init__(s, entry)
        self.m_k, self.n_k, self.o_k = m_k, n_k, o_k

    @classmethod
    def at(cls, s: Setting, p: GroupPoint) -> "Captured":
        """Capture by a class of the ground state at the entry point."""
        c, m = s.energies(p).c, 1.0 + p.delta
        q = m * m + s.groups.D(p.tau) * np.exp(p.y)
        return cls(s, p, c * q, (1.0 - c) + c * c * q, c * m)

    def resumed(self, s: Setting, p: GroupPoint, state: np.ndarray) -> "Captured":
        """The same class goes on from a state, with another piece of the schedule."""
        return Captured(s, p, state[2 * self.n :], self.n_k, self.o_k)

    def initial(self):
        return np.concatenate([self.entry.delta, self.entry.y, self.m_k])

    def rates(self, tau, state):
        s, D, clock = self.s, self.s.groups.D(tau), self.s.groups.clock(tau)
        delta, y, m_k = np.split(state, 3)
        W, m, v = s.w(tau), 1.0 + delta, D * np.exp(y)
        d_delta = s.e * (W * (1.0 - self.o_k) - delta)
        d_y = _relaxation(s.eta, y) - 2.0 * s.e * W * (m_k - m * self.o_k) / v
        d_m_k = s.e * ((1.0 + W) * self.o_k - m_k - W * self.n_k)
        return np.concatenate([clock * d_delta, clock * d_y, clock * d_m_k])

    def lead(self, tau, state):
        """phi_1 - phi_k: what the target has over the class that captured."""
        n, g = self.n, self.s.groups
        gap = 1.0 + 2.0 * state[:n].T - 2.0 * state[2 * n :].T + self.n_k  # (..., groups)
        return (gap / (2.0 * g.D(tau))) @ g.r

    def exits(self):
        def release(tau, state):  # phi_rest - phi_k
            return float(self.lead(tau, state)) - self.s.energies(self.point(tau, state)).F

        return [lambda tau, state: float(self.lead(tau, state)), release]

    def F(self, tau, states):
        return self.lead(tau, states)


def _relaxation(eta: float, y: np.ndarray) -> np.ndarray:
    """eta^2 (exp(-y) - 1), the pull of v towards D; at eta = 0 there is none, and exp(-y) may overflow."""
    return eta**2 * np.expm1(-y) if eta else np.zeros_like(y)
