"""Whether a sampler's code does the same when it is run again: it draws all noise by `noise()`, and keeps no state.

Particles and theories at finite d run the code anew for every batch. The probe is a vector in the basis of mu_1 and the
noise draws with the unconditional M at 0, so that guidance acts: no physics, and milliseconds.
"""

import hashlib
from typing import Any

import numpy as np

from meanfield.errors import ProblemError
from meanfield.problem.statement import Problem
from meanfield.sampler.code import Sampler, run_code
from meanfield.sampler.embedding import Embedding, fitted
from meanfield.sampler.unguided import Basis


class Probe(Basis):
    """A space (`meanfield.sampler.model.Space`) with M_u = 0."""

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        return 0.0 * self.target[None], (1.0 + w) * self.target[None]


def fingerprint(problem: Problem, sampler: Sampler) -> tuple[str, int]:
    """What a sampler's code does to a probe, as a word, and how often it calls its model: other words, other code.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> from meanfield.sampler.native import euler, heun
    >>> problem = Problem(classes=Continuum(), sigma2=0.25)
    >>> words = [fingerprint(problem, make([10.0, 1.0, 0.0]))[0] for make in (euler, euler, heun)]
    >>> words[0] == words[1], words[0] == words[2]
    (True, False)
    """

    def run(embedding: Embedding) -> tuple[str, int]:
        space = Probe(problem, embedding)
        ran = run_code(problem, sampler, space, space.draw)
        numbers = [*ran.times, *ran.x.ravel()]
        word = hashlib.sha256(" ".join(f"{x:.6e}" for x in numbers).encode()).hexdigest()[:16]
        return word, len(ran.times)

    return fitted(run, problem, None)


def probe_repeats(problem: Problem, sampler: Sampler, shape: tuple[int, ...] | None = None, xp: Any = None) -> bool:
    """Run the code twice on a probe; ProblemError if the two runs differ. Returns whether it guides by itself."""

    def run(embedding: Embedding) -> tuple[list[np.ndarray], bool]:
        space = Probe(problem, embedding)
        ran = run_code(problem, sampler, space, space.draw, xp)
        return [ran.times, ran.x, np.array(space.draws)], ran.guides

    (first, guides), (again, _) = fitted(run, problem, shape), fitted(run, problem, shape)
    require_same(first, again)
    return guides


def require_same(first: list[np.ndarray], again: list[np.ndarray]) -> None:
    """ProblemError unless two runs of a sampler's code left the same arrays, to the last bit."""
    if not all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        raise ProblemError(
            "a sampler must do the same when it is run again: it does not. Draw all noise by noise(), and reset what "
            "the code keeps between runs (a scheduler object: set_timesteps at the beginning)."
        )
