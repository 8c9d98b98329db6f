"""What `meanfield.design` is asked for: checked, with the reasons why a request has no answer."""

import math

import numpy as np

from meanfield.designs.result import Outcome
from meanfield.designs.switching import Candidate, Demand
from meanfield.errors import ProblemError, checked
from meanfield.guidance.schedules import Constant
from meanfield.maps.bulk import STANDINGS, Responses, Values, table_of
from meanfield.problem.noise import VE
from meanfield.tools.roots import brentq

__all__ = ["OBJECTIVES", "Request"]

OBJECTIVES = {"mean": "shift", "separation": "separation"}


class Request:
    """A checked request: what is asked of a design, and why it may have no answer."""

    def __init__(self, problem, w_min, w_max, keep, maximise, mean, slope, approximate, margin, d) -> None:
        self.w_min, self.w_max = checked("w_min", w_min), checked("w_max", w_max)
        self.slope = checked("slope", slope, low=0, open_low=True, infinite=True)
        self.d = checked("d", d, low=1, infinite=True)
        margin = checked("margin", margin, low=0, high=0.9)
        if maximise not in OBJECTIVES:
            raise ProblemError(f'maximise must be "mean" or "separation"; got {maximise!r}.')
        if isinstance(keep, str) and keep not in ("variance", "each"):
            raise ProblemError(f'keep must be "variance", "each" or a ratio v(0)/sigma2 > 0; got {keep!r}.')
        self.each = keep == "each" and problem.spectrum is not None
        self.keep = 1.0 if isinstance(keep, str) else checked("keep", keep, low=0, open_low=True)
        self.maximise, self.problem = maximise, problem
        if math.isfinite(self.slope) and problem.noise != VE():
            raise ProblemError(f"a bound on the slope is in VE time; got {problem.noise!r}. Design with noise VE.")
        isotropic = problem.spectrum is None
        direct = maximise == "separation" and not isotropic and mean is None
        self.demand = Demand(self.keep, OBJECTIVES["separation" if direct else "mean"], bool(approximate), margin)
        self.respond = Responses(problem.replace(guidance=0.0), self.d, max(abs(self.w_min), abs(self.w_max)))
        self.mean = None if mean is None else checked("mean", mean, low=1, open_low=True)
        self._check_bounds()
        if self.mean is not None and problem.eta == 1.0 and isotropic and self.mean >= 1.0 + problem.sigma2:
            raise ProblemError(
                f"the mean of the SDE sampler stays below 1 + sigma2 = {1 + problem.sigma2:g} for every schedule "
                f"(T16); got mean = {self.mean:g}. Ask for less, or use the ODE sampler."
            )

    def _check_bounds(self) -> None:
        if not self.w_min < self.w_max:
            raise ProblemError(f"w_min must be below w_max; got w_min = {self.w_min:g}, w_max = {self.w_max:g}.")
        constants = self._constants(np.array([self.w_min, self.w_max]))
        high, low = (float(x) for x in constants.ratio)
        if self.w_min >= 0.0 and not high > self.keep * (1.0 + 1e-9):
            raise ProblemError(
                f"w_min must be negative: a schedule with w >= 0 loses variance (T17); with w_min = {self.w_min:g} at "
                f"most v(0)/sigma2 = {high:.6g} is kept, by w = w_min throughout. {self._nearest()}"
            )
        if self.w_max <= 0.0 and low > self.keep:
            raise ProblemError(
                f"w_max must be positive: without positive guidance the variance only grows; with w_max = "
                f"{self.w_max:g} v(0)/sigma2 is at least {low:.6g}. Raise w_max above 0, or keep = {low:.6g}."
            )

    def _nearest(self) -> str:
        """The nearest bound that admits a solution: the constant guidance that keeps what is asked."""

        def excess(w: float) -> float:
            return float(self._constants(np.array([w])).ratio[0]) - self.keep

        low = -0.05
        if not (math.isfinite(excess(low)) and excess(low) > 0.0 >= excess(0.0)):
            return "Lower it below 0."
        w = brentq(excess, low, 0.0, xtol=1e-12)
        return f"The nearest bound with a solution is w_min = {min(w, 0.0):.3g} (w = w_min throughout); lower it."

    def _constants(self, w: np.ndarray) -> Values:
        tables = [table_of(Constant(float(x)), self.respond.start) for x in w]
        return self.respond(type(tables[0])(*(np.vstack(parts) for parts in zip(*tables, strict=True))))

    def why_none(self) -> str:
        """Why the search came back empty, and what would help."""
        asked = f"v(0)/sigma2 = {self.keep:g} with {self.w_min:g} <= w <= {self.w_max:g}"
        if not self.demand.approximate and math.isfinite(self.respond.alpha):
            return (
                f"no schedule found keeps {asked} without a glass while w < 0, where capture decides (the samples may "
                "be lost to other classes) and the theory is approximate. Raise w_min towards 0, lower w_max or "
                "`margin`, or set approximate=True and let particles decide."
            )
        return f"no schedule found keeps {asked}. Widen the bounds."

    def _values(self, found: Candidate) -> Values:
        return self.respond(found.shape.table(np.array([found.switches])))

    def _outcome(self, w: float) -> Outcome:
        x = self._constants(np.array([w]))
        m, ratio, separation = 1.0 + float(x.shift[0]), float(x.ratio[0]), float(x.separation[0])
        return Outcome(m, ratio, separation, STANDINGS[int(x.standing[0])])
