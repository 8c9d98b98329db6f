"""The force of guidance on a sample: b = -w p, with p = sum_k pi_k delta_k the posterior's shift
(`simulate.scores.reference`).

A weight that depends on the sample follows either the norm of s_c - s_u = -p/D (`meanfield.guidance.by_norm`), or the
ratio of densities r = p_t(x)/p_t(x|c) (`meanfield.guidance.by_ratio`). The score has computed both: the share of
    the target being 1/`mass`, 1/P if weights are equal, log r = -log mass - log pi_1 = log(1 + 1/odds) - log mass,
to full relative precision at any odds; only in the continuum, where pi_1 = 0, the score adds log r itself.

Where beta r reaches 1 the weight is infinite and nothing is defined beyond. The guiding force e w (s_c - s_u)
= e grad log(1 - beta r) is a wall there: with z the distance to it, dz = (e/z) dtau + eta dB is a Bessel process of
dimension 2 + 1/eta^2 > 2, which never arrives. So an exact trajectory that starts where beta r < 1 stays there, and it
is steps of finite length that get beyond, or a start that is not where the target's samples are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.errors import NoMinimiserError
from meanfield.guidance.schedules import Schedule
from meanfield.problem.statement import Problem
from simulate.scores.posterior import Posterior

Weigh = Callable[[float, Posterior, Any], Any]  # (w, posterior, D) -> weight: a number, or one a sample (samples, 1)
Pull = Callable[[float, Posterior, Any], np.ndarray]  # (w, posterior, D) -> b (samples, dim)


def make_pull(problem: Problem, d: int, mass: float) -> Pull:
    """The force of the guidance of `problem` in d dimensions; w is the factor that depends on t alone.

    Examples
    --------
    >>> from meanfield.guidance.by_ratio import DensityRatio
    >>> from meanfield import Fixed
    >>> from simulate.scores.mixture import draw_direct
    >>> from simulate.scores.reference import ReferenceScore
    >>> posterior = ReferenceScore(draw_direct(8, 3, seed=0, draw=0))(np.zeros((1, 8)), D=1e6)  # r = 1
    >>> problem = Problem(classes=Fixed(3), sigma2=0.25, guidance=DensityRatio(0.5), t_start=1e6)
    >>> b = make_pull(problem, 8, 3)(problem.guidance.largest, posterior, 1e6)
    >>> bool(np.allclose(b, -posterior.shift, rtol=1e-4))                      # w = beta/(1 - beta) = 1
    True
    """
    weigh = make_weigh(problem, d, mass)
    return lambda w, posterior, D: -weigh(w, posterior, D) * posterior.shift


def make_weigh(problem: Problem, d: int, mass: float) -> Weigh:
    """The weight of the guidance of `problem` at every sample; w is the factor that depends on t alone."""
    schedule = problem.schedule
    if schedule.by_ratio:
        return lambda w, posterior, D: minimising(
            schedule, log_ratio(posterior, mass), np.min(D - problem.least_variance)
        )
    if schedule.exponent:
        return lambda w, posterior, D: w * power(posterior.shift / D, schedule.exponent, d)
    return lambda w, posterior, D: w


def log_ratio(posterior: Posterior, mass: float) -> np.ndarray:
    """log r = log p_t(x)/p_t(x|c) of a batch, (samples,)."""
    if posterior.log_ratio is not None:
        return posterior.log_ratio
    odds = posterior.log_odds
    known = np.isfinite(odds)  # without a rival that counts the target has all the weight
    return np.where(known, np.logaddexp(0.0, -np.where(known, odds, 0.0)), 0.0) - np.log(mass)


def ratio_weight(schedule: Schedule, mass: float, posterior: Posterior) -> np.ndarray:
    """Weight of every sample of a batch, (samples,), of guidance that follows r; inf where it has none."""
    return schedule.w_ratio(log_ratio(posterior, mass))  # type: ignore[attr-defined]


def minimising(schedule: Any, log_r: np.ndarray, t: float) -> np.ndarray:
    """Weight of every sample (samples, 1), of guidance that follows r; NoMinimiserError where it has none."""
    w = schedule.w_ratio(log_r)
    lost = int(np.count_nonzero(~np.isfinite(w)))
    if lost:
        raise NoMinimiserError(
            f"density-ratio guidance needs beta r < 1, r = p_t(x)/p_t(x|c), at every sample: beyond, its objective has "
            f"no minimiser; at t = {t:.4g} it is not so for {lost} of {len(w)} samples of a batch "
            f"({lost / len(w):.2%}), with {schedule!r}. Exact trajectories from t = infinity never get there: "
            "take more steps, a smaller beta, or w_max, a largest weight (that is another objective)."
        )
    return w[:, None]


def power(difference: np.ndarray, exponent: float, d: int) -> np.ndarray:
    """(|s_c - s_u|/d^(1/2))^exponent (samples, 1); 0 where both scores agree.

    Examples
    --------
    >>> power(np.array([[3.0, 4.0], [0.0, 0.0]]), 2.0, 2)
    array([[12.5],
           [ 0. ]])
    """
    norm = np.linalg.norm(difference, axis=1, keepdims=True) / np.sqrt(d)
    return np.power(norm, exponent, where=norm > 0, out=np.zeros_like(norm))
