"""The classes of one draw as a plan holds them, and their score for one thread."""

import math
from collections.abc import Callable

import numpy as np

from simulate.arrays.score import ArrayScore
from simulate.running.plan import Plan
from simulate.scores.fast import FastScore
from simulate.scores.mixture import Classes, Held, draw_direct, draw_target
from simulate.scores.reference import ContinuumScore, ReferenceScore, Score
from simulate.scores.span import draw_span
from simulate.scores.streamed import StreamedMixture, StreamedScore, draw_streamed


def draw_classes(plan: Plan, draw: int, check: Callable[[], None], passed: Callable[[], None]) -> Classes:
    """The classes of a draw. `check` raises to interrupt; `passed` is called after every range of streamed classes."""
    d, P, counts, log_weight = plan.case.d, plan.case.n_classes, plan.case.counts, plan.case.log_weight
    if math.isinf(P):
        return Held(draw_target(d, plan.seed, draw, counts), np.zeros((0, d), np.float32), P, counts)
    if plan.case.classes == "span":
        return draw_span(d, int(P), plan.seed, draw, log_weight)
    if plan.case.classes == "streamed":
        how = {"log_weight": log_weight, "threads": plan.threads, "check": check, "passed": passed}
        return draw_streamed(d, int(P), plan.seed, draw, counts, **how)
    return draw_direct(d, int(P), plan.seed, draw, counts, log_weight)


def make_score(plan: Plan, mixture: Classes, samples: int, check: Callable[[], None]) -> Score:
    """The score of batches of at most `samples` samples, for one thread."""
    schedule = plan.case.problem.schedule
    # guidance that grows where both scores agree sees the smallest weights
    negligible = 0.0 if schedule.exponent < 0 else None
    if isinstance(mixture, StreamedMixture):
        return StreamedScore(mixture, plan.block, plan.dtype, negligible)
    assert isinstance(mixture, Held)
    if not plan.place.compiled:
        return ArrayScore(mixture, plan.place, plan.block, plan.dtype)
    if math.isinf(mixture.n_classes):
        return ContinuumScore(mixture.target, schedule.by_ratio)
    if plan.case.classes == "reference":
        return ReferenceScore(mixture)
    return FastScore(mixture, samples, plan.block, plan.dtype, check, negligible)
