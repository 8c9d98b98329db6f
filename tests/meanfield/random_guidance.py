"""Guidance that varies with time, at random, for maps against `solve`."""

import numpy as np

from meanfield import Interval, Linear, Piecewise, Schedule, Tabulated


def random_schedule(rng: np.random.Generator) -> Schedule:
    """A line, a window, steps, or a table, over times from 0.1 to 30."""
    times = np.sort(10 ** rng.uniform(-1, 1.5, 3))
    return [
        Linear(rng.uniform(-2, 3), 10 ** rng.uniform(-2, 0.3)),
        Interval(rng.uniform(0, 8), times[0], times[1]),
        Piecewise(times, rng.uniform(-1, 6, 4)),
        Tabulated(times, rng.uniform(-1, 6, 3)),
    ][rng.integers(4)]
