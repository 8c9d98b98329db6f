"""The phases that a guided trajectory passes, each with its own equation of motion and its own exits.

`motion` has the equations and the free energies; W is the weight that acts. Exits of a phase are functions that change
sign upwards when it ends.

- crowd, glass: the rest has the weight, W = w(t); of several populations one of them.
- shared: two populations hold the weight, in shares that keep it so (Filippov, (T23)).
- target: the target has the weight, W = 0; solved in closed form (T10).
- sliding: both have weight; W between 0 and w keeps F = 0 (Filippov). In isotropic problems for eta > 1 only.
- captured [approximate]: one wrong class has the weight since W < 0 drew x to it in the glass (T7c, T7d), (S8, S9).
"""

from typing import Any, ClassVar

import numpy as np

from meanfield.theory.energies import exp
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.push import Push

# Where (T7c) begins to hold inside a glass, the class that captures may be overtaken at once; later ones are not. The
# glass goes on for REARM in tau before the next try, twice as long after each failure; captures that hold then last
# longer and longer. What counts as "at once" is REARM too, twice as long after every MANY captures.
REARM, LONGEST_WAIT, MANY = 1e-3, 0.1, 20


class Phase:
    """Base: a phase entered at `entry`. A state vector has delta and y of every group, and what a phase adds.

    Subclasses give the force that acts, their exits, and what else there is.
    """

    name: ClassVar[str]
    linear = False

    def __init__(self, motion: Motion, entry: Point) -> None:
        self.motion, self.entry, self.groups = motion, entry, entry.groups
        self.n = entry.groups.n

    def initial(self) -> Any:
        return self.groups.join(self.entry.delta, self.entry.y)

    def point(self, tau: float, state: np.ndarray) -> Point:
        return Point(self.groups, tau, *self.groups.split(state)[:2])

    def rates(self, tau: float, state: np.ndarray) -> Any:
        """d(state)/dtau."""
        p, clock = self.point(tau, state), self.groups.clock(tau)
        d_delta, d_y = self.motion.drift(p.delta, p.y, self.force(p))
        return self.groups.join(clock * d_delta, clock * d_y)

    def force(self, p: Point) -> Push:
        """What guidance adds to the pull of the class."""
        raise NotImplementedError

    def exits(self, tau: float, state: np.ndarray) -> tuple[float, ...]:
        """What turns positive where the phase ends, one number for each way out."""
        raise NotImplementedError

    def F(self, tau: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Advantage of the target over the rest (T5) at many times; states has shape (variables, times)."""
        return self.groups.advantage(tau, states[: self.n].T, states[self.n : 2 * self.n].T)


class Rest(Phase):
    """Crowd or glass: guidance acts with its full weight. Exits: speciation; change of crowd and glass; capture;
    another population takes over.

    A captured class that is overtaken at once by fresh ones leaves a glass that does not `capture` for a while (REARM).
    """

    def __init__(self, motion: Motion, entry: Point, glass: bool, captures: bool = True) -> None:
        super().__init__(motion, entry)
        self.glass, self.name = glass, "glass" if glass else "crowd"  # type: ignore[misc]
        self.captures = glass and captures

    def force(self, p):
        if self.glass or self.motion.rule is not None:
            return self.motion.push(p)
        W = self.motion.weight(p)
        return Push(W, W / (1.0 + p.D))

    def exits(self, tau, state):
        if self.groups.alpha == np.inf:  # in the continuum the target never has the weight
            return (-np.inf, -np.inf, -1.0, -1.0)
        p = self.point(tau, state)
        excess = p.K - self.groups.alpha
        margin = self.motion.capture_margin(p) if self.captures else -1.0
        return p.F, -excess if self.glass else excess, margin, p.behind

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Whether the equations are linear with known coefficients, so that `crowd` solves them."""
        alone = not self.glass and self.groups.first
        return alone and not self.motion.exponent and self.motion.rule is None

    def crowd_exits(self, tau: np.ndarray, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """`exits` of a crowd at many times, (2, times); delta and y are (times, groups)."""
        F, K = self.groups.crowd(tau, delta, y)
        return np.array([F, K - self.groups.alpha])


def against(motion: Motion, p: Point, other: Point, push: Push) -> float:
    """Rate of phi of `other` less that of p, the same place seen by two populations, along a field."""
    return motion.advantage_rate(p, push) - motion.advantage_rate(other, push)


class Shared(Phase):
    """Two populations have the weight together: the field of each leads to the other, and such shares of both act that
    neither gets ahead (T23). Exits: speciation; the second is left with the weight, or the first; a third takes part.
    """

    name = "shared"

    def __init__(self, motion: Motion, entry: Point, second: Groups) -> None:
        super().__init__(motion, entry)
        self.second = second

    @classmethod
    def between(cls, motion: Motion, p: Point, other: Point) -> "Shared | Point":
        """Where two populations tie: their phase if they share, or the place as seen by the one that goes on."""
        found = cls(motion, p, other.groups)
        _, gain, _, loss = found._two(p)
        return found if gain > 0.0 >= loss else other if loss > 0.0 else p

    def leaves(self, which: int, p: Point) -> bool:
        """Whether exit `which` leads to the target: both fall behind where the target has the weight."""
        push = self.motion.push_in_target(p)
        return which == 0 and all(self.motion.advantage_rate(x, push) >= 0.0 for x in (p, p.seen_by(self.second)))

    def _two(self, p: Point) -> tuple[Push, float, Push, float]:
        """The push of both populations, and how much the second gains on the first by each."""
        other = p.seen_by(self.second)
        one, two = self.motion.push(p), self.motion.push(other)
        return one, against(self.motion, p, other, one), two, against(self.motion, p, other, two)

    def force(self, p):
        one, gain, two, loss = self._two(p)
        share = loss / (loss - gain)  # of the first
        return one.times(share).plus(two.times(1.0 - share))

    def exits(self, tau, state):
        p = self.point(tau, state)
        _, gain, _, loss = self._two(p)
        third = max((p.own - p.seen_by(g).own for g in self.groups.others if g is not self.second), default=-1.0)
        return p.F, loss, -gain, third


class Target(Phase):
    """The target has the weight: guidance does nothing, and (T10) holds: delta ~ D^e, v/D - 1 ~ D^(eta^2)."""

    name = "target"

    def solution(self, tau):
        """(delta, y) at one or many times tau, shape (2 groups, *tau.shape)."""
        times = np.atleast_1d(np.asarray(tau, float))
        eta2, start = self.motion.eta**2, self.entry
        fall = np.log(self.groups.D(times) / start.D)  # (times, groups), <= 0
        decay, y = np.exp(eta2 * fall), np.asarray(start.y)
        near = np.log1p(np.expm1(np.maximum(y, -1.0)) * decay)
        # v far below D: the same, without the cancellation at u = 0 (u may even underflow at eta = 0)
        far = np.log(decay - np.expm1(eta2 * fall) * np.exp(-np.minimum(y, -1.0))) + y if eta2 else y
        delta = start.delta * np.exp(self.motion.e * fall)
        states = np.hstack([delta, np.where(y > -1.0, near, far)])
        return states.T.reshape(2 * self.n, *np.shape(tau))


class DrivenTarget(Phase):
    """The target has the weight, and the rule of guidance acts all the same. Exit: the target loses it."""

    name = "target"

    def force(self, p):
        return self.motion.push_in_target(p)

    def exits(self, tau, state):
        return (-self.point(tau, state).F if self.motion.rivals else -1.0,)


class Sliding(Phase):
    """Both sides of F = 0 push towards it, and the weight between 0 and w that keeps F = 0 acts (Filippov)."""

    name = "sliding"

    def force(self, p):
        push, target = self.motion.push(p), self.motion.push_in_target(p)
        speciated, guided = self.motion.advantage_rate(p, target), self.motion.advantage_rate(p, push)
        share = speciated / (speciated - guided)
        return push.times(share).plus(target.times(1.0 - share))

    def exits(self, tau, state):
        """Speciation, despeciation; another population takes part."""
        p, motion = self.point(tau, state), self.motion
        speciated, guided = motion.push_in_target(p), motion.push(p)
        return motion.advantage_rate(p, speciated), -motion.advantage_rate(p, guided), p.behind


class Captured(Phase):
    """One wrong class k has the weight (T7d), (S9). Overlaps by group: m_k = x.mu_k/d, which moves, n_k = |mu_k|^2/d
    and o_k = mu_k.mu_1/d.

    The equation of q becomes one of y: dy/dtau = eta^2 (exp(-y) - 1) - 2 e W (m_k - m o_k)/v. Exits: the target wins;
    the crowd or a fresh ground state overtakes the class (release).
    """

    name = "captured"

    def __init__(self, motion: Motion, entry: Point, m_k: Any, n_k: Any, o_k: Any) -> None:
        super().__init__(motion, entry)
        self.m_k, self.n_k, self.o_k = m_k, n_k, o_k
        self.rounding = 0.0

    @classmethod
    def at(cls, motion: Motion, p: Point) -> "Captured":
        """Capture by a class of the ground state at the entry point.

        There phi_k = phi_rest but for rounding, which is taken off: an overtaking at once, where the difference grows
        from a double root, would be found late by the square root of it.
        """
        captured = cls(motion, p, p.c * p.q, (1.0 - p.c) + p.c * p.c * p.q, p.c * p.m)
        _, captured.rounding = captured.exits(p.tau, np.asarray(captured.initial()))
        return captured

    def resumed(self, motion: Motion, p: Point, state: np.ndarray) -> "Captured":
        """The same class goes on from a state, with another piece of the schedule."""
        return Captured(motion, p, self.groups.split(state)[2], self.n_k, self.o_k)

    def initial(self):
        return self.groups.join(self.entry.delta, self.entry.y, self.m_k)

    def rates(self, tau, state):
        motion, clock, (delta, y, m_k) = self.motion, self.groups.clock(tau), self.groups.split(state)
        W, e, o_k = motion.weight_captured(tau, self.n_k, self.o_k), motion.e, self.o_k
        d_delta = e * (W * (1.0 - o_k) - delta)
        d_y = motion.relaxation(y) - 2.0 * e * W * (m_k - (1.0 + delta) * o_k) / (self.groups.D(tau) * exp(y))
        d_m_k = e * ((1.0 + W) * o_k - m_k - W * self.n_k)
        return self.groups.join(clock * d_delta, clock * d_y, clock * d_m_k)

    def lead(self, tau, delta, m_k):
        """phi_1 + lambda - phi_k: what the target has over the class that captured."""
        prior = self.groups.prior
        return self.groups.mean((1.0 + 2.0 * delta - 2.0 * m_k + self.n_k) / (2.0 * self.groups.D(tau))) + prior

    def exits(self, tau, state):
        """Speciation; release: phi_rest - phi_k."""
        delta, y, m_k = self.groups.split(state)
        lead = float(self.lead(tau, delta, m_k))
        return lead, lead - Point(self.groups, tau, delta, y).F - self.rounding

    def F(self, tau, states):
        return self.lead(tau, states[: self.n].T, states[2 * self.n :].T)
