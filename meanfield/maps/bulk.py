"""Many trajectories at once: what many schedules, or many problems, end with, and how far to trust it.

Schedules are tables of linear pieces. Trajectories are compiled (`compiled_trajectory`), with a spectrum group by group
of directions. In the continuum directions do not feel each other, so for `Responses` each group is followed alone, with
steps of its own; what `Responses` does not compile (a spectrum with speciation, sliding at eta > 1, alpha = 0, rules of
guidance) is left to `solve`, one after another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.guidance.schedules import Constant, Interval, Linear, Piecewise, Schedule, Tabulated
from meanfield.problem.owntime import in_own_time
from meanfield.problem.start import crowd_start, gap_of
from meanfield.problem.statement import Problem
from meanfield.showing.meaning import PHASES
from meanfield.theory.measures import separation_at_end
from meanfield.theory.motion import Groups
from meanfield.theory.solver import solve
from meanfield.theory.trajectory import Trajectory
from meanfield.tools.memory import require_memory

STANDINGS = ("exact", "asymptotic", "approximate")
LINEAR = (Constant, Interval, Piecewise, Linear, Tabulated)  # schedules that `table_of` states exactly
SAMPLES = 400  # pieces of a schedule that is not piecewise linear
UNASKED = 2**18  # bytes for which the system is not asked: that takes as long as to follow one schedule

# One trajectory: where it begins, what it passes and ends with, and what it must remember on the way
RECORD = np.dtype(
    [
        *((name, float) for name in ("alpha", "prior", "eta")),
        ("done", bool),
        ("shift", float),  # m(0) - 1
        ("ratio", float),  # v(0)/sigma2
        ("t_speciation", float),  # the last one; nan if there is none
        ("t_condensation", float),  # the first one
        ("t_capture", float),  # the first one
        ("passed", np.int8, len(PHASES)),  # 1 for each phase that was (numba knows no arrays of bool in records)
        ("last", int),  # phase
        ("separation", float),  # F at t = 0, over the class that captured if one has; F + alpha in the continuum
        ("standing", float),  # number in STANDINGS
        ("margin", float),  # least 1 - K/alpha while w < 0 acts on a crowd: how far it stays from the glass
        ("entered", float),  # tau of the last capture
        ("captures", int),
        ("again", float),  # tau of the next capture, and how long it waits if the last was overtaken at once
        ("wait", float),
    ]
)


class Table(NamedTuple):
    """Schedules as pieces: edges (rows, pieces + 1) descending in VE time from the start to 0; on piece i, between
    edges[:, i] and edges[:, i + 1], w runs linearly in t from high[:, i] to low[:, i]."""

    edges: np.ndarray
    high: np.ndarray
    low: np.ndarray

    @classmethod
    def steps(cls, edges: np.ndarray, w: np.ndarray) -> "Table":
        """Schedules constant on every piece: edges of all rows (pieces + 1,) or of each, w (rows, pieces)."""
        return cls(np.array(np.broadcast_to(edges, (len(w), w.shape[1] + 1))), w, w)

    def repeated(self, times: int) -> "Table":
        """All rows again and again, one copy after the other."""
        return Table(*(np.tile(x, (times, 1)) for x in self)) if times > 1 else self

    def lines(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges, w0 and omega of w = w0 + omega t on every piece: what is compiled."""
        edges = np.ascontiguousarray(self.edges)
        width = -np.diff(edges)
        omega = (self.high - self.low) / np.where(width > 0.0, width, np.inf)
        return edges, self.low - omega * edges[:, 1:], omega

    def schedule(self, row: int = 0) -> Schedule:
        """One row as a schedule of VE time: `Constant`, `Piecewise` where w is constant on every piece, else
        `Tabulated`."""
        edges, high, low = self.edges[row], self.high[row], self.low[row]
        keep = -np.diff(edges) > 0.0
        tops, bottoms, high, low = edges[:-1][keep], edges[1:][keep], high[keep], low[keep]
        if np.all(high == low):
            change = np.flatnonzero(np.diff(high) != 0.0)
            if not len(change):
                return Constant(float(high[0]))
            values = [*high[change], high[-1]]
            return Piecewise(tuple(bottoms[change][::-1].tolist()), tuple(float(x) for x in values[::-1]))
        jumps = np.flatnonzero(low[:-1] != high[1:])
        if len(jumps):
            i = jumps[0]
            raise ConvergenceError(
                f"a tabulated schedule must be continuous; w jumps from {low[i]:g} to {high[i + 1]:g} at "
                f"t = {bottoms[i]:g}."
            )
        times, weights = np.append(bottoms[::-1], tops[0]), np.append(low[::-1], high[0])
        return Tabulated(tuple(times.tolist()), tuple(weights.tolist()))


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
        return Table.steps(edges, middle[None])
    grid = np.concatenate([np.geomspace(1e-3, start, SAMPLES), [0.0]])
    edges = np.unique(np.concatenate([edges, grid]))[::-1]
    width = -np.diff(edges)
    high = np.asarray(schedule.w(edges[:-1] - 1e-9 * width), float)
    low = np.asarray(schedule.w(edges[1:] + 1e-9 * width), float)
    return Table(edges[None], high[None], low[None])


def blank(rows: int) -> np.ndarray:
    """Trajectories of which nothing is known."""
    out = np.zeros(rows, RECORD)
    for name in ("shift", "ratio", "t_speciation", "t_condensation", "t_capture", "separation", "standing", "margin"):
        out[name] = np.nan
    return out


UNKNOWN = blank(1)


def follow(table: Table, alpha, c, eta, m, v, g=1.0, share=1.0, prior=0.0) -> np.ndarray:
    """Compiled trajectories, one per row of the table.

    Parameters
    ----------
    alpha, eta : > 0 and >= 0: a number for all rows or one for each; `prior`, lambda, below alpha, likewise.
    c, g, share : class variance, variance of the class means and share of the dimensions, to be broadcast to
        (rows, groups): isotropic classes are one group with c = sigma2.
    m, v : order parameters at the first edge, of the same shape.

    Returns
    -------
    Records; `done` is False for those that must be left to `solve`, and nothing is known of them.
    """
    from meanfield.maps.compiled_trajectory import follow_all  # numba is loaded only when it is needed

    out, rows = np.repeat(UNKNOWN, len(table.edges)), len(table.edges)
    for name, value in {"alpha": alpha, "prior": prior, "eta": eta}.items():
        out[name] = value
    n = np.broadcast_shapes(*(np.shape(x)[-1:] for x in (c, g, share, m, v)), (1,))[0]
    groups, start = (
        np.stack([np.broadcast_to(x, (rows, n)) for x in part], axis=1) for part in ((c, g, share), (m, v))
    )
    follow_all(*table.lines(), groups.astype(float), start.astype(float), out)
    left = ~out["done"]
    if left.any():
        out[left] = UNKNOWN
    return out


def read(theory: Trajectory, row: np.void) -> None:
    """What a trajectory of `solve` says, into a record."""
    final, first = theory.final, {e.kind: e.t for e in reversed(theory.events)}
    row["done"], row["shift"], row["ratio"] = True, final.mean_shift, 1.0 + final.variance_excess
    row["separation"], row["t_speciation"] = separation_at_end(theory), theory.t_speciation
    row["t_condensation"], row["t_capture"] = (first.get(kind, np.nan) for kind in ("condensation", "capture"))
    row["passed"] = [name in theory.phases for name in PHASES]
    row["last"], row["standing"] = PHASES.index(theory.phases[-1]), STANDINGS.index(theory.standing)
    row["margin"] = 0.0 if theory.standing == "approximate" else 1.0  # `solve` does not say how near the glass was


class Values(NamedTuple):
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
    """What schedules do to one problem, callable: a `Table` in, `Values` out. Where its guidance is a rule, they are
    amplitudes of the rule.

    `d` replaces alpha by log(P)/d; `strongest` bounds |w| of all schedules.
    """

    problem: Problem
    d: float = math.inf
    strongest: float = 1.0

    @cached_property
    def alpha(self) -> float:
        return self.problem.classes.rate(self.d)

    @cached_property
    def prior(self) -> float:
        return self.problem.classes.prior_rate(self.d)

    @cached_property
    def start(self) -> float:
        """VE time at which every table begins: T, or well above speciation and every switch where T is infinite."""
        p = self.problem
        if math.isfinite(p.T):
            return p.T
        gap = float(gap_of(self.alpha, self.prior))
        far = 1e5 * (1.0 + self.strongest) / min(gap, 1.0) if gap > 0 else 1e8
        return far * max(1.0, p.largest_variance, *self._directions[1])  # D = (c + t)/g must be large in every group

    @cached_property
    def compiled(self) -> bool:
        p = self.problem
        if p.guidance.by_rule:
            return False
        if p.spectrum is not None or p.eta > 1.0:
            return math.isinf(self.alpha)
        return self.alpha > 0.0 and self.prior < self.alpha

    def __call__(self, table: Table) -> Values:
        return self._followed(table) if self.compiled else self._solved(table)

    def constants(self, w: np.ndarray) -> Values:
        """Responses to constant guidance at several weights."""
        return self(Table.steps(np.array([self.start, 0.0]), w[:, None]))

    @cached_property
    def _directions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Class variance, variance of the class means, and share of the dimensions, of every group."""
        groups = Groups.of(self.problem)
        return np.atleast_1d(groups.c), np.atleast_1d(groups.g), groups.share

    def _followed(self, table: Table) -> Values:
        c, g, share = self._directions
        needed = 2.0 * len(c) * len(table.edges) * RECORD.itemsize
        if needed > UNASKED:
            what = f"{len(table.edges)} schedules over {len(c)} groups of directions need {needed / 2**30:.3g} GiB"
            require_memory(needed, what, "use a spectrum of fewer groups")
        rows = self._alone(table, c, g).reshape(len(c), -1)  # (groups, rows)
        shift, total, ratio = share * g / (share @ g), share * c / self.problem.sigma2, rows["ratio"]
        return Values(
            shift @ rows["shift"], total @ ratio, share @ rows["separation"],
            rows["standing"][0], rows["margin"][0], ratio.T,
        )  # fmt: skip

    def _alone(self, table: Table, c: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Directions with class variances c and class means of variance g (groups,), each alone, all in one pass: the
        groups one after the other, each with all rows of the table."""
        p, (c, g) = self.problem, (np.repeat(x, len(table.edges))[:, None] for x in (c, g))
        table = table.repeated(len(c) // len(table.edges))
        m, v = (0.0, p.v_T / g) if math.isfinite(p.T) else crowd_start((c + self.start) / g, table.high[:, :1], p.eta)
        return follow(table, self.alpha, c, p.eta, m, v, g, prior=self.prior)

    def solved(self, schedule: Schedule) -> Trajectory | None:
        """The trajectory of a schedule of VE time; None where it does not converge."""
        try:
            return solve(self.problem.with_amplitude(in_own_time(schedule, self.problem.noise)), self.d)
        except ConvergenceError:
            return None

    def _solved(self, table: Table) -> Values:
        return self.values([self.solved(table.schedule(i)) for i in range(len(table.edges))])

    def values(self, theories: Sequence[Trajectory | None]) -> Values:
        """What trajectories of `solve` end with; nan for None."""
        rows, by_group = blank(len(theories)), np.full((len(theories), len(self._directions[0])), np.nan)
        for i, (row, theory) in enumerate(zip(rows, theories, strict=True)):
            if theory is None:
                continue
            read(theory, row)
            final = cast(Any, theory.final)
            by_group[i] = 1.0 + getattr(final, "variance_excess_group", final.variance_excess)
        return Values(
            **{name: rows[name] for name in ("shift", "ratio", "separation", "standing", "margin")}, by_group=by_group
        )
