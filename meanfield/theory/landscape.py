"""The effective potential V(m, q; t) of (T6), (S13) as a landscape: its minima, kinks, and barrier.

V = (1 + w)(q - 2m + 1)/(2D) + w max(phi_1, phi_rest) per dimension; the projected guided score is minus the gradient of
d V, with grad m = mu_1/d and grad q = 2 x/d. A slice fixes the variance v that the mean-field trajectory has at t and
varies m, q = m^2 + v: along it -dV/dm is the force on m.

For w >= 0 the slice is the larger of two parabolas (one of them of the crowd): convex, a single minimum, no barrier.
Early it is the crowd's, m = (1 + w)(1 + D)/(1 + D + w), where guidance has pushed the mean; as t falls the kink F = 0
sweeps over it and the target's, m = 1, is left. For w < 0 it is the smaller of two: both minima can exist, with a
barrier at the kink. The minimum is where the force vanishes at that time, not where the sample is: m(t) lags behind.

With a spectrum V is one function of all m_i and q_i. A slice then moves x along mu_1 (every m_i by the same shift), or
along the part of mu_1 in one group; variances, and what does not move, are those of the trajectory.
"""

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ProblemError, array, checked, require, whole
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.populations import competing
from meanfield.problem.statement import Problem
from meanfield.showing.meaning import described
from meanfield.theory.energies import information, phi_rest, phi_target, potential_of, same
from meanfield.theory.modes.slices import potential_of_modes
from meanfield.theory.motion import Groups
from meanfield.theory.solver import solve
from meanfield.theory.trajectory import Trajectory
from meanfield.tools.door import Numbers, door
from meanfield.tools.roots import brentq

if TYPE_CHECKING:
    import xarray

FINE = 801  # points of the grid on which minima and kinks are bracketed


@door()
def potential(
    problem: Problem,
    t: Numbers,
    m: Numbers | None = None,
    q: Numbers | None = None,
    d: float = math.inf,
    *,
    group: int | None = None,
) -> "xarray.Dataset":
    """(T6), (S13) per dimension on a grid of m, at one or several times.

    Parameters
    ----------
    problem : what is sampled; its number of classes must be finite at finite d (no continuum).
    t : VE time or times, 0 <= t <= start of the trajectory.
    m : grid of overlaps, ascending, at least two; by default 241 points around what the trajectory passes. With a
        spectrum x is moved along mu_1, and m is the overlap over all directions, or m_i of the `group`.
    q : grid of |x|^2/d, ascending: gives V over (t, m, q), nan where q < m^2. By default the slice q = m^2 + v(t). With
        a spectrum q_i of the `group`.
    d : dimension at which alpha = log(P)/d is taken; infinite by default.
    group : with a spectrum, the group of directions in which x is moved alone, counted from 0; by default all.

    Returns
    -------
    xarray.Dataset : over (t, m) or (t, m, q): `V`, `phi_target` (with its prior), `phi_rest`, `F` and `phase` ("crowd",
        "glass" or "target"). Over t, on the slice: `v`, the trajectory's place `m_now` and `V_now`, the minima
        `m_crowd` (on the side of the rest), `m_kink` (at F = 0) and `m_target`, nan where there is none, the kinks
        `kink_low` and `kink_high` between which the target has the weight, and the `barrier` from the crowd's minimum
        to the target's (nan unless both exist). With a spectrum `v`
        is of what moves, and `m_group`, `v_group` over (t, group) is the trajectory's place. Of classes with many
        modes: `V`, `phi_mode`, `phi_label`, `phi_rest`, `phase` ("crowd", "label", "mode", or "glass", where V is nan)
        over (t, m), and `v`, `m_now`, `V_now` (docs/modes.md).

    Raises
    ------
    ProblemError : times, grids or the group out of range, or a continuum.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> V = potential(problem, t=[5.0, 0.5])                # before and after speciation at t = 2.06
    >>> V.m_crowd.values.round(3), V.m_target.values.round(3)
    (array([1.724,   nan]), array([nan,  1.]))
    """
    import xarray

    d = checked("d", d, low=1, infinite=True)
    if isinstance(problem.classes, Hierarchy):
        rule = "the potential of classes with many modes is known along a slice, in all directions"
        require(q is None and group is None, rule, "q, or a group", "Leave them out.")
        tree: Any = solve(problem, d)
        return potential_of_modes(tree, _times(t), _default_grid(tree, None) if m is None else _grid("m", m))
    alpha, rates = problem.classes.rate(d), problem.classes.rates(d)
    if math.isinf(alpha):
        raise ProblemError("the potential needs a finite number of classes: in a continuum the rest always has all the "
                           "weight; got Continuum(). Use Exponential(alpha) with a large alpha.")  # fmt: skip
    _require_group(problem, group, q is not None)
    times = _times(t)
    theory = solve(problem, d)
    grid = _default_grid(theory, group) if m is None else _grid("m", m)
    slices = [_Slice(theory.problem, rates, x).around(theory, group) for x in times]
    coords: dict[str, Any] = {"t": times, "m": grid}
    dims: tuple[str, ...] = ("t", "m")
    if q is None:
        fields = [s.fields(*s.place(grid)) for s in slices]
    else:
        coords["q"], dims = _grid("q", q), ("t", "m", "q")
        mesh = np.meshgrid(grid, coords["q"], indexing="ij")
        fields = [s.fields(*s.place(*mesh)) for s in slices]
    variables: dict[str, Any] = {name: (dims, np.stack([f[name] for f in fields])) for name in fields[0]}
    found = [s.features(grid) for s in slices]
    variables |= {name: ("t", np.array([f[name] for f in found])) for name in found[0]}
    if problem.spectrum is not None:
        state: Any = theory.at(times)
        variables |= {name: (("t", "group"), getattr(state, name)) for name in ("m_group", "v_group")}
    attrs = {"problem": json.dumps(problem.to_dict()), "d": float(d), "alpha": float(alpha),
             "t_speciation": float(theory.t_speciation)}  # fmt: skip
    attrs |= {} if group is None else {"group": group}
    return described(xarray.Dataset(variables, coords=coords, attrs=attrs))


def force(problem: Problem, t: float, m: Numbers, q: Numbers, d: float = math.inf) -> tuple[Any, Any]:
    """Minus the gradient of d V at (m, q), as coefficients (a, b) of a mu_1 + b x, by central differences.

    With a spectrum m and q are m_i and q_i (groups,), and so are a and b: the score in group i is (a_i mu_1 + b_i
    x)/g_i.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> a, b = force(problem, t=4.75, m=1.5, q=7.0)        # crowd at D = 5: (1 + w)/D and -(1 + w c)/D, c = 1/6
    >>> round(a, 6), round(b, 6)
    (0.4, -0.233333)
    """
    d = checked("d", d, low=1, infinite=True)
    at = _Slice(problem.replace(spectrum=problem.spectrum and problem.spectrum.at(d)), problem.classes.rates(d), t)
    n, share, V = at.groups.n, at.groups.share, at.potential
    m, q = (np.ravel(array(x, f"{name} must be a number, or one for each group")) for name, x in (("m", m), ("q", q)))
    require(len(m) == len(q) == n, "m and q must have a number for each group", f"{len(m)} and {len(q)} for {n}")
    require(np.all(q >= m * m), "q must be >= m^2", q, "q = m^2 + v is never below m^2.")
    h_m, h_q = 1e-5 * np.maximum(1.0, np.abs(m)), 1e-5 * np.maximum(q, 1e-3)
    unit, of = np.eye(n), at.at_point
    along = [V(of(m + h_m * e), of(q)) - V(of(m - h_m * e), of(q)) for e in unit]
    across = [V(of(m), of(q + h_q * e)) - V(of(m), of(q - h_q * e)) for e in unit]
    return at.at_point(-np.array(along) / (2.0 * h_m * share)), at.at_point(-np.array(across) / (h_q * share))


class _Slice:
    """The potential at one time; V and F along a slice. Log-weights are relative to the first population's.

    m and q of isotropic classes are numbers or arrays; with a spectrum their last axis is of groups.
    """

    def __init__(self, problem: Problem, rates: Iterable[tuple[float, float]], t: float) -> None:
        self.rates, self.groups, self.t = competing(rates), Groups.of(problem), float(t)
        self.prior = self.rates[0][1]
        self.D, self.w = (self.groups.c + self.t) / self.groups.g, float(problem.weight(self.t))
        self.mean = same if self.groups.n == 1 else self.groups.mean

    def around(self, theory: Trajectory, group: int | None) -> "_Slice":
        """With the slice through the trajectory's place along which x is moved."""
        state: Any = theory.at(self.t)
        self.m_now, self.v = state.m, state.v
        self.moved, self.base, self.v_all = 1.0, 0.0, state.v
        if theory.problem.spectrum is not None:
            m, v = state.m_group, state.v_group
            if group is not None:
                self.m_now, self.v = m[group], v[group]
            moved = np.ones(len(m)) if group is None else np.eye(len(m))[group]
            self.moved, self.base, self.v_all = (self.at_point(x) for x in (moved, m - self.m_now * moved, v))
        return self

    def at_point(self, x: np.ndarray) -> Any:
        """Numbers of groups (groups,) as they are held: a float of isotropic classes."""
        return float(x[0]) if self.groups.n == 1 else x

    def place(self, m, q=None) -> tuple[Any, Any]:
        """m and q of the groups on the slice, where what moves has m (and q)."""
        wide = (lambda x: np.asarray(x)) if self.groups.n == 1 else (lambda x: np.asarray(x)[..., None])
        m_all = self.base + wide(m) * self.moved
        q_all = m_all**2 + self.v_all
        return m_all, q_all if q is None else np.where(np.asarray(self.moved) > 0.0, wide(q), q_all)

    def target(self, m, v):
        """Log-weight of the target."""
        return self.mean(phi_target(m, v, self.D)) + self.prior

    def rest(self, q) -> tuple[np.ndarray, np.ndarray]:
        """Log-weight of the population that has most of it (T21), and its number."""
        every = [phi_rest(q, self.D, alpha, self.mean) + (self.prior - prior) for alpha, prior in self.rates]
        return np.max(every, axis=0), np.argmax(every, axis=0)

    def potential(self, m, q):
        """V at the points (m, q)."""
        best = np.maximum(self.target(m, q - np.asarray(m) ** 2), self.rest(q)[0])
        return potential_of(best, m, q, self.D, self.w, self.mean)

    def V(self, m):
        return self.potential(*self.place(m))

    def F(self, m):
        m_all, q_all = self.place(m)
        return self.target(m_all, self.v_all) - self.rest(q_all)[0]

    def fields(self, m: np.ndarray, q: np.ndarray) -> dict[str, np.ndarray]:
        """All fields at the points (m, q)."""
        possible = q >= m * m * (1 - 1e-12)
        possible = possible if self.groups.n == 1 else possible.all(axis=-1)
        own, (rest, which) = self.target(m, q - m * m), self.rest(q)
        V = potential_of(np.maximum(own, rest), m, q, self.D, self.w, self.mean)
        condensed = self.mean(information(self.D, q)) > np.array(self.rates)[which, 0]
        phase = np.where(own > rest, "target", np.where(condensed, "glass", "crowd"))
        numbers = {"V": V, "phi_target": own, "phi_rest": rest, "F": own - rest}
        fields = {name: np.where(possible, x, np.nan) for name, x in numbers.items()}
        return {**fields, "phase": np.where(possible, phase, "")}

    def features(self, grid: np.ndarray) -> dict[str, float]:
        """Minima, kinks and barrier between the ends of the grid."""
        fine = np.linspace(grid[0], grid[-1], FINE)
        V, F = self.V(fine), self.F(fine)
        kinks = [brentq(self.F, fine[i], fine[i + 1]) for i in np.flatnonzero(F[:-1] * F[1:] < 0)]
        lowest: dict[str, float] = {}  # where the lowest minimum of each kind is
        for i in range(1, FINE - 1):
            if V[i] <= V[i - 1] and V[i] < V[i + 1]:
                place = self._minimum(fine[i - 1], fine[i + 1])
                at_kink = [k for k in kinks if abs(k - place) < 1e-6]
                kind = "kink" if at_kink else ("target" if self.F(place) > 0 else "crowd")
                if kind not in lowest or self.V(place) < self.V(lowest[kind]):
                    lowest[kind] = at_kink[0] if at_kink else place
        barrier = math.nan
        if {"crowd", "target"} <= set(lowest):
            low, high = sorted((lowest["crowd"], lowest["target"]))
            between = np.concatenate([np.linspace(low, high, FINE), [k for k in kinks if low < k < high]])
            barrier = float(np.max(self.V(between)) - self.V(lowest["crowd"]))
        rising = [k for k in kinks if self.F(k + 1e-6) > 0]  # the target takes over as m grows
        falling = [k for k in kinks if self.F(k + 1e-6) <= 0]
        return {
            **{f"m_{kind}": lowest.get(kind, math.nan) for kind in ("crowd", "kink", "target")},
            "kink_low": rising[0] if rising else math.nan,
            "kink_high": falling[-1] if falling else math.nan,
            "barrier": barrier,
            "v": float(self.v),
            "m_now": float(self.m_now),
            "V_now": float(self.V(self.m_now)),
        }

    def _minimum(self, low: float, high: float) -> float:
        from scipy.optimize import minimize_scalar

        return float(minimize_scalar(lambda x: float(self.V(x)), bounds=(low, high), method="bounded",
                                     options={"xatol": 1e-12}).x)  # fmt: skip


def _grid(name: str, values) -> np.ndarray:
    grid = np.asarray(values, float)
    if grid.ndim != 1 or len(grid) < 2 or not np.all(np.isfinite(grid)) or not np.all(np.diff(grid) > 0):
        raise ProblemError(f"{name} must be an ascending list of at least two numbers; got an array of {grid.shape}.")
    require(name != "q" or grid[0] >= 0, "q = |x|^2/d must be >= 0", f"{grid[0]:g}")
    return grid


def _require_group(problem: Problem, group: int | None, over_q: bool) -> None:
    s = problem.spectrum
    if group is not None:
        require(s is not None, "only a problem with a spectrum has groups", f"group={group}", "Leave it out.")
        whole("group", group, low=0, high=len(s) - 1)  # type: ignore[arg-type]
    one = over_q is False or s is None or len(s) == 1 or group is not None
    require(one, "q is that of one group of directions", "a spectrum of several", "Say which: group=0.")


def _default_grid(theory: Any, group: int | None) -> np.ndarray:
    m = theory.m if group is None else theory.m_group[:, group]
    low, high = min(0.0, float(m.min())), max(1.0, float(m.max()))
    return np.linspace(low - 0.5, high + 1.0, 241)


def _times(t: object) -> np.ndarray:
    """VE times as a one-dimensional array."""
    times = np.atleast_1d(array(t, "t must be a VE time or a list of them"))
    if times.ndim != 1 or not times.size or not np.all(np.isfinite(times)):
        raise ProblemError(f"t must be finite times, at least one, in one dimension; got {t!r}.")
    return times
