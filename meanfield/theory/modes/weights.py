"""Log-weights of a tree of two levels, and the law of the mode that is chosen: (M1)-(M5) of docs/modes.md.

Everything is per dimension. A sample is x = a A + b U + N(0, v I), and its mode is B = beta A + U, U ~ N(0, u I)
independent of A, |A|^2 = rho d; before a mode is chosen u = 0. D = sigma2 + t.
"""

import math
from typing import NamedTuple

from meanfield.problem.hierarchy import Hierarchy
from meanfield.tools.roots import brentq


class Mode(NamedTuple):
    """The law B = beta A + N(0, u I) of a mode about the centre A of its superclass."""

    beta: float
    u: float


class Place(NamedTuple):
    """Where samples are: x = a A + b U + N(0, v I)."""

    a: float
    b: float
    v: float


NONE = Mode(0.0, 0.0)


class Tree(NamedTuple):
    """A tree of two levels: rates of both and variances of both, whose sum is 1.

    alpha_2 is the entropy of the weights of modes, the rate of their number where they are equal: it is the number of
    those that have the weight, each exp(-alpha_2 d) (docs/modes.md).
    """

    alpha_1: float
    alpha_2: float
    rho: float
    tau: float

    @classmethod
    def of(cls, law: Hierarchy, d: float = math.inf) -> "Tree":
        """With the rates that dimension d realises."""
        return cls(law.level_rates(d)[0], law.mode_entropy(d), law.rho, law.tau)

    def q(self, p: Place, mode: Mode = NONE) -> float:
        """|x|^2/d."""
        return p.a * p.a * self.rho + p.b * p.b * mode.u + p.v

    def q_label(self, p: Place, mode: Mode = NONE) -> float:
        """|x - A|^2/d."""
        return (p.a - 1.0) ** 2 * self.rho + p.b * p.b * mode.u + p.v

    def q_mode(self, p: Place, mode: Mode) -> float:
        """|x - A - B|^2/d."""
        return (p.a - 1.0 - mode.beta) ** 2 * self.rho + (p.b - 1.0) ** 2 * mode.u + p.v

    def phi_all(self, D: float, q: float) -> float:
        """Log-weight of the crowd of all modes (M2), over that of a mode at its own centre."""
        return self.alpha_1 + self.alpha_2 + 0.5 * math.log(D / (1.0 + D)) - q / (2.0 * (1.0 + D))

    def phi_label(self, D: float, q_label: float) -> float:
        """Log-weight of the crowd of modes of the superclass (M2)."""
        return self.alpha_2 + 0.5 * math.log(D / (self.tau + D)) - q_label / (2.0 * (self.tau + D))

    def information_mode(self, D: float, q_label: float) -> float:
        """I of (M3), which picks the modes of the superclass that dominate; one alone where it exceeds alpha_2."""
        wide = self.tau + D
        return 0.5 * (D / wide + self.tau * q_label / wide**2 - 1.0 + math.log(wide / D))

    def information_label(self, D: float, q: float) -> float:
        """K_1, which picks the superclasses that dominate the crowd of all; a few where it exceeds alpha_1."""
        wide, narrow = 1.0 + D, self.tau + D
        return 0.5 * (narrow / wide + self.rho * q / wide**2 - 1.0 + math.log(wide / narrow))

    def information_all(self, D: float, q: float) -> float:
        """K of (T3), which picks the modes that dominate the crowd of all; a few beyond alpha_1 + alpha_2."""
        return 0.5 * (math.log1p(1.0 / D) - 1.0 / (1.0 + D) + q / (1.0 + D) ** 2)

    def crowded(self, D: float, q: float) -> bool:
        """Whether the crowd of all is one: neither its superclasses nor its modes are frozen."""
        both = self.alpha_1 + self.alpha_2
        return self.information_label(D, q) <= self.alpha_1 and self.information_all(D, q) <= both

    def choose(self, D: float, m: float, v: float) -> tuple[Mode, Place]:
        """The mode that a sample x = m A + N(0, v I) finds where I = alpha_2, and x as seen from it (M3).

        B = c (x - A) + N(0, r I) with c = tau/(tau + D), r = c D: so U = c N(0, v) + N(0, r), and x is regressed on U.
        """
        c = self.tau / (self.tau + D)
        r = c * D
        u = c * c * v + r
        return Mode(c * (m - 1.0), u), Place(m, c * v / u, v * r / u)

    def divergence(self, mode: Mode) -> float:
        """K_div of (M4): the chosen modes are exp(-K_div d) of all."""
        return 0.5 * ((self.rho * mode.beta**2 + mode.u) / self.tau - 1.0 - math.log(mode.u / self.tau))

    def divergence_of_pairs(self, mode: Mode) -> float:
        """K_2 of (M6): two samples are in one mode exp(K_2 d) times as often as by chance.

        Pairs are in modes of the law p^2/pi, and if there are none of these among exp(alpha_2 d), in those of
        p^g pi^(1 - g) with the largest g for which there are.
        """

        def tilted(g: float) -> Mode:
            u = 1.0 / (g / mode.u + (1.0 - g) / self.tau)
            return Mode(u * g * mode.beta / mode.u, u)

        def excess(g: float) -> float:
            return self.divergence(tilted(g)) - self.alpha_2

        g = 2.0 if excess(2.0) <= 0.0 else brentq(excess, 1.0, 2.0) if excess(1.0) < 0.0 else 1.0
        law = tilted(g)
        off, length = self.rho * (law.beta - mode.beta) ** 2 + law.u, self.rho * law.beta**2 + law.u
        tilt = 0.5 * (math.log(self.tau / mode.u) - off / mode.u + length / self.tau)
        return 2.0 * tilt - self.divergence(law)
