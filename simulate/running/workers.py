"""The items of a run, (draw, batch of samples), on threads: each computed alone, by one thread, from its own streams.

Streamed classes are the exception: items follow one another, and the threads share the classes of each.

BLAS is held to one thread meanwhile, so threads do not fight and the result is bit-identical for any number of them.
"""

import math
import threading
from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  the BLAS that numba calls: load it before its threads are limited
from threadpoolctl import threadpool_limits

from meanfield.tools.crew import Crew
from meanfield.tools.progress import Progress
from simulate.running.particles import Plan, simulate_batch
from simulate.running.settings import Settings
from simulate.scores.kernels import FastScore
from simulate.scores.mixture import Classes, Mixture, count_classes, draw_direct, draw_target
from simulate.scores.score import ContinuumScore, ReferenceScore, Score
from simulate.scores.span import draw_span
from simulate.scores.streamed import StreamedMixture, StreamedScore, draw_streamed, n_ranges

__all__ = ["Workers"]


class Workers:
    """Runs the items in threads; draws each mixture when it is first needed and drops it after its last batch."""

    def __init__(self, plan: Plan, settings: Settings, items: list[tuple[int, range]], n_batches: int) -> None:
        self._plan, self._settings, self._items = plan, settings, items
        self._lock = threading.Lock()
        self._crew = Crew(1 if settings.classes == "streamed" else settings.threads)
        self._mixtures: dict[int, Classes] = {}
        self._locks = {draw: threading.Lock() for draw, _ in items}
        self._left = {draw: n_batches for draw, _ in items}
        self._ranges = 1  # of streamed classes in a step
        self._passed = 0  # of them, since the last step
        if settings.classes == "streamed":
            self._ranges = max(1, n_ranges(count_classes(plan.problem, settings.d)))

    def run(self, show: Any) -> np.ndarray:
        total = len(self._items) * len(self._plan.steps) * self._ranges
        label = f"particles, d = {self._settings.d}"
        with threadpool_limits(1, user_api="blas"), Progress(show, total, label) as progress:
            return np.stack(self._crew.run(self._item, self._items, progress))

    def _item(self, item: tuple[int, range]) -> np.ndarray:
        draw, samples = item
        with self._locks[draw]:
            if draw not in self._mixtures:
                self._mixtures[draw] = self._draw(draw)
            mixture = self._mixtures[draw]
        sums = simulate_batch(self._plan, mixture, self._score(mixture, len(samples)), draw, samples, self._tick)
        with self._lock:
            self._left[draw] -= 1
            if not self._left[draw]:
                del self._mixtures[draw]
        return sums

    def _draw(self, draw: int) -> Classes:
        s = self._settings
        count, counts = count_classes(self._plan.problem, s.d), self._plan.steps.counts
        if math.isinf(count):
            return Mixture(draw_target(s.d, s.seed, draw, counts), np.zeros((0, s.d), np.float32), count, counts)
        if s.classes == "span":
            return draw_span(s.d, int(count), s.seed, draw)
        if s.classes == "streamed":
            how = {"threads": s.threads, "check": self._crew.check, "passed": self._pass}
            return draw_streamed(s.d, int(count), s.seed, draw, counts, **how)
        return draw_direct(s.d, int(count), s.seed, draw, counts)

    def _score(self, mixture: Classes, samples: int) -> Score:
        s = self._settings
        # guidance that grows where both scores agree sees the smallest weights
        negligible = 0.0 if self._plan.problem.schedule.exponent < 0 else None
        if isinstance(mixture, StreamedMixture):
            return StreamedScore(mixture, s.block, s.dtype, negligible)
        assert isinstance(mixture, Mixture)
        if math.isinf(mixture.n_classes):
            return ContinuumScore(mixture.target, self._plan.problem.schedule.by_ratio)
        if s.classes == "reference":
            return ReferenceScore(mixture)
        return FastScore(mixture, samples, s.block, s.dtype, self._crew.check, negligible)

    def _tick(self) -> None:
        """A step is done."""
        self._crew.tick(self._ranges - self._passed)
        self._passed = 0

    def _pass(self) -> None:
        """A range of streamed classes is done. A step may take them more than once."""
        if self._passed < self._ranges:
            self._passed += 1
            self._crew.tick()
