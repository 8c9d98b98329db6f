"""From the moment a mode is chosen to t = 0: linear motion towards it, with or without guidance (docs/modes.md).

While the rest still weighs more, guidance pulls to the mode and pushes from the crowd of its superclass, or of all:

    s_w = -(1 + w)(x - A - B)/D + w (x - k A)/(V + D),      (k, V) = (1, tau) or (0, 1),

until the mode outweighs that crowd. Then it is alone, and (T10) is exact.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.problem.statement import Problem
from meanfield.theory.modes.weights import Mode, Place, Tree
from meanfield.tools.roots import brentq

RTOL, ATOL = 1e-10, 1e-13


class Leg(NamedTuple):
    """Part of the way in one phase, from D_high down to D_low; `at(D)` is where samples are, `crowd(D)` whether what
    guidance acts against is a crowd, not a glass."""

    phase: str
    D_high: float
    D_low: float
    at: Callable[[float], Place]
    crowd: Callable[[float], bool]


def seen_at(legs: Sequence[Leg], D: float) -> tuple[Leg, Place]:
    """The leg that D lies in, and where samples are; beyond either end that of the end."""
    leg = next((x for x in legs if D >= x.D_low), legs[-1])
    return leg, leg.at(min(max(D, leg.D_low), leg.D_high))


class Guided:
    """The flow while guidance acts against a crowd: of all (k = 0, V = 1), or of the superclass (k = 1, V = tau)."""

    def __init__(self, problem: Problem, tree: Tree, mode: Mode, against_all: bool) -> None:
        self.problem, self.tree, self.mode, self.against_all = problem, tree, mode, against_all
        self.k, self.V = (0.0, 1.0) if against_all else (1.0, tree.tau)

    def lead(self, D: float, p: Place) -> float:
        """Log-weight of the mode over that of the crowd."""
        tree, mode = self.tree, self.mode
        own = -tree.q_mode(p, mode) / (2.0 * D)
        if self.against_all:
            return own - tree.phi_all(D, tree.q(p, mode))
        return own - tree.phi_label(D, tree.q_label(p, mode))

    def holds(self, D: float, p: Place) -> bool:
        """Whether the crowd is one, not a glass."""
        tree, mode = self.tree, self.mode
        if self.against_all:
            return tree.crowded(D, tree.q(p, mode))
        return tree.information_mode(D, tree.q_label(p, mode)) <= tree.alpha_2

    def run(self, D: float, p: Place) -> tuple[list[Leg], float, Place]:
        """The legs until the mode outweighs the crowd, or to t = 0, and where they end."""
        end, legs = self.problem.sigma2, []
        cuts = sorted({self.problem.sigma2 + t for t in self.problem.schedule.breakpoints} | {end}, reverse=True)
        for low in (x for x in cuts if x < D):
            leg, D, p = self._leg(D, low, p)
            legs.append(leg)
            if D > low or D == end:
                break
        return legs, D, p

    def _leg(self, high: float, low: float, p: Place) -> tuple[Leg, float, Place]:
        """One smooth piece of the schedule, in s = -log D."""
        from scipy.integrate import solve_ivp  # here: it takes a fifth of a second, and modes are asked for seldom

        e, eta2, sigma2 = self.problem.e, self.problem.eta**2, self.problem.sigma2
        k, V, beta = self.k, self.V, self.mode.beta
        inside = 1e-12 * (high - low)

        def rates(s, y):
            D = math.exp(-s)
            a, b, v = y
            w = float(self.problem.weight(min(max(D, low + inside), high - inside) - sigma2))
            pull, push = (1.0 + w) / D, w / (V + D)
            da = e * (push * (a - k) - pull * (a - 1.0 - beta))
            db = e * (push * b - pull * (b - 1.0))
            dv = 2.0 * e * v * (push - pull) + eta2
            return [D * da, D * db, D * dv]

        def lead(s, y):
            return self.lead(math.exp(-s), Place(*y))

        lead.terminal, lead.direction = True, 1.0  # type: ignore[attr-defined]
        span = (-math.log(high), -math.log(low))
        found = solve_ivp(rates, span, list(p), method="LSODA", rtol=RTOL, atol=ATOL, events=lead, dense_output=True)
        if not found.success or not np.all(np.isfinite(found.y[:, -1])):
            raise ConvergenceError(f"the flow to a mode must have a finite solution; {found.message}")
        met = bool(found.t_events[0].size)
        D = math.exp(-float(found.t_events[0][0])) if met else low
        read = found.sol

        def at(x: float) -> Place:
            return Place(*map(float, read(-math.log(x))))

        leg = Leg("chosen", high, D, at, lambda x: self.holds(x, at(x)))
        return leg, D, Place(*map(float, found.y_events[0][0] if met else found.y[:, -1]))


def alone(problem: Problem, mode: Mode, D: float, p: Place) -> Leg:
    """The mode has the weight: what is off relaxes as D^e, and v/D - 1 as D^(eta^2) (T10)."""
    e, eta2 = problem.e, problem.eta**2

    def at(x: float) -> Place:
        fall = x / D
        off_a, off_b = p.a - 1.0 - mode.beta, p.b - 1.0
        a, b = 1.0 + mode.beta + off_a * fall**e, 1.0 + off_b * fall**e
        return Place(a, b, x * (1.0 + (p.v / D - 1.0) * fall**eta2))

    return Leg("mode", D, problem.sigma2, at, lambda x: True)  # guidance acts against nothing


def crossing(function: Callable[[float], float], times: np.ndarray, values: Sequence[float]) -> float | None:
    """The first of decreasing times at which a function, of these values there, turns positive, as a root; None if it
    never does."""
    above = np.flatnonzero(np.asarray(values) > 0.0)
    if not len(above):
        return None
    t, before = float(times[above[0]]), float(times[max(int(above[0]) - 1, 0)])
    if t == before or function(t) <= 0.0 or function(before) > 0.0:  # at the start, or at a root to all digits
        return t
    return brentq(function, t, before, xtol=1e-15, rtol=1e-13)
