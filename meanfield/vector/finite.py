"""A sampler's own code at finite d: batches of samples with averaged classes, as `reduced` and `quenched` have them."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import require, whole
from meanfield.problem.statement import Problem
from meanfield.sampler.batch import observables, run_batch
from meanfield.sampler.code import Sampler, name_of
from meanfield.sampler.embedding import checked_shape
from meanfield.sampler.repeats import probe_repeats
from meanfield.sampler.unguided import unguided
from meanfield.tools.progress import Progress
from meanfield.tools.versions import versions
from meanfield.vector.annealed import Annealed

ROLE = 12  # spawn key of the random streams
SIZE = 2**22  # numbers of a batch at most


def solve_finite(
    problem: Problem,
    sampler: Sampler,
    d: float,
    theory: str,
    shape: tuple[int, ...] | None,
    n_samples: int,
    n_draws: int,
    seed: int,
    threads: int | None,
    xp: Any,
    progress: bool | Callable[[int, int], Any] | None,
) -> Ensemble:
    """The ensemble of a finite-d theory; see `meanfield.solve_sampler`."""
    began = time.perf_counter()
    d = whole("d", d, low=4, high=1e9, remedy="simulate.run_sampler takes any d >= 2.")
    if problem.spectrum is not None:
        problem = problem.replace(spectrum=problem.spectrum.at(d))
    shape = (d,) if shape is None else checked_shape(shape)
    require(math.prod(shape) == d, "shape must have d entries", f"shape={shape}, d={d}")
    n_draws = whole("n_draws", n_draws, low=1, high=1e6)
    n_samples = whole("n_samples", n_samples, low=n_draws, high=1e10)
    seed = whole("seed", seed, low=0)
    counts = None if problem.spectrum is None else problem.spectrum.counts(d)
    real = None if len(shape) == 1 else shape
    probe_repeats(problem, sampler, real, xp)
    twin = unguided(problem, sampler, real, xp)
    log_count = problem.classes.log_count(d)
    batch = n_samples // n_draws
    draws = []
    with Progress(progress, n_draws, f"sampler ({theory}), d = {d}") as show:
        for draw in range(n_draws):
            root = np.random.SeedSequence(seed, spawn_key=(ROLE, draw))
            target = _target(root, d, counts)
            space = Annealed(problem, (batch, *shape), target, counts, log_count)
            draws.append(run_batch(problem, sampler, space, lambda root=root: _normals(root, batch, d), xp))
            show(draw + 1)
    info = {
        "method": f"sampler ({theory})",
        "sampler": name_of(sampler),
        "seed": seed,
        "n_calls": len(draws[0].t) - 1,
        "standing": "exact" if log_count in (0.0, math.inf) else "approximate",
        "unguided": {"m": twin.m.tolist(), "v": twin.v.tolist()} if twin.linear else None,
        "seconds": time.perf_counter() - began,
        "versions": versions(),
    }
    return Ensemble(problem, d, draws[0].t, observables(problem, draws), batch, info)


def _target(root: np.random.SeedSequence, d: int, counts: tuple[int, ...] | None) -> np.ndarray:
    target = np.random.Generator(np.random.Philox(root.spawn(1)[0])).standard_normal(d)
    for part in np.split(target, np.cumsum(counts)[:-1]) if counts else [target]:
        part *= math.sqrt(len(part)) / np.linalg.norm(part)
    return target


def _normals(root: np.random.SeedSequence, batch: int, d: int) -> Callable[[], np.ndarray]:
    rng = np.random.Generator(np.random.Philox(root))
    return lambda: rng.standard_normal((batch, d))
