"""The result of `meanfield.solve` for guidance with a second condition: a `Trajectory` with m_2 besides."""

from typing import ClassVar, NamedTuple

import numpy as np

from meanfield.showing.table import brief
from meanfield.theory.trajectory import SpectralTrajectory, Trajectory


class PairState(NamedTuple):
    """As `State`, with m_2 = x.mu_2/d; v is the variance across both means, and q = m^2 + m_2^2 + v."""

    t: np.ndarray
    m: np.ndarray
    v: np.ndarray
    q: np.ndarray
    F: np.ndarray
    phase: np.ndarray
    mean_shift: np.ndarray
    variance_excess: np.ndarray
    m_2: np.ndarray

    def __repr__(self) -> str:
        return brief(self)


class SpectralPairState(NamedTuple):
    """As `SpectralState`, with m_2 over all directions and by group."""

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
    m_2: np.ndarray
    m_2_group: np.ndarray

    def __repr__(self) -> str:
        return brief(self)


class PairTrajectory(Trajectory):
    """As `Trajectory`, with m_2.

    Examples
    --------
    >>> from meanfield import Negative, Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Negative(1.0), sampler="ode", t_start=1000.0)
    >>> print(solve(problem).at(0.0).m_2.round(4))
    -0.9842
    """

    _names: ClassVar[tuple[str, ...]] = PairState._fields
    _variables: ClassVar[int] = 3

    def _state(self, t, F, phase, delta, y, m_2) -> PairState:  # type: ignore[override]
        m_2 = m_2.reshape(t.shape)[()]
        state = super()._state(t, F, phase, delta, y)
        return PairState(**state._replace(q=state.q + m_2**2)._asdict(), m_2=m_2)


class SpectralPairTrajectory(SpectralTrajectory):
    """As `SpectralTrajectory`, with m_2 and m_2_group."""

    _names: ClassVar[tuple[str, ...]] = SpectralPairState._fields
    _variables: ClassVar[int] = 3

    def _state(self, t, F, phase, delta, y, m_2) -> SpectralPairState:  # type: ignore[override]
        state, weight = super()._state(t, F, phase, delta, y), np.array(self.spectrum.share) * self.spectrum.g
        m_2 = m_2.reshape(*t.shape, len(weight))
        state = state._replace(q=state.q + m_2**2 @ weight)
        return SpectralPairState(**state._asdict(), m_2=m_2 @ weight / weight.sum(), m_2_group=m_2)
