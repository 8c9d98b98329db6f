"""What many schedules do to one problem: m(0) - 1, v(0)/sigma2, the separation F at t = 0, and how far to trust it.

Schedules are tables of linear pieces (`pieceflow`). Isotropic problems are solved by compiled trajectories; with a
spectrum in the continuum directions do not feel each other, so each group is an isotropic problem in units of its own
(sigma2 = c/g, time t/g; docs/spectra.md) and the same kernel does it; the rest (a spectrum with speciation, sliding at
eta > 1, alpha = 0) is left to `solve`, schedule by schedule.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.guidance.schedules import Constant, Interval, Linear, Piecewise, Schedule, Tabulated
from meanfield.problem.statement import Problem
from meanfield.theory.dynamics import solve

__all__ = ["LINEAR", "Responses", "Table", "Values", "table_of"]

STANDINGS = ("exact", "asymptotic", "approximate")
SHIFT, RATIO, SEPARATION, STANDING, MARGIN = 0, 1, 7, 8, 9  # columns of `pieceflow`
LINEAR = (Constant, Interval, Piecewise, Linear, Tabulated)  # schedules that `table_of` states exactly
SAMPLES = 400  # pieces of a schedule that is not piecewise linear


class Table(NamedTuple):
    """Schedules as pieces: edges (rows, pieces + 1) descending in VE time from the start to 0; on piece i, between
    edges[:, i] and edges[:, i + 1], w runs linearly in t from high[:, i] to low[:, i]."""

    edges: np.ndarray
    high: np.ndarray
    low: np.ndarray

    def lines(self, g: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges, w0 and omega of w = w0 + omega t on every piece, in units of time g: what `pieceflow` takes."""
        edges = np.ascontiguousarray(self.edges / g)
        width = -np.diff(edges)
        omega = (self.high - self.low) / np.where(width > 0.0, width, np.inf)
        return edges, self.low - omega * edges[:, 1:], omega


@dataclass(frozen=True)
class Values:
    """Responses: arrays over schedules. `shift` m(0) - 1, `ratio` v(0)/sigma2 (of total variances), `separation` F at
    t = 0 (F + alpha in the continuum, without which it is -inf), `standing` 0 exact, 1 asymptotic, 2 approximate,
    `margin` the least 1 - K/alpha while w < 0 acts on a crowd, `by_group` v_i/c_i (schedules, groups)."""

    shift: np.ndarray
    ratio: np.ndarray
    separation: np.ndarray
    standing: np.ndarray
    margin: np.ndarray
    by_group: np.ndarray


@dataclass(frozen=True)
class Responses:
    """Callable: a `Table` in, `Values` out. `d` replaces alpha by log(P)/d; `strongest` bounds |w| of all schedules."""

    problem: Problem
    d: float = math.inf
    strongest: float = 1.0

    @cached_property
    def alpha(self) -> float:
        return self.problem.classes.rate(self.d)

    @cached_property
    def start(self) -> float:
        """VE time at which every table begins: T, or well above speciation and every switch where T is infinite."""
        p = self.problem
        if math.isfinite(p.T):
            return p.T
        far = 1e5 * (1.0 + self.strongest) / min(self.alpha, 1.0) if self.alpha > 0 else 1e8
        return far * max(1.0, p.largest_variance)

    @cached_property
    def compiled(self) -> bool:
        p = self.problem
        if p.spectrum is not None or p.eta > 1.0:
            return math.isinf(self.alpha)
        return self.alpha > 0.0

    def __call__(self, table: Table) -> Values:
        if not self.compiled:
            return self._by_solve(table)
        p = self.problem
        if p.spectrum is None:
            out = self._flow(table, p.sigma2, 1.0)
            shift, ratio, separation, standing, margin = out.T[[SHIFT, RATIO, SEPARATION, STANDING, MARGIN]]
            return Values(shift, ratio, separation, standing, margin, ratio[:, None])
        s, parts = p.spectrum, []
        for c, g in zip(cast(Any, s.c), s.g, strict=True):
            parts.append(self._flow(table, c / g, g))
        out = np.stack(parts)  # (groups, rows, columns)
        share, weight = np.array(s.share), np.array(s.share) * s.g
        total = np.array(s.share) * np.array(s.c) / s.sigma2
        return Values(
            (weight / weight.sum()) @ out[:, :, SHIFT], total @ out[:, :, RATIO], share @ out[:, :, SEPARATION],
            out[0, :, STANDING], out[0, :, MARGIN], out[:, :, RATIO].T,
        )  # fmt: skip

    def _flow(self, table: Table, sigma2: float, g: float) -> np.ndarray:
        from meanfield.maps import compiled_steps as fastflow  # numba is loaded only when it is needed
        from meanfield.maps import compiled_trajectory as pieceflow

        edges, w0, omega = table.lines(g)
        p = self.problem
        starts = np.tile([0.0, p.v_T / g], (len(edges), 1))
        if math.isinf(p.T):
            e, D = p.e, sigma2 + self.start / g
            for row, w in zip(starts, table.high[:, 0], strict=True):
                row[0] = (1.0 + w) * fastflow.series(e * w, e, 1.0 / (1.0 + D))
                row[1] = D * fastflow.series(2.0 * e * w, p.eta**2, 1.0 / (1.0 + D))
        out = np.empty((len(edges), len(pieceflow.COLUMNS)))
        parameters = np.tile([self.alpha, sigma2, p.eta], (len(edges), 1))
        pieceflow.follow_all(parameters, edges, w0, omega, starts, out)
        return out

    def _by_solve(self, table: Table) -> Values:
        finals: list[Any] = []
        standing: list[float] = []
        for i in range(len(table.edges)):
            try:
                theory = solve(self.problem.replace(guidance=self.schedule(table, i)), self.d)
            except ConvergenceError:
                finals.append(None)
                standing.append(np.nan)
                continue
            finals.append(cast(Any, theory.final))
            standing.append(STANDINGS.index(theory.standing))
        groups = 1 if self.problem.spectrum is None else len(self.problem.spectrum)
        gone = np.full(groups, np.nan)

        def column(read) -> np.ndarray:
            return np.array([math.nan if f is None else float(read(f)) for f in finals])

        by_group = [
            gone if f is None else 1.0 + np.atleast_1d(getattr(f, "variance_excess_group", f.variance_excess))
            for f in finals
        ]
        return Values(
            column(lambda f: f.mean_shift),
            column(lambda f: 1.0 + f.variance_excess),
            column(lambda f: f.F),
            np.array(standing),
            np.where(np.array(standing) < 2, 1.0, 0.0),  # `solve` does not say how near the glass was
            np.array(by_group).reshape(len(finals), groups),
        )

    def schedule(self, table: Table, row: int = 0) -> Schedule:
        """One row as a schedule of VE time: `Constant`, `Piecewise` where w is constant on every piece, else
        `Tabulated`."""
        edges, high, low = table.edges[row], table.high[row], table.low[row]
        keep = -np.diff(edges) > 0.0
        tops, bottoms, high, low = edges[:-1][keep], edges[1:][keep], high[keep], low[keep]
        if np.all(high == low):
            change = np.flatnonzero(np.diff(high) != 0.0)
            if not len(change):
                return Constant(float(high[0]))
            values = [*high[change], high[-1]]
            return Piecewise(tuple(bottoms[change][::-1].tolist()), tuple(float(x) for x in values[::-1]))
        times, values = [float(tops[0])], [float(high[0])]
        for t, before, after, following in zip(bottoms, high, low, [*high[1:], low[-1]], strict=True):
            if following != after:
                raise ConvergenceError(
                    f"a tabulated schedule must be continuous; w jumps from {after:g} to {following:g} at t = {t:g}."
                )
            del before
            times.append(float(t))
            values.append(float(after))
        return Tabulated(tuple(times[::-1]), tuple(values[::-1]))


def table_of(schedule: Schedule, start: float) -> Table:
    """A schedule of VE time as one row: exact for piecewise linear schedules, otherwise `SAMPLES` linear pieces between
    its breakpoints, equally spaced in log(1 + t) and close to t = 0."""
    inside = [t for t in schedule.breakpoints if 0.0 < t < start]
    edges = np.array([start, *sorted(inside, reverse=True), 0.0])
    if isinstance(schedule, LINEAR):
        middle = np.atleast_1d(schedule.w(0.5 * (edges[1:] + edges[:-1])))
        if isinstance(schedule, Linear | Tabulated):
            ends = np.asarray(schedule.w(edges), float)
            return Table(edges[None], ends[None, :-1], ends[None, 1:])
        return Table(edges[None], middle[None], middle[None])
    grid = np.concatenate([np.geomspace(1e-3, start, SAMPLES), [0.0]])
    edges = np.unique(np.concatenate([edges, grid]))[::-1]
    width = -np.diff(edges)
    high = np.asarray(schedule.w(edges[:-1] - 1e-9 * width), float)
    low = np.asarray(schedule.w(edges[1:] + 1e-9 * width), float)
    return Table(edges[None], high[None], low[None])
