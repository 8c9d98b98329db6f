"""`run`: particles at finite d with the exact score of the mixture, as an ensemble over draws of the class means.

Work is cut into items (draw, batch of samples). Each item is computed alone, by one thread, from its own random
streams; BLAS is held to one thread meanwhile, so threads do not fight and the result is bit-identical for any number.
"""

import math
import os
import platform
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  the BLAS that numba calls: load it before its threads are limited
from threadpoolctl import threadpool_limits

from meanfield.ensemble import Ensemble
from meanfield.errors import ProblemError, checked
from meanfield.problem import Problem
from meanfield.progress import Progress
from simulate.integrators import make_steps, time_grid
from simulate.kernels import FastScore
from simulate.mixture import Mixture, check_memory, count_classes, draw_direct
from simulate.observables import unpack
from simulate.particles import Plan, simulate_batch
from simulate.randomness import CHUNK_BYTES
from simulate.score import ContinuumScore, ReferenceScore, Score
from simulate.span import draw_span

__all__ = ["Settings", "run", "run_on"]

METHODS = ("auto", "direct", "span", "reference")
STATE_BYTES = 2**24  # one state array of a batch: bounds the batch where d is large


@dataclass(frozen=True)
class Settings:
    """The checked numerical settings of a run."""

    d: int
    n_samples: int
    n_disorder: int
    seed: int
    method: str
    dtype: str
    block: int
    batch: int
    threads: int


def run(
    problem: Problem,
    *,
    d: int,
    n_samples: int,
    n_disorder: int,
    n_steps: int = 100,
    seed: int = 0,
    n_times: int = 33,
    method: str = "auto",
    dtype: str = "float32",
    noise_refinement: int = 1,
    block: int = 512,
    batch: int = 128,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Simulate guided samples with exact scores, `n_samples` for each of `n_disorder` draws of the class means.

    Parameters
    ----------
    problem : what is simulated.
    d : dimension, >= 2 (v has d - 1 degrees of freedom).
    n_samples, n_disorder : samples per draw, and independent draws; one draw has no error bar (stderr is nan).
    n_steps : steps of the exponential Heun integrator; at least one per piece of the schedule.
    n_times : recorded times, start and t = 0 included; at most n_steps + 1 are recorded.
    method : "span" simulates in the span of the means (needs P <= d, no spectrum), "direct" in all d directions,
        "reference" is direct with the plain NumPy score; "auto" takes "span" if P < d and there is no spectrum.
    dtype : "float32" or "float64" arithmetic of the score; the state is always float64.
    noise_refinement : draw the noise on a grid this much finer. A run with n_steps=n, noise_refinement=2 has the noise
        of one with n_steps=2n (for schedules without breakpoints; see `timestep_error`).
    block, batch, threads : classes per block, samples per batch, threads (default: all available). They set the speed;
        results agree to rounding, and bit by bit for any number of threads.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal, a function gets
        (done, total).

    Returns
    -------
    Ensemble : averages by (draw, time). `log_odds` is nan where the target has no rival (P = 1); in the continuum,
        where its weight is 0, `log_odds` and `participation` are nan. With a spectrum also `m_group`, `v_group` (and
        twins) by (draw, time, group); its `problem` then has the shares that d realises.

    Raises
    ------
    ProblemError : a setting out of range, or more classes than memory.

    Examples
    --------
    >>> from meanfield.problem import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = run(problem, d=12, n_samples=64, n_disorder=4, n_steps=20)
    >>> bool(data.final.m_paired.mean > 1.0), data.info["method"], data.info["n_classes"]
    (True, 'particles (direct)', 122)
    """
    settings = check_settings(problem, d, n_samples, n_disorder, seed, method, dtype, block, batch, threads)
    n_steps = int(checked("n_steps", n_steps, low=1, high=1e7, integer=True))
    refinement = int(checked("noise_refinement", noise_refinement, low=1, high=1e4, integer=True))
    n_times = int(checked("n_times", n_times, low=2, high=1e6, integer=True))
    count = count_classes(problem, settings.d)
    begin = problem.start(rate=problem.classes.rate(settings.d), count=count)
    times = time_grid(problem, begin.t, n_steps, refinement)
    record = np.unique(np.round(np.linspace(0, n_steps, min(n_times, n_steps + 1))).astype(int))
    return run_on(problem, settings, times, refinement, record, progress)


def run_on(
    problem: Problem, settings: Settings, times: np.ndarray, refinement: int, record: np.ndarray, progress: Any
) -> Ensemble:
    """Run on the steps times[::refinement], with noise on all of `times` and observables at the indices `record`."""
    began = time.perf_counter()
    s = settings
    count = count_classes(problem, s.d)
    counts = None
    if problem.spectrum is not None:  # what is run, and what the result says, is the spectrum that d can realise
        counts = problem.spectrum.counts(s.d)
        problem = problem.replace(spectrum=problem.spectrum.at(s.d))
    begin = problem.start(rate=problem.classes.rate(s.d), count=count)
    plan = Plan(problem, s.d, begin, make_steps(problem, times, refinement, counts), record, s.seed)
    width = max(1, min(s.batch, STATE_BYTES // (8 * int(_dimension(problem, s)))))
    batches = [range(i, min(i + width, s.n_samples)) for i in range(0, s.n_samples, width)]
    items = [(draw, samples) for draw in range(s.n_disorder) for samples in batches]
    sums = _Workers(plan, s, items, len(batches)).run(progress)  # (items, observables, times)
    draws = sums.reshape(s.n_disorder, len(batches), -1, len(record)).sum(axis=1) / s.n_samples
    label = "continuum" if math.isinf(problem.classes.rate(s.d)) else s.method
    info = {
        "method": f"particles ({label})",
        "seed": s.seed,
        "n_steps": len(plan.steps),
        "n_classes": int(count) if math.isfinite(count) else "inf",
        "dtype": s.dtype,
        "threads": s.threads,
        "seconds": time.perf_counter() - began,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "numba", "cfgfield")},
        },
    }
    return Ensemble(problem, s.d, plan.steps.t[record], unpack(draws, len(counts or ())), s.n_samples, info)


def check_settings(problem, d, n_samples, n_disorder, seed, method, dtype, block, batch, threads) -> Settings:
    """Check every setting on its own and against memory; choose the method."""
    if not isinstance(problem, Problem):
        raise ProblemError(f"problem must be a meanfield.Problem; got {problem!r}.")
    whole = {
        "d": int(checked("d", d, low=2, high=1e12, integer=True)),
        "n_samples": int(checked("n_samples", n_samples, low=1, high=1e9, integer=True)),
        "n_disorder": int(checked("n_disorder", n_disorder, low=1, high=1e6, integer=True)),
        "seed": int(checked("seed", seed, low=0, integer=True)),
        "block": int(checked("block", block, low=1, high=1e6, integer=True)),
        "batch": int(checked("batch", batch, low=1, high=1e5, integer=True)),
        "threads": int(
            checked("threads", available_threads() if threads is None else threads, low=1, high=1024, integer=True)
        ),
    }
    if method not in METHODS:
        raise ProblemError(f"method must be one of {list(METHODS)}; got {method!r}.")
    if dtype not in ("float32", "float64"):
        raise ProblemError(f'dtype must be "float32" or "float64"; got {dtype!r}.')
    count = count_classes(problem, whole["d"])
    if method == "span" and count > whole["d"]:
        raise ProblemError(
            f'method "span" needs at most d classes; got {count:g} classes at d={whole["d"]}. Use method="direct".'
        )
    if problem.spectrum is not None:
        problem.spectrum.counts(whole["d"])  # refuses groups that d cannot realise
        if method == "span":
            problem.require_isotropic('method "span"', 'Use method="direct".')
        method = "direct" if method == "auto" else method
    if method == "auto":
        method = "span" if count < whole["d"] else "direct"
    settings = Settings(method=method, dtype=dtype, **whole)
    _check_memory(problem, settings)
    return settings


def available_threads() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _dimension(problem: Problem, settings: Settings) -> float:
    return count_classes(problem, settings.d) if settings.method == "span" else settings.d


def _check_memory(problem: Problem, s: Settings) -> None:
    """Class means of all draws alive at a time, beside the work space of every thread."""
    if math.isinf(problem.classes.rate(s.d)):
        return
    dim = int(_dimension(problem, s))
    width = max(1, min(s.batch, STATE_BYTES // (8 * dim)))
    n_batches = math.ceil(s.n_samples / width)
    alive = min(s.n_disorder, math.ceil((s.threads - 1) / n_batches) + 1)
    extra = s.threads * (CHUNK_BYTES + 10 * 8 * width * dim)
    check_memory(problem, s.d, dim, s.dtype if s.method != "reference" else "float64", alive, extra)


class _Interrupted(Exception):
    """Raised inside workers when the run is being stopped."""


class _Workers:
    """Runs the items in threads; draws each mixture when it is first needed and drops it after its last batch."""

    def __init__(self, plan: Plan, settings: Settings, items: list[tuple[int, range]], n_batches: int) -> None:
        self._plan, self._settings, self._items = plan, settings, items
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._mixtures: dict[int, Mixture] = {}
        self._locks = {draw: threading.Lock() for draw, _ in items}
        self._left = {draw: n_batches for draw, _ in items}
        self._done = 0

    def run(self, show: Any) -> np.ndarray:
        total = len(self._items) * len(self._plan.steps)
        label = f"particles, d = {self._settings.d}"
        pool = ThreadPoolExecutor(self._settings.threads)
        with threadpool_limits(1, user_api="blas"), Progress(show, total, label) as progress:
            try:
                futures = [pool.submit(self._item, draw, samples) for draw, samples in self._items]
                while wait(futures, timeout=0.1, return_when=FIRST_EXCEPTION).not_done:
                    if any(f.done() and f.exception() for f in futures):
                        break
                    progress(self._done)
                sums = np.stack([f.result() for f in futures])
                progress(total)
                return sums
            finally:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _item(self, draw: int, samples: range) -> np.ndarray:
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

    def _draw(self, draw: int) -> Mixture:
        s = self._settings
        count = count_classes(self._plan.problem, s.d)
        if math.isinf(count):
            counts = self._plan.steps.counts
            return Mixture(
                draw_direct(s.d, 1, s.seed, draw, counts).target, np.zeros((0, s.d), np.float32), count, counts
            )
        if s.method == "span":
            return draw_span(s.d, int(count), s.seed, draw)
        return draw_direct(s.d, int(count), s.seed, draw, self._plan.steps.counts)

    def _score(self, mixture: Mixture, samples: int) -> Score:
        s = self._settings
        if math.isinf(mixture.n_classes):
            return ContinuumScore(mixture.target)
        if s.method == "reference":
            return ReferenceScore(mixture)
        return FastScore(mixture, samples, s.block, s.dtype, self._check)

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Interrupted

    def _tick(self) -> None:
        self._check()
        with self._lock:
            self._done += 1
