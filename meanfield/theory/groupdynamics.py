"""The mean-field dynamics with a spectrum: `solve` hands problems with anisotropic classes to `solve_groups`.

The twin of `dynamics` for many groups of directions (docs/spectra.md). Time is tau = -log(a + t), a the least class
variance. In the isotropic problem the target, once it has the weight, keeps it (for eta <= 1). With a spectrum that is
not proven, so F is watched to the end, and the rest may take the weight back or both may slide along F = 0.
"""

import math

import numpy as np

from meanfield.problem.statement import Problem
from meanfield.theory import groupphases
from meanfield.theory.groupenergy import GroupPoint, Groups
from meanfield.theory.path import EDGE, Path
from meanfield.theory.spectral import SpectralTrajectory
from meanfield.theory.trajectory import Event

__all__ = ["solve_groups"]


def solve_groups(problem: Problem, d: float = math.inf, capture: bool = True) -> SpectralTrajectory:
    """Solve the mean-field dynamics of a problem with a spectrum; `meanfield.solve` calls it.

    A finite d replaces alpha by log(P)/d and the shares by those that d realises.
    """
    assert problem.spectrum is not None
    problem = problem.replace(spectrum=problem.spectrum.at(d))
    alpha = problem.classes.rate(d)
    path = _Path(problem, alpha, capture)
    standing = path.run(d)
    return SpectralTrajectory(problem, d, alpha, tuple(path.pieces), tuple(path.events), standing)


class _Path(Path):
    """A trajectory of groups of directions: overlap and variance of each."""

    phases = groupphases

    def __init__(self, problem: Problem, alpha: float, captures: bool = True) -> None:
        assert problem.spectrum is not None
        self.spectrum, self.groups = problem.spectrum, Groups(problem.spectrum, alpha)
        super().__init__(problem, alpha, captures, -math.log(self.groups.floor))

    def time(self, tau):
        return self.groups.t(tau)

    def tau(self, t: float) -> float:
        return self.groups.tau(t)

    def condensed(self, p, s):
        return s.energies(p).K > self.alpha * EDGE

    def order_parameters(self, p):
        """Those of `SpectralState`: in original coordinates, over all directions."""
        g, r = self.groups.g, self.groups.r
        return 1.0 + float(r @ (g * p.delta) / (r @ g)), float(r @ (g * self.groups.D(p.tau) * np.exp(p.y)))

    def setting(self, w):
        return groupphases.Setting(self.groups, self.problem.eta, w)

    def keeps_the_weight(self):
        return self.groups.alpha == -math.inf

    # -- starts -----------------------------------------------------------------------------------------------------

    def begin(self, t: float, m: np.ndarray, v: np.ndarray) -> None:
        """Start from the law of `Problem.start`."""
        p = GroupPoint(self.groups.tau(t), m - 1.0, np.log(v / self.spectrum.D(t)))
        self.cut(p.tau)
        s = self.setting_at(p.tau)
        if self.alpha == 0.0 and s.w(p.tau) > -0.5:  # F = 0 there, and the target wins
            self.speciate(p, s)
        else:
            self.enter_rest(p, s)

    def begin_alone(self) -> None:
        """P = 1: the target has no rivals and guidance does nothing."""
        t = self.problem.T
        if math.isfinite(t):
            p = GroupPoint(
                self.groups.tau(t), self._full(-1.0), np.log(self.problem.v_T / self.spectrum.g / self.spectrum.D(t))
            )
        else:
            t = 100.0 * max(1.0, *self.spectrum.u)
            p = GroupPoint(self.groups.tau(t), self._full(0.0), self._full(0.0))
        self.groups.alpha = -math.inf
        self.cut(p.tau)
        self.phase = groupphases.Target(self.setting_at(p.tau), p)

    def begin_subexponential(self) -> None:
        """alpha = 0 from t = inf: for w > -1/2 the target wins at once and nothing is distorted; otherwise a wrong
        class has captured the sample there, at m_i = 1 + w, m_k = -w, v_i = D_i + w^2, as in the isotropic problem."""
        far = 100.0 * max(1.0, *self.spectrum.u, self.problem.schedule.constant_above)
        p = GroupPoint(self.groups.tau(far), self._full(0.0), self._full(0.0))
        self.cut(p.tau)
        s = self.setting_at(p.tau)
        w = s.w(p.tau)
        if w > -0.5:
            self.events.append(Event("speciation", math.inf, 1.0, math.inf))
            self.phase = groupphases.Target(s, p)
        else:
            self.events.append(Event("capture", math.inf, 1.0 + w, math.inf))
            self.standing = "approximate"
            y = np.log1p(w * w / self.groups.D(p.tau))
            self.phase = groupphases.Captured(
                s, p._replace(delta=self._full(w), y=y), self._full(-w), self._full(1.0), self._full(0.0)
            )

    def _full(self, value: float) -> np.ndarray:
        return np.full(len(self.spectrum), value)
