"""The theory side: CPU milliseconds of `solve`, and points of a phase diagram a second.

Each call solves another sigma2, so that nothing kept from an earlier call can answer.
"""

import time
from collections.abc import Iterator
from functools import partial
from itertools import count

import numpy as np

from benchmarks.timing import alternate
from meanfield import Continuum, Exponential, Interval, Linear, Problem, phase_diagram, solve

__all__ = ["PROBLEMS", "diagram_rate", "solve_milliseconds"]

FORTY = Exponential(alpha=0.4)
PROBLEMS: dict[str, tuple[str, dict]] = {  # name: (kind, fields)
    "constant w, SDE": ("closed form", {"classes": FORTY, "guidance": 1.0, "sampler": "sde"}),
    "constant w, ODE": ("closed form", {"classes": FORTY, "guidance": 1.0, "sampler": "ode"}),
    "continuum of classes": ("closed form", {"classes": Continuum(), "guidance": 1.0}),
    "from t = 1000": ("closed form", {"classes": FORTY, "guidance": 1.0, "t_start": 1000.0}),
    "negative w, glass": ("general", {"classes": FORTY, "guidance": -0.5}),
    "strong w, glass": (
        "general",
        {"classes": Exponential(0.45), "guidance": 10.0, "sampler": "ode", "t_start": 1000.0},
    ),
    "interval": ("general", {"classes": FORTY, "guidance": Interval(2.0, 1.0, 10.0), "t_start": 1000.0}),
    "linear": ("general", {"classes": FORTY, "guidance": Linear(-0.5, 0.1), "t_start": 100.0}),
    "a function of t": ("general", {"classes": FORTY, "guidance": lambda t: np.sin(t) ** 2, "t_start": 100.0}),
}


def solve_milliseconds(repeats: int = 5, least: float = 0.05) -> list[dict]:
    """CPU milliseconds of one `solve` by problem."""
    sigma2 = (0.25 + 1e-6 * n for n in count())
    turns = alternate({name: partial(_solve, fields, sigma2) for name, (_, fields) in PROBLEMS.items()}, repeats, least)
    return [{"problem": name, "kind": PROBLEMS[name][0], "ms": 1e3 * float(np.median(t))} for name, t in turns.items()]


def diagram_rate(points: int = 40) -> dict[str, float]:
    """Points a second, by wall clock and all processors, and CPU seconds a point, of an alpha-w diagram."""
    problem = Problem(classes=FORTY, sigma2=0.25, guidance=1.0)
    grid = partial(phase_diagram, problem, progress=False)
    grid(
        x=("alpha", np.linspace(0.3, 0.5, 3)), y=("w", np.linspace(0.5, 1.0, 3))
    )  # compiles, or loads what is compiled
    wall, cpu = time.perf_counter(), time.process_time()
    grid(x=("alpha", np.linspace(0.1, 0.9, points)), y=("w", np.linspace(-0.8, 3.0, points)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"points": points**2, "points_per_second": points**2 / wall, "cpu_ms_per_point": 1e3 * cpu / points**2}


def _solve(fields: dict, sigma2: Iterator[float]) -> None:
    assert np.isfinite(solve(Problem(sigma2=next(sigma2), **fields)).final.m)
