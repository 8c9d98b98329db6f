"""Noise samplers of stochastic solvers of second order: increments of one Brownian path, whatever intervals are asked.

Such a solver asks for W(s') - W(s), in units of its standard deviation |s' - s|^(1/2), over intervals that overlap: its
half step and its whole step. The path is made of the sampler's own draws as it is asked for: forward by independent
increments, between two known times by the Brownian bridge

    W(s) = W_1 + (s - s_1)/(s_2 - s_1) (W_2 - W_1) + ((s - s_1)(s_2 - s)/(s_2 - s_1))^(1/2) z.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any


class BrownianPath:
    """f(s, s') -> the scaled increment of a path; `noise` gives its normals.

    Examples
    --------
    >>> draws = iter([1.0, 3.0])
    >>> path = BrownianPath(lambda: next(draws))
    >>> whole = path(4.0, 0.0)
    >>> round(path(4.0, 2.0), 4), round(path(2.0, 0.0), 4)     # W(2) = 1 + 3 between W(4) = 0 and W(0) = 2
    (2.8284, -1.4142)
    >>> whole
    1.0
    """

    def __init__(self, noise: Callable[[], Any]) -> None:
        self._noise, self._times, self._values = noise, [], []  # type: ignore[var-annotated]

    def __call__(self, s: Any, after: Any) -> Any:
        s, after = float(s), float(after)
        start, end = self._at(s), self._at(after)
        return (end - start) / math.sqrt(abs(after - s))

    def _at(self, s: float) -> Any:
        times, values = self._times, self._values
        i = bisect_left(times, s)
        if i < len(times) and times[i] == s:
            return values[i]
        if not times:
            value = 0.0
        elif 0 < i < len(times):
            (s1, s2), (W1, W2) = times[i - 1 : i + 1], values[i - 1 : i + 1]
            share = (s - s1) / (s2 - s1)
            value = W1 + share * (W2 - W1) + math.sqrt((s - s1) * (1.0 - share)) * self._noise()
        else:
            near = min(i, len(times) - 1)
            value = values[near] + math.sqrt(abs(s - times[near])) * self._noise()
        times.insert(i, s)
        values.insert(i, value)
        return value
