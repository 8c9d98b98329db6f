"""The result of `solve` for classes with many modes: `ModesTrajectory`."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.showing.table import brief, html_table
from meanfield.theory.modes.flow import Leg, seen_at
from meanfield.theory.modes.weights import NONE, Mode, Place, Tree
from meanfield.theory.trajectory import Event, stored_times, times_within
from meanfield.tools.door import Numbers, door


class ModesState(NamedTuple):
    """Order parameters at one or many times: x = m M + ... with M the mean of the class, and v the variance across it.

    `within` is the variance of samples about the mode they have chosen, nan before (about that of label 2, always);
    D = sigma2 + t undistorted.
    `mean_shift` is m - 1 and `variance_excess` is v over its undistorted value, less 1: over 1 - rho + D for a
    superclass, over D for a mode.
    """

    t: np.ndarray
    m: np.ndarray
    v: np.ndarray
    q: np.ndarray
    within: np.ndarray
    phase: np.ndarray
    mean_shift: np.ndarray
    variance_excess: np.ndarray

    def __repr__(self) -> str:
        return brief(self)


@door(made_by="solve")
@dataclass(frozen=True, repr=False)
class ModesTrajectory:
    """Mean-field solution for classes with many modes (docs/modes.md).

    Attributes
    ----------
    problem, d : what was solved; d is infinite, or the rates are those of the numbers at d.
    t, m, v, q, within, phase, mean_shift, variance_excess : arrays over decreasing VE time t, down to t = 0.
    m_B, v_B : the modes that are chosen are m_B A + N(0, v_B I) about the centre A of the superclass; 0 and tau are
        those of all modes. nan where modes are not apart at t = 0.
    K_div : the chosen modes are a fraction exp(-K_div d) of all, (M4); 0 if none is lost.
    K_2 : the same in the sense of pairs, (M6): two samples are in one mode exp(K_2 d) times as often as by chance.
    entropy : of the shares of modes that are reached, per dimension: alpha_2 - K_div, the log of their number where
        weights are equal.
    t_label, t_mode : VE times at which the superclass outweighs the rest, and one mode the others in it; nan if never.
    events : both, in order, with m and v there.
    standing : "exact" (d = infinity, crowds all the way), "asymptotic" (finite d), "approximate" (a glass on the way;
        or a mode of unequal weights that is chosen while guidance acts).
    """

    problem: Problem
    d: float
    tree: Tree
    mode: Mode | None
    legs: tuple[Leg, ...]
    events: tuple[Event, ...]
    t_label: float
    t_mode: float
    standing: str
    n_points: int = 257

    def at(self, t: Numbers) -> ModesState:
        """Order parameters at VE times t (a number or an array), 0 <= t <= the first time of the trajectory."""
        times = times_within(t, self._start)
        rows = [self._row(self.problem.sigma2 + x) for x in np.ravel(times)]
        columns = [np.array(x).reshape(times.shape)[()] for x in zip(*rows, strict=True)] if rows else [times] * 7
        return ModesState(times[()], *columns)

    def _row(self, D: float) -> tuple[Any, ...]:
        """m, v, q, within, phase, mean_shift, variance_excess at one D."""
        leg, place = seen_at(self.legs, D)
        label = self._law.label
        mode = self.mode if label == 2 or leg.phase != "crowd" else None
        m, v, q = overlap(self.tree, place, mode or NONE, label)
        within = self.tree.q_mode(place, mode) if mode else math.nan
        usual = D + (self.tree.tau if label == 1 else 0.0)
        return m, v, q, within, leg.phase, m - 1.0, v / usual - 1.0

    @property
    def _law(self) -> Hierarchy:
        assert isinstance(self.problem.classes, Hierarchy)
        return self.problem.classes

    @property
    def _start(self) -> float:
        return self.legs[0].D_high - self.problem.sigma2

    @property
    def final(self) -> ModesState:
        """Order parameters at t = 0."""
        return self.at(0.0)

    @property
    def t(self) -> np.ndarray:
        """Times of the stored curve: log-spaced in sigma2 + t, events included, decreasing to 0."""
        return stored_times(self._start, self.problem.sigma2, self.events, self.n_points)

    @property
    def m_B(self) -> float:
        return math.nan if self.mode is None else self.mode.beta

    @property
    def v_B(self) -> float:
        return math.nan if self.mode is None else self.mode.u

    @property
    def K_div(self) -> float:
        return math.nan if self.mode is None else self.tree.divergence(self.mode)

    @property
    def K_2(self) -> float:
        return math.nan if self.mode is None else self.tree.divergence_of_pairs(self.mode)

    @property
    def entropy(self) -> float:
        return self.tree.alpha_2 - self.K_div

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases passed, in order."""
        names = [x.phase for x in self.legs]
        return tuple(n for i, n in enumerate(names) if i == 0 or n != names[i - 1])

    def __getattr__(self, name: str) -> np.ndarray:
        if name in ModesState._fields:
            return getattr(self.at(self.t), name)
        raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        f = self.final
        events = ", ".join(f"{e.kind} at t = {e.t:.6g}" for e in self.events) or "no change of phase"
        modes = "modes not apart" if self.mode is None else f"m_B = {self.m_B:.6g}, v_B = {self.v_B:.6g}"
        return (
            f"ModesTrajectory at d = {self.d:g}: m(0) = {f.m:.6g}, v(0) = {f.v:.6g}, {modes}, "
            f"K_div = {self.K_div:.6g}, within/sigma2 = {f.within / self.problem.sigma2:.6g}, {self.standing}\n"
            f"  {' -> '.join(self.phases)}; {events}\n  {self.problem}"
        )

    def _repr_html_(self) -> str:
        f = self.final
        rows = [("m(0)", f"{f.m:.6g}"), ("v(0)", f"{f.v:.6g}"), ("m_B", f"{self.m_B:.6g}")]
        rows += [("v_B", f"{self.v_B:.6g}"), ("K_div", f"{self.K_div:.6g}")]
        rows += [("within/sigma2", f"{f.within / self.problem.sigma2:.6g}"), ("phases", " → ".join(self.phases))]
        rows += [(e.kind, f"t = {e.t:.6g}") for e in self.events]
        return html_table(f"ModesTrajectory at d = {self.d:g} ({self.standing})", rows, notes=[repr(self.problem)])


def overlap(tree: Tree, p: Place, mode: Mode, label: int) -> tuple[float, float, float]:
    """m, v and q about the mean of the class: A for a superclass; A + U, of unit length, for a mode."""
    q = tree.q(p, mode)
    m = p.a if label == 1 else p.a * tree.rho + p.b * tree.tau
    return m, q - m * m * (tree.rho if label == 1 else 1.0), q
