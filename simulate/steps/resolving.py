"""Whether the steps of a batch resolve its guidance: N of `meanfield.tools.resolution`, of every sample and step."""

import math
from typing import Any

import numpy as np

from meanfield.tools.resolution import LARGEST, require_resolved
from simulate.scores.posterior import Posterior
from simulate.steps.guidance_force import Weigh
from simulate.steps.integrators import Step, Steps


class Resolution:
    """Of every sample of a batch the largest guidance of a step so far.

    `samples` in the batch, `all_samples` in the run. `square` is the sum of N^2.

    Raises
    ------
    ConvergenceError : as soon as the N of this batch alone put that of the run beyond its limit.
    """

    def __init__(self, weigh: Weigh, steps: Steps, samples: int, all_samples: int) -> None:
        self._weigh, self._steps, self._all = weigh, steps, all_samples
        self._largest, self.square = np.zeros(samples), 0.0

    def __call__(self, step: Step, posterior: Posterior, D: Any) -> None:
        w = self._weigh(max(abs(step.w_start), abs(step.w_end)), posterior, D)
        self.note(step.strength * abs(np.ravel(w) if np.ndim(w) else w) * posterior.rest)

    def note(self, strength: np.ndarray) -> None:
        """Take account of N of every sample, (samples,), in one step."""
        np.maximum(self._largest, strength, out=self._largest)
        self.square = float(self._largest @ self._largest)
        if not self.square <= LARGEST**2 * self._all:
            number = math.sqrt(self.square / len(self._largest))
            require_resolved(number, self._steps.bound, len(self._steps))
