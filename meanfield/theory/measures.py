"""How far the sampled law N(m mu_1, v I) is from its class N(mu_1, sigma2 I) (docs/theory.md, sec. 9).

With a second condition the mean is m mu_1 + m_2 mu_2, and m_2 adds to the shift as m - 1 does.

With a spectrum, Gaussians with commuting covariances, direction by direction; isotropic classes are one group of them.
"""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.problem.statement import Problem
from meanfield.theory.energies import crowd_advantage
from meanfield.theory.motion import Groups
from meanfield.theory.trajectory import Trajectory
from meanfield.tools.door import door


@door(made_by="distortion")
@dataclass(frozen=True)
class Distortion:
    """Measures of generative distortion at t = 0, per dimension.

    Attributes
    ----------
    w2 : squared Wasserstein-2 distance, (m - 1)^2 + m_2^2 + (sqrt(v) - sigma)^2.
    kl : KL(sampled || class).
    variance_ratio : v/sigma2.
    entropy_change : log(v/sigma2)/2.
    separation : log-odds of the target per dimension (F of (T5) in theory, mean log-odds/d in an ensemble).
    accuracy : share of samples whose most probable class is the target (nan in theory, where it is 0 or 1 by phase).
    """

    w2: float
    kl: float
    variance_ratio: float
    entropy_change: float
    separation: float
    accuracy: float = math.nan


def crowd_separation(problem: Problem, m: Any, v: Any, m_2: Any = 0.0) -> float:
    """Log-odds per dimension of the class against the crowd at t = 0, F + alpha of (T5), for m, v and m_2 of groups."""
    v = v + m_2**2  # all that is across mu_1
    groups = Groups.of(problem)
    D = np.atleast_1d(groups.D(groups.tau(0.0)))
    return float(groups.share @ crowd_advantage(D, m - 1.0, np.log(np.maximum(v / D, 1e-300))))


def separation_at_end(theory: Trajectory) -> float:
    """F at t = 0; F + alpha in the continuum, where F is -infinity."""
    final = cast(Any, theory.final)
    if math.isfinite(theory.alpha):
        return float(final.F)
    by = "" if theory.problem.spectrum is None else "_group"
    names = ("m", "v", *(["m_2"] if theory.problem.schedule.second else []))
    return crowd_separation(theory.problem, *(np.atleast_1d(getattr(final, f"{name}{by}")) for name in names))


@door()
def distortion(result: Trajectory | Ensemble) -> Distortion:
    """Distortion of a mean-field trajectory, or of an ensemble through its mean m(0), v(0).

    With a spectrum all are means over the directions in original coordinates, `variance_ratio` that of total variances.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> d = distortion(solve(Problem(classes=Continuum(), sigma2=0.25, guidance=0.0)))
    >>> abs(d.w2) < 1e-12 and abs(d.kl) < 1e-12 and round(d.variance_ratio, 9) == 1.0
    True
    """
    groups, final = Groups.of(result.problem), cast(Any, result.final)
    by = "" if result.problem.spectrum is None else "_group"
    r, c, g = groups.share, np.atleast_1d(groups.c), groups.g
    if isinstance(result, Trajectory):
        shift, excess = getattr(final, f"mean_shift{by}"), getattr(final, f"variance_excess{by}")
        separation, accuracy = float(final.F), math.nan
    else:
        shift, excess = getattr(final, f"m{by}").mean - 1.0, getattr(final, f"v{by}").mean / (c / g) - 1.0
        separation, accuracy = float(final.log_odds.mean) / result.d, float(final.accuracy.mean)
    if result.problem.schedule.second:
        m_2 = getattr(final, f"m_2{by}")
        shift = np.hypot(shift, m_2 if isinstance(result, Trajectory) else m_2.mean)
    shift, excess = np.atleast_1d(shift), np.atleast_1d(excess)
    with np.errstate(divide="ignore"):  # v = 0
        log_ratio = np.log1p(np.maximum(excess, -1.0))
    return Distortion(
        w2=float(r @ (g * shift**2 + c * np.expm1(0.5 * log_ratio) ** 2)),
        kl=0.5 * float(r @ (excess - log_ratio + shift**2 / (c / g))),
        variance_ratio=1.0 + float(r @ (c * excess)) / result.problem.sigma2,
        entropy_change=0.5 * float(r @ log_ratio),
        separation=separation,
        accuracy=accuracy,
    )
