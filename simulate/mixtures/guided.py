"""Guided samples of a class of a mixture: exact scores, any weight or rule, and the steps of all other particles.

In the frame of the target, y = x - (its mean) in the eigenbasis of its covariance, D_i = c_i + t, and

    s_w = (b - y)/D,      b = y + D s_w,

so that a class of one component is exact without guidance, at any number of steps. Where the target has components of
different covariances, or directions that are not held, c is below all of them: then b never pulls faster than the steps
are made for.
"""

import math
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import ScheduleError, require, short
from meanfield.problem.statement import Problem
from meanfield.tools.progress import Progress
from simulate.mixtures.components import Seen
from simulate.mixtures.mixture import Mixture
from simulate.samples.batch import Batch, require_start
from simulate.samples.driven import driven
from simulate.samples.scored import ruled
from simulate.steps.guidance_force import minimising, power
from simulate.steps.resolving import Resolution

NEAR = 1e-12  # of the least variance: a rule is not asked closer to t = 0


class Frame(NamedTuple):
    """Coordinates y = (x - centre) basis of the target, and its variances c (dim,) there; no basis: the axes."""

    centre: np.ndarray
    c: np.ndarray
    basis: np.ndarray | None

    @classmethod
    def of(cls, mixture: Mixture, target: Hashable) -> "Frame":
        """See above."""
        members = mixture.members(target)
        return cls(mixture.mean(target), *mixture.components.frame(members))

    def into(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (samples, dim) in this basis."""
        return vectors if self.basis is None else vectors @ self.basis

    def out(self, y: np.ndarray) -> np.ndarray:
        """x of coordinates y."""
        return (y if self.basis is None else y @ self.basis.T) + self.centre


class Guided:
    """Guided scores of a class: scores (samples, dim) at VE time t, with what the samples see.

    `own` is what they see of the class, `whole` of all classes. `second` is the class that is the second condition of
    rules that take one.
    """

    def __init__(self, problem: Problem, mixture: Mixture, target: Hashable, second: Hashable = None) -> None:
        takes = problem.schedule.second
        rule = f"{short(problem.guidance)} takes {'a' if takes else 'no'} second condition"
        require(takes == (second is not None), rule, f"second={short(second)}", "second= is the label of a class.")
        if problem.schedule.by_rule:
            own = "a rule whose `other` is its own must say by how much it `widens` the class, on a mixture"
            known: Any = problem.schedule
            require(
                known.known_beside, own, known, "Use sample_scores, with the score that it needs.", error=ScheduleError
            )
        self.problem, self.mixture, self.target = problem, mixture, target
        self._second = () if second is None else (mixture.members(second),)
        self._members = mixture.members(target)
        self._prior = math.log(mixture.prior(target))
        self._least = mixture.components.least(self._members)

    def look(self, x: np.ndarray, t: float) -> tuple[Seen, Seen]:
        """What samples see of the class, and of all."""
        return self.mixture.components.split(x, t, self.mixture.log_weights, self._members)

    def __call__(self, x: np.ndarray, t: float, w: float, own: Seen, whole: Seen, inside: float) -> np.ndarray:
        """The guided score; w is the factor that depends on t alone, `inside` the time that a rule sees."""
        schedule = self.problem.schedule
        if schedule.by_rule:
            return self._by_rule(x, max(t, NEAR * self._least), w, own.score, whole.score, inside)
        difference = own.score - whole.score
        return own.score + self.weight(w, t, own, whole) * difference

    def weight(self, w: float, t: float, own: Seen, whole: Seen) -> Any:
        """The weight, a number or one of every sample (samples, 1)."""
        schedule = self.problem.schedule
        if schedule.by_ratio:
            return minimising(schedule, whole.log - own.log + self._prior, t)
        if schedule.exponent:
            return w * power(own.score - whole.score, schedule.exponent, self.mixture.dim)
        return w

    def _by_rule(self, x: np.ndarray, t: float, w: float, own: np.ndarray, whole: np.ndarray, inside: float) -> Any:
        rule: Any = self.problem.schedule
        look, weights = self.mixture.components.look, self.mixture.log_weights
        if rule.widens:
            whole = look(x, t + rule.widens, weights, self._members).score
        more = (look(x, t, weights, members).score for members in self._second)
        return ruled(rule, x, t, w, inside, [own, whole, *more])


def guided_samples(
    problem: Problem,
    mixture: Mixture,
    target: Hashable,
    *,
    n_samples: int,
    n_steps: int,
    seed: int,
    draw: int = 0,
    second: Hashable = None,
    progress: bool | Callable[[int, int], Any] | None = False,
    watch: Callable[[float, np.ndarray, Seen, Seen], Any] | None = None,
) -> np.ndarray:
    """Samples (n_samples, dim) of a class at t = 0; `watch(t, x, own, whole)` sees the states on their way."""
    require_start(problem, "mixtures", problem.T if math.isfinite(problem.T) else 1000.0, takes="all")
    frame, guided = Frame.of(mixture, target), Guided(problem, mixture, target, second)
    problem = problem.replace(sigma2=float(frame.c.min()))  # the least variance sets the steps
    spread = float(np.linalg.norm(mixture.means - mixture.mean(), 2) ** 2 / len(mixture.means))
    batch = Batch(problem, n_steps, n_samples, mixture.dim, seed, draw, variances=frame.c, spread=max(spread, 1e-300))
    times = batch.steps.t.tolist()
    resolution = Resolution(lambda w, posterior, D: w, batch.steps, n_samples, n_samples)
    by_rule = problem.schedule.by_rule

    def force(y: np.ndarray, n: int, w: float, inside: float) -> np.ndarray:
        x, t = frame.out(y), times[n]
        own, whole = guided.look(x, t)
        if watch is not None:
            watch(t, x, own, whole)
        if w != 0.0 and not by_rule and n < len(batch.steps):
            rest = -np.expm1(np.minimum(own.log - whole.log, 0.0))
            resolution.note(batch.steps.strength[n] * np.abs(np.ravel(guided.weight(w, t, own, whole))) * rest)
        return y + batch.steps.variance(n) * frame.into(guided(x, t, w, own, whole, inside))

    with Progress(progress, len(batch.steps), "sampling the mixture") as show:
        start = batch.start - frame.into(frame.centre)
        return frame.out(driven(batch, start, force, times, restarts=by_rule, show=show))
