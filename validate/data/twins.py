"""Guided samples of a class and their twins without guidance: the same start, the same noise, batch by batch."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from meanfield import Piecewise
from meanfield.guidance.stops import stops
from meanfield.problem.statement import Problem
from simulate.mixtures.coded import coded_samples
from simulate.mixtures.components import Seen
from simulate.mixtures.guided import Guided, guided_samples
from simulate.mixtures.mixture import Mixture


class Way(NamedTuple):
    """Samples (samples, dim) at t = 0; VE times (steps + 1,) on their way, and the mean posterior of the class there.

    Of a sampler's own code the times are those of its calls.
    """

    x: np.ndarray
    t: np.ndarray
    posterior: np.ndarray


class Batch(NamedTuple):
    """Guided samples and their twins."""

    guided: Way
    free: Way


@dataclass(frozen=True)
class Plan:
    """What is sampled, and how: a class, a problem, a sampler's own code (with the shape of a sample) or None, and
    the size of the batches."""

    mixture: Mixture
    target: Hashable
    problem: Problem
    code: Callable | None
    shape: tuple[int, ...] | None
    n_samples: int
    n_batches: int
    n_steps: int
    seed: int

    @property
    def first_draw(self) -> int:
        """No two classes share random numbers."""
        return self.mixture.classes.index(self.target) * self.n_batches

    def batches(self, show: Callable[[float], Any]) -> Iterator[Batch]:
        """One batch after the other; `show` is called with the share that is done."""
        free = self.problem.replace(guidance=_none(self.problem))
        for b in range(self.n_batches):
            ways: list[Way] = []
            for problem, alone in ((self.problem, False), (free, True)):
                before = 2 * b + len(ways)

                def shown(done: int, total: int, before: int = before) -> None:
                    show((before + done / total) / (2 * self.n_batches))

                ways.append(self._way(problem, b, alone, shown))
            yield Batch(*ways)

    def _way(self, problem: Problem, b: int, alone: bool, show: Callable[[int, int], Any]) -> Way:
        mean_posterior: dict[float, float] = {}

        def seen(t: float, own: Seen, whole: Seen) -> None:
            mean_posterior[t] = float(np.exp(np.minimum(own.log - whole.log, 0.0)).mean())

        size = self.n_samples // self.n_batches
        options: dict[str, Any] = {"n_samples": size, "seed": self.seed, "draw": self.first_draw + b}
        where = problem, self.mixture, self.target
        if self.code is None:
            options |= {"n_steps": self.n_steps, "progress": show}
            x = guided_samples(*where, watch=lambda t, x, own, whole: seen(t, own, whole), **options)
        else:  # it may guide by itself: its twin has both predictions equal
            options |= {"shape": self.shape, "alone": alone, "watch": lambda x, t, own, whole: seen(t, own, whole)}
            x = coded_samples(problem, self.code, *where[1:], **options).x
            seen(0.0, *Guided(*where).look(x, 0.0))
            show(1, 1)
        times = sorted(mean_posterior, reverse=True)
        return Way(x, np.array(times), np.array([mean_posterior[t] for t in times]))


def _none(problem: Problem) -> Any:
    """No guidance, in the steps of the guided samples: they go through the times at which their schedule jumps."""
    jumps = tuple(sorted(t for t in stops(problem.schedule) if t > 0.0))
    return Piecewise(jumps, (0.0,) * (len(jumps) + 1)) if jumps else 0.0
