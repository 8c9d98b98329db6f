"""The twin: a sampler's code without competition between classes, every prediction being the conditional one.

There is no physics in it: the score of a single Gaussian class is linear. Carried through the code in the basis of
mu_1 and the noise draws, one vector gives m and v of the twin: at every d for code that is linear in its vectors, at
d = infinity for any.
"""

from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.statement import Problem
from meanfield.sampler.code import Sampler, run_code
from meanfield.sampler.embedding import Embedding, fitted

SAME = 1e-5  # of |x|: more than rounding in float32, in which libraries take some of their steps


class Undistorted:
    """A space (`meanfield.sampler.model.Space`) seen without guidance: M is mu_1 in every prediction.

    `watch(y, t)` is called at every call of the model.
    """

    def __init__(self, space: Any, watch: Any) -> None:
        self.shape, self.target, self.variances = space.shape, space.target, space.variances
        self.scaled, self._watch = space.scaled, watch

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        self._watch(y, t)
        return self.target[None], self.target[None]


class Basis:
    """Vectors of an embedding, before anything is known of other classes: what a `Space` has but `centres`.

    Attributes
    ----------
    variances, g : class variance and variance of the means of every group. target : mu_1 (N,).
    """

    def __init__(self, problem: Problem, embedding: Embedding) -> None:
        s = problem.spectrum
        self.embedding, self.shape = embedding, embedding.shape
        self.variances = np.atleast_1d(problem.sigma2 if s is None else np.array(s.c, float))
        self.g = np.ones(1) if s is None else s.g
        self.target = embedding.mean(np.sqrt(self.g))
        self._drawn = 0

    def draw(self) -> np.ndarray:
        """The next direction (1, N)."""
        self._drawn += 1
        return self.embedding.draw(self._drawn - 1)

    @property
    def draws(self) -> int:
        """Directions drawn so far."""
        return self._drawn

    def scaled(self, factors: Any, x: np.ndarray) -> np.ndarray:
        """See `Space`."""
        return self.embedding.scaled(np.atleast_1d(factors), x)

    def order(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """m and v of every group, whitened, and the share of |y|^2 outside of the span."""
        along, square, left = self.embedding.overlaps(y)
        m = along / np.sqrt(self.g)
        v = np.maximum(square - along**2, 0.0) / self.g
        return m, v, (left @ left.T).item() / max((y @ y.T).item(), 1e-300)


class Unguided(NamedTuple):
    """m and v by group (calls + 1, groups) at the model's calls and the end, and whether the code is linear."""

    t: np.ndarray
    m: np.ndarray
    v: np.ndarray
    linear: bool


def unguided(problem: Problem, sampler: Sampler, shape: tuple[int, ...] | None = None, xp: Any = None) -> Unguided:
    """The law of the twin of a sampler's code.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> def euler(model, noise):
    ...     x = 10.0 * noise()
    ...     for s, after in ((10.0, 1.0), (1.0, 0.0)):
    ...         x = x + (after - s) * model.eps(x, s)
    ...     return x
    >>> law = unguided(Problem(classes=Continuum(), sigma2=0.25), euler)
    >>> law.linear, law.m[-1].round(4), law.v[-1].round(4)
    (True, array([0.9796]), array([0.0418]))
    """

    def run(size: float) -> Any:
        def once(embedding: Embedding) -> Any:
            basis, seen = Basis(problem, embedding.times(size)), []
            space = Undistorted(basis, lambda y, t: seen.append(basis.order(y)))
            ran = run_code(problem, sampler, space, basis.draw, xp)
            seen.append(basis.order(ran.x))
            return np.append(ran.times, 0.0), np.array([s[0] for s in seen]), np.array([s[1] for s in seen])

        return fitted(once, problem, shape)

    (t, m, v), (_, m_half, v_quarter) = run(1.0), run(0.5)
    return Unguided(t, m, v, agree((m, v), (m_half, 4.0 * v_quarter)))


def agree(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether two runs have the same m and v, (calls + 1, groups) each, to rounding of their vectors.

    Examples
    --------
    >>> m, v = np.zeros((1, 1)), np.full((1, 1), 100.0)
    >>> agree((m, v), (m + 9e-5, v)), agree((m, v), (m + 2e-4, v)), agree((m, v), (m[:0], v[:0]))
    (True, False, False)
    """
    (m, v), (other_m, other_v) = first, second
    if m.shape != other_m.shape:
        return False
    size = np.sqrt(m**2 + v)  # |x|
    return bool(np.all(np.abs(m - other_m) <= SAME * size) and np.all(np.abs(v - other_v) <= SAME * size**2))
