"""Whether a sampler's code does the same when it is run again: it draws all noise by `noise()`, and keeps no state.

Particles and theories at finite d run the code anew for every batch. The probe is a vector in the basis of mu_1 and the
noise draws with the unconditional M at 0, so that guidance acts: no physics, and milliseconds.
"""

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
