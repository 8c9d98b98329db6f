"""The theories of finite d beside a cell of the atlas: which there are, with what effort, and what they will cost.

Their work follows from balls and classes that no formula gives. But samples are independent and all alike, so a few
are timed on this machine before the atlas runs: with T_n the processor time of n samples in one draw, N of them take

    T_a + (N - a) (T_b - T_a)/(b - a).

The scatter of single samples averages out over the cells. Three seconds for the quick atlas.
"""

import math
import time
from functools import cache
from typing import Any

from meanfield import Exponential, Fixed, Hierarchy, Problem, few_classes, many_classes, quenched, reduced, solve
from meanfield.exact.crossover import holds
from meanfield.finite.few import CORRECTED, applies
from validate.regimes.groups import OF_ODE, VANISHING, annealed_error, exact_at_every_d
from validate.regimes.trees import is_tree

THEORIES = {"reduced": reduced, "quenched": quenched, "few": few_classes}
SETTINGS: dict[str, dict[str, Any]] = {
    "reduced": {"n_samples": 6400, "n_draws": 32, "n_steps": 60},
    "quenched": {"n_samples": 1248, "n_draws": 48, "n_steps": 60, "tolerance": 0.05},
    "few": {"n_samples": 20_480, "n_draws": 32, "n_steps": 200},
}
QUENCHED_D = (4, 64)  # the dimensions at which the quenched theory is computed
FEW_SHARE, FEW_LEAST = 4, 1024  # of few classes: a quarter of the particles', whose error is several times theirs
OF_TREE = 10_000  # samples of the quenched theory of a tree, at most: as many as particles, as no twin helps either
TIMED = {"reduced": (1, 101), "quenched": (1, 9), "few": (64, 128)}  # a and b: some milliseconds altogether
MANY = (2, 6)  # of few classes that are too many for the order 1/d


def bound_at(problem: Problem, d: int) -> float:
    """`annealed_error` at this d, 0 where mean field is exact; infinite for a tree, which `reduced` does not know."""
    if is_tree(problem):
        return math.inf
    return 0.0 if exact_at_every_d(problem, d) else annealed_error(solve(problem, d), d)


def wanted_at(problem: Problem, d: int) -> dict[str, bool]:
    """Which theories say more at this d than mean field; `reduced` where an extrapolation has its effect taken out, or
    nothing better is known."""
    within = QUENCHED_D[0] <= d <= QUENCHED_D[1]
    if isinstance(problem.classes, Hierarchy):
        return {"reduced": False, "quenched": within and problem.classes.spread == 0.0, "few": False}
    exact = exact_at_every_d(problem, d)
    many, few = not exact and holds(problem, d), not exact and applies(problem, d)
    near = not exact and within and not many
    better = isinstance(problem.classes, VANISHING) and (many or few or near)
    finite = not exact and not better and math.isfinite(bound_at(problem, d))
    return {"reduced": finite, "quenched": near, "few": few}


def many_at(problem: Problem, d: int) -> dict[str, float]:
    """m(0) and v(0) of so many classes that they are known to the order 1/P; nan where that does not hold.

    Examples
    --------
    >>> from meanfield import Fixed, Problem
    >>> problem = Problem(classes=Fixed(100), sigma2=0.25, guidance=1.0)
    >>> many_at(problem, 4), round(many_at(problem.replace(classes=Fixed(2500)), 4)["m"], 4)
    ({'m': nan, 'v': nan}, 1.2025)
    """
    if is_tree(problem) or exact_at_every_d(problem, d) or not holds(problem, d):
        return {"m": math.nan, "v": math.nan}
    found = many_classes(problem, d)
    return {"m": found.m, "v": found.v}


def settings_of(name: str, problem: Problem, particles: float = math.inf) -> dict[str, Any]:
    """Effort of a theory beside so many particles; fewer samples of an ODE, of which the twin explains more; of a tree,
    without a twin, as many as there are particles.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0, sampler="ode")
    >>> settings_of("quenched", problem)["n_samples"]
    768
    """
    settings, draws = SETTINGS[name], SETTINGS[name]["n_draws"]
    if name == "few":
        number = min(settings["n_samples"], max(FEW_LEAST, particles // FEW_SHARE))
    elif is_tree(problem):
        number = min(OF_TREE, particles)
    else:
        number = settings["n_samples"] * (OF_ODE if problem.eta == 0.0 else 1.0)
    return {**settings, "n_samples": draws * math.ceil(number / draws)}


def seconds_of(name: str, problem: Problem, d: int, particles: float = math.inf) -> float:
    """Predicted processor time of a theory at this d, beside so many particles."""
    _compile(name, is_tree(problem))
    settings = settings_of(name, problem, particles)
    many = name == "few" and problem.classes.log_count(d) > math.log(CORRECTED)
    a, b = MANY if many else TIMED[name]
    first, second = (_timed(name, problem, d, {**settings, "n_samples": n, "n_draws": 1}) for n in (a, b))
    return first + (settings["n_samples"] - a) * max(second - first, 0.0) / (b - a)


@cache
def _compile(name: str, tree: bool) -> None:
    """Once: what is compiled at first use is no cost of a cell."""
    classes, d = (Fixed(10), 100) if name == "few" else (Exponential(alpha=0.4), 12)
    problem = Problem(classes=classes, sigma2=0.25, guidance=1.0)
    if tree:
        problem = problem.replace(classes=Hierarchy((0.1, 0.3), rho=0.7), t_start=1000.0)
    _timed(name, problem, d, {"n_samples": 2, "n_draws": 1, "n_steps": 60})


def _timed(name: str, problem: Problem, d: int, settings: dict[str, Any]) -> float:
    began = time.process_time()
    THEORIES[name](problem, d, n_times=2, threads=1, progress=False, **settings)
    return time.process_time() - began
