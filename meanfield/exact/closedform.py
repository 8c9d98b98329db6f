"""Closed forms for constant w: (T8)-(T13) of docs/theory.md, (P7) of rules.md, (P11), (P12) of two-conditions.md.

They are independent of the solver.

Hypergeometric functions come from mpmath with 30 digits, since 2F1 of a large parameter loses everything in doubles.
Where a formula does not hold (a glass before speciation, w < 0 where a wrong class captures) it is refused, not bent.
"""

import math
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

import mpmath
import numpy as np

from meanfield.errors import ProblemError, require
from meanfield.guidance.schedules import Constant
from meanfield.problem.populations import competing
from meanfield.problem.start import gap_of
from meanfield.problem.statement import Problem
from meanfield.rules.pairs.composed import Composed
from meanfield.rules.pairs.negative import Negative
from meanfield.rules.weak_model import WeakModel
from meanfield.tools.roots import brentq


class Final(NamedTuple):
    """m(0), v(0), the speciation time t_s (nan without speciation), and m_2(0) where there is a second condition."""

    m: float
    v: float
    t_speciation: float
    m_2: float = math.nan


def crowd(
    D: float, w: float, eta: float, sigma2: float = 0.0, T: float = math.inf, start: float | None = None
) -> tuple[float, float]:
    """(m, v) in the crowd at D = sigma2 + t for any eta: (T8), with the start at finite T below it.

    `start` is v at T; T itself by default.

    Examples
    --------
    >>> m, v = crowd(D=0.25, w=1.0, eta=1.0)
    >>> print(f"{m:.6f} {v:.6f}")
    1.200000 0.103333
    """
    with mpmath.workdps(30):
        w_, eta_ = mpmath.mpf(w), mpmath.mpf(eta)
        m, v = _t8(mpmath.mpf(D), w_, eta_)
        if math.isfinite(T):
            D_T = mpmath.mpf(sigma2) + mpmath.mpf(T)
            m_T, v_T = _t8(D_T, w_, eta_)
            h = _homogeneous(mpmath.mpf(D), w_, eta_) / _homogeneous(D_T, w_, eta_)
            m, v = m - m_T * h, v + ((T if start is None else start) - v_T) * h**2
        return float(m), float(v)


def crowd_sde(D, w: float):
    """(T8a), SDE, T = infinity: m = 1 + D (1 - L^-w), v = D^2 (L - L^-2w)/(1 + 2w) (at w = -1/2: D^2 L log L)."""
    D = np.asarray(D, float)
    log_L = np.log1p(1.0 / D)
    m = 1.0 - D * np.expm1(-w * log_L)
    # L - L^-2w = L (1 - exp(-(1 + 2w) log L)), written so that w = -1/2 is a limit, not a special case
    return m, D * (1.0 + D) * log_L * _exprel(-(1.0 + 2.0 * w) * log_L)


def crowd_ode(D, w: float):
    """(T9), ODE, T = infinity: v = D L^-w and m = (1 + w) L^(-w/2) 2F1(-w/2, 1/2; 3/2; -1/D)."""
    D = np.asarray(D, float)
    f = np.vectorize(lambda x: float(mpmath.hyp2f1(-w / 2, 0.5, 1.5, -1 / mpmath.mpf(float(x)))))
    L = 1.0 + 1.0 / D
    return (1.0 + w) * L ** (-w / 2) * f(D), D * L**-w


def after_speciation(m_s: float, v_s: float, D_s: float, D: float, eta: float) -> tuple[float, float]:
    """(T10): (m, v) at D below the speciation at D_s, where they were (m_s, v_s)."""
    e = 0.5 * (1.0 + eta**2)
    return 1.0 + (m_s - 1.0) * (D / D_s) ** e, D + (v_s - D_s) * (D / D_s) ** (2.0 * e)


def closed_form(problem: Problem, d: float = math.inf) -> Final:
    """m(0), v(0) and t_s of a problem with constant guidance by (T8), (T10), (T11).

    Of a constant weak model by (P7) and of a negative prompt by (P11), whose laws know no other class and no t_s; of a
    composition in a continuum by (P12).

    Raises
    ------
    ProblemError : guidance is not constant, or a glass comes before speciation (then only `solve` knows the way).
    """
    problem.require_isotropic("closed_form", "Use solve, or meanfield.exact.directions.along for one direction.")
    if isinstance(problem.schedule, WeakModel) and isinstance(problem.schedule.guidance, Constant):
        return _weak_model(problem, problem.schedule.guidance.value, problem.schedule.delta)
    if isinstance(problem.schedule, Negative) and isinstance(problem.schedule.guidance, Constant):
        return _negative(problem, problem.schedule.guidance.value)
    if isinstance(problem.schedule, Composed) and math.isinf(problem.classes.rate(d)):
        return _composed(problem, problem.schedule)
    if not isinstance(problem.schedule, Constant):
        raise ProblemError(f"closed forms need constant guidance; got {problem.guidance!r}. Use solve.")
    w, eta, sigma2 = problem.schedule.value, problem.eta, problem.sigma2
    alpha, prior = competing(problem.classes.rates(d))[0]  # before it condenses no other population has the weight
    rule = "(T11) needs a target that the others outweigh at large t, lambda < alpha"
    require(prior < alpha or not prior, rule, f"lambda={prior:g}, alpha={alpha:g}", "Use solve.")

    @cache  # a D is asked for F and for K
    def point(D: float) -> tuple[float, float]:
        return crowd(D, w, eta, sigma2, problem.T, problem.v_T)

    D_s = math.nan if math.isinf(alpha) else _speciation(point, alpha, prior, sigma2, problem.T, w)
    if math.isnan(D_s):
        return Final(*point(sigma2), math.nan)
    return Final(*after_speciation(*point(D_s), D_s, sigma2, eta), D_s - sigma2)


def small_rate(alpha: float, w: float, sigma2: float, sampler: str) -> tuple[float, float, float]:
    """(T12), alpha -> 0 from T = infinity: D_s, m(0) - 1 and v(0)/sigma2 - 1 to leading order.

    Holds for w >= 0 ("sde" and "ode") and, for "sde", for -1/3 < w < 0, where condensation comes first.
    """
    if w >= 0.0:
        D_s = (1.0 + 2.0 * w) / (2.0 * alpha)
        if sampler == "sde":
            return D_s, 2 * alpha * w * sigma2 / (1 + 2 * w), -4 * alpha**2 * w * sigma2 / (1 + 2 * w) ** 2
        return D_s, w * math.sqrt(2 * alpha * sigma2 / (1 + 2 * w)), -2 * alpha * w / (1 + 2 * w)
    if sampler != "sde" or w <= -1.0 / 3.0:
        raise ProblemError(f'(T12) holds for w >= 0, or "sde" with w > -1/3; got w={w}, {sampler!r}. Use solve.')
    f = (w / 3.0) * (1.0 + w) ** 4 - (4.0 / 3.0) * w * (1.0 + w)
    D_s = (1.0 + w) ** 2 / (2.0 * alpha)
    return D_s, 2 * alpha * w * sigma2 / (1 + w) ** 2, 4 * alpha**2 * sigma2 * f / (1 + w) ** 4


def strong_guidance(alpha: float, sigma2: float, w: float = math.inf) -> tuple[float, float]:
    """(T13), SDE, w -> infinity: (m(0), v(0)/sigma2), on either side of the transition at alpha = 1/2.

    Below it v(0)/sigma2 - 1 falls like 1/w (pass w for the leading term); above it a loss of variance remains.
    """
    if alpha < 0.5:
        log_term = abs(math.log1p(-2.0 * alpha))
        return 1 + sigma2 * (1 - math.sqrt(1 - 2 * alpha)), 1.0 - (sigma2 / w) * (log_term / 2 - alpha)
    rule = "(T13) needs 2 alpha - 1 < log(1 + 1/sigma2), so that speciation happens"
    remedy = "Lower alpha or sigma2."
    require(2.0 * alpha - 1.0 < math.log1p(1.0 / sigma2), rule, f"alpha={alpha}, sigma2={sigma2}", remedy)
    return 1.0 + sigma2, 1.0 - sigma2 * math.expm1(2.0 * alpha - 1.0)


def _weak_model(problem: Problem, w: float, delta: float) -> Final:
    """(P7): v/delta is that of (T8) at D/delta, and m - 1 what is left of the start."""
    sigma2, T = problem.sigma2, problem.T
    _, v = crowd(sigma2 / delta, w, problem.eta, sigma2 / delta, T / delta, problem.v_T / delta)
    if math.isinf(T):
        return Final(1.0, delta * v, math.nan)
    dose = w * (math.log1p(delta / sigma2) - math.log1p(delta / (sigma2 + T)))
    return Final(1.0 - (sigma2 / (sigma2 + T)) ** problem.e * math.exp(-problem.e * dose), delta * v, math.nan)


def _negative(problem: Problem, w: float) -> Final:
    """(P11): both means tend to those of the score, and v is that of no guidance."""
    sigma2, T = problem.sigma2, problem.T
    left = (sigma2 / (sigma2 + T)) ** problem.e
    v = sigma2 if math.isinf(T) else sigma2 + (problem.v_T - sigma2 - T) * left**2
    return Final((1.0 + w) * (1.0 - left), v, math.nan, -w * (1.0 - left))


def _composed(problem: Problem, rule: Composed) -> Final:
    """(P12): (T8) at the weight w + w_2, its mean shared out as 1 + w to w_2."""
    if not (isinstance(rule.guidance, Constant) and isinstance(rule.w_2, Constant)):
        raise ProblemError(f"closed forms need constant guidance; got {rule!r}. Use solve.")
    w, w_2 = rule.guidance.value, rule.w_2.value
    require(1.0 + w + w_2 != 0.0, "(P12) shares out a mean that must not be 0", rule, "Use solve.")
    m, v = crowd(problem.sigma2, w + w_2, problem.eta, problem.sigma2, problem.T, problem.v_T)
    return Final(m * (1.0 + w) / (1.0 + w + w_2), v, math.nan, m * w_2 / (1.0 + w + w_2))


@lru_cache(maxsize=2)  # beside every D the start is asked for
def _t8(D, w, eta):
    e, L = (1 + eta**2) / 2, 1 + 1 / D
    m = (1 + w) * L ** (-e * w) * mpmath.hyp2f1(-e * w, e, e + 1, -1 / D)
    v = D * L ** (-2 * e * w) * mpmath.hyp2f1(-2 * e * w, eta**2, 1 + eta**2, -1 / D)
    return m, v


def _homogeneous(D, w, eta):
    """h(D) = D^e L^(-e w), the solution without source terms."""
    e = (1 + eta**2) / 2
    return D**e * (1 + 1 / D) ** (-e * w)


def _speciation(point, alpha: float, prior: float, sigma2: float, T: float, w: float) -> float:
    """D_s of (T11): the largest root of F = phi_1 + lambda - phi_rest (T1, T2, T20) above sigma2, provided K <= alpha
    down to it."""
    top = sigma2 + T if math.isfinite(T) else 100.0 * (1.0 + abs(w)) / min(float(gap_of(alpha, prior)), 1.0) + sigma2

    def F(log_D: float) -> float:
        D = math.exp(log_D)
        m, v = point(D)
        rest = alpha - 0.5 * math.log1p(1 / D) - (m * m + v) / (2 * (1 + D))
        return prior - ((m - 1) ** 2 + v) / (2 * D) - rest

    def K(log_D: float) -> float:
        D = math.exp(log_D)
        m, v = point(D)
        return 0.5 * (D / (1 + D) + (m * m + v) / (1 + D) ** 2 - 1 + math.log1p(1 / D))

    grid = np.linspace(math.log(top), math.log(sigma2), 400)
    for high, low in pairwise(grid):
        root = brentq(F, low, high, xtol=1e-15) if F(low) > 0 else None
        end = low if root is None else root
        if K(end) > alpha * (1 + 1e-12):
            raise ProblemError(
                f"(T11) needs K <= alpha before speciation; the rest condenses above D = {math.exp(end):g} for "
                f"alpha={alpha}, w={w}. Use solve."
            )
        if root is not None:
            return math.exp(root)
    return math.nan


def _exprel(x):
    """(exp(x) - 1)/x, 1 at x = 0."""
    x = np.asarray(x, float)
    safe = np.where(x == 0.0, 1.0, x)
    return np.where(x == 0.0, 1.0, np.expm1(safe) / safe)
