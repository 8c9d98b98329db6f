"""Two classes on the line with exact noised scores: the statement of the problem, no solution (docs/one-dimension.md).

Noise as everywhere, x_t = x_0 + t^{1/2} z. A class is piecewise constant on a compact support (a uniform class has one
piece), or N(mean, variance); two classes have disjoint supports, or equal variances. With D = sigma2 + t, sigma2 the
variance of Gaussian classes and 0 otherwise, both are point sources or compact sources of noise D, and

    s_k = (M_k - x)/D,    M_k the posterior mean of the source of class k (of its centre, for a Gaussian),
    s_w = s_1 + w (s_1 - s) = (M_w - x)/D,    M_w = M_1 + w r (M_1 - M_2),    r the posterior weight of the other class,

the target being class 1. M_w is finite as t -> infinity, and s_w needs no difference of large numbers at any t.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from meanfield.errors import ProblemError, checked, require, settle
from meanfield.line.sources import LARGEST, Normal, PiecewiseConstant
from meanfield.tools.door import Numbers, door


class Guided(NamedTuple):
    """The guided source at (u, R): M_w, its derivative with respect to u, and the parts that make them."""

    M: np.ndarray
    slope: np.ndarray
    other: np.ndarray


@door()
@dataclass(frozen=True)
class TwoClasses:
    """A target class and the other one; the target has weight `prior` in the mixture.

    Raises
    ------
    ProblemError : supports that overlap, Gaussians of different variances, a Gaussian beside a compact class.

    Examples
    --------
    >>> from meanfield.line import Uniform
    >>> TwoClasses(Uniform(1, 2), Uniform(-2, -1)).gap
    2.0
    >>> TwoClasses(Uniform(1, 2), Uniform(0, 1.5))
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: the supports must be disjoint; got [1, 2] and [0, 1.5]. Move the classes apart.
    """

    target: PiecewiseConstant | Normal
    other: PiecewiseConstant | Normal
    prior: float = 0.5

    def __post_init__(self) -> None:
        prior = checked("prior", self.prior, low=0, high=1, open_low=True)
        require(prior != 1.0, "prior must be < 1", "1", "Without another class guidance does nothing.")
        settle(self, prior=prior)
        a, b = self.target, self.other
        for name, one in (("target", a), ("other", b)):
            if not isinstance(one, PiecewiseConstant | Normal):
                raise ProblemError(f"{name} must be a Uniform, PiecewiseConstant or Normal class; got {one!r}.")
        if isinstance(a, PiecewiseConstant) and isinstance(b, PiecewiseConstant):
            if max(a.support[0], b.support[0]) <= min(a.support[1], b.support[1]):
                (l1, h1), (l2, h2) = a.support, b.support
                raise ProblemError(
                    f"the supports must be disjoint; got [{l1:g}, {h1:g}] and [{l2:g}, {h2:g}]. Move the classes apart."
                )
        elif a.sigma2 != b.sigma2:
            raise ProblemError(
                "two classes must both be compact, or both Gaussian with the same variance; got sigma2 = "
                f"{a.sigma2:g} and {b.sigma2:g}. Use PiecewiseConstant classes for other shapes."
            )
        elif a.mean == b.mean:
            raise ProblemError(f"two Gaussian classes must have different means; got {a.mean:g} twice.")

    @property
    def compact(self) -> bool:
        """Whether the classes have compact supports."""
        return isinstance(self.target, PiecewiseConstant)

    @property
    def sigma2(self) -> float:
        """Variance of Gaussian classes, 0 for compact ones."""
        return self.target.sigma2

    @property
    def sign(self) -> float:
        """+1 if the target lies above the other class, -1 if below."""
        return math.copysign(1.0, self.target.mean - self.other.mean)

    @property
    def separation(self) -> float:
        """Delta, the distance of the means."""
        return abs(self.target.mean - self.other.mean)

    @property
    def gap(self) -> float:
        """Distance of the supports (0 for Gaussians)."""
        if not (isinstance(self.target, PiecewiseConstant) and isinstance(self.other, PiecewiseConstant)):
            return 0.0
        a, b = self.target.support, self.other.support
        return max(a[0] - b[1], b[0] - a[1])

    def guided(self, u: Numbers, R: Numbers, w: float) -> Guided:
        """The guided source M_w, dM_w/du, and the posterior weight r of the other class, at u = x D^{-1/2}."""
        w = checked("w", w, low=-LARGEST, high=LARGEST)
        L1, M1, V1 = self.target.source(u, R)
        L2, M2, V2 = self.other.source(u, R)
        odds = L1 - L2 + math.log(self.prior) - math.log1p(-self.prior)
        r, gap = special.expit(-odds), M1 - M2
        slope = V1 + w * r * (V1 - V2 - special.expit(odds) * gap**2)
        return Guided(M1 + w * r * gap, R * slope, r)

    def log_odds(self, x: Numbers, t: Numbers):
        """log of prior p_t(x|target) over (1 - prior) p_t(x|other)."""
        prior = math.log(self.prior) - math.log1p(-self.prior)
        with np.errstate(invalid="ignore"):
            odds = self.target.log_density(x, t) - self.other.log_density(x, t) + prior
        return _existing(odds, x, t)

    def score(self, x: Numbers, t: Numbers, w: float = 0.0):
        """The guided score s_w at x, t > 0.

        Examples
        --------
        >>> classes = TwoClasses(Normal(1.0), Normal(-1.0))
        >>> float(classes.score(0.0, 0.0, w=2.0))     # s_1 = 1, s = 0
        3.0
        """
        one, two = self.target.score(x, t), self.other.score(x, t)
        with np.errstate(invalid="ignore", over="ignore"):
            score = one + w * special.expit(-self.log_odds(x, t)) * (one - two)
        return _existing(score, x, t)


def stated(classes: object) -> TwoClasses:
    """The classes, or an error that says what they must be."""
    if not isinstance(classes, TwoClasses):
        raise ProblemError(f"classes must be TwoClasses(target, other); got {classes!r}. Make them from two classes.")
    return classes


def _existing(values, x, t):
    """The values, or an error if they do not exist: both densities vanish, or they are beyond any number."""
    exist = ~np.isnan(values) | np.isnan(np.asarray(x, float))
    rule = "x and t > 0 must be where the classes have a density that numbers can hold"
    require(np.all(exist), rule, (x, t), "Take t larger, or x nearer.")
    return values
