"""`fade`: density-ratio guidance in d dimensions, as the schedule of t with the same mean effect.

At d = infinity the guidance of `meanfield.guidance.by_ratio` does nothing: on the target's path log r = -(d/2) log L,
so the weight is exponentially small at any D of order one. It acts at D ~ d. With kappa = 1/(d log L), L = 1 + 1/D,
which is D/d there, the mean weight is W(kappa) (`meanfield.objective.ratiolaw`), and since (T7) is linear in a crowd, m
and v follow from the schedule w(t) = W(kappa) alone: that is solved like any other. For d -> infinity, from D = kappa
d,

    (O8)  m(0) - 1 -> C (sigma2/d)^e,                        C = e int W kappa^(-e) dkappa/kappa,
    (O9)  v(0)/sigma2 - 1 -> -(V/d) (sigma2/d)^(eta^2),      V = 2e int W kappa^(-2e) dkappa/kappa.

ODE without w_max: C = phi(z)/(1 - beta), z the beta-quantile of the normal: guidance ends up by taking away the lowest
share beta of the overlaps x.mu_1. What is left out is of relative order 1/d, and 1/(beta^2 P), the fluctuation of a
crowd of P classes at the D where guidance fades, (1/2) log L = log(1/beta)/d: where 1/beta classes would speciate.
"""

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from meanfield.errors import ProblemError, ScheduleError, checked, require, short
from meanfield.guidance.by_ratio import DensityRatio
from meanfield.guidance.schedules import Tabulated
from meanfield.problem.noise import VE
from meanfield.problem.statement import Problem
from meanfield.theory.solver import solve
from meanfield.theory.trajectory import Trajectory
from meanfield.tools.door import door

TIMES = 200  # of the tabulated schedule


class Limits(NamedTuple):
    """C of (O8) and V of (O9)."""

    shift: float
    loss: float


@door(made_by="fade")
@dataclass(frozen=True, repr=False)
class Fade:
    """Density-ratio guidance at one d.

    Attributes
    ----------
    problem, d : what was solved.
    t, weight : VE times, ascending from 0, and the mean weight there.
    typical : the weight at the centre of the target's path, log r = -(d/2) log L, at least -log P.
    schedule : the mean weight as a schedule of VE time, the tool for software that knows functions of t only.
    trajectory : solution of `problem`, by that schedule: m(t), v(t), speciation, after which no weight matters.
    t_fade : where guidance fades, (1/2) log L = log(1/beta)/d; 0 if it does not before the end.
    limits : C and V for d -> infinity.
    """

    problem: Problem
    d: float
    t: np.ndarray
    weight: np.ndarray
    schedule: Tabulated
    trajectory: Trajectory
    limits: Limits = field(default=Limits(math.nan, math.nan))

    @property
    def typical(self) -> np.ndarray:
        log_ratio = -0.5 * self.d * np.log1p(1.0 / (self.problem.sigma2 + self.t))
        return self.problem.guidance.w_ratio(np.maximum(log_ratio, -self.problem.classes.log_count(self.d)))

    @property
    def t_fade(self) -> float:
        D = 1.0 / math.expm1(-2.0 * math.log(self.problem.guidance.beta) / self.d)
        return max(D - self.problem.sigma2, 0.0)

    def __repr__(self) -> str:
        f, s2 = self.trajectory.final, self.problem.sigma2
        return (
            f"Fade of {self.problem.guidance!r} at d = {self.d:g}: m(0) - 1 = {f.mean_shift:.4g}, v(0)/sigma2 - 1 = "
            f"{f.variance_excess:.4g}\n  off below t = {self.t_fade:.4g}; speciation at t = "
            f"{self.trajectory.t_speciation:.4g}\n  d -> infinity: m(0) - 1 -> {self.limits.shift:.5g} (sigma2/d)^"
            f"{self.problem.e:g}, sigma2 = {s2:g}"
        )


@door()
def fade(problem: Problem, d: float) -> Fade:
    """The theory of density-ratio guidance in d dimensions.

    Parameters
    ----------
    problem : with `DensityRatio` guidance, isotropic, from t = infinity.
    d : dimension, >= 2 and finite. Results are right to relative order 1/d, which `validate.compare` adds; `reduced`
        is exact in the continuum.

    Returns
    -------
    Fade : the mean weight along the path, m(t) and v(t), and the limits for d -> infinity.

    Raises
    ------
    ScheduleError : another guidance.
    ProblemError : d out of range, a finite start, classes of unequal weights, or too few classes for a crowd where
        guidance fades.
    ConvergenceError : an integration failed.

    Examples
    --------
    >>> from meanfield import Continuum, DensityRatio, Problem
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=DensityRatio(0.2), sampler="ode")
    >>> theory = fade(problem, d=400)
    >>> print(f"{theory.trajectory.final.mean_shift:.5f} {theory.limits.shift * (0.25 / 400) ** 0.5:.5f}")
    0.00874 0.00875
    >>> round(theory.t_fade)                              # d/(2 log 5), but for 3/4
    124
    """
    from scipy.interpolate import PchipInterpolator  # late: `import meanfield` stays light

    from meanfield.objective.ratiolaw import KAPPA, mean_weight

    require(isinstance(problem, Problem), "fade needs a Problem", short(problem))
    guidance = problem.guidance
    if not isinstance(guidance, DensityRatio):
        raise ScheduleError(f"fade is the theory of DensityRatio guidance; got {short(guidance)}. Use solve.")
    d = checked("d", d, low=2, high=1e12, remedy="At d = infinity this guidance does nothing.")
    remedy = "N(0, T I) is not where the target's samples are: log r is d/(2T) there. Use simulate.run, or t_start=inf."
    require(math.isinf(problem.T), "fade needs a start at t = infinity", f"t_start={problem.t_start:g}", remedy)
    problem.require_equal_weights("fade", "Use reduced, or simulate.run with classes that are held.")
    log_count = problem.classes.log_count(d)
    if log_count < -2.0 * math.log(guidance.beta):
        raise ProblemError(
            f"fade needs a crowd of more than 1/beta^2 = {guidance.beta**-2:.4g} classes; got "
            f"{math.exp(log_count):.4g} at d={d:g}. Use simulate.run, a larger beta or more classes."
        )
    W = mean_weight(guidance, problem.eta)
    weight = PchipInterpolator(-np.log(KAPPA), W)
    D = np.geomspace(problem.sigma2, 1.0 / math.expm1(1.0 / (d * KAPPA[0])), TIMES)
    kappa = np.clip(1.0 / (d * np.log1p(1.0 / D)), KAPPA[-1], KAPPA[0])
    t, w = D - problem.sigma2, weight(-np.log(kappa))
    schedule = Tabulated(t.tolist(), w.tolist())
    solved = solve(problem.replace(guidance=schedule, noise=VE()), d)
    trajectory = replace(solved, problem=problem, standing="asymptotic")  # m and v of this problem, to order 1/d
    return Fade(problem, d, t, w, schedule, trajectory, ratio_limits(guidance, problem.eta))


@door()
def ratio_limits(guidance: DensityRatio, eta: float) -> Limits:
    """C and V of (O8) and (O9), from a start at t = infinity.

    Parameters
    ----------
    guidance : beta from 0.01 to 0.9 (0 to 0.9 for eta = 0 without w_max).
    eta : stochasticity, 0 or 0.25 to 1.5.

    Raises
    ------
    ScheduleError : another guidance.
    ProblemError : beta or eta out of range.

    Examples
    --------
    >>> from scipy.stats import norm
    >>> C = ratio_limits(DensityRatio(0.2), eta=0.0).shift
    >>> bool(abs(C - norm.pdf(norm.ppf(0.2)) / 0.8) < 1e-9)
    True
    """
    from scipy.interpolate import CubicSpline

    from meanfield.objective.ratiolaw import KAPPA, mean_weight

    W, e = mean_weight(guidance, eta), 0.5 * (1.0 + eta**2)
    tau, w_0 = -np.log(KAPPA), guidance.largest

    def moment(power: float) -> float:  # power int W kappa^(-power) dkappa/kappa; W = w_0 beyond the table
        spline = CubicSpline(tau, W * KAPPA**-power)
        return power * float(spline.integrate(tau[0], tau[-1])) + w_0 * KAPPA[0] ** -power

    return Limits(moment(e), moment(2.0 * e))
