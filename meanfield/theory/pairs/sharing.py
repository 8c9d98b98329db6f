"""Who has the weight among the rest, class 1 and class 2: one of them, or several that keep level.

Where one is ahead, its push acts. Where several are level and each, if it alone acted, would let another overtake, they
share: the push is the mean of theirs with the shares p_j >= 0 at which they stay level (Filippov's rule, the limit of a
posterior that changes over a width of order 1/d),

    sum_j (R_ij - R_kj) p_j = 0  for all i, k that share,      sum_j p_j = 1,

R_ij the rate of the log-weight of i under the push of j, in which it is linear. Others then must not gain on them.
"""

from itertools import combinations
from typing import Any

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.theory.motion import Motion, Point
from meanfield.theory.pairs.point import REST, SECOND, TARGET, Pair, PairPush, drift, push_of_pair, weight_rates
from meanfield.theory.phases import Phase

MARGIN = 1e-9  # of log-weights, by which another must be ahead to overtake: above the errors of those that are level


class Sharing(Phase):
    """A phase in which `owners` have the weight, and the other `rivals` may overtake.

    `ways` says what each exit is: ("gain", who), ("lose", who), ("condense", REST).
    """

    def __init__(self, motion: Motion, entry: Pair, owners: tuple[int, ...], rivals: tuple[int, ...]) -> None:
        super().__init__(motion, entry)
        self.owners, self.rivals = owners, rivals
        self.others = tuple(k for k in rivals if k not in owners)
        self.glass = REST in owners and entry.K > self.groups.alpha * (1.0 - 1e-12)
        alone = {REST: "glass" if self.glass else "crowd", TARGET: "target", SECOND: "second"}
        self.name = alone[owners[0]] if len(owners) == 1 else "sliding"  # type: ignore[misc]
        self.ways = [("gain", k) for k in self.others]
        self.ways += [("lose", j) for j in owners] if len(owners) > 1 else []
        self.ways += [("condense", REST)] if REST in owners else []

    def initial(self) -> Any:
        return self.groups.join(self.entry.delta, self.entry.y, self.entry.m_2)  # type: ignore[attr-defined]

    def point(self, tau: float, state: np.ndarray) -> Pair:
        return Pair(self.groups, tau, *self.groups.split(state))

    def rates(self, tau: float, state: np.ndarray) -> Any:
        p, clock = self.point(tau, state), self.groups.clock(tau)
        return self.groups.join(*(clock * rate for rate in drift(self.motion, p, self.push(p))))

    def push(self, p: Pair) -> PairPush:
        """What acts: the push of the owner, or the mean of several."""
        pushes = [push_of_pair(self.motion, p, j) for j in self.owners]
        share = shares(rates_under(self.motion, p, pushes)[list(self.owners)])
        return PairPush(*(sum(s * part for s, part in zip(share, of, strict=True)) for of in zip(*pushes, strict=True)))

    def exits(self, tau: float, state: np.ndarray) -> tuple[float, ...]:
        p = self.point(tau, state)
        found = [float(p.weights[k] - p.weights[self.owners[0]]) - MARGIN for k in self.others]
        if len(self.owners) > 1:
            pushes = [push_of_pair(self.motion, p, j) for j in self.owners]
            found += (-shares(rates_under(self.motion, p, pushes)[list(self.owners)])).tolist()
        if REST in self.owners:
            excess = p.K - self.groups.alpha
            found.append(-excess if self.glass else excess)
        return tuple(found)

    def F(self, tau: np.ndarray, states: np.ndarray) -> np.ndarray:
        return np.array(
            [self.point(float(x), state).advantage(self.rivals) for x, state in zip(tau, states.T, strict=True)]
        )


def owners_at(motion: Motion, p: Pair, level: tuple[int, ...]) -> tuple[int, ...]:
    """Who has the weight just after p among those that are `level` there: the fewest that keep it.

    Raises
    ------
    ConvergenceError : nobody does.
    """
    rates = rates_under(motion, p, [push_of_pair(motion, p, j) for j in level])[list(level)]
    for chosen in (list(c) for n in range(1, len(level) + 1) for c in combinations(range(len(level)), n)):
        share = shares(rates[np.ix_(chosen, chosen)])
        gains = rates[:, chosen] @ share
        if share.min() >= 0.0 and gains.max() <= gains[chosen[0]] + 1e-9 * np.abs(rates).max():
            return tuple(level[i] for i in chosen)
    raise ConvergenceError(
        f"one of the classes and the rest must take the weight where they are level; at D = {p.D} none does. Use a "
        "smoother schedule, or particles."
    )


def rates_under(motion: Motion, p: Pair, pushes: list[PairPush]) -> np.ndarray:
    """Rates of the three log-weights under each push, (3, pushes)."""
    return np.column_stack([weight_rates(motion, p, push) for push in pushes])


def shares(rates: np.ndarray) -> np.ndarray:
    """The shares p_j, which sum to 1, under which those that share stay level; rates (n, n); nan where there are none.

    Examples
    --------
    >>> shares(np.array([[0.0, 3.0], [1.0, 0.0]]))
    array([0.75, 0.25])
    """
    n = len(rates)
    if n == 1:
        return np.ones(1)
    system, known = np.vstack([rates[1:] - rates[0], np.ones(n)]), np.append(np.zeros(n - 1), 1.0)
    try:
        return np.linalg.solve(system, known)
    except np.linalg.LinAlgError:
        return np.full(n, np.nan)


def as_pair(p: Point) -> Pair:
    """A point at which x has nothing of mu_2."""
    return Pair(p.groups, p.tau, p.delta, p.y, p.groups.uniform(0.0))
