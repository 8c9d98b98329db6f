"""One problem at many values of two of its parameters: compiled trajectories on all processors, `solve` for the rest.

`pieceflow` does constant, linear, interval, piecewise constant and tabulated guidance, at any eta; it releases the
interpreter, so threads share the points. What it leaves (alpha = 0, starts beyond speciation, other schedules) is done
by `solve`, one after another. A point is one trajectory, whoever does it: the result does not depend on the threads.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Any, cast

import numpy as np

from meanfield.errors import checked
from meanfield.guidance.schedules import Constant, Linear
from meanfield.maps.responses import LINEAR, Table, table_of
from meanfield.problem.growth import Exponential
from meanfield.problem.noise import VE
from meanfield.problem.statement import Problem
from meanfield.theory.dynamics import solve

__all__ = ["AXES", "PHASES", "Solver", "variant"]

PHASES = ("crowd", "glass", "target", "captured", "sliding")  # bit i of `passed`
AXES = ("alpha", "w", "t", "sigma2", "eta", "w0", "omega")
COLUMNS = ("m_shift", "v_ratio", "t_speciation", "t_condensation", "t_capture", "passed", "last")  # of `pieceflow` too
CHUNK = 256  # most trajectories that a thread takes at a time


class Solver:
    """Trajectories at many pairs of parameters: called with the values of both, a dict of columns comes back."""

    def __init__(self, problem: Problem, names: tuple[str, str], d: float, threads: int | None) -> None:
        self.problem, self.names, self.d = problem, names, d
        self.threads = int(
            checked("threads", cpu_count() if threads is None else threads, low=1, high=1024, integer=True)
        )
        self.by_solve = 0  # trajectories that `solve` had to do

    def __call__(self, x: np.ndarray, y: np.ndarray, show: Callable[[int], Any]) -> dict[str, np.ndarray]:
        out = np.full((len(x), len(COLUMNS)), np.nan)
        rates = self._values("alpha", x, y)
        rows = np.flatnonzero(rates > 0.0) if self._linear() else np.array([], int)
        size = min(CHUNK, 1 + len(rows) // (4 * self.threads))
        chunks = [rows[i : i + size] for i in range(0, len(rows), size)]

        def one(chunk: np.ndarray) -> None:
            out[chunk] = self._compiled(x[chunk], y[chunk])

        with ThreadPoolExecutor(self.threads) as pool:
            for finished, _ in enumerate(pool.map(one, chunks), start=1):
                show(min(size * finished, len(x)))
        left = np.flatnonzero(np.isnan(out[:, 0]))
        self.by_solve += len(left)
        for n, i in enumerate(left, start=1):
            out[i] = self._by_solve({self.names[0]: x[i], self.names[1]: y[i]})
            show(len(x) - len(left) + n)
        return {name: out[:, i] for i, name in enumerate(COLUMNS)}

    def _linear(self) -> bool:
        """Whether guidance is piecewise linear in VE time at every point, as `pieceflow` needs it."""
        axes = set(self.names)
        if axes & {"w0", "omega"}:
            return self.problem.noise == VE()
        return "w" in axes or isinstance(self.problem.schedule, LINEAR)

    def _values(self, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """A parameter at every point: alpha, sigma2 or eta."""
        p = self.problem
        fixed = {"alpha": p.classes.rate(self.d), "sigma2": p.sigma2, "eta": p.eta}[name]
        for axis, values in zip(self.names, (x, y), strict=True):
            if axis == name:
                return np.array([Exponential(a).rate(self.d) for a in values]) if name == "alpha" else values
        return np.full(len(x), float(fixed))

    def _table(self, x: np.ndarray, y: np.ndarray) -> Table:
        """Guidance at every point, from T; where T is infinite the first edge is set later."""
        p, axes = self.problem, dict(zip(self.names, (x, y), strict=True))
        T, base = p.T if math.isfinite(p.T) else 2.0 * p.schedule.constant_above + 1.0, p.guidance
        if "w" in axes:
            w = axes["w"][:, None]
            return Table(np.tile([T, 0.0], (len(x), 1)), w, w)
        if set(axes) & {"w0", "omega"}:
            old = (base.w0, base.omega) if isinstance(base, Linear) else (cast(Constant, base).value, 0.0)
            w0, omega = (np.broadcast_to(axes.get(k, v), len(x)) for k, v in zip(("w0", "omega"), old, strict=True))
            return Table(np.tile([T, 0.0], (len(x), 1)), (w0 + omega * T)[:, None], w0[:, None])
        row = table_of(p.schedule, T)
        return Table(*(np.tile(part, (len(x), 1)) for part in row))

    def _compiled(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        from meanfield.maps import compiled_steps as fastflow  # numba is loaded only when it is needed
        from meanfield.maps import compiled_trajectory as pieceflow

        p, table = self.problem, self._table(x, y)
        parameters = np.column_stack([self._values(name, x, y) for name in ("alpha", "sigma2", "eta")])
        if math.isfinite(p.T):
            starts = np.tile([0.0, p.v_T], (len(x), 1))
        else:
            w = np.ascontiguousarray(table.high[:, 0])
            above = 0.0 if "w" in self.names else p.schedule.constant_above
            begin = fastflow.starts(parameters, w, np.abs(w), above)
            table.edges[:, 0], starts = begin[:, 0], np.ascontiguousarray(begin[:, 1:])
        out = np.empty((len(x), len(pieceflow.COLUMNS)))
        pieceflow.follow_all(parameters, *table.lines(), starts, out)
        return out[:, : len(COLUMNS)]

    def _by_solve(self, values: dict[str, float]) -> tuple[float, ...]:
        problem = variant(self.problem, values)
        theory = cast(Any, solve(problem, self.d))
        first = {e.kind: e.t for e in reversed(theory.events)}
        bits = sum(1 << PHASES.index(name) for name in set(theory.phases))
        return (
            theory.final.mean_shift,
            theory.final.v / problem.sigma2,
            theory.t_speciation,
            first.get("condensation", math.nan),
            first.get("capture", math.nan),
            bits,
            PHASES.index(theory.phases[-1]),
        )


def variant(problem: Problem, values: dict[str, float]) -> Problem:
    """The problem with some of `AXES` changed; Problem checks the values."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name == "alpha":
            changes["classes"] = Exponential(float(value))
        elif name == "w":
            changes["guidance"] = Constant(float(value))
        elif name == "eta":
            changes["sampler"] = float(value)
        elif name == "sigma2":
            changes["sigma2"] = float(value)
    if {"w0", "omega"} & set(values):
        base = problem.guidance
        old = (base.w0, base.omega) if isinstance(base, Linear) else (getattr(base, "value", 0.0), 0.0)
        changes["guidance"] = Linear(float(values.get("w0", old[0])), float(values.get("omega", old[1])))
    return problem.replace(**changes)
