"""The numerical settings of a run: checked one by one and against memory, before anything is drawn."""

import math
import os
from dataclasses import dataclass

from meanfield.errors import ProblemError, checked
from meanfield.problem import Problem
from simulate.mixture import check_memory, count_classes
from simulate.randomness import CHUNK_BYTES

__all__ = ["Settings", "available_threads", "batch_width", "check_settings"]

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


def batch_width(problem: Problem, settings: Settings) -> int:
    """Samples of a batch, bounded so that its state stays small where d is large."""
    return max(1, min(settings.batch, STATE_BYTES // (8 * int(_dimension(problem, settings)))))


def _dimension(problem: Problem, settings: Settings) -> float:
    return count_classes(problem, settings.d) if settings.method == "span" else settings.d


def _check_memory(problem: Problem, s: Settings) -> None:
    """Class means of all draws alive at a time, beside the work space of every thread."""
    if math.isinf(problem.classes.rate(s.d)):
        return
    dim, width = int(_dimension(problem, s)), batch_width(problem, s)
    n_batches = math.ceil(s.n_samples / width)
    alive = min(s.n_disorder, math.ceil((s.threads - 1) / n_batches) + 1)
    extra = s.threads * (CHUNK_BYTES + 10 * 8 * width * dim)
    check_memory(problem, s.d, dim, s.dtype if s.method != "reference" else "float64", alive, extra)
