"""How the cost of a run grows with samples, classes, dimensions and steps: exponents over more than a decade each."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmarks.timing import cpu_seconds, growth
from meanfield import Fixed, Problem
from simulate import run

__all__ = ["AXES", "cost_growth"]

BASE = {"S": 128, "P": 10**4, "d": 24, "n_steps": 10}
Axis = tuple[str, tuple[int, ...], dict[str, int]]  # a size, its values, and what others are that are not those of BASE
AXES: tuple[Axis, ...] = (
    ("S", (128, 256, 512, 1024, 2048), {}),
    ("P", (10**4, 3 * 10**4, 10**5, 3 * 10**5), {}),
    ("d", (24, 48, 96, 192, 384), {}),
    ("d", (1000, 2500, 5000, 10**4), {"S": 64}),  # from d = P on nothing grows with d
    ("n_steps", (10, 20, 40, 80, 160), {}),
)


def cost_growth(axis: str, sizes: Sequence[int], repeats: int = 3, **others: int) -> dict:
    """Exponent of the CPU seconds of a whole run in one size, and its standard error; medians over turns.

    `last` is the exponent between the two largest sizes, where what happens once counts least.
    """
    base = {**BASE, **others}
    turns: list[list[float]] = [[] for _ in sizes]
    _whole(**base)  # compiled, or read from the cache, before anything is timed
    for _ in range(repeats):
        for size, seconds in zip(sizes, turns, strict=True):
            seconds.append(cpu_seconds(partial(_whole, **{**base, axis: size})))
    medians = [float(np.median(seconds)) for seconds in turns]
    exponent, error = growth(list(sizes), medians)
    last = float(np.log(medians[-1] / medians[-2]) / np.log(sizes[-1] / sizes[-2]))
    return {"axis": axis, "sizes": list(sizes), "seconds": medians, "exponent": exponent, "stderr": error, "last": last}


def _whole(S: int, P: int, d: int, n_steps: int) -> None:
    problem = Problem(classes=Fixed(P), sigma2=0.25, guidance=1.0, sampler="sde", t_start=100.0)
    run(problem, d=d, n_samples=S, n_disorder=1, n_steps=n_steps, n_times=2, threads=1, progress=False)
