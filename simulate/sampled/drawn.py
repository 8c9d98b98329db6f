"""A batch of samples among drawn classes, as the space of a sampler's code: exact scores, shared by threads."""

from collections.abc import Callable

import numpy as np

from meanfield.sampler.batch import Batch
from simulate.running.classes import make_score
from simulate.running.plan import Plan
from simulate.scores.mixture import Classes, draw_second
from simulate.scores.posterior import Posterior
from simulate.steps.guidance_force import make_pull


class Drawn(Batch):
    """The space (`meanfield.sampler.model.Space`) of a batch among the classes of one draw.

    Parameters
    ----------
    plan : of the run. mixture : classes of the draw, and its number.
    shape : of the code's arrays, (samples, ...).
    tick : as in `Batch`.
    """

    def __init__(
        self, plan: Plan, mixture: Classes, draw: int, shape: tuple[int, ...], tick: Callable[[], None]
    ) -> None:
        streamed = plan.case.classes == "streamed"  # with threads of its own, that share the classes of all samples
        sharing = {"chunk": shape[0]} if streamed else {"threads": plan.threads}
        second = draw_second(mixture.target, plan.seed, draw) if plan.case.problem.schedule.second else None
        super().__init__(
            plan.case.problem, shape, mixture.target, plan.case.counts, tick=tick, second=second, **sharing
        )
        self._pull = make_pull(plan.case.problem, plan.case.d, mixture.mass)
        self._scores = {
            part.start: make_score(plan, mixture, part.stop - part.start, self.rows.check) for part in self.rows.parts
        }

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        posterior = self.look(y, t)
        others = self.target + posterior.shift * self.root_g
        if self.problem.schedule.by_rule:
            return others, self.guide(y, t, w, others)
        return others, self.target + self._pull(w, posterior, self.D(t)) * self.root_g

    def look(self, y: np.ndarray, t: float) -> Posterior:
        """The posterior of the batch, which is recorded."""
        white, D = y / self.root_g - self.white, self.D(t)
        found = self.rows.map(lambda part: self._scores[part.start](white[part], D, full=True))
        fields: list = [None if x[0] is None else np.concatenate(x) for x in zip(*found, strict=True)]
        posterior = Posterior(*fields)
        self.record(y, posterior.weight, posterior.log_odds, posterior.participation, posterior.nearest)
        return posterior
