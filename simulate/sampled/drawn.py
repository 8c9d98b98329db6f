"""A batch of samples among drawn classes, as the space of a sampler's code: exact scores, shared by threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from meanfield.sampler.batch import Batch
from simulate.running.classes import make_score
from simulate.running.plan import Plan
from simulate.scores.mixture import Classes
from simulate.scores.posterior import Posterior
from simulate.steps.guidance_force import make_pull

ROWS = 256  # samples that a thread takes at a time, whatever the number of threads


class Drawn(Batch):
    """The space (`meanfield.sampler.model.Space`) of a batch among the classes of one draw.

    Parameters
    ----------
    plan : of the run. mixture : classes of the draw.
    shape : of the code's arrays, (samples, ...).
    pool : of threads. tick : called at every call of the model.
    """

    def __init__(
        self,
        plan: Plan,
        mixture: Classes,
        shape: tuple[int, ...],
        pool: ThreadPoolExecutor,
        tick: Callable[[], None],
    ) -> None:
        super().__init__(plan.case.problem, shape, mixture.target, plan.case.counts)
        self._pull, self._pool, self._tick = make_pull(plan.case.problem, plan.case.d, mixture.n_classes), pool, tick
        self._parts = [slice(i, min(i + ROWS, shape[0])) for i in range(0, shape[0], ROWS)]
        if plan.case.classes == "streamed":  # it has threads of its own
            self._parts = [slice(0, shape[0])]
        self._scores = [make_score(plan, mixture, part.stop - part.start, lambda: None) for part in self._parts]

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        posterior = self.look(y, t)
        others = self.target + posterior.shift * self.root_g
        return others, self.target + self._pull(w, posterior, self.D(t)) * self.root_g

    def look(self, y: np.ndarray, t: float) -> Posterior:
        """The posterior of the batch, which is recorded."""
        white, D = y / self.root_g - self.white, self.D(t)

        def part(i: int) -> Posterior:
            return self._scores[i](white[self._parts[i]], D, full=True)

        found = list(self._pool.map(part, range(len(self._parts))))
        fields: list = [None if x[0] is None else np.concatenate(x) for x in zip(*found, strict=True)]
        posterior = Posterior(*fields)
        self.record(y, posterior.weight, posterior.log_odds, posterior.participation, posterior.nearest)
        self._tick()
        return posterior
