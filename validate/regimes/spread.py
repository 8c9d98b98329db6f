"""How the z of many numbers scatter: what no threshold on single numbers can see."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """How the z of n numbers scatter: 0 and 1 are expected if the error bars are right and nothing else is wrong.

    The errors are those of a mean over cells: m and v of one cell share their draws.
    """

    n: int
    mean: float
    mean_error: float
    rms: float
    rms_error: float

    def __str__(self) -> str:
        mean = f"mean {self.mean:+.2f} +- {self.mean_error:.2f} (expected 0)"
        return f"{mean}, r.m.s. {self.rms:.2f} +- {self.rms_error:.2f} (expected 1)"


def spread_of(cells: Sequence[Sequence[float]]) -> Spread:
    """Mean and root mean square over at least two independent cells, each with the z of its numbers.

    Examples
    --------
    >>> print(spread_of([[1.0, -1.0], [2.0, -2.0], [0.5, -0.5]]))
    mean +0.00 +- 0.00 (expected 0), r.m.s. 1.32 +- 0.43 (expected 1)
    """
    z = np.array([x for cell in cells for x in cell])
    mean, square = float(z.mean()), float(np.mean(z**2))
    moves = np.array([[sum(x - mean for x in cell), sum(x * x - square for x in cell)] for cell in cells])  # (cells, 2)
    errors = np.sqrt(len(cells) / (len(cells) - 1.0) * np.sum(moves**2, axis=0)) / len(z)
    rms = math.sqrt(square)
    return Spread(len(z), mean, float(errors[0]), rms, float(errors[1]) / (2.0 * rms) if rms > 0.0 else 0.0)
