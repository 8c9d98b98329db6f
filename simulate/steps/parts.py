"""The step of the ODE: the force of guidance through its parts, the odds of the target and the mean of its rivals.

Of b = -w (1 - pi_1) a, with a = sum_k pi_k delta_k/(1 - pi_1) over the rivals k alone, one factor is a step in time:
1 - pi_1 = 1/(1 + exp L) falls from 1 to 0 as a sample's class is decided, the faster the larger d. What decides it is
smooth, the log-odds L, and so is the mean a. So these are followed along polynomials through their values at the last
times, and b is made of them wherever it is needed. The ODE's y goes like D^(1/2), and L and a are functions of y/D and
1/D: the polynomials are in D^(-1/2), of degree 3.

*Integrate.* With q = exp(-e (h - s)) the step of `simulate.steps.integrators` is, without noise,
    y' = r^e y + int_{r^e}^1 b dq,     q = (D'/D)^e:   two points q_g of Gauss, each with the weight (1 - r^e)/2,
exact for b of degree 3 in D^(-1/2), as e = 1/2. At the points w is the schedule's own.
*Predict* with the parabola through the values at this time and the two before, *evaluate* at the predicted state y*,
the only score of the step, *correct* with the cubic that has them as well, *move* the posterior to the corrected state
(`simulate.steps.stepping.moved`), which gives the next step's L and a. The local error of y', of the mean along which b
goes and of the moved posterior is O(h^5): order 4. One step of a line, at the start and where w jumps, adds an error
O(h^3) of its own, small as it is: order 3 at the end.

Two limits. Where guidance is strong, e |w| h/(1 + D) above `STRONG`, the polynomials have one value less: the cubic is
stable up to 1.9 in a crowd, but where few rivals compete they answer faster than a crowd does. Where the target has
all but exp(-`DECIDED`) of the weight, as much as a score leaves out, L jumps to infinity: no polynomial goes through
that, and such a sample's force is its last one.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.statement import Problem
from simulate.scores.posterior import Posterior, library
from simulate.scores.posterior import shares as weights_of

STRONG = 0.7  # e |w| h/(1 + D)
DECIDED = 16.0  # log-odds beyond which the rivals weigh less than `simulate.scores.cutting.NEGLIGIBLE`
CROWD = -700.0  # log-odds of a target without weight: finite, for a polynomial to go through
POINTS = np.array([-1.0, 1.0]) / np.sqrt(3.0)  # of Gauss, in [-1, 1]


class Parts(NamedTuple):
    """Coefficients of a step: weights (2,) of the force at both points, -w (1 - r^e)/2; of the values of L and a there
    the shares (2, 3) of those now and at the two times before, and (2, 4) of those at the end, now and before."""

    weights: np.ndarray
    ahead: np.ndarray
    through: np.ndarray


def make_parts(
    problem: Problem, D: np.ndarray, strength: np.ndarray, restarts: np.ndarray, resolved: np.ndarray
) -> tuple[Parts, ...]:
    """Coefficients of the steps on D (n + 1,); `strength` (n,) is e |w| h/(1 + D), `restarts` (n,) where a step knows
    nothing before its beginning, `resolved` (n,) as in `simulate.steps.integrators.Steps`."""
    end = D[1:, None]
    least = np.sqrt(end / D[:-1, None])  # r^e (n, 1)
    q = 1.0 - (1.0 - least) * (1.0 - POINTS) / 2.0  # (n, points)
    w = problem.amplitude(np.maximum(end / q**2 - problem.sigma2, 0.0).ravel()).reshape(q.shape)
    weights, at, times = -w * (1.0 - least) / 2.0, (q / np.sqrt(end)).tolist(), (D**-0.5).tolist()
    parts, known = [], 0
    for n in range(len(q)):
        known = 0 if restarts[n] or not resolved[n] else min(known + 1, 2)
        used = min(known, 1) if strength[n] > STRONG else known
        nodes = times[n - used : n + 2][::-1]  # the end, now, before
        parts.append(Parts(weights[n], _shares(nodes[1:], at[n], 3), _shares(nodes, at[n], 4)))
    return tuple(parts)


def _shares(nodes: list[float], at: list[float], width: int) -> np.ndarray:
    """Lagrange's: of the values at the nodes in the polynomial through them, at some points; 0 up to `width`."""
    shares = np.zeros((len(at), width))
    for share, x in zip(shares, at, strict=True):
        share[: len(nodes)] = [math.prod((x - b) / (a - b) for b in nodes if b != a) for a in nodes]
    return shares


def split(posterior: Posterior) -> tuple[Any, Any]:
    """L (samples,) and a (samples, dim), of any array library. Where there are no odds L is infinite if no rival
    counts, and `CROWD` in a continuum."""
    xp = library(posterior.shift)
    known, rest, one = xp.isfinite(posterior.log_odds), posterior.rest, xp.ones_like(posterior.rest)
    without = xp.where(posterior.weight > 0.5, xp.inf * one, CROWD * one)
    return xp.where(known, posterior.log_odds, without), posterior.shift / xp.where(rest > 0.0, rest, one)[:, None]


def integral(parts: Parts, shares: np.ndarray, values: list[tuple[Any, Any]], decided: Any) -> Any:
    """int b dq (samples, dim) along the polynomials with these shares of the values (L, a); of those samples that are
    `decided` with the first value alone."""
    xp, total = library(decided), 0.0
    for weight, share in zip(parts.weights.tolist(), shares.tolist(), strict=True):
        terms = [(k, *value) for k, value in zip(share, values, strict=False) if k]
        with np.errstate(invalid="ignore"):  # infinities of both signs, of decided samples
            log_odds = sum(k * L for k, L, _ in terms)
            mean = sum(k * a for k, _, a in terms)
        log_odds = xp.where(decided, values[0][0], log_odds)
        mean = xp.where(decided[:, None], values[0][1], mean)
        total = total + weight * weights_of(log_odds)[1][:, None] * mean
    return total
