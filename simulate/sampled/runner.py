"""`run_sampler`: particles with exact scores, moved by a sampler's own code."""

import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  the BLAS that numba calls: load it before its threads are limited
from threadpoolctl import threadpool_limits

from meanfield.ensemble import Ensemble
from meanfield.errors import require, whole
from meanfield.problem.statement import Problem
from meanfield.sampler.averages import Averages, gathered, run_batch
from meanfield.sampler.code import Sampler, name_of
from meanfield.sampler.embedding import checked_shape
from meanfield.sampler.repeats import probe_repeats
from meanfield.sampler.unguided import unguided
from meanfield.tools.door import door
from meanfield.tools.progress import Progress
from meanfield.tools.versions import versions
from simulate.mixtures.coded import run_mixture
from simulate.mixtures.mixture import Mixture
from simulate.randomness.streams import NoiseReader
from simulate.running.classes import draw_classes
from simulate.running.plan import Plan, Settings, make_plan
from simulate.sampled.drawn import Drawn
from simulate.sampled.lazy import run_lazy_code
from simulate.scores.cutting import NEGLIGIBLE
from simulate.scores.mixture import Held


@door()
def run_sampler(
    problem: Problem,
    sampler: Sampler,
    *,
    d: int | None = None,
    shape: Sequence[int] | None = None,
    n_samples: int,
    n_disorder: int,
    mixture: Mixture | None = None,
    target: Hashable = 0,
    second: Hashable = None,
    first_draw: int = 0,
    seed: int = 0,
    classes: str = "auto",
    class_tolerance: float = 0.02,
    weight: float | None = None,
    dtype: str = "float32",
    batch: int | None = None,
    threads: int | None = None,
    xp: Any = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Simulate samples with exact scores through a sampler's own code, `n_samples` for each of `n_disorder` draws.

    The code runs on batches of samples, and once more on each without guidance, with the same noise: the paired twin.

    Parameters
    ----------
    problem : classes, variances, noise process and guidance; `sampler` and `t_start` of it are not looked at.
    sampler : a function of (model, noise), as for `meanfield.solve_sampler`. Its arrays are (samples, d), or (samples,
        *shape); levels and norms are those of one sample, so that no result depends on the batch.
    d, shape : dimension, >= 2, or the shape of one sample, such as (4, 32, 32); one of them.
    n_samples, n_disorder : samples per draw, and independent draws of the class means; one draw has no error bar.
    mixture, target, second : instead of drawn classes, a `Mixture` of your own, the class that is sampled, and that of
        the second condition of rules that take one; give no d. Draws
        are then independent batches; m is along the way from the mean of all to the mean of the class (1: there), v the
        mean square across it per direction, in the units of the data. The settings from `classes` to `threads` are
        not looked at.
    first_draw : number of the first draw, >= 0. Draws 0 to 3 and 4 to 7 of two runs are, bit by bit, draws 0 to 7 of
        one with the same batch (whose default follows n_samples * n_disorder).
    seed : of classes and noise, both by address: neither depends on batch or threads.
    classes : how the classes are held, as in `simulate.run`, but not in their span: the code sees all d coordinates.
        "auto" takes explicit, lazy or streamed, by the rules there.
    class_tolerance : with lazy classes, how much those that are averaged may fluctuate, relative to what acts.
    weight : with lazy classes, as in `meanfield.solve_sampler`: the largest |w| with which the code guides by itself.
    dtype : "float32" or "float64" arithmetic of the score. The code computes in what noise() gives it, float64.
    batch, threads : samples that the code is given at a time, threads that share them at every call of the model. They
        set speed and memory; results agree to rounding, and bit by bit for any number of threads. The code itself runs
        in one thread, batch after batch.
    xp : array library of the code, such as torch; by default `sampler.xp`, or numpy.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal, a function gets
        (done, total), in calls of the model.

    Returns
    -------
    Ensemble : as from `simulate.run`; `t` are the VE times of the model's calls, in their order, and 0 for what the
        code returns. `info` has `sampler`, its name, and `n_calls`. `m_paired`, `v_paired` are plain means where the
        code is not linear in its vectors (the law of its twin at finite d is not known). Code that chooses its levels
        batch by batch has its end alone, and `info["calls"]` says so.

    Raises
    ------
    ProblemError : a setting out of range, more classes than memory, code that breaks a rule (`solve_sampler`), that
        draws other noise or keeps something from run to run.
    ConvergenceError : numbers that are not finite.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> def euler(model, noise):
    ...     levels = [80.0, 20.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.0]
    ...     x = levels[0] * noise()
    ...     for s, after in zip(levels[:-1], levels[1:]):
    ...         x = x + (after - s) * model.eps(x, s)
    ...     return x
    >>> data = run_sampler(problem, euler, d=12, n_samples=100, n_disorder=4)
    >>> bool(data.final.m.mean > 1.0), data.info["sampler"], data.info["n_calls"]
    (True, 'euler', 7)
    """
    if mixture is not None:
        require(d in (None, mixture.dim), "a mixture has its own dimension", f"d={d}", "Leave d out.")
        real = None if shape is None else checked_shape(shape)
        return run_mixture(
            problem, sampler, mixture, target, n_samples=n_samples, n_disorder=n_disorder, first_draw=first_draw,
            seed=whole("seed", seed, low=0), second=second, shape=real, xp=xp, progress=progress,
        )  # fmt: skip
    require((d is None) != (shape is None), "give d, or the shape of one sample", f"d={d}, shape={shape}")
    size = whole("d", d, low=2, high=1e12) if shape is None else math.prod(checked_shape(shape))
    shape = (size,) if shape is None else checked_shape(shape)
    settings = Settings(size, n_samples, n_disorder, seed, classes, dtype, 512, batch, threads, first_draw, code=True)
    plan = make_plan(problem, settings)
    if plan.case.classes == "lazy":
        return run_lazy_code(plan, sampler, shape, class_tolerance, weight, xp, progress)
    began, problem = time.perf_counter(), plan.case.problem
    real = None if len(shape) == 1 else shape
    probe_repeats(problem, sampler, real, xp)
    twin = unguided(problem, sampler, real, xp)
    with threadpool_limits(1, user_api="blas"):
        averages = _follow(plan, sampler, shape, xp, len(twin.t), progress)
    found = gathered(problem, averages, twin)
    info = {
        "method": f"sampler on particles ({plan.case.classes})",
        "sampler": name_of(sampler),
        "why": plan.case.why,
        "seed": plan.seed,
        **({"first_draw": plan.first_draw} if plan.first_draw else {}),
        **found.about,
        "n_classes": int(plan.case.n_classes) if math.isfinite(plan.case.n_classes) else "inf",
        "dtype": plan.dtype,
        "negligible": NEGLIGIBLE[plan.dtype],
        "threads": plan.threads,
        "seconds": time.perf_counter() - began,
        "versions": versions(),
    }
    return Ensemble(problem, plan.case.d, found.t, found.draws, plan.n_samples, info)


def _follow(
    plan: Plan, sampler: Sampler, shape: tuple[int, ...], xp: Any, looks: int, show: Any
) -> list[list[Averages]]:
    """The averages of every batch of every draw; a batch is expected to be looked at `looks` times."""
    total, done = len(plan.items) * looks, 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(min(done, total))

    def one(drawn: Any, draw: int, samples: range) -> Averages:
        def noises() -> Callable[[], np.ndarray]:
            reader, once = NoiseReader(plan.seed, draw, samples, plan.case.d), np.ones(1)
            return lambda: reader.step(once)

        space = Drawn(plan, drawn, draw, (len(samples), *shape), tick)
        return run_batch(plan.case.problem, sampler, space, noises, xp)

    found = []
    with Progress(show, total, f"sampler, d = {plan.case.d}") as progress:
        for draw in range(plan.first_draw, plan.first_draw + plan.n_disorder):
            drawn = draw_classes(plan, draw, lambda: None, lambda: None)
            if isinstance(drawn, Held) and plan.dtype == "float64":  # once, not for every chunk of samples
                drawn = replace(drawn, delta=drawn.delta.astype(np.float64))
            found.append([one(drawn, draw, samples) for samples in plan.batches])
    return found
