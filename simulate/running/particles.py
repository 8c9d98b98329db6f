"""One batch of samples from start to t = 0: guided samples and their unguided twins on the same random numbers.

Start. A finite T gives x = sqrt(v_T) z for both (v_T = T for VE noise). For T = infinity the run begins at t*
(`Problem.start`), and the law there follows from expanding the posterior mean of the drawn classes to first order in
1/D, sum_k pi_k delta_k = <delta> + C y/D with C the covariance of the P means:
    y = (m - 1) mu_1 - (w/P) sum_{k != 1} mu_k + sqrt(D) z + (sqrt(v) - sqrt(D)) C z,        twin: y = sqrt(D) z,
where m and v are the crowd's (for it C = I). Directions outside the span of the means are not touched by guidance.
With a spectrum D, m and v differ between directions, and the last term is C (sqrt(v) - sqrt(D)) z: to first order in
1/D it gives y the covariance D - w C, and for the ODE it is the solution itself.

Observables of the state (m, v, q) are taken at the state itself, those of the posterior from the one evaluation of the
step that leads there, moved to it (`simulate.steps.stepping`): recording costs no score and changes nothing.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.problem.start import Start
from meanfield.problem.statement import Problem
from simulate.running.observables import Observer
from simulate.running.plan import Plan
from simulate.scores.fast import FastScore
from simulate.scores.mixture import Classes
from simulate.scores.reference import Score
from simulate.scores.span import outside_squares
from simulate.scores.streamed import StreamedScore
from simulate.steps.guidance_force import make_pull, make_weigh, ratio_weight
from simulate.steps.inplace import advance_in_place
from simulate.steps.inplace_parts import past
from simulate.steps.integrators import Steps
from simulate.steps.resolving import Resolution
from simulate.steps.stepping import State, advance


class Batches:
    """The batches of one draw that one thread simulates: what they share is made once, their arrays are used again.

    `tick` is called after every step.
    """

    def __init__(
        self, plan: Plan, steps: Steps, mixture: Classes, score: Score, draw: int, tick: Callable[[], None]
    ) -> None:
        problem, d, mass = plan.case.problem, plan.case.d, mixture.mass
        self._plan, self._steps, self._mixture, self._score, self._tick = plan, steps, mixture, score, tick
        self._draw, schedule = draw, problem.schedule
        by_ratio = functools.partial(ratio_weight, schedule, mass) if schedule.by_ratio else None
        self._watch = Observer(mixture.target, d, mixture.counts, problem.spectrum, by_ratio)
        self._weigh = make_weigh(problem, d, mass)
        self._move: Callable[..., State] = functools.partial(advance, score=score, pull=make_pull(problem, d, mass))
        self._in_place = False
        if isinstance(score, FastScore | StreamedScore) and not schedule.by_sample:
            self._move, self._in_place = functools.partial(advance_in_place, score=score), True
        self._room = np.empty((4 if self._in_place else 2, len(plan.batches[0]), mixture.dim))

    @property
    def last(self) -> np.ndarray:
        """m(0) and v(0) of every sample of the last batch, (2, samples)."""
        return self._watch.each(*self._end)

    def __call__(self, samples: range) -> tuple[np.ndarray, float]:
        """Sums over the batch: of the observables, shape (observables, times), and of N^2, N the largest guidance of a
        step on a sample's way (`meanfield.tools.resolution`).

        Raises
        ------
        ConvergenceError : as soon as the N of this batch alone put that of the run beyond its limit.
        """
        plan, steps, score, place = self._plan, self._steps, self._score, self._plan.place
        problem, begin, mixture = plan.case.problem, plan.case.begin, self._mixture
        room = self._room[:, : len(samples)]
        reader, noisy = place.reader(plan.seed, self._draw, samples, mixture.dim), problem.eta > 0
        resolve = Resolution(self._weigh, steps, len(samples), plan.n_samples * plan.n_disorder)
        _start(problem, begin, steps.D[0], mixture, reader.start(room[0]), room[1])
        state, twin = State(place.put(room[0])), place.put(room[1])  # (samples, dim) each
        outside = outside_squares(
            problem, steps.t[list(steps.record)], begin.v if math.isfinite(problem.T) else steps.D[0],
            plan.case.d - mixture.dim, plan.seed, self._draw, samples,
        )  # fmt: skip
        if self._in_place:
            room[2:].fill(0.0)
            state = state._replace(before=past(room[2:]) if steps.parts else room[2])
        slot = {n: i for i, n in enumerate(steps.record)}
        sums = np.empty((self._watch.size, len(slot)))
        noise: Any = 0.0 if noisy or steps.parts else state.y * 0.0  # by parts no kernel reads it
        for n in range(len(steps) + 1):
            if n in slot:
                posterior = state.posterior or score(state.y, place.coefficient(steps.variance(n)), full=True)
                state = state._replace(posterior=posterior)
                seen = place.seen(posterior)
                sums[:, slot[n]] = self._watch(place.take(state.y), place.take(twin), outside[slot[n]], seen)
            if n == len(steps):
                self._end = place.take(state.y), outside[slot[n]]
                return sums, resolve.square
            step, D = place.step(steps.step(n)), place.coefficient(steps.variance(n))
            if step.w_start != 0.0 or step.w_end != 0.0:
                posterior = state.posterior or score(state.y, D)
                state = state._replace(posterior=posterior)
                resolve(step, place.seen(posterior), D)
            twin *= step.decay
            if noisy:
                noise = reader.step(step.mix)
                twin += noise
            state = self._move(state, D, noise, step, full=n + 1 in slot)
            self._tick()
        raise AssertionError("unreachable: the last time is always recorded")


def _start(problem: Problem, begin: Start, D: Any, mixture: Classes, y: np.ndarray, twin: np.ndarray) -> None:
    """The batch and its twin at total variance D, (samples, dim) each; y holds the normals z until then."""
    target = mixture.target
    if math.isfinite(problem.T):
        root_v = np.sqrt(begin.v)
        y *= root_v if mixture.counts is None else np.repeat(root_v, mixture.counts)
        y -= target
        twin[...] = y
        return
    m, root_v, root_D = begin.m, np.sqrt(begin.v), np.sqrt(D)
    if mixture.counts is not None:
        m, root_v, root_D = (np.repeat(x, mixture.counts) for x in (m, root_v, root_D))  # (dim,) each
    extra = root_v - root_D
    if math.isinf(mixture.n_classes):
        others, spread = np.zeros_like(target), extra * y
    else:  # (1/P) sum_{k != 1} mu_k, and C z; 1/P is the share of each
        share = (mixture.mass - 1.0) / mixture.mass
        others = mixture.mean_delta + share * target
        spread = mixture.covariance(extra * y) if np.any(extra) else 0.0
    centre = (m - 1.0) * target - float(problem.amplitude(begin.t)) * others
    np.multiply(root_D, y, out=twin)
    np.add(centre, twin, out=y)
    y += spread
