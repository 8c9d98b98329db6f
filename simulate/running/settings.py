"""The numerical settings of a run: checked one by one and against memory, before anything is drawn."""

import math
from dataclasses import dataclass

from meanfield.errors import ProblemError, whole
from meanfield.problem.statement import Problem
from meanfield.tools.crew import check_threads
from simulate.running.choice import choose, remedies
from simulate.scores.mixture import available_bytes, check_memory, count_classes
from simulate.scores.streamed import MIN_BLOCK

__all__ = ["Settings", "batch_width", "check_settings", "default_batch", "usual_batch"]

BATCHES = (256, 1024)  # samples of a batch, at least and at most: half the cost with few classes, 5 % with many
QUICK = 2**18  # coordinates of all classes up to which a step of the largest batch takes milliseconds
ITEMS = 16  # batches of a longer run, for threads to share
STATE_BYTES = 2**24  # one state array of a batch: bounds the batch where d is large
STREAMED_SAMPLES = 2**14  # samples that share streamed classes, at most


@dataclass(frozen=True)
class Settings:
    """The checked numerical settings of a run; `classes` is the way that was chosen, and `why` the reason in words."""

    classes: str
    why: str
    dtype: str
    d: int
    n_samples: int
    n_disorder: int
    seed: int
    block: int
    batch: int
    threads: int
    first_draw: int = 0


def check_settings(
    problem, d, n_samples, n_disorder, seed, classes, dtype, block, batch, threads, first_draw=0
) -> Settings:
    """Check every setting on its own and against memory; choose how the classes are held."""
    if not isinstance(problem, Problem):
        raise ProblemError(f"problem must be a meanfield.Problem; got {problem!r}.")
    checks = {
        "d": whole("d", d, low=2, high=1e12),
        "n_samples": whole("n_samples", n_samples, low=1, high=1e9),
        "n_disorder": whole("n_disorder", n_disorder, low=1, high=1e6),
        "seed": whole("seed", seed, low=0),
        "block": whole("block", block, low=1, high=1e6),
        "batch": whole("batch", 1 if batch is None else batch, low=1, high=1e5),
        "threads": check_threads(threads),
        "first_draw": whole("first_draw", first_draw, low=0, high=1e9),
    }
    if dtype not in ("float32", "float64"):
        raise ProblemError(f'dtype must be "float32" or "float64"; got {dtype!r}.')
    if problem.spectrum is not None:
        problem.spectrum.counts(checks["d"])  # refuses groups that d cannot realise
    choice = choose(problem, checks["d"], classes)
    if batch is None:
        checks["batch"] = usual_batch(problem, checks["d"], choice.classes, checks["n_samples"] * checks["n_disorder"])
    settings = Settings(classes=choice.classes, why=choice.why, dtype=dtype, **checks)
    _check_memory(problem, settings)
    return settings


def usual_batch(problem: Problem, d: int, held: str, samples: int) -> int:
    """`default_batch` of a run of `samples` samples in all whose classes are held as `held`.

    A run of some of its draws must be given this as `batch` to have the same bits.
    """
    if held == "reference":  # its work space grows with samples times classes
        return BATCHES[0]
    return default_batch(count_classes(problem, d) * d, samples)


def default_batch(size: float, samples: int) -> int:
    """Samples of a batch where the classes have `size` coordinates altogether and the run has `samples` samples.

    Large batches are the cheaper ones, but items are what threads share: where an item takes a while there are 16 of
    them. The number of threads does not enter, so results do not depend on it.

    Examples
    --------
    >>> default_batch(size=24.0 * 100, samples=4000), default_batch(size=24.0 * 1e6, samples=4000)
    (1024, 256)
    """
    least, most = BATCHES
    return most if size <= QUICK else min(max(samples // ITEMS, least), most)


def batch_width(problem: Problem, settings: Settings) -> int:
    """Samples of a batch, bounded so that its state stays small where d is large.

    Streamed classes are made anew for each batch, so they take all samples of a draw at once, as far as a block of
    classes is still done quickly enough to be interrupted.
    """
    wanted = min(settings.n_samples, STREAMED_SAMPLES) if settings.classes == "streamed" else settings.batch
    return max(1, min(wanted, STATE_BYTES // (8 * int(_dimension(problem, settings)))))


def _dimension(problem: Problem, settings: Settings) -> float:
    return count_classes(problem, settings.d) if settings.classes == "span" else settings.d


def _check_memory(problem: Problem, s: Settings) -> None:
    """Class means of all draws alive at a time, beside the work space of every thread."""
    if s.classes == "streamed":
        _check_streamed(problem, s)
    if s.classes not in ("explicit", "span", "reference"):
        return
    dim, width = int(_dimension(problem, s)), batch_width(problem, s)
    n_batches = math.ceil(s.n_samples / width)
    alive = min(s.n_disorder, math.ceil((s.threads - 1) / n_batches) + 1)
    extra = s.threads * 10 * 8 * width * dim
    dtype = "float64" if s.classes == "reference" else s.dtype
    check_memory(problem, s.d, dim, dtype, alive, extra, remedies(problem, s.d))


def _check_streamed(problem: Problem, s: Settings) -> None:
    """Where no class is held: state of a batch, sums that threads have ready, blocks of classes they are making."""
    needed = 8.0 * s.d * (batch_width(problem, s) * (10 + 3 * s.threads) + MIN_BLOCK * s.threads)
    free = available_bytes()
    if needed > 0.9 * free:
        raise ProblemError(
            f"d={s.d} needs {needed / 2**30:.3g} GiB for the state of one batch on {s.threads} threads, and "
            f"{free / 2**30:.3g} GiB of memory are available; use fewer threads or a lower d."
        )
