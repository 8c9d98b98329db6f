"""A trajectory under construction: its start, and the rules for every change of phase.

`phases` has the phases, `motion` the equations. The schedule is cut at its breakpoints; in each piece the current phase
is solved until one of its exits changes sign: by quadrature where it is linear, in closed form for the target, by an
integrator otherwise.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from meanfield.errors import ConvergenceError, require, short
from meanfield.guidance.evaluating import amplitude_between
from meanfield.problem.statement import Problem
from meanfield.theory.crowd import integrate_crowd
from meanfield.theory.energies import log1p
from meanfield.theory.integration import first_desertion, integrate
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.phases import LONGEST_WAIT, MANY, REARM, Captured, DrivenTarget, Rest, Shared, Sliding, Target
from meanfield.theory.trajectory import Event, Piece

MAX_PHASES = 500
EDGE = 1.0 - 1e-12  # rounding at the edge of the glass


class Path:
    """The current phase, the pieces and events so far."""

    def __init__(self, problem: Problem, rates: Iterable[tuple[float, float]], captures: bool = True) -> None:
        self.problem, self.captures = problem, captures
        self.groups = Groups.of_populations(problem, rates)
        self.end = self.groups.tau(0.0)
        self.pieces: list[Piece] = []
        self.events: list[Event] = []
        self.standing = "exact"
        self.cuts: list[float] = []
        self.wait = REARM
        self.rivals = True
        self.phase: Any
        self._last: np.ndarray

    def run(self, d: float) -> str:
        """Start, follow the phases to t = 0, and say how the result stands at dimension d."""
        if self.problem.classes.log_count(min(d, 1e300)) == 0.0:
            self._begin_alone()
        elif self.groups.alpha == 0.0 and math.isinf(self.problem.T):
            rule = "a start at t = infinity needs log(number)/d > 0 in every population that can have the weight"
            require(not self.groups.others, rule, short(self.problem.classes), "Give a finite t_start, or a larger d.")
            self._begin_subexponential()
        elif self.groups.prior >= self.groups.alpha and math.isinf(self.problem.T):
            self._begin_dominant()
        else:
            self._begin(*self.problem.start(self.groups.alpha, prior=self.groups.prior))
        self._follow_all()
        return self.standing if math.isinf(d) or self.standing == "approximate" else "asymptotic"

    # -- starts -----------------------------------------------------------------------------------------------------

    def _begin(self, t: float, m: Any, v: Any) -> None:
        """Start from the law of `Problem.start`."""
        p = self._started(t, m, v).led()
        motion = self._motion_at(p.tau)
        weighed = bool(self.groups.prior or self.groups.others)
        tied = self.groups.alpha == 0.0 and motion.outward(p) > -0.5  # F = m/D = 0 there, and the target wins
        if p.F >= 0.0 if weighed else tied:
            self._speciate(p, motion)
        else:
            self._enter_rest(p, motion)

    def _begin_alone(self) -> None:
        """P = 1: the target has no rivals and guidance does nothing, but for a rule that acts alone."""
        self.rivals = False
        p = self._started(*self.problem.start(0.0)) if math.isfinite(self.problem.T) else self._undistorted()
        self.phase = self._target(self._motion_at(p.tau), p)

    def _begin_subexponential(self) -> None:
        """alpha = 0 from t = inf, the limit of small alpha: for w > -1/2 the target wins at t = inf and nothing is
        distorted; otherwise a wrong class has captured the sample there (T7d), at m = 1 + w, m_k = -w, v = D + w^2."""
        p = self._undistorted(self.problem.schedule.constant_above)
        motion, uniform = self._motion_at(p.tau), self.groups.uniform
        w = motion.w(p.tau)
        if w > -0.5:
            self.events.append(Event("speciation", math.inf, 1.0, math.inf))
            self.phase = Target(motion, p)
        else:
            self.events.append(Event("capture", math.inf, 1.0 + w, math.inf))
            self.standing = "approximate"
            captured = Point(self.groups, p.tau, uniform(w), log1p(w * w / p.D))
            self.phase = Captured(motion, captured, uniform(-w), uniform(1.0), uniform(0.0))

    def _begin_dominant(self) -> None:
        """lambda >= alpha from t = inf: the target outweighs all others together, and nothing is distorted. At equality
        F = (1 + 2w)/(2D) far out."""
        p = self._undistorted(self.problem.schedule.constant_above)
        motion = self._motion_at(p.tau)
        if self.groups.prior > self.groups.alpha or motion.outward(p) > -0.5:
            self.events.append(Event("speciation", math.inf, 1.0, math.inf))
            self.phase = self._target(motion, p)
        else:
            self._begin(*self.problem.start(self.groups.alpha))

    def _started(self, t: float, m: Any, v: Any) -> Point:
        """Where m and v are those of every group at VE time t."""
        groups, tau = self.groups, self.groups.tau(t)
        y = np.log(v / ((groups.c + t) / groups.g))  # exactly 0 where v is undistorted
        self._cut(tau)
        return Point(groups, tau, *groups.split(np.hstack([m - 1.0, y])))

    def _undistorted(self, constant_above: float = 0.0) -> Point:
        """Far out, where nothing has happened yet."""
        s = self.problem.spectrum
        largest = self.problem.sigma2 if s is None else max(s.u)
        tau = -math.log(100.0 * max(1.0, largest, constant_above))
        self._cut(tau)
        return Point(self.groups, tau, self.groups.uniform(0.0), self.groups.uniform(0.0))

    # -- the loop ---------------------------------------------------------------------------------------------------

    def _follow_all(self) -> None:
        tau = self.phase.entry.tau
        for _ in range(MAX_PHASES + len(self.cuts)):
            stop = min((b for b in self.cuts if b > tau), default=self.end)
            point, which = self._follow(tau, stop)
            if point.tau >= self.end:
                return
            tau = point.tau
            if which is None:  # a breakpoint of the schedule: the same question with the new weight
                self._restart(point, self._motion_at(tau))
            else:
                self._leave(which, point)
        raise ConvergenceError(
            f"the trajectory changed phase more than {MAX_PHASES} times before t = 0, last at "
            f"t = {float(self.groups.t(tau)):g}. Use a schedule with fewer jumps."
        )

    def _follow(self, tau: float, stop: float) -> tuple[Point, int | None]:
        """Integrate the current phase from tau to its first exit or to `stop`; record the piece."""
        phase = self.phase
        if isinstance(phase, Target):
            exit_ = None if self._keeps_the_weight() else first_desertion(phase, tau, stop)
            end = stop if exit_ is None else exit_
            self._record(phase, tau, end, phase.solution)
            return phase.point(end, phase.solution(end)), None if exit_ is None else 0
        solution, end, which = (integrate_crowd if phase.linear else integrate)(phase, tau, stop)
        if end > tau:
            self._record(phase, tau, end, solution)
            if phase.name in ("glass", "shared"):
                self._label_glass(tau, end)
        self._last = solution(end) if end > tau else np.asarray(phase.initial())
        return phase.point(end, self._last), which

    def _keeps_the_weight(self) -> bool:
        """Whether the target, once it has the weight, surely has it to the end: proved for isotropic classes of equal
        weight and eta <= 1 (sec. 3 of docs/theory.md), not for a spectrum."""
        return self.groups.n == 1 and self.problem.eta <= 1.0 and not (self.groups.prior or self.groups.others)

    def _record(self, phase: Any, tau: float, end: float, solution: Callable) -> None:
        rows = 2 * phase.n

        def read(x):
            states = solution(x)
            return np.vstack([states[:rows], phase.F(x, states)])

        self.pieces.append(Piece(phase.name, tau, end, read))

    # -- changes of phase -------------------------------------------------------------------------------------------

    def _leave(self, which: int, p: Point) -> None:
        """Choose the phase that follows exit number `which` of the current phase at p."""
        phase, motion, rest = self.phase, self._motion_at(p.tau), isinstance(self.phase, Rest)
        if phase.name == "target":
            self._desert(p.led(), motion)
        elif rest and which == 3:
            self._tie(p, p.of_leading, motion)
        elif phase.name == "shared" and which in (1, 2):
            self._note("takeover", p)
            self._enter_rest(p if which == 2 else p.seen_by(phase.second), motion)
        elif (phase.name == "shared" and not phase.leaves(which, p)) or (phase.name == "sliding" and which == 2):
            rule, where = "at most two of target and populations hold the weight together", f"three at tau = {p.tau:g}"
            require(False, rule, where, "Use quenched at finite d, or fewer populations.", error=ConvergenceError)
        elif rest and which == 1:
            self._note("decondensation" if phase.glass else "condensation", p)
            self._enter_rest(p, motion, glass=not phase.glass)
        elif rest and which == 2:
            self._capture(p, motion)
        elif phase.name == "captured" and which == 1:
            self._note("release", p)
            self._recapture(p.led(), motion)
        elif phase.name == "sliding" and which == 1:
            self._note("despeciation", p)
            self._enter_rest(p, motion)
        elif rest and motion.advantage_rate(p, motion.push_in_target(p)) < 0.0:  # isotropic classes: eta > 1 only
            self._note("sliding", p)
            self.phase = Sliding(motion, p)
        else:
            self._speciate(p, motion)

    def _tie(self, p: Point, other: Point, motion: Motion) -> None:
        """Two populations have as much weight: one goes on with it, or both share it (T23)."""
        found = Shared.between(motion, p, other)
        if isinstance(found, Shared):
            self._note("sharing", p)
            self.phase = found
        else:
            self._note("takeover", p)
            self._enter_rest(found, motion)

    def _speciate(self, p: Point, motion: Motion) -> None:
        self._note("speciation", p)
        self.phase = self._target(motion, p)

    def _target(self, motion: Motion, p: Point) -> Target | DrivenTarget:
        driven = motion.rule is not None and motion.rule.acts_alone
        return DrivenTarget(motion, p) if driven else Target(motion, p)

    def _desert(self, p: Point, motion: Motion) -> None:
        """The target loses the weight: go on in the rest, or slide if the rest pushes back."""
        if motion.advantage_rate(p, motion.push(p)) > 0.0:
            self._note("sliding", p)
            self.phase = Sliding(motion, p)
        else:
            self._note("despeciation", p)
            self._enter_rest(p, motion)

    def _restart(self, p: Point, motion: Motion) -> None:
        """The same phase goes on with the next piece of the schedule."""
        phase = self.phase
        if phase.name == "target":
            self.phase = self._target(motion, p)
        elif phase.name == "captured":
            self.phase = phase.resumed(motion, p, self._last)
        elif phase.name == "sliding":
            if motion.advantage_rate(p, motion.push(p)) > 0.0:
                self.phase = Sliding(motion, p)
            else:
                self._leave(1, p)
        elif phase.name == "shared":
            self._tie(p, p.seen_by(phase.second), motion)
        else:
            self._enter_rest(p, motion, glass=phase.glass)

    def _enter_rest(self, p: Point, motion: Motion, glass: bool | None = None, captures: bool = True) -> None:
        glass = p.K > p.groups.alpha * EDGE if glass is None else glass
        captures = captures and self.captures
        if glass and captures and motion.capture_margin(p) > 0.0:
            self._capture(p, motion)
        else:
            self.phase = Rest(motion, p, glass, captures)

    def _capture(self, p: Point, motion: Motion) -> None:
        self._note("capture", p)
        self._label("approximate")
        self.phase = Captured.at(motion, p)

    def _recapture(self, p: Point, motion: Motion) -> None:
        """After a release the next class captures if (T7c) holds; after a `wait` if the last was overtaken at once."""
        captures = sum(e.kind == "capture" for e in self.events)
        if p.tau - self.phase.entry.tau > REARM * 2.0 ** (captures // MANY):
            self.wait = REARM
            self._enter_rest(p, motion)
            return
        self.cuts = sorted({*self.cuts, min(p.tau + self.wait, self.end)} - {self.end})
        self.wait = min(2.0 * self.wait, LONGEST_WAIT)
        self._enter_rest(p, motion, captures=False)

    def _note(self, kind: str, p: Point) -> None:
        """An event, with m and v over all directions in original coordinates, as in `SpectralState`."""
        g, mean = self.groups.g, self.groups.mean
        m, v = 1.0 + mean(g * p.delta) / mean(g), mean(g * p.v)
        self.events.append(Event(kind, float(self.groups.t(p.tau)), float(m), float(v)))

    def _label_glass(self, tau: float, end: float) -> None:
        """A glass is passed: with w < 0 anywhere on the way the capture rule decides; w = 0 throughout is exact."""
        w = self.problem.amplitude(self.groups.t(np.linspace(tau, end, 65)))
        if np.any(w != 0.0):
            known = not np.any(w < 0.0) and not self.problem.schedule.by_sample
            self._label("asymptotic" if known else "approximate")

    def _label(self, standing: str) -> None:
        if self.standing != "approximate":
            self.standing = standing

    # -- the schedule -----------------------------------------------------------------------------------------------

    def _cut(self, tau_start: float) -> None:
        """Times tau at which the integration must stop: the breakpoints of the schedule after the start."""
        taus = [self.groups.tau(t) for t in self.problem.schedule.breakpoints]
        self.cuts = sorted(x for x in taus if tau_start < x < self.end)

    def _motion_at(self, tau: float) -> Motion:
        """The equations on the smooth piece of its schedule that begins at tau; w is read strictly inside the piece."""
        high = min((b for b in self.cuts if b > tau), default=self.end)
        schedule, rule = self.problem.schedule, self.problem.schedule if self.problem.schedule.by_rule else None
        w = amplitude_between(schedule, lambda x: self.problem.amplitude(self.groups.t(x)), tau, high)
        return Motion(self.groups, self.problem.eta, w, schedule.exponent, rule, self.rivals)
