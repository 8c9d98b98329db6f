"""The result of `solve` for a problem with a spectrum: a `Trajectory` whose order parameters come by group.

Two kinds of numbers. By group, in whitened coordinates x/sqrt(g): the overlap m_group (1 undistorted) and the variance
v_group (D = (c + t)/g undistorted). Over all directions, in original coordinates, as one would measure them on data:

    m = x.mu_1/|mu_1|^2 = sum_i r_i g_i m_i / sum_i r_i g_i,      v = sum_i r_i g_i v_i      (sigma2 + t undistorted),
    q = |x|^2/d = sum_i r_i g_i (m_i^2 + v_i).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from meanfield.errors import ProblemError
from meanfield.problem.spectrum import Spectrum
from meanfield.theory.trajectory import Trajectory

__all__ = ["SpectralState", "SpectralTrajectory"]


class SpectralState(NamedTuple):
    """Order parameters at one or many times: over all directions (shape of t), and by group (shape of t, groups).

    `mean_shift` is m - 1 and `variance_excess` is v/(undistorted v) - 1, without cancellation; `mean_shift_group` and
    `variance_excess_group` are m_i - 1 and v_i/D_i - 1: the distortion spectrum.
    """

    t: np.ndarray
    m: np.ndarray
    v: np.ndarray
    q: np.ndarray
    F: np.ndarray
    phase: np.ndarray
    mean_shift: np.ndarray
    variance_excess: np.ndarray
    m_group: np.ndarray
    v_group: np.ndarray
    mean_shift_group: np.ndarray
    variance_excess_group: np.ndarray


@dataclass(frozen=True, repr=False)
class SpectralTrajectory(Trajectory):
    """Mean-field solution with a spectrum. As `Trajectory`, with `m_group`, `v_group`, `mean_shift_group` and
    `variance_excess_group` of shape (times, groups) besides; `problem.spectrum` carries the shares that d realises.

    Examples
    --------
    >>> from meanfield import Exponential, Problem, Spectrum, solve
    >>> two = Spectrum(c=[0.25, 0.25], u=[1.25, 4.25])
    >>> theory = solve(Problem(classes=Exponential(alpha=0.5), spectrum=two, guidance=1.0))
    >>> theory.final.m_group.round(4)
    array([1.057 , 1.0338])
    """

    def at(self, t) -> SpectralState:  # type: ignore[override]
        """Order parameters at VE times t (a number or an array), 0 <= t <= the first time of the trajectory."""
        times = np.asarray(t, float)
        top = self._start
        if times.size and not (np.all(times >= 0) and np.all(times <= top * (1 + 1e-12))):
            raise ProblemError(
                f"t must lie between 0 and {top:g}, where this trajectory starts; got {np.min(times):g} to "
                f"{np.max(times):g}. Solve with a larger t_start."
            )
        n = len(self.spectrum)
        tau = -np.log(self.problem.least_variance + np.atleast_1d(times))
        index = np.searchsorted([p.tau_high for p in self.pieces[:-1]], tau, side="left")
        values = np.empty((2 * n + 1, tau.size))
        phase = np.empty(tau.size, dtype=object)
        for i, piece in enumerate(self.pieces):
            here = index == i
            if here.any():
                values[:, here] = piece.read(np.clip(tau[here], piece.tau_low, piece.tau_high))
                phase[here] = piece.phase
        return self._groups(times, values[:n].T, values[n : 2 * n].T, values[-1], phase)

    @property
    def spectrum(self) -> Spectrum:
        assert self.problem.spectrum is not None
        return self.problem.spectrum

    @property
    def t(self) -> np.ndarray:
        """Times of the stored curve: log-spaced in (least class variance) + t, events included, decreasing to 0."""
        low = self.problem.least_variance
        grid = np.geomspace(low + self._start, low, self.n_points)[1:-1] - low
        events = [e.t for e in self.events if 0 < e.t < self._start]
        return np.maximum(np.unique(np.concatenate([grid, [self._start, 0.0], events]))[::-1], 0.0)

    def __getattr__(self, name: str) -> np.ndarray:
        if name in SpectralState._fields:
            return getattr(self.at(self.t), name)
        raise AttributeError(f"a SpectralTrajectory has no attribute {name!r}")

    def to_dataset(self):
        """The curve as a labelled xarray.Dataset over t and group, with all that explains it."""
        import json

        import xarray

        state = self.at(self.t)
        both = ("m", "v", "mean_shift", "variance_excess")
        data: dict[str, tuple] = {name: ("t", getattr(state, name)) for name in (*both, "q", "F")}
        data["phase"] = ("t", state.phase.astype(str))
        data |= {f"{name}_group": (("t", "group"), getattr(state, f"{name}_group")) for name in both}
        s = self.spectrum
        data |= {"c": ("group", np.array(s.c)), "u": ("group", np.array(s.u)), "share": ("group", np.array(s.share))}
        attrs = {
            "problem": json.dumps(self.problem.to_dict()),
            "d": float(self.d),
            "alpha": float(self.alpha),
            "standing": self.standing,
            "events": json.dumps([e._asdict() for e in self.events]),
        }
        return xarray.Dataset(data, coords={"t": self.t, "group": np.arange(len(s))}, attrs=attrs)

    @property
    def _start(self) -> float:
        return math.exp(-self.pieces[0].tau_low) - self.problem.least_variance

    def _groups(self, t, delta, y, F, phase) -> SpectralState:
        """delta and y are (times, groups)."""
        s = self.spectrum
        r, g, D = np.array(s.share), s.g, s.D(np.atleast_1d(t))
        m, v, excess = 1.0 + delta, D * np.exp(y), np.expm1(y)
        shift = delta @ (r * g) / (r @ g)
        D_mean = (g * D) @ r
        each = [1.0 + shift, (g * v) @ r, (g * (m * m + v)) @ r, F, phase, shift, (g * D * excess) @ r / D_mean]
        flat = [x.reshape(t.shape)[()] for x in each]
        return SpectralState(t[()], *flat, *(x.reshape(*t.shape, len(s)) for x in (m, v, delta, excess)))
