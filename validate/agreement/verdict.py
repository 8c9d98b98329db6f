"""The verdict of a comparison: every number it rests on, and what it says in words."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from meanfield import Ensemble
from meanfield.tools.door import door
from validate.agreement.joint import ChiSquared
from validate.errors import ComparisonError


class Row(NamedTuple):
    """One number predicted and measured. `finite_size` is nan where no finite-d effect was asked for."""

    quantity: str
    t: float
    theory: float
    finite_size: float
    particles: float
    stderr: float
    z: float

    @property
    def predicted(self) -> float:
        """Theory with its finite-d effect."""
        return self.theory + (0.0 if math.isnan(self.finite_size) else self.finite_size)


@door(ComparisonError, made_by="compare")
@dataclass(frozen=True)
class Comparison:
    """Verdict of `compare`: true if theory and particles agree. Print it to see every number.

    Attributes
    ----------
    rows : one `Row` a quantity and time; `stderr` combines all statistical errors of that row.
    threshold : the |z| above which a row disagrees, for the whole family at `level`.
    chi2 : the last rows at once, as many as an eighth of the draws; None where that is less than two (`notes` says so).
    timestep : the time-step error that was passed, as (quantity, error, its stderr), stated and never used.
    notes : what a reader must know: estimator, warnings.
    """

    rows: tuple[Row, ...]
    threshold: float
    level: float
    chi2: ChiSquared | None
    timestep: tuple[tuple[str, float, float], ...]
    notes: tuple[str, ...]
    title: str
    theory: Any
    data: Ensemble

    def agrees(self, row: Row) -> bool:
        """Whether one row is below the family-wise threshold."""
        return abs(row.z) <= self.threshold

    def __bool__(self) -> bool:
        single = math.erfc(self.threshold / math.sqrt(2.0))  # the p-value of one test of this family
        return all(map(self.agrees, self.rows)) and (self.chi2 is None or self.chi2.p >= single)

    def __str__(self) -> str:
        lines = [
            self.title,
            f"  {'':4s}{'t':>10s}{'theory':>13s}{'finite d':>11s}{'particles':>13s}{'stderr':>10s}{'z':>8s}",
        ]
        for r in self.rows:
            effect = "-" if math.isnan(r.finite_size) else f"{r.finite_size:+.6f}"
            mark = "" if self.agrees(r) else "  DISAGREES"
            numbers = f"{r.t:10.4g}{r.theory:13.6f}{effect:>11s}{r.particles:13.6f}{r.stderr:10.2g}{r.z:+8.2f}"
            lines.append(f"  {r.quantity:4s}{numbers}{mark}")
        lines.append(f"  |z| allowed: {self.threshold:.2f} ({len(self.rows)} scores, false alarm {self.level:g})")
        lines += [f"  {self.chi2}"] if self.chi2 else []
        lines += [f"  time-step error of {q}(0): {error:+.2g} +- {err:.1g}" for q, error, err in self.timestep]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join([*lines, f"  verdict: {'agree' if self else 'DISAGREE'}"])

    __repr__ = __str__

    def plot(self, axes=None):
        """Theory as lines, particles as points, z below. Returns (fig, axes)."""
        from validate.agreement.picture import draw

        self.data.problem.require_isotropic("this figure", "Use validate.figures.spectrum.")
        return draw(self, axes)
