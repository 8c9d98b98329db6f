"""CPU seconds of several methods that take turns, so that whatever else the machine does meets all of them alike."""

import time
from collections.abc import Callable

import numpy as np

COMPILED = 10.0  # CPU seconds that no compilation of a kernel takes

__all__ = ["alternate", "cpu_seconds", "growth", "ratio", "sgemm"]


def cpu_seconds(call: Callable[[], object], number: int = 1) -> float:
    """CPU seconds of one call, all threads of this process together, averaged over `number` calls."""
    begin = time.process_time()
    for _ in range(number):
        call()
    return (time.process_time() - begin) / number


def alternate(calls: dict[str, Callable[[], object]], repeats: int = 5, least: float = 0.02) -> dict[str, list[float]]:
    """CPU seconds a call of every method, `repeats` turns each, after calls that warm up.

    A turn is as many calls as take `least` seconds. The first call may compile, so that the second sets their number;
    where the first takes longer than any compilation, a turn is one call.

    Examples
    --------
    >>> seconds = alternate({"a": lambda: sum(range(100)), "b": lambda: None}, repeats=3, least=1e-4)
    >>> [len(turns) for turns in seconds.values()]
    [3, 3]
    """
    number = {}
    for name, call in calls.items():
        first = cpu_seconds(call)
        again = first if first > COMPILED else cpu_seconds(call)
        number[name] = max(1, int(least / max(again, 1e-7)))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            seconds[name].append(cpu_seconds(call, number[name]))
    return seconds


def ratio(above: list[float], below: list[float]) -> tuple[float, float]:
    """Median of the ratios of turns that followed each other, and half their spread between the quartiles.

    Examples
    --------
    >>> ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    (2.0, 0.0)
    """
    pairs = np.array(above) / np.array(below)
    low, middle, high = np.percentile(pairs, [25, 50, 75])
    return float(middle), float(high - low) / 2


def growth(sizes: list[float], seconds: list[float]) -> tuple[float, float]:
    """Exponent a of seconds ~ size^a by least squares in the logarithms, and its standard error.

    Examples
    --------
    >>> growth([1, 10, 100], [2, 20, 200])
    (1.0, 0.0)
    """
    x, y = np.log(sizes), np.log(seconds)
    slope, intercept = np.polyfit(x, y, 1)
    rest = y - slope * x - intercept
    error = np.sqrt(np.sum(rest**2) / (len(x) - 2) / np.sum((x - x.mean()) ** 2))
    return round(float(slope), 9), round(float(error), 9)


def sgemm(n: int = 1024) -> Callable[[], object]:
    """A product of two float32 matrices n x n, 2 n^3 operations: what BLAS makes of this machine at this moment."""
    a = np.ones((n, n), np.float32)
    out = np.empty_like(a)
    return lambda: np.matmul(a, a, out=out)
