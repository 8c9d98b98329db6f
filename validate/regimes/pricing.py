"""What the finite-d theories of a cell cost: a few of their samples are timed, on this machine, before the atlas runs.

Their work follows from balls and classes that no formula gives, but samples are independent and all alike, so a few of
them say what many cost: with T_n the processor time of n samples in one draw, a cell of N takes

    T_1 + (N - 1) (T_{1 + FEW} - T_1)/FEW.

The scatter of single samples averages out over the cells of an atlas. About a second for the quick one.
"""

import time
from typing import Any

from meanfield import Problem, quenched, reduced

THEORIES = {"reduced": reduced, "quenched": quenched}
FEW = {"reduced": 100, "quenched": 8}  # samples, of some milliseconds altogether


def theory_seconds(name: str, problem: Problem, d: int, settings: dict[str, Any]) -> float:
    """Predicted processor time of a finite-d theory, "reduced" or "quenched", with these settings (n_samples, ...).

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> theory_seconds("reduced", problem, 12, {"n_samples": 6400, "n_draws": 32, "n_steps": 60}) > 0.0
    True
    """
    one, few = (_timed(name, problem, d, {**settings, "n_samples": n, "n_draws": 1}) for n in (1, 1 + FEW[name]))
    return one + (settings["n_samples"] - 1) * max(few - one, 0.0) / FEW[name]


def _timed(name: str, problem: Problem, d: int, settings: dict[str, Any]) -> float:
    began = time.process_time()
    THEORIES[name](problem, d, n_times=2, threads=1, progress=False, **settings)
    return time.process_time() - began
