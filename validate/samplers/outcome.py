"""What `check_sampler` found: a row for each problem and number, findings in words, a verdict."""

from dataclasses import dataclass
from typing import NamedTuple

from meanfield.tools.door import door
from meanfield.vector.order import Order
from validate.agreement.statistics import family_threshold
from validate.agreement.verdict import Comparison, Row
from validate.errors import ComparisonError


class BenchResult(NamedTuple):
    """One problem: its name, the dimension of the particles, the theory, and the comparison or why there is none."""

    name: str
    d: int
    theory: str
    comparison: Comparison | None
    why: str = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The numbers that were compared, at the end."""
        return () if self.comparison is None else self.comparison.rows


@door(ComparisonError, made_by="check_sampler")
@dataclass(frozen=True)
class SamplerCheck:
    """Result of `check_sampler`: true if theory and particles agree on all problems and nothing was found.

    Attributes
    ----------
    sampler, against : names of the code whose particles were run, and of the code whose law they are held against.
    results : one `BenchResult` for each problem.
    findings : in words, what is wrong beyond numbers that disagree.
    order : how the law of the family of samplers approaches continuous time; None without one.
    level : probability of a false alarm of the whole check.
    """

    sampler: str
    against: str
    results: tuple[BenchResult, ...]
    findings: tuple[str, ...]
    order: Order | None
    level: float

    @property
    def z(self) -> tuple[float, ...]:
        """(particles - theory)/stderr of every number, normal-equivalent."""
        return tuple(row.z for result in self.results for row in result.rows)

    @property
    def threshold(self) -> float:
        """The |z| that one of all numbers exceeds by chance with probability `level`."""
        return family_threshold(max(len(self.z), 1), self.level)

    @property
    def passed(self) -> bool:
        """The verdict."""
        return not self.findings and all(abs(z) <= self.threshold for z in self.z)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        other = "" if self.against == self.sampler else f", against the law of {self.against}"
        lines = [
            f"check of {self.sampler}{other}",
            f"  {'problem':14s}{'d':>6s}  {'theory':18s}{'theory':>10s}{'particles':>11s}{'stderr':>9s}{'z':>8s}",
        ]
        for result in self.results:
            head = f"  {result.name:14s}{result.d:6d}  {result.theory:12s}"
            if result.comparison is None:
                lines.append(f"{head}REFUSED")
            for row in result.rows:
                mark = "" if abs(row.z) <= self.threshold else "  DISAGREES"
                numbers = f"{row.theory:10.5f}{row.particles:11.5f}{row.stderr:9.1g}{row.z:+8.2f}"
                lines.append(f"{head}{row.quantity:6s}{numbers}{mark}")
        lines.append(f"  |z| allowed: {self.threshold:.2f} ({len(self.z)} numbers, false alarm {self.level:g})")
        lines += [f"  {line}" for line in (str(self.order).splitlines() if self.order else ())]
        lines += [f"  found: {finding}" for finding in self.findings]
        return "\n".join([*lines, f"  verdict: {'passed' if self else 'NOT PASSED'}"])

    __repr__ = __str__
