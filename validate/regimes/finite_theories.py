"""The theories of finite d beside a cell of the atlas: which there are, with what effort, and what they will cost.

Their work follows from balls and classes that no formula gives. But samples are independent and all alike, so a few
are timed on this machine before the atlas runs: with T_n the processor time of n samples in one draw, N of them take

    T_1 + (N - 1) (T_{1 + FEW} - T_1)/FEW.

The scatter of single samples averages out over the cells. About a second for the quick atlas.
"""

import math
import time
from functools import cache
from typing import Any

from meanfield import Exponential, Problem, quenched, reduced, solve
from validate.regimes.groups import OF_ODE, annealed_error, exact_at_every_d

THEORIES = {"reduced": reduced, "quenched": quenched}
SETTINGS: dict[str, dict[str, Any]] = {
    "reduced": {"n_samples": 6400, "n_draws": 32, "n_steps": 60},
    "quenched": {"n_samples": 1248, "n_draws": 48, "n_steps": 60, "tolerance": 0.05},
}
QUENCHED_D = (4, 64)  # the dimensions at which the quenched theory is computed
FEW = {"reduced": 100, "quenched": 8}  # samples that are timed: of some milliseconds altogether


def bound_at(problem: Problem, d: int) -> float:
    """`annealed_error` at this d, 0 where mean field is exact."""
    return 0.0 if exact_at_every_d(problem, d) else annealed_error(solve(problem, d), d)


def wanted_at(problem: Problem, d: int) -> dict[str, bool]:
    """Which theories say more at this d than mean field."""
    exact = exact_at_every_d(problem, d)
    finite = not exact and math.isfinite(bound_at(problem, d))
    return {"reduced": finite, "quenched": not exact and QUENCHED_D[0] <= d <= QUENCHED_D[1]}


def settings_of(name: str, problem: Problem) -> dict[str, Any]:
    """Effort of a theory, "reduced" or "quenched"; fewer samples of an ODE, of which the twin explains more.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0, sampler="ode")
    >>> settings_of("quenched", problem)["n_samples"]
    768
    """
    settings, share = SETTINGS[name], OF_ODE if problem.eta == 0.0 else 1.0
    draws = settings["n_draws"]
    return {**settings, "n_samples": draws * math.ceil(share * settings["n_samples"] / draws)}


def seconds_of(name: str, problem: Problem, d: int) -> float:
    """Predicted processor time of a theory at this d."""
    _compile(name)
    settings = settings_of(name, problem)
    one, few = (_timed(name, problem, d, {**settings, "n_samples": n, "n_draws": 1}) for n in (1, 1 + FEW[name]))
    return one + (settings["n_samples"] - 1) * max(few - one, 0.0) / FEW[name]


@cache
def _compile(name: str) -> None:
    """Once: what is compiled at first use is no cost of a cell."""
    problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    _timed(name, problem, 12, {"n_samples": 1, "n_draws": 1, "n_steps": 20})


def _timed(name: str, problem: Problem, d: int, settings: dict[str, Any]) -> float:
    began = time.process_time()
    THEORIES[name](problem, d, n_times=2, threads=1, progress=False, **settings)
    return time.process_time() - began
