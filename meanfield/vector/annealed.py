"""A batch of samples in d dimensions with all wrong classes averaged over the disorder: `reduced` for a sampler's code.

    (V4)  p_u = N(mu_1, c + t)/P + (1 - 1/P) N(0, u + t)       in every direction, u = c + g,

so M_u = pi mu_1 + (1 - pi) y/(1 + D). The cost does not depend on P. Exact in the continuum and for P = 1.
"""

import math
from typing import Any

import numpy as np

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
        self._log_rivals = log_rivals(log_count)

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        weight, D = self.look(y, t)[:, None], self.D(t)
        others, guided = np.empty_like(y), np.empty_like(y)

        def part(rows: slice) -> None:
            share = weight[rows]
            others[rows] = share * self.target + (1.0 - share) * y[rows] / (1.0 + D)
            guided[rows] = self.guide(y[rows], t, w, others[rows])

        self.rows.map(part)
        return others, guided

    def look(self, y: np.ndarray, t: float) -> np.ndarray:
        """pi_1 (samples,); the batch is recorded."""
        found = self.rows.map(lambda rows: self._posterior(y[rows], t))
        posterior = [np.concatenate(x) for x in zip(*found, strict=True)]
        self.record(y, *posterior)
        return posterior[0]

    def _posterior(self, y: np.ndarray, t: float) -> tuple[np.ndarray, ...]:
        """pi_1, log-odds, participation, and whether pi_1 > 1/2, (samples,) each, as `meanfield.reduced` has them."""
        one, undefined = np.ones(len(y)), np.full(len(y), np.nan)
        if self._log_rivals == -math.inf:
            return one, undefined, one, one
        if self._log_rivals == math.inf:
            return 0.0 * one, undefined, undefined, 0.0 * one
        D, x = self.D(t), y / self.root_g
        square = (x**2 / (1.0 + D) - (x - self.white) ** 2 / D).sum(axis=1)
        log_odds = 0.5 * (square + np.sum(np.log1p(1.0 / D) * np.ones(x.shape[1]))) - self._log_rivals
        own, rest = 2.0 * log_sigmoid(log_odds), 2.0 * log_sigmoid(-log_odds) - self._log_rivals
        participation = np.exp(np.minimum(-np.logaddexp(own, rest), 700.0))
        return np.exp(0.5 * own), log_odds, participation, log_odds > 0.0


def log_rivals(log_count: float) -> float:
    """log(P - 1) from log P.

    Examples
    --------
    >>> round(math.exp(log_rivals(math.log(3.0)))), log_rivals(0.0), log_rivals(1e6)
    (2, -inf, 1000000.0)
    """
    if log_count <= 0.0:
        return -math.inf
    return log_count + math.log1p(-math.exp(-log_count))
