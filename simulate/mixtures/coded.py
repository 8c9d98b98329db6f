"""A sampler's own code on a mixture of your own: the model it is given has the exact scores.

A score s is handed over as the centre M of a class of variance c that would have it (`meanfield.sampler.model`),

    denoised = x + t s = (c x + t M)/(c + t),      so that      M = x + (c + t) s,

with any c > 0; it is the least variance of the target.
"""

import math
import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import require, whole
from meanfield.problem.statement import Problem
from meanfield.sampler.averages import ADAPTIVE
from meanfield.sampler.code import Ran, Sampler, name_of, run_code
from meanfield.sampler.repeats import probe_repeats
from meanfield.tools.progress import Progress
from meanfield.tools.versions import versions
from simulate.mixtures.components import Seen
from simulate.mixtures.guided import Guided
from simulate.mixtures.mixture import Mixture
from simulate.randomness.streams import NoiseReader

NAMES = ("m", "v", "q", "weight", "log_odds")


class MixtureSpace:
    """The space (`meanfield.sampler.model.Space`) of a batch of samples of a class.

    Parameters
    ----------
    guided : scores. shape : of the code's arrays, (samples, ...).
    alone : whether every prediction is the conditional one: the unguided twin.
    watch : called with (y, t, own, whole) at every call of the model.
    """

    def __init__(
        self,
        guided: Guided,
        shape: tuple[int, ...],
        alone: bool = False,
        watch: Callable[[np.ndarray, float, Seen, Seen], Any] | None = None,
    ) -> None:
        self._guided, self.shape, self._alone, self._watch = guided, shape, alone, watch
        self.variances = np.array([guided.mixture.components.least(guided.mixture.members(guided.target))])
        self.target = np.zeros((1, guided.mixture.dim))  # M of the conditional prediction, where it was asked last

    def scaled(self, factors: Any, x: np.ndarray) -> np.ndarray:
        """See `Space`."""
        return np.atleast_1d(factors)[0] * x

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        """See `Space`."""
        own, every = self._guided.look(y, t)
        if self._watch is not None:
            self._watch(y, t, own, every)
        D = self.variances[0] + t
        self.target = y + D * own.score
        if self._alone:
            return self.target, self.target
        return y + D * every.score, y + D * self._guided(y, t, w, own, every, t)


def coded_samples(
    problem: Problem,
    sampler: Sampler,
    mixture: Mixture,
    target: Hashable,
    *,
    n_samples: int,
    seed: int,
    draw: int = 0,
    second: Hashable = None,
    shape: tuple[int, ...] | None = None,
    xp: Any = None,
    alone: bool = False,
    watch: Callable[[np.ndarray, float, Seen, Seen], Any] | None = None,
) -> Ran:
    """What a sampler's code makes of a batch: `Ran`, its samples (n_samples, dim) and the times of its calls."""
    n = whole("n_samples", n_samples, low=1)
    real = (mixture.dim,) if shape is None else tuple(shape)
    require(math.prod(real) == mixture.dim, f"the shape of a sample must hold {mixture.dim} numbers", real)
    space = MixtureSpace(Guided(problem, mixture, target, second), (n, *real), alone, watch)
    seed, draw = whole("seed", seed, low=0), whole("draw", draw, low=0)
    reader, once = NoiseReader(seed, draw, range(n), mixture.dim), np.ones(1)
    return run_code(problem, sampler, space, lambda: reader.step(once), xp)


def run_mixture(
    problem: Problem,
    sampler: Sampler,
    mixture: Mixture,
    target: Hashable,
    *,
    n_samples: int,
    n_disorder: int,
    first_draw: int,
    seed: int,
    second: Hashable,
    shape: tuple[int, ...] | None,
    xp: Any,
    progress: bool | Callable[[int, int], Any] | None,
) -> Ensemble:
    """`run_sampler` on a mixture: `n_disorder` independent batches, and their twins with the same noise."""
    n_disorder, first = whole("n_disorder", n_disorder, low=1), whole("first_draw", first_draw, low=0)
    began, draws = time.perf_counter(), range(first, first + n_disorder)
    probe_repeats(problem, sampler, shape, xp)
    axes = _Axes(mixture, target, second)
    found: list[list[tuple[np.ndarray, np.ndarray]]] = []
    with Progress(progress, 2 * n_disorder, "sampler on the mixture") as show:
        for draw in draws:
            pair = []
            for alone in (False, True):
                pair.append(_averaged(axes, problem, sampler, draw, alone, n_samples, seed, shape, xp))
                show(2 * len(found) + len(pair))
            found.append(pair)
    t = found[0][0][0]
    same = all(np.array_equal(t, times) for pair in found for times, _ in pair)
    last = slice(None) if same else slice(-1, None)
    guided, twin = (np.array([pair[i][1][last] for pair in found]) for i in range(2))
    named = {name: guided[..., i] for i, name in enumerate(NAMES)}
    named |= {f"{name}_twin": twin[..., i] for i, name in enumerate(NAMES[:2])}
    info = {
        "method": "sampler on a mixture of one's own", "sampler": name_of(sampler), "target": target, "seed": seed,
        **({"first_draw": first} if first else {}), "n_calls": len(t) - 1, "unguided": None,
        **({} if same else {"calls": ADAPTIVE}), "n_classes": len(mixture.classes),
        "seconds": time.perf_counter() - began, "versions": versions(),
    }  # fmt: skip
    return Ensemble(problem, mixture.dim, t[last], named, whole("n_samples", n_samples, low=1), info)


class _Axes:
    """Order parameters: along the way from the mean of all to the mean of the class, and across."""

    def __init__(self, mixture: Mixture, target: Hashable, second: Hashable) -> None:
        self.second = second
        self.mixture, self.target, self.origin = mixture, target, mixture.mean()
        self.way = mixture.mean(target) - self.origin
        self.square = float(self.way @ self.way)
        require(
            self.square > 0.0, "a class must have a mean of its own", f"that of all, for {target!r}",
            "Use sample_mixture, which returns the samples.",
        )  # fmt: skip

    def __call__(self, y: np.ndarray, own: Seen, every: Seen) -> list[float]:
        """Means of `NAMES` over the batch."""
        x, d = y - self.origin, self.mixture.dim
        m, square = x @ self.way / self.square, np.einsum("sd,sd->s", x, x)
        v = (square - m**2 * self.square) / max(d - 1, 1)
        log_weight = own.log - every.log
        rest = np.log(np.maximum(-np.expm1(np.minimum(log_weight, 0.0)), 1e-300))
        return [float(x.mean()) for x in (m, v, square / d, np.exp(log_weight), log_weight - rest)]


def _averaged(
    axes: _Axes, problem: Problem, sampler: Sampler, draw: int, alone: bool, n: int, seed: int, shape: Any, xp: Any
) -> tuple[np.ndarray, np.ndarray]:
    """VE times of the calls, with 0 at the end (calls + 1,), and averages there (calls + 1, `NAMES`)."""
    seen: list[list[float]] = []
    ran = coded_samples(
        problem, sampler, axes.mixture, axes.target, n_samples=n, seed=seed, draw=draw, shape=shape, xp=xp, alone=alone,
        second=axes.second,
        watch=lambda y, t, own, every: seen.append(axes(y, own, every)),
    )  # fmt: skip
    end = Guided(problem, axes.mixture, axes.target, axes.second).look(ran.x, 0.0)
    return np.append(ran.times, 0.0), np.array([*seen, axes(ran.x, *end)])
