"""What `meanfield.design` is asked for: checked, with the reasons why a request has no answer."""

import math
from dataclasses import dataclass

import numpy as np

from meanfield.designs.switching import Demand
from meanfield.errors import ProblemError, checked, one_of, require, short
from meanfield.maps.bulk import Responses
from meanfield.problem.noise import VE
from meanfield.problem.statement import LARGEST_W, Problem
from meanfield.theory.solver import require_rate
from meanfield.tools.roots import brentq

WIDEST = 100.0  # of a ramp in log D: from the start to t = 0 it falls by 40 or so
OBJECTIVES = {"mean": "shift", "separation": "separation"}


@dataclass(frozen=True)
class Request:
    """A checked request: what is asked of a design, and why it may have no answer."""

    problem: Problem
    w_min: float
    w_max: float
    keep: float  # share of v(0)/sigma2, at least
    each: bool  # of every group of directions
    maximise: str
    mean: float | None
    slope: float
    by_code: bool  # for a sampler's code: the mean is that of its law
    demand: Demand
    respond: Responses

    @classmethod
    def of(cls, problem, w_min, w_max, keep, maximise, mean, slope, approximate, margin, d, by_code) -> "Request":
        """From the arguments of `design`."""
        w_min, w_max = checked("w_min", w_min, low=-LARGEST_W), checked("w_max", w_max, high=LARGEST_W)
        require(w_min < w_max, "w_min must be below w_max", f"w_min = {w_min:g}, w_max = {w_max:g}")
        remedy = "Over as wide a ramp w hardly changes: bound it closer."
        slope = checked("slope", slope, low=(w_max - w_min) / WIDEST, infinite=True, remedy=remedy)
        d, margin = checked("d", d, low=1, infinite=True), checked("margin", margin, low=0, high=0.9)
        one_of("maximise", maximise, OBJECTIVES)
        if isinstance(keep, str) and keep not in ("variance", "each"):
            raise ProblemError(f'keep must be "variance", "each" or a share of v(0)/sigma2 > 0; got {keep!r}.')
        each = keep == "each" and problem.spectrum is not None
        ratio = 1.0 if isinstance(keep, str) else checked("keep", keep, low=0, open_low=True, high=1e100)
        if math.isfinite(slope) and problem.noise != VE():
            raise ProblemError(f"a bound on the slope is in VE time; got {problem.noise!r}. Design with noise VE.")
        rule = "a design knows guidance by one condition: with a second one m_2 would need a demand of its own"
        require(not problem.guidance.second, rule, short(problem.guidance), "Compare amplitudes by solve.")
        varies = problem.spectrum is not None or ratio < 1.0  # then the separation does not follow from the mean alone
        direct = maximise == "separation" and varies and mean is None
        demand = Demand(ratio, OBJECTIVES["separation" if direct else "mean"], bool(approximate), margin)
        problem.require_one_weight("a design")
        require_rate(problem.classes.rate(d))
        respond = Responses(problem.with_amplitude(0.0), d, max(abs(w_min), abs(w_max)))
        mean = None if mean is None else checked("mean", mean, low=1, open_low=True)
        asked = cls(problem, w_min, w_max, ratio, each, maximise, mean, slope, by_code, demand, respond)
        if not problem.guidance.by_rule:  # (T16), (T17) are of weights
            asked._check_bounds()
            asked._check_mean()
        return asked

    @property
    def bounds(self) -> tuple[float, float]:
        return self.w_min, self.w_max

    @property
    def d(self) -> float:
        return self.respond.d

    def _check_mean(self) -> None:
        p = self.problem
        bounded = not self.by_code and p.eta == 1.0 and p.spectrum is None
        if bounded and self.mean is not None and self.mean >= 1.0 + p.sigma2:
            raise ProblemError(
                f"the mean of the SDE sampler stays below 1 + sigma2 = {1 + p.sigma2:g} for every schedule "
                f"(T16); got mean = {self.mean:g}. Ask for less, or use the ODE sampler."
            )

    def _check_bounds(self) -> None:
        constants = self.respond.constants(np.array([self.w_min, self.w_max]))
        high, low = (float(x) for x in constants.ratio)
        if self.w_min >= 0.0 and not high > self.keep * (1.0 + 1e-9):
            raise ProblemError(
                f"w_min must be negative: a schedule with w >= 0 loses variance (T17); with w_min = {self.w_min:g} at "
                f"most v(0)/sigma2 = {high:.6g} is kept, by w = w_min throughout. {self._nearest()}"
            )
        if self.w_max <= 0.0 and low > self.demand.edges[-1]:
            raise ProblemError(
                f"w_max must be positive: without positive guidance the variance only grows; with w_max = "
                f"{self.w_max:g} v(0)/sigma2 is at least {low:.6g}. Raise w_max above 0, or keep = {low:.6g}."
            )

    def _nearest(self) -> str:
        """The nearest bound that admits a solution: the constant guidance that keeps what is asked."""

        def excess(w: float) -> float:
            return float(self.respond.constants(np.array([w])).ratio[0]) - self.keep

        low = -0.05
        if not (math.isfinite(excess(low)) and excess(low) > 0.0 >= excess(0.0)):
            return "Lower it below 0."
        w = brentq(excess, low, 0.0, xtol=1e-12)
        return f"The nearest bound with a solution is w_min = {min(w, 0.0):.3g} (w = w_min throughout); lower it."

    def why_none(self) -> str:
        """Why the search came back empty, and what would help."""
        asked = f"v(0)/sigma2 = {self.keep:g} with {self.w_min:g} <= w <= {self.w_max:g}"
        if self.problem.guidance.by_rule:
            return (
                f"no amplitude of {short(self.problem.guidance)} with one switch, from w_max to w_min, keeps {asked} "
                "and shifts the mean. Widen the bounds, or take another rule."
            )
        if not self.demand.approximate and math.isfinite(self.respond.alpha):
            return (
                f"no schedule found keeps {asked} without a glass while w < 0, where capture decides (the samples may "
                "be lost to other classes) and the theory is approximate. Raise w_min towards 0, lower w_max or "
                "`margin`, or set approximate=True and let particles decide."
            )
        return f"no schedule found keeps {asked}. Widen the bounds."
