"""What a finite-d theory of a sampler's code draws: settings checked, batches, and the streams of their numbers.

A draw is some independent samples with a target of their own. Its batches are as large as fixed rules on memory allow.
What a sample receives depends on the seed, the number of its draw and its own, and the rules.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import checked, require, whole
from meanfield.problem.statement import Problem
from meanfield.sampler.batch import Batch
from meanfield.sampler.embedding import checked_shape
from meanfield.tools.crew import check_threads
from meanfield.tools.memory import require_memory
from meanfield.vector.annealed import Annealed
from meanfield.vector.nearest import Quenched, Rule

NORMALS, CLASSES, TARGET, SECOND = 12, 13, 14, 15  # spawn keys
NUMBERS = 2**22  # of an array of a batch, at most
ARRAYS = 16  # of a batch at a time: those of the model, and some of the code
SAMPLE_BYTES, BATCH_BYTES = 2**27, 2**31  # of the classes of a sample, of a batch, at most
BEYOND = 2.0  # times the tolerance: too few proposals, in a sample where a step has led away from all classes
LARGEST_D = {"reduced": 1e9, "quenched": 1e5}
Normals = Callable[[], Callable[[], np.ndarray]]


class Sizes(NamedTuple):
    """Numerical settings of a finite-d theory, as they come; see `meanfield.solve_sampler`.

    `weight` : largest |w| with which the code guides by itself; None if it does not say.
    """

    n_samples: int
    n_draws: int
    seed: int
    threads: int | None
    tolerance: float = 0.02
    weight: float | None = None
    first_draw: int = 0
    n_explicit: int = 500
    n_most: int = 65_536


class Draws:
    """Draws of a theory at dimension d, checked.

    Attributes
    ----------
    problem : with the spectrum that d realises. shape : of one sample, d entries.
    numbers : of the draws. n : samples in each. parts : (draw, samples of a batch), in their order.
    """

    def __init__(self, problem: Problem, d: float, theory: str, shape: Any, sizes: Sizes) -> None:
        self.d = d = whole("d", d, low=4, high=LARGEST_D[theory], remedy="simulate.run_sampler takes any d >= 2.")
        self.counts = None
        if problem.spectrum is not None:
            self.counts, problem = problem.spectrum.counts(d), problem.replace(spectrum=problem.spectrum.at(d))
        problem.require_no_ratio("solve_sampler at finite d", "Use simulate.run_sampler with classes that are held.")
        problem.require_usual_weight()
        problem.require_second(d)
        self.problem, self.shape = problem, (d,) if shape is None else checked_shape(shape)
        require(math.prod(self.shape) == d, "shape must have d entries", f"shape={self.shape}, d={d}")
        n_draws = whole("n_draws", sizes.n_draws, low=1, high=1e6)
        self.n = whole("n_samples", sizes.n_samples, low=n_draws, high=1e10, remedy="One a draw.") // n_draws
        first = whole("first_draw", sizes.first_draw, low=0, high=1e9)
        self.numbers, self.seed = range(first, first + n_draws), whole("seed", sizes.seed, low=0)
        self.threads, self.log_count = check_threads(sizes.threads), problem.classes.log_count(d)
        most = max(64, min(whole("n_most", sizes.n_most, low=64, high=1e7), SAMPLE_BYTES // (32 * d)))
        self.rule = Rule(
            checked("tolerance", sizes.tolerance, low=0, high=0.5, open_low=True),
            whole("n_explicit", sizes.n_explicit, low=0, high=1e6),
            most,
            abs(checked("weight", sizes.weight or 0.0)),
        )
        self.quenched = theory == "quenched" and self.log_count not in (0.0, math.inf)
        self._theory, self._seen_by_samples = theory, [np.zeros((0, 3))]
        width, needed = self._width()
        self._samples = [range(i, min(i + width, self.n)) for i in range(0, self.n, width)]
        self.parts = [(draw, samples) for draw in self.numbers for samples in self._samples]
        what = f"d={d} may need {needed / 2**30:.3g} GiB for {min(width, self.n)} samples at a time"
        require_memory(needed, what, 'use a lower d, a smaller n_most, or theory="reduced"')

    def _width(self) -> tuple[int, float]:
        """Samples of a batch at most, and the memory that they take."""
        width, of_classes = max(1, NUMBERS // self.d), 0.0
        if self.quenched:
            of_classes = self.rule.bytes_of_a_sample(self.d + len(self.counts or (1,)), self.log_count)
            width = max(1, min(width, int(BATCH_BYTES // of_classes)))
        return width, min(width, self.n) * (of_classes + 8.0 * ARRAYS * self.d)

    def batch(self, draw: int, samples: range, tick: Callable[[], None]) -> tuple[Batch, Normals]:
        """A space for the samples of a part, and a function whose results draw their normals, from the first on."""
        target, sharing = self._target(draw), {"threads": self.threads, "tick": tick}
        if self.problem.schedule.second:  # a class of its own for every sample
            sharing["second"] = np.stack([self._stream(SECOND, draw, i).standard_normal(self.d) for i in samples])
        shape: tuple[int, ...] = (len(samples), *self.shape)
        space: Batch
        if self.quenched:
            streams = [self._stream(CLASSES, draw, i) for i in samples]
            space = Quenched(self.problem, shape, target, self.counts, self.log_count, self.rule, streams, **sharing)
            self._seen_by_samples.append(space.about)
        else:
            space = Annealed(self.problem, shape, target, self.counts, self.log_count, **sharing)

        def normals() -> Callable[[], np.ndarray]:
            rng = self._stream(NORMALS, draw, samples.start)
            return lambda: rng.standard_normal((len(samples), self.d))

        return space, normals

    @property
    def about(self) -> dict[str, Any]:
        """What `info` says of the classes, as that of `reduced` and `quenched` does; after the batches have run."""
        exact = self.log_count in (0.0, math.inf)
        said: dict[str, Any] = {"log_classes": self.log_count if math.isfinite(self.log_count) else "inf"}
        if self._theory == "reduced":
            return said | {"standing": "exact" if exact else "approximate"}
        n_all = self.rule.n_all(self.log_count) if self.quenched else 0
        balls, classes, excess = np.concatenate(self._seen_by_samples).T
        said |= {
            "standing": "exact" if n_all >= 0 else "asymptotic",
            "tolerance": self.rule.tolerance,
            "weight": self.rule.weight,
            "balls": float(balls.mean()) if len(balls) else 0.0,
            "classes_in_ball": float(classes.sum() / balls.sum()) if balls.any() else float(max(n_all, 0)),
            "excess": math.exp(0.5 * excess.max(initial=-math.inf)),
        }
        beyond = float(np.mean(excess > 2.0 * math.log(BEYOND))) if len(excess) else 0.0
        if beyond > 0.0:
            why = f"{beyond:.2g} of the samples averaged classes that fluctuate by more than {BEYOND:g} tolerances"
            said |= {"standing": "approximate", "why": why}
        return said

    def _stream(self, *key: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.seed, spawn_key=key)))

    def _target(self, draw: int) -> np.ndarray:
        """mu_1 of a draw, whitened: of squared length d_i in every group."""
        target = self._stream(TARGET, draw).standard_normal(self.d)
        for part in np.split(target, np.cumsum(self.counts)[:-1]) if self.counts else [target]:
            part *= math.sqrt(len(part)) / np.linalg.norm(part)
        return target
