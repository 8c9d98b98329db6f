"""The mean field of one class of digits, and how guidance distorts it: against itself without guidance."""

from typing import Any

import numpy as np

from meanfield import solve
from validate.figures.digits.schedules import class_problem


class ClassTheory:
    """Theory for a class as if all classes had its covariance (see `class_problem`).

    Parameters
    ----------
    means : (classes, dim). mean, covariance : of the class. sampler, t_start : as of a `Problem`.

    Attributes
    ----------
    problem : without guidance; its spectrum has the directions of the class.
    """

    def __init__(
        self, means: np.ndarray, mean: np.ndarray, covariance: np.ndarray, sampler: str, t_start: float
    ) -> None:
        self.problem, basis = class_problem(means, covariance, 0.0, sampler, t_start)
        assert self.problem.spectrum is not None
        self._c, self._square = np.asarray(self.problem.spectrum.c), (mean @ basis) ** 2
        self._norm, self._trace = mean @ mean, np.trace(covariance)
        self._free: Any = solve(self.problem).final

    def distortion(self, guidance: Any) -> dict[str, Any]:
        """`shift` along the mean, `trace_guided` over that without guidance, `t_speciation`, `standing`."""
        theory = solve(self.problem.replace(guidance=guidance))
        final: Any = theory.final
        left_out = self._trace - self._c.sum()  # directions without guidance
        return {
            "shift": (final.m_group - self._free.m_group) @ self._square / self._norm,
            "trace_guided": (self._c @ (final.v_group / self._free.v_group) + left_out) / self._trace,
            "t_speciation": theory.t_speciation,
            "standing": theory.standing,
        }
