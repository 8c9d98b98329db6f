"""The effective potential of a label of many modes, (M19) of docs/modes.md, along a slice.

Per dimension, and but for a constant, the log-density of the label is that of its chosen mode or of the crowd of its
modes, whichever is larger; that of everything is the label's or that of the other superclasses:

    V = -(1 + w) phi_c + w max(phi_c, phi_rest),  phi_c = max(phi_mode, phi_label),  phi_mode = -|x - A - B|^2/(2 D d),

phi_label and phi_rest those of (M2). The guided score is minus the gradient of d V. A slice moves x along A; what lies
across it, and the mode, are those of the trajectory.
"""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from meanfield.errors import require
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.showing.meaning import described
from meanfield.theory.energies import phi_rest
from meanfield.theory.modes.flow import seen_at
from meanfield.theory.modes.trajectory import ModesTrajectory
from meanfield.theory.modes.weights import NONE, Mode, Place, Tree

if TYPE_CHECKING:
    import xarray


class Weights(NamedTuple):
    """Log-weights, over that of a mode at its own centre; numbers or arrays. mode: -inf before one is chosen. rest: nan
    where it is a glass that may be larger than the label."""

    mode: Any
    label: Any
    rest: Any

    @property
    def own(self) -> Any:
        """phi_c, of the label."""
        return np.maximum(self.mode, self.label)

    def potential(self, w: float) -> Any:
        """V; nan where the rest is not known."""
        return -(1.0 + w) * self.own + w * np.maximum(self.own, self.rest)

    @property
    def phase(self) -> Any:
        """Which is largest: "crowd" (the rest), "label" or "mode"; "glass" where that is not known."""
        own = np.where(self.mode >= self.label, "mode", "label")
        return np.where(np.isnan(self.rest), "glass", np.where(self.rest > self.own, "crowd", own))


def weights_at(tree: Tree, D: float, p: Place, mode: Mode | None) -> Weights:
    """Log-weights at x = a A + b U + N(0, v I); numbers or arrays."""
    q, q_label = tree.q(p, mode or NONE), tree.q_label(p, mode or NONE)
    own = -tree.q_mode(p, mode) / (2.0 * D) if mode else np.full(np.shape(q), -np.inf)
    label = phi_rest(q_label / tree.tau, D / tree.tau, tree.alpha_2)  # beyond I = alpha_2 their best
    rest = tree.phi_all(D, q)  # that of a glass is smaller
    both = tree.alpha_1 + tree.alpha_2
    frozen = (tree.information_label(D, q) > tree.alpha_1) | (tree.information_all(D, q) > both)
    unknown = np.asarray(frozen) & (rest > np.maximum(own, label))
    return Weights(own, label, np.where(unknown, np.nan, rest))


def slice_at(theory: ModesTrajectory, t: float) -> tuple[Place, Mode | None]:
    """Where the trajectory is at VE time t, and its mode once it is chosen."""
    leg, place = seen_at(theory.legs, theory.problem.sigma2 + t)
    return place, None if leg.phase == "crowd" else theory.mode


def potential_of_modes(theory: ModesTrajectory, times: np.ndarray, grid: np.ndarray) -> "xarray.Dataset":
    """The body of `meanfield.potential` for a `Hierarchy`; times and grid are checked there.

    Raises
    ------
    ProblemError : label 2, or modes of unequal weight.
    """
    import xarray

    problem, law = theory.problem, _known(theory.problem)
    fields: dict[str, list[Any]] = {name: [] for name in ("V", "phi_mode", "phi_label", "phi_rest", "phase")}
    now: dict[str, list[float]] = {name: [] for name in ("v", "m_now", "V_now")}
    theory.at(times)  # refuses what lies before the start
    for t in times.tolist():
        (p, mode), D, w = slice_at(theory, t), problem.sigma2 + t, float(problem.weight(t))
        found = weights_at(theory.tree, D, p._replace(a=grid), mode)  # type: ignore[arg-type]
        own = np.where(np.isinf(found.mode), np.nan, found.mode)
        every = (found.potential(w), own, found.label, found.rest, found.phase)
        for name, values in zip(fields, every, strict=True):
            fields[name].append(values)
        here = weights_at(theory.tree, D, p, mode).potential(w)
        for name, value in zip(now, (theory.tree.q(p, mode or NONE) - p.a**2 * law.rho, p.a, here), strict=True):
            now[name].append(float(value))
    variables: dict[str, Any] = {name: (("t", "m"), np.stack(rows)) for name, rows in fields.items()}
    variables |= {name: ("t", np.array(row)) for name, row in now.items()}
    attrs = {"problem": json.dumps(problem.to_dict()), "d": theory.d}
    attrs |= {"t_label": float(theory.t_label), "t_mode": float(theory.t_mode)}
    return described(xarray.Dataset(variables, coords={"t": times, "m": grid}, attrs=attrs))


def _known(problem: Problem) -> Hierarchy:
    law = problem.classes
    assert isinstance(law, Hierarchy)
    require(
        law.label == 1, "the potential of classes with many modes is that of a superclass", repr(law), "Take label=1."
    )
    require(law.spread == 0.0, "the potential knows modes of equal weight", repr(law), "Leave the spread out.")
    return law
