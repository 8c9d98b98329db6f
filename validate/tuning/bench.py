"""Schedules tried on particles of a class: the same start and noise for all, against one run without guidance.

Common random numbers make what is measured a smooth function of a schedule, so that roots can be bracketed, and errors
those of differences. What is tuned on a bench is selected by it: only fresh random numbers verify it.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import require
from meanfield.guidance.schedules import Schedule
from meanfield.problem.statement import Problem
from simulate.mixtures.guided import guided_samples
from simulate.mixtures.mixture import Mixture
from validate.data.batches import Moments, jackknife
from validate.data.measures import Estimate

BLOCKS = 10  # of samples, for errors


class Trial(NamedTuple):
    """What a schedule does to the samples of a bench, against its twins without guidance.

    Attributes
    ----------
    shift : of the mean along that of the class, over its distance from the mean of the mixture.
    ratio : trace of the covariance over that of the twins. own : the same of samples that the mixture takes for the
        class: where it is below `ratio`, samples that were lost to other classes widen the rest.
    strayed : share of the samples that the mixture takes for other classes, less that of the twins.
    log_posterior : mean log posterior of the class.
    """

    schedule: Schedule
    shift: float
    ratio: Estimate
    own: float
    strayed: float
    log_posterior: float

    def loses(self, tolerance: float) -> bool:
        """Whether more than the tolerance of the samples stray, or they make up half of it of the trace ratio."""
        return self.strayed > tolerance or self.ratio.value - self.own > 0.5 * tolerance


class Bench:
    """Tries schedules: bench(schedule) is a `Trial`, sampled once for each schedule.

    Parameters
    ----------
    problem : sampler and start; its guidance a rule whose amplitude is tried, or any other, which is not looked at.
    show : called with the number of runs so far.
    """

    def __init__(
        self, problem: Problem, mixture: Mixture, target: Hashable, *, n_samples: int, n_steps: int, seed: int,
        show: Callable[[int], Any],
    ) -> None:  # fmt: skip
        self.problem, self._mixture, self._target, self._show = problem, mixture, target, show
        self._options: dict[str, Any] = {"n_samples": n_samples, "n_steps": n_steps, "seed": seed}
        self._known: dict[Schedule, Trial] = {}
        self.mean, self.trace = mixture.mean(target), float(np.trace(mixture.covariance(target)))
        self._way = self.mean - mixture.mean()
        self._free = self._sampled(problem.replace(guidance=0.0))
        self._free_own, self._free_share = self._own(self._free)
        require(
            self._free_own > 0.0, "samples without guidance must be of the class",
            f"{self._free_share:.0%} of {self.n_samples}",
            "The start does not cover the data: centre them and divide by their width, or take a larger t_start.",
        )  # fmt: skip

    @property
    def n_samples(self) -> int:
        """Samples of each run."""
        return self._options["n_samples"]

    @property
    def n_steps(self) -> int:
        """Steps of each run."""
        return self._options["n_steps"]

    @property
    def seed(self) -> int:
        """Of all runs."""
        return self._options["seed"]

    def larger(self, factor: int) -> "Bench":
        """One with `factor` times as many samples."""
        options = {**self._options, "n_samples": factor * self.n_samples}
        return Bench(self.problem, self._mixture, self._target, **options, show=self._show)

    def __call__(self, schedule: Schedule) -> Trial:
        if schedule not in self._known:
            self._known[schedule] = self._tried(schedule)
            self._show(len(self._known))
        return self._known[schedule]

    def _tried(self, schedule: Schedule) -> Trial:
        x, free = self._sampled(self.problem.with_amplitude(schedule)), self._free
        none = np.zeros((x.shape[1], 0))
        blocks = zip(np.array_split(x, BLOCKS), np.array_split(free, BLOCKS), strict=True)
        pairs = [(Moments.of(a, none, False), Moments.of(b, none, False)) for a, b in blocks]
        shift = float((x - free).mean(axis=0) @ self._way / (self._way @ self._way))
        log = self._mixture.look(x + self.mean, 0.0, self._target).log - self._mixture.look(x + self.mean, 0.0).log
        own, share = self._own(x)
        return Trial(
            schedule, shift, jackknife(lambda a, b: a.trace / b.trace, pairs), own / self._free_own,
            self._free_share - share, float(np.minimum(log, 0.0).mean()),
        )  # fmt: skip

    def _sampled(self, problem: Problem) -> np.ndarray:
        """Samples less the mean of the class."""
        return guided_samples(problem, self._mixture, self._target, **self._options) - self.mean

    def _own(self, x: np.ndarray) -> tuple[float, float]:
        """Trace of the covariance of the samples that the mixture takes for the class, and their share."""
        own = x[self._mixture.classify(x + self.mean) == self._target]
        return float(np.sum(own.var(axis=0, ddof=1))) if len(own) > 1 else 0.0, len(own) / len(x)
