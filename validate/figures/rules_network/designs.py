"""The designed window of every rule: what `design` makes of its amplitude for the moments of the classes.

Asked of the mean covariance of the classes at their rate log(10)/directions (`digits.schedules.design_problem`), for
the ODE, within -W/2 <= w <= W, from split 0. A rule has none where no amplitude keeps the variance and shifts the mean;
free coefficients have none, as their b is no amplitude. The SDE is given the same windows: within these bounds CFG has
none of its own there, as ten classes are close to the glass before late negative weights have paid back.
"""

from typing import Any

from meanfield import ByGroup, Piecewise, Problem, ProblemError, Schedule, design
from simulate.learned import Digits
from validate.figures.digits.schedules import design_problem
from validate.figures.rules_network.cells import SHAPES, W, in_theory

GIVEN = "free"  # its b(t) is given, and `design` turns amplitudes


def _window(close: float, switch: float) -> Schedule:
    return Piecewise([close, switch], [0.0, -0.5 * W, W])


# VE times at which w = -W/2 ends and begins; by `designed`, rounded: tests/extras makes some again.
WINDOWS: dict[str, dict[str, Schedule]] = {
    "digits": {
        "CFG": _window(8.109, 59.70),
        "rescale eps": _window(8.349, 57.70),
        "rescale x0": _window(5.407, 22.68),
        "CFG-Zero*": _window(8.220, 59.58),
        "tangential": _window(6.358, 43.42),
        "two bands": _window(6.267, 45.68),
    },
    "mnist": {
        "CFG": _window(1.765, 25.98),
        "rescale eps": _window(2.074, 23.27),
        "CFG-Zero*": _window(1.831, 27.11),
        "tangential": _window(1.242, 16.23),
        "two bands": _window(1.148, 19.34),
    },
}


def designed(rule: str, images: Digits, sampler: str = "ode") -> Schedule | None:
    """The amplitude of a rule, by `design`; None if there is none. Takes 10 s of processor time."""
    if rule == GIVEN:
        return None
    problem = design_problem(images, sampler)
    guided = problem.replace(guidance=stated(rule, problem))
    try:
        made: Any = design(guided, w_min=-0.5 * W, w_max=W, progress=False)
    except ProblemError:
        return None
    return made.schedule


def stated(rule: str, problem: Problem) -> Any:
    """The rule as it is designed: CFG as one too, so that all windows are of one family."""
    assert problem.spectrum is not None
    if rule == "CFG":
        return ByGroup(W, factors=[1.0] * len(problem.spectrum.c))
    return in_theory(rule, SHAPES["constant"], problem)
