"""`solve`: the mean-field equations (T1)-(T7) from the start to t = 0, phase after phase.

`path` has the rules for changes of phase, `phases` the equations. Time is tau = -log D. A crowd is a sum of quadratures
(`quadrature`), the target is closed-form; the rest is left to LSODA (`integration`), which turns implicit where strong
guidance makes the equation stiff. Events are roots of the polynomials of either, as accurate as the solution itself.
"""

import math

import numpy as np

from meanfield.errors import checked
from meanfield.problem.statement import Problem
from meanfield.theory import phases
from meanfield.theory.energies import ground_state, information
from meanfield.theory.path import EDGE, Path
from meanfield.theory.trajectory import Event, Trajectory

__all__ = ["solve"]


def solve(problem: Problem, d: float = math.inf, *, capture: bool = True) -> Trajectory:
    """Solve the mean-field dynamics of a problem.

    Parameters
    ----------
    problem : what to solve.
    d : dimension, >= 1; infinite by default. A finite d replaces alpha by log(P)/d in the same equations.
    capture : False leaves out the rule (T7c): wrong in a glass with w < 0, and there to see what the rule does.

    Returns
    -------
    Trajectory : m, v, q, F and phase over decreasing t; `final` is t = 0. With a spectrum a `SpectralTrajectory`,
        which has m_group, v_group by group of directions besides.

    Raises
    ------
    ConvergenceError : the integration failed; nan is never returned.
    ScheduleError : the schedule is not finite somewhere on the way.

    Examples
    --------
    >>> from meanfield import Exponential, Problem, solve
    >>> theory = solve(Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0, sampler="sde"))
    >>> print(f"{theory.final.m:.5f} {theory.final.v:.5f} {theory.t_speciation:.5f}")
    1.07555 0.24264 2.05894
    """
    d = checked("d", d, low=1, infinite=True)
    problem.require_no_ratio("solve", "It acts at D ~ d alone, not at d = infinity; fade has its theory at finite d.")
    if problem.spectrum is not None:
        from meanfield.theory.groupdynamics import solve_groups

        return solve_groups(problem, d, capture)
    alpha = problem.classes.rate(d)
    path = _Path(problem, alpha, capture)
    standing = path.run(d)
    return Trajectory(problem, d, alpha, tuple(path.pieces), tuple(path.events), standing)


class _Path(Path):
    """A trajectory of isotropic classes: one overlap, one variance."""

    phases = phases

    def __init__(self, problem: Problem, alpha: float, captures: bool = True) -> None:
        super().__init__(problem, alpha, captures, -math.log(problem.sigma2))

    def time(self, tau):
        return np.maximum(np.exp(-np.asarray(tau)) - self.problem.sigma2, 0.0)

    def tau(self, t: float) -> float:
        return -math.log(self.problem.sigma2 + t)

    def condensed(self, p, s):
        return float(information(p.D, p.q)) > self.alpha * EDGE

    def order_parameters(self, p):
        return p.m, p.v

    def setting(self, w):
        return phases.Setting(self.alpha, self.problem.eta, w, self.problem.schedule.exponent)

    def weight(self, p, s):
        return s.weight(p, 1.0 / (1.0 + ground_state(p.q, p.D, s.alpha)))

    def keeps_the_weight(self):
        return self.problem.eta <= 1.0 or self.phase.s.alpha == -math.inf  # proved (sec. 3 of docs/theory.md), or alone

    # -- starts -----------------------------------------------------------------------------------------------------

    def begin(self, t: float, m: float, v: float) -> None:
        """Start from the law of `Problem.start`."""
        D = self.problem.sigma2 + t
        p = phases.Point(-math.log(D), m - 1.0, math.log(v / D))
        self.cut(p.tau)
        s = self.setting_at(p.tau)
        if self.alpha == 0.0 and self.weight(p, s) > -0.5:  # F = m/D = 0 there, and the target wins
            self.speciate(p, s)
        else:
            self.enter_rest(p, s)

    def begin_alone(self) -> None:
        """P = 1: the target has no rivals and guidance does nothing."""
        t = self.problem.T
        D = self.problem.sigma2 + t if math.isfinite(t) else 100.0 * max(1.0, self.problem.sigma2)
        p = phases.Point(-math.log(D), *((-1.0, math.log(self.problem.v_T / D)) if math.isfinite(t) else (0.0, 0.0)))
        self.cut(p.tau)
        self.phase = phases.Target(self.setting_at(p.tau)._replace(alpha=-math.inf), p)

    def begin_subexponential(self) -> None:
        """alpha = 0 from t = inf, the limit of small alpha: for w > -1/2 the target wins at t = inf and nothing is
        distorted; otherwise a wrong class has captured the sample there (T7d), at m = 1 + w, m_k = -w, v = D + w^2."""
        far = max(1.0, self.problem.sigma2, self.problem.schedule.constant_above)
        p = phases.Point(-math.log(100.0 * far), 0.0, 0.0)
        self.cut(p.tau)
        s = self.setting_at(p.tau)
        w = s.w(p.tau)
        if w > -0.5:
            self.events.append(Event("speciation", math.inf, 1.0, math.inf))
            self.phase = phases.Target(s, p)
        else:
            self.events.append(Event("capture", math.inf, 1.0 + w, math.inf))
            self.standing = "approximate"
            self.phase = phases.Captured(s, p._replace(delta=w, y=math.log1p(w * w / p.D)), -w, 1.0, 0.0)
