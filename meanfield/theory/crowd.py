"""The crowd without an integrator: before speciation the equations of motion are linear, so they are quadratures.

In the crowd c = 1/(1 + D) is known beforehand, and (T7) in delta = m - 1, u = v/D = exp(y) is linear at any w(t). With
clock = d tau_i/d tau (1 for isotropic classes; a group i of directions has a clock of its own, docs/spectra.md) and

    A(tau) = int e (1 + w c) clock dtau,      B(tau) = int (2 e w c + eta^2) clock dtau,

both from the start of a panel, the solution is

    delta = exp(-A) [delta_0 + int exp(A) e w (1 - c) clock dtau],
    u - 1 = exp(-B) [u_0 - 1 - int exp(B) 2 e w c clock dtau],      u = exp(-B) [u_0 + int exp(B) eta^2 clock dtau]:

the first form of u where u is near 1 (nothing is lost at w -> 0), the second as y where it is small (nothing is lost at
w -> infinity). Time is cut into panels on which every factor is a polynomial of degree 16 to rounding, in Chebyshev
points: panels are halved until w is resolved and A is at most 2. For constant w this sums (T8), for any w the dose
integrals (T15), to 1e-13 or so, with exits (speciation, condensation) as roots of the polynomials.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import ConvergenceError
from meanfield.theory.integration import failure, integrate
from meanfield.theory.motion import Motion
from meanfield.theory.phases import Rest
from meanfield.tools.roots import brentq

DEGREE = 16
WIDTH = 0.5  # of a panel in tau: the poles of c lie at a distance of pi, jumps of w may be undeclared
CHUNK = 6.0  # tau that is solved before exits are looked for
LARGEST_A = 2.0
RESOLVED = 2e-14  # error of the integral of w over a panel
TIE = 1e-12  # exits nearer to each other in tau are one
MOST_PANELS = 2000  # beyond, an integrator that turns implicit is faster


class Panels(NamedTuple):
    """The solution on panels between `edges` (panels + 1): Chebyshev coefficients (panels, 2 groups, DEGREE + 1)."""

    edges: np.ndarray
    coefficients: np.ndarray

    def __call__(self, tau):
        """(delta, y) at times tau, shape (2 groups, *tau.shape)."""
        x = np.atleast_1d(np.asarray(tau, float))
        i = np.searchsorted(self.edges[1:-1], x, side="right")
        low, high = self.edges[i], self.edges[i + 1]
        angle = np.arccos(np.minimum(np.maximum((2.0 * x - low - high) / (high - low), -1.0), 1.0))
        basis = np.cos(angle[:, None] * np.arange(DEGREE + 1))  # (times, DEGREE + 1)
        states = np.einsum("tgk,tk->gt", self.coefficients[i], basis)
        return states.reshape(len(states), *np.shape(tau))


def integrate_crowd(phase: Rest, tau: float, stop: float) -> tuple[Any, float, int | None]:
    """Solve a crowd from tau to `stop`, or to the first exit that turns positive: as `integration.integrate`, to which
    guidance so strong, or schedules so rough, that they need very many panels are left.
    """
    state = np.asarray(phase.initial(), float)
    delta, y = state[: phase.n], state[phase.n :]
    edges, coefficients = [np.array([tau])], []
    before = None
    while True:
        low = float(edges[-1][-1])
        cut = _cut(phase, low, min(low + CHUNK, stop))
        if cut is None:
            return integrate(phase, tau, stop)
        ends, w = cut
        try:
            with np.errstate(over="raise", invalid="raise"):
                deltas, ys = _solve(phase.motion, ends, w, delta, y)  # (panels, groups, nodes) each
                np.exp(ys[:, :, -1] + np.log(phase.groups.D(ends[1:])))  # v must be a number
        except FloatingPointError as cause:
            raise ConvergenceError(failure(phase, tau, str(cause))) from cause
        edges.append(ends[1:])
        coefficients.append(np.concatenate([deltas, ys], axis=1) @ _rules().transform.T)
        solution = Panels(np.concatenate(edges), np.concatenate(coefficients))
        nodes = _nodes(ends).ravel()
        values = phase.crowd_exits(nodes, *(x.transpose(0, 2, 1).reshape(nodes.size, -1) for x in (deltas, ys)))
        values[:, 0] = np.minimum(values[:, 0], 0.0) if before is None else before
        roots = [_root(ends, row.reshape(w.shape)) for row in values]
        if min(roots) < math.inf:  # unguided, speciation and condensation coincide: that is speciation
            which = next(i for i, root in enumerate(roots) if root <= min(roots) + TIE)
            return solution, roots[which], which
        if ends[-1] >= stop:
            return solution, stop, None
        delta, y, before = deltas[-1, :, -1], ys[-1, :, -1], values[:, -1]


def _root(ends: np.ndarray, values: np.ndarray) -> float:
    """Where a function first turns positive, from its values at the nodes (panels, nodes); inf if it never does."""
    flat = values.ravel()
    up = np.flatnonzero((flat[:-1] <= 0.0) & (flat[1:] > 0.0))
    if not up.size:
        return math.inf
    panel, node = divmod(int(up[0]), DEGREE + 1)
    low, high = ends[panel], ends[panel + 1]
    if node == DEGREE:  # an end of two panels, where rounding differs
        return float(high)
    rules, orders = _rules(), np.arange(DEGREE + 1)
    coefficients = rules.transform @ values[panel]

    def exit_(x: float) -> float:
        return float(np.cos(orders * math.acos(x)) @ coefficients)

    left, right = float(rules.x[node]), float(rules.x[node + 1])
    if exit_(left) >= 0.0 or exit_(right) <= 0.0:  # a root at a node, but for rounding
        x = left if abs(exit_(left)) < abs(exit_(right)) else right
    else:
        x = brentq(exit_, left, right, xtol=1e-15)
    return float(0.5 * (low + high + (high - low) * x))


class _Rules(NamedTuple):
    """Chebyshev points x in [-1, 1], ascending; integral from -1 to each; values to coefficients."""

    x: np.ndarray
    integral: np.ndarray
    transform: np.ndarray


@cache
def _rules() -> _Rules:
    chebyshev = np.polynomial.chebyshev
    x = -np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)
    transform = np.linalg.inv(chebyshev.chebvander(x, DEGREE))
    sums = chebyshev.chebvander(x, DEGREE + 1) @ chebyshev.chebint(transform, lbnd=-1.0)
    return _Rules(x, sums, transform)


def _nodes(ends: np.ndarray) -> np.ndarray:
    """Chebyshev points of the panels between ends, (panels, nodes); their ends exactly."""
    nodes = 0.5 * (ends[:-1, None] + ends[1:, None] + np.diff(ends)[:, None] * _rules().x)
    nodes[:, 0], nodes[:, -1] = ends[:-1], ends[1:]
    return nodes


def _cut(phase: Rest, low: float, high: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Panels that resolve w: ends (panels + 1) from low to high, w at their nodes (panels, nodes); None if too many."""
    motion, tail = phase.motion, _rules().transform[-3:].T
    ends = np.linspace(low, high, 1 + math.ceil((high - low) / WIDTH))
    done: list[tuple[np.ndarray, np.ndarray]] = []
    a, b = ends[:-1], ends[1:]
    while True:
        width = b - a
        nodes = 0.5 * ((a + b)[:, None] + width[:, None] * _rules().x)
        w = np.asarray(motion.w(nodes.ravel()), float).reshape(nodes.shape)
        largest = np.abs(w).max(axis=1)
        rate = motion.e * (1.0 + largest / (1.0 + motion.groups.D(b).min(axis=-1)))
        error = np.abs(w @ tail).max(axis=1) * width
        fine = (error <= RESOLVED * np.maximum(1.0, largest * width)) & (rate * width <= LARGEST_A)
        done.append((a[fine], w[fine]))
        if fine.all():
            break
        a, b = a[~fine], b[~fine]
        middle = 0.5 * (a + b)
        a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
        if len(a) > MOST_PANELS:
            return None
    starts, values = (np.concatenate(x) for x in zip(*done, strict=True))
    order = np.argsort(starts)
    return np.append(starts[order], high), values[order]


def _solve(
    motion: Motion, ends: np.ndarray, w: np.ndarray, delta: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """delta and y at the nodes of the panels, (panels, groups, nodes), from their values at the first end (groups,)."""
    nodes = _nodes(ends)
    groups = motion.groups
    D, clock = (np.moveaxis(x, -1, 1) for x in (groups.D(nodes), groups.clock(nodes)))  # (panels, groups, nodes)
    c, e, eta2, w = 1.0 / (1.0 + D), motion.e, motion.eta**2, w[:, None, :]
    scale, S = 0.5 * np.diff(ends)[:, None, None] * clock, _rules().integral.T
    A = (e * (1.0 + w * c) * scale) @ S
    B = ((2.0 * e * w * c + eta2) * scale) @ S
    pull = (np.exp(A) * (e * w * (1.0 - c) * scale)) @ S
    loss = (np.exp(B) * (2.0 * e * w * c * scale)) @ S
    with np.errstate(divide="ignore"):
        gain = np.log(np.maximum((np.exp(B) * (eta2 * scale)) @ S, 0.0))  # -inf at eta = 0
    fall, decay = np.exp(-A), np.exp(-B)
    first = np.empty((2, *w.shape[:1], len(delta)))  # delta and y at the first node of every panel
    for k in range(len(w)):
        first[0, k], first[1, k] = delta, y
        delta = fall[k, :, -1] * (delta + pull[k, :, -1])
        y = _log_ratio(y, B[k, :, -1], decay[k, :, -1], loss[k, :, -1], gain[k, :, -1])
    deltas = fall * (first[0][..., None] + pull)
    return deltas, _log_ratio(first[1][..., None], B, decay, loss, gain)


def _log_ratio(y, B, decay, loss, gain):
    """y = log(v/D) from its value at the start of the panel, in the form that loses no digits."""
    near = decay * (np.expm1(np.minimum(np.maximum(y, -1.0), 1.0)) - loss)  # u - 1
    use = (np.abs(y) < 1.0) & (near > -0.5)
    return np.where(use, np.log1p(np.where(use, near, 0.0)), y - B + np.logaddexp(0.0, gain - y))
