"""The result of `meanfield.solve`: a trajectory of order parameters, its phases and its events.

A trajectory keeps the solution itself, piece by piece, so that `at(t)` evaluates it at any time to the accuracy of the
solver, not by interpolation of stored points.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from meanfield.errors import ProblemError
from meanfield.problem.statement import Problem

__all__ = ["Event", "Piece", "State", "Trajectory"]


class Event(NamedTuple):
    """A change of phase: `kind` is speciation (the target takes over), despeciation (it loses the weight again),
    condensation, decondensation, capture, release or sliding; t, m, v are where it happens."""

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


class Piece(NamedTuple):
    """Part of a trajectory in one phase, from tau_low to tau_high (tau = -log D)."""

    phase: str
    tau_low: float
    tau_high: float
    read: Callable[[np.ndarray], np.ndarray]  # tau (times,) -> (delta, y, F), shape (3, times)


@dataclass(frozen=True, repr=False)
class Trajectory:
    """Mean-field solution of a problem.

    Attributes
    ----------
    problem, d : what was solved; d is infinite, or alpha was replaced by log(P)/d.
    t, D, m, v, q, F, phase : arrays over decreasing VE time t, down to t = 0.
    mean_shift, variance_excess : m - 1 and v/D - 1 without cancellation.
    events : every change of phase, in order.
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

    def at(self, t) -> State:
        """Order parameters at VE times t (a number or an array), 0 <= t <= the first time of the trajectory."""
        times = np.asarray(t, float)
        top = self._start
        if times.size and not (np.all(times >= 0) and np.all(times <= top * (1 + 1e-12))):
            raise ProblemError(
                f"t must lie between 0 and {top:g}, where this trajectory starts; got {np.min(times):g} to "
                f"{np.max(times):g}. Solve with a larger t_start."
            )
        tau = -np.log(self.problem.sigma2 + np.atleast_1d(times))
        ends = np.array([p.tau_high for p in self.pieces[:-1]])
        index = np.searchsorted(ends, tau, side="left")
        values = np.empty((3, tau.size))
        phase = np.empty(tau.size, dtype=object)
        for i, piece in enumerate(self.pieces):
            here = index == i
            if here.any():
                values[:, here] = piece.read(np.clip(tau[here], piece.tau_low, piece.tau_high))
                phase[here] = piece.phase
        return self._state(times, values, phase)

    @property
    def final(self) -> State:
        """Order parameters at t = 0."""
        return self.at(0.0)

    @property
    def t(self) -> np.ndarray:
        """Times of the stored curve: log-spaced in D, events included, decreasing to 0."""
        D = np.geomspace(self.problem.sigma2 + self._start, self.problem.sigma2, self.n_points)
        events = [e.t for e in self.events if 0 < e.t < self._start]
        t = np.unique(np.concatenate([D[1:-1] - self.problem.sigma2, [self._start, 0.0], events]))[::-1]
        return np.maximum(t, 0.0)

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
        if name in ("m", "v", "q", "F", "phase", "mean_shift", "variance_excess"):
            return getattr(self.at(self.t), name)
        raise AttributeError(f"a Trajectory has no attribute {name!r}")

    def to_dataset(self):
        """The curve as a labelled xarray.Dataset over t, with problem, events and standing in its attributes."""
        import json

        import xarray

        state = self.at(self.t)
        names = ("m", "v", "q", "F", "mean_shift", "variance_excess")
        data = {name: ("t", getattr(state, name)) for name in names}
        data["phase"] = ("t", state.phase.astype(str))
        attrs = {
            "problem": json.dumps(self.problem.to_dict()),
            "d": float(self.d),
            "alpha": float(self.alpha),
            "standing": self.standing,
            "events": json.dumps([e._asdict() for e in self.events]),
        }
        return xarray.Dataset(data, coords={"t": self.t}, attrs=attrs)

    def __repr__(self) -> str:
        f, s2 = self.final, self.problem.sigma2
        events = ", ".join(f"{e.kind} at t = {e.t:.6g}" for e in self.events) or "no change of phase"
        return (
            f"Trajectory at d = {self.d:g}: m(0) = {f.m:.6g}, v(0) = {f.v:.6g} (v/sigma2 = {f.v / s2:.6g}), "
            f"{self.standing}\n  {' -> '.join(self.phases)}; {events}\n  {self.problem}"
        )

    @property
    def _start(self) -> float:
        return math.exp(-self.pieces[0].tau_low) - self.problem.sigma2

    def _state(self, t: np.ndarray, values: np.ndarray, phase: np.ndarray) -> State:
        delta, y, F = (x.reshape(t.shape)[()] for x in values)
        m, v = 1.0 + delta, (self.problem.sigma2 + t) * np.exp(y)
        return State(t[()], m, v, m * m + v, F, phase.reshape(t.shape)[()], delta, np.expm1(y))
