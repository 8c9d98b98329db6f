"""A sampler's own code at finite d: batches of samples with averaged classes, as `reduced` and `quenched` have them.

Threads share the samples of a batch at every call of the model; the code itself runs in one thread, batch after batch,
since it may keep something between its steps.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from threadpoolctl import threadpool_limits

from meanfield.ensemble import Ensemble
from meanfield.errors import require
from meanfield.problem.statement import Problem
from meanfield.sampler.averages import Averages, gathered, run_batch
from meanfield.sampler.code import Sampler, name_of
from meanfield.sampler.embedding import checked_shape
from meanfield.sampler.repeats import probe_repeats
from meanfield.sampler.unguided import unguided
from meanfield.tools.progress import Progress
from meanfield.tools.versions import versions
from meanfield.vector.draws import Draws, Sizes

OWN_WEIGHT = 10.0  # what the tolerance reckons with where the code guides by itself and does not say how strongly


def solve_finite(
    problem: Problem,
    sampler: Sampler,
    d: float,
    theory: str,
    shape: tuple[int, ...] | None,
    sizes: Sizes,
    xp: Any,
    progress: bool | Callable[[int, int], Any] | None,
) -> Ensemble:
    """The ensemble of a finite-d theory; see `meanfield.solve_sampler`."""
    began = time.perf_counter()
    require(math.isfinite(d), f'theory="{theory}" needs a finite d', d, 'Give d, or theory="mean-field".')
    real = None if shape is None or len(checked_shape(shape)) == 1 else shape
    guides = probe_repeats(problem, sampler, real, xp)
    weight = getattr(sampler, "weight", OWN_WEIGHT) if sizes.weight is None else sizes.weight
    draws = Draws(problem, d, theory, shape, sizes._replace(weight=weight if guides else 0.0))
    problem = draws.problem
    twin = unguided(problem, sampler, real, xp)
    averages: dict[int, list[Averages]] = {draw: [] for draw in draws.numbers}
    total, done = len(draws.parts) * len(twin.t), 0

    def tick() -> None:
        nonlocal done
        done += 1
        show(min(done, total))

    name = f"sampler ({theory})"
    with threadpool_limits(1, user_api="blas"), Progress(progress, total, f"{name}, d = {draws.d}") as show:
        for draw, samples in draws.parts:
            space, normals = draws.batch(draw, samples, tick)
            averages[draw].append(run_batch(problem, sampler, space, normals, xp))
    found = gathered(problem, list(averages.values()), twin)
    info = {
        "method": name,
        "sampler": name_of(sampler),
        "seed": draws.seed,
        **({"first_draw": draws.numbers[0]} if draws.numbers[0] else {}),
        **found.about,
        **draws.about,
        "seconds": time.perf_counter() - began,
        "versions": versions(),
    }
    return Ensemble(problem, draws.d, found.t, found.draws, draws.n, info)
