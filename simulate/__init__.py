"""Finite-d particles with the exact scores of the mixture: the computer that knows nothing of the mean-field theory."""

from typing import TYPE_CHECKING

from meanfield.loading import late

if TYPE_CHECKING:
    from simulate.cloning.measure import clones
    from simulate.mixtures.fitting import DataWarning
    from simulate.mixtures.given import StartWarning, sample_mixture
    from simulate.mixtures.mixture import Mixture
    from simulate.modes.counting import ModesCount, count_modes
    from simulate.modes.particles import ModesEnsemble, run_modes
    from simulate.running.runner import run
    from simulate.running.step_error import TimestepError, timestep_error
    from simulate.sampled.runner import run_sampler
    from simulate.samples.line import sample_line
    from simulate.samples.network import NetworkScore
    from simulate.samples.points import PointScore
    from simulate.samples.scored import sample_scores

__all__ = [
    # exact scores of a problem
    "run",
    "timestep_error",
    "run_modes",
    "count_modes",
    "clones",
    "sample_line",
    # exact scores through a sampler's own code
    "run_sampler",
    # classes and scores of your own
    "Mixture",
    "sample_mixture",
    "sample_scores",
    "PointScore",
    "NetworkScore",
    # results
    "TimestepError",
    "ModesEnsemble",
    "ModesCount",
    "StartWarning",
    "DataWarning",
]

late(__name__)
