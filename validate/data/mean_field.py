"""The mean field of one class of given means and covariances, and how guidance distorts it: against no guidance.

The theory takes classes of one covariance with Gaussian means (sec. 6 of docs/theory.md, `spectrum_of`). For a class it
is given the covariance S of that class, as if all had it, its real weight over that of its rivals (sec. 10), and the
covariance B of the class means, which all count equally; the basis is that of S + B, and directions in which B is below
`FLAT` of S, where guidance does nothing, are left out. The rate is log(P) over the number of directions kept, so that
d alpha = log P whatever is left out.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from meanfield import Exponential, Fixed, Problem, solve, spectrum_of
from meanfield.errors import require

FLAT = 1e-4  # B/S below which a direction is left out


class Distorted(NamedTuple):
    """What guidance does to a class, by theory.

    Attributes
    ----------
    shift : of the mean along that of the class, in units of its length. trace_guided : over that without guidance.
    t_speciation, t_unguided : VE times of speciation, with guidance and without; None if there is none.
    standing : of the theory. ratios : (directions,) variances over those without guidance.
    moved : (dim,) the shift of the mean as a vector.
    """

    shift: float
    trace_guided: float
    t_speciation: float | None
    t_unguided: float | None
    standing: str
    ratios: np.ndarray
    moved: np.ndarray


class ClassTheory:
    """Theory for a class as if all classes had its covariance (see `class_problem`).

    Parameters
    ----------
    means : (classes, dim). mean, covariance : of the class; its mean from the centre of all. sampler, t_start : as of a
        `Problem`. factor : weight of the class over the mean of those of the others.

    Attributes
    ----------
    problem : without guidance; its spectrum has the directions of the class.
    off_diagonal : as of `spectrum_of`, 0 if the covariance of the class and that of the means commute.
    """

    def __init__(
        self,
        means: np.ndarray,
        mean: np.ndarray,
        covariance: np.ndarray,
        sampler: Any,
        t_start: float,
        factor: float = 1.0,
    ) -> None:
        self.problem, self._basis, self.off_diagonal = _class_problem(means, covariance, 0.0, sampler, t_start)
        assert self.problem.spectrum is not None
        self._c, self._along = np.asarray(self.problem.spectrum.c), mean @ self._basis
        self._mean, self._covariance = mean, covariance
        self._finite = {"classes": Fixed(len(means), factor=factor)}  # at their own d: no claim to the limit
        self._free: Any = self._solved(self.problem)

    @property
    def directions(self) -> int:
        """In which guidance acts."""
        return len(self._c)

    def distorted(self, guidance: Any) -> Distorted:
        """The class under a guidance."""
        theory = self._solved(self.problem.replace(guidance=guidance))
        final, free, trace = theory.final, self._free.final, np.trace(self._covariance)
        ratios = final.v_group / free.v_group
        left_out = trace - self._c.sum()  # directions without guidance
        moved = self._basis @ ((final.m_group - free.m_group) * self._along)
        return Distorted(
            shift=along(moved, self._mean),
            trace_guided=float((self._c @ ratios + left_out) / trace),
            t_speciation=theory.t_speciation,
            t_unguided=self._free.t_speciation,
            standing=theory.standing,
            ratios=ratios,
            moved=moved,
        )

    def distortion(self, guidance: Any) -> dict[str, Any]:
        """`shift` along the mean, `trace_guided` over that without guidance, `t_speciation`, `standing`."""
        found = self.distorted(guidance)._asdict()
        return {name: found[name] for name in ("shift", "trace_guided", "t_speciation", "standing")}

    def variances(self, axes: np.ndarray, ratios: np.ndarray) -> np.ndarray:
        """Variances along `axes` (dim, k), orthonormal columns, over those without guidance, (k,)."""
        own = np.einsum("ia,ij,ja->a", axes, self._covariance, axes)
        return 1.0 + (axes.T @ self._basis) ** 2 @ (self._c * (ratios - 1.0)) / own

    def _solved(self, problem: Problem) -> Any:
        return solve(problem.replace(**self._finite), d=self.directions)


def along(vector: np.ndarray, way: np.ndarray) -> float:
    """A vector's part along a way, in units of its length; nan where there is no way.

    Examples
    --------
    >>> along(np.array([1.0, 5.0]), np.array([2.0, 0.0])), along(np.ones(2), np.zeros(2))
    (0.5, nan)
    """
    square = float(way @ way)
    return float(vector @ way) / square if square > 0.0 else math.nan


def class_problem(
    means: np.ndarray, covariance: np.ndarray, guidance: Any, sampler: Any, t_start: float
) -> tuple[Problem, np.ndarray]:
    """The mean-field problem of classes with these means and one covariance, and its directions as columns."""
    return _class_problem(means, covariance, guidance, sampler, t_start)[:2]


def _class_problem(
    means: np.ndarray, covariance: np.ndarray, guidance: Any, sampler: Any, t_start: float
) -> tuple[Problem, np.ndarray, float]:
    B = np.cov(means.T, bias=True).reshape(covariance.shape)
    _, basis = np.linalg.eigh(covariance + B)
    spread = np.einsum("ia,ij,ja->a", basis, B, basis)
    own = np.einsum("ia,ij,ja->a", basis, covariance, basis)
    kept = basis[:, spread > FLAT * own]
    require(kept.shape[1], "class means must differ for guidance to act", "equal means")
    found = spectrum_of(means @ kept, kept.T @ covariance @ kept)
    classes = Exponential(math.log(len(means)) / kept.shape[1])
    problem = Problem(classes=classes, spectrum=found.spectrum, guidance=guidance, sampler=sampler, t_start=t_start)
    return problem, kept @ found.basis, found.off_diagonal
