"""Trajectories at many points of the space of parameters: compiled where that is possible, by `solve` where not.

A point is one trajectory, whoever does it: the result does not depend on the threads.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from meanfield.errors import CfgfieldError
from meanfield.maps.bulk import LINEAR, STANDINGS, Table, blank, follow, read, table_of
from meanfield.problem.growth import varied
from meanfield.problem.noise import VE
from meanfield.problem.start import crowd_start, far_enough, gap_of
from meanfield.problem.statement import Problem
from meanfield.problem.varying import LINE, line_of
from meanfield.theory.solver import solve
from meanfield.tools.crew import Crew, check_threads

COLUMNS = ("alpha", "prior", "w", "w0", "omega", "sigma2", "eta", "d")  # numbers in which trajectories are compiled
ASYMPTOTIC = STANDINGS.index("asymptotic")
CHUNK = 256  # most trajectories that a thread takes at a time

Columns = Mapping[str, np.ndarray]  # name in COLUMNS -> its value at every point


class Points:
    """Trajectories of variants of one problem: columns of its parameters in, records (`bulk.RECORD`) out.

    d : dimension where there is no column d. `by_solve` counts the trajectories that were not compiled; `failed` has
    the reason of each that could not be solved, by its number in the last call: its record is blank.
    """

    def __init__(self, problem: Problem, d: float, threads: int | None) -> None:
        self.problem, self.d, self.threads = problem, d, check_threads(threads)
        self.by_solve, self.failed = 0, dict[int, CfgfieldError]()

    def __call__(self, columns: Columns, n: int, show: Callable[[int], Any]) -> np.ndarray:
        rows, crew = blank(n), Crew(self.threads)
        alpha, prior = self._rates(columns, n) if self._linear(columns) else np.zeros((2, n))
        able = np.flatnonzero((alpha > 0.0) & (prior < alpha) & self._realised(columns, n))
        size = min(CHUNK, 1 + len(able) // (4 * self.threads))

        def one(chunk: np.ndarray) -> None:
            part = {name: column[chunk] for name, column in columns.items()}
            rows[chunk] = self._followed(part, alpha[chunk], prior[chunk])
            crew.tick(len(chunk))

        crew.run(one, [able[i : i + size] for i in range(0, len(able), size)], show)
        at_finite_d = np.isfinite(np.broadcast_to(columns.get("d", self.d), n))
        rows["standing"] = np.where(at_finite_d, np.maximum(rows["standing"], ASYMPTOTIC), rows["standing"])
        left = np.flatnonzero(~rows["done"])
        self.by_solve, self.failed = self.by_solve + len(left), {}
        for k, i in enumerate(left, start=1):
            values = {name: float(column[i]) for name, column in columns.items()}
            d = values.pop("d", self.d)
            try:
                read(solve(self.problem.replace(**values), d), rows[i])
            except CfgfieldError as error:
                self.failed[int(i)] = error
            show(n - len(left) + k)
        return rows

    def _linear(self, columns: Columns) -> bool:
        """Whether guidance is piecewise linear in VE time at every point, as `bulk.follow` needs it."""
        p = self.problem
        if p.guidance.by_rule or len(p.classes.rates(self.d)) > 1:
            return False
        if set(LINE) & set(columns):
            return p.noise == VE()
        return "w" in columns or isinstance(p.schedule, LINEAR)

    def _realised(self, columns: Columns, n: int) -> np.ndarray:
        """Where d surely gives every group a direction; elsewhere `solve` counts them, and says what is wrong."""
        s, d = self.problem.spectrum, np.broadcast_to(columns.get("d", self.d), n)
        return np.ones(n, bool) if s is None else d * np.min(s.share) >= 1.0  # type: ignore[arg-type]

    def _rates(self, columns: Columns, n: int) -> np.ndarray:
        """alpha and lambda at every point."""
        law, names = self.problem.classes, [name for name in ("alpha", "prior") if name in columns]
        d = np.broadcast_to(columns.get("d", self.d), n)
        if not names and "d" not in columns:
            return np.tile([[law.rate(self.d)], [law.prior_rate(self.d)]], n)
        laws = [varied(law, {name: float(columns[name][i]) for name in names}) for i in range(n)]
        return np.array([(one.rate(x), one.prior_rate(x)) for one, x in zip(laws, d, strict=True)]).reshape(n, 2).T

    def _table(self, columns: Columns, n: int) -> Table:
        """Guidance at every point, from T; where T is infinite the first edge is set later."""
        p = self.problem
        T = p.T if math.isfinite(p.T) else 2.0 * p.schedule.constant_above + 1.0
        if "w" in columns:
            return Table.steps(np.array([T, 0.0]), columns["w"][:, None])
        if set(LINE) & set(columns):
            w0, omega = (np.broadcast_to(columns.get(k, x), n) for k, x in line_of(p.guidance).items())
            return Table(np.tile([T, 0.0], (n, 1)), (w0 + omega * T)[:, None], w0[:, None])
        return Table(*(np.tile(part, (n, 1)) for part in table_of(p.schedule, T)))

    def _followed(self, columns: Columns, alpha: np.ndarray, prior: np.ndarray) -> np.ndarray:
        p, n = self.problem, len(alpha)
        table, eta = self._table(columns, n), np.broadcast_to(columns.get("eta", p.eta), n)
        c, g, share = self._directions(columns, n)
        if math.isfinite(p.T):
            return follow(table, alpha, c, eta, 0.0, p.v_T / g, g, share, prior)
        w = table.high[:, 0]
        above = 0.0 if "w" in columns else p.schedule.constant_above
        t = far_enough(gap_of(alpha, prior), np.abs(w), c.max(axis=1), above, g.max(axis=1))
        table.edges[:, 0] = t
        m, v = crowd_start((c + t[:, None]) / g, w[:, None], eta[:, None])
        return follow(table, alpha, c, eta, m, v, g, share, prior)

    def _directions(self, columns: Columns, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """c, g and share of every group, (n, groups); the shares are those that d realises."""
        s = self.problem.spectrum
        if s is None:
            c = np.broadcast_to(columns.get("sigma2", self.problem.sigma2), n)[:, None]
            return c, np.ones_like(c), np.ones_like(c)
        d = np.broadcast_to(columns.get("d", self.d), n)
        shares = {x: s.at(x).share for x in set(d.tolist())}
        return np.tile(s.c, (n, 1)), np.tile(s.g, (n, 1)), np.array([shares[x] for x in d.tolist()])
