"""What guidance adds to the pull of the class, as the equations of motion take it: of a weight, or of any rule.

    D s = (1 + a) mu_1 - (1 + b) x     in every group of directions,

a = W and b = W c of a weight W (`meanfield.theory.motion`). A rule whose result is in the span of mu_1 and x has these
two numbers too.
"""

import math
from typing import Any, NamedTuple

import numpy as np

NEAR = 1e-9  # of the least class variance: t below is not told from it by a rule


class Push(NamedTuple):
    """a and b, by group."""

    a: Any
    b: Any

    def times(self, share: float) -> "Push":
        return Push(share * self.a, share * self.b)

    def plus(self, other: "Push") -> "Push":
        return Push(self.a + other.a, self.b + other.b)


NO_PUSH = Push(0.0, 0.0)


def push_of_rule(rule: Any, p: Any, w: float, c: Any, condensed: float) -> Push:
    """The push of a rule: its result on one vector, read off along mu_1 and x.

    Vectors per d^(1/2) have three coordinates for each group: along mu_1, along the rest of x, and across, where the
    few classes that dominate a glass are. p is a `Point`; c is None where the target has the weight.
    """
    groups, t = p.groups, max(math.exp(-p.tau) - p.groups.floor, NEAR * p.groups.floor)
    unit, C = groups.unit, groups.variances
    x, mu, M = np.zeros((3, 3, groups.n))  # (coordinates, groups) each
    x[0], x[1], mu[0] = unit * p.m, unit * np.sqrt(p.v), unit
    if c is None:
        M = mu
    else:
        M[:2], M[2] = c * x[:2], unit * np.sqrt(np.maximum((1.0 - c) * condensed, 0.0))
    along, rest, _ = added(rule, x, t, w, C, [mu, M]) / unit
    b = -rest / np.sqrt(p.v)
    a = along + b * p.m
    return Push(a, b) if groups.n > 1 else Push(float(a[0]), float(b[0]))


def added(rule: Any, x: np.ndarray, t: float, w: float, C: np.ndarray, centres: list[np.ndarray]) -> np.ndarray:
    """What a rule adds to D s_c, in the coordinates of x (coordinates, groups).

    centres : M of the predictions: the conditional one, the unconditional one, perhaps a second condition's.
    """
    n, k = len(x), 1.0 / (C + t)
    cond, uncond, *second = (k * (C * x + t * np.array(centres))).reshape(len(centres), 1, -1)
    weight = w if rule.factors is None else np.tile(w * np.array(rule.factors), n)
    made = rule.apply(x.reshape(1, -1), cond, uncond, t, weight, np.concatenate([C] * n), *second)
    return (made - cond).reshape(n, -1) / (k * t)
