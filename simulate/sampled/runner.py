"""`run_sampler`: particles with exact scores, moved by a sampler's own code."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from meanfield.ensemble import Ensemble
from meanfield.errors import require
from meanfield.problem.statement import Problem
from meanfield.sampler.batch import Averages, observables, run_batch
from meanfield.sampler.code import Sampler, name_of
from meanfield.sampler.embedding import checked_shape
from meanfield.sampler.repeats import probe_repeats
from meanfield.sampler.unguided import unguided
from meanfield.tools.progress import Progress
from meanfield.tools.versions import versions
from simulate.randomness.streams import NoiseReader
from simulate.running.classes import draw_classes
from simulate.running.plan import Settings, make_plan
from simulate.sampled.drawn import Drawn


def run_sampler(
    problem: Problem,
    sampler: Sampler,
    *,
    d: int | None = None,
    shape: tuple[int, ...] | None = None,
    n_samples: int,
    n_disorder: int,
    seed: int = 0,
    first_draw: int = 0,
    classes: str = "auto",
    dtype: str = "float32",
    batch: int | None = None,
    threads: int | None = None,
    xp: Any = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """..."""
    require((d is None) != (shape is None), "give d, or the shape of one sample", f"d={d}, shape={shape}")
    shape = checked_shape((d,) if shape is None else shape)  # type: ignore[arg-type]
    settings = Settings(math.prod(shape), n_samples, n_disorder, seed, classes, dtype, 512, batch, threads, first_draw)
    plan = make_plan(problem, settings)
    began = time.perf_counter()
    real = None if len(shape) == 1 else shape
    probe_repeats(plan.case.problem, sampler, real, xp)
    twin = unguided(plan.case.problem, sampler, real, xp)
    items, done = plan.items, 0

    def tick() -> None:
        nonlocal done
        done += 1
        show(done)

    found: dict[int, list[tuple[int, Averages]]] = {}
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(plan.threads) as pool,
        Progress(progress, len(items) * len(twin.t), f"sampler, d = {plan.case.d}") as show,
    ):
        mixture, of = None, -1
        for draw, samples in items:
            if draw != of:
                mixture, of = draw_classes(plan, draw, lambda: None, lambda: None), draw
            assert mixture is not None
            space = Drawn(plan, mixture, (len(samples), *shape), pool, tick)

            def noises(draw: int = draw, samples: range = samples) -> Callable[[], np.ndarray]:
                reader, one = NoiseReader(plan.seed, draw, samples, plan.case.d), np.ones(1)
                return lambda: reader.step(one)

            averages = run_batch(plan.case.problem, sampler, space, noises, xp)
            found.setdefault(draw, []).append((len(samples), averages))
    draws = [_merged(parts) for parts in found.values()]
    info = {
        "method": f"sampler on particles ({plan.case.classes})",
        "sampler": name_of(sampler),
        "why": plan.case.why,
        "seed": plan.seed,
        "n_calls": len(draws[0].t) - 1,
        "n_classes": int(plan.case.n_classes) if math.isfinite(plan.case.n_classes) else "inf",
        "dtype": plan.dtype,
        "unguided": {"m": twin.m.tolist(), "v": twin.v.tolist()} if twin.linear else None,
        "threads": plan.threads,
        "seconds": time.perf_counter() - began,
        "versions": versions(),
    }
    named = observables(plan.case.problem, draws)
    return Ensemble(plan.case.problem, plan.case.d, draws[0].t, named, plan.n_samples, info)


def _merged(parts: list[tuple[int, Averages]]) -> Averages:
    """Averages of a draw from those of its batches."""
    share = np.array([n for n, _ in parts]) / sum(n for n, _ in parts)
    guided, twin = (np.tensordot(share, np.array([x[i] for _, x in parts]), 1) for i in (1, 2))
    return Averages(parts[0][1].t, guided, twin)
