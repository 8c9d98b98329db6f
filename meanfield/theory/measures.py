"""How far the sampled law N(m mu_1, v I) is from its class N(mu_1, sigma2 I) (docs/theory.md, sec. 9)."""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.theory.trajectory import Trajectory

__all__ = ["Distortion", "distortion"]


@dataclass(frozen=True)
class Distortion:
    """Measures of generative distortion at t = 0, per dimension.

    Attributes
    ----------
    w2 : squared Wasserstein-2 distance, (m - 1)^2 + (sqrt(v) - sigma)^2.
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
    sigma2 = result.problem.sigma2
    if result.problem.spectrum is not None:
        return _by_direction(result)
    if isinstance(result, Trajectory):
        final = result.final
        shift, excess = float(final.mean_shift), float(final.variance_excess)
        separation, accuracy = float(final.F), math.nan
    else:
        snapshot = result.final
        shift, excess = float(snapshot.m.mean) - 1.0, float(snapshot.v.mean) / sigma2 - 1.0
        separation, accuracy = float(snapshot.log_odds.mean) / result.d, float(snapshot.accuracy.mean)
    log_ratio = math.log1p(excess) if excess > -1.0 else -math.inf
    return Distortion(
        w2=shift**2 + sigma2 * math.expm1(0.5 * log_ratio) ** 2,
        kl=0.5 * (excess - log_ratio + shift**2 / sigma2),
        variance_ratio=1.0 + excess,
        entropy_change=0.5 * log_ratio,
        separation=separation,
        accuracy=accuracy,
    )


def _by_direction(result: Trajectory | Ensemble) -> Distortion:
    """The same with a spectrum: Gaussians with commuting covariances, direction by direction."""
    spectrum, final = result.problem.spectrum, cast(Any, result.final)
    assert spectrum is not None
    D, accuracy = spectrum.D(0.0), math.nan
    if isinstance(result, Trajectory):
        shift, excess, separation = final.mean_shift_group, final.variance_excess_group, float(final.F)
    else:
        shift, excess = final.m_group.mean - 1.0, final.v_group.mean / D - 1.0
        separation, accuracy = float(final.log_odds.mean) / result.d, float(final.accuracy.mean)
    r, c = np.array(spectrum.share), np.array(spectrum.c)
    log_ratio = np.log1p(excess)
    return Distortion(
        w2=float(r @ (spectrum.g * shift**2 + c * np.expm1(0.5 * log_ratio) ** 2)),
        kl=0.5 * float(r @ (excess - log_ratio + shift**2 / D)),
        variance_ratio=1.0 + float(r @ (c * excess)) / spectrum.sigma2,
        entropy_change=0.5 * float(r @ log_ratio),
        separation=separation,
        accuracy=accuracy,
    )
