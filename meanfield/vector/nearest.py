"""A batch of samples in d dimensions that draw the classes near them: `quenched` for a sampler's code.

    (V12)  M_u = sum_near pi_k mu_k + pi_hidden <mu>_hidden

Every sample has a disorder of its own, and keeps it through the calls of a run: it begins with all classes averaged, as
in (V4), and where they fluctuate by more than the tolerance those in a ball around it are drawn from their exact law
(`meanfield.finite.nearest` has the rule, V (1 + w^2/(1 + D)) <= tolerance^2, `meanfield.finite.ball` the laws). w is
the weight of the call, at least `Rule.weight`: that of code which guides by itself is not seen. Up to `n_explicit`
classes are all drawn at once. The unguided twin needs none.

The laws are those of whitened y = x - mu_1, in axes of which the first of each group of directions is along mu_1; a
reflection leads there and back.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.growth import Rivals, log_less_one
from meanfield.problem.statement import Problem
from meanfield.sampler.batch import Batch, log_sigmoid

TRIES = 4  # balls that a sample draws at a call, at most: a sampler's steps are long
ROOM = 8  # classes that a sample has room for at first
CHUNK = 16  # samples that a thread takes at a time


class Rule(NamedTuple):
    """When classes are drawn; see `meanfield.quenched`. `weight` is the least |w| that the tolerance reckons with."""

    tolerance: float
    n_explicit: int
    n_most: int
    weight: float

    def n_all(self, log_count: float) -> int:
        """Wrong classes that are all drawn at the start; -1 where none is."""
        few = log_count <= math.log1p(self.n_explicit) + 1e-12
        return round(math.exp(log_count)) - 1 if few else -1

    def bytes_of_a_sample(self, d: int, log_count: float) -> float:
        """Memory that the classes of a sample take, at most: in rows of d numbers, which grow by doubling."""
        n_all = self.n_all(log_count)
        rows = n_all if n_all >= 0 else 4 * min(self.n_most, math.exp(min(log_count, 700.0)))
        return 8.0 * d * (rows + 16)


class Quenched(Batch):
    """The space of the quenched model.

    Parameters
    ----------
    log_count : log P, finite. rule : when classes are drawn.
    streams : one generator of random numbers for every sample.
    The others as in `Batch`.

    Attributes
    ----------
    about : balls, classes in them, and the largest excess over the rule, a logarithm, of every sample (samples, 3).
    """

    def __init__(
        self,
        problem: Problem,
        shape: tuple[int, ...],
        target: np.ndarray,
        counts: tuple[int, ...] | None,
        log_count: float,
        rule: Rule,
        streams: Sequence[Any],
        **sharing: Any,
    ) -> None:
        from meanfield.finite import nearest  # numba is loaded only when it is needed
        from meanfield.finite.ball import Groups
        from meanfield.finite.beginning import begun

        super().__init__(problem, shape, target, counts, chunk=CHUNK, **sharing)
        rest = log_count if self.second is None else log_less_one(log_count)  # class 2 is held by itself
        n_all, self._least, self._streams = rule.n_all(rest), rule.weight, streams
        self._rivals = Rivals(log_less_one(rest), 0.0 - problem.classes.log_prior(len(target)))
        self._compiled = nearest
        self._rule = nearest.Rule(rule.tolerance, rule.n_most, np.array([n_all]))
        self._groups, self._mirror = Groups, _mirror(target, self.sizes)
        self._held = [begun(rng, np.zeros(len(target)), self.sizes, n_all, ROOM) for rng in streams]
        self.about = np.tile([0.0, 0.0, -math.inf], (shape[0], 1))

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        rule = self.problem.schedule
        felt = rule.felt(t, w) if rule.by_rule else w  # type: ignore[attr-defined]
        others = self.target + self.look(y, t, felt)
        return others, self.guide(y, t, w, others)

    def look(self, y: np.ndarray, t: float, w: float = 0.0) -> np.ndarray:
        """M_u - mu_1, (samples, d); the batch is recorded."""
        white = y / self.root_g - self.white
        z = self._mirror(white)
        shift, posterior = np.empty_like(z), np.empty((4, len(z)))

        def part(rows: slice) -> None:
            for i in range(rows.start, rows.stop):
                self.rows.check()
                posterior[:, i] = self._one(i, z[i], t, w, shift[i])

        self.rows.map(part)
        shift = self._mirror(shift)
        if self.second is not None:
            shift, posterior = self._with_second(white, self.D(t), shift, posterior)
        self.record(y, *posterior)
        return shift * self.root_g

    def _with_second(self, z: np.ndarray, D: Any, shift: np.ndarray, posterior: Any) -> tuple[np.ndarray, Any]:
        """M_u - mu_1, whitened, and the posterior, of all classes but class 2, with class 2."""
        assert self.second is not None
        (_, log_odds, participation, nearest), delta = posterior, self.second - self.white
        logit = np.einsum("sd,sd->s", (z - 0.5 * delta) / D, delta)  # relative to class 1
        pi = np.exp(logit - np.logaddexp(np.logaddexp(0.0, -log_odds), logit))
        shift = shift + pi[:, None] * (delta - shift)
        log_odds = -np.logaddexp(-log_odds, logit)
        participation = 1.0 / ((1.0 - pi) ** 2 / participation + pi**2)
        return shift, (np.exp(log_sigmoid(log_odds)), log_odds, participation, nearest * (logit < 0.0))

    def _one(self, i: int, z: np.ndarray, t: float, w: float, shift: np.ndarray) -> tuple[float, ...]:
        """The classes around one sample: fills shift (d,); returns what is recorded (`POSTERIOR`)."""
        held, about, power = self._held[i], self.about[i], self.problem.schedule.exponent
        least = self._least if t > 0.0 else 0.0
        at = self._groups(self.sizes, (self.variances + t) / self.g)
        (log_odds, _, squares, best), _, now, excess = self._compiled.looked_at_one(
            self._streams[i], z, at, w, power, least, held, self._rule, self._rivals, TRIES, shift
        )
        if now.drawn.n_balls > held.drawn.n_balls:
            about[:2] += 1.0, len(now.near.half)
        about[2] = max(about[2], excess)
        self._held[i] = now
        return 1.0 / (1.0 + math.exp(-max(log_odds, -700.0))), log_odds, 1.0 / squares, float(best < 0.0)


def _mirror(target: np.ndarray, sizes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The reflection of rows (samples, d) that in every group exchanges the target with its length along the first
    axis."""
    first, normal = np.cumsum(sizes) - sizes, target.copy()
    for part in np.split(normal, first[1:]):
        part[0] -= np.linalg.norm(part)
        part /= max(float(np.linalg.norm(part)), 1e-300)
    return lambda x: x - 2.0 * np.repeat(np.add.reduceat(x * normal, first, axis=1), sizes, axis=1) * normal
