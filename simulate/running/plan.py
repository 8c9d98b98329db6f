"""The plan of a run: checked or refused here, filled once, and handed down: all that a run knows of its problem.

The steps are no part of it: a plan is followed on several grids where the error of the time step is measured.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from meanfield.errors import require, whole
from meanfield.guidance.placing import time_grid
from meanfield.problem.statement import Problem
from meanfield.tools.crew import check_threads
from meanfield.tools.memory import require_memory
from simulate.arrays.place import HOST, Place, make_place, require_dense
from simulate.running.holding import Case, choose
from simulate.scores.streamed import MIN_BLOCK
from simulate.steps.integrators import Steps, make_steps

BATCHES = (256, 1024)  # samples of a batch, at least and at most: half the cost with few classes, 5 % with many
QUICK = 2**18  # coordinates of all classes up to which a step of the largest batch takes milliseconds
ITEMS = 16  # batches of a longer run, for threads to share
STATE_BYTES = 2**24  # one state array of a batch: bounds the batch where d is large
STATES = 16  # state arrays of a batch that a sampler's own code moves: those of the score, and some of the code
STREAMED_SAMPLES = 2**14  # samples that share streamed classes, at most
DEVICE_SAMPLES = 2**14  # samples of a batch on the arrays of another library: a device wants long arrays


@dataclass(frozen=True)
class Settings:
    """What the user of `simulate.run` sets beside the problem and the steps, as it comes; None is the default.

    `code` : a sampler's own code moves the samples: in all d coordinates, batch after batch, threads sharing each.
    `xp`, `device` : where the samples live (`simulate.arrays.place`).
    """

    d: int
    n_samples: int
    n_disorder: int
    seed: int = 0
    classes: str = "auto"
    dtype: str = "float32"
    block: int = 512
    batch: int | None = None
    threads: int | None = None
    first_draw: int = 0
    code: bool = False
    xp: Any = None
    device: Any = None


@dataclass(frozen=True)
class Plan:
    """A run of `n_samples` samples in each of `n_disorder` draws, from number `first_draw` on.

    Attributes
    ----------
    case : the problem at d, its classes, how they are held, and the law at the start.
    batch : samples of a batch, as wished (`width`). block : classes of a block. place : where the samples live.
    """

    case: Case
    n_samples: int
    n_disorder: int
    first_draw: int
    seed: int
    dtype: str
    block: int
    batch: int
    threads: int
    place: Place = HOST

    @cached_property
    def width(self) -> int:
        """Samples of a batch at most, so few that its state stays small where d is large.

        Streamed classes are made anew for each batch, so they take all samples of a draw at once, as far as a block of
        classes is still done quickly enough to be interrupted.
        """
        wanted = min(self.n_samples, STREAMED_SAMPLES) if self.case.classes == "streamed" else self.batch
        return max(1, min(wanted, STATE_BYTES // (8 * self.case.dim)))

    @cached_property
    def batches(self) -> list[range]:
        """The samples of a draw."""
        return [range(i, min(i + self.width, self.n_samples)) for i in range(0, self.n_samples, self.width)]

    @property
    def n_batches(self) -> int:
        """Their number."""
        return math.ceil(self.n_samples / self.width)

    @property
    def items(self) -> list[tuple[int, range]]:
        """(draw, batch of samples): what threads share."""
        draws = range(self.first_draw, self.first_draw + self.n_disorder)
        return [(draw, samples) for draw in draws for samples in self.batches]

    def steps(self, n_steps: int, refinement: int = 1, n_times: int = 2) -> Steps:
        """Steps from the start to t = 0, with noise on a grid `refinement` times finer, recorded at `n_times` times."""
        times = self._times(n_steps, refinement)
        record = np.unique(np.round(np.linspace(0, n_steps, min(n_times, n_steps + 1))).astype(int))
        return self._on(times, refinement, record)

    def paired_steps(self, n_steps: int) -> tuple[Steps, Steps]:
        """`n_steps` and 2 `n_steps` steps on the same noise."""
        times = self._times(n_steps, 2)
        return self._on(times, 2, np.array([0, n_steps])), self._on(times, 1, np.array([0, 2 * n_steps]))

    def _times(self, n_steps: int, refinement: int) -> np.ndarray:
        case = self.case
        problem = case.problem
        flow = problem.schedule, problem.least_variance, case.begin.t
        return time_grid(*flow, n_steps, refinement, case.thinning)

    def _on(self, times: np.ndarray, refinement: int, record: np.ndarray) -> Steps:
        steps = make_steps(self.case.problem, times, refinement, self.case.counts)
        return replace(steps, record=tuple(record.tolist()))


def make_plan(problem: Problem, settings: Settings) -> Plan:
    """Check every setting on its own and against memory; choose how the classes are held.

    Raises
    ------
    ProblemError : a setting out of range, a way to hold the classes that does not fit, or more than memory.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
    >>> plan = make_plan(problem, Settings(d=16, n_samples=2000, n_disorder=2))
    >>> plan.case.classes, plan.case.n_classes, plan.batch, len(plan.items)
    ('explicit', 602.0, 1024, 4)
    """
    require(isinstance(problem, Problem), "problem must be a meanfield.Problem", repr(problem))
    s = settings
    d = whole("d", s.d, low=2, high=1e12)
    n_samples = whole("n_samples", s.n_samples, low=1, high=1e9)
    n_disorder = whole("n_disorder", s.n_disorder, low=1, high=1e6)
    seed = whole("seed", s.seed, low=0)
    block = whole("block", s.block, low=1, high=1e6)
    batch = 0 if s.batch is None else whole("batch", s.batch, low=1, high=1e5)
    threads = check_threads(s.threads)
    first_draw = whole("first_draw", s.first_draw, low=0, high=1e9)
    place = make_place(s.xp, s.device, s.dtype)
    problem.require_usual_weight()
    problem.require_second(d)
    case = choose(problem, d, s.classes, span=not s.code)
    if place.compiled:
        batch = batch or usual_batch(case, n_samples * n_disorder)
    else:
        require_dense(problem, case.classes)
        batch, threads = batch or DEVICE_SAMPLES, 1
    plan = Plan(case, n_samples, n_disorder, first_draw, seed, s.dtype, block, batch, threads, place)
    _check_memory(plan, s.code)
    return plan


def usual_batch(case: Case, samples: int) -> int:
    """`default_batch` of a run of `samples` samples in all.

    A run of some of its draws must be given this as `batch` to have the same bits.
    """
    if case.classes == "reference":  # its work space grows with samples times classes
        return BATCHES[0]
    return default_batch(case.n_classes * case.d, samples)


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


def _check_memory(plan: Plan, code: bool) -> None:
    """Class means of all draws alive at a time; where none is held the state of a batch, sums that threads have ready
    and blocks of classes they are making; beside the work space of every thread."""
    case, threads, width = plan.case, plan.threads, plan.width
    if case.classes == "streamed":
        needed = 8.0 * case.d * (width * (10 + 3 * threads) + MIN_BLOCK * threads)
        what = f"d={case.d} needs {needed / 2**30:.3g} GiB for the state of one batch on {threads} threads"
        require_memory(needed, what, "use fewer threads or a lower d")
    elif case.classes == "continuum":
        needed = 8.0 * case.dim * width * 10 * threads
        what = f"d={case.d} needs {needed / 2**30:.3g} GiB for the states of a batch on each of {threads} threads"
        require_memory(needed, what, "use fewer samples, fewer threads or a lower d")
    elif case.classes in ("explicit", "span", "reference"):
        alive, states = min(plan.n_disorder, math.ceil((threads - 1) / plan.n_batches) + 1), 10 * threads
        if code:  # threads share one batch
            alive, states = 1, STATES
        dtype = "float64" if case.classes == "reference" else plan.dtype
        _require_means(case, dtype, alive, extra=states * 8 * width * case.dim)


def _require_means(case: Case, dtype: str, copies: int, extra: int) -> None:
    """Refuse class means that do not fit: of `copies` draws at a time, beside `extra` bytes of work space."""
    width = 4 + (8 if dtype == "float64" else 0)
    log_bytes = case.log_count + math.log((case.dim * width + 16) * copies)
    several = f" for each of {copies} draws at a time" if copies > 1 else ""
    require_memory(
        math.exp(log_bytes) + extra if log_bytes < 700.0 else math.inf,
        lambda: (
            f"d={case.d} with {case.problem.classes!r} needs {case.in_words} classes "
            f"({case.size_of_means(case.dim)} of float32 means{several})"
        ),
        lambda: case.remedies,
    )
