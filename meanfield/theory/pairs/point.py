"""A place on a trajectory with two overlaps, what guidance does there, and how the log-weights move.

    x = m mu_1 + m_2 mu_2 + v^(1/2) z,      q = m^2 + m_2^2 + v,      D s = (1 + a) mu_1 + a_2 mu_2 - (1 + b) x

in every group of directions, mu_2 being another class of the same law: mu_1.mu_2/d = 0 at d = infinity. (T7) with m_2:

    dm/dtau_i = e [(1 + a) - (1 + b) m],       dm_2/dtau_i = e [a_2 - (1 + b) m_2],
    dy/dtau_i = -2 e b + eta^2 (exp(-y) - 1).

Which push acts is up to who has the weight: the rest (crowd or glass), class 1 or class 2. phi_1 and phi_rest are those
of (T1)-(T4) at this q, and phi_1 - phi_2 = (m - m_2)/D.
"""

import math
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.statement import Problem
from meanfield.theory.energies import crowd_advantage, exp, glass_advantage
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.push import NEAR, added

REST, TARGET, SECOND = 0, 1, 2  # who can have the weight


class Pair(Point):
    """A point with the overlap m_2 = x.mu_2/d; y = log(v/D) is of the variance across both means."""

    def __init__(self, groups: Groups, tau: float, delta: Any, y: Any, m_2: Any) -> None:
        super().__init__(groups, tau, delta, y)
        self.m_2 = m_2

    @cached_property
    def q(self) -> Any:
        return self.m**2 + self.m_2**2 + self.v

    @cached_property
    def weights(self) -> np.ndarray:
        """Log-weights per dimension of REST, TARGET and SECOND, less that of the rest, (3,)."""
        mean, alpha = self.groups.mean, self.groups.alpha
        if self.K <= alpha:
            across = np.log(exp(self.y) + self.m_2**2 / self.D)  # of what is across mu_1
            own = mean(crowd_advantage(self.D, self.delta, across)) - alpha
        else:
            own = mean(glass_advantage(self.D, self.m, self.q, self.c))
        return np.array([0.0, own, own - mean((self.m - self.m_2) / self.D)], float)

    def advantage(self, rivals: tuple[int, ...]) -> float:
        """Advantage F of the target over all others among the `rivals`; -inf in a continuum."""
        own = self.weights[TARGET]
        return float(own - max((self.weights[k] for k in rivals if k != TARGET), default=-math.inf))


def rivals_of(problem: Problem, alpha: float) -> tuple[int, ...]:
    """Who can have the weight: in a continuum the rest alone, and of two classes there is no rest."""
    if math.isinf(alpha):
        return (REST,)
    return (TARGET, SECOND) if problem.classes.log_count(1e300) < math.log(2.5) else (REST, TARGET, SECOND)


class PairPush(NamedTuple):
    """a, a_2 and b, by group."""

    a: Any
    a_2: Any
    b: Any


def push_of_pair(motion: Motion, p: Pair, owner: int) -> PairPush:
    """The push of a rule with a second condition where `owner` has the weight.

    As `meanfield.theory.push.push_of_rule`, with a coordinate along mu_2 more.
    """
    rule, groups, w = motion.rule, p.groups, motion.w(p.tau)
    t = max(math.exp(-p.tau) - groups.floor, NEAR * groups.floor)
    C, g, share, m, m_2, v, c = (np.atleast_1d(x) for x in (groups.c, groups.g, groups.share, p.m, p.m_2, p.v, p.c))
    unit, zero = np.sqrt(share * g), np.zeros(groups.n)
    x = np.stack([unit * m, unit * m_2, unit * np.sqrt(v), zero])
    mu_1, mu_2 = np.stack([unit, zero, zero, zero]), np.stack([zero, unit, zero, zero])
    across = unit * np.sqrt(np.maximum((1.0 - c) * (1.0 - p.beta), 0.0))  # the few classes that dominate a glass
    M = (c * x + np.stack([zero, zero, zero, across]), mu_1, mu_2)[owner]
    along, along_2, rest, _ = added(rule, x, t, w, C, [mu_1, M, mu_2]) / unit
    b = -rest / np.sqrt(v)
    push = along + b * m, along_2 + b * m_2, b
    return PairPush(*(push if groups.n > 1 else (float(part[0]) for part in push)))


def drift(motion: Motion, p: Pair, push: PairPush) -> tuple[Any, Any, Any]:
    """The rates of delta, y and m_2 by the clock of every group."""
    a, a_2, b = push
    d_delta = motion.e * ((a - b) - (1.0 + b) * p.delta)
    return d_delta, -2.0 * motion.e * b + motion.relaxation(p.y), motion.e * (a_2 - (1.0 + b) * p.m_2)


def weight_rates(motion: Motion, p: Pair, push: PairPush) -> np.ndarray:
    """Rates in tau of `Pair.weights`, (3,): (S7) with m_2 in q."""
    d_delta, d_y, d_m_2 = drift(motion, p, push)
    d_q = 2.0 * p.m * d_delta + 2.0 * p.m_2 * d_m_2 + p.v * (d_y - 1.0)
    own = (d_delta - 0.5 * p.c * d_q - 0.5 * (p.q * p.c * (2.0 - p.c) - 2.0 * p.m + p.c)) / p.D
    lead = (d_delta - d_m_2 + p.m - p.m_2) / p.D
    mean, clock = p.groups.mean, p.groups.clock(p.tau)
    return np.array([0.0, mean(clock * own), mean(clock * (own - lead))], float)
