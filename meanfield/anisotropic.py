"""The mean-field dynamics with a spectrum: `solve` hands problems with anisotropic classes to `solve_groups`.

The twin of `dynamics` for many groups of directions (docs/spectra.md). Time is tau = -log(a + t), a the least class
variance. In the isotropic problem the target, once it has the weight, keeps it (for eta <= 1). With a spectrum that is
not proven, so F is watched to the end, and the rest may take the weight back or both may slide along F = 0.
"""

import math

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.groupenergy import GroupPoint, Groups
from meanfield.groupphases import (
    Captured,
    GroupPhase,
    Rest,
    Setting,
    Sliding,
    Target,
    advantage_rate,
    capture_margin,
)
from meanfield.integration import integrate
from meanfield.phases import LONGEST_WAIT, MANY, REARM
from meanfield.problem import Problem
from meanfield.spectral import SpectralTrajectory
from meanfield.trajectory import Event, Piece

__all__ = ["solve_groups"]

MAX_PHASES = 500
WATCH = 0.02  # spacing in tau at which F is looked at after speciation


def solve_groups(problem: Problem, d: float = math.inf, capture: bool = True) -> SpectralTrajectory:
    """Solve the mean-field dynamics of a problem with a spectrum; `meanfield.solve` calls it.

    A finite d replaces alpha by log(P)/d and the shares by those that d realises.
    """
    assert problem.spectrum is not None
    problem = problem.replace(spectrum=problem.spectrum.at(d))
    alpha = problem.classes.rate(d)
    path = _Path(problem, alpha, capture)
    if problem.classes.log_count(min(d, 1e300)) == 0.0:
        path.begin_alone()
    elif alpha == 0.0 and math.isinf(problem.T):
        path.begin_subexponential()
    else:
        path.begin(*problem.start(alpha))
    path.run()
    standing = path.standing if math.isinf(d) or path.standing == "approximate" else "asymptotic"
    return SpectralTrajectory(problem, d, alpha, tuple(path.pieces), tuple(path.events), standing)


class _Path:
    """A trajectory under construction: the current phase, the pieces and events so far."""

    def __init__(self, problem: Problem, alpha: float, captures: bool = True) -> None:
        assert problem.spectrum is not None
        self.problem, self.alpha, self.spectrum, self.captures = problem, alpha, problem.spectrum, captures
        self.groups = Groups(problem.spectrum, alpha)
        self.end = -math.log(self.groups.floor)
        self.pieces: list[Piece] = []
        self.events: list[Event] = []
        self.standing = "exact"
        self.cuts: list[float] = []
        self.wait = REARM
        self.phase: GroupPhase

    # -- starts -----------------------------------------------------------------------------------------------------

    def begin(self, t: float, m: np.ndarray, v: np.ndarray) -> None:
        """Start from the law of `Problem.start`."""
        p = GroupPoint(self.groups.tau(t), m - 1.0, np.log(v / self.spectrum.D(t)))
        self._cut(p.tau)
        s = self._setting(p.tau)
        if self.alpha == 0.0 and s.w(p.tau) > -0.5:  # F = 0 there, and the target wins
            self._note("speciation", p)
            self.phase = Target(s, p)
        else:
            self._enter_rest(p, s)

    def begin_alone(self) -> None:
        """P = 1: the target has no rivals and guidance does nothing."""
        t = self.problem.T
        if math.isfinite(t):
            p = GroupPoint(
                self.groups.tau(t), self._full(-1.0), np.log(self.problem.v_T / self.spectrum.g / self.spectrum.D(t))
            )
        else:
            t = 100.0 * max(1.0, *self.spectrum.u)
            p = GroupPoint(self.groups.tau(t), self._full(0.0), self._full(0.0))
        self.groups.alpha = -math.inf
        self._cut(p.tau)
        self.phase = Target(self._setting(p.tau), p)

    def begin_subexponential(self) -> None:
        """alpha = 0 from t = inf: for w > -1/2 the target wins at once and nothing is distorted; otherwise a wrong
        class has captured the sample there, at m_i = 1 + w, m_k = -w, v_i = D_i + w^2, as in the isotropic problem."""
        far = 100.0 * max(1.0, *self.spectrum.u, self.problem.schedule.constant_above)
        p = GroupPoint(self.groups.tau(far), self._full(0.0), self._full(0.0))
        self._cut(p.tau)
        s = self._setting(p.tau)
        w = s.w(p.tau)
        if w > -0.5:
            self.events.append(Event("speciation", math.inf, 1.0, math.inf))
            self.phase = Target(s, p)
        else:
            self.events.append(Event("capture", math.inf, 1.0 + w, math.inf))
            self.standing = "approximate"
            y = np.log1p(w * w / self.groups.D(p.tau))
            self.phase = Captured(
                s, p._replace(delta=self._full(w), y=y), self._full(-w), self._full(1.0), self._full(0.0)
            )

    def _full(self, value: float) -> np.ndarray:
        return np.full(len(self.spectrum), value)

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
            f"t = {float(self.groups.t(tau)):g}. Use a schedule with fewer jumps."
        )

    def _follow(self, tau: float, stop: float) -> tuple[GroupPoint, int | None]:
        """Integrate the current phase from tau to its first exit or to `stop`; record the piece."""
        phase, n2 = self.phase, 2 * len(self.spectrum)
        if isinstance(phase, Target):
            exit_ = self._desertion(phase, tau, stop)
            end = stop if exit_ is None else exit_
            read = lambda x: np.vstack([s := phase.solution(x), phase.F(x, s)])  # noqa: E731
            self.pieces.append(Piece(phase.name, tau, end, read))
            return phase.point(end, phase.solution(end)), None if exit_ is None else 0
        solution, end, which = integrate(phase, tau, stop)  # type: ignore[arg-type]
        if end > tau:
            read = lambda x: np.vstack([(s := solution(x))[:n2], phase.F(x, s)])  # noqa: E731
            self.pieces.append(Piece(phase.name, tau, end, read))
            if phase.name == "glass":
                self._label_glass(tau, end)
        self._last = solution(end) if end > tau else phase.initial()
        return phase.point(end, self._last), which

    def _desertion(self, phase: Target, tau: float, stop: float) -> float | None:
        """First time in (tau, stop) at which the target loses the weight."""
        from scipy.optimize import brentq

        if self.groups.alpha == -math.inf:
            return None
        grid = np.linspace(tau, stop, 2 + math.ceil((stop - tau) / WATCH))
        values = -phase.F(grid, phase.solution(grid))
        up = np.flatnonzero((values[:-1] <= 0.0) & (values[1:] > 0.0))
        if not up.size:
            return None
        low, high = grid[up[0]], grid[up[0] + 1]
        return low if phase.desertion(low) >= 0.0 else brentq(phase.desertion, low, high, xtol=1e-15)

    # -- changes of phase -------------------------------------------------------------------------------------------

    def _leave(self, which: int, p: GroupPoint) -> None:
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
            self._recapture(p, s)
        elif isinstance(phase, Sliding) and which == 1:
            self._note("despeciation", p)
            self._enter_rest(p, s)
        elif isinstance(phase, Rest) and advantage_rate(s, p, 0.0) < 0.0:
            self._note("sliding", p)
            self.phase = Sliding(s, p)
        else:
            self._note("speciation", p)
            self.phase = Target(s, p)

    def _desert(self, p: GroupPoint, s: Setting) -> None:
        """The target loses the weight: go on in the rest, or slide if the rest pushes back."""
        if advantage_rate(s, p, s.w(p.tau)) > 0.0:
            self._note("sliding", p)
            self.phase = Sliding(s, p)
        else:
            self._note("despeciation", p)
            self._enter_rest(p, s)

    def _restart(self, p: GroupPoint, s: Setting) -> None:
        """The same phase goes on with the next piece of the schedule."""
        phase = self.phase
        if isinstance(phase, Target):
            self.phase = Target(s, p)
        elif isinstance(phase, Captured):
            self.phase = Captured(s, p, self._last[2 * phase.n :], phase.n_k, phase.o_k)
        elif isinstance(phase, Sliding):
            if advantage_rate(s, p, s.w(p.tau)) > 0.0:
                self.phase = Sliding(s, p)
            else:
                self._leave(1, p)
        else:
            self._enter_rest(p, s, glass=phase.glass)  # type: ignore[attr-defined]

    def _enter_rest(self, p: GroupPoint, s: Setting, glass: bool | None = None, captures: bool = True) -> None:
        if glass is None:
            glass = s.energies(p).K > self.alpha * (1.0 - 1e-12)  # rounding at the edge of the glass
        captures = captures and self.captures
        if glass and captures and capture_margin(s, p) > 0.0:
            self._capture(p, s)
        else:
            self.phase = Rest(s, p, glass, captures)

    def _capture(self, p: GroupPoint, s: Setting) -> None:
        self._note("capture", p)
        self._label("approximate")
        self.phase = Captured.at(s, p)

    def _recapture(self, p: GroupPoint, s: Setting) -> None:
        """After a release the next class captures if (T7c) holds; after a `wait` if the last was overtaken at once."""
        captures = sum(e.kind == "capture" for e in self.events)
        if p.tau - self.phase.entry.tau > REARM * 2.0 ** (captures // MANY):
            self.wait = REARM
            self._enter_rest(p, s)
            return
        self.cuts = sorted({*self.cuts, min(p.tau + self.wait, self.end)} - {self.end})
        self.wait = min(2.0 * self.wait, LONGEST_WAIT)
        self._enter_rest(p, s, captures=False)

    def _note(self, kind: str, p: GroupPoint) -> None:
        """m and v of an event are those of `SpectralState`: in original coordinates, over all directions."""
        g, r = self.groups.g, self.groups.r
        m = 1.0 + float(r @ (g * p.delta) / (r @ g))
        v = float(r @ (g * self.groups.D(p.tau) * np.exp(p.y)))
        self.events.append(Event(kind, float(self.groups.t(p.tau)), m, v))

    def _label_glass(self, tau: float, end: float) -> None:
        """A glass is passed: with w < 0 anywhere on the way the capture rule decides; w = 0 throughout is exact."""
        w = self.problem.weight(self.groups.t(np.linspace(tau, end, 65)))
        if np.any(w != 0.0):
            self._label("approximate" if np.any(w < 0.0) else "asymptotic")

    def _label(self, standing: str) -> None:
        if self.standing != "approximate":
            self.standing = standing

    # -- the schedule -----------------------------------------------------------------------------------------------

    def _cut(self, tau_start: float) -> None:
        """Times tau at which the integration must stop: the breakpoints of the schedule after the start."""
        taus = [self.groups.tau(t) for t in self.problem.schedule.breakpoints]
        self.cuts = sorted(x for x in taus if tau_start < x < self.end)

    def _setting(self, tau: float) -> Setting:
        """The problem on the smooth piece of its schedule that begins at tau; w is read strictly inside the piece."""
        low = tau
        high = min((b for b in self.cuts if b > tau), default=self.end)
        inside = 1e-12 * (high - low)

        def w(x: float) -> float:
            x = min(max(x, low + inside), high - inside)
            return float(self.problem.weight(float(self.groups.t(x))))

        return Setting(self.groups, self.problem.eta, w)
