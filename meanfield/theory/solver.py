"""`solve`: the mean-field equations (T1)-(T7), with a spectrum (S1)-(S9), from the start to t = 0, phase after phase.

`path` has the rules for changes of phase, `phases` and `motion` the equations. Time is tau = -log(a + t), a the least
class variance. A crowd is a sum of quadratures (`crowd`), the target is closed-form; the rest is left to LSODA
(`integration`), which turns implicit where strong guidance makes the equation stiff. Events are roots of the
polynomials of either, as accurate as the solution itself.
"""

import math
import warnings

from meanfield.errors import ConvergenceError, checked, short
from meanfield.problem.growth import Fixed
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.theory.modes.following import first_stage, follow
from meanfield.theory.pairs.path import PairPath
from meanfield.theory.pairs.trajectory import PairTrajectory, SpectralPairTrajectory
from meanfield.theory.path import Path
from meanfield.theory.trajectory import SpectralTrajectory, Trajectory
from meanfield.tools.door import door
from meanfield.tools.memory import require_memory

GROUP_BYTES = 2**16  # that the solution of a group of directions takes, measured: 25 to 50 kB
LEAST_RATE = 1e-20  # log(P)/d, unless it is 0: below, 1/D^2 is lost beside 1/D


@door()
def solve(problem: Problem, d: float = math.inf, *, capture: bool = True) -> Trajectory:
    """Solve the mean-field dynamics of a problem.

    Parameters
    ----------
    problem : what to solve.
    d : dimension, >= 1; infinite by default. A finite d replaces alpha by log(P)/d in the same equations (and lambda by
        log(factor)/d): give it for classes and directions of your own, whose number is fixed (`UserWarning` otherwise).
    capture : False leaves out the rule (T7c): wrong in a glass with w < 0, and there to see what the rule does.

    Returns
    -------
    Trajectory : m, v, q, F and phase over decreasing t; `final` is t = 0. With a spectrum a `SpectralTrajectory`,
        which has m_group, v_group by group of directions besides; for classes with many modes (`Hierarchy`) a
        `ModesTrajectory`.

    Raises
    ------
    ConvergenceError : the integration failed; nan is never returned.
    ProblemError : 0 < log(P)/d < 1e-20, or |w| > 1e20: as good as 0 and infinity.
    ScheduleError : the schedule is not finite somewhere on the way.

    Examples
    --------
    >>> from meanfield import Exponential, Problem, solve
    >>> theory = solve(Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0, sampler="sde"))
    >>> print(f"{theory.final.m:.5f} {theory.final.v:.5f} {theory.t_speciation:.5f}")
    1.07555 0.24264 2.05894
    """
    d = checked("d", d, low=1, infinite=True)
    if isinstance(problem.classes, Hierarchy):
        return follow(problem, d, solve(first_stage(problem, d), capture=capture))  # type: ignore[return-value]
    problem.require_no_ratio("solve", "It acts at D ~ d alone, not at d = infinity; fade has its theory at finite d.")
    if problem.spectrum is not None:
        needed = GROUP_BYTES * len(problem.spectrum)
        what = f"{len(problem.spectrum)} groups of directions need {needed / 2**30:.3g} GiB"
        require_memory(needed, what, "use a spectrum of fewer groups")
        problem = problem.replace(spectrum=problem.spectrum.at(d))  # the shares that d realises
        _warn_of_infinite_d(problem, d)
    alpha, rates = problem.classes.rate(d), problem.classes.rates(d)
    for rate, _ in rates:
        require_rate(rate)
    problem.require_usual_weight()
    problem.require_start()
    second = problem.schedule.second
    path = PairPath(problem, alpha) if second else Path(problem, rates, capture)
    try:
        standing = path.run(d)
    except ArithmeticError as cause:
        raise ConvergenceError(
            f"the mean-field equations must have a finite solution; with {short(problem)} there is none in double "
            f"precision ({cause}). Less extreme numbers help."
        ) from cause
    kinds = (PairTrajectory, SpectralPairTrajectory) if second else (Trajectory, SpectralTrajectory)
    return kinds[problem.spectrum is not None](problem, d, alpha, tuple(path.pieces), tuple(path.events), standing)


def require_rate(alpha: float) -> None:
    """Refuse a rate log(P)/d at which no solution is to be had in double precision."""
    if alpha > 0.0:
        remedy = "Take d = infinity, or a larger alpha: as small a rate is 0 to all digits."
        checked("log(P)/d", alpha, low=LEAST_RATE, infinite=True, remedy=remedy)


def _warn_of_infinite_d(problem: Problem, d: float) -> None:
    """A fixed number of classes in infinitely many directions tells nothing of as many in those of a spectrum."""
    P, spectrum = problem.classes, problem.spectrum
    if math.isinf(d) and isinstance(P, Fixed) and P.n > 1 and spectrum is not None:
        own = math.ceil(1.0 / min(spectrum.share) - 1e-9)  # type: ignore[type-var, arg-type]
        warnings.warn(
            f"{P!r} at d = infinity has the rate log(P)/d = 0: classes so rare that guidance distorts nothing. For "
            f"{P.n} classes in as many directions as you have, take solve(problem, d={own}) where every group is "
            f"one direction, or Exponential(log({P.n})/d).",
            stacklevel=3,
        )
