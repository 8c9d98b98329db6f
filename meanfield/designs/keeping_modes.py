"""`design_modes`: the schedule that shifts a label most for the modes that it may lose (docs/modes-kept.md).

Four pieces, early to late: w_max, a window of w_min that pays the variance back, nothing until both transitions that
matter are over, and, where the mode is chosen before the label is decided, w_max from the choice on: it costs no modes.
Where the label comes first nothing acts after it, and lost = 0 allows no shift.
"""

import math
from dataclasses import dataclass
from typing import Any, cast

from meanfield.errors import ConvergenceError, ProblemError, checked, require
from meanfield.guidance.schedules import Constant, Piecewise, Schedule
from meanfield.problem.noise import VE
from meanfield.problem.statement import LARGEST_W, Problem
from meanfield.theory.modes.fronts import modes_front, superclass_of
from meanfield.theory.modes.trajectory import ModesTrajectory
from meanfield.theory.solver import solve
from meanfield.tools.door import door
from meanfield.tools.roots import brentq

AFTER = 1e-6  # relative time after a transition at which what follows begins
FIRST = 1e8  # VE time before which early guidance does not end, of a start at infinity
TOLERANCE = 1e-6  # relative, of the modes lost
CLOSE = 1e-2  # error of the window's share at the best


@door(made_by="design_modes")
@dataclass(frozen=True, repr=False)
class ModesDesign:
    """A schedule designed by `design_modes`, and what it does.

    Attributes
    ----------
    problem : the problem with the designed guidance, in VE time.
    theory : its solution by `solve`: m, K_div, within, ...
    lost : what K_div was allowed to be, beyond that of no guidance.
    front : `modes_front` at this K_div.
    same_mean : constant guidance with the same m(0): (w, its solution); None if no constant has it.
    """

    problem: Problem
    theory: ModesTrajectory
    lost: float
    front: float
    same_mean: tuple[float, ModesTrajectory] | None

    @property
    def schedule(self) -> Schedule:
        return self.problem.schedule

    @property
    def levels(self) -> tuple[float, ...]:
        """Its weights, late first, as `schedule.breakpoints` are ascending."""
        ends = self.schedule.breakpoints
        return tuple(float(self.schedule.w(t)) for t in (0.5 * ends[0], *(x * (1.0 + AFTER) for x in ends)))

    def __repr__(self) -> str:
        rows = [("designed", self.theory)]
        if self.same_mean is not None:
            rows.append((f"constant w = {self.same_mean[0]:.4g} (same mean)", self.same_mean[1]))
        lines = [f"{'':32s}{'m(0)':>9s}{'K_div':>11s}{'within/sigma2':>15s}  standing"]
        for name, x in rows:
            within = x.final.within / self.problem.sigma2
            lines.append(f"{name:32s}{x.final.m:9.4f}{x.K_div:11.6f}{within:15.4f}  {x.standing}")
        pieces, times = (", ".join(f"{x:.4g}" for x in reversed(of)) for of in (self.levels, self.schedule.breakpoints))
        head = f"w = {pieces} from early to late, switching at t = {times}; the front has m(0) = {self.front:.4f}"
        return head + "\n" + "\n".join(lines)


@door()
def design_modes(
    problem: Problem, *, lost: float = 0.0, w_min: float = -1.0, w_max: float = 5.0, d: float = math.inf
) -> ModesDesign:
    """Design a guidance schedule that shifts a label and loses no more of its modes than allowed.

    Parameters
    ----------
    problem : its classes are a `Hierarchy` with label 1, its noise VE. Its guidance is ignored.
    lost : bound on K_div beyond that without guidance, 0 <= lost < alpha_2: all but exp((alpha_2 - lost) d) modes.
    w_min, w_max : bounds on w, w_min <= 0 < w_max.
    d : dimension whose rates are taken, infinite by default.

    Returns
    -------
    ModesDesign : its K_div is what is allowed (less, if w_max throughout loses less).

    Raises
    ------
    ProblemError : lost = 0 where the label comes first (no shift is possible), or modes that are not apart at t = 0.

    Examples
    --------
    >>> from meanfield import Hierarchy, Problem
    >>> made = design_modes(Problem(classes=Hierarchy((0.6, 0.3), rho=0.5), sigma2=0.05, sampler="ode"))
    >>> made.theory.K_div < 1e-9, round(float(made.theory.final.m), 3), round(made.same_mean[1].K_div, 4)
    (True, 1.062, 0.001)
    """
    law = superclass_of(problem)
    require(problem.noise == VE(), "a design of modes is in VE time", repr(problem.noise), "Design with noise VE.")
    w_min, w_max = (
        checked("w_min", w_min, low=-LARGEST_W, high=0),
        checked("w_max", w_max, low=0, high=LARGEST_W, open_low=True),
    )
    lost = checked("lost", lost, low=0, high=law.level_rates(d)[1])
    search = _Search(problem, d, w_min, w_max)
    if lost > 0.0:
        theory = search.best(lost)
    else:
        theory = search.continued(Constant(0.0))
        if not search.mode_first(theory):
            raise ProblemError(
                "lost must be above 0 where the label comes first: any shift costs modes there, K_div >= "
                f"rho m_B^2/(2 tau); got lost = {lost:g}. `modes_front` says what a given loss allows."
            )
    front = float(modes_front(problem, max(theory.K_div - search.unguided.K_div, 0.0), d=d))
    return ModesDesign(theory.problem, theory, lost, front, search.same_mean(float(theory.final.m)))


class _Search:
    """Schedules of a problem between two weights."""

    def __init__(self, problem: Problem, d: float, w_min: float, w_max: float) -> None:
        self.problem, self.d, self.w_min, self.w_max = problem, d, w_min, w_max
        self.unguided = self.solved(Constant(0.0))
        apart = not math.isnan(self.unguided.t_mode)
        remedy = "Lower sigma2, or raise alpha_2 above log(1 + tau/sigma2)/2."
        require(apart, "modes must be apart at t = 0", repr(problem.classes), remedy)
        self.top = min(FIRST, 0.99 * problem.t_start)

    def solved(self, schedule: Schedule) -> ModesTrajectory:
        return cast(ModesTrajectory, cast(Any, solve(self.problem.replace(guidance=schedule), self.d)))

    def mode_first(self, theory: ModesTrajectory) -> bool:
        return not theory.t_label >= theory.t_mode

    def early(self, log_D: float, share: float) -> Schedule:
        """w_max until log D, w_min for a share of what is left until the unguided choice, then nothing."""
        sigma2, choice = self.problem.sigma2, math.log(self.problem.sigma2 + self.unguided.t_mode)
        end = math.exp(log_D + share * (choice - log_D)) - sigma2
        start = math.exp(log_D) - sigma2
        if not end < start:
            return Piecewise((start,), (0.0, self.w_max))
        return Piecewise((end, start), (0.0, self.w_min, self.w_max))

    def continued(self, early: Schedule) -> ModesTrajectory:
        """A schedule until the mode is chosen, or the label is decided; then w_max, or nothing."""
        theory = self.solved(early)
        mode_first = self.mode_first(theory)
        t = (theory.t_mode if mode_first else theory.t_label) * (1.0 - AFTER)
        switches, values = [], [self.w_max if mode_first else 0.0]
        for x in (t, *(x for x in early.breakpoints if x > t)):
            if (w := float(early.w(x * (1.0 + AFTER)))) != values[-1]:
                switches.append(x)
                values.append(w)
        return self.solved(Piecewise(tuple(switches), tuple(values)))

    def reaching(self, lost: float, share: float) -> Schedule:
        """The early part with this window that loses as much as allowed; less, if none does."""
        low, high = math.log(self.problem.sigma2 + self.unguided.t_mode), math.log(self.problem.sigma2 + self.top)

        def excess(log_D: float) -> float:
            return self.solved(self.early(log_D, share)).K_div - self.unguided.K_div - lost

        if excess(low) <= 0.0:
            return self.early(low, share)
        return self.early(brentq(excess, low, high, xtol=1e-9), share)

    def best(self, lost: float) -> ModesTrajectory:
        """The window with the largest m(0) of those that lose as much."""
        from scipy.optimize import minimize_scalar

        tried: dict[float, ModesTrajectory] = {}

        def loss(share: float) -> float:
            try:
                theory = self.continued(self.reaching(lost, share))
            except ConvergenceError:
                return 0.0
            if theory.K_div - self.unguided.K_div > lost * (1.0 + TOLERANCE):
                return 0.0  # the label is decided before or after the window: a jump is no root
            tried[share] = theory
            return -float(theory.final.m)

        loss(0.0)
        if self.w_min < 0.0:
            minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded", options={"xatol": CLOSE})
        return max(tried.values(), key=lambda x: float(x.final.m))

    def same_mean(self, m: float) -> tuple[float, ModesTrajectory] | None:
        """The weakest constant guidance with this mean."""

        def excess(w: float) -> float:
            return float(self.solved(Constant(w)).final.m) - m

        strong = 0.25
        while excess(strong) < 0.0:
            strong *= 2.0
            if strong > 100.0:
                return None
        w = brentq(excess, 0.0, strong, xtol=1e-9)
        return w, self.solved(Constant(w))
