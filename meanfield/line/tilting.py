"""The tilted density p(x|c)^{1+w} p(x)^{-w}, which guidance is often said to sample, and its distance from the truth.

    tilted(x) = p(x|c) (1 + ((1 - prior)/prior) p_2(x)/p(x|c))^{-w}/Z.
Disjoint supports: the ratio p_2/p(. | c) is 0 on the target's support, so the tilted density is the class itself, at
every w. Gaussian classes: the log-odds are linear in x, log tilted is strictly concave, and Z is a trapezoidal sum
around its maximum.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from meanfield.errors import ProblemError, checked
from meanfield.line.law import EndLaw
from meanfield.line.sources import Normal
from meanfield.line.statement import TwoClasses, stated

GRID = 20_001
WIDTHS = 13.0  # of the class, on both sides of the maximum; the tilted density is narrower


@dataclass(frozen=True, eq=False)
class TiltedLaw:
    """The tilted density of two classes.

    Attributes
    ----------
    classes, w : as given.
    x, share : a grid and Pr[tilted <= x] on it, for the inverse; two points where the law is the class.
    log_Z : logarithm of the normaliser int p(x|c) (p(x)/(prior p(x|c)))^{-w} dx.
    """

    classes: TwoClasses
    w: float
    x: np.ndarray
    share: np.ndarray
    log_Z: float

    def log_density(self, x) -> np.ndarray:
        """Logarithm of the normalised tilted density."""
        one = self.classes.target.log_density(x, 0.0)
        if self.classes.compact:
            return one
        return one + self.w * special.log_expit(self.classes.log_odds(x, 0.0)) - self.log_Z

    def quantile(self, zeta) -> np.ndarray:
        """The point below which a share Phi(zeta) of the tilted density lies."""
        if self.classes.compact:
            return self.classes.target.quantile(zeta)
        return np.interp(special.ndtr(zeta), self.share, self.x)

    @property
    def mean(self) -> float:
        """Mean of the tilted density."""
        if self.classes.compact:
            return self.classes.target.mean
        return float(np.sum(self.x * np.exp(self.log_density(self.x))) * (self.x[1] - self.x[0]))


def tilted_law(classes: TwoClasses, w: float) -> TiltedLaw:
    """The tilted density at guidance w, 0 to 1e12.

    Examples
    --------
    >>> from meanfield.line import Normal
    >>> two = TwoClasses(Normal(1.0), Normal(-1.0))
    >>> [round(tilted_law(two, w).mean, 3) for w in (0.0, 1.0, 10_000.0)]     # about log(w)/2
    [1.0, 1.29, 4.462]
    """
    w = checked("w", w, low=0, high=1e12)
    target = stated(classes).target
    if not isinstance(target, Normal):
        return TiltedLaw(classes, w, np.array(target.support), np.array([0.0, 1.0]), 0.0)
    sigma = math.sqrt(target.variance)
    x = _mode(classes, w) + np.linspace(-WIDTHS, WIDTHS, GRID) * sigma
    log_weight = target.log_density(x, 0.0) + w * special.log_expit(classes.log_odds(x, 0.0))
    log_Z = float(special.logsumexp(log_weight)) + math.log(x[1] - x[0])
    mass = np.exp(log_weight - log_Z) * (x[1] - x[0])
    return TiltedLaw(classes, w, x, np.cumsum(mass) - 0.5 * mass, log_Z)


def end_distances(law: EndLaw) -> tuple[float, float]:
    """Wasserstein-1 and total-variation distance of the end points of the guided ODE from the tilted density.

    W1 = int |x(z) - quantile(z)| phi dz,  TV = int (1 - tilted/q)_+ phi dz, over the starts z.

    Examples
    --------
    >>> from meanfield.line import Uniform, end_law
    >>> W1, TV = end_distances(end_law(TwoClasses(Uniform(1, 2), Uniform(-2, -1)), 1.0))
    >>> round(W1, 3), round(TV, 3)
    (0.197, 0.313)
    """
    if not isinstance(law, EndLaw):
        raise ProblemError(f"law must be an EndLaw; got {law!r}. Make it by end_law.")
    if law.z[0] > -6.0 or law.z[-1] < 6.0:
        raise ProblemError(f"a distance needs starts from -6 to 6; got {law.z[0]:g} to {law.z[-1]:g}. Leave out z.")
    fine, tilted = law.refined(), tilted_law(law.classes, law.w)
    x = fine.x
    W1 = fine.mean(np.abs(x - tilted.quantile(fine.z)))
    log_tilted = tilted.log_density(x) - law.classes.target.log_density(x, 0.0)  # both over the class
    return W1, fine.mean(-np.expm1(np.minimum(log_tilted - fine.log_ratio, 0.0)))


def _mode(classes: TwoClasses, w: float) -> float:
    """Where the slope of log tilted vanishes: bisection between the mean and the mean + w Delta (on the far side)."""
    from scipy.optimize import brentq

    assert isinstance(classes.target, Normal)
    mean, reach = classes.target.mean, w * classes.separation
    gap = classes.target.mean - classes.other.mean

    def slope(x: float) -> float:
        return mean - x + w * gap * float(special.expit(-classes.log_odds(x, 0.0)))

    if reach <= 1e-10 * classes.sigma2**0.5:  # the maximum is nearer to the mean than it need be known
        return mean
    return brentq(slope, *sorted((mean, mean + classes.sign * reach)), xtol=1e-10)
