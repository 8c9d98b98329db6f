"""The result of `meanfield.design`: a schedule, what it does, and what constant guidance does instead."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from meanfield.guidance.schedules import Schedule
from meanfield.problem.statement import Problem
from meanfield.showing.table import html_table
from meanfield.tools.door import door


class Prediction(NamedTuple):
    """What a schedule does at t = 0: m, v/sigma2, separation (F + alpha in the continuum), standing of the theory."""

    m: float
    v_ratio: float
    separation: float
    standing: str


@door(made_by="design")
@dataclass(frozen=True, repr=False)
class Design:
    """A designed schedule and what it does.

    Attributes
    ----------
    problem : the problem with the designed guidance, in the own time of its noise.
    schedule : the guidance w(t); with a rule its amplitude.
    outcome : predicted m, v/sigma2, separation and standing at t = 0.
    same_mean : constant guidance with the same mean shift: (w, its outcome); None if no constant reaches it.
    at_w_max : constant guidance at w_max: (w_max, its outcome).
    switches : VE times at which the schedule changes, early first.
    levels : its values, early first.
    proved : whether sec. 5 proves that no schedule within the bounds does better.
    w_min, w_max, keep, maximise, slope, d : what was asked for; keep is the least v(0)/sigma2.
    sampler : name of the sampler's code it was designed for, whose law all outcomes then are; "" for continuous time.
    continuous : what the design for continuous time does with this sampler; None without one.
    """

    problem: Problem
    outcome: Prediction
    same_mean: tuple[float, Prediction] | None
    at_w_max: tuple[float, Prediction]
    switches: tuple[float, ...]
    levels: tuple[float, ...]
    proved: bool
    w_min: float
    w_max: float
    keep: float
    maximise: str
    slope: float
    d: float
    sampler: str = ""
    continuous: Prediction | None = None

    @property
    def schedule(self) -> Schedule:
        guidance = self.problem.guidance
        return guidance.guidance if guidance.by_rule else guidance

    @property
    def touches_glass(self) -> bool:
        """Whether a glass is passed with w < 0 (capture), where the theory is approximate: let particles decide."""
        return self.outcome.standing == "approximate"

    def to_dict(self) -> dict[str, Any]:
        """Plain data: problem (with the schedule), outcome, comparisons and the request."""
        same = self.same_mean and {"w": self.same_mean[0], **self.same_mean[1]._asdict()}
        names = ("switches", "levels", "proved", "w_min", "w_max", "keep", "maximise", "slope", "d")
        return {
            "problem": self.problem.to_dict(),
            "designed": self.outcome._asdict(),
            "constant_same_mean": same,
            "constant_at_w_max": {"w": self.at_w_max[0], **self.at_w_max[1]._asdict()},
            **{name: getattr(self, name) for name in names},
            **({"sampler": self.sampler, "continuous": self.continuous._asdict()} if self.continuous else {}),
        }

    def _repr_html_(self) -> str:
        first, head, *rows = str(self).split("\n")
        cells = [(k, f"{o.m:.4f}", f"{o.v_ratio:.6f}", f"{o.separation:.4f}", o.standing) for k, o in self._outcomes]
        return html_table(first, cells, ("", *head.split()), rows[len(cells) :])

    @property
    def _outcomes(self) -> list[tuple[str, Prediction]]:
        """What is compared, by name."""
        rows = [("designed", self.outcome)]
        if self.continuous is not None:
            rows.append(("designed for continuous time", self.continuous))
        if self.same_mean is not None:
            rows.append((f"constant w = {self.same_mean[0]:.4g} (same mean)", self.same_mean[1]))
        return [*rows, (f"constant w = {self.at_w_max[0]:.4g} (w_max)", self.at_w_max[1])]

    def __repr__(self) -> str:
        pieces = ", ".join(f"{w:.4g}" for w in self.levels)
        times = ", ".join(f"{t:.5g}" for t in self.switches)
        lines = [f"{'':32s}{'m(0)':>9s}{'v/sigma2':>11s}{'separation':>12s}  standing"]
        lines += [f"{k:32s}{o.m:9.4f}{o.v_ratio:11.6f}{o.separation:12.4f}  {o.standing}" for k, o in self._outcomes]
        note = "no schedule within the bounds does better" if self.proved else "the best found"
        if self.problem.guidance.by_rule:
            note = f"amplitude of {self.problem.guidance.name}, the best found with one switch"
        if self.same_mean is None:
            lines.append("no constant guidance reaches this mean")
        path = f"{pieces} from early to late, switching at t = {times}" if times else f"{pieces} throughout"
        steps = f" with {self.sampler}" if self.sampler else ""
        return f"w = {path} ({note}{steps})\n" + "\n".join(lines)
