"""A batch of samples in d directions on which a sampler's code runs: its order parameters, averaged call by call.

States are those of the code, in original coordinates; m and v of a group of directions are those of whitened ones (sec.
6 of docs/theory.md), unbiased at every d. A theory at finite d or drawn classes add what they know: `centres`.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from meanfield.errors import require
from meanfield.problem.statement import Problem
from meanfield.tools.crew import Crew

NEAR = 1e-12  # of the class variance: a rule is not asked closer to t = 0
CHUNK = 256  # rows that a thread takes at a time
POSTERIOR = ("weight", "log_odds", "participation", "accuracy")
Result = TypeVar("Result")


class Rows:
    """Chunks of `n` rows, for `threads` threads.

    Examples
    --------
    >>> Rows(600, threads=2).map(lambda part: part.stop - part.start)
    [256, 256, 88]
    """

    def __init__(self, n: int, threads: int = 1, chunk: int = CHUNK) -> None:
        self.parts = [slice(i, min(i + chunk, n)) for i in range(0, n, chunk)]
        self._threads, self._crew = min(threads, len(self.parts)), Crew(1)

    def map(self, work: Callable[[slice], Result]) -> list[Result]:
        """work(part) of every chunk, in their order."""
        self._crew = Crew(self._threads)  # one computation each
        try:
            return self._crew.run(work, self.parts)
        finally:
            self._crew = Crew(1)

    def check(self) -> None:
        """Called by a long chunk: raises if the others have been given up (`meanfield.tools.crew`)."""
        self._crew.check()


class Batch:
    """What a `Space` has but `centres`, for samples in d directions.

    Parameters
    ----------
    problem : with the spectrum that d realises.
    shape : of the code's arrays, (samples, ...).
    target : mu_1 in whitened coordinates, (d,), |mu_1|^2 = d_i in every group.
    second : mu_2 there, of all samples (d,) or of each (samples, d); None unless guidance has a second condition.
    counts : directions of every group; None without a spectrum.
    threads : that share the samples, `chunk` at a time.
    tick : called when the batch has been looked at, once for every call of the model and for the end.
    """

    def __init__(
        self,
        problem: Problem,
        shape: tuple[int, ...],
        target: np.ndarray,
        counts: tuple[int, ...] | None,
        threads: int = 1,
        tick: Callable[[], None] = lambda: None,
        chunk: int = CHUNK,
        second: np.ndarray | None = None,
    ) -> None:
        s = problem.spectrum
        self.problem, self.shape, self.counts = problem, shape, counts
        self.sizes = np.array([len(target)] if counts is None else counts)
        self.g = np.ones(1) if s is None else s.g
        self.variances = np.atleast_1d(problem.sigma2 if s is None else np.array(s.c, float))
        self.root_g: Any = 1.0 if s is None else np.repeat(np.sqrt(self.g), self.sizes)
        self.white, self.target = target, target * self.root_g
        rule = "guidance with a second condition needs three directions in every group"
        require(second is None or self.sizes.min() >= 3, rule, self.sizes.tolist(), "Use a larger d.")
        self.second = None if second is None else np.broadcast_to(second, (shape[0], len(target)))
        self.rows, self._tick = Rows(shape[0], threads, chunk), tick
        self._first = np.cumsum(self.sizes) - self.sizes
        self.seen: list[np.ndarray] = []

    def scaled(self, factors: Any, x: np.ndarray) -> np.ndarray:
        """See `Space`."""
        factors = np.atleast_1d(factors)
        return factors[0] * x if len(factors) == 1 else np.repeat(factors, self.sizes) * x

    def D(self, t: float) -> Any:
        """(c + t)/g of every direction (d,), a number without a spectrum."""
        D = (self.variances + t) / self.g
        return D[0] if self.counts is None else np.repeat(D, self.counts)

    def bend(self, difference: np.ndarray, D: Any) -> Any:
        """The factor of a weight that follows |s_c - s_u|/d^(1/2), (samples, 1); difference = D (s_c - s_u)."""
        exponent = self.problem.schedule.exponent
        if not exponent:
            return 1.0
        norm = np.linalg.norm(difference / D, axis=1, keepdims=True) / math.sqrt(difference.shape[1])
        return np.power(norm, exponent, where=norm > 0, out=np.zeros_like(norm))

    def guide(self, y: np.ndarray, t: float, w: float, others: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
        """The guided M of y (samples, d), some rows of the batch, whose unconditional M is `others`."""
        rule = self.problem.schedule
        if not rule.by_rule:
            difference = self.target - others
            return self.target + w * self.bend(difference, self.D(t)) * difference
        variances: Any = self.variances[0] if self.counts is None else np.repeat(self.variances, self.sizes)
        weight = w if rule.factors is None else np.repeat(w * np.array(rule.factors), self.sizes)
        second = () if self.second is None else (self.second[rows] * self.root_g,)
        return guided_centre(rule, y, self.target, others, t, weight, variances, math.sqrt(y.shape[1]), *second)

    def order(self, y: np.ndarray) -> np.ndarray:
        """Means over the batch of m and v, and of m_2 if there is a second condition, of every group, (2 or 3 groups,).

        v is the variance across mu_1, or across both means.
        """
        n, white = self.sizes, y / self.root_g
        m = self._sums(white * self.white) / n  # (samples, groups)
        square = self._sums(white * white) - n * m**2
        if self.second is None:
            return np.concatenate([m.mean(axis=0), (square / (n - 1)).mean(axis=0)])
        m_2 = self._sums(white * self.second) / n
        overlap = self._sums(self.second * self.white) / n  # mu_2 = overlap mu_1 + what is across
        across = self._sums(self.second**2) / n - overlap**2
        v = (square - n * (m_2 - overlap * m) ** 2 / across) / (n - 2)
        return np.concatenate([m.mean(axis=0), v.mean(axis=0), m_2.mean(axis=0)])

    def _sums(self, x: np.ndarray) -> np.ndarray:
        """Sums over the directions of every group, (samples, groups)."""
        return np.add.reduceat(x, self._first, axis=1)

    def record(self, y: np.ndarray, *posterior: np.ndarray) -> None:
        """Keep the order parameters and the means of what the posterior of every sample says (`POSTERIOR`)."""
        self.seen.append(np.concatenate([self.order(y), [np.mean(x, dtype=float) for x in posterior]]))
        self._tick()


def guided_centre(
    rule: Any, y: Any, target: Any, others: Any, t: float, w: Any, variances: Any, unit: float, *second: Any
) -> Any:
    """The M for which (P1) is what a rule makes of the predictions with M = target and M = others, and M = second."""
    t = max(t, NEAR * float(np.min(variances)))
    k = 1.0 / (variances + t)
    every = ((k * (variances * y + t * M)) / unit for M in (target, others, *second))
    cond, uncond, *more = (np.broadcast_to(prediction, y.shape) for prediction in every)
    made = rule.apply(y / unit, cond, uncond, t, w, variances, *more)
    return target + (made - cond) * unit / (k * t)


def overall(problem: Problem, m: np.ndarray, v: np.ndarray, m_2: Any = 0.0) -> tuple[np.ndarray, ...]:
    """m, v and q of all directions in original coordinates, from those of groups (..., groups), whitened."""
    weight = _weight(problem)
    return along(problem, m), v @ weight, (m**2 + m_2**2 + v) @ weight


def along(problem: Problem, m: np.ndarray) -> np.ndarray:
    """The overlap of all directions in original coordinates, from those of groups (..., groups), whitened."""
    weight = _weight(problem)
    return m @ weight / weight.sum()


def _weight(problem: Problem) -> np.ndarray:
    """Share of the dimensions times variance of the means, of every group."""
    s = problem.spectrum
    return np.ones(1) if s is None else np.array(s.share) * s.g


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """log(1/(1 + exp(-x))) without overflow."""
    return -np.logaddexp(0.0, -x)
