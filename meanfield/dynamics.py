"""`solve`: the mean-field equations (T1)-(T7) from the start to t = 0, phase after phase.

The schedule is cut at its breakpoints. In each piece the current phase (see `phases`) is integrated in tau = -log D by
LSODA, which turns implicit where strong guidance makes the equation stiff, until one of its exits changes sign; the
target phase is closed-form. Events are roots of the dense output: accurate to the tolerance of the integrator.
"""

import math

import numpy as np

from meanfield.errors import ConvergenceError, checked
from meanfield.freeenergy import ground_state, information
from meanfield.integration import first_desertion, integrate
from meanfield.phases import (
    LONGEST_WAIT,
    MANY,
    REARM,
    Captured,
    Phase,
    Point,
    Rest,
    Setting,
    Sliding,
    Target,
    advantage_rate,
    capture_margin,
)
from meanfield.problem import Problem
from meanfield.trajectory import Event, Piece, Trajectory

__all__ = ["solve"]

MAX_PHASES = 500


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
    if problem.spectrum is not None:
        from meanfield.anisotropic import solve_groups

        return solve_groups(problem, d, capture)
    alpha = problem.classes.rate(d)
    alone = problem.classes.log_count(min(d, 1e300)) == 0.0
    path = _Path(problem, alpha, capture)
    if alone:
        path.begin_alone()
    elif alpha == 0.0 and math.isinf(problem.T):
        path.begin_subexponential()
    else:
        path.begin(*problem.start(alpha))
    path.run()
    standing = path.standing if math.isinf(d) or path.standing == "approximate" else "asymptotic"
    return Trajectory(problem, d, alpha, tuple(path.pieces), tuple(path.events), standing)


class _Path:
    """A trajectory under construction: the current phase, the pieces and events so far."""

    def __init__(self, problem: Problem, alpha: float, captures: bool = True) -> None:
        self.problem, self.alpha, self.captures = problem, alpha, captures
        self.end = -math.log(problem.sigma2)
        self.pieces: list[Piece] = []
        self.events: list[Event] = []
        self.standing = "exact"
        self.cuts: list[float] = []
        self.wait = REARM
        self.phase: Phase

    # -- starts -----------------------------------------------------------------------------------------------------

    def begin(self, t: float, m: float, v: float) -> None:
        """Start from the law of `Problem.start`."""
        D = self.problem.sigma2 + t
        p = Point(-math.log(D), m - 1.0, math.log(v / D))
        self._cut(p.tau)
        self._enter(p, self._setting(p.tau))

    def begin_alone(self) -> None:
        """P = 1: the target has no rivals and guidance does nothing."""
        t = self.problem.T
        D = self.problem.sigma2 + t if math.isfinite(t) else 100.0 * max(1.0, self.problem.sigma2)
        p = Point(-math.log(D), *((-1.0, math.log(self.problem.v_T / D)) if math.isfinite(t) else (0.0, 0.0)))
        self._cut(p.tau)
        self.phase = Target(self._setting(p.tau)._replace(alpha=-math.inf), p)

    def begin_subexponential(self) -> None:
        """alpha = 0 from t = inf, the limit of small alpha: for w > -1/2 the target wins at t = inf and nothing is
        distorted; otherwise a wrong class has captured the sample there (T7d), at m = 1 + w, m_k = -w, v = D + w^2."""
        far = max(1.0, self.problem.sigma2, self.problem.schedule.constant_above)
        p = Point(-math.log(100.0 * far), 0.0, 0.0)
        self._cut(p.tau)
        s = self._setting(p.tau)
        w = s.w(p.tau)
        if w > -0.5:
            self.events.append(Event("speciation", math.inf, 1.0, math.inf))
            self.phase = Target(s, p)
        else:
            self.events.append(Event("capture", math.inf, 1.0 + w, math.inf))
            self.standing = "approximate"
            self.phase = Captured(s, p._replace(delta=w, y=math.log1p(w * w / p.D)), -w, 1.0, 0.0)

    # -- the loop ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Follow the phases to t = 0."""
        tau = self.phase.entry.tau
        for _ in range(MAX_PHASES + len(self.cuts)):
            stop = min((b for b in self.cuts if b > tau), default=self.end)
            point, which = self._follow(tau, stop)
            if point.tau >= self.end:
                return
            tau = point.tau
            if which is None:  # a breakpoint of the schedule: the same question with the new weight
                self._restart(point, self._setting(tau))
            else:
                self._leave(which, point)
        raise ConvergenceError(
            f"the trajectory changed phase more than {MAX_PHASES} times before t = 0, last at "
            f"t = {math.exp(-tau) - self.problem.sigma2:g}. Use a schedule with fewer jumps."
        )

    def _follow(self, tau: float, stop: float) -> tuple[Point, int | None]:
        """Integrate the current phase from tau to its first exit or to `stop`; record the piece."""
        phase = self.phase
        if isinstance(phase, Target):
            exit_ = first_desertion(phase, tau, stop)
            end = stop if exit_ is None else exit_
            delta, y = phase.solution(end)
            read = lambda x: np.vstack([s := phase.solution(x), phase.F(x, s)])  # noqa: E731
            self.pieces.append(Piece(phase.name, tau, end, read))
            return Point(end, float(delta), float(y)), None if exit_ is None else 0
        solution, end, which = integrate(phase, tau, stop)
        if end > tau:
            read = lambda x: np.vstack([(s := solution(x))[:2], phase.F(x, s)])  # noqa: E731
            self.pieces.append(Piece(phase.name, tau, end, read))
            if phase.name == "glass":
                self._label_glass(tau, end)
        state = solution(end) if end > tau else np.array(phase.initial())
        self._last = state
        return Point(end, float(state[0]), float(state[1])), which

    # -- changes of phase -------------------------------------------------------------------------------------------

    def _leave(self, which: int, p: Point) -> None:
        """Choose the phase that follows exit number `which` of the current phase at p."""
        phase, s = self.phase, self._setting(p.tau)
        if isinstance(phase, Target):
            self._desert(p, s)
        elif isinstance(phase, Rest) and which == 1:
            self._note("decondensation" if phase.glass else "condensation", p)
            self._enter_rest(p, s, glass=not phase.glass)
        elif isinstance(phase, Rest) and which == 2:
            self._capture(p, s)
        elif isinstance(phase, Captured) and which == 1:
            self._note("release", p)
            glass = float(information(p.D, p.q)) > self.alpha * (1.0 - 1e-12)  # rounding at the edge of the glass
            self._recapture(p, s, glass)
        elif isinstance(phase, Sliding) and which == 1:
            self._note("despeciation", p)
            self._enter_rest(p, s)
        elif isinstance(phase, Rest) and advantage_rate(s, p, 0.0) < 0.0:  # eta > 1 only
            self._note("sliding", p)
            self.phase = Sliding(s, p)
        else:
            self._note("speciation", p)
            self.phase = Target(s, p)

    def _desert(self, p: Point, s: Setting) -> None:
        """The target loses the weight (eta > 1): go on in the rest, or slide if the rest pushes back."""
        if advantage_rate(s, p, _weight(s, p)) > 0.0:
            self._note("sliding", p)
            self.phase = Sliding(s, p)
        else:
            self._note("despeciation", p)
            self._enter_rest(p, s)

    def _restart(self, p: Point, s: Setting) -> None:
        """The same phase goes on with the next piece of the schedule."""
        phase = self.phase
        if isinstance(phase, Target):
            self.phase = Target(s, p)
        elif isinstance(phase, Captured):
            self.phase = Captured(s, p, float(self._last[2]), phase.n_k, phase.o_k)
        elif isinstance(phase, Sliding):
            if advantage_rate(s, p, _weight(s, p)) > 0.0:
                self.phase = Sliding(s, p)
            else:
                self._leave(1, p)
        else:
            self._enter_rest(p, s, glass=phase.glass)  # type: ignore[attr-defined]

    def _enter(self, p: Point, s: Setting) -> None:
        """Phase of a start: F < 0 there, except at alpha = 0, where F = m/D = 0 and the target wins for w > -1/2."""
        if self.alpha == 0.0 and _weight(s, p) > -0.5:
            self._note("speciation", p)
            self.phase = Target(s, p)
        else:
            self._enter_rest(p, s)

    def _enter_rest(self, p: Point, s: Setting, glass: bool | None = None, captures: bool = True) -> None:
        glass = float(information(p.D, p.q)) > self.alpha if glass is None else glass
        captures = captures and self.captures
        if glass and captures and capture_margin(s, p) > 0.0:
            self._capture(p, s)
            return
        self.phase = Rest(s, p, glass, captures)

    def _capture(self, p: Point, s: Setting) -> None:
        self._note("capture", p)
        self._label("approximate")
        self.phase = Captured.at(s, p)

    def _recapture(self, p: Point, s: Setting, glass: bool) -> None:
        """After a release the next class captures if (T7c) holds; after a `wait` if the last was overtaken at once."""
        captures = sum(e.kind == "capture" for e in self.events)
        if p.tau - self.phase.entry.tau > REARM * 2.0 ** (captures // MANY):
            self.wait = REARM
            self._enter_rest(p, s, glass)
            return
        self.cuts = sorted({*self.cuts, min(p.tau + self.wait, self.end)} - {self.end})
        self.wait = min(2.0 * self.wait, LONGEST_WAIT)
        self._enter_rest(p, s, glass, captures=False)

    def _note(self, kind: str, p: Point) -> None:
        self.events.append(Event(kind, math.exp(-p.tau) - self.problem.sigma2, p.m, p.v))

    def _label_glass(self, tau: float, end: float) -> None:
        """A glass is passed: with w < 0 anywhere on the way the capture rule decides; w = 0 throughout is exact."""
        t = np.exp(-np.linspace(tau, end, 65)) - self.problem.sigma2
        w = self.problem.amplitude(np.maximum(t, 0.0))
        if np.any(w != 0.0):
            self._label("approximate" if np.any(w < 0.0) or self.problem.schedule.exponent else "asymptotic")

    def _label(self, standing: str) -> None:
        if self.standing != "approximate":
            self.standing = standing

    # -- the schedule -----------------------------------------------------------------------------------------------

    def _cut(self, tau_start: float) -> None:
        """Times tau at which the integration must stop: the breakpoints of the schedule after the start."""
        taus = [-math.log(self.problem.sigma2 + t) for t in self.problem.schedule.breakpoints]
        self.cuts = sorted(x for x in taus if tau_start < x < self.end)
        self.tau_start = tau_start

    def _setting(self, tau: float) -> Setting:
        """The problem on the smooth piece of its schedule that begins at tau; w is read strictly inside the piece."""
        low = tau
        high = min((b for b in self.cuts if b > tau), default=self.end)
        inside = 1e-12 * (high - low)
        sigma2 = self.problem.sigma2

        def w(x: float) -> float:
            x = min(max(x, low + inside), high - inside)
            return float(self.problem.amplitude(max(math.exp(-x) - sigma2, 0.0)))

        return Setting(self.alpha, self.problem.eta, w, self.problem.schedule.exponent)


def _weight(s: Setting, p: Point) -> float:
    """Weight that acts at p where the rest has the weight."""
    return s.weight(p, 1.0 / (1.0 + ground_state(p.q, p.D, s.alpha)))
