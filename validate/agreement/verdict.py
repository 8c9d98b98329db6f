"""The verdict of a comparison: every number it rests on, and what it says in words."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from meanfield import Ensemble, Problem
from meanfield.errors import short
from meanfield.showing.table import html_table
from meanfield.tools.door import door
from validate.agreement.hints import COARSE, explain
from validate.agreement.joint import ChiSquared
from validate.agreement.statistics import two_sided
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
    theory : what was compared; one of your own has `standing` "stated".
    estimator : which estimate of the particles was judged, "paired" or "plain".
    differs : how the theory's problem differs from that of the particles, on purpose: (field, theory, particles).
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
    estimator: str = "paired"
    differs: tuple[tuple[str, str, str], ...] = ()

    def agrees(self, row: Row) -> bool:
        """Whether one row is below the family-wise threshold."""
        return abs(row.z) <= self.threshold

    def __bool__(self) -> bool:
        return all(map(self.agrees, self.rows)) and (self.chi2 is None or self.chi2.p >= self.p_allowed)

    @property
    def p_allowed(self) -> float:
        """The p-value below which one test of the family disagrees: that of `threshold`."""
        return math.erfc(self.threshold / math.sqrt(2.0))

    @property
    def z(self) -> tuple[float, ...]:
        """(particles - theory)/stderr of every number, normal-equivalent."""
        return tuple(row.z for row in self.rows)

    @cached_property
    def explanation(self) -> tuple[str, ...]:
        """Of a disagreement: where it begins, what acts there, and which number of the problem would explain it, if one
        alone does (`validate.agreement.hints`); of an agreement with p < level, why it is one."""
        return explain(self) if not self else self._chance()

    def _chance(self) -> tuple[str, ...]:
        """Why a small p-value is no disagreement: it is one of many."""
        tests = [(two_sided(row.z), f"{row.quantity} at t = {row.t:.4g}") for row in self.rows]
        tests += [(self.chi2.p, "chi2")] if self.chi2 else []
        p, name = min(tests)
        if p >= self.level:
            return ()
        often = -math.expm1(len(tests) * math.log1p(-p))
        return (
            f"p = {p:.2g} of {name} is below {self.level:g} and agrees: the least of {len(tests)} is as small in "
            f"{100 * often:.2g} % of all comparisons by chance; below {self.p_allowed:.2g} it would disagree",
        )

    def __str__(self) -> str:
        lines = [
            self.title,
            *([f"  theory of another problem: {self.other}"] if self.differs else []),
            f"  {'':4s}{'t':>10s}{'theory':>13s}{'finite d':>11s}{'particles':>13s}{'stderr':>10s}{'z':>8s}",
        ]
        for r in self.rows:
            effect = "-" if math.isnan(r.finite_size) else f"{r.finite_size:+.6f}"
            mark = "" if self.agrees(r) else "  DISAGREES"
            numbers = f"{r.t:10.4g}{r.theory:13.6f}{effect:>11s}{r.particles:13.6f}{r.stderr:10.2g}{r.z:+8.2f}"
            lines.append(f"  {r.quantity:4s}{numbers}{mark}")
        lines.append(f"  |z| allowed: {self.threshold:.2f} ({len(self.rows)} scores, false alarm {self.level:g})")
        lines += [f"  {self.chi2}; p allowed: {self.p_allowed:.2g}"] if self.chi2 else []
        lines += [f"  {line}" for line in (_moments(self.z), *self._ends())]
        lines += [f"  time-step error of {q}(0): {error:+.2g} +- {err:.1g}" for q, error, err in self.timestep]
        lines += [f"  {note}" for note in (*self.notes, *self.explanation)]
        return "\n".join([*lines, f"  verdict: {'agree' if self else 'DISAGREE'}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        first, *lines = str(self).split("\n")
        rows = [
            (r.quantity, f"{r.t:.4g}", f"{r.predicted:.6f}", f"{r.particles:.6f} ± {r.stderr:.2g}", f"{r.z:+.2f}",
             "" if self.agrees(r) else "DISAGREES")
            for r in self.rows
        ]  # fmt: skip
        notes = [line.strip() for line in lines[len(rows) + 1 + bool(self.differs) :]]
        return html_table(first, rows, ("", "t", "theory", "particles", "z", ""), [notes[-1], *notes[:-1]])

    @property
    def other(self) -> str:
        """How the theory's problem differs, in words; empty where it does not."""
        return "; ".join(f"{name}: {theory} (particles: {particles})" for name, theory, particles in self.differs)

    def _ends(self) -> list[str]:
        """m and v at t = 0 by both estimators."""
        end, names = self.data.final, ("paired", "plain")
        found = {n: [getattr(end, f"{q}_paired" if n == "paired" else q) for q in ("m", "v")] for n in names}
        return [
            f"{n + (', judged' if n == self.estimator else ''):14s} "
            + ", ".join(f"{q}(0) = {x.mean:.6g} +- {x.stderr:.2g}" for q, x in zip("mv", found[n], strict=True))
            for n in names
        ]

    def plot(self, axes=None):
        """Theory as lines, particles as points, z below. Returns (fig, axes)."""
        from validate.agreement.picture import draw

        self.data.problem.require_isotropic("this figure", "Use validate.figures.spectrum.")
        return draw(self, axes)


def differences(theory: Problem, data: Problem) -> tuple[tuple[str, str, str], ...]:
    """The fields in which two problems differ: name, and both values in words."""
    names = [name for name in data.__dataclass_fields__ if getattr(theory, name) != getattr(data, name)]
    return tuple((name, short(getattr(theory, name)), short(getattr(data, name))) for name in names)


def _moments(z: tuple[float, ...]) -> str:
    mean, square = math.fsum(z) / len(z), math.fsum(x * x for x in z) / len(z)
    return f"z: mean {mean:+.2f}, r.m.s. {math.sqrt(square):.2f} (expected 0 and 1; numbers of one run are correlated)"


def step_warning(step: tuple[tuple[str, float, float], ...], rows: tuple[Row, ...]) -> str:
    """What a result says of a time-step error that is not small against the statistical one; else nothing."""
    final = {r.quantity: r.stderr for r in rows if r.t == 0.0}
    large = [q for q, error, _ in step if abs(error) > final.get(q, math.inf) / 3.0]
    if not large:
        return ""
    names = " and ".join(large)
    return f"{COARSE} of {names} exceeds a third of the statistical error; raise n_steps."
