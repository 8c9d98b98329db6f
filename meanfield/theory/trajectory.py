"""The result of `meanfield.solve`: a trajectory of order parameters, its phases and its events.

A trajectory keeps the solution itself, piece by piece, so that `at(t)` evaluates it at any time to the accuracy of the
solver, not by interpolation of stored points.

With a spectrum there are two kinds of numbers. By group, in whitened coordinates x/sqrt(g): the overlap m_group (1
undistorted) and the variance v_group (D = (c + t)/g undistorted). Over all directions, in original coordinates, as one
would measure them on data:

    m = x.mu_1/|mu_1|^2 = sum_i r_i g_i m_i / sum_i r_i g_i,      v = sum_i r_i g_i v_i      (sigma2 + t undistorted),
    q = |x|^2/d = sum_i r_i g_i (m_i^2 + v_i).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from meanfield.errors import ProblemError
from meanfield.problem.noise import VE
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from meanfield.showing.meaning import described
from meanfield.showing.table import brief, html_table
from meanfield.tools.door import Numbers, door


class Event(NamedTuple):
    """A change of phase: `kind` is speciation (the target takes over), despeciation (it loses the weight again),
    condensation, decondensation, capture, release, sliding, second (class 2 takes over), takeover (another population
    of classes does, sec. 10 of docs/theory.md) or sharing (two populations hold the weight); t, m, v are where it
    happens."""

    kind: str
    t: float
    m: float
    v: float


class State(NamedTuple):
    """Order parameters at one or many times: m, v, q = m^2 + v, advantage F of the target (T5), phase.

    `mean_shift` is m - 1 and `variance_excess` is v/D - 1, without the cancellation of the differences.
    """

    t: np.ndarray
    m: np.ndarray
    v: np.ndarray
    q: np.ndarray
    F: np.ndarray
    phase: np.ndarray
    mean_shift: np.ndarray
    variance_excess: np.ndarray

    def __repr__(self) -> str:
        return brief(self)


class SpectralState(NamedTuple):
    """Order parameters at one or many times: over all directions (shape of t), and by group (shape of t, groups).

    `mean_shift` is m - 1 and `variance_excess` is v/(undistorted v) - 1, without cancellation; `mean_shift_group` and
    `variance_excess_group` are m_i - 1 and v_i/D_i - 1: the distortion spectrum.
    """

    t: np.ndarray
    m: np.ndarray
    v: np.ndarray
    q: np.ndarray
    F: np.ndarray
    phase: np.ndarray
    mean_shift: np.ndarray
    variance_excess: np.ndarray
    m_group: np.ndarray
    v_group: np.ndarray
    mean_shift_group: np.ndarray
    variance_excess_group: np.ndarray

    def __repr__(self) -> str:
        return brief(self)


class Piece(NamedTuple):
    """Part of a trajectory in one phase, from tau_low to tau_high, tau = -log(least class variance + t)."""

    phase: str
    tau_low: float
    tau_high: float
    read: Callable[[np.ndarray], np.ndarray]  # tau (times,) -> (delta, y, ... of every group, F), (rows, times)


def times_within(t: Numbers, top: float) -> np.ndarray:
    """VE times as an array, all from 0 to `top`, where a trajectory starts."""
    times = np.asarray(t, float)
    if times.size and not (np.all(times >= 0) and np.all(times <= top * (1 + 1e-12))):
        raise ProblemError(
            f"t must lie between 0 and {top:g}, where this trajectory starts; got {np.min(times):g} to "
            f"{np.max(times):g}. Solve with a larger t_start."
        )
    return times


def stored_times(start: float, variance: float, events: Iterable[Event], n_points: int) -> np.ndarray:
    """Times of a stored curve: log-spaced in variance + t, events included, decreasing from `start` to 0."""
    grid = np.geomspace(variance + start, variance, n_points)[1:-1] - variance
    passed = [e.t for e in events if 0 < e.t < start]
    return np.maximum(np.unique(np.concatenate([grid, [start, 0.0], passed]))[::-1], 0.0)


@door(made_by="solve")
@dataclass(frozen=True, repr=False)
class Trajectory:
    """Mean-field solution of a problem.

    Attributes
    ----------
    problem, d : what was solved; d is infinite, or alpha was replaced by log(P)/d.
    t, D, m, v, q, F, phase : arrays over decreasing VE time t, down to t = 0.
    mean_shift, variance_excess : m - 1 and v/D - 1 without cancellation.
    events : every change of phase, in order.
    m_2 : overlap x.mu_2/d with class 2, of guidance with a second condition (`Negative`, `Composed`); v is then the
        variance across both means, and q = m^2 + m_2^2 + v.
    standing : "exact" (d = infinity, no glass on the way), "asymptotic" (finite d, or a glass with w >= 0, where only
        the projected force is kept: supported by particles, not proven), "approximate" (a glass with w < 0: capture).
    """

    problem: Problem
    d: float
    alpha: float
    pieces: tuple[Piece, ...]
    events: tuple[Event, ...]
    standing: str
    n_points: int = 257
    _names: ClassVar[tuple[str, ...]] = State._fields  # read at the times of the stored curve
    _variables: ClassVar[int] = 2  # of a group: delta and y

    def at(self, t: Numbers) -> State:
        """Order parameters at VE times t (a number or an array), 0 <= t <= the first time of the trajectory; any t if
        it is undistorted from t = infinity on, as with sub-exponentially many classes at d = infinity."""
        undistorted = math.isinf(self.problem.T) and self.pieces[0].phase == "target"
        times = times_within(t, math.inf if undistorted else self._start)
        tau = -np.log(self.problem.least_variance + np.ravel(times))
        index = np.searchsorted([p.tau_high for p in self.pieces[:-1]], tau, side="left")
        n = 1 if self.problem.spectrum is None else len(self.problem.spectrum)  # groups of directions
        values = np.empty((self._variables * n + 1, tau.size))
        phase = np.empty(tau.size, dtype=object)
        for i, piece in enumerate(self.pieces):
            here = index == i
            if here.any():
                values[:, here] = piece.read(np.clip(tau[here], piece.tau_low, piece.tau_high))
                phase[here] = piece.phase
        return self._state(times, values[-1], phase, *(values[i * n : (i + 1) * n].T for i in range(self._variables)))

    @property
    def final(self) -> State:
        """Order parameters at t = 0."""
        return self.at(0.0)

    @property
    def t(self) -> np.ndarray:
        """Times of the stored curve: log-spaced in (least class variance) + t, events included, decreasing to 0."""
        return stored_times(self._start, self.problem.least_variance, self.events, self.n_points)

    @property
    def D(self) -> np.ndarray:
        """Total variance sigma2 + t of one noised class along the curve."""
        return self.problem.sigma2 + self.t

    @property
    def crossings(self) -> tuple[Event, ...]:
        """The events at which the target takes over or loses the weight."""
        return tuple(e for e in self.events if e.kind in ("speciation", "despeciation"))

    @property
    def t_speciation(self) -> float:
        """The last time at which the target takes over; nan if it never does, inf if it does at the start t = inf."""
        return next((e.t for e in reversed(self.events) if e.kind == "speciation"), math.nan)

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases passed, in order."""
        names = [p.phase for p in self.pieces]
        return tuple(n for i, n in enumerate(names) if i == 0 or n != names[i - 1])

    def __getattr__(self, name: str) -> np.ndarray:
        if name in self._names:
            return getattr(self.at(self.t), name)
        raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}")

    def to_dataset(self):
        """The curve as a labelled xarray.Dataset over t, with problem, events and standing in its attributes; with a
        spectrum over t and group."""
        import json

        import xarray

        attrs = {
            "problem": json.dumps(self.problem.to_dict()),
            "d": float(self.d),
            "alpha": float(self.alpha),
            "standing": self.standing,
            "events": json.dumps([e._asdict() for e in self.events]),
        }
        state, s = self.at(self.t)._asdict(), self.problem.spectrum
        state["phase"] = state["phase"].astype(str)
        data: dict[str, tuple] = {name: (("t", "group")[: x.ndim], x) for name, x in state.items() if name != "t"}
        if s is not None:
            of_group = {"c": s.c, "u": s.u, "share": s.share, "group": np.arange(len(s))}
            data |= {name: ("group", np.array(x)) for name, x in of_group.items()}
        return described(xarray.Dataset(data, coords={"t": self.t}, attrs=attrs))

    def __repr__(self) -> str:
        f, s2 = self.final, self.problem.sigma2
        events = ", ".join(f"{e.kind} at t = {self._shown(e.t)}" for e in self.events) or "no change of phase"
        second = f"m_2(0) = {f.m_2:.6g}, " if "m_2" in self._names else ""  # type: ignore[attr-defined]
        return (
            f"Trajectory at d = {self.d:g}: m(0) = {f.m:.6g}, {second}v(0) = {f.v:.6g} (v/sigma2 = {f.v / s2:.6g}), "
            f"{self.standing}\n  {' -> '.join(self.phases)}; {events}\n  {self.problem}"
        )

    def _repr_html_(self) -> str:
        f, D = self.final, self.problem.sigma2
        rows = [("m(0)", f"{f.m:.6g}"), ("v(0)", f"{f.v:.6g}"), ("v(0)/sigma2", f"{f.v / D:.6g}")]
        rows += [("phases", " → ".join(self.phases))] + [(e.kind, f"t = {self._shown(e.t)}") for e in self.events]
        title = f"{type(self).__name__} at d = {self.d:g} ({self.standing})"
        return html_table(title, rows, notes=[repr(self.problem)])

    def _shown(self, t: float) -> str:
        """A VE time, in the own time of the noise too where that is another."""
        noise = self.problem.noise
        return f"{t:.6g}" if noise == VE() else f"{noise.own_time(t):.6g} (VE time {t:.6g})"

    @property
    def _start(self) -> float:
        return math.exp(-self.pieces[0].tau_low) - self.problem.least_variance

    def _state(self, t: np.ndarray, F: np.ndarray, phase: np.ndarray, delta: np.ndarray, y: np.ndarray) -> State:
        """The state from delta and y of every group, (times, groups)."""
        delta, y, F, phase = (x.reshape(t.shape)[()] for x in (delta, y, F, phase))
        m, v = 1.0 + delta, (self.problem.sigma2 + t) * np.exp(y)
        return State(t[()], m, v, m * m + v, F, phase, delta, np.expm1(y))


@door(made_by="solve")
@dataclass(frozen=True, repr=False)
class SpectralTrajectory(Trajectory):
    """Mean-field solution with a spectrum. As `Trajectory`, with `m_group`, `v_group`, `mean_shift_group` and
    `variance_excess_group` of shape (times, groups) besides; `problem.spectrum` carries the shares that d realises.

    Examples
    --------
    >>> from meanfield import Exponential, Problem, Spectrum, solve
    >>> two = Spectrum(c=[0.25, 0.25], u=[1.25, 4.25])
    >>> theory = solve(Problem(classes=Exponential(alpha=0.5), spectrum=two, guidance=1.0))
    >>> theory.final.m_group.round(4)
    array([1.057 , 1.0338])
    """

    _names: ClassVar[tuple[str, ...]] = SpectralState._fields

    @property
    def spectrum(self) -> Spectrum:
        assert self.problem.spectrum is not None
        return self.problem.spectrum

    def _state(self, t, F, phase, delta, y) -> SpectralState:  # type: ignore[override]
        s = self.spectrum
        r, g, D = np.array(s.share), s.g, s.D(np.ravel(t))
        m, v, excess = 1.0 + delta, D * np.exp(y), np.expm1(y)
        shift = delta @ (r * g) / (r @ g)
        D_mean = (g * D) @ r
        each = [1.0 + shift, (g * v) @ r, (g * (m * m + v)) @ r, F, phase, shift, (g * D * excess) @ r / D_mean]
        flat = [x.reshape(t.shape)[()] for x in each]
        return SpectralState(t[()], *flat, *(x.reshape(*t.shape, len(s)) for x in (m, v, delta, excess)))
