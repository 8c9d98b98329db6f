"""What the classes do to the effective vector, call by call: crowd, glass or target by the free energies of `solve`.

At VE time t the vector y = x/a has overlaps and variances by group of directions, and with them everything that
`meanfield.theory.motion.Point` knows. The posterior mean of the class centres is

    (V2)  M_u = mu_1 where F > 0 (target),      c y where F < 0,  c = 1/(1 + D/beta)  (crowd: beta = 1),

and in the glass besides a vector across, of the few classes that dominate: a direction of its own at every call, of
squared norm (1 - c)(1 - beta) d on average. Its size does not self-average, and the next call knows something of it:
approximate. Without it v(0) collapses: at alpha = 0.8, sigma2 = 0.25, w = 7 in Euler of 10 and 12 steps of Stable
Diffusion v(0)/sigma2 is 0.030 and 0.012 with it, 0.0003 and 0.0001 without, and quenched particles at d = 200 have
0.050(15) and 0.023(3). At stronger guidance, several calls in the glass, it is too much: 0.17 at alpha = 0.7, w = 12
and 20 steps, where they have 0.012(1). A captured sample (w < 0 in a glass) is not followed.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.statement import Problem
from meanfield.sampler.batch import guided_centre
from meanfield.sampler.embedding import Embedding
from meanfield.sampler.unguided import Basis
from meanfield.theory.motion import Groups, Point
from meanfield.theory.pairs.point import REST, SECOND, TARGET, Pair, rivals_of

NOTHING = 1e-9  # of |mu_1|: what guidance changes by rounding
TIE = 1e-12  # F within rounding of 0: target, as at the start of `solve` if alpha = 0 (there m = 0, and F = 0)


class Seen(NamedTuple):
    """The vector at one call of the model: m and v by group (whitened), F and its standard deviation over samples
    times d^(1/2), the phase, the weight that was asked for, the share of the vector outside of the span; m_2 by
    group of guidance with a second condition."""

    m: np.ndarray
    v: np.ndarray
    F: float
    spread: float
    phase: str
    w: float
    left: float
    acts: bool = False  # whether the guided prediction is another than the conditional one
    m_2: np.ndarray | None = None


class MeanField(Basis):
    """The space of the effective vector (`meanfield.sampler.model.Space`) of a problem.

    Parameters
    ----------
    problem : with the spectrum that holds.
    alpha, prior : log(P)/d of its classes, and lambda.
    embedding : of the vector.
    """

    def __init__(self, problem: Problem, alpha: float, prior: float, embedding: Embedding) -> None:
        super().__init__(problem, embedding)
        self._exponent, self._groups = problem.schedule.exponent, Groups.of(problem, alpha, prior)
        self._rule = problem.schedule if problem.schedule.by_rule else None
        self._alone = problem.classes.log_count(1e6) == 0.0  # a single class
        self.seen: list[Seen] = []
        self._second: np.ndarray | None = None
        if problem.schedule.second:  # mu_2, a direction of its own
            self._second = self.scaled(np.sqrt(self.g), self.draw()) / embedding.size
            self._rivals = rivals_of(problem, alpha)

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        p, seen = self.look(y, t)
        others: Any = self.target[None]
        if seen.phase == "second":
            others = self._second
        elif seen.phase != "target":
            others = self.scaled(p.c, y)
        if seen.phase == "glass":
            across = np.sqrt(np.maximum((1.0 - np.atleast_1d(p.c)) * (1.0 - p.beta) * self.g, 0.0))
            others = others + self.scaled(across, self.draw())
        if self._rule is not None:
            guided = self._ruled(y, t, w, others)
        else:
            difference = self.target[None] - others
            w *= self._bend(difference, p.D)
            guided = self.target[None] + w * difference
        acts = bool(np.abs(guided - self.target).max() > NOTHING * np.abs(self.target).max())
        self.seen.append(seen._replace(w=w, acts=acts))
        return others, guided

    def _ruled(self, y: np.ndarray, t: float, w: float, others: np.ndarray) -> np.ndarray:
        """The guided M of a rule, which does not know of axes: of coordinates along the basis."""
        rule: Any = self._rule
        basis = self.embedding
        more = [] if self._second is None else [self._second]
        y, target, others, *more = (basis.inside(x) for x in (y, self.target[None], others, *more))
        repeated = y.shape[1] // len(self.variances)
        weight = w if rule.factors is None else w * np.tile(rule.factors, repeated)
        variances = np.tile(self.variances, repeated)
        return basis.outside(guided_centre(rule, y, target, others, t, weight, variances, 1.0, *more))

    def look(self, y: np.ndarray, t: float) -> tuple[Point, Seen]:
        """The free energies at a vector, and what is recorded of it."""
        groups, (m, v, left) = self._groups, self.order(y)
        if self._second is not None:
            return self._look_at_two(y, t, m, v, left)
        tau = groups.tau(t)
        log_ratio = np.log(np.maximum(v / np.atleast_1d(groups.D(tau)), 1e-300))
        p = Point(groups, tau, *((m - 1.0, log_ratio) if groups.n > 1 else (float(m[0]) - 1.0, float(log_ratio[0]))))
        F = math.inf if self._alone else -math.inf if math.isinf(groups.alpha) else p.F
        phase = "target" if F > -TIE else "glass" if p.K > groups.alpha else "crowd"
        return p, Seen(m, v, F, self._spread(p), phase, math.nan, left)

    def _look_at_two(self, y: np.ndarray, t: float, m: Any, v: Any, left: float) -> tuple[Pair, Seen]:
        """`look` with a second condition: v is what is across both means."""
        groups, m_2 = self._groups, self.embedding.coefficients(y, 0) / np.sqrt(self.g)
        v = np.maximum(v - m_2**2, 0.0)
        tau = groups.tau(t)
        parts = m - 1.0, np.log(np.maximum(v / np.atleast_1d(groups.D(tau)), 1e-300)), m_2
        p = Pair(groups, tau, *(parts if groups.n > 1 else (float(part[0]) for part in parts)))
        weights = [p.weights[k] for k in self._rivals]
        first = [k for k, x in zip(self._rivals, weights, strict=True) if x > max(weights) - TIE][-1]
        phase = {TARGET: "target", SECOND: "second", REST: "glass" if p.K > groups.alpha else "crowd"}[first]
        return p, Seen(m, v, p.advantage(self._rivals), self._spread_of_two(p), phase, math.nan, left, m_2=m_2)

    def _spread_of_two(self, p: Pair) -> float:
        """`_spread` of the advantage over the rest, or over class 2 if that is nearer."""
        by_rest = (1.0 - p.c * p.m) / p.D, -p.c * p.m_2 / p.D, -p.c / (2.0 * p.D)
        slope, slope_2, slope_v = (1.0 / p.D, -1.0 / p.D, 0.0) if p.weights[SECOND] > 0.0 else by_rest
        return math.sqrt(float(self._groups.mean((slope**2 + slope_2**2) * p.v + 2.0 * (slope_v * p.v) ** 2)))

    def _spread(self, p: Point) -> float:
        """d^(1/2) times the standard deviation of F: m varies by (v/d)^(1/2), v by v (2/d)^(1/2), in each group."""
        slope_m = (1.0 - p.c * p.m) / p.D  # dF/dm and dF/dv, as d phi_rest/dq = -(1 - c)/(2D)
        slope_v = -p.c / (2.0 * p.D)
        return math.sqrt(float(self._groups.mean(slope_m**2 * p.v + 2.0 * (slope_v * p.v) ** 2)))

    def _bend(self, difference: np.ndarray, D: Any) -> float:
        """The factor of a weight that follows |s_c - s_u|/d^(1/2); isotropic classes."""
        if not self._exponent:
            return 1.0
        norm = math.sqrt((difference @ difference.T).item() / self.embedding.unit) / float(D)
        return norm**self._exponent if norm > 0.0 else 0.0
