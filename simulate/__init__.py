"""Finite-d particles with the exact scores of the mixture: the computer that knows nothing of the mean-field theory."""

from simulate.cloning import clones
from simulate.convergence import TimestepError, timestep_error
from simulate.given import sample_mixture
from simulate.line import sample_line
from simulate.points import PointScore
from simulate.runner import run
from simulate.scored import sample_scores

__all__ = [
    "PointScore",
    "TimestepError",
    "clones",
    "run",
    "sample_line",
    "sample_mixture",
    "sample_scores",
    "timestep_error",
]
