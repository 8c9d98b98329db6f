"""A plan followed: its items, (draw, batch of samples), on threads, and the averages over them.

Each item is computed alone, by one thread, from its own streams.

Streamed classes are the exception: items follow one another, and the threads share the classes of each.

BLAS is held to one thread meanwhile, so threads do not fight and the result is bit-identical for any number of them.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.tools.crew import Crew, one_blas_thread
from meanfield.tools.memory import require_memory
from meanfield.tools.progress import Progress
from meanfield.tools.resolution import require_resolved
from meanfield.tools.versions import versions
from simulate.running.classes import draw_classes, make_score
from simulate.running.observables import count, unpack
from simulate.running.particles import Batches
from simulate.running.plan import Plan
from simulate.scores.cutting import NEGLIGIBLE
from simulate.scores.mixture import Classes
from simulate.scores.streamed import n_ranges
from simulate.steps.integrators import Steps

BATCH_BYTES = 500  # of an item, its samples, its result
SMALL = 2**18  # bytes for which the system is not asked once more, as takes a tenth of a millisecond
Result = TypeVar("Result")


def follow(plan: Plan, steps: Steps, progress: Any, about: Mapping[str, Any] | None = None) -> Ensemble:
    """The averages of a run on these steps, at the times that they record. `about` is what else `info` has to say."""
    began = time.perf_counter()
    case = plan.case
    _require_room(plan, len(steps.record))
    results = Workers(plan, (steps,), lambda batches, samples: batches[0](samples)).run(progress)
    sums = np.stack([sums for sums, _ in results])  # (items, observables, times)
    number = math.sqrt(sum(square for _, square in results) / (plan.n_samples * plan.n_disorder))
    means = sums.reshape(plan.n_disorder, len(plan.batches), -1, len(steps.record)).sum(axis=1) / plan.n_samples
    info = {
        "method": f"particles ({case.classes})",
        "why": case.why,
        "seed": plan.seed,
        **({"first_draw": plan.first_draw} if plan.first_draw else {}),
        "n_steps": len(steps),
        "guidance_per_step": require_resolved(number, steps.bound, len(steps)),
        **(about or {}),
        "n_classes": int(case.n_classes) if math.isfinite(case.n_classes) else "inf",
        "dtype": plan.dtype,
        "negligible": NEGLIGIBLE[plan.dtype] if plan.place.compiled else 0.0,
        **({} if plan.place.compiled else {"arrays": plan.place.in_words}),
        "threads": plan.threads,
        "seconds": time.perf_counter() - began,
        "versions": versions(),
    }
    draws = unpack(means, len(case.counts or ()), case.problem.schedule.by_ratio)
    return Ensemble(case.problem, case.d, steps.t[list(steps.record)], draws, plan.n_samples, info)


def _require_room(plan: Plan, n_times: int) -> None:
    """Refuse averages that do not fit: of every batch, beside what follows the batch, and of them all."""
    numbers = count(len(plan.case.counts or ()), plan.case.problem.schedule.by_ratio) * n_times
    needed = float(plan.n_disorder) * plan.n_batches * (3 * 8 * numbers + BATCH_BYTES)
    if needed < SMALL:
        return
    what = (
        f"{plan.n_batches} batches of samples in each of {plan.n_disorder} draws need {needed / 2**30:.3g} GiB for "
        f"{numbers} averages of each"
    )
    require_memory(needed, what, "use lower n_samples, n_disorder or n_times")


class Workers(Generic[Result]):
    """Runs the items in threads; draws each mixture when it is first needed and drops it after its last batch.

    `work(batches, samples)` is done for every item, `batches` being those of its draw on each of the grids of steps.
    """

    def __init__(self, plan: Plan, grids: Sequence[Steps], work: Callable[[list[Batches], range], Result]) -> None:
        self._plan, self._grids, self._work, self._items = plan, grids, work, plan.items
        self._lock = threading.Lock()
        streamed = plan.case.classes == "streamed"
        self._crew = Crew(1 if streamed else plan.threads)
        self._mixtures: dict[int, Classes] = {}
        self._locks = {draw: threading.Lock() for draw, _ in self._items}
        self._left = dict.fromkeys(self._locks, plan.n_batches)
        self._own = threading.local()  # of each thread: `batches`, those of `draw`
        self._ranges = max(1, n_ranges(plan.case.n_classes)) if streamed else 1  # of classes in a step
        self._passed = 0  # of them, since the last step

    def run(self, show: Any) -> list[Result]:
        """What `work` gives, of every item."""
        total = len(self._items) * sum(map(len, self._grids)) * self._ranges
        label = f"particles, d = {self._plan.case.d}"
        with one_blas_thread(), Progress(show, total, label) as progress:
            return self._crew.run(self._item, self._items, progress)

    def _item(self, item: tuple[int, range]) -> Result:
        draw, samples = item
        own = self._own
        if getattr(own, "draw", None) != draw:
            own.draw, own.batches = draw, None  # the classes of another draw go before these are drawn
        with self._locks[draw]:
            if draw not in self._mixtures:
                self._mixtures[draw] = self._draw(draw)
            mixture = self._mixtures[draw]
        own.batches = own.batches or self._batches(draw, mixture)
        result = self._work(own.batches, samples)
        with self._lock:
            self._left[draw] -= 1
            if not self._left[draw]:
                del self._mixtures[draw]
        return result

    def _draw(self, draw: int) -> Classes:
        return draw_classes(self._plan, draw, self._crew.check, self._pass)

    def _batches(self, draw: int, mixture: Classes) -> list[Batches]:
        score = make_score(self._plan, mixture, len(self._plan.batches[0]), self._crew.check)
        return [Batches(self._plan, steps, mixture, score, draw, self._tick) for steps in self._grids]

    def _tick(self) -> None:
        """A step is done."""
        self._crew.tick(self._ranges - self._passed)
        self._passed = 0

    def _pass(self) -> None:
        """A range of streamed classes is done. A step may take them more than once."""
        if self._passed < self._ranges:
            self._passed += 1
            self._crew.tick()
