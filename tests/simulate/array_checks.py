"""Runs on the arrays of a library beside the compiled ones: shared by tests of the array API and of torch."""

import numpy as np

from meanfield import Fixed, Interval, Populations, Problem, Spectrum
from simulate import run

SIZE = {"d": 10, "n_samples": 12, "n_disorder": 2, "n_steps": 14, "n_times": 4, "dtype": "float64", "progress": False}
PROBLEM = Problem(classes=Fixed(40), sigma2=0.25, guidance=1.0, sampler="sde")
CASES = {
    "sde": ({}, {}),
    "ode": ({"sampler": "ode", "t_start": 50.0}, {}),
    "alone": ({"classes": Fixed(1), "t_start": 20.0}, {}),
    "span": ({"classes": Fixed(4), "t_start": 20.0}, {}),
    "weights": ({"classes": Populations([0.3, 0.2], [-0.02, 0.06]), "t_start": 20.0}, {}),
    "spectrum": (
        {"spectrum": Spectrum(c=[0.25, 0.25], u=[1.25, 4.25], share=[0.4, 0.6]), "t_start": 20.0},
        {"noise_refinement": 2},
    ),
    "interval": ({"guidance": Interval(2.0, 0.5, 5.0), "t_start": 20.0}, {}),
    "too long": ({"guidance": -0.5, "t_start": 1e4}, {"n_steps": 5}),
}


def difference(a, b) -> float:
    """Largest difference between any averages of two runs; nan where both are nan is none."""
    assert a.draws.keys() == b.draws.keys()
    pairs = [(a.draws[name], b.draws[name]) for name in a.draws]
    assert all(np.array_equal(np.isnan(x), np.isnan(y)) for x, y in pairs)
    return max(float(np.nanmax(np.abs(x - y) / (1.0 + np.abs(y)), initial=0.0)) for x, y in pairs)


def off(xp, case: str, stated: dict | None = None, **settings) -> float:
    """Largest difference of a run on arrays of `xp` to the compiled one, where the former has what is `stated` besides
    and the `settings`."""
    problem, options = PROBLEM.replace(**CASES[case][0]), SIZE | CASES[case][1]
    return difference(run(problem.replace(**(stated or {})), xp=xp, **options | settings), run(problem, **options))
