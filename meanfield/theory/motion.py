"""Points of a trajectory, the free energies there, and the equations of motion: (T7), (S6)-(S8).

Directions with one clock form a group. Isotropic classes are one group, with class variance c = sigma2 and class means
of variance g = 1; a spectrum has several (docs/spectra.md). Time runs as tau = -log(a + t), upwards, a the least class
variance; group i has D_i = (c_i + t)/g_i and the time tau_i = -log D_i. With delta_i = m_i - 1 and y_i = log(v_i/D_i),

    d delta_i/d tau_i = e [ W (1 - c_i) - (1 + W c_i) delta_i ],
    d y_i/d tau_i = -2 e W c_i + eta^2 (exp(-y_i) - 1),

where W is the guidance weight that acts and c_i = 1/(1 + D_i/beta) describes the rest (`energies`). Groups feel each
other through the phase alone (W = w or 0), and in the glass through the common temperature beta.

(As in the docs, c is the class variance in `Groups`, and 1/(1 + D/beta) at a `Point`.)

At a point the numbers of one group are floats, those of several are arrays (groups,); the same formulas serve both.
"""

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.populations import competing
from meanfield.problem.statement import Problem
from meanfield.theory.energies import (
    crowd_advantage,
    exp,
    expm1,
    glass_advantage,
    information,
    inverse_temperature,
)
from meanfield.theory.push import NO_PUSH, Push, push_of_rule


class Groups:
    """Groups of directions, their clocks, and the means over all directions.

    Parameters
    ----------
    c, g, share : class variance, variance of the class means, and share of the dimensions of each group.
    alpha : log(P)/d of one population of classes. prior : lambda, what the weight of the target adds to F.

    Attributes
    ----------
    others : the same directions with the other populations that can have the weight (sec. 10 of docs/theory.md).
    """

    def __init__(self, c, g=1.0, share=1.0, alpha: float = math.inf, prior: float = 0.0) -> None:
        self.others: tuple[Groups, ...] = ()
        c, g, self.share = (np.atleast_1d(np.asarray(x, float)) for x in (c, g, share))
        self.alpha, self.prior, self.n, self.floor = alpha, prior, len(c), float(c.min())
        self.c: Any = c if self.n > 1 else float(c[0])
        self.g: Any = g if self.n > 1 else float(g[0])
        self.above = self.c - self.floor
        self.variances, self.unit = c, np.sqrt(self.share * g)  # as arrays (groups,): c, and |mu_1|/d^(1/2)

    @classmethod
    def of(cls, problem: Problem, alpha: float = math.inf, prior: float = 0.0) -> "Groups":
        s = problem.spectrum
        return cls(problem.sigma2, alpha=alpha, prior=prior) if s is None else cls(s.c, s.g, s.share, alpha, prior)

    @classmethod
    def of_populations(cls, problem: Problem, rates: Iterable[tuple[float, float]]) -> "Groups":
        """Those of the first population that can have the weight, which knows the others."""
        every = [cls.of(problem, alpha, prior) for alpha, prior in competing(rates)]
        for one in every:
            one.others = tuple(other for other in every if other is not one)
        return every[0]

    @property
    def first(self) -> bool:
        """Whether no other population can take the weight from a crowd of this one: its alpha - lambda is largest."""
        return all(other.alpha > self.alpha for other in self.others)

    def tau(self, t: float) -> float:
        """-log(a + t), the time of the solver."""
        return -math.log(self.floor + t)

    def t(self, tau):
        """VE time at tau."""
        return np.maximum(np.exp(-np.asarray(tau)) - self.floor, 0.0)

    def D(self, tau):
        """(c + t)/g at a point; (..., groups) for an array of times."""
        return (self.above + _falling(tau)) / self.g

    def clock(self, tau):
        """d tau_i/d tau = (a + t)/(c_i + t), at most 1, of the shape of D."""
        falling = _falling(tau)
        return falling / (self.above + falling)

    def mean(self, x):
        """Mean over the directions."""
        return x if isinstance(x, float) else x @ self.share

    def uniform(self, x: float):
        """The same number in every group."""
        return x + 0.0 * self.above

    def split(self, state: np.ndarray) -> Any:
        """The parts (delta, y, ...) of a state vector."""
        return state.tolist() if self.n == 1 else state.reshape(-1, self.n)

    def join(self, *parts: Any) -> Any:
        """The state vector of its parts."""
        return parts if self.n == 1 else np.concatenate(parts)

    def crowd(self, tau, delta, y):
        """F and K of a crowd: at a point, or at many times from arrays (times, groups)."""
        D = self.D(tau)
        q = (1.0 + delta) ** 2 + D * exp(y)
        return self.mean(crowd_advantage(D, delta, y)) - (self.alpha - self.prior), self.mean(information(D, q))

    def advantage(self, tau: np.ndarray, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """F at many times; delta and y are (times, groups)."""
        of_each = []
        for groups in (self, *self.others):
            F, K = groups.crowd(tau, delta, y)
            for i in np.flatnonzero(K > groups.alpha):
                F[i] = Point(groups, float(tau[i]), *self.split(np.concatenate([delta[i], y[i]]))).own
            of_each.append(F)
        return np.minimum.reduce(of_each)


def _falling(tau):
    """a + t = exp(-tau)."""
    return math.exp(-tau) if isinstance(tau, float) else np.exp(-tau)[..., None]


class Point:
    """A place on a trajectory, tau, delta = m - 1 and y = log(v/D), and what the free energies say there.

    Examples
    --------
    >>> groups = Groups(0.25, alpha=0.4)
    >>> p = Point(groups, groups.tau(1.0), 0.0, 0.0)              # undistorted, at t = 1
    >>> round(p.F, 6), round(p.K, 6), p.beta
    (-0.106107, 0.293893, 1.0)
    """

    def __init__(self, groups: Groups, tau: float, delta: Any, y: Any) -> None:
        self.groups, self.tau, self.delta, self.y = groups, tau, delta, y

    @cached_property
    def D(self) -> Any:
        return self.groups.D(self.tau)

    @cached_property
    def m(self) -> Any:
        return 1.0 + self.delta

    @cached_property
    def v(self) -> Any:
        return self.D * exp(self.y)

    @cached_property
    def q(self) -> Any:
        return self.m**2 + self.v

    @cached_property
    def K(self) -> float:
        """Information that picks the classes dominating at D (T3), (S3): above alpha the rest is a glass."""
        return float(self.groups.mean(information(self.D, self.q)))

    @cached_property
    def beta(self) -> float:
        """Inverse temperature of the rest (S4): 1 in the crowd."""
        alpha = self.groups.alpha
        return (
            1.0
            if alpha == math.inf or self.K <= alpha
            else inverse_temperature(self.D, self.q, alpha, self.groups.mean)
        )

    @cached_property
    def c(self) -> Any:
        """1/(1 + D/beta): the projected score of the rest is -(1 - c) x/D."""
        return self.beta / (self.beta + self.D)

    @cached_property
    def own(self) -> float:
        """Advantage phi_1 + lambda - phi_rest of the target over this population (T5), (T20), (S5)."""
        alpha, prior, mean = self.groups.alpha, self.groups.prior, self.groups.mean
        if self.K <= alpha:
            return float(mean(crowd_advantage(self.D, self.delta, self.y)) - (alpha - prior))
        return float(mean(glass_advantage(self.D, self.m, self.q, self.c)) + prior)

    @cached_property
    def F(self) -> float:
        """Advantage of the target over all populations, (T21)."""
        return min(self.own, self.of_leading.own) if self.groups.others else self.own

    @cached_property
    def of_leading(self) -> "Point":
        """The same place, seen by the other population that has most of the weight."""
        return min((self.seen_by(other) for other in self.groups.others), key=lambda p: p.own)

    def seen_by(self, groups: Groups) -> "Point":
        """The same place, seen by another population."""
        return Point(groups, self.tau, self.delta, self.y)

    @property
    def behind(self) -> float:
        """What another population has over this one, phi of the best of them less phi: -1 if there is none."""
        return self.own - self.of_leading.own if self.groups.others else -1.0

    def led(self) -> "Point":
        """The same place, seen by the population that has the weight."""
        return self.of_leading if self.behind > 0.0 else self


class Motion(NamedTuple):
    """The equations of motion on one smooth piece of a schedule."""

    groups: Groups
    eta: float
    w: Callable[..., Any]  # guidance weight as a function of tau, or its factor if it depends on the sample
    exponent: float = 0.0  # of |s_c - s_u|/d^(1/2) in the weight (`meanfield.guidance.by_norm`); one group only
    rule: Any = None  # guidance of another form than a weight (`meanfield.rules`); w is its amplitude
    rivals: bool = True  # whether there is another class

    @property
    def e(self) -> float:
        return 0.5 * (1.0 + self.eta**2)

    def weight(self, p: Point) -> float:
        """Weight that acts at p where the rest has the weight."""
        if not self.exponent:
            return self.w(p.tau)
        c = p.c
        condensed = max((1.0 - c) - p.D * c, 0.0)  # (1 - c) Y, with Y = 1 - D/D' on average; 0 in the crowd
        square = (1.0 - c * p.m) ** 2 + c * c * p.v + condensed
        return self.w(p.tau) * (math.sqrt(square) / p.D) ** self.exponent

    def weight_captured(self, tau: float, n_k: Any, o_k: Any) -> float:
        """Weight that acts where a wrong class has the weight."""
        if not self.exponent:
            return self.w(tau)
        return self.w(tau) * (math.sqrt(1.0 - 2.0 * o_k + n_k) / self.groups.D(tau)) ** self.exponent

    def push(self, p: Point) -> Push:
        """What guidance does at p where the rest has the weight."""
        if self.rule is not None:
            return push_of_rule(self.rule, p, self.w(p.tau), p.c, 1.0 - p.beta)
        W = self.weight(p)
        return Push(W, W * p.c)

    def outward(self, p: Point) -> float:
        """What draws x to mu_1 besides the class, a mean over groups: the weight, if it is one."""
        return self.weight(p) if self.rule is None else float(self.groups.mean(self.push(p).a))

    def push_in_target(self, p: Point) -> Push:
        """What guidance does at p where the target has the weight: both predictions agree."""
        return NO_PUSH if self.rule is None else push_of_rule(self.rule, p, self.w(p.tau), None, 0.0)

    def drift(self, delta, y, push: Push) -> tuple[Any, Any]:
        """(T7), (S6): the rates d delta_i/d tau_i and d y_i/d tau_i."""
        a, b = push
        return self.e * ((a - b) - (1.0 + b) * delta), -2.0 * self.e * b + self.relaxation(y)

    def relaxation(self, y):
        """eta^2 (exp(-y) - 1), the pull of v towards D; at eta = 0 there is none, and exp(-y) may overflow."""
        return self.eta**2 * expm1(-y) if self.eta else 0.0

    def advantage_rate(self, p: Point, push: Push) -> float:
        """Rate of F over the population of p, along the field (S7): on which side of F = 0 a trajectory goes on."""
        d_delta, d_y = self.drift(p.delta, p.y, push)
        d_q = 2.0 * p.m * d_delta + p.v * (d_y - 1.0)
        rate = (d_delta - 0.5 * p.c * d_q - 0.5 * (p.q * p.c * (2.0 - p.c) - 2.0 * p.m + p.c)) / p.D
        return float(self.groups.mean(self.groups.clock(p.tau) * rate))

    def capture_margin(self, p: Point) -> float:
        """(T7c), (S8): -W (1 + eta^2) - eta^2 beta, positive where the dominating wrong class captures the sample; of a
        rule it is not known."""
        if self.rule is not None:
            return -1.0
        W = self.weight(p)
        margin = -W * (1.0 + self.eta**2) - p.beta * self.eta**2
        return margin if W < 0.0 else min(margin, -1e-300)  # strictly negative: W >= 0 never captures
