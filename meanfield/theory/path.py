"""A trajectory under construction: the rules for every change of phase, whatever the state is made of.

`dynamics` (isotropic classes) and `anisotropic` (groups of directions) bring the equations: a module of phases, and how
tau, the glass and events are read from their points. The schedule is cut at its breakpoints; in each piece the current
phase is solved until one of its exits changes sign: by quadrature where it is linear, in closed form for the target, by
an integrator otherwise.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.problem.statement import Problem
from meanfield.theory.crowd import integrate_crowd
from meanfield.theory.integration import first_desertion, integrate
from meanfield.theory.phases import LONGEST_WAIT, MANY, REARM
from meanfield.theory.trajectory import Event, Piece

__all__ = ["Path"]

MAX_PHASES = 500
EDGE = 1.0 - 1e-12  # rounding at the edge of the glass


class Path:
    """The current phase, the pieces and events so far. `phases` is the module that has Rest, Target, Captured, ..."""

    phases: Any

    def __init__(self, problem: Problem, alpha: float, captures: bool, end: float) -> None:
        self.problem, self.alpha, self.captures, self.end = problem, alpha, captures, end
        self.pieces: list[Piece] = []
        self.events: list[Event] = []
        self.standing = "exact"
        self.cuts: list[float] = []
        self.wait = REARM
        self.phase: Any
        self._last: np.ndarray

    # -- what the equations bring -----------------------------------------------------------------------------------

    def time(self, tau):
        """VE time at tau."""
        raise NotImplementedError

    def tau(self, t: float) -> float:
        raise NotImplementedError

    def condensed(self, p: Any, s: Any) -> bool:
        """Whether the rest is a glass at p."""
        raise NotImplementedError

    def order_parameters(self, p: Any) -> tuple[float, float]:
        """m and v of an event."""
        raise NotImplementedError

    def setting(self, w: Callable[..., Any]) -> Any:
        """What the phases need of the problem, with the weight as a function of tau."""
        raise NotImplementedError

    def weight(self, p: Any, s: Any) -> float:
        """Weight that acts at p where the rest has the weight."""
        return s.w(p.tau)

    def keeps_the_weight(self) -> bool:
        """Whether the target, once it has the weight, surely has it to the end."""
        raise NotImplementedError

    def begin(self, t: float, m: Any, v: Any) -> None:
        """Start from the law of `Problem.start`."""
        raise NotImplementedError

    def begin_alone(self) -> None:
        """Start where the target has no rivals."""
        raise NotImplementedError

    def begin_subexponential(self) -> None:
        """Start at alpha = 0 from t = infinity."""
        raise NotImplementedError

    # -- the loop ---------------------------------------------------------------------------------------------------

    def run(self, d: float) -> str:
        """Start, follow the phases to t = 0, and say how the result stands at dimension d."""
        if self.problem.classes.log_count(min(d, 1e300)) == 0.0:
            self.begin_alone()
        elif self.alpha == 0.0 and math.isinf(self.problem.T):
            self.begin_subexponential()
        else:
            self.begin(*self.problem.start(self.alpha))
        self._follow_all()
        return self.standing if math.isinf(d) or self.standing == "approximate" else "asymptotic"

    def _follow_all(self) -> None:
        tau = self.phase.entry.tau
        for _ in range(MAX_PHASES + len(self.cuts)):
            stop = min((b for b in self.cuts if b > tau), default=self.end)
            point, which = self._follow(tau, stop)
            if point.tau >= self.end:
                return
            tau = point.tau
            if which is None:  # a breakpoint of the schedule: the same question with the new weight
                self._restart(point, self.setting_at(tau))
            else:
                self._leave(which, point)
        raise ConvergenceError(
            f"the trajectory changed phase more than {MAX_PHASES} times before t = 0, last at "
            f"t = {float(self.time(tau)):g}. Use a schedule with fewer jumps."
        )

    def _follow(self, tau: float, stop: float) -> tuple[Any, int | None]:
        """Integrate the current phase from tau to its first exit or to `stop`; record the piece."""
        phase = self.phase
        if phase.name == "target":
            exit_ = None if self.keeps_the_weight() else first_desertion(phase, tau, stop)
            end = stop if exit_ is None else exit_
            self._record(phase, tau, end, phase.solution)
            return phase.point(end, phase.solution(end)), None if exit_ is None else 0
        solution, end, which = (integrate_crowd if phase.linear else integrate)(phase, tau, stop)
        if end > tau:
            self._record(phase, tau, end, solution)
            if phase.name == "glass":
                self._label_glass(tau, end)
        self._last = solution(end) if end > tau else np.asarray(phase.initial())
        return phase.point(end, self._last), which

    def _record(self, phase: Any, tau: float, end: float, solution: Callable) -> None:
        rows = 2 * phase.n

        def read(x):
            states = solution(x)
            return np.vstack([states[:rows], phase.F(x, states)])

        self.pieces.append(Piece(phase.name, tau, end, read))

    # -- changes of phase -------------------------------------------------------------------------------------------

    def _leave(self, which: int, p: Any) -> None:
        """Choose the phase that follows exit number `which` of the current phase at p."""
        phase, s = self.phase, self.setting_at(p.tau)
        rest = isinstance(phase, self.phases.Rest)
        if phase.name == "target":
            self._desert(p, s)
        elif rest and which == 1:
            self._note("decondensation" if phase.glass else "condensation", p)
            self.enter_rest(p, s, glass=not phase.glass)
        elif rest and which == 2:
            self._capture(p, s)
        elif phase.name == "captured" and which == 1:
            self._note("release", p)
            self._recapture(p, s)
        elif phase.name == "sliding" and which == 1:
            self._note("despeciation", p)
            self.enter_rest(p, s)
        elif rest and self.phases.advantage_rate(s, p, 0.0) < 0.0:  # isotropic classes: eta > 1 only
            self._note("sliding", p)
            self.phase = self.phases.Sliding(s, p)
        else:
            self.speciate(p, s)

    def speciate(self, p: Any, s: Any) -> None:
        self._note("speciation", p)
        self.phase = self.phases.Target(s, p)

    def _desert(self, p: Any, s: Any) -> None:
        """The target loses the weight: go on in the rest, or slide if the rest pushes back."""
        if self.phases.advantage_rate(s, p, self.weight(p, s)) > 0.0:
            self._note("sliding", p)
            self.phase = self.phases.Sliding(s, p)
        else:
            self._note("despeciation", p)
            self.enter_rest(p, s)

    def _restart(self, p: Any, s: Any) -> None:
        """The same phase goes on with the next piece of the schedule."""
        phase = self.phase
        if phase.name == "target":
            self.phase = self.phases.Target(s, p)
        elif phase.name == "captured":
            self.phase = phase.resumed(s, p, self._last)
        elif phase.name == "sliding":
            if self.phases.advantage_rate(s, p, self.weight(p, s)) > 0.0:
                self.phase = self.phases.Sliding(s, p)
            else:
                self._leave(1, p)
        else:
            self.enter_rest(p, s, glass=phase.glass)

    def enter_rest(self, p: Any, s: Any, glass: bool | None = None, captures: bool = True) -> None:
        glass = self.condensed(p, s) if glass is None else glass
        captures = captures and self.captures
        if glass and captures and self.phases.capture_margin(s, p) > 0.0:
            self._capture(p, s)
        else:
            self.phase = self.phases.Rest(s, p, glass, captures)

    def _capture(self, p: Any, s: Any) -> None:
        self._note("capture", p)
        self._label("approximate")
        self.phase = self.phases.Captured.at(s, p)

    def _recapture(self, p: Any, s: Any) -> None:
        """After a release the next class captures if (T7c) holds; after a `wait` if the last was overtaken at once."""
        captures = sum(e.kind == "capture" for e in self.events)
        if p.tau - self.phase.entry.tau > REARM * 2.0 ** (captures // MANY):
            self.wait = REARM
            self.enter_rest(p, s)
            return
        self.cuts = sorted({*self.cuts, min(p.tau + self.wait, self.end)} - {self.end})
        self.wait = min(2.0 * self.wait, LONGEST_WAIT)
        self.enter_rest(p, s, captures=False)

    def _note(self, kind: str, p: Any) -> None:
        self.events.append(Event(kind, float(self.time(p.tau)), *self.order_parameters(p)))

    def _label_glass(self, tau: float, end: float) -> None:
        """A glass is passed: with w < 0 anywhere on the way the capture rule decides; w = 0 throughout is exact."""
        w = self.problem.amplitude(self.time(np.linspace(tau, end, 65)))
        if np.any(w != 0.0):
            self._label("approximate" if np.any(w < 0.0) or self.problem.schedule.exponent else "asymptotic")

    def _label(self, standing: str) -> None:
        if self.standing != "approximate":
            self.standing = standing

    # -- the schedule -----------------------------------------------------------------------------------------------

    def cut(self, tau_start: float) -> None:
        """Times tau at which the integration must stop: the breakpoints of the schedule after the start."""
        taus = [self.tau(t) for t in self.problem.schedule.breakpoints]
        self.cuts = sorted(x for x in taus if tau_start < x < self.end)

    def setting_at(self, tau: float) -> Any:
        """The problem on the smooth piece of its schedule that begins at tau; w is read strictly inside the piece."""
        low = tau
        high = min((b for b in self.cuts if b > tau), default=self.end)
        inside = 1e-12 * (high - low)

        def w(x):
            return self.problem.amplitude(self.time(np.minimum(np.maximum(x, low + inside), high - inside)))

        return self.setting(w)
