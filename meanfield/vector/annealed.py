"""A batch of samples in d dimensions with all wrong classes averaged over the disorder: `reduced` for a sampler's code.

    (V4)  p_u = N(mu_1, c + t)/P + (1 - 1/P) N(0, u + t)       in every direction, u = c + g,

1/P being the share of the target, another one where weights differ; so M_u = pi mu_1 + (1 - pi) y/(1 + D). The cost
does not depend on P. Exact in the continuum and for P = 1. A second condition is a class by itself, as class 1 is.
"""

import math
from typing import Any

import numpy as np

from meanfield.problem.growth import log_less_one
from meanfield.problem.statement import Problem
from meanfield.sampler.batch import Batch, log_sigmoid


class Annealed(Batch):
    """The space of the annealed model.

    Parameters
    ----------
    log_count : log P.
    The others as in `Batch`.
    """

    def __init__(
        self,
        problem: Problem,
        shape: tuple[int, ...],
        target: np.ndarray,
        counts: tuple[int, ...] | None,
        log_count: float,
        **sharing: Any,
    ) -> None:
        super().__init__(problem, shape, target, counts, **sharing)
        self._number = log_less_one(log_count)
        if self.second is not None:
            self._number = log_less_one(self._number)  # class 2 is not among those averaged
        self._log_rivals = self._number - problem.classes.log_prior(len(target))  # their weight over the target's

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        (weight, *of_second), D = (x[:, None] for x in self.look(y, t)), self.D(t)
        others, guided = np.empty_like(y), np.empty_like(y)

        def part(rows: slice) -> None:
            share = weight[rows]
            others[rows] = share * self.target + (1.0 - share) * y[rows] / (1.0 + D)
            if self.second is not None:
                others[rows] += of_second[0][rows] * (self.second[rows] * self.root_g - y[rows] / (1.0 + D))
            guided[rows] = self.guide(y[rows], t, w, others[rows], rows)

        self.rows.map(part)
        return others, guided

    def look(self, y: np.ndarray, t: float) -> list[np.ndarray]:
        """pi_1 (samples,), and pi_2 if there is a second condition; the batch is recorded."""
        found = self.rows.map(lambda rows: self._posterior(y[rows], t, rows))
        posterior = [np.concatenate(x) for x in zip(*found, strict=True)]
        self.record(y, *posterior[:4])
        return [posterior[0], *posterior[4:]]

    def _posterior(self, y: np.ndarray, t: float, rows: slice) -> tuple[np.ndarray, ...]:
        """pi_1, log-odds, participation, and whether pi_1 > 1/2, (samples,) each, as `meanfield.reduced` has them; with
        a second condition pi_2 too, the accuracy being the share of samples with pi_1 > pi_2 and pi_1 > pi_rest."""
        one, undefined = np.ones(len(y)), np.full(len(y), np.nan)
        second = (0.0 * one,) if self.second is not None else ()
        if self._log_rivals == -math.inf and not second:
            return one, undefined, one, one
        if self._log_rivals == math.inf:
            return 0.0 * one, undefined, undefined, 0.0 * one, *second
        D, x = self.D(t), y / self.root_g
        if second:
            return self._of_three(x, D, rows)
        square = (x**2 / (1.0 + D) - (x - self.white) ** 2 / D).sum(axis=1)
        log_odds = 0.5 * (square + np.sum(np.log1p(1.0 / D) * np.ones(x.shape[1]))) - self._log_rivals
        own, rest = 2.0 * log_sigmoid(log_odds), 2.0 * log_sigmoid(-log_odds) - self._number
        participation = np.exp(np.minimum(-np.logaddexp(own, rest), 700.0))
        return np.exp(0.5 * own), log_odds, participation, log_odds > 0.0

    def _of_three(self, x: np.ndarray, D: Any, rows: slice) -> Any:
        """`_posterior` of class 1, class 2 and the rest, x whitened."""
        assert self.second is not None
        own = ((x - self.white) ** 2 / D).sum(axis=1)
        logits = np.stack([  # relative to class 1
            0.0 * own,
            0.5 * (own - ((x - self.second[rows]) ** 2 / D).sum(axis=1)),
            0.5 * (own - (x**2 / (1.0 + D) + np.log1p(1.0 / D)).sum(axis=1)) + self._log_rivals,
        ])  # fmt: skip
        pi = np.exp(logits - np.logaddexp.reduce(logits))
        log_odds = -np.logaddexp(logits[1], logits[2])
        of_rest = pi[2] ** 2 * math.exp(-self._log_rivals) if self._log_rivals > -math.inf else 0.0
        first = np.all(logits[1:] < 0.0, axis=0)
        return pi[0], log_odds, 1.0 / (pi[0] ** 2 + pi[1] ** 2 + of_rest), first, pi[1]
