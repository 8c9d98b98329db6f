"""A batch of samples in d directions on which a sampler's code runs: its order parameters, averaged call by call.

States are those of the code, in original coordinates; m and v of a group of directions are those of whitened ones (sec.
6 of docs/theory.md), unbiased at every d. A theory at finite d or drawn classes add what they know: `centres`.
"""

from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.statement import Problem
from meanfield.sampler.code import Sampler, run_code
from meanfield.sampler.unguided import Undistorted

POSTERIOR = ("weight", "log_odds", "participation", "accuracy")


class Batch:
    """What a `Space` has but `centres`, for samples in d directions.

    Parameters
    ----------
    problem : with the spectrum that d realises.
    shape : of the code's arrays, (samples, ...).
    target : mu_1 in whitened coordinates, (d,), |mu_1|^2 = d_i in every group.
    counts : directions of every group; None without a spectrum.
    """

    def __init__(
        self, problem: Problem, shape: tuple[int, ...], target: np.ndarray, counts: tuple[int, ...] | None
    ) -> None:
        s = problem.spectrum
        self.problem, self.shape, self.counts = problem, shape, counts
        self.sizes = np.array([len(target)] if counts is None else counts)
        self.g = np.ones(1) if s is None else s.g
        self.variances = np.atleast_1d(problem.sigma2 if s is None else np.array(s.c, float))
        self.root_g: Any = 1.0 if s is None else np.repeat(np.sqrt(self.g), self.sizes)
        self.white, self.target = target, target * self.root_g
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

    def order(self, y: np.ndarray) -> np.ndarray:
        """Means over the batch of m and v of every group, (2 groups,)."""
        n, white = self.sizes, y / self.root_g
        m = np.add.reduceat(white * self.white, self._first, axis=1) / n  # (samples, groups)
        v = (np.add.reduceat(white * white, self._first, axis=1) - n * m**2) / (n - 1)
        return np.concatenate([m.mean(axis=0), v.mean(axis=0)])

    def record(self, y: np.ndarray, *posterior: np.ndarray) -> None:
        """Keep the order parameters and the means of what the posterior of every sample says (`POSTERIOR`)."""
        self.seen.append(np.concatenate([self.order(y), [np.mean(x, dtype=float) for x in posterior]]))


class Averages(NamedTuple):
    """Averages of a batch: VE times (calls + 1,), those of the samples and of their twins, (calls + 1, numbers)."""

    t: np.ndarray
    guided: np.ndarray
    twin: np.ndarray


def run_batch(problem: Problem, sampler: Sampler, space: Any, noises: Any, xp: Any = None) -> Averages:
    """Run the code on a batch and on its unguided twin, which has the same noise.

    Parameters
    ----------
    space : a `Batch` with `centres`, and `look(y, t)` that records.
    noises : called without arguments before either run, gives a function that draws normals (samples, d) in sequence.
    """
    ran = run_code(problem, sampler, space, noises(), xp)
    space.look(ran.x, 0.0)
    guided = np.array(space.seen)
    seen: list[np.ndarray] = []
    alone = Undistorted(space, lambda y, t: seen.append(space.order(y)))
    with np.errstate(all="ignore"):  # a rule that divides by the difference of two predictions
        twin = run_code(problem, sampler, alone, noises(), xp)
    seen.append(space.order(twin.x))
    return Averages(np.append(ran.times, 0.0), guided, np.array(seen))


def overall(problem: Problem, m: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """m, v and q of all directions in original coordinates, from those of groups (..., groups), whitened."""
    s = problem.spectrum
    weight = np.ones(1) if s is None else np.array(s.share) * s.g
    return m @ weight / weight.sum(), v @ weight, (m**2 + v) @ weight


def observables(problem: Problem, draws: list[Averages]) -> dict[str, np.ndarray]:
    """The averages of all draws by name, (draws, calls + 1), as an `Ensemble` has them."""
    n = 1 if problem.spectrum is None else len(problem.spectrum)
    guided, twin = np.array([x.guided for x in draws]), np.array([x.twin for x in draws])
    m, v, m_twin, v_twin = guided[..., :n], guided[..., n : 2 * n], twin[..., :n], twin[..., n:]
    named = dict(zip(("m", "v", "q"), overall(problem, m, v), strict=True))
    named["m_twin"], named["v_twin"], _ = overall(problem, m_twin, v_twin)
    named |= {name: guided[..., 2 * n + i] for i, name in enumerate(POSTERIOR)}
    if problem.spectrum is not None:
        named |= {"m_group": m, "v_group": v, "m_group_twin": m_twin, "v_group_twin": v_twin}
    return named


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """log(1/(1 + exp(-x))) without overflow."""
    return -np.logaddexp(0.0, -x)
